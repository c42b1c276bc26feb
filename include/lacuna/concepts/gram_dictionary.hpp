// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_GRAM_DICTIONARY_HPP
#define LACUNA_CONCEPTS_GRAM_DICTIONARY_HPP

#include <concepts>

#include <lacuna/concepts/dictionary.hpp>

namespace lacuna {

namespace detail {
template <class D>
concept HasGram = requires(const D& d) {
  { d.has_gram() } -> std::same_as<bool>;
  { d.gram() } -> std::same_as<const Matrix<typename D::Scalar>&>;
};

template <class D>
concept HasSquaredSpectralNorm = requires(const D& d) {
  { d.squared_spectral_norm() } -> std::convertible_to<double>;
};
}  // namespace detail

/// A dictionary that carries what solvers derive from it, so that it is derived once.
///
/// | expression                  | type            | meaning                                      |
/// |-----------------------------|-----------------|----------------------------------------------|
/// | `d.has_gram()`              | `bool`          | whether D^T D was small enough to be kept    |
/// | `d.gram()`                  | `const Matrix&` | D^T D; std::logic_error where it is not kept |
/// | `d.squared_spectral_norm()` | `double`        | at least ||D||_2^2, within 2 % of it         |
///
/// Laws: gram() == correlate(decode(I)); ||D s||^2 <= squared_spectral_norm() ||s||^2.
template <class D>
concept GramDictionary =
    Dictionary<D> && detail::HasGram<D> && detail::HasSquaredSpectralNorm<D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_GRAM_DICTIONARY_HPP
