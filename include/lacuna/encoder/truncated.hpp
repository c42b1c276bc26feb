// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_TRUNCATED_HPP
#define LACUNA_ENCODER_TRUNCATED_HPP

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `Truncated`.
struct TruncatedOptions {
  Index threads = 1;  ///< 0 for all cores; the same bits at any number. E has its own
};

/// The codes of any encoder, cut to their k largest entries in magnitude. Sparse codes, from dense
/// and sparse ones; the values that are kept are as they were (`Debiased` fits them). Models
/// `EncoderFor` every dictionary that E fits, and `SolverFor` where E says what its codes cost.
///
/// Of equal magnitudes the lower atom wins; an entry of 0 is never kept; k above num_atoms keeps
/// all others. Cost: that of E, and comparisons.
///
/// @code
/// const Truncated encoder(Fista(NonnegativeL1(0.05)), 3);
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
/// @endcode
template <class E>
class Truncated {
 public:
  using Options = TruncatedOptions;

  /// @param k  at least 1. @throws std::invalid_argument naming the argument that is out of range.
  Truncated(E encoder, Index k, Options options = {})
      : encoder_(std::move(encoder)), k_(k), options_(options) {
    require(k >= 1, "Truncated", "k must be at least 1, is " + std::to_string(k));
    require(options.threads >= 0, "Truncated",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const E& encoder() const noexcept { return encoder_; }
  [[nodiscard]] Index k() const noexcept { return k_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  requires EncoderFor<E, D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return cut<ScalarOf<D>>(encoder_.encode(d, signals));
  }

  /// Codes with objective 1/2 ||x - D s||^2, whatever E's own; E's flops and, where it is a solver,
  /// its status and iterations. The best k-sparse code is not known: `gap` is NaN.
  template <Dictionary D>
  requires CountableEncoderFor<E, D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    Solution<SparseCodes<S>> solution(d.num_atoms(), signals.cols());
    if constexpr (SolverFor<E, D>) {
      auto whole = encoder_.solve(d, signals);
      solution.codes = cut<S>(whole.codes);
      solution.iterations = std::move(whole.iterations);
      solution.status = std::move(whole.status);
      solution.flops = std::move(whole.flops);
      solution.setup_flops = whole.setup_flops;
    } else {
      solution.codes = encode(d, signals);
      std::fill(solution.flops.begin(), solution.flops.end(), encoder_.forward_flops(d));
    }
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    return solution;
  }

 private:
  template <Real S, CodesOf<S> Codes>
  [[nodiscard]] SparseCodes<S> cut(const Codes& codes) const {
    constexpr Index block_size = 256;
    SparseBlocks<S> kept(codes.rows(), codes.cols(), block_size);
    for_each_block(codes.cols(), block_size, options_.threads, [&](Block block, Index) {
      const Index end = block.begin + block.count;
      SelectLargest<S> select(codes.rows());
      auto& part = kept.part(block.index);
      // No more than there are: k may be millions, and the codes sparse.
      Index most = 0;
      for (Index j = block.begin; j < end; ++j) most += std::min(k_, size(codes, j));
      part.reserve(block.count, most);
      for (Index j = block.begin; j < end; ++j) {
        if constexpr (is_sparse_codes<Codes>) {
          // The entries of a column lie side by side.
          const Index begin = codes.outerIndexPtr()[j];
          const Eigen::Map<const Vector<S>> values(codes.valuePtr() + begin, size(codes, j));
          for (const Index i : select(values, k_, false))
            part.push(codes.innerIndexPtr()[begin + i], values[i]);
        } else {
          for (const Index i : select(codes.col(j), k_, false)) part.push(i, codes(i, j));
        }
        part.end_column();
      }
    });
    return kept.assemble("Truncated");
  }

  /// Entries of a column.
  template <class Codes>
  [[nodiscard]] static Index size(const Codes& codes, Index j) {
    if constexpr (is_sparse_codes<Codes>)
      // Codes made by insertion may have room between two columns.
      return codes.isCompressed() ? codes.outerIndexPtr()[j + 1] - codes.outerIndexPtr()[j]
                                  : codes.innerNonZeroPtr()[j];
    else
      return codes.rows();
  }

  E encoder_;
  Index k_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_TRUNCATED_HPP
