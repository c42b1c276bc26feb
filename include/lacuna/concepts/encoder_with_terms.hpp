// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_ENCODER_WITH_TERMS_HPP
#define LACUNA_CONCEPTS_ENCODER_WITH_TERMS_HPP

#include <concepts>

#include <lacuna/concepts/differentiable_encoder.hpp>

namespace lacuna {

namespace detail {

template <class E, class D>
concept HasOwnTerms =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals,
             typename E::Tape& tape, double lambda, Vector<typename D::Scalar>& gradient) {
      { e.own_terms(d, signals, tape, lambda, gradient) } -> std::same_as<double>;
    };

}  // namespace detail

/// A differentiable encoder whose loss has terms that only it can compute: the l0 penalty of
/// `JumpReluEncoder`, the gate's l1 and auxiliary reconstruction of `GatedEncoder`.
///
/// | expression                                   | meaning                                       |
/// |----------------------------------------------|-----------------------------------------------|
/// | `e.own_terms(d, x, tape, lambda, gradient)`  | the value of the terms for the batch x that   |
/// |                                              | `forward` left in the tape; adds their        |
/// |                                              | gradient to `gradient`, as `backward` left it |
///
/// A trainer calls it after `backward`, and its lambda goes there: the terms stand in place of the
/// trainer's own penalty on the codes, which such an encoder is not given.
///
/// Laws (tests/unit/amortised_encoder_test.cpp): the call adds to the gradient and does not replace it;
/// the dictionary is constant in the terms, and they give it no gradient, nor the signals; the value is a
/// mean over signals, so a batch twice over has the value of the batch; the gradient agrees with finite
/// differences of the value, or, where an encoder's estimator is by design not the derivative, with those
/// of the smoothed objective that it names; `backward_flops` counts the terms too.
template <class E, class D>
concept EncoderWithTerms = DifferentiableEncoderFor<E, D> && detail::HasOwnTerms<E, D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_ENCODER_WITH_TERMS_HPP
