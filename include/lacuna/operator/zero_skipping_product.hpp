// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_ZERO_SKIPPING_PRODUCT_HPP
#define LACUNA_OPERATOR_ZERO_SKIPPING_PRODUCT_HPP

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/column_tile.hpp>
#include <lacuna/operator/epilogue.hpp>
#include <lacuna/operator/simd.hpp>
#include <lacuna/operator/small_tile.hpp>
#include <lacuna/operator/strided_matrix.hpp>
#include <lacuna/operator/tile_entries.hpp>
#include <lacuna/operator/transpose.hpp>

// Products with a dense matrix of which many entries are 0, as codes are behind a ReLU: half of
// them when a training begins, and all but a few later. Each of the others costs up to half as much
// again as in a dense product, so that they pay where at least half of the entries are 0.

namespace lacuna::detail {

#ifdef __AVX2__
inline constexpr bool has_zero_skipping = true;
#else
inline constexpr bool has_zero_skipping = false;  // right there too, but slower than dense products
#endif

/// Whether a product with b on its right, or with a mask b, is faster by the entries of b that are
/// other than 0: at most half of them, and in a product that is worth the search. Judged by some
/// columns of b, or by rows where it lies by rows. @param length  of the sums that an entry adds
/// to.
template <Real S>
[[nodiscard]] bool skips_zeros(Index length, const StridedMatrix<S>& b) {
  constexpr Index least_length = ColumnTile<S>::least_registers * Simd<S>::lanes;
  constexpr Index least_side = 256, least_work = Index{1} << 24;
  if (!has_zero_skipping || length < least_length || std::min(b.rows, b.cols) < least_side ||
      length * b.size() < least_work)
    return false;
  constexpr Index judged = 32;
  const Index lines = b.by_rows ? b.rows : b.cols, entries = b.size() / lines;
  Index zeros = 0;
  for (Index i = 0; i < judged; ++i) {
    const S* const line = b.data + i * lines / judged * b.stride;
    zeros += std::count(line, line + entries, S(0));
  }
  return 2 * zeros >= judged * entries;
}

/// sums += the columns of a tile, each times the value of its entry.
template <int registers, Real S>
[[gnu::always_inline]] inline void add_columns_of(const S* tile,
                                                  const typename TileEntries<S>::Column& entries,
                                                  S* sums) {
  using Register = typename Simd<S>::Register;
  constexpr typename Simd<S>::Whole whole;
  Register sum[registers];
#pragma GCC unroll 12
  for (int r = 0; r < registers; ++r) Simd<S>::load(sums + r * whole, whole, sum[r]);
  for (std::size_t e = 0; e < entries.count; ++e) {
    const S* column = tile + Index{entries.rows[e]} * (registers * whole);
    keep_in_register(column);
    const Register factor = entries.values[e] - Register{};
#pragma GCC unroll 12
    for (int r = 0; r < registers; ++r) {
      Register there;
      Simd<S>::load(column + r * whole, whole, there);
      sum[r] += factor * there;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < registers; ++r) Simd<S>::store(sum[r], sums + r * whole, whole);
}

/// out = alpha a b, or out = (alpha a b)^T where `turned`, going through the entries of b that are
/// other than 0: 0 times NaN is left out too. An entry of out is the sum of its products in the
/// order of the rows of b, so the bits are the same at any number of threads.
///
/// Cost: 2 m flops an entry of b other than 0, for m brought up to whole strips of 7 to 12
/// registers, at three quarters of the speed of a dense product; a pass over b, and one over a for
/// every part of 512 columns of b or fewer.
/// @param a  m x k, column by column. @param b  k x n. @param out  m x n, or n x m where `turned`;
/// no part of a or b.
template <Real S>
void zero_skipping_product(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                           StridedResult<S> out, bool turned, Index threads) {
  assert(!a.by_rows && a.cols == b.rows);
  struct Work {
    TileEntries<S> entries;
    ColumnTile<S> tile;
    Vector<S> sums;  // strip after strip, and there column after column
  };
  constexpr int most_registers = 12;  // 16, less one for the factor and some to load to
  const int registers = ColumnTile<S>::registers_for(a.rows, most_registers);
  using Kernel =
      void (*)(const S* tile, TileEntries<S>& entries, Index index, Index columns, S* sums);
  const auto add_tile = kernel_of<S, most_registers>(registers, []<int r>() -> Kernel {
    return [](const S* tile, TileEntries<S>& entries, Index index, Index columns, S* sums) {
      for (Index j = 0; j < columns; ++j, sums += r * Simd<S>::lanes)
        add_columns_of<r>(tile, entries.column(index, j), sums);
    };
  });
  constexpr Index rows_of_part = TileEntries<S>::rows_of_part;
  const Index width = registers * Simd<S>::lanes, strips = num_blocks(a.rows, width);
  const Index part = columns_of_part(b.cols, threads);
  std::vector<Work> work(
      static_cast<std::size_t>(std::min(resolve_threads(threads), num_blocks(b.cols, part))));
  for_each_block(b.cols, part, threads, [&](Block columns, Index worker) {
    Work& mine = work[static_cast<std::size_t>(worker)];
    const Index strip_size = width * columns.count;
    mine.sums.setZero(strips * strip_size);
    const StridedMatrix<S> factors = b.middle_cols(columns.begin, columns.count);
    for (Index begin = 0; begin < b.rows; begin += rows_of_part) {
      const Index count = std::min(b.rows - begin, rows_of_part);
      mine.entries.gather(factors.middle_rows(begin, count));
      mine.tile.for_each(a, begin, count, width, [&](Index strip, Index tile) {
        add_tile(mine.tile.data(), mine.entries, tile, columns.count,
                 mine.sums.data() + strip * strip_size);
      });
    }
    mine.sums *= alpha;
    for (Index strip = 0; strip < strips; ++strip) {
      const Index row = strip * width, rows = std::min(width, a.rows - row);
      const Eigen::Map<const Matrix<S>> sums(mine.sums.data() + strip * strip_size, width,
                                             columns.count);
      if (turned)
        transpose(sums.data(), rows, columns.count, width, &out(columns.begin, row),
                  out.outerStride());
      else
        out.block(row, columns.begin, rows, columns.count) = sums.topRows(rows);
    }
  });
}

/// `blocked_product` where b may have many zeros. a lies column by column.
template <class A, class B, class Out>
void product_with_zeros(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                        const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out, Index threads) {
  static_assert(!A::IsRowMajor, "the columns of the left factor are what entries stand for");
  using S = typename Out::Scalar;
  const StridedMatrix<S> left(a), right(b);
  if (skips_zeros(left.rows, right))
    zero_skipping_product(alpha, left, right, strided_result(out), false, threads);
  else
    blocked_product(true, alpha, left, right, strided_result(out), threads);
}

/// `blocked_product_then`, likewise.
template <class A, class B, class Out, class Epilogue>
double product_with_zeros_then(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                               const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out,
                               const Epilogue& epilogue, Index threads) {
  static_assert(!A::IsRowMajor, "the columns of the left factor are what entries stand for");
  using S = typename Out::Scalar;
  const StridedMatrix<S> left(a), right(b);
  if (!skips_zeros(left.rows, right))
    return blocked_product_then(alpha, a, b, out, epilogue, threads);
  StridedResult<S> result = strided_result(out);
  zero_skipping_product(alpha, left, right, result, false, threads);
  return apply_epilogue_by_parts<S>(result, epilogue, threads);
}

/// `blocked_product` where a may have many zeros, by way of out^T = alpha b^T a^T. b lies row by
/// row.
template <class A, class B, class Out>
void product_of_zeros(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                      const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out, Index threads) {
  static_assert(B::IsRowMajor, "the rows of the right factor are what entries stand for");
  using S = typename Out::Scalar;
  const StridedMatrix<S> left(a.transpose()), right(b.transpose());
  if (skips_zeros(right.rows, left))
    zero_skipping_product(alpha, right, left, strided_result(out), true, threads);
  else
    lacuna::blocked_product(alpha, a, b, out, threads);
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_ZERO_SKIPPING_PRODUCT_HPP
