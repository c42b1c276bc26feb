// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_DIFFERENTIABLE_ENCODER_HPP
#define LACUNA_CONCEPTS_DIFFERENTIABLE_ENCODER_HPP

#include <concepts>
#include <cstdint>

#include <lacuna/concepts/encoder.hpp>

namespace lacuna {

namespace detail {

template <class E>
concept HasTape = requires { typename E::Tape; } && std::default_initializable<typename E::Tape>;

template <class E, class S>
concept HasParameters = requires(E& e, const E& ce) {
  { e.parameters() } -> std::same_as<ParameterView<S>>;
  { ce.parameters() } -> std::same_as<ConstParameterView<S>>;
};

template <class E, class D>
concept CanForward =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals,
             typename E::Tape& tape) {
      { e.forward(d, signals, tape) } -> std::same_as<const CodesFor<E, D>&>;
    };

template <class E, class D>
concept CanBackward =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals,
             typename E::Tape& tape, const CodesFor<E, D>& code_gradient,
             Vector<typename D::Scalar>& gradient) {
      e.backward(d, signals, tape, code_gradient, gradient);
    };

template <class E, class D>
concept CanPropagate =
    requires(const E& e, const D& d, const typename E::Tape& tape,
             const CodesFor<E, D>& code_gradient) {
      {
        e.signal_gradient(d, tape, code_gradient)
      } -> std::same_as<Matrix<typename D::Scalar>>;
    };

template <class E, class D>
concept CanBackwardRectified =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals,
             typename E::Tape& tape, const Matrix<typename D::Scalar>& preactivation_gradient,
             Vector<typename D::Scalar>& gradient) {
      e.backward_rectified(d, signals, tape, preactivation_gradient, gradient);
    };

template <class E, class D>
concept HasDenseCodes = std::same_as<CodesFor<E, D>, Matrix<typename D::Scalar>>;

/// Stands for a lambda that captures.
template <class S>
struct AnyGradientUse {
  void operator()(Index begin, const Eigen::Ref<const Vector<S>>& part) const;
};

/// Gives its gradient part by part as well, each once, on threads of its own: what `backward` would
/// have put from `begin` on.
template <class E, class D>
concept GradientByParts = requires(const E& e, const D& d,
                                   const MatrixArg<typename D::Scalar>& signals,
                                   typename E::Tape& tape, const CodesFor<E, D>& code_gradient,
                                   AnyGradientUse<typename D::Scalar> use) {
  e.backward_by_parts(d, signals, tape, code_gradient, use);
};

template <class E, class D>
concept CountsFlops = requires(const E& e, const D& d) {
  { e.forward_flops(d) } -> std::same_as<std::int64_t>;
  { e.backward_flops(d) } -> std::same_as<std::int64_t>;
};

}  // namespace detail

/// An encoder with parameters of its own and the gradient with respect to them.
///
/// | expression                            | meaning                                              |
/// |---------------------------------------|------------------------------------------------------|
/// | `E::Tape`                             | what `forward` leaves for `backward`; kept, so only  |
/// |                                       | the first step of a training allocates codes         |
/// | `e.forward(d, x, tape)`               | the codes, kept in the tape and returned from there  |
/// | `e.backward(d, x, tape, g, gradient)` | `gradient` = dL/dparameters, for g = dL/dcodes       |
/// | `e.signal_gradient(d, tape, g)`       | dL/dx, dim x n                                       |
/// | `e.parameters()`                      | one flat vector, by view                             |
/// | `e.forward_flops(d)`                  | audited flops a signal; `backward_flops` the same    |
///
/// g has the type of the codes and, where they are sparse, their pattern. The dictionary's own gradient
/// is not the encoder's: it comes from `decode` alone.
///
/// Sparse codes of `forward` may hold entries of value 0 where an estimator needs the gradient of an entry
/// that is off (`JumpReluEncoder`); those of `encode` hold none.
///
/// Laws: forward(d, x, tape) == encode(d, x), unless the encoder sees the whole batch in training and not
/// in `encode` (`BatchTopKEncoder`); backward and signal_gradient agree with finite differences wherever
/// the encoder is differentiable; no const call changes the encoder.
template <class E, class D>
concept DifferentiableEncoderFor =
    EncoderFor<E, D> && detail::HasTape<E> && detail::HasParameters<E, ScalarOf<D>> &&
    detail::CanForward<E, D> && detail::CanBackward<E, D> && detail::CanPropagate<E, D> &&
    detail::CountsFlops<E, D>;

/// A differentiable encoder with dense codes max(a, 0), which takes the gradient of a as well: a trainer
/// makes it together with that of the codes, and saves a pass over them.
///
/// | expression                                     | meaning                                           |
/// |------------------------------------------------|---------------------------------------------------|
/// | `e.backward_rectified(d, x, tape, h, gradient)`| `backward`, given h = dL/da: dL/dcodes where the  |
/// |                                                | code is above 0, and 0 elsewhere                  |
///
/// Laws: equal bits to `backward`; signal_gradient(d, tape, h) is that of dL/dcodes.
template <class E, class D>
concept RectifiedEncoderFor =
    DifferentiableEncoderFor<E, D> && detail::HasDenseCodes<E, D> &&
    detail::CanBackwardRectified<E, D>;

/// An encoder that learns something from each batch beside its parameters, without a gradient: the
/// threshold of `BatchTopKEncoder`.
///
/// | expression                   | meaning                                                             |
/// |------------------------------|---------------------------------------------------------------------|
/// | `e.update_statistics(tape)`  | takes in the batch that `forward` left; a trainer calls it once a   |
/// |                              | step, after `backward`                                              |
/// | `e.statistics()`             | all that was taken in, as numbers, for a file                       |
/// | `e.set_statistics(v)`        | takes back what `statistics` gave: equal bits from there on         |
template <class E>
concept EncoderWithStatistics =
    detail::HasTape<E> &&
    requires(E& e, const E& ce, const typename E::Tape& tape, const Vector<double>& statistics) {
      e.update_statistics(tape);
      { ce.statistics() } -> std::same_as<Vector<double>>;
      e.set_statistics(statistics);
    };

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_DIFFERENTIABLE_ENCODER_HPP
