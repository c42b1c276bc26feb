// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_DIFFERENTIABLE_ENCODER_LAWS_HPP
#define LACUNA_TESTS_LAWS_DIFFERENTIABLE_ENCODER_LAWS_HPP

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <stdexcept>

#include <lacuna/concepts/encoder_with_terms.hpp>

#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace lacuna::test {

namespace detail {

/// <weights, codes>: the loss whose derivative by the codes is `weights`.
inline double inner(const Matrix<double>& weights, const Matrix<double>& codes) {
  return weights.cwiseProduct(codes).sum();
}
inline double inner(const Matrix<double>& weights, const SparseCodes<double>& codes) {
  return inner(weights, Matrix<double>(codes));
}

/// The weights in the form, and pattern, of the codes.
inline Matrix<double> in_form_of(const Matrix<double>&, const Matrix<double>& weights) {
  return weights;
}
inline SparseCodes<double> in_form_of(const SparseCodes<double>& codes,
                                      const Matrix<double>& weights) {
  SparseCodes<double> gradient = codes;
  for (Index j = 0; j < gradient.cols(); ++j)
    for (SparseCodes<double>::InnerIterator entry(gradient, j); entry; ++entry)
      entry.valueRef() = weights(entry.row(), j);
  return gradient;
}

inline bool same_bits(const Matrix<double>& a, const Matrix<double>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

/// <weights, codes> as training sees them, which is not as `encode` does where a batch is one.
template <class E, class D>
double inner_of_forward(const Matrix<double>& weights, const E& encoder, const D& d,
                        const Matrix<double>& signals) {
  typename E::Tape tape;
  return inner(weights, encoder.forward(d, signals, tape));
}

}  // namespace detail

/// The laws of `DifferentiableEncoderFor`, for one encoder and dictionary in double.
/// @param kink_distance  of signals, dim x n: how far each pre-activation may move, all at once,
/// before
///                       the encoder meets a point where it has no derivative.
template <class E, class D, class KinkDistance>
requires DifferentiableEncoderFor<E, D> && std::same_as < ScalarOf<D>,
double > void check_differentiable_encoder(const E& encoder, const D& d, std::uint64_t seed,
                                           KinkDistance&& kink_distance) {
  constexpr Index n = 5;
  constexpr double margin = 1e-2;
  INFO("seed " << seed);
  const Matrix<double> signals = signals_clear_of_kinks(d.dim(), n, seed, margin, kink_distance);
  // A step moves a pre-activation by at most a step times the largest factor of what is stepped.
  const double largest =
      std::max({1.0, signals.cwiseAbs().maxCoeff(), encoder.parameters().cwiseAbs().maxCoeff()});
  REQUIRE(kink_distance(signals) > 10 * difference_step * largest);
  const Matrix<double> weights = random_normal<double>(d.num_atoms(), n, derive_seed(seed, 1));
  const Vector<double> parameters = encoder.parameters();

  typename E::Tape tape;
  // A tape that has seen another batch must not remember it.
  encoder.forward(d, Matrix<double>(signals.leftCols(2)), tape);
  const auto codes = encoder.forward(d, signals, tape);
  if constexpr (!EncoderWithStatistics<E>)
    CHECK(detail::same_bits(Matrix<double>(codes), Matrix<double>(encoder.encode(d, signals))));

  const auto code_gradient = detail::in_form_of(codes, weights);
  Vector<double> gradient = Vector<double>::Constant(3, 7.0);
  encoder.backward(d, signals, tape, code_gradient, gradient);
  const Vector<double> by_parameters = finite_differences(
      [&](const Vector<double>& moved) {
        E copy = encoder;
        copy.parameters() = moved;
        return detail::inner_of_forward(weights, copy, d, signals);
      },
      parameters);
  REQUIRE(by_parameters.norm() > 0.1);
  CHECK(relative_error(gradient, by_parameters) < 1e-6);

  if constexpr (RectifiedEncoderFor<E, D>) {
    const Matrix<double> rectified =
        (codes.array() > 0).select(code_gradient, Matrix<double>::Zero(codes.rows(), n));
    Vector<double> from_rectified = Vector<double>::Constant(3, 7.0);
    encoder.backward_rectified(d, signals, tape, rectified, from_rectified);
    CHECK(detail::same_bits(from_rectified, gradient));
    CHECK(detail::same_bits(Matrix<double>(encoder.signal_gradient(d, tape, rectified)),
                            Matrix<double>(encoder.signal_gradient(d, tape, code_gradient))));
  }

  const Matrix<double> signal_gradient = encoder.signal_gradient(d, tape, code_gradient);
  REQUIRE(signal_gradient.rows() == d.dim());
  REQUIRE(signal_gradient.cols() == n);
  const Vector<double> by_signals = finite_differences(
      [&](const Vector<double>& moved) {
        return detail::inner_of_forward(weights, encoder, d, moved.reshaped(d.dim(), n));
      },
      signals.reshaped());
  REQUIRE(by_signals.norm() > 0.1);
  CHECK(relative_error(signal_gradient.reshaped(), by_signals) < 1e-6);

  CHECK(detail::same_bits(Vector<double>(encoder.parameters()), parameters));
  CHECK(encoder.forward_flops(d) > 0);
  CHECK(encoder.backward_flops(d) > 0);
  CHECK_THROWS_AS(encoder.forward(d, Matrix<double>::Zero(d.dim() + 1, n), tape),
                  std::invalid_argument);
}

/// The laws of `EncoderWithTerms` but for the gradient itself. @returns the gradient of the terms,
/// in double.
template <class E, class D>
requires EncoderWithTerms<E, D> && std::same_as < ScalarOf<D>,
double > Vector<double> check_own_terms(const E& encoder, const D& d, const Matrix<double>& signals,
                                        double lambda) {
  const Index size = encoder.parameters().size();
  typename E::Tape tape;
  encoder.forward(d, signals, tape);
  Vector<double> gradient = Vector<double>::Zero(size);
  const double value = encoder.own_terms(d, signals, tape, lambda, gradient);
  CHECK(value > 0);

  Vector<double> added = Vector<double>::LinSpaced(size, -1, 1);
  CHECK(encoder.own_terms(d, signals, tape, lambda, added) == value);
  CHECK((added - Vector<double>::LinSpaced(size, -1, 1) - gradient).cwiseAbs().maxCoeff() <=
        1e-14 * (1 + gradient.cwiseAbs().maxCoeff()));

  Matrix<double> twice(signals.rows(), 2 * signals.cols());
  twice << signals, signals;
  Vector<double> of_twice = Vector<double>::Zero(size);
  encoder.forward(d, twice, tape);
  CHECK(encoder.own_terms(d, twice, tape, lambda, of_twice) == Approx(value).epsilon(1e-12));
  CHECK(relative_error(of_twice, gradient) < 1e-12);

  const Matrix<double> nothing(signals.rows(), 0);
  encoder.forward(d, nothing, tape);
  Vector<double> of_nothing = Vector<double>::Zero(size);
  CHECK(encoder.own_terms(d, nothing, tape, lambda, of_nothing) == 0);
  CHECK(of_nothing.isZero(0));
  Vector<double> narrow = Vector<double>::Zero(size - 1);
  CHECK_THROWS_AS(encoder.own_terms(d, nothing, tape, lambda, narrow), std::invalid_argument);
  return gradient;
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_DIFFERENTIABLE_ENCODER_LAWS_HPP
