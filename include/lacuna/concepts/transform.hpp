// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_TRANSFORM_HPP
#define LACUNA_CONCEPTS_TRANSFORM_HPP

#include <concepts>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

namespace detail {
template <class T, class S>
concept CanApply = requires(const T& t, const MatrixArg<S>& signals) {
  { t.apply(signals) } -> std::same_as<Matrix<S>>;
};

template <class T, class S>
concept CanInvert = requires(const T& t, const MatrixArg<S>& signals) {
  { t.invert(signals) } -> std::same_as<Matrix<S>>;
};
}  // namespace detail

/// The affine part of a model, kept out of the dictionary: `t.apply(x)` goes before the encoder and
/// `t.invert(z)` after the decoder, dim x n -> dim x n, column by column.
///
/// Laws (tests/laws/transform_laws.hpp): invert(apply(x)) == x and apply(invert(z)) == z, to rounding;
/// column j depends on column j alone.
template <class T, class S>
concept Transform = std::copyable<T> && detail::CanApply<T, S> && detail::CanInvert<T, S>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_TRANSFORM_HPP
