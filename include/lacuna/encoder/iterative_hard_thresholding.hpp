// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ITERATIVE_HARD_THRESHOLDING_HPP
#define LACUNA_ENCODER_ITERATIVE_HARD_THRESHOLDING_HPP

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

namespace lacuna {

/// Options of `IterativeHardThresholding`.
struct IterativeHardThresholdingOptions {
  Index k;  ///< active entries, at least 1; above num_atoms, all of them
  double tolerance =
      1e-7;  ///< stop once a step lowers ||x - D s|| by no more than this, times ||x||
  Index max_iterations = 500;  ///< the cap that always ends it
  bool nonnegative = false;    ///< codes >= 0
  Index threads = 1;           ///< 0 for all cores; the same bits at any number
};

/// Iterative hard thresholding: gradient steps on 1/2 ||x - D s||^2, of which the k largest entries
/// are kept each time. Sparse codes. Models `SolverFor` every explicit dictionary.
///
///   s <- H_k(s + mu D^T (x - D s))
///
/// H_k keeps the k entries of largest magnitude, or, with `nonnegative`, the k largest above 0. The
/// step is the normalised one: mu = ||g_I||^2 / ||D g_I||^2 for the gradient g on the support I,
/// which is exact on I; where the support would change, mu is halved until mu <= 0.99 ||s' - s||^2
/// / ||D(s' - s)||^2, so that ||x - D s|| never rises, whatever the scale of the dictionary. The
/// code ends at a fixed point, which need not be the best k-sparse code; it recovers codes where
/// few columns of D together are nearly orthonormal. Values on the support are those of the last
/// step: `Debiased` fits them.
///
/// Cost of a step: 2 dim num_atoms + O(dim k) flops. The problem is not convex: `gap` is NaN.
/// Status: `converged` where a step no longer lowers the residual by more than the tolerance (or
/// the residual is at rounding, so that a zero signal has an empty code), `max_iterations`
/// otherwise.
///
/// Source: Blumensath & Davies, "Iterative hard thresholding for compressed sensing", 2009;
/// "Normalized iterative hard thresholding: guaranteed stability and performance", 2010.
///
/// @code
/// const auto codes = IterativeHardThresholding({.k = 3}).encode(dictionary, signals);
/// @endcode
class IterativeHardThresholding {
 public:
  using Options = IterativeHardThresholdingOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit IterativeHardThresholding(Options options) : options_(options) {
    constexpr auto name = "IterativeHardThresholding";
    require(options.k >= 1, name, "k must be at least 1, is " + std::to_string(options.k));
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), name,
            "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
    require(options.max_iterations >= 0, name,
            "max_iterations must be at least 0, is " + std::to_string(options.max_iterations));
    require(options.threads >= 0, name,
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals).codes;
  }

