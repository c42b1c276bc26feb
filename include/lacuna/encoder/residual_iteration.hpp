// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_RESIDUAL_ITERATION_HPP
#define LACUNA_ENCODER_RESIDUAL_ITERATION_HPP

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna::detail {

/// What greedy encoders share: correlate the residuals of a block of signals with all atoms in one
/// product, let each signal take its step, and drop those that are done, so that the products
/// shrink.
///
/// @param residuals  dim x n, at first the signals; work space from then on.
/// @param step       `bool step(j, correlations, residual)` for the signal j of [0, n), with its
/// column
///                   of D^T r and, writable, of r; true: it is done, and is not asked again.
template <ExplicitDictionary D, class Step>
void iterate_residuals(const D& d, Matrix<ScalarOf<D>>& residuals, Step&& step) {
  Index active = residuals.cols();
  std::vector<Index> origin(static_cast<std::size_t>(active));
  std::iota(origin.begin(), origin.end(), Index(0));
  Matrix<ScalarOf<D>> correlations(d.num_atoms(), active);
  while (active > 0) {
    correlations.leftCols(active).noalias() = d.atoms().transpose() * residuals.leftCols(active);
    // From the right, so that a signal moved into a gap has taken its step already.
    for (Index j = active - 1; j >= 0; --j) {
      const auto here = static_cast<std::size_t>(j);
      if (!step(origin[here], correlations.col(j), residuals.col(j))) continue;
      --active;
      if (j == active) continue;
      residuals.col(j) = residuals.col(active);
      origin[here] = origin[static_cast<std::size_t>(active)];
    }
  }
}

/// Where one signal stands in a greedy encoder.
struct GreedyState {
  double length = 0;  ///< ||x||
  double left = 0;    ///< ||x - D s||
  Index active = 0;   ///< entries of its code
  Index iterations = 0;
  Status status = Status::completed;
  std::int64_t flops = 0;

  /// For `return state.done(...)` in a step.
  bool done(Status how) {
    status = how;
    return true;
  }
};

/// The codes of a block of signals while they are being made: at most `most` entries each, in
/// memory that is taken once.
template <Real S>
class GreedyCodes {
 public:
  GreedyCodes(Index count, Index most)
      : most_(most),
        states_(static_cast<std::size_t>(count)),
        rows_(static_cast<std::size_t>(count * most)),
        values_(static_cast<std::size_t>(count * most)) {}

  [[nodiscard]] GreedyState& state(Index j) { return states_[static_cast<std::size_t>(j)]; }
  [[nodiscard]] Index* rows(Index j) { return rows_.data() + j * most_; }
  [[nodiscard]] S* values(Index j) { return values_.data() + j * most_; }

  /// Hands the block over: its entries to `part`, its account to `solution`.
  void finish(Block block, typename SparseBlocks<S>::Part& part,
              Solution<SparseCodes<S>>& solution) const {
    Index entries = 0;
    for (const GreedyState& state : states_) entries += state.active;
    part.reserve(block.count, entries);
    for (std::size_t j = 0; j < states_.size(); ++j) {
      const GreedyState& state = states_[j];
      const std::size_t begin = j * static_cast<std::size_t>(most_);
      for (std::size_t i = begin; i < begin + static_cast<std::size_t>(state.active); ++i)
        part.push(rows_[i], values_[i]);
      part.end_column();
      const std::size_t there = static_cast<std::size_t>(block.begin) + j;
      solution.iterations[there] = state.iterations;
      solution.status[there] = state.status;
      solution.flops[there] = state.flops;
    }
  }

 private:
  Index most_;
  std::vector<GreedyState> states_;
  std::vector<Index> rows_;
  std::vector<S> values_;
};

/// Signals a block: enough for an efficient product, few enough that their correlations stay in
/// cache.
[[nodiscard]] inline Index residual_block_size(Index num_atoms) {
  const Index fitting = (Index{1} << 16) / num_atoms;
  return fitting < 32 ? 32 : (fitting > 256 ? 256 : fitting);
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_RESIDUAL_ITERATION_HPP
