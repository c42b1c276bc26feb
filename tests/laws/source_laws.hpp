// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_SOURCE_LAWS_HPP
#define LACUNA_TESTS_LAWS_SOURCE_LAWS_HPP

#include <stdexcept>
#include <vector>

#include <lacuna/concepts/labelled_source.hpp>
#include <lacuna/concepts/signal_source.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

/// The laws written in concepts/signal_source.hpp, for any model, over the steps 0 .. 7.
template <SignalSource X>
void check_source_laws(X source) {
  using S = typename X::Scalar;
  constexpr Index steps = 8;
  X untouched = source;
  std::vector<Matrix<S>> batches;
  for (Index step = 0; step < steps; ++step) {
    const MatrixArg<S> batch = source.batch(step);
    CHECK(batch.rows() == source.dim());
    CHECK(batch.cols() >= 1);
    CHECK(batch.allFinite());
    batches.push_back(batch);
  }
  // A function of the step alone: in any order, again, and in a copy that starts late.
  for (const Index step : {5, 5, 0, 7, 3}) {
    INFO("step " << step);
    CHECK(source.batch(step) == batches[static_cast<std::size_t>(step)]);
  }
  CHECK(untouched.batch(6) == batches[6]);
  CHECK_THROWS_AS((void)source.batch(-1), std::invalid_argument);
}

/// The law written in concepts/labelled_source.hpp. `decode(codes)` gives the signals that belong
/// to codes, up to `tolerance`.
template <LabelledSource X, class Decode>
void check_labelled_source_laws(X source, Decode&& decode, double tolerance) {
  using S = typename X::Scalar;
  check_source_laws(source);
  X other_order = source;
  for (const Index step : {0, 1, 6, 2}) {
    INFO("step " << step);
    const MatrixArg<S> batch = source.batch(step);
    const SparseCodes<S>& codes = source.batch_codes(step);
    REQUIRE(codes.rows() == source.num_atoms());
    REQUIRE(codes.cols() == batch.cols());
    // Asking for the codes leaves the batch of the same step as it was.
    CHECK((batch - decode(codes)).cwiseAbs().maxCoeff() <= tolerance);
    // The codes may be asked for first.
    const SparseCodes<S> first = other_order.batch_codes(step);
    CHECK((first - codes).norm() == 0);
    CHECK(other_order.batch(step) == batch);
  }
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_SOURCE_LAWS_HPP
