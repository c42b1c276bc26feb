// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_QUANTISED_HPP
#define LACUNA_OPERATOR_QUANTISED_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
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

  /// The rows of a matrix, for the left factor of an `IntegerTile`. Beyond the last there are
  /// vectors of 0 up to a whole tile.
  template <Real S>
  void set_rows(const MatrixArg<S>& m, Index threads) {
    resize(IntegerTile::rows, m.rows(), m.cols());
    // A part of the rows stays in the cache from its lengths to its integers.
    for_each_block(m.rows(), part, threads, [&](Block rows, Index) {
      float squares[part] = {}, largest[part] = {}, inverse[part] = {};
      const Index whole = num_blocks(rows.count, IntegerTile::rows) * IntegerTile::rows;
      for (Index k = 0; k < m.cols(); ++k) {
        const S* from = &m.coeffRef(rows.begin, k);
        if (k + ahead < m.cols())
          for (Index i = 0; i < rows.count; i += 64 / Index{sizeof(S)})
            __builtin_prefetch(from + ahead * m.outerStride() + i);
        for (Index i = 0; i < rows.count; ++i) measure(from[i], squares[i], largest[i]);
      }
      for (Index i = 0; i < rows.count; ++i) {
        const float scale = scale_for(squares[i], largest[i], m.cols());
        scales_[static_cast<std::size_t>(rows.begin + i)] = scale;
        inverse[i] = inverse_of(scale);
      }
      std::int32_t* to = pairs_.data() + rows.begin * num_pairs_;
      for (Index top = 0; top < whole; top += IntegerTile::rows) {
        const Index count = std::min(IntegerTile::rows, rows.count - top);
        for (Index k = 0; k < m.cols(); k += 2, to += IntegerTile::rows) {
          const S* first = &m.coeffRef(rows.begin + top, k);
          const S* second = k + 1 < m.cols() ? first + m.outerStride() : nullptr;
          if (count == IntegerTile::rows && second != nullptr)
            for (Index i = 0; i < IntegerTile::rows; ++i)
              to[i] = pair_of(first[i], second[i], inverse[top + i]);
          else
            for (Index i = 0; i < count; ++i)
              to[i] = pair_of(first[i], second == nullptr ? S(0) : second[i], inverse[top + i]);
        }
      }
    });
  }

  /// The columns of a matrix, for the right factor.
  template <Real S>
  void set_columns(const MatrixArg<S>& m, Index threads) {
    resize(IntegerTile::cols, m.cols(), m.rows());
    for_each_block(m.cols(), 8 * IntegerTile::cols, threads, [&](Block cols, Index) {
      for (Index j = cols.begin; j < cols.begin + cols.count; ++j) {
        const auto column = m.col(j).template cast<float>();
        const S* from = &m.coeffRef(0, j);
        const float scale = scale_for(column.squaredNorm(), column.cwiseAbs().maxCoeff(), m.rows());
        const float inverse = inverse_of(scale);
        scales_[static_cast<std::size_t>(j)] = scale;
        const Index within = j % IntegerTile::cols;
        std::int32_t* to = pairs_.data() + (j - within) * num_pairs_ + within;
        for (Index k = 0; k < m.rows(); k += 2, to += IntegerTile::cols)
          *to = pair_of(from[k], k + 1 < m.rows() ? from[k + 1] : S(0), inverse);
      }
    });
  }

 private:
  static constexpr Index part = 128;
  static constexpr Index ahead = 8;  // columns that are fetched before they are needed
  static constexpr double largest_norm = 46340;

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

  template <Real S>
  [[gnu::always_inline]] static void measure(S value, float& squares, float& largest) {
    const float v = std::abs(static_cast<float>(value));
    squares += v * v;
    largest = v > largest ? v : largest;
  }

  /// For entries so small that their squares are 0, no smaller than what leaves them at 0.
  static float scale_for(float squares, float largest, Index dim) {
    if (largest == 0 && squares == 0) return 0;
    const double longest = 46300 - std::sqrt(static_cast<double>(dim)) / 2;
    const double scale = std::max({std::sqrt(static_cast<double>(squares)) / longest,
                                   static_cast<double>(largest) / 32766, 1e-18});
    return static_cast<float>(scale);
  }
  static float inverse_of(float scale) { return scale == 0 ? 0 : 1 / scale; }

  /// Rounded as floats are when they are added to 1.5 * 2^23, whose last bit counts 1: the lower
  /// bits of the sum are then those of the integer.
  template <Real S>
  [[gnu::always_inline]] static std::int32_t pair_of(S first, S second, float inverse) {
    const auto bits = [&](S value) {
      return std::bit_cast<std::uint32_t>(static_cast<float>(value) * inverse + 12582912.0F);
    };
    return static_cast<std::int32_t>((bits(first) & 0xffffU) | (bits(second) << 16U));
  }

  Index count_ = 0, num_pairs_ = 0;
  Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1> pairs_;  // aligned to registers
  std::vector<float> scales_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_QUANTISED_HPP
