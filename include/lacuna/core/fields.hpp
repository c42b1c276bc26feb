// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_FIELDS_HPP
#define LACUNA_CORE_FIELDS_HPP

#include <cstdint>
#include <string_view>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

namespace detail {
/// Stands for a visitor of any field.
struct AnyFieldVisitor {
  template <class Field>
  void operator()(std::string_view, Field&) const {}
};
}  // namespace detail

/// A value whose state has names, so that a file can hold it and give back the same bits.
///
/// `T::fields(self, visit)` calls `visit(name, field)` for each part of the state, in a fixed order, for
/// a `self` that is const or not. A field is a `double`, a `std::int64_t`, a `std::vector<std::int64_t>`,
/// a `Vector` or `Matrix` of either element type, or another value with fields, whose names then follow
/// after a dot. What is constant in a training (options, shapes) is not state.
///
/// @code
/// struct Momentum {
///   Vector<float> velocity;
///   std::int64_t steps = 0;
///   template <class Self, class Visit>
///   static void fields(Self& self, Visit&& visit) {
///     visit("velocity", self.velocity);
///     visit("steps", self.steps);
///   }
/// };
/// @endcode
template <class T>
concept HasFields = requires(T& t, const T& ct) {
  T::fields(t, detail::AnyFieldVisitor());
  T::fields(ct, detail::AnyFieldVisitor());
};

}  // namespace lacuna

#endif  // LACUNA_CORE_FIELDS_HPP
