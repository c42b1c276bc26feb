// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_AMORTISATION_GAP_HPP
#define LACUNA_METRIC_AMORTISATION_GAP_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include <lacuna/concepts/solver.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/lasso_certificate.hpp>

namespace lacuna {

namespace detail {
/// A greedy solver has no penalty, and its objective no optimum to measure against.
template <class Solver>
concept HasPenalty = requires(const Solver& solver) {
  requires Penalty<std::remove_cvref_t<decltype(solver.penalty())>>;
};
}  // namespace detail

/// How much worse an encoder's codes are than inference would have done, on the same dictionary.
struct AmortisationGap {
  double absolute = 0;          ///< mean over feasible signals of P(code) - P(optimum)
  double relative = 0;          ///< the same over 1/2 ||x||^2; signals of zero are left out
  double infeasible_share = 0;  ///< share of signals whose code the penalty does not allow
  double uncertainty = 0;       ///< mean relative gap of the solver: how well the optimum is known
  Index feasible = 0;           ///< signals the means are over; both means are NaN where it is 0
};

/// The amortisation gap of codes: for each signal P(s) = 1/2 ||x - D s||^2 + g(s) of the encoder's code
/// minus that of the solver's, in double, with g the solver's penalty.
///
/// A code the penalty does not allow (negative under `NonnegativeL1`) is counted as a share and not
/// averaged. The solver's own error makes a mean too small by at most `uncertainty`.
///
/// @param codes   num_atoms x n, dense or sparse.
/// @param solver  a solver with a certificate and a penalty, e.g. `Fista(NonnegativeL1(0.0025))`.
/// @throws std::invalid_argument: shapes, NaN. Cost: one solve, and 4 dim num_atoms flops a signal.
template <Dictionary D, CodesOf<ScalarOf<D>> Codes, SolverFor<D> Solver>
  requires detail::HasPenalty<Solver>
[[nodiscard]] AmortisationGap amortisation_gap(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                               const Codes& codes, const Solver& solver) {
  using S = ScalarOf<D>;
  check_signals("amortisation_gap", d, signals);
  check_codes("amortisation_gap", d, codes);
  require(signals.cols() == codes.cols(), "amortisation_gap",
          "signals are " + shape_of(signals.rows(), signals.cols()) + ", codes are " +
              shape_of(codes.rows(), codes.cols()) + ": expected as many columns");
  check_finite<S>("amortisation_gap", "codes", codes);
  LassoCertifier certifier(d, solver.penalty());
  AmortisationGap result;
  Index with_energy = 0, infeasible = 0;
  constexpr Index block_size = 1024;  // so that sparse codes are dense a block at a time only
  for (Index begin = 0; begin < signals.cols(); begin += block_size) {
    const Index count = std::min(block_size, signals.cols() - begin);
    const Matrix<S> block = codes.middleCols(begin, count);
    const auto solution = solver.solve(d, signals.middleCols(begin, count));
    certifier.for_each(signals.middleCols(begin, count), block, [&](Index j, Certificate c) {
      const double half_signal =
          0.5 * signals.col(begin + j).template cast<double>().squaredNorm();
      if (!std::isfinite(c.objective)) {
        ++infeasible;
        return;
      }
      ++result.feasible;
      const double excess = c.objective - solution.objective[j];
      result.absolute += excess;
      if (half_signal > 0) {
        ++with_energy;
        result.relative += excess / half_signal;
        result.uncertainty += solution.relative_gap[j];
      }
    });
  }
  result.absolute /= static_cast<double>(result.feasible);
  result.relative /= static_cast<double>(with_energy);
  result.uncertainty /= static_cast<double>(with_energy);
  if (signals.cols() > 0)
    result.infeasible_share =
        static_cast<double>(infeasible) / static_cast<double>(signals.cols());
  return result;
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_AMORTISATION_GAP_HPP
