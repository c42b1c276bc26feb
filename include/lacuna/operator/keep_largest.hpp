// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_KEEP_LARGEST_HPP
#define LACUNA_OPERATOR_KEEP_LARGEST_HPP

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
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
  std::vector<S> positive;
  positive.reserve(static_cast<std::size_t>(values.rows()));
  Index next = 0;
  for (Index j = 0; j < n; ++j) {
    kept.outerIndexPtr()[j] = static_cast<StorageIndex>(next);
    // What is above the k-th largest value is kept, and of what equals it, the first rows.
    S smallest = std::numeric_limits<S>::denorm_min();
    Index equals = most;
    positive.clear();
    for (Index i = 0; i < values.rows(); ++i)
      if (values(i, j) > S(0)) positive.push_back(values(i, j));
    if (most > 0 && static_cast<Index>(positive.size()) > most) {
      const auto last = positive.begin() + (most - 1);
      std::nth_element(positive.begin(), last, positive.end(), std::greater<S>());
      smallest = *last;
      equals = most - std::count_if(positive.begin(), last, [&](S v) { return v > smallest; });
    }
    const Index end = next + most;
    for (Index i = 0; i < values.rows() && next < end; ++i) {
      const S value = values(i, j);
      if (!(value > smallest) && !(value == smallest && equals-- > 0)) continue;
      kept.innerIndexPtr()[next] = static_cast<StorageIndex>(i);
      kept.valuePtr()[next++] = value;
    }
  }
  kept.outerIndexPtr()[n] = static_cast<StorageIndex>(next);
  kept.resizeNonZeros(next);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_KEEP_LARGEST_HPP
