// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_REFIT_CODES_HPP
#define LACUNA_OPERATOR_REFIT_CODES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/sparse_blocks.hpp>
#include <lacuna/operator/support_least_squares.hpp>

namespace lacuna {

namespace detail {

/// Finds the support of one code after another.
template <Real S>
class Supports {
 public:
  Supports(Index num_atoms, Index dim, double active)
      : dim_(dim), active_(active), select_(num_atoms), values_(num_atoms) {
    rows_.reserve(static_cast<std::size_t>(num_atoms));
  }

  /// At most dim atoms, ascending.
  [[nodiscard]] const std::vector<Index>& of(const Matrix<S>& codes, Index j) {
    rows_.clear();
    for (Index i = 0; i < codes.rows(); ++i) take(i, codes(i, j));
    return cut();
  }
  [[nodiscard]] const std::vector<Index>& of(const SparseCodes<S>& codes, Index j) {
    rows_.clear();
    for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
      take(entry.row(), entry.value());
    return cut();
  }

 private:
  void take(Index row, S value) {
    if (!(static_cast<double>(std::abs(value)) > active_)) return;
    values_[static_cast<Index>(rows_.size())] = value;
    rows_.push_back(row);
  }

  [[nodiscard]] const std::vector<Index>& cut() {
    const auto size = static_cast<Index>(rows_.size());
    if (size <= dim_) return rows_;
    std::size_t kept = 0;
    for (const Index i : select_(values_.head(size), dim_, false))
      rows_[kept++] = rows_[static_cast<std::size_t>(i)];
    rows_.resize(kept);
    return rows_;
  }

  Index dim_;
  double active_;
  SelectLargest<S> select_;
  Vector<S> values_;
  std::vector<Index> rows_;
};

}  // namespace detail

/// Options of `refit_codes`.
struct RefitOptions {
  bool nonnegative = false;  ///< weights >= 0, so some of a support may end at 0
  double active = 0;         ///< an entry of a larger magnitude belongs to the support
  Index threads = 1;         ///< 0 for all cores; the same bits at any number
};

/// The least squares fit of signals, dim x n, on the supports of codes, num_atoms x n of either
/// form. A support larger than dim is first cut to its dim largest entries; entries of 0 are left
/// out. Shapes are the caller's to check.
///
/// Cost: that of `SupportLeastSquares`, a signal.
/// @param flops  n, to which what each signal took is added.
template <ExplicitDictionary D, CodesOf<ScalarOf<D>> Codes>
[[nodiscard]] SparseCodes<ScalarOf<D>> refit_codes(const char* where, const D& d,
                                                   const MatrixArg<ScalarOf<D>>& signals,
                                                   const Codes& codes, const RefitOptions& options,
                                                   std::vector<std::int64_t>& flops) {
  using S = ScalarOf<D>;
  constexpr Index block_size = 64;
  SparseBlocks<S> fitted(d.num_atoms(), signals.cols(), block_size);
  for_each_block(signals.cols(), block_size, options.threads, [&](Block block, Index) {
    detail::Supports<S> supports(d.num_atoms(), d.dim(), options.active);
    // As large as the block needs: room for the square of dim at once would be too much of it.
    Index most = 0, entries = 0;
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      const auto size = static_cast<Index>(supports.of(codes, j).size());
      most = std::max(most, size);
      entries += size;
    }
    SupportLeastSquares<D> least_squares(d, most);
    auto& part = fitted.part(block.index);
    part.reserve(block.count, entries);
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      const std::vector<Index>& support = supports.of(codes, j);
      least_squares.fit(signals.col(j), support, options.nonnegative);
      for (std::size_t i = 0; i < support.size(); ++i)
        part.push(support[i], least_squares.weight(i));
      part.end_column();
      flops[static_cast<std::size_t>(j)] += least_squares.flops();
    }
  });
  return fitted.assemble(where);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_REFIT_CODES_HPP
