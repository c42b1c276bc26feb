// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_MASKED_PRODUCT_HPP
#define LACUNA_OPERATOR_MASKED_PRODUCT_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/column_tile.hpp>
#include <lacuna/operator/simd.hpp>
#include <lacuna/operator/strided_matrix.hpp>
#include <lacuna/operator/tile_entries.hpp>

namespace lacuna::detail {

/// to[e] += the sum of the lanes of register e, for four of them.
template <Real S>
[[gnu::always_inline]] inline void add_sums_of_lanes(const typename Simd<S>::Register (&a)[4],
                                                     S* to) {
  using Register = typename Simd<S>::Register;
  using Four [[gnu::vector_size(4 * sizeof(S))]] = S;
  Four sum;
  std::memcpy(&sum, to, sizeof(sum));
  if constexpr (Simd<S>::lanes == 8) {
    // Shuffles within the halves of a register cost least: pairs of lanes of a and b, then of all
    // four, and the halves last.
    const auto add_pairs = [](const Register& x, const Register& y, Register& pairs) {
      pairs = __builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13) +
              __builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15);
    };
    Register ab, cd;
    add_pairs(a[0], a[1], ab);
    add_pairs(a[2], a[3], cd);
    const Register halves = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
                            __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    sum += __builtin_shufflevector(halves, halves, 0, 1, 2, 3) +
           __builtin_shufflevector(halves, halves, 4, 5, 6, 7);
  } else {
    const auto add_pairs = [](const Register& x, const Register& y, Register& pairs) {
      pairs = __builtin_shufflevector(x, y, 0, 4, 2, 6) + __builtin_shufflevector(x, y, 1, 5, 3, 7);
    };
    Register ab, cd;
    add_pairs(a[0], a[1], ab);
    add_pairs(a[2], a[3], cd);
    sum +=
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  }
  std::memcpy(to, &sum, sizeof(sum));
}

/// Adds to the value of each entry the product of a vector with its column of the tile. There is a
/// multiple of four.
template <int registers, Real S>
[[gnu::always_inline]] inline void add_products_with(const S* tile, const S* vector,
                                                     const typename TileEntries<S>::Column& to) {
  using Register = typename Simd<S>::Register;
  constexpr typename Simd<S>::Whole whole;
  Register factor[registers];
#pragma GCC unroll 12
  for (int r = 0; r < registers; ++r) Simd<S>::load(vector + r * whole, whole, factor[r]);
  const auto column = [&](std::size_t e) { return tile + Index{to.rows[e]} * (registers * whole); };
  for (std::size_t e = 0; e < to.count; e += 4) {
    const S *first = column(e), *second = column(e + 1), *third = column(e + 2),
            *fourth = column(e + 3);
    Register sum[4];
#pragma GCC unroll 12
    for (int r = 0; r < registers; ++r) {
      const auto add = [&](const S* from, Register& to_sum) {
        Register there;
        Simd<S>::load(from + r * whole, whole, there);
        to_sum = r == 0 ? factor[r] * there : to_sum + factor[r] * there;
      };
      add(first, sum[0]);
      add(second, sum[1]);
      add(third, sum[2]);
      add(fourth, sum[3]);
    }
    add_sums_of_lanes<S>(sum, to.values + e);
  }
}

