// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_EXPLICIT_DICTIONARY_HPP
#define LACUNA_CONCEPTS_EXPLICIT_DICTIONARY_HPP

#include <concepts>

#include <lacuna/concepts/dictionary.hpp>

namespace lacuna {

namespace detail {
template <class D>
concept HasAtoms = requires(const D& d) {
  { d.atoms() } -> std::same_as<const Matrix<typename D::Scalar>&>;
};
}  // namespace detail

/// A dictionary that has its matrix: `d.atoms()` is dim x num_atoms, by reference.
///
/// Law: decode(s) == atoms() * s.
template <class D>
concept ExplicitDictionary = Dictionary<D> && detail::HasAtoms<D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_EXPLICIT_DICTIONARY_HPP
