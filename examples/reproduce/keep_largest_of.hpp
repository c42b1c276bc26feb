// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_KEEP_LARGEST_OF_HPP
#define LACUNA_EXAMPLES_REPRODUCE_KEEP_LARGEST_OF_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>

#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>
#include <lacuna/core/real.hpp>
#include <lacuna/operator/transpose.hpp>

namespace lacuna::examples {

/// The latents of the paper's experiments with TopK.
inline constexpr Index most_rows = 16;

/// Of a sorting network: the larger of the two goes to the first place.
struct Comparison {
  Index first, second;
};

/// Batcher's odd-even merge sort of 16 ("Sorting networks and their applications", 1968), in falling
/// order.
[[nodiscard]] constexpr std::array<Comparison, 63> sorting_network() {
  std::array<Comparison, 63> network{};
  std::size_t next = 0;
  for (Index p = 1; p < most_rows; p *= 2)
    for (Index k = p; k >= 1; k /= 2)
      for (Index j = k % p; j + k < most_rows; j += 2 * k)
        for (Index i = j; i < std::min(j + k, most_rows - k); ++i)
          if (i / (2 * p) == (i + k) / (2 * p)) network[next++] = {i, i + k};
  return network;
}

/// Zeroes what is not among the k largest of its column in `by`, k at least 1; of equals the first are
/// kept. Columns are sorted side by side, by parts of the library that are not for its users: meant for
/// few rows.
/// @param zero  a value whose codes are 0, so that it does not matter which of several are kept.
template <Real S>
void keep_largest_of(const Matrix<S>& by, Index k, Matrix<S>& codes,
                     std::type_identity_t<S> zero = std::numeric_limits<S>::lowest()) {
  constexpr Index lanes = detail::square_side;  // columns at once
  static constexpr auto network = sorting_network();
  using Lanes = Eigen::Array<S, lanes, 1>;
  const Index rows = by.rows();
  require(k >= 1 && rows <= most_rows, "keep_largest_of", "k at least 1, and at most 16 rows");
  if (k >= rows) return;
  alignas(EIGEN_MAX_ALIGN_BYTES) S sorted[most_rows * lanes];
  for (Index begin = 0; begin < by.cols(); begin += lanes) {
    const Index count = std::min(lanes, by.cols() - begin);
    std::fill_n(sorted, std::size(sorted), std::numeric_limits<S>::lowest());
    detail::transpose(by.col(begin).data(), rows, count, by.outerStride(), sorted, lanes);
    for (const auto& [first, second] : network) {
      Eigen::Map<Lanes, Eigen::AlignedMax> a(sorted + first * lanes), b(sorted + second * lanes);
      const Lanes smaller = a.min(b);
      a = a.max(b);
      b = smaller;
    }
    const S* least_kept = sorted + (k - 1) * lanes;
    const S* largest_cut = sorted + k * lanes;
    for (Index l = 0; l < count; ++l) {
      const S* key = by.col(begin + l).data();
      S* code = codes.col(begin + l).data();
      const S least = least_kept[l];
      if (largest_cut[l] == least && least != zero) {
        std::int32_t left = static_cast<std::int32_t>(k);
        for (Index r = 0; r < rows; ++r) left -= key[r] > least ? 1 : 0;
        for (Index r = 0; r < rows; ++r)
          if (key[r] == least && left-- <= 0) code[r] = 0;
      }
      for (Index r = 0; r < rows; ++r) code[r] = key[r] < least ? S(0) : code[r];  // NaN stays
    }
  }
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_KEEP_LARGEST_OF_HPP
