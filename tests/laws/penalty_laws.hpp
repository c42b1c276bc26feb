// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_PENALTY_LAWS_HPP
#define LACUNA_TESTS_LAWS_PENALTY_LAWS_HPP

#include <cmath>
#include <cstdint>

#include <lacuna/concepts/lasso_penalty.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

namespace detail {

/// Points near and far from `centre`: moved at random, along each axis, scaled, and 0.
inline Matrix<double> points_around(const Vector<double>& centre, std::uint64_t seed) {
  constexpr Index random_points = 60;
  const Index n = centre.size();
  Matrix<double> points(n, random_points + 4 * n + 3);
  const Matrix<double> moves = random_normal<double>(n, random_points, seed);
  for (Index i = 0; i < random_points; ++i)
    points.col(i) = centre + std::pow(10.0, -static_cast<double>(i % 6)) * moves.col(i);
  Index next = random_points;
  for (Index i = 0; i < n; ++i)
    for (const double move : {0.3, -0.3, 1e-4, -1e-4}) {
      points.col(next) = centre;
      points(i, next++) += move;
    }
  points.col(next++) = 0.5 * centre;
  points.col(next++) = 1.5 * centre;
  points.col(next).setZero();
  return points;
}

}  // namespace detail

/// prox(v, t) minimises 1/2 ||s - v||^2 + t g(s). That function grows by at least 1/2 ||s -
/// prox||^2 around its minimum, so any other answer is told apart, however flat g is.
template <Penalty P>
void check_prox(const P& g, std::uint64_t seed) {
  constexpr Index n = 6;
  const Matrix<double> v = 2 * random_normal<double>(n, 12, seed);
  for (const double step : {0.0, 0.3, 1.0, 4.0}) {
    INFO("step " << step);
    Matrix<double> prox = v;
    g.prox(prox, step);
    for (Index j = 0; j < v.cols(); ++j) {
      const auto value = [&](const Vector<double>& s) {
        const double distance = 0.5 * (s - v.col(j)).squaredNorm();
        // 0 times the infinity of what is not allowed is that infinity: prox(v, 0) projects.
        const double penalty = g.value(s);
        return distance + (std::isinf(penalty) ? penalty : step * penalty);
      };
      const Vector<double> best = prox.col(j);
      REQUIRE(std::isfinite(value(best)));
      const Matrix<double> others =
          detail::points_around(best, seed + 1 + static_cast<std::uint64_t>(j));
      for (Index i = 0; i < others.cols(); ++i) {
        const Vector<double> other = others.col(i);
        REQUIRE(value(other) >= value(best) + 0.5 * (other - best).squaredNorm() - 1e-12);
      }
    }
    // The same in float, and on some columns of a matrix: the others stay.
    Matrix<float> rounded = v.cast<float>();
    const Matrix<float> untouched = rounded;
    Eigen::Ref<Matrix<float>, 0, Eigen::OuterStride<>> some = rounded.middleCols(3, 5);
    g.prox(some, step);
    const Matrix<double> there = rounded.cast<double>();
    CHECK((there - prox).middleCols(3, 5).cwiseAbs().maxCoeff() <= 1e-6);
    CHECK((rounded.leftCols(3).array() == untouched.leftCols(3).array()).all());
    CHECK((rounded.rightCols(4).array() == untouched.rightCols(4).array()).all());
  }
}

/// The laws written in concepts/penalty.hpp, and in concepts/lasso_penalty.hpp where they apply.
/// "Largest" is checked against the axes, both ways, which is sharp where g is a sum over entries.
/// A penalty with a weight an atom has six.
template <Penalty P>
void check_penalty_laws(const P& g, std::uint64_t seed) {
  INFO("seed " << seed << ", lambda " << g.lambda());
  constexpr Index n = 6;
  CHECK(g.lambda() >= 0);
  check_prox(g, seed);
  const double ridge = lacuna::detail::ridge_of(g);
  CHECK(ridge >= 0);
  // g without its quadratic part, which is positively homogeneous.
  const auto homogeneous = [&](const Vector<double>& s) {
    return g.value(s) - 0.5 * ridge * s.squaredNorm();
  };

  const Vector<double> zero = Vector<double>::Zero(n);
  CHECK(g.value(zero) == 0);
  Matrix<double> codes = 2 * random_normal<double>(n, 40, seed + 100);
  g.prox(codes, 0.0);  // what is allowed
  for (Index j = 0; j < codes.cols(); ++j) {
    const Vector<double> s = codes.col(j);
    const double value = g.value(s);
    REQUIRE(value >= 0);
    for (const double scale : {0.0, 1e-3, 0.5, 7.0})
      REQUIRE(homogeneous(scale * s) ==
              Approx(scale * homogeneous(s)).epsilon(1e-12).margin(ridge * 1e-12));
    if constexpr (LassoPenalty<P>) {
      double sum = 0.5 * g.ridge() * s.squaredNorm();
      for (Index i = 0; i < n; ++i) sum += g.threshold(i) * std::abs(s[i]);
      REQUIRE(value == Approx(sum).epsilon(1e-12).margin(1e-300));
      REQUIRE(!(P::nonnegative && s.minCoeff() < 0));
      REQUIRE(g.with_lambda(2.5).lambda() == 2.5);
      REQUIRE(g.with_lambda(g.lambda()).value(s) == value);
      REQUIRE(g.with_lambda(2.5).ridge() == ridge);
    }
    // Convex along the way to the next.
    const Vector<double> t = codes.col((j + 1) % codes.cols());
    REQUIRE(g.value(0.5 * (s + t)) <= 0.5 * (value + g.value(t)) + 1e-12);
  }

  Matrix<double> correlations = random_normal<double>(n, 12, seed + 200);
  correlations.col(1) = correlations.col(0).cwiseAbs();
  correlations.col(2) = -correlations.col(1);
  correlations.col(3).setZero();
  for (Index j = 0; j < correlations.cols(); ++j) {
    INFO("correlations " << j);
    const Vector<double> c = correlations.col(j);
    const double scale = g.dual_scale(c);
    REQUIRE(scale >= 0);
    const bool bounded = std::isfinite(scale);
    const double feasible = bounded ? scale : 1e9;
    for (Index i = 0; i < codes.cols(); ++i)
      REQUIRE(feasible * c.dot(codes.col(i)) <= homogeneous(codes.col(i)) + 1e-12);
    bool larger_fails = false;
    for (Index i = 0; i < n; ++i)
      for (const double sign : {1.0, -1.0}) {
        const Vector<double> axis = sign * Vector<double>::Unit(n, i);
        const double along = c.dot(axis), value = homogeneous(axis);
        REQUIRE(feasible * along <= value * (1 + 1e-12) + ridge * 1e-12);
        if (bounded && (scale + 1e-9) * (1 + 1e-9) * along > value + ridge * 1e-12)
          larger_fails = true;
      }
    CHECK(larger_fails == bounded);
  }
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_PENALTY_LAWS_HPP
