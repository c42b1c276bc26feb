// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SELECT_LARGEST_HPP
#define LACUNA_OPERATOR_SELECT_LARGEST_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// Finds the k largest of a list of numbers, with memory of its own that it keeps from call to
/// call.
///
/// @code
/// SelectLargest<float> select(num_atoms);
/// for (const Index i : select(code, 3, false)) ...  // where |code_i| is among the three largest
/// @endcode
template <Real S>
class SelectLargest {
 public:
  /// @param capacity  the longest list to come, so that no call allocates.
  explicit SelectLargest(Index capacity) {
    scores_.reserve(static_cast<std::size_t>(capacity));
    sorted_.reserve(static_cast<std::size_t>(capacity));
    chosen_.reserve(static_cast<std::size_t>(capacity));
  }

  /// Positions, ascending, of the k largest values above 0: of the magnitudes, or of the values
  /// themselves where `positive`. Of equal values the lower position wins. Fewer than k where fewer
  /// are above 0; valid until the next call. Cost: O(values.size()) on average.
  template <class Values>
  const std::vector<Index>& operator()(const Values& values, Index k, bool positive) {
    const Index size = values.size();
    scores_.clear();
    sorted_.clear();
    chosen_.clear();
    for (Index i = 0; i < size; ++i) {
      const S score = positive ? values[i] : std::abs(values[i]);
      scores_.push_back(score);
      if (score > S(0)) sorted_.push_back(score);
    }
    // What is above the k-th largest score is chosen, and of what equals it, the first positions.
    S smallest = std::numeric_limits<S>::denorm_min();
    Index equals = size;
    if (k <= 0) return chosen_;
    if (static_cast<Index>(sorted_.size()) > k) {
      const auto last = sorted_.begin() + (k - 1);
      std::nth_element(sorted_.begin(), last, sorted_.end(), std::greater<S>());
      smallest = *last;
      equals = k - std::count_if(sorted_.begin(), last, [&](S v) { return v > smallest; });
    }
    for (Index i = 0; i < size; ++i) {
      const S score = scores_[static_cast<std::size_t>(i)];
      if (score > smallest || (score == smallest && equals-- > 0)) chosen_.push_back(i);
    }
    return chosen_;
  }

 private:
  std::vector<S> scores_, sorted_;
  std::vector<Index> chosen_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SELECT_LARGEST_HPP
