// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_COORDINATE_DESCENT_HPP
#define LACUNA_ENCODER_COORDINATE_DESCENT_HPP

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/lasso_penalty.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/coordinate_descent_path.hpp>
#include <lacuna/encoder/forward_selection.hpp>
#include <lacuna/encoder/sparse_lasso_solver.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `CoordinateDescent`.
struct CoordinateDescentOptions {
  double tolerance = 1e-5;  ///< stop at this relative duality gap; 0: go on to rounding
  Index max_iterations =
      10000;          ///< sweeps over the working set, a signal: the cap that always ends it
  Index threads = 1;  ///< 0 for all cores; the same bits at any number
};

namespace detail {

/// `CoordinateDescent` on thresholds and a ridge: what kind of penalty they come from is not
/// compiled in.
/// @param begin  called as `begin(path, j)` before signal j, for a warm start.
template <bool Nonnegative, ExplicitDictionary D, class Begin>
[[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> descend_coordinates(
    const D& d, const MatrixArg<ScalarOf<D>>& signals, const Vector<ScalarOf<D>>& thresholds,
    double ridge, const CoordinateDescentOptions& options, const Begin& begin) {
  using S = ScalarOf<D>;
  const Index num_atoms = d.num_atoms(), n = signals.cols();
  Solution<SparseCodes<S>> solution(num_atoms, n);
  // How many atoms will be in use is not known before; the Gram matrix pays from a few signals on.
  const GramForm<D> form("CoordinateDescent", d, n, std::min(num_atoms, d.dim()) / 8 + 1,
                         options.threads, solution.setup_flops);
  const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024);
  SparseBlocks<S> codes(num_atoms, n, block_size);
  for_each_block(n, block_size, options.threads, [&](Block block, Index) {
    CoordinateDescentPath<S, Nonnegative> path(d.atoms(), form.gram(), thresholds, ridge,
                                               options.tolerance, options.max_iterations);
    const Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
    auto& part = codes.part(block.index);
    part.reserve(block.count, 0);
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      begin(path, j);
      const auto result = path.run(signals.col(j), correlations.col(j - block.begin));
      path.finish([&](Index atom, S value) { part.push(atom, value); });
      part.end_column();
      const auto there = static_cast<std::size_t>(j);
      solution.iterations[there] = result.sweeps;
      solution.status[there] = result.status;
      solution.flops[there] = result.flops;
    }
  });
  solution.codes = codes.assemble("CoordinateDescent");
  return solution;
}

}  // namespace detail

/// Coordinate descent with a working set: solves min_s 1/2 ||x - D s||^2 + g(s) for every
/// `LassoPenalty`; sparse codes. Models `SolverFor` and `WarmStartableFor` every explicit
/// dictionary.
///
///   s_i <- shrink(<d_i, x - D s> + ||d_i||^2 s_i, threshold_i) / (||d_i||^2 + ridge),   i in turn
///
/// Sweeps go over a working set alone, to which the atoms that violate their optimality condition
/// most are added round by round; atoms that the duality gap proves out of the solution are not
/// looked at again. A warm start, dense or sparse, begins with its support as the working set, so
/// that a code near the solution costs little more than the check that it is one. `encode` stops by
/// the gap in the element type; `solve` evaluates it anew, in double. Status: `converged`,
/// `precision_limit` where the element type cannot come closer, `max_iterations` at the cap; at
/// tolerance 0 `completed` for both.
/// Against `ActiveSet`: more and cheaper steps, no factorisation, no bound on the size of the
/// support. Cost: 2 num_atoms k flops a round and a signal for k atoms in use, through the Gram
/// matrix where the dictionary carries it or making it pays (else 2 dim (k + atoms that are left)),
/// and 2 w a changed coefficient of w in the working set.
///
/// Source: Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via
/// coordinate descent", 2010; Massias, Gramfort & Salmon, "Celer: a fast solver for the lasso with
/// dual extrapolation", 2018 (working sets).
///
/// @code
/// const CoordinateDescent solver(NonnegativeL1(0.05));
/// SparseCodes<float> codes = solver.encode(prepared, signals);
/// codes = CoordinateDescent(NonnegativeL1(0.04)).encode(prepared, signals, codes);  // warm
/// @endcode
template <LassoPenalty P>
class CoordinateDescent
    : public detail::SparseLassoSolver<CoordinateDescent<P>, P, CoordinateDescentOptions> {
  using Base = detail::SparseLassoSolver<CoordinateDescent<P>, P, CoordinateDescentOptions>;

 public:
  static constexpr const char* name = "CoordinateDescent";

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit CoordinateDescent(P penalty, CoordinateDescentOptions options = {})
      : Base(std::move(penalty), options, "max_iterations", options.max_iterations) {}

  /// The same solver, asking for no tolerance and taking this many sweeps, fewer where nothing
  /// moves.
  [[nodiscard]] CoordinateDescent with_steps(Index steps) const {
    auto options = this->options();
    options.tolerance = 0;
    options.max_iterations = steps;
    return CoordinateDescent(this->penalty(), options);
  }

 private:
  friend Base;

  template <class D, class Begin>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> descend(const D& d,
                                                           const MatrixArg<ScalarOf<D>>& signals,
                                                           const Begin& begin) const {
    return detail::descend_coordinates<P::nonnegative>(
        d, signals, detail::thresholds_of<ScalarOf<D>>(this->penalty(), d.num_atoms()),
        this->penalty().ridge(), this->options(), begin);
  }
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_COORDINATE_DESCENT_HPP
