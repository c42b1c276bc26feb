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
             Vector<S>& gradient) {
      t.backward(signals, applied_gradient, gradient);
    };
}  // namespace detail

/// A transform with parameters and their gradient.
///
/// `t.backward(x, g, gradient)` sets `gradient` = dL/dparameters for g = dL/d apply(x), dim x n. The loss
/// of a training is on D s - apply(x), in the units of what is applied; so g is what reaches apply(x)
/// through the encoder, minus the gradient at D s.
///
/// Law: backward agrees with finite differences.
template <class T, class S>
concept LearnableTransform = Transform<T, S> && detail::HasTransformParameters<T, S> &&
                             detail::CanBackwardTransform<T, S>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_LEARNABLE_TRANSFORM_HPP
