// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_ENCODER_LAWS_HPP
#define LACUNA_TESTS_LAWS_ENCODER_LAWS_HPP

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/check.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace lacuna::test {

/// An encoder with its dictionary behind one call, so that the laws are compiled once an element
/// type and not once a pair. Keeps references to both.
template <Real S>
struct SomeEncoder {
  Index dim;
  Index num_atoms;
  std::function<Matrix<S>(const MatrixArg<S>&)> encode;

  template <class E, class D>
  requires EncoderFor<E, D> SomeEncoder(const E& encoder, const D& d)
      : dim(d.dim()),
        num_atoms(d.num_atoms()),
        encode([&](const MatrixArg<S>& x) -> Matrix<S> { return encoder.encode(d, x); }) {}
};

/// The laws written in concepts/encoder.hpp, but for the number of threads.
/// @param signals    dim x n of size 1, n at least 3; @param tolerance  what rounding may do to an
/// entry.
template <Real S>
void check_encoder_laws(const SomeEncoder<S>& encoder, const Matrix<S>& signals, double tolerance) {
  const Index m = encoder.dim, n = signals.cols();
  const Matrix<S> codes = encoder.encode(signals);
  REQUIRE(codes.rows() == encoder.num_atoms);
  REQUIRE(codes.cols() == n);
  REQUIRE(codes.allFinite());

  const Matrix<S> again = encoder.encode(signals);
  CHECK((again.array() == codes.array()).all());

  // A column alone, and among others in another order.
  for (Index j = 0; j < n; ++j) {
    const Matrix<S> alone = encoder.encode(signals.col(j));
    REQUIRE(alone.cols() == 1);
    INFO("column " << j);
    REQUIRE(static_cast<double>((alone - codes.col(j)).cwiseAbs().maxCoeff()) <= tolerance);
  }
  Matrix<S> others = signals.rowwise().reverse();
  others.leftCols(n / 2) *= S(100);
  const Matrix<S> among_others = encoder.encode(others);
  const Index unscaled = n - n / 2;
  CHECK(static_cast<double>(
            (among_others.rightCols(unscaled).rowwise().reverse() - codes.leftCols(unscaled))
                .cwiseAbs()
                .maxCoeff()) <= tolerance);

  const Matrix<S> nothing = encoder.encode(Matrix<S>(m, 0));
  CHECK(nothing.rows() == encoder.num_atoms);
  CHECK(nothing.cols() == 0);
  CHECK(encoder.encode(Matrix<S>::Zero(m, 2)).allFinite());

  for (const Index rows : {m + 1, m - 1}) {
    const std::string message = message_of([&] { (void)encoder.encode(Matrix<S>::Zero(rows, 4)); });
    INFO("refused with: " << message);
    CHECK(says(message, shape_of(rows, 4)));
    CHECK(says(message, shape_of(m, encoder.num_atoms)));
  }
  for (const S bad : {std::numeric_limits<S>::quiet_NaN(), std::numeric_limits<S>::infinity(),
                      -std::numeric_limits<S>::infinity()}) {
    Matrix<S> holed = signals;
    holed(m - 1, 2) = bad;
    const std::string message = message_of([&] { (void)encoder.encode(holed); });
    INFO("refused with: " << message);
    CHECK(says(message, "column 2"));
    CHECK(says(message, "NaN"));
  }
}

/// Equal bits at any number of threads, and a column of the last block as it is by itself.
/// @param signals  enough for several blocks; @param tolerance  what rounding may do to an entry.
template <Real S>
void check_thread_law(const SomeEncoder<S>& one, const SomeEncoder<S>& two,
                      const Matrix<S>& signals, double tolerance) {
  const Matrix<S> alone = one.encode(signals), together = two.encode(signals);
  REQUIRE(alone.cols() == together.cols());
  CHECK((alone.array() == together.array()).all());
  const Matrix<S> last = one.encode(signals.rightCols(3));
  CHECK(static_cast<double>((alone.rightCols(3) - last).cwiseAbs().maxCoeff()) <= tolerance);
}

/// What sparse codes promise beyond their values: compressed, rows in order, no entry of 0.
template <Real S>
void check_sparse_form(const SparseCodes<S>& codes) {
  CHECK(codes.isCompressed());
  for (Index j = 0; j < codes.cols(); ++j)
    for (Index i = codes.outerIndexPtr()[j]; i < codes.outerIndexPtr()[j + 1]; ++i) {
      REQUIRE(codes.valuePtr()[i] != S(0));
      if (i > codes.outerIndexPtr()[j])
        REQUIRE(codes.innerIndexPtr()[i - 1] < codes.innerIndexPtr()[i]);
    }
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_ENCODER_LAWS_HPP