/// out = epilogue(alpha a^T b) where the mask is other than 0, and epilogue(0) elsewhere. Returns
/// the total of the epilogue; it and the bits are the same at any number of threads.
///
/// Cost: 2 k flops an entry of the mask other than 0, for k brought up to whole strips of 7 to 11
/// registers, at two thirds of the speed of a dense product; a pass over the mask, and one over a
/// for every part of 512 columns of b or fewer. `skips_zeros` of the mask says where it pays.
/// @param a  k x m, and b k x n, column by column. @param mask  m x n. @param out  m x n, no part
/// of the others.
template <Real S, class Epilogue>
double masked_product_then(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                           const StridedMatrix<S>& mask, StridedResult<S> out,
                           const Epilogue& epilogue, Index threads) {
  assert(!a.by_rows && !b.by_rows && a.rows == b.rows);
  assert(mask.rows == a.cols && mask.cols == b.cols);
  struct Work {
    TileEntries<S> entries;
    ColumnTile<S> tile;
    Matrix<S> vectors;  // strip after strip, and there column after column
  };
  constexpr int most_registers = 11;  // 16, less four for sums and one to load to
  const int registers = ColumnTile<S>::registers_for(a.rows, most_registers);
  using Kernel = void (*)(const S* tile, const S* vectors, TileEntries<S>& entries, Index index,
                          Index columns);
  const auto add_tile = kernel_of<S, most_registers>(registers, []<int r>() -> Kernel {
    return
        [](const S* tile, const S* vectors, TileEntries<S>& entries, Index index, Index columns) {
          for (Index j = 0; j < columns; ++j, vectors += r * Simd<S>::lanes)
            add_products_with<r>(tile, vectors, entries.column(index, j));
        };
  });
  constexpr Index lanes = Simd<S>::lanes;
  constexpr Index rows_of_tile = TileEntries<S>::rows_of_tile;
  constexpr Index rows_of_part = TileEntries<S>::rows_of_part;
  const Index width = registers * lanes, strips = num_blocks(a.rows, width);
  const Index part = columns_of_part(b.cols, threads);
  std::vector<Work> work(
      static_cast<std::size_t>(std::min(resolve_threads(threads), num_blocks(b.cols, part))));
  Vector<double> totals = Vector<double>::Zero(b.cols);
  for_each_block(b.cols, part, threads, [&](Block columns, Index worker) {
    Work& mine = work[static_cast<std::size_t>(worker)];
    mine.vectors.setZero(width, strips * columns.count);
    for (Index j = 0; j < columns.count; ++j)
      for (Index strip = 0; strip < strips; ++strip) {
        const Index row = strip * width;
        const S* const from = b.data + row + (columns.begin + j) * b.stride;
        std::copy(from, from + std::min(width, b.rows - row),
                  mine.vectors.col(strip * columns.count + j).data());
      }
    const StridedMatrix<S> masks = mask.middle_cols(columns.begin, columns.count);
    for (Index begin = 0; begin < mask.rows; begin += rows_of_part) {
      const Index count = std::min(mask.rows - begin, rows_of_part);
      const Index tiles = num_blocks(count, rows_of_tile);
      mine.entries.gather(masks.middle_rows(begin, count), 4);
      mine.entries.clear_values();
      mine.tile.for_each(a, begin, count, width, [&](Index strip, Index tile) {
        add_tile(mine.tile.data(), mine.vectors.col(strip * columns.count).data(), mine.entries,
                 tile, columns.count);
      });
      // What was summed goes to its rows among zeros, and through the epilogue.
      for (Index j = 0; j < columns.count; ++j) {
        const Index column = columns.begin + j;
        typename Simd<S>::Register total = {};
        for (Index tile = 0; tile < tiles; ++tile) {
          const auto entries = mine.entries.column(tile, j);
          S values[rows_of_tile + 1] = {};  // the last of entries that make up a number
          for (std::size_t e = 0; e < entries.count; ++e)
            values[entries.rows[e]] = alpha * entries.values[e];
          const Index row = begin + tile * rows_of_tile;
          const auto put = [&](Index i, auto size) {
            typename Simd<S>::Register value;
            Simd<S>::load(values + i, size, value);
            epilogue(value, row + i, column, size, total);
            Simd<S>::store(value, &out(row + i, column), size);
          };
          const Index rows = std::min(rows_of_tile, mask.rows - row);
          Index i = 0;
          for (; i + lanes <= rows; i += lanes) put(i, typename Simd<S>::Whole());
          if (i < rows) put(i, rows - i);
        }
        if constexpr (Epilogue::has_total) totals[column] += Simd<S>::sum(total);
      }
    }
  });
  return totals.sum();
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_MASKED_PRODUCT_HPP
