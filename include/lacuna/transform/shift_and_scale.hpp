// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_SHIFT_AND_SCALE_HPP
#define LACUNA_TRANSFORM_SHIFT_AND_SCALE_HPP

#include <concepts>

#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

namespace lacuna::detail {

/// A transform as apply(x) = (x - shift) / scale; an empty shift is 0.
struct ShiftAndScale {
  Vector<double> shift;
  double scale = 1;
};

[[nodiscard]] inline ShiftAndScale shift_and_scale(const Identity&) { return {}; }
template <Real S>
[[nodiscard]] ShiftAndScale shift_and_scale(const Centre<S>& t) {
  return {t.mean().template cast<double>(), 1};
}
template <Real S>
[[nodiscard]] ShiftAndScale shift_and_scale(const LearnedBias<S>& t) {
  return {t.bias().template cast<double>(), 1};
}
template <Real S>
[[nodiscard]] ShiftAndScale shift_and_scale(const Scale<S>& t) {
  return {{}, static_cast<double>(t.scale())};
}

/// Transforms that can be written so; others say it in a friend function of this name.
template <class T>
concept HasShiftAndScale = requires(const T& t) {
  { shift_and_scale(t) } -> std::same_as<ShiftAndScale>;
};

}  // namespace lacuna::detail

#endif  // LACUNA_TRANSFORM_SHIFT_AND_SCALE_HPP
