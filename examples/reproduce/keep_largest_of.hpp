// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_KEEP_LARGEST_OF_HPP
#define LACUNA_EXAMPLES_REPRODUCE_KEEP_LARGEST_OF_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <limits>
#include <type_traits>
#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>
#include <lacuna/core/real.hpp>
#include <lacuna/operator/transpose.hpp>

namespace lacuna::examples {

/// The latents of the paper's experiments with TopK, which are sorted by halves.
inline constexpr Index most_rows = 16, half = most_rows / 2;

/// Of a sorting network: the larger of the two goes to the first place.
struct Comparison {
  Index first, second;
};

/// Batcher's odd-even merge sort of 8 ("Sorting networks and their applications", 1968), in falling
/// order.
[[nodiscard]] constexpr std::array<Comparison, 19> sorting_network() {
  std::array<Comparison, 19> network{};
  std::size_t next = 0;
  for (Index p = 1; p < half; p *= 2)
    for (Index k = p; k >= 1; k /= 2)
      for (Index j = k % p; j + k < half; j += 2 * k)
        for (Index i = j; i < std::min(j + k, half - k); ++i)
          if (i / (2 * p) == (i + k) / (2 * p)) network[next++] = {i, i + k};
  return network;
}

/// Columns side by side, a register of floats.
template <Real S>
using Lanes = Eigen::Array<S, 8, 1>;

/// Eight numbers of each lane, in falling order, after one that is larger than all. Without a loop, so
/// that they stay in registers.
template <Real S>
struct SortedHalf {
  Lanes<S> at[half + 1];

  /// @param from  the numbers, `stride` apart.
  SortedHalf(const S* from, Index stride) {
    static constexpr auto network = sorting_network();
    [&]<std::size_t... c>(std::index_sequence<c...>) {
      Lanes<S> v[half];
      for (Index i = 0; i < half; ++i)
        v[i] = Eigen::Map<const Lanes<S>, Eigen::AlignedMax>(from + i * stride);
      const auto compare = [&v](Index first, Index second) {
        const Lanes<S> smaller = v[first].min(v[second]);
        v[first] = v[first].max(v[second]);
        v[second] = smaller;
      };
      (compare(network[c].first, network[c].second), ...);
      at[0].setConstant(std::numeric_limits<S>::infinity());
      for (Index i = 0; i < half; ++i) at[i + 1] = v[i];
    }
    (std::make_index_sequence<network.size()>());
  }
};

/// The k-th largest number of both: i of one half and k - i of the other are among the k largest, and
/// the smaller of their last ones is largest for the right i.
template <Real S>
[[nodiscard]] Lanes<S> kth_largest(const SortedHalf<S>& a, const SortedHalf<S>& b, Index k) {
  Lanes<S> result = Lanes<S>::Constant(-std::numeric_limits<S>::infinity());
  for (Index i = std::max<Index>(0, k - half); i <= std::min(k, half); ++i)
    result = result.max(a.at[i].min(b.at[k - i]));
  return result;
}

/// Zeroes what is not among the k largest of its column in `by`, k at least 1; of equals the first are
/// kept. Columns are sorted side by side, by parts of the library that are not for its users: meant for
/// few rows.
/// @param codes  of the shape of `by`; may be `by` where that has no number below 0 and `zero` is 0.
/// @param zero   a value whose codes are 0, so that it does not matter which of several are kept.
template <Real S>
void keep_largest_of(const Matrix<S>& by, Index k, Matrix<S>& codes,
                     std::type_identity_t<S> zero = std::numeric_limits<S>::lowest()) {
  constexpr Index side = detail::square_side, lanes = Lanes<S>::SizeAtCompileTime;
  const Index rows = by.rows();
  require(k >= 1 && rows <= most_rows, "keep_largest_of", "k at least 1, and at most 16 rows");
  if (k >= rows) return;
  alignas(EIGEN_MAX_ALIGN_BYTES) S turned[most_rows * side];
  std::fill_n(turned, std::size(turned), std::numeric_limits<S>::lowest());
  alignas(EIGEN_MAX_ALIGN_BYTES) S least_kept[side], largest_cut[side];
  const auto cut_columns = [&](Index begin, Index count, auto height) {
    for (Index l = 0; l < count; ++l) {
      const S* key = by.col(begin + l).data();
      S* code = codes.col(begin + l).data();
      S kept[most_rows];
      for (Index r = 0; r < height; ++r) kept[r] = key[r] < least_kept[l] ? S(0) : code[r];  // NaN stays
      for (Index r = 0; r < height; ++r) code[r] = kept[r];
    }
  };
  for (Index begin = 0; begin < by.cols(); begin += side) {
    const Index count = std::min(side, by.cols() - begin);
    detail::transpose(by.col(begin).data(), rows, count, by.outerStride(), turned, side);
    for (Index l = 0; l < side; l += lanes) {
      const SortedHalf<S> a(turned + l, side), b(turned + half * side + l, side);
      Eigen::Map<Lanes<S>, Eigen::AlignedMax>(least_kept + l) = kth_largest(a, b, k);
      Eigen::Map<Lanes<S>, Eigen::AlignedMax>(largest_cut + l) = kth_largest(a, b, k + 1);
    }
    int ties = 0;
    for (Index l = 0; l < side; ++l)
      ties |= static_cast<int>(largest_cut[l] == least_kept[l]) &
              static_cast<int>(least_kept[l] != zero);
    if (ties != 0)
      for (Index l = 0; l < count; ++l) {
        if (least_kept[l] == zero) continue;
        auto left = k - (by.col(begin + l).array() > least_kept[l]).count();
        for (Index r = 0; r < rows; ++r)
          if (by(r, begin + l) == least_kept[l] && left-- <= 0) codes(r, begin + l) = 0;
      }
    if (rows == most_rows)
      cut_columns(begin, count, std::integral_constant<Index, most_rows>());
    else
      cut_columns(begin, count, rows);
  }
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_KEEP_LARGEST_OF_HPP
