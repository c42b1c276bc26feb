// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_KEEP_LARGEST_HPP
#define LACUNA_OPERATOR_KEEP_LARGEST_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/select_largest.hpp>

namespace lacuna {

namespace detail {

/// Refuses more entries than sparse codes can count.
inline void check_entries(Index most, Index n) {
  require(n == 0 || most <= std::numeric_limits<SparseCodes<float>::StorageIndex>::max() / n,
          "sparse codes",
          std::to_string(n) + " signals of up to " + std::to_string(most) +
              " entries exceed 2^31: encode them in parts");
}

/// Closes the gaps: column j has count[j] entries, written from place j * most on.
template <Real S>
void close_gaps(Index most, const std::vector<Index>& count, SparseCodes<S>& codes) {
  using StorageIndex = typename SparseCodes<S>::StorageIndex;
  Index next = 0;
  for (Index j = 0; j < codes.cols(); ++j) {
    const Index kept = count[static_cast<std::size_t>(j)], from = j * most;
    codes.outerIndexPtr()[j] = static_cast<StorageIndex>(next);
    if (next != from) {
      std::copy_n(codes.innerIndexPtr() + from, kept, codes.innerIndexPtr() + next);
      std::copy_n(codes.valuePtr() + from, kept, codes.valuePtr() + next);
    }
    next += kept;
  }
  codes.outerIndexPtr()[codes.cols()] = static_cast<StorageIndex>(next);
  codes.resizeNonZeros(next);
}

}  // namespace detail

/// kept = of each column of values, num_atoms x n, the k largest entries that are above 0, in order
/// of their row; of equal entries the lower row wins. k above num_atoms keeps all that are above 0.
///
/// Cost: O(num_atoms) a column on average; for k far below num_atoms little more than one pass.
/// kept keeps its memory from call to call.
/// @param threads  0 for all cores. @throws std::invalid_argument for 2^31 entries or more.
template <Real S>
void keep_largest_positive(const Matrix<S>& values, Index k, SparseCodes<S>& kept,
                           Index threads = 1) {
  using StorageIndex = typename SparseCodes<S>::StorageIndex;
  const Index n = values.cols(), most = std::clamp<Index>(k, 0, values.rows());
  detail::check_entries(most, n);
  kept.resize(values.rows(), n);
  kept.resizeNonZeros(most * n);
  std::vector<Index> count(static_cast<std::size_t>(n));
  const Index columns = std::max<Index>(1, (Index{1} << 20) / std::max<Index>(1, values.rows()));
  for_each_block(n, columns, threads, [&](Block block, Index) {
    SelectLargest<S> select(values.rows());
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      const std::vector<Index>& rows = select(values.col(j), most, true);
      Index next = j * most;
      for (const Index row : rows) {
        kept.innerIndexPtr()[next] = static_cast<StorageIndex>(row);
        kept.valuePtr()[next++] = values(row, j);
      }
      count[static_cast<std::size_t>(j)] = static_cast<Index>(rows.size());
    }
  });
  detail::close_gaps(most, count, kept);
}

/// kept = of all values together the k n largest that are above 0; of equal entries the first,
/// column by column. A column may keep many, or none. The rest as `keep_largest_positive`.
template <Real S>
void keep_largest_positive_of_batch(const Matrix<S>& values, Index k, SparseCodes<S>& kept,
                                    SelectLargest<S>& select) {
  using StorageIndex = typename SparseCodes<S>::StorageIndex;
  const Index n = values.cols(), num_atoms = values.rows();
  const Index most = std::clamp<Index>(k, 0, num_atoms);
  detail::check_entries(most, n);
  const std::vector<Index>& places = select(values.reshaped(), most * n, true);
  kept.resize(num_atoms, n);
  kept.resizeNonZeros(static_cast<Index>(places.size()));
  Index next = 0, j = 0;
  for (const Index place : places) {
    while (place >= (j + 1) * num_atoms)
      kept.outerIndexPtr()[++j] = static_cast<StorageIndex>(next);
    kept.innerIndexPtr()[next] = static_cast<StorageIndex>(place - j * num_atoms);
    kept.valuePtr()[next++] = values.data()[place];
  }
  while (j < n) kept.outerIndexPtr()[++j] = static_cast<StorageIndex>(next);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_KEEP_LARGEST_HPP
