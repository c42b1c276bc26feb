// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_COSAMP_HPP
#define LACUNA_ENCODER_COSAMP_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/residual_iteration.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/sparse_blocks.hpp>
#include <lacuna/operator/support_least_squares.hpp>

namespace lacuna {

/// Options of `Cosamp`.
struct CosampOptions {
  Index k;               ///< active entries, at least 1; above what the dictionary can give, all
  double tolerance = 0;  ///< stop earlier once ||x - D s|| <= tolerance ||x||
  Index max_iterations = 100;  ///< the cap that always ends it
  bool nonnegative = false;    ///< codes >= 0, by non-negative least squares
  Index threads = 1;           ///< 0 for all cores; the same bits at any number
};

/// Compressive sampling matching pursuit: each iteration adds the 2k atoms that correlate most with
/// the residual to the support, fits them all, and keeps the k largest. Unlike a pursuit it takes
/// back what it chose wrongly. Sparse codes. Models `SolverFor` every explicit dictionary.
///
///   T <- supp(s) + the 2k largest |D^T r|;   b <- argmin ||x - D_T b||;   I <- the k largest |b|;
///   s <- argmin ||x - D_I s||;   r <- x - D s
///
/// The second fit is the paper's own remark: with it the residual is orthogonal to the support.
/// With `nonnegative`, the largest correlations above 0, and both fits over b >= 0. T holds at most
/// dim atoms: the guarantees are for 3k <= dim. An iteration that does not lower ||r|| is undone
/// and ends it.
///
/// Cost of an iteration: 2 dim num_atoms + O(dim k^2) flops. The problem is not convex: `gap` is
/// NaN. Status: `converged` where the residual no longer fell or the tolerance was reached (a zero
/// signal has an empty code), `max_iterations` otherwise.
///
/// Source: Needell & Tropp, "CoSaMP: iterative signal recovery from incomplete and inaccurate
/// samples", 2009.
///
/// @code
/// const SparseCodes<float> codes = Cosamp({.k = 20}).encode(dictionary, signals);
/// @endcode
class Cosamp {
 public:
  using Options = CosampOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Cosamp(Options options) : options_(options) {
    require(options.k >= 1, "Cosamp", "k must be at least 1, is " + std::to_string(options.k));
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), "Cosamp",
            "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
    require(options.max_iterations >= 0, "Cosamp",
            "max_iterations must be at least 0, is " + std::to_string(options.max_iterations));
    require(options.threads >= 0, "Cosamp",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals).codes;
  }

  /// Codes with objective 1/2 ||x - D s||^2, iterations, status and flops.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    auto solution = run(d, signals);
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    return solution;
  }

 private:
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    check_encoding("Cosamp", d, signals);
    Solution<SparseCodes<S>> solution(d.num_atoms(), signals.cols());
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    const Index block_size = detail::residual_block_size(d.num_atoms());
    SparseBlocks<S> codes(d.num_atoms(), signals.cols(), block_size);
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      const auto x = signals.middleCols(block.begin, block.count);
      Matrix<S> residuals = x;
      Rounds<D> rounds(d, options_, block.count);
      detail::iterate_residuals(d, residuals, [&](Index j, const auto& c, auto&& residual) {
        return rounds.take(j, x.col(j), c, residual);
      });
      rounds.finish(block, codes.part(block.index), solution);
    });
    solution.codes = codes.assemble("Cosamp");
    return solution;
  }

  /// The codes of a block and the work space of an iteration.
  template <class D>
  class Rounds {
   public:
    using S = ScalarOf<D>;

    Rounds(const D& d, const Options& options, Index count)
        : d_(d),
          options_(options),
          k_(std::min({options.k, d.num_atoms(), d.dim()})),
          widest_(std::min({3 * k_, d.num_atoms(), d.dim()})),
          select_atoms_(d.num_atoms()),
          select_weights_(widest_),
          fit_(d, widest_),
          candidates_(d.num_atoms()),
          weights_(widest_),
          codes_(count, k_) {
      wide_.reserve(static_cast<std::size_t>(widest_));
      narrow_.reserve(static_cast<std::size_t>(k_));
    }

    /// One iteration of the signal j; true where it is done.
    template <class X, class C, class R>
    [[nodiscard]] bool take(Index j, const X& x, const C& correlations, R&& residual) {
      detail::GreedyState& state = codes_.state(j);
      if (state.iterations == 0) state.length = state.left = residual.norm();
      state.flops += 2 * std::int64_t{d_.dim()} * d_.num_atoms();
      constexpr double rounding = 8 * static_cast<double>(std::numeric_limits<S>::epsilon());
      if (state.left <= std::max(options_.tolerance, rounding) * state.length)
        return state.done(Status::converged);
      if (state.iterations == options_.max_iterations) return state.done(Status::max_iterations);
      Index* rows = codes_.rows(j);
      S* values = codes_.values(j);

      // The support first, so that it is not what is passed over for being dependent.
      wide_.assign(rows, rows + state.active);
      candidates_ = correlations;
      for (Index i = 0; i < state.active; ++i) candidates_[rows[i]] = S(0);
      const Index room = std::min(2 * k_, widest_ - state.active);
      for (const Index i : select_atoms_(candidates_, room, options_.nonnegative))
        wide_.push_back(i);
      fit_.fit(x, wide_, options_.nonnegative);
      state.flops += fit_.flops();

      const auto size = static_cast<Index>(wide_.size());
      for (std::size_t i = 0; i < wide_.size(); ++i)
        weights_[static_cast<Index>(i)] = fit_.weight(i);
      narrow_.clear();
      for (const Index i : select_weights_(weights_.head(size), k_, options_.nonnegative))
        narrow_.push_back(wide_[static_cast<std::size_t>(i)]);
      std::sort(narrow_.begin(), narrow_.end());
      fit_.fit(x, narrow_, options_.nonnegative);
      const double left = static_cast<double>(fit_.residual().norm());
      state.flops += fit_.flops() + 2 * d_.dim();
      ++state.iterations;
      if (!(left < state.left)) return state.done(Status::converged);
      state.left = left;
      state.active = static_cast<Index>(narrow_.size());
      for (std::size_t i = 0; i < narrow_.size(); ++i) {
        rows[i] = narrow_[i];
        values[i] = fit_.weight(i);
      }
      residual = fit_.residual();
      return false;
    }

    void finish(Block block, typename SparseBlocks<S>::Part& part,
                Solution<SparseCodes<S>>& solution) const {
      codes_.finish(block, part, solution);
    }

   private:
    const D& d_;
    const Options& options_;
    Index k_, widest_;
    SelectLargest<S> select_atoms_, select_weights_;
    SupportLeastSquares<D> fit_;
    Vector<S> candidates_, weights_;
    detail::GreedyCodes<S> codes_;
    std::vector<Index> wide_, narrow_;
  };

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_COSAMP_HPP
