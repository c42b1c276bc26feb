// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_TILE_ENTRIES_HPP
#define LACUNA_OPERATOR_TILE_ENTRIES_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/simd.hpp>
#include <lacuna/operator/strided_matrix.hpp>
#include <lacuna/operator/transpose.hpp>

namespace lacuna::detail {

/// The entries other than 0 of some columns of a dense matrix, by tiles of a few rows: what
/// products that skip zeros go through, tile after tile and there column after column. NaN is other
/// than 0. Keeps its memory.
template <Real S>
class TileEntries {
 public:
  static constexpr Index rows_of_tile = 64;
  static constexpr Index rows_of_part = 8 * rows_of_tile;  ///< so many are best gathered at once

  /// The entries of a column of a tile, which may be given other values.
  struct Column {
    S* values;
    const std::uint8_t* rows;  ///< in the tile, rising
    std::size_t count;
  };

  /// Takes the entries of all tiles. @param part  any rows x columns, in either order.
  /// @param padding  the entries of a column are made up to a multiple of it, with entries of value
  /// 0 in row `rows_of_tile`; at least 1, which is for none.
  void gather(const StridedMatrix<S>& part, std::size_t padding = 1) {
    const Index tiles = num_blocks(part.rows, rows_of_tile);
    cols_ = static_cast<std::size_t>(part.cols);
    room_ = cols_ * (static_cast<std::size_t>(rows_of_tile) + padding) + lanes;
    const std::size_t room = static_cast<std::size_t>(tiles) * room_;
    if (static_cast<std::size_t>(values_.size()) < room) {
      values_.resize(static_cast<Index>(room));
      rows_.resize(room);
    }
    ends_.resize(static_cast<std::size_t>(tiles) * (cols_ + 1));
    for (std::size_t t = 0; t < static_cast<std::size_t>(tiles); ++t) ends_[t * (cols_ + 1)] = 0;
    if (!part.by_rows) return gather_columns(part.data, part.stride, part.rows, 0, padding);
    if (turned_.size() < part.cols * rows_of_tile) turned_.resize(part.cols * rows_of_tile);
    for (Index t = 0; t < tiles; ++t) {
      const StridedMatrix<S> tile =
          part.middle_rows(t * rows_of_tile, std::min(rows_of_tile, part.rows - t * rows_of_tile));
      transpose(tile.data, tile.cols, tile.rows, tile.stride, turned_.data(), rows_of_tile);
      gather_columns(turned_.data(), rows_of_tile, tile.rows, static_cast<std::size_t>(t), padding);
    }
  }

  /// Makes all values 0.
  void clear_values() {
    for (std::size_t t = 0; t * (cols_ + 1) < ends_.size(); ++t)
      std::fill_n(values_.data() + t * room_, ends_[(t + 1) * (cols_ + 1) - 1], S(0));
  }
  [[nodiscard]] Column column(Index tile, Index column) {
    const std::size_t at = begin(tile, column), base = static_cast<std::size_t>(tile) * room_;
    return {values_.data() + base + at, rows_.data() + base + at, begin(tile, column + 1) - at};
  }

 private:
  using Register = typename Simd<S>::Register;
  static constexpr Index lanes = Simd<S>::lanes;
  static_assert(std::endian::native == std::endian::little, "bytes are taken from the lowest on");

  /// For each set of lanes their numbers in order, a byte each from the lowest on, and 0.
  static constexpr std::array<std::uint64_t, 256> lanes_of = [] {
    std::array<std::uint64_t, 256> table{};
    for (std::size_t mask = 0; mask < table.size(); ++mask)
      for (int lane = 0, at = 0; lane < 8; ++lane)
        if ((mask >> lane & 1) != 0) table[mask] |= static_cast<std::uint64_t>(lane) << 8 * at++;
    return table;
  }();

  [[nodiscard]] std::size_t begin(Index tile, Index column) const {
    return ends_[static_cast<std::size_t>(tile) * (cols_ + 1) + static_cast<std::size_t>(column)];
  }

  /// Columns of `rows` entries, into the tiles from `tile` on: each is read in one stream.
  void gather_columns(const S* columns, Index stride, Index rows, std::size_t tile,
                      std::size_t padding) {
    for (std::size_t j = 0; j < cols_; ++j, columns += stride) {
      std::size_t t = tile;
      for (Index row = 0; row < rows; row += rows_of_tile, ++t) {
        std::size_t& end = ends_[t * (cols_ + 1) + j + 1];
        end = gather_column(columns + row, std::min(rows_of_tile, rows - row), t * room_,
                            ends_[t * (cols_ + 1) + j], padding);
      }
    }
  }

  /// Puts the entries of a column behind those that are there, and returns how many these are.
  std::size_t gather_column(const S* column, Index count, std::size_t base, std::size_t at,
                            std::size_t padding) {
    S* const values_to = values_.data() + base;
    std::uint8_t* const rows_to = rows_.data() + base;
    const auto take = [&](Index row, auto width) {
      Register values;
      Simd<S>::load(column + row, width, values);
      const unsigned mask = Simd<S>::mask_of(values != Register{});
      const std::uint64_t order = lanes_of[mask];
      const std::uint64_t rows =
          order + static_cast<std::uint64_t>(row) * std::uint64_t{0x0101010101010101};
      std::memcpy(rows_to + at, &rows, lanes);  // first byte lowest
      put_in_order(values, order, values_to + at);
      at += static_cast<std::size_t>(std::popcount(mask));
    };
    Index row = 0;
    for (; row + lanes <= count; row += lanes) take(row, typename Simd<S>::Whole());
    if (row < count) take(row, count - row);
    for (; at % padding != 0; ++at) {
      values_to[at] = 0;
      rows_to[at] = static_cast<std::uint8_t>(rows_of_tile);
    }
    return at;
  }

  /// to[e] = values[byte e of order].
  [[gnu::always_inline]] static void put_in_order(const Register& values, std::uint64_t order,
                                                  S* to) {
#ifdef __AVX2__
    if constexpr (lanes == 8) {
      const __m256i places =
          _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<std::int64_t>(order)));
      _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(reinterpret_cast<__m256>(values), places));
      return;
    }
#endif
    for (Index e = 0; e < lanes; ++e) to[e] = values[order >> 8 * e & 7];
  }

  std::size_t cols_ = 0, room_ = 0;  // room_: for the entries of a tile
  Vector<S> turned_, values_;
  std::vector<std::uint8_t> rows_;
  std::vector<std::size_t> ends_;  // of each tile: 0, and where each column ends
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_TILE_ENTRIES_HPP
