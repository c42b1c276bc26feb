// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_ENCODER_HPP
#define LACUNA_CONCEPTS_ENCODER_HPP

#include <concepts>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/dictionary.hpp>

namespace lacuna {

/// The two forms of codes of n signals: dense num_atoms x n, or the active entries alone.
template <class C, class S>
concept CodesOf = std::same_as<C, Matrix<S>> || std::same_as<C, SparseCodes<S>>;

/// Whether codes are of the sparse form.
template <class C>
inline constexpr bool is_sparse_codes = false;
template <class S>
inline constexpr bool is_sparse_codes<SparseCodes<S>> = true;

namespace detail {
template <class E, class D>
concept CanEncode =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals) {
      { e.encode(d, signals) } -> CodesOf<typename D::Scalar>;
    };
}  // namespace detail

/// An encoder that fits a dictionary: `e.encode(d, x)` gives codes of the signals x, dim x n, as
/// `Matrix` or `SparseCodes`. The pair is the concept, because the pair is what must fit.
///
/// A model is also copyable. Laws (tests/laws/encoder_laws.hpp, over every fitting pair):
///  - the codes are num_atoms x n and finite; n = 0 gives num_atoms x 0;
///  - column j of the answer depends on column j of x alone;
///  - equal arguments give equal bits, at any number of threads;
///  - signals of another dimension, NaN and infinity throw std::invalid_argument.
template <class E, class D>
concept EncoderFor = std::copyable<E> && Dictionary<D> && detail::CanEncode<E, D>;

/// The form of codes that an encoder gives for a dictionary.
template <class E, class D>
using CodesFor = std::remove_cvref_t<decltype(std::declval<const E&>().encode(
    std::declval<const D&>(), std::declval<const MatrixArg<typename D::Scalar>&>()))>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_ENCODER_HPP
