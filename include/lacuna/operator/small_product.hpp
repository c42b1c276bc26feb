// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SMALL_PRODUCT_HPP
#define LACUNA_OPERATOR_SMALL_PRODUCT_HPP

#include <algorithm>
#include <type_traits>

#include <lacuna/core/matrix.hpp>
#include <lacuna/operator/epilogue.hpp>
#include <lacuna/operator/small_tile.hpp>
#include <lacuna/operator/strided_matrix.hpp>

namespace lacuna::detail {

/// Up to this many rows, or columns, of the left factor, `small_product` is the faster one: a BLAS
/// spends more on packing and on half-empty registers than on the product.
inline constexpr Index small_product_size = 32;
/// So long as the left factor, which is gone through for every few columns, has no more entries.
inline constexpr Index small_factor_size = Index{1} << 15;
/// `small_outer_product` is the faster one up to this many entries of a result that has as few rows
/// or columns,
inline constexpr Index small_outer_product_size = Index{1} << 15;
/// where no factor's columns push each other out of the first-level cache, as those do that lie
/// whole pages apart.
template <Real S>
[[nodiscard]] constexpr bool columns_collide(Index stride) noexcept {
  return stride > 0 && stride * static_cast<Index>(sizeof(S)) % 4096 == 0;
}
/// How many rows to keep of a matrix of `rows`, so that its columns do not collide, nor those of
/// every other one, which are half pages apart.
template <Real S>
[[nodiscard]] constexpr Index spread_rows(Index rows) noexcept {
  return rows > 0 && rows * static_cast<Index>(sizeof(S)) % 2048 == 0
             ? rows + 64 / static_cast<Index>(sizeof(S))
             : rows;
}

/// out = epilogue(alpha a b), for a of few rows or few columns, and b that lies column by column.
/// The bits of a column depend on that column alone. Returns the total of the epilogue.
template <Real S, class Epilogue>
double small_product(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                     StridedResult<S> out, const Epilogue& epilogue) {
  using Tile = SmallTile<S>;
  constexpr int lanes = Tile::lanes, wide = Tile::wide, width = Tile::most_sums;
  const Index depth = a.cols, height = a.rows, stride = b.stride, out_stride = out.outerStride();
  // Tiles of rows one after another, column by column, the last one 0 where there are no more; then
  // the last few columns of b, which are fewer than a strip has. Kept by the thread.
  static thread_local Vector<S> memory;
  const Index tall = (height + lanes - 1) / lanes * lanes;
  if (memory.size() < (tall + width) * depth) memory.resize((tall + width) * depth);
  S* const tiles = memory.data();
  S* const last_columns = tiles + tall * depth;
  S* const result = out.data();
  const auto pack = [&](Index top, auto rows) {
    Eigen::Map<Eigen::Matrix<S, rows(), Eigen::Dynamic>> tile(tiles + top * depth, rows(), depth);
    const Index count = std::min<Index>(rows(), height - top);
    if (count < rows()) tile.setZero();
    a.middle_rows(top, count).visit([&](const auto& part) { tile.topRows(count) = alpha * part; });
  };
  // Tiles of 16 rows, the last one of 8 where those are enough.
  constexpr std::integral_constant<int, wide> wide_rows;
  constexpr std::integral_constant<int, lanes> one_register;
  const Index wide_end = tall / wide * wide;
  for (Index top = 0; top < wide_end; top += wide) pack(top, wide_rows);
  if (wide_end < tall) pack(wide_end, one_register);

  // A number of columns that is one of whole strips.
  struct WholeStrips {
    Index count;
    operator Index() const { return count; }
  };
  // Columns that one tile of rows after another goes through: they stay in the first-level cache.
  const Index together =
      std::clamp<Index>((Index{1} << 14) / (static_cast<Index>(sizeof(S)) * width * depth), 1, 16) *
      width;

  // The tiles of the rows from `top` on for the columns from `first` on, which are at `from`:
  // `count` of the rows and `columns` are meant, which are all of the tiles where those are a
  // constant and `WholeStrips`. What every tile needs is copied first, or it would be loaded anew
  // after every store.
  const auto tiles_of = [=](Index first, const S* from, Index from_stride, Index top, auto rows,
                            auto count, auto columns, auto last, double& total)
      __attribute__((always_inline)) {
    constexpr int cols = Tile::columns(width, rows());
    constexpr bool all_columns = std::is_same_v<decltype(columns), WholeStrips>;
    const Index end = columns;
    const Epilogue then = epilogue.from_column(first);
    const S* const left = tiles + top * depth;
    const Index to_stride = out_stride;
    S* const to = result + top + first * to_stride;
    typename Tile::Register tile_total = {};
    for (Index j = 0; j < end; j += cols) {
      // Four, so that none waits for the one before.
      typename Tile::Register totals[4] = {};
      Tile::template run<rows(), cols>(
          left, rows(), last, FewColumns<S>(from + j * from_stride, from_stride),
          [ =, &totals ](int c, const auto& low, const auto& high) __attribute__((always_inline)) {
            if constexpr (!all_columns)
              if (j + c >= end) return;
            S* const into = to + (j + c) * to_stride;
            Tile::template for_each_register<rows()>(
                low, high,
                count, [&](Index row, const auto& sum, auto part) __attribute__((always_inline)) {
                  typename Tile::Register value = sum;
                  then(value, top + row, j + c, part, totals[(2 * c + (row > 0 ? 1 : 0)) % 4]);
                  Simd<S>::store(value, into + row, part);
                });
          });
      if constexpr (Epilogue::has_total)
        tile_total += (totals[0] + totals[1]) + (totals[2] + totals[3]);
    }
    if constexpr (Epilogue::has_total) total += Simd<S>::sum(tile_total);
  };
  double total = 0;
  const Index all_rows_end = height / wide * wide, strips_end = out.cols() / width * width;
  const auto strips = [&](auto last) {
    for (Index first = 0; first < strips_end; first += together) {
      const S* const from = b.data + first * stride;
      const WholeStrips all{std::min(together, strips_end - first)};
      Index top = 0;
      for (; top < all_rows_end; top += wide)
        tiles_of(first, from, stride, top, wide_rows, wide_rows, all, last, total);
      if (height - top == lanes)
        tiles_of(first, from, stride, top, one_register, one_register, all, last, total);
    }
  };
  // What is left over of rows or columns: slower, and compiled once for all depths.
  const auto rest = [&](Index first, const S* from, Index from_stride, Index top, Index end) {
    for (; top < wide_end; top += wide)
      tiles_of(first, from, from_stride, top, wide_rows, std::min<Index>(wide, height - top), end,
               depth, total);
    if (top < tall)
      tiles_of(first, from, from_stride, top, one_register, height - top, end, depth, total);
  };
  if (depth == 8)
    strips(std::integral_constant<Index, 8>());
  else if (depth == 16)
    strips(std::integral_constant<Index, 16>());
  else
    strips(depth);
  if (height % lanes != 0)
    for (Index first = 0; first < strips_end; first += together)
      rest(first, b.data + first * stride, stride, all_rows_end,
           std::min(together, strips_end - first));
  if (strips_end < out.cols()) {
    const Index end = out.cols() - strips_end;
    std::fill(last_columns + end * depth, last_columns + width * depth, S(0));
    for (Index j = 0; j < end; ++j)
      std::copy_n(b.data + (strips_end + j) * stride, depth, last_columns + j * depth);
    rest(strips_end, last_columns, depth, 0, end);
  }
  return total;
}

/// out += alpha a b^T for out of few rows and columns, and a and b that lie column by column: the
/// sum of the outer products of those, in their order.
template <Real S>
void add_small_outer_product(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                             StridedResult<S> out) {
  using Tile = SmallTile<S>;
  // Columns, which stay in the first-level cache for all tiles. Where sixteen are more than it
  // holds, they go through it, and a tile is worth more of them.
  const Index column = static_cast<Index>(sizeof(S)) * (out.rows() + out.cols());
  const Index part =
      16 * column > (Index{1} << 15) ? 48 : std::clamp<Index>((Index{1} << 14) / column, 16, 256);
  for (Index begin = 0; begin < a.cols; begin += part) {
    const Index depth = std::min(part, a.cols - begin);
    const S* left = a.data + begin * a.stride;
    const S* right = b.data + begin * b.stride;
    const auto run = [&](Index first, auto cols, Index top, auto rows) {
      S* to = out.data() + top + first * out.outerStride();
      Tile::template run<rows(), cols()>(
          left + top, a.stride, depth, FewRows<S>{right + first, b.stride},
          [&](int c, const auto& low, const auto& high) __attribute__((always_inline)) {
            Tile::template for_each_register<rows()>(
                low, high,
                rows, [&](Index row, const auto& sum, auto whole) __attribute__((always_inline)) {
                  S* const into = to + row + c * out.outerStride();
                  typename Tile::Register value;
                  Simd<S>::load(into, whole, value);
                  value += alpha * sum;
                  Simd<S>::store(value, into, whole);
                });
          });
    };
    const auto rows_of = [&](Index top, auto rows) {
      constexpr int cols = Tile::columns(8, rows());
      Index first = 0;
      for (; first + cols <= out.cols(); first += cols)
        run(first, std::integral_constant<int, cols>(), top, rows);
      for (; first < out.cols(); ++first) run(first, std::integral_constant<int, 1>(), top, rows);
    };
    Index top = 0;
    for (; top + Tile::wide <= out.rows(); top += Tile::wide)
      rows_of(top, std::integral_constant<int, Tile::wide>());
    for (; top + Tile::lanes <= out.rows(); top += Tile::lanes)
      rows_of(top, std::integral_constant<int, Tile::lanes>());
  }
}

/// out (+)= alpha a b for out of few rows and columns, a of many columns, which it lies by, and b
/// of as many rows, which it lies by.
template <Real S>
void small_outer_product(bool assign, S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                         StridedResult<S> out) {
  using Tile = SmallTile<S>;
  if (assign) out.setZero();
  const StridedMatrix<S> columns(b.data, b.cols, b.rows, b.stride, false);
  if (out.rows() > Tile::lanes || out.cols() % Tile::wide != 0)
    return add_small_outer_product(alpha, a, columns, out);
  // One register of rows would leave most of the work to loading: the other way round there are
  // two.
  static thread_local Matrix<S> turned;
  turned.setZero(out.cols(), out.rows());
  add_small_outer_product(alpha, columns, a, strided_result(turned));
  out += turned.transpose();
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_SMALL_PRODUCT_HPP
