// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_KEEP_LARGEST_HPP
#define LACUNA_OPERATOR_KEEP_LARGEST_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// kept = of each column of values, num_atoms x n, the k largest entries that are above 0, in order of
/// their row; of equal entries the lower row wins. k above num_atoms keeps all that are above 0.
///
/// Cost: O(num_atoms) a column on average. kept keeps its memory from call to call.
template <Real S>
void keep_largest_positive(const Matrix<S>& values, Index k, SparseCodes<S>& kept) {
  using StorageIndex = typename SparseCodes<S>::StorageIndex;
  const Index n = values.cols(), most = std::clamp<Index>(k, 0, values.rows());
  kept.resize(values.rows(), n);
  kept.resizeNonZeros(most * n);
  std::vector<StorageIndex> order;
  order.reserve(static_cast<std::size_t>(values.rows()));
  Index next = 0;
  for (Index j = 0; j < n; ++j) {
    kept.outerIndexPtr()[j] = static_cast<StorageIndex>(next);
    order.clear();
    for (Index i = 0; i < values.rows(); ++i)
      if (values(i, j) > S(0)) order.push_back(static_cast<StorageIndex>(i));
    if (static_cast<Index>(order.size()) > most) {
      std::nth_element(order.begin(), order.begin() + most, order.end(),
                       [&](StorageIndex a, StorageIndex b) {
                         return values(a, j) > values(b, j) ||
                                (values(a, j) == values(b, j) && a < b);
                       });
      order.resize(static_cast<std::size_t>(most));
      std::sort(order.begin(), order.end());
    }
    for (const StorageIndex i : order) {
      kept.innerIndexPtr()[next] = i;
      kept.valuePtr()[next++] = values(i, j);
    }
  }
  kept.outerIndexPtr()[n] = static_cast<StorageIndex>(next);
  kept.resizeNonZeros(next);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_KEEP_LARGEST_HPP
