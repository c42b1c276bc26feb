// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_COLUMN_TILE_HPP
#define LACUNA_OPERATOR_COLUMN_TILE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/simd.hpp>
#include <lacuna/operator/strided_matrix.hpp>
#include <lacuna/operator/tile_entries.hpp>

namespace lacuna::detail {

/// Some columns of a matrix, a strip of their rows: as many as a few registers hold. The columns
/// are those that the rows of a tile of entries stand for; they stay in the first-level cache while
/// the entries of some hundred columns go through them.
template <Real S>
class ColumnTile {
 public:
  static constexpr int least_registers = 7;

  /// How many registers hold a strip of a matrix of so many rows: not more than `most`, and few of
  /// them in vain.
  [[nodiscard]] static int registers_for(Index rows, int most) {
    const Index all = num_blocks(rows, Simd<S>::lanes);
    const Index strips = std::max<Index>(1, num_blocks(all, most));
    return static_cast<int>(std::max<Index>(least_registers, num_blocks(all, strips)));
  }

  /// Loads every tile of columns begin .. begin + count, strip after strip of `width` rows, and
  /// calls `use(strip, tile)` for each; tiles count from `begin`.
  template <class Use>
  void for_each(const StridedMatrix<S>& a, Index begin, Index count, Index width, const Use& use) {
    constexpr Index columns = TileEntries<S>::rows_of_tile;
    for (Index strip = 0; strip < num_blocks(a.rows, width); ++strip)
      for (Index tile = 0; tile < num_blocks(count, columns); ++tile) {
        load(a, strip * width, begin + tile * columns, width);
        use(strip, tile);
      }
  }
  [[nodiscard]] const S* data() const noexcept { return entries_.data(); }

 private:
  /// a(row .., column ..), and 0 below the last row. @param a  column by column.
  void load(const StridedMatrix<S>& a, Index row, Index column, Index width) {
    constexpr Index most_columns = TileEntries<S>::rows_of_tile;
    const Index rows = std::min(width, a.rows - row);
    const Index columns = std::min(most_columns, a.cols - column);
    if (entries_.size() < width * (most_columns + 1)) entries_.resize(width * (most_columns + 1));
    for (Index k = 0; k < columns; ++k) {
      const S* const from = a.data + row + (column + k) * a.stride;
      S* const to = entries_.data() + k * width;
      std::copy(from, from + rows, to);
      std::fill(to + rows, to + width, S(0));
    }
    // One more, of zeros: what entries stand for that only make up a number.
    std::fill_n(entries_.data() + most_columns * width, width, S(0));
  }

  Vector<S> entries_;
};

/// kernel.operator()<registers>(), which returns a function, for a number from `least_registers` to
/// `most` that is known at run time: what is around a kernel is compiled once.
template <Real S, int most, class Kernel>
[[nodiscard]] auto kernel_of(int registers, const Kernel& kernel) {
  constexpr int least = ColumnTile<S>::least_registers;
  const auto table = [&]<int... more>(std::integer_sequence<int, more...>) {
    return std::array{kernel.template operator()<least + more>()...};
  }
  (std::make_integer_sequence<int, most - least + 1>());
  return table[static_cast<std::size_t>(registers - least)];
}

/// How many columns a thread takes at a time: enough to share what is made of the other factor, and
/// as many parts as there are threads, or a multiple of it. That blocks depend on the number of
/// threads is for products alone whose columns do not depend on one another.
[[nodiscard]] inline Index columns_of_part(Index cols, Index threads) {
  constexpr Index most = 512;
  const Index workers = resolve_threads(threads);
  const Index parts = std::max<Index>(1, num_blocks(cols, most * workers)) * workers;
  return std::max<Index>(1, num_blocks(cols, parts));
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_COLUMN_TILE_HPP
