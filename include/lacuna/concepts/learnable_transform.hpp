// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_LEARNABLE_TRANSFORM_HPP
#define LACUNA_CONCEPTS_LEARNABLE_TRANSFORM_HPP

#include <concepts>

#include <lacuna/concepts/transform.hpp>

namespace lacuna {

namespace detail {
template <class T, class S>
concept HasTransformParameters = requires(T& t, const T& ct) {
  { t.parameters() } -> std::same_as<ParameterView<S>>;
  { ct.parameters() } -> std::same_as<ConstParameterView<S>>;
};

template <class T, class S>
concept CanBackwardTransform =
    requires(const T& t, const MatrixArg<S>& signals, const MatrixArg<S>& applied_gradient,
             const MatrixArg<S>& inverted_gradient, Vector<S>& gradient) {
      t.backward(signals, applied_gradient, inverted_gradient, gradient);
    };
}  // namespace detail

/// A transform with parameters and their gradient.
///
/// `t.backward(x, a, i, gradient)` sets `gradient` = dL/dparameters, where a = dL/d apply(x) is what
/// reaches it through the encoder and i = dL/d invert(z) through the reconstruction, both dim x n.
///
/// Law: backward agrees with finite differences.
template <class T, class S>
concept LearnableTransform = Transform<T, S> && detail::HasTransformParameters<T, S> &&
                             detail::CanBackwardTransform<T, S>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_LEARNABLE_TRANSFORM_HPP
