// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_TRANSFORM_LAWS_HPP
#define LACUNA_TESTS_LAWS_TRANSFORM_LAWS_HPP

#include <cstdint>
#include <limits>

#include <lacuna/concepts/transform.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

/// The laws written in concepts/transform.hpp, for signals of this dimension.
template <Real S, Transform<S> T>
void check_transform_laws(const T& transform, Index dim, std::uint64_t seed) {
  INFO("seed " << seed);
  const Matrix<S> x = random_normal<S>(dim, 9, seed);
  const Matrix<S> applied = transform.apply(x), inverted = transform.invert(x);
  REQUIRE(applied.rows() == dim);
  REQUIRE(inverted.rows() == dim);
  REQUIRE(applied.cols() == 9);
  const S size = 1 + applied.cwiseAbs().maxCoeff() + inverted.cwiseAbs().maxCoeff();
  const S tolerance = 8 * std::numeric_limits<S>::epsilon() * size;
  const Matrix<S> there_and_back = transform.invert(applied);
  const Matrix<S> back_and_there = transform.apply(inverted);
  CHECK((there_and_back - x).cwiseAbs().maxCoeff() <= tolerance);
  CHECK((back_and_there - x).cwiseAbs().maxCoeff() <= tolerance);
  // Column by column: alone, among others, and not at all.
  for (Index j = 0; j < x.cols(); ++j) {
    const Matrix<S> alone = transform.apply(x.col(j)), back = transform.invert(x.col(j));
    REQUIRE((alone - applied.col(j)).cwiseAbs().maxCoeff() <= tolerance);
    REQUIRE((back - inverted.col(j)).cwiseAbs().maxCoeff() <= tolerance);
  }
  CHECK(transform.apply(Matrix<S>(dim, 0)).rows() == dim);
  CHECK(transform.invert(Matrix<S>(dim, 0)).cols() == 0);
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_TRANSFORM_LAWS_HPP
