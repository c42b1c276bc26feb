// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_SOLVER_LAWS_HPP
#define LACUNA_TESTS_LAWS_SOLVER_LAWS_HPP

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include <lacuna/concepts/solver.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

/// A solution with its codes dense, so that the laws are compiled once an element type.
template <Real S>
[[nodiscard]] Solution<Matrix<S>> with_dense_codes(const Solution<SparseCodes<S>>& solution) {
  Solution<Matrix<S>> dense(solution.codes.rows(), solution.codes.cols());
  dense.codes = solution.codes;
  dense.objective = solution.objective;
  dense.gap = solution.gap;
  dense.relative_gap = solution.relative_gap;
  dense.iterations = solution.iterations;
  dense.status = solution.status;
  dense.flops = solution.flops;
  dense.setup_flops = solution.setup_flops;
  return dense;
}
template <Real S>
[[nodiscard]] const Solution<Matrix<S>>& with_dense_codes(const Solution<Matrix<S>>& solution) {
  return solution;
}

/// What the laws are checked against, all in double and none of it from the solver.
struct SolverTruth {
  Matrix<double> atoms;
  /// g(s) of one code; 0 where the solver has no penalty.
  std::function<double(const Vector<double>&)> penalty;
  /// Nearly the least objective, one a signal: of codes that are feasible, so at least the optimum.
  /// Empty for a solver without a certificate.
  Vector<double> optimum;
  /// What `converged` promises; 0 where convergence is not on the gap.
  double tolerance = 0;
};

/// The laws written in concepts/solver.hpp and core/solution.hpp.
/// @param encoded  the codes of `encode` for the same signals.
/// @returns how many signals converged, so that a test can ask for some.
template <Real S>
Index check_solver_laws(const Solution<Matrix<S>>& solution, const Matrix<S>& encoded,
                        const Matrix<S>& signals, const SolverTruth& truth) {
  const Index n = signals.cols();
  const auto size = static_cast<std::size_t>(n);
  REQUIRE(solution.objective.size() == n);
  REQUIRE(solution.gap.size() == n);
  REQUIRE(solution.relative_gap.size() == n);
  REQUIRE(solution.iterations.size() == size);
  REQUIRE(solution.status.size() == size);
  REQUIRE(solution.flops.size() == size);
  REQUIRE(solution.codes.rows() == encoded.rows());
  REQUIRE(solution.codes.cols() == n);
  CHECK((solution.codes.array() == encoded.array()).all());
  CHECK(solution.setup_flops >= 0);
  CHECK(solution.total_flops() >= solution.setup_flops);

  constexpr double rounding_of_double = 1e-13;
  Index converged = 0;
  for (Index j = 0; j < n; ++j) {
    INFO("signal " << j);
    const auto here = static_cast<std::size_t>(j);
    const Vector<double> x = signals.col(j).template cast<double>();
    const Vector<double> s = solution.codes.col(j).template cast<double>();
    const double energy = 0.5 * x.squaredNorm();
    const double objective = 0.5 * (x - truth.atoms * s).squaredNorm() + truth.penalty(s);
    // A dictionary that hides its atoms decodes in its own type.
    const double rounding =
        32 * static_cast<double>(std::numeric_limits<S>::epsilon()) * (energy + objective);
    REQUIRE(solution.objective[j] == Approx(objective).epsilon(1e-12).margin(rounding));
    REQUIRE(solution.iterations[here] >= 0);
    REQUIRE(solution.flops[here] >= 0);
    if (truth.optimum.size() == 0) {
      REQUIRE(std::isnan(solution.gap[j]));
      REQUIRE(std::isnan(solution.relative_gap[j]));
      continue;
    }
    REQUIRE(solution.gap[j] >= 0);
    REQUIRE(solution.gap[j] + rounding >=
            objective - truth.optimum[j] - rounding_of_double * (1 + energy));
    if (energy > 0)
      REQUIRE(solution.relative_gap[j] * energy ==
              Approx(solution.gap[j]).epsilon(1e-9).margin(1e-300));
    else
      REQUIRE((solution.relative_gap[j] == 0) == (solution.gap[j] == 0));
    if (solution.status[here] == Status::converged) {
      ++converged;
      REQUIRE(solution.relative_gap[j] <= truth.tolerance);
    }
  }
  return converged;
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_SOLVER_LAWS_HPP
