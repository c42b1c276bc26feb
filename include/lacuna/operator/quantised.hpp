// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_QUANTISED_HPP
#define LACUNA_OPERATOR_QUANTISED_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/integer_tile.hpp>

namespace lacuna::detail {

/// Vectors as 16-bit integers, v ~ scale q with |v_k - scale q_k| <= scale / 2 (but for the
/// rounding of floats), for products that say which products of the vectors are worth making.
///
/// Scales are so large that no sum of products of two such vectors leaves 32 bits: by Cauchy and
/// Schwarz it is at most |q| |q'|, for which |q| <= 46340 will do. No entry leaves 16 bits. A
/// vector of 0 has scale 0. With
///
///   v.v' = scale scale' (q.q' + error),  |error| <= (|q| + |q'|) sqrt(dim) / 2 + dim / 4
///
/// the error is at most `error_bound(dim)`.
class Quantised {
 public:
  /// More entries would leave room for rounding in lengths that are summed up in floats.
  static constexpr Index most_dim = Index{1} << 14;

  /// Of v.v' in units of both scales. What is above the formula is for the rounding of floats.
  [[nodiscard]] static float error_bound(Index dim) {
    const auto d = static_cast<double>(dim);
    return static_cast<float>(1.01 * (largest_norm * std::sqrt(d) + d / 4) + 2000);
  }

  [[nodiscard]] Index num_pairs() const noexcept { return num_pairs_; }
  /// Those of the vectors from `first` on, a multiple of the width: 16 or 6 of them go together.
  [[nodiscard]] const std::int32_t* pairs(Index first) const {
    return pairs_.data() + first * num_pairs_;
  }
  /// Asks for part i of n of the rows of the tile that begins there, if there is one.
  void prefetch(Index first, Index i, Index n) const {
    if (first >= count_) return;
    const Index lines = num_blocks(num_pairs_, n);
    for (Index line = i * lines; line < std::min((i + 1) * lines, num_pairs_); ++line)
      __builtin_prefetch(pairs(first) + line * IntegerTile::rows, 0, 2);
  }
  /// Not finite for a vector that has no such integers.
  [[nodiscard]] float scale(Index i) const { return scales_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] const float* scales(Index first) const { return scales_.data() + first; }

  /// The columns of a matrix; `width` of them go together, IntegerTile::rows or cols of them as
  /// they are the left or the right factor. Beyond the last there are vectors of 0 up to a whole
  /// tile.
  template <Index width, Real S>
  void set_columns(const MatrixArg<S>& m, Index threads) {
    resize(width, m.cols(), m.rows());
    one_by_one_.resize(static_cast<std::size_t>(resolve_threads(threads)));
    const Index per_block = num_blocks(64, width) * width;
    for_each_block(m.cols(), per_block, threads, [&](Block cols, Index worker) {
      // Vectors of 2 num_pairs_ integers; the last is 0 where dim is odd.
      Integers& one_by_one = one_by_one_[static_cast<std::size_t>(worker)];
      one_by_one.setZero(2 * num_pairs_, width);
      for (Index left = cols.begin; left < cols.begin + cols.count; left += width) {
        const Index count = std::min(width, cols.begin + cols.count - left);
        for (Index j = 0; j < count; ++j)
          scales_[static_cast<std::size_t>(left + j)] =
              round_to(one_by_one.col(j).data(), m, left + j);
        std::int32_t* to = pairs_.data() + left * num_pairs_;
        for (Index p = 0; p < num_pairs_; ++p, to += width)
          for (Index j = 0; j < count; ++j)
            std::memcpy(to + j, &one_by_one(2 * p, j), sizeof(std::int32_t));
      }
    });
  }

 private:
  static constexpr double largest_norm = 46340;

  using Integers = Eigen::Matrix<std::int16_t, Eigen::Dynamic, Eigen::Dynamic>;

  void resize(Index width, Index count, Index dim) {
    const Index num_pairs = num_blocks(dim, 2), whole = num_blocks(count, width) * width;
    if (count == count_ && num_pairs == num_pairs_ && whole * num_pairs == pairs_.size())
      return;  // what is beyond the last vector is 0 still
    count_ = 0;
    pairs_.setZero(whole * num_pairs);
    scales_.assign(static_cast<std::size_t>(whole), 0.0F);
    num_pairs_ = num_pairs;
    count_ = count;
  }

  /// The integers of a column; returns their scale. Rounded as floats are when they are added to
  /// 1.5 * 2^23, whose last bit counts 1: the lower bits of the sum are then those of the integer.
  template <Real S>
  [[nodiscard]] static float round_to(std::int16_t* to, const MatrixArg<S>& m, Index j) {
    const auto column = m.col(j).template cast<float>();
    const float scale = scale_for(column.squaredNorm(), column.cwiseAbs().maxCoeff(), m.rows());
    const float inverse = scale == 0 ? 0 : 1 / scale;
    const S* from = &m.coeffRef(0, j);
    for (Index k = 0; k < m.rows(); ++k)
      to[k] = static_cast<std::int16_t>(
          std::bit_cast<std::uint32_t>(static_cast<float>(from[k]) * inverse + 12582912.0F));
    return scale;
  }

  /// For entries so small that their squares are 0, no smaller than what leaves them at 0.
  static float scale_for(float squares, float largest, Index dim) {
    if (largest == 0 && squares == 0) return 0;
    const double longest = 46300 - std::sqrt(static_cast<double>(dim)) / 2;
    const double scale = std::max({std::sqrt(static_cast<double>(squares)) / longest,
                                   static_cast<double>(largest) / 32766, 1e-18});
    return static_cast<float>(scale);
  }

  Index count_ = 0, num_pairs_ = 0;
  Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1> pairs_;  // aligned to registers
  std::vector<float> scales_;
  std::vector<Integers> one_by_one_;  // a tile's vectors, of each worker
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_QUANTISED_HPP
