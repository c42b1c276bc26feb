// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_MARGINAL_THRESHOLD_HPP
#define LACUNA_ENCODER_MARGINAL_THRESHOLD_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <lacuna/core/solution.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `MarginalThreshold`.
struct MarginalThresholdOptions {
  double threshold = 0;     ///< taken off every correlation, at least 0
  Index k = 0;              ///< then keep the k largest; 0: all that is left
  bool nonnegative = true;  ///< codes max(c - threshold, 0); false: of either sign
  Index threads = 1;        ///< 0 for all cores; the same bits at any number
};

/// D^T x, thresholded once: each atom looks at the signal by itself, as if there were no others.
/// The cheapest encoder there is, and the baseline of the others. Models `SolverFor` every
/// dictionary.
///
///   c = D^T x;   s_i = max(c_i - threshold, 0)   or   sign(c_i) max(|c_i| - threshold, 0);
///   then, for k > 0, the k largest in magnitude. Of equal entries the lower atom wins.
///
/// Exact for an orthonormal dictionary, where it is the lasso's solution (k = 0) or the best
/// k-sparse code (threshold = 0); with other atoms the codes of neighbours leak into each other.
/// Sparse codes. Nothing is minimised, so the status is `completed`, `iterations` 0, the objective
/// 1/2 ||x - D s||^2 and `gap` NaN. Cost: 2 dim num_atoms flops a signal.
///
/// Source: Donoho & Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994
/// (thresholding); Fan & Lv, "Sure independence screening for ultrahigh dimensional feature space",
/// 2008 (the k largest).
///
/// @code
/// const SparseCodes<float> codes = MarginalThreshold({.k = 3}).encode(dictionary, signals);
/// @endcode
class MarginalThreshold {
 public:
  using Options = MarginalThresholdOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit MarginalThreshold(Options options) : options_(options) {
    require(options.threshold >= 0 && std::isfinite(options.threshold), "MarginalThreshold",
            "threshold must be finite and at least 0, is " + text_of(options.threshold));
    require(options.k >= 0, "MarginalThreshold",
            "k must be at least 0, is " + std::to_string(options.k));
    require(options.threads >= 0, "MarginalThreshold",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    check_encoding("MarginalThreshold", d, signals);
    const Index n = d.num_atoms(), most = options_.k > 0 ? std::min(options_.k, n) : n;
    constexpr Index block_size = 256;
    SparseBlocks<S> codes(n, signals.cols(), block_size);
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      Matrix<S> values = d.correlate(signals.middleCols(block.begin, block.count));
      shrink(values);
      auto& part = codes.part(block.index);
      // Without k the entries are counted, not guessed.
      part.reserve(block.count,
                   options_.k > 0 ? most * block.count : (values.array() != S(0)).count());
      SelectLargest<S> select(n);
      for (Index j = 0; j < block.count; ++j) {
        const S* column = values.col(j).data();
        if (options_.k > 0)
          for (const Index i : select(values.col(j), most, false)) part.push(i, column[i]);
        else
          for (Index i = 0; i < n; ++i) part.push(i, column[i]);
        part.end_column();
      }
    });
    return codes.assemble("MarginalThreshold");
  }

  /// Codes with objective 1/2 ||x - D s||^2 and flops.
  template <Dictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    Solution<SparseCodes<ScalarOf<D>>> solution(d.num_atoms(), signals.cols());
    solution.codes = encode(d, signals);
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    const std::int64_t m = d.dim(), n = d.num_atoms();
    const std::int64_t shrinking = options_.threshold > 0 ? n : 0;
    std::fill(solution.flops.begin(), solution.flops.end(), 2 * m * n + shrinking);
    return solution;
  }

 private:
  template <class S>
  void shrink(Matrix<S>& values) const {
    const S threshold = static_cast<S>(options_.threshold);
    auto v = values.array();
    if (options_.nonnegative)
      v = (v - threshold).max(S(0));
    else if (threshold > S(0))
      v = (v - threshold).max(S(0)) + (v + threshold).min(S(0));
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_MARGINAL_THRESHOLD_HPP
