// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_KEEP_ABOVE_HPP
#define LACUNA_OPERATOR_KEEP_ABOVE_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>

namespace lacuna {

/// kept = the entries of values, num_atoms x n, that are above the threshold of their row,
/// num_atoms; NaN is above nothing.
///
/// Cost: two passes, of which one looks closely only where a register's worth of entries has one to
/// keep. kept keeps its memory from call to call; the bits are the same at any number of threads.
/// @param threads  0 for all cores. @throws std::invalid_argument for 2^31 entries or more.
template <Real S>
void keep_above(const Matrix<S>& values, const Vector<S>& thresholds, SparseCodes<S>& kept,
                Index threads = 1) {
  using StorageIndex = typename SparseCodes<S>::StorageIndex;
  constexpr Index chunk = 16;
  const Index rows = values.rows(), n = values.cols();
  const Index columns = std::max<Index>(1, (Index{1} << 20) / std::max<Index>(1, rows));
  std::vector<Index> begin(static_cast<std::size_t>(n + 1), 0);
  for_each_block(n, columns, threads, [&](Block block, Index) {
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      StorageIndex count = 0;
      for (Index i = 0; i < rows; ++i) count += values(i, j) > thresholds[i] ? 1 : 0;
      begin[static_cast<std::size_t>(j + 1)] = count;
    }
  });
  for (std::size_t j = 1; j < begin.size(); ++j) begin[j] += begin[j - 1];
  require(begin.back() <= std::numeric_limits<StorageIndex>::max(), "keep_above",
          std::to_string(begin.back()) +
              " entries are too many for one sparse matrix: encode them in parts");
  kept.resize(rows, n);
  kept.resizeNonZeros(begin.back());
  for (Index j = 0; j <= n; ++j)
    kept.outerIndexPtr()[j] = static_cast<StorageIndex>(begin[static_cast<std::size_t>(j)]);
  for_each_block(n, columns, threads, [&](Block block, Index) {
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      Index next = begin[static_cast<std::size_t>(j)];
      const auto take = [&](Index i) {
        if (!(values(i, j) > thresholds[i])) return;
        kept.innerIndexPtr()[next] = static_cast<StorageIndex>(i);
        kept.valuePtr()[next++] = values(i, j);
      };
      Index i = 0;
      for (; i + chunk <= rows; i += chunk) {
        int any = 0;
        for (Index l = 0; l < chunk; ++l) any |= values(i + l, j) > thresholds[i + l] ? 1 : 0;
        if (any)
          for (Index l = 0; l < chunk; ++l) take(i + l);
      }
      for (; i < rows; ++i) take(i);
    }
  });
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_KEEP_ABOVE_HPP
