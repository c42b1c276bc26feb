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
/// Of a list cut into chunks, the k-th largest of the chunks' maxima is at most the k-th largest
/// number. So one pass that compilers take a register at a time leaves few chunks to look into:
/// about k of them.
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
    const auto size = static_cast<std::size_t>(capacity);
    positions_.reserve(size);
    scores_.reserve(size);
    sorted_.reserve(size);
    maxima_.reserve(size / 8);
    chosen_.reserve(size);
  }

  /// Positions, ascending, of the k largest values above 0: of the magnitudes, or of the values
  /// themselves where `positive`. Of equal values the lower position wins. Fewer than k where fewer
  /// are above 0; valid until the next call. Cost: O(values.size()) on average.
  template <class Values>
  const std::vector<Index>& operator()(const Values& values, Index k, bool positive) {
    if (positive)
      select(values.size(), k, [&](Index i) { return S(values[i]); });
    else
      select(values.size(), k, [&](Index i) { return S(std::abs(values[i])); });
    return chosen_;
  }

 private:
  static std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }

  template <class Score>
  void select(Index size, Index k, const Score& score) {
    chosen_.clear();
    if (k <= 0) return;
    S least = std::numeric_limits<S>::denorm_min();
    Index taken = 0;
    // Chunks pay while a quarter of them, at most, is looked into.
    if (k <= size / (4 * 32))
      taken = take_by_chunks<32>(size, k, score, least);
    else if (k <= size / (4 * 8))
      taken = take_by_chunks<8>(size, k, score, least);
    else
      taken = take(0, size, score, least, 0);

    if (taken <= k) {
      chosen_.assign(positions_.begin(), positions_.begin() + taken);
      return;
    }
    // What is above the k-th largest score is chosen, and of what equals it, the first positions.
    sorted_.assign(scores_.begin(), scores_.begin() + taken);
    const S smallest = nth_largest(k);
    Index equals =
        k - std::count_if(sorted_.begin(), sorted_.begin() + k, [&](S v) { return v > smallest; });
    for (Index i = 0; i < taken; ++i) {
      const S value = scores_[to_size(i)];
      if (value > smallest || (value == smallest && equals-- > 0))
        chosen_.push_back(positions_[to_size(i)]);
    }
  }

  /// Takes at least the k largest that are above 0, and raises `least` to what they are not below.
  template <Index chunk, class Score>
  Index take_by_chunks(Index size, Index k, const Score& score, S& least) {
    const Index whole = size / chunk;
    maxima_.resize(to_size(whole));
    for (Index c = 0; c < whole; ++c) maxima_[to_size(c)] = maximum<chunk>(c * chunk, score);
    sorted_.assign(maxima_.begin(), maxima_.end());
    least = std::max(least, nth_largest(k));
    Index taken = 0;
    for (Index c = 0; c < whole; ++c)
      if (maxima_[to_size(c)] >= least)
        taken = take(c * chunk, (c + 1) * chunk, score, least, taken);
    return take(whole * chunk, size, score, least, taken);
  }

  /// Takes what is not below `least`, without a branch: which numbers are taken cannot be foreseen.
  template <class Score>
  Index take(Index begin, Index end, const Score& score, S least, Index taken) {
    const std::size_t room = to_size(taken + end - begin);
    if (room > positions_.size()) {
      positions_.resize(std::max(room, positions_.capacity()));
      scores_.resize(positions_.size());
    }
    for (Index i = begin; i < end; ++i) {
      const S value = score(i);
      positions_[to_size(taken)] = i;
      scores_[to_size(taken)] = value;
      taken += value >= least ? 1 : 0;
    }
    return taken;
  }

  /// The largest of a chunk, 0 if nothing is above it; NaN is above nothing. In eight lanes,
  /// because a compiler may not change the order of comparisons by itself.
  template <Index chunk, class Score>
  static S maximum(Index begin, const Score& score) {
    S lane[8] = {};
    for (Index i = 0; i < chunk; i += 8)
      for (Index l = 0; l < 8; ++l) {
        const S value = score(begin + i + l);
        lane[l] = value > lane[l] ? value : lane[l];
      }
    for (Index half = 4; half > 0; half /= 2)
      for (Index l = 0; l < half; ++l) lane[l] = std::max(lane[l], lane[l + half]);
    return lane[0];
  }

  /// The k-th largest of `sorted_`, which has at least k.
  S nth_largest(Index k) {
    const auto last = sorted_.begin() + (k - 1);
    std::nth_element(sorted_.begin(), last, sorted_.end(), std::greater<S>());
    return *last;
  }

  std::vector<Index> positions_, chosen_;
  std::vector<S> scores_, sorted_, maxima_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SELECT_LARGEST_HPP
