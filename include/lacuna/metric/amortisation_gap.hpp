// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_AMORTISATION_GAP_HPP
#define LACUNA_METRIC_AMORTISATION_GAP_HPP

#include <algorithm>
#include <cmath>
#include <string>
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

namespace detail {

/// Sums of a gap over blocks of signals.
template <Dictionary D, Penalty P>
class GapSum {
 public:
  using S = ScalarOf<D>;

  GapSum(const D& d, const P& penalty) : certifier_(d, penalty) {}

  /// @param objective, relative_gap  of the optimum, one a signal.
  void add(const MatrixArg<S>& signals, const Matrix<S>& codes,
           const Eigen::Ref<const Vector<double>>& objective,
           const Eigen::Ref<const Vector<double>>& relative_gap) {
    certifier_.for_each(signals, codes, [&](Index j, Certificate c) {
      if (!std::isfinite(c.objective)) {
        ++infeasible_;
        return;
      }
      ++sum_.feasible;
      const double excess = c.objective - objective[j];
      sum_.absolute += excess;
      const double half_signal = 0.5 * signals.col(j).template cast<double>().squaredNorm();
      if (half_signal > 0) {
        ++with_energy_;
        sum_.relative += excess / half_signal;
        sum_.uncertainty += relative_gap[j];
      }
    });
  }

  [[nodiscard]] AmortisationGap mean() const {
    AmortisationGap result = sum_;
    result.absolute /= static_cast<double>(result.feasible);
    result.relative /= static_cast<double>(with_energy_);
    result.uncertainty /= static_cast<double>(with_energy_);
    const Index n = result.feasible + infeasible_;
    if (n > 0) result.infeasible_share = static_cast<double>(infeasible_) / static_cast<double>(n);
    return result;
  }

 private:
  LassoCertifier<D, P> certifier_;
  AmortisationGap sum_;
  Index infeasible_ = 0, with_energy_ = 0;
};

template <Dictionary D, class Codes>
void check_gap(const D& d, const MatrixArg<ScalarOf<D>>& signals, const Codes& codes) {
  check_signals("amortisation_gap", d, signals);
  check_codes("amortisation_gap", d, codes);
  require(signals.cols() == codes.cols(), "amortisation_gap",
          "signals are " + shape_of(signals.rows(), signals.cols()) + ", codes are " +
              shape_of(codes.rows(), codes.cols()) + ": expected as many columns");
  check_finite<ScalarOf<D>>("amortisation_gap", "codes", codes);
}

/// So that sparse codes are dense a block at a time only.
inline constexpr Index gap_block_size = 1024;

}  // namespace detail

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
  detail::check_gap(d, signals, codes);
  detail::GapSum sum(d, solver.penalty());
  for (Index begin = 0; begin < signals.cols(); begin += detail::gap_block_size) {
    const Index count = std::min(detail::gap_block_size, signals.cols() - begin);
    const auto solution = solver.solve(d, signals.middleCols(begin, count));
    sum.add(signals.middleCols(begin, count), codes.middleCols(begin, count), solution.objective,
            solution.relative_gap);
  }
  return sum.mean();
}

/// The same where the optimum is known already: several encoders are scored against one solve.
///
/// @param penalty, optimum  what was solved for these signals on this dictionary, and the answer.
/// @throws std::invalid_argument: shapes, NaN. Cost: 4 dim num_atoms flops a signal.
template <Dictionary D, CodesOf<ScalarOf<D>> Codes, Penalty P, class OptimalCodes>
[[nodiscard]] AmortisationGap amortisation_gap(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                               const Codes& codes, const P& penalty,
                                               const Solution<OptimalCodes>& optimum) {
  detail::check_gap(d, signals, codes);
  require(optimum.objective.size() == signals.cols(), "amortisation_gap",
          "the optimum is known of " + std::to_string(optimum.objective.size()) +
              " signals, expected " + std::to_string(signals.cols()));
  detail::GapSum sum(d, penalty);
  for (Index begin = 0; begin < signals.cols(); begin += detail::gap_block_size) {
    const Index count = std::min(detail::gap_block_size, signals.cols() - begin);
    sum.add(signals.middleCols(begin, count), codes.middleCols(begin, count),
            optimum.objective.segment(begin, count), optimum.relative_gap.segment(begin, count));
  }
  return sum.mean();
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_AMORTISATION_GAP_HPP
