// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SELECT_LARGEST_HPP
#define LACUNA_OPERATOR_SELECT_LARGEST_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

namespace detail {

/// A number that exactly k of the values are not below; where equal ones make that impossible,
/// the k-th largest. None is below 0, none is NaN, and there are at least k.
///
/// By bisection: floating-point numbers from 0 on are in the order of their bits. Some ten
/// passes, each a register at a time; a selection by exchanges foresees none of its branches.
template <Real S>
[[nodiscard]] S cut_largest(const S* values, Index size, Index k) {
  using Bits = std::conditional_t<sizeof(S) == 4, std::int32_t, std::int64_t>;
  constexpr Index lanes = 8;  // in lanes, because a compiler may not change the order by itself
  S smallest[lanes], largest[lanes];
  std::fill_n(smallest, lanes, values[0]);
  std::fill_n(largest, lanes, values[0]);
  const auto compare = [&](S value, Index l) {
    smallest[l] = value < smallest[l] ? value : smallest[l];
    largest[l] = value > largest[l] ? value : largest[l];
  };
  Index i = 0;
  for (; i + lanes <= size; i += lanes)
    for (Index l = 0; l < lanes; ++l) compare(values[i + l], l);
  for (; i < size; ++i) compare(values[i], 0);
  for (Index l = 1; l < lanes; ++l) {
    smallest[0] = std::min(smallest[0], smallest[l]);
    largest[0] = std::max(largest[0], largest[l]);
  }
  // At least k values are not below low, fewer than k not below high.
  Bits low = std::bit_cast<Bits>(smallest[0]), high = std::bit_cast<Bits>(largest[0]) + 1;
  while (high - low > 1) {
    const Bits middle = low + (high - low) / 2;
    const S least = std::bit_cast<S>(middle);
    Bits count = 0;
    for (i = 0; i < size; ++i) count += values[i] >= least ? 1 : 0;
    if (count == k) return least;
    (count > k ? low : high) = middle;
  }
  return std::bit_cast<S>(low);
}

}  // namespace detail

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
    const S smallest = detail::cut_largest(scores_.data(), taken, k);
    Index equals = k - std::count_if(scores_.begin(), scores_.begin() + taken,
                                     [&](S v) { return v > smallest; });
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
    least = std::max(least, detail::cut_largest(maxima_.data(), whole, k));
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

  std::vector<Index> positions_, chosen_;
  std::vector<S> scores_, maxima_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SELECT_LARGEST_HPP