  /// Codes with objective 1/2 ||x - D s||^2, steps, status and flops.
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
    check_encoding("IterativeHardThresholding", d, signals);
    Solution<SparseCodes<S>> solution(d.num_atoms(), signals.cols());
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    const Index block_size = detail::residual_block_size(d.num_atoms());
    SparseBlocks<S> codes(d.num_atoms(), signals.cols(), block_size);
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      const auto x = signals.middleCols(block.begin, block.count);
      Matrix<S> residuals = x;
      Steps<D> steps(d, options_, block.count);
      detail::iterate_residuals(d, residuals, [&](Index j, const auto& c, auto&& residual) {
        return steps.take(j, x.col(j), c, residual);
      });
      steps.finish(block, codes.part(block.index), solution);
    });
    solution.codes = codes.assemble("IterativeHardThresholding");
    return solution;
  }

  /// The codes of a block and the work space of a step.
  template <class D>
  class Steps {
   public:
    using S = ScalarOf<D>;

    Steps(const D& d, const Options& options, Index count)
        : d_(d),
          options_(options),
          k_(std::min(options.k, d.num_atoms())),
          select_(d.num_atoms()),
          moved_(d.num_atoms()),
          image_(d.dim()),
          next_residual_(d.dim()),
          codes_(count, k_) {}

    /// One step of the signal j; true where it is done.
    template <class X, class C, class R>
    [[nodiscard]] bool take(Index j, const X& x, const C& gradient, R&& residual) {
      detail::GreedyState& state = codes_.state(j);
      const std::int64_t m = d_.dim(), n = d_.num_atoms();
      if (state.iterations == 0) state.length = state.left = residual.norm();
      state.flops += 2 * m * n;
      constexpr S epsilon = std::numeric_limits<S>::epsilon();
      if (state.left <= 8 * static_cast<double>(epsilon) * state.length)
        return state.done(Status::converged);
      if (state.iterations == options_.max_iterations) return state.done(Status::max_iterations);
      Index* rows = codes_.rows(j);
      S* values = codes_.values(j);

      // The step that is exact on the support; of an empty code, on where the gradient is largest.
      S along = 0;
      image_.setZero();
      const auto spread = [&](Index i) {
        along += gradient[i] * gradient[i];
        image_ += gradient[i] * d_.atoms().col(i);
      };
      Index on = state.active;
      if (on > 0) {
        for (Index i = 0; i < on; ++i) spread(rows[i]);
      } else {
        const auto& largest = select_(gradient, k_, options_.nonnegative);
        on = static_cast<Index>(largest.size());
        for (const Index i : largest) spread(i);
      }
      state.flops += 2 * (m + 1) * on + 2 * m + 1;
      S step = along / image_.squaredNorm();
      // No atom goes downhill, or the code is at rounding from the least squares on its support.
      if (!(along > S(0)) || !std::isfinite(step)) return state.done(Status::converged);

      for (int halvings = 0; halvings < 60; ++halvings, step /= 2) {
        moved_ = step * gradient;
        for (Index i = 0; i < state.active; ++i) moved_[rows[i]] += values[i];
        const auto& support = select_(moved_, k_, options_.nonnegative);
        next_residual_ = x;
        for (const Index i : support) next_residual_ -= moved_[i] * d_.atoms().col(i);
        state.flops += n + state.active + 2 * m * static_cast<Index>(support.size());
        if (!std::equal(support.begin(), support.end(), rows, rows + state.active) &&
            state.active > 0) {
          const S apart = squared_distance(support, rows, values, state.active);
          state.flops += 3 * m + 3 * (static_cast<Index>(support.size()) + state.active) + 2;
          if (!(step * (residual - next_residual_).squaredNorm() <= S(0.99) * apart)) continue;
        }
        return accept(state, support, rows, values, residual);
      }
      return state.done(Status::converged);
    }

    void finish(Block block, typename SparseBlocks<S>::Part& part,
                Solution<SparseCodes<S>>& solution) const {
      codes_.finish(block, part, solution);
    }

   private:
    /// Takes the step if it goes downhill; true where it was the last.
    template <class R>
    [[nodiscard]] bool accept(detail::GreedyState& state, const std::vector<Index>& support,
                              Index* rows, S* values, R& residual) {
      const double left = static_cast<double>(next_residual_.norm());
      const double fall = state.left - left;
      state.flops += 2 * d_.dim();
      ++state.iterations;
      if (!(fall > 0)) return state.done(Status::converged);
      state.active = static_cast<Index>(support.size());
      for (Index i = 0; i < state.active; ++i) {
        rows[i] = support[static_cast<std::size_t>(i)];
        values[i] = moved_[rows[i]];
      }
      state.left = left;
      residual = next_residual_;
      return fall <= options_.tolerance * state.length && state.done(Status::converged);
    }

    /// ||s' - s||^2 of the code that moved and the code that was, both in order of their rows.
    [[nodiscard]] S squared_distance(const std::vector<Index>& support, const Index* rows,
                                     const S* values, Index active) const {
      S sum = 0;
      std::size_t a = 0;
      Index b = 0;
      const Index end = d_.num_atoms();
      while (a < support.size() || b < active) {
        const Index row_a = a < support.size() ? support[a] : end,
                    row_b = b < active ? rows[b] : end;
        const S now = row_a <= row_b ? moved_[support[a++]] : S(0);
        const S was = row_b <= row_a ? values[b++] : S(0);
        sum += (now - was) * (now - was);
      }
      return sum;
    }

    const D& d_;
    const Options& options_;
    Index k_;
    SelectLargest<S> select_;
    Vector<S> moved_, image_, next_residual_;
    detail::GreedyCodes<S> codes_;
  };

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ITERATIVE_HARD_THRESHOLDING_HPP
