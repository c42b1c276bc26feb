// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SMALL_PRODUCT_HPP
#define LACUNA_OPERATOR_SMALL_PRODUCT_HPP

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#ifdef __FMA__
#include <immintrin.h>
#endif

#include <lacuna/core/matrix.hpp>
#include <lacuna/operator/strided_matrix.hpp>

namespace lacuna::detail {

/// Up to this many rows, or columns, of the left factor, `small_product` is the faster one: a BLAS
/// spends more on packing and on half-empty registers than on the product.
inline constexpr Index small_product_size = 32;
/// So long as the left factor, which is gone through for every few columns, has no more entries.
inline constexpr Index small_factor_size = Index{1} << 15;
/// `small_outer_product` is the faster one up to this many entries of a result that has as few rows
/// or columns,
inline constexpr Index small_outer_product_size = 8192;
/// and whose sides are no longer. Longer ones are mostly powers of two: their columns lie whole
/// pages apart, and push each other out of the first-level cache.
template <Real S>
inline constexpr Index small_outer_product_side = 2048 / sizeof(S);

/// g++ 12 would load a register anew for each product that it is in, and loading would be what
/// takes the time. Of a pointer, it would keep a sum for every entry that is read, and have no
/// registers for so many.
template <class Register>
[[gnu::always_inline]] inline void keep_in_register([[maybe_unused]] Register& a) {
#if defined(__GNUC__) && defined(__AVX__)
  if constexpr (std::is_pointer_v<Register>)
    asm("" : "+r"(a));
  else
    asm("" : "+x"(a));
#endif
}

/// Sums in registers: `rows` entries of each of a few columns.
template <Real S>
struct SmallTile {
  using Register [[gnu::vector_size(32)]] = S;
  static constexpr int lanes = 32 / sizeof(S);  // of a register
  static constexpr int wide = 2 * lanes;        // rows of a tile, `lanes` for a rest
  /// Eight sums are what it takes for none to wait for the one before. Twelve take fewer loads a
  /// product, and leave four registers for its factors, where a register is what it is here.
#ifdef __AVX__
  static constexpr int most_sums = 12;
#else
  static constexpr int most_sums = 8;
#endif
  static constexpr int columns(int sums, int rows) { return sums * lanes / rows; }

  /// sum += a b, rounded once where the processor does that: left to itself, g++ 12 makes it so in
  /// some loops and not in others, and the bits of a column would depend on its tile.
  static void add_product(const Register& a, const Register& b, Register& sum) {
#ifdef __FMA__
    if constexpr (std::is_same_v<S, float>)
      sum = _mm256_fmadd_ps(a, b, sum);
    else
      sum = _mm256_fmadd_pd(a, b, sum);
#else
    sum += a * b;
#endif
  }

  /// sum[c][r] = sum over k < depth of a[k][r] b(k, c), a's entries k a_stride apart. `at(k, c)`
  /// reads b; `store(c, low, high)` is given a column of the sums, of which `high` is meant where
  /// `rows` is `wide`. A depth that is a constant is gone through without a loop, whose start and
  /// end show where it is as short as 8. All of it is inlined by force: beyond some size g++ would
  /// call the products one by one.
  template <int rows, int cols, class Depth, class At, class Store>
  [[gnu::always_inline]] static void run(const S* a, Index a_stride, Depth depth, const At& at,
                                         const Store& store) {
    [&]<int... c>(std::integer_sequence<int, c...>) __attribute__((always_inline)) {
      // Copies: clang++ does not keep in registers what a closure refers to.
      const S* left = a;
      const Index left_stride = a_stride;
      const At right = at;
      Register low_sum[cols] = {}, high_sum[cols] = {};
      const auto add_outer_product = [&](Index k) __attribute__((always_inline)) {
        Register low, high = {};
        std::memcpy(&low, left, sizeof(low));
        keep_in_register(low);
        if constexpr (rows == wide) {
          std::memcpy(&high, left + lanes, sizeof(high));
          keep_in_register(high);
        }
        const auto add = [&](int column) __attribute__((always_inline)) {
          const Register factor = right(k, column) - Register{};  // in every lane
          add_product(low, factor, low_sum[column]);
          if constexpr (rows == wide) add_product(high, factor, high_sum[column]);
        };
        (add(c), ...);
        left += left_stride;
      };
      if constexpr (std::is_same_v<Depth, Index>) {
        const Index last = depth;
#pragma GCC unroll 4
        for (Index k = 0; k < last; ++k) add_outer_product(k);
      } else {
        [&]<Index... k>(std::integer_sequence<Index, k...>) __attribute__((always_inline)) {
          (add_outer_product(k), ...);
        }
        (std::make_integer_sequence<Index, Depth::value>());
      }
      (store(c, low_sum[c], high_sum[c]), ...);
    }
    (std::make_integer_sequence<int, cols>());
  }

  /// to[0, count) (+)= scale times a column of sums, `count` the constant `rows` but for a rest.
  template <int rows, bool assign, class Count>
  [[gnu::always_inline]] static void put(S scale, const Register& low, const Register& high, S* to,
                                         Count count) {
    const auto whole = [&](S * into, const Register& sum) __attribute__((always_inline)) {
      Register value = scale * sum;
      if constexpr (!assign) {
        Register before;
        std::memcpy(&before, into, sizeof(before));
        value += before;
      }
      std::memcpy(into, &value, sizeof(value));
    };
    if constexpr (std::is_same_v<Count, std::integral_constant<int, rows>>) {
      whole(to, low);
      if constexpr (rows == wide) whole(to + lanes, high);
    } else {
      S part[wide] = {};
      if constexpr (!assign)
        for (Index i = 0; i < count; ++i) part[i] = to[i];
      whole(part, low);
      if constexpr (rows == wide) whole(part + lanes, high);
      for (Index i = 0; i < count; ++i) to[i] = part[i];
    }
  }
};

/// out = alpha a b where `assign`, or out += alpha a b, for a of few rows or few columns, and b
/// that lies column by column. The bits of a column depend on that column alone.
template <bool assign, Real S>
void small_product(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                   StridedResult<S> out) {
  using Tile = SmallTile<S>;
  const Index depth = a.cols, height = a.rows;
  // Tiles of rows one after another, column by column, the last one 0 where there are no more. Kept
  // by the thread.
  static thread_local Vector<S> packed;
  const Index tall = (height + Tile::lanes - 1) / Tile::lanes * Tile::lanes;
  if (packed.size() < tall * depth) packed.resize(tall * depth);
  S* const tiles = packed.data();
  // Calls `work(top, rows, count)` for each tile, which has `count` rows of the factor.
  const auto for_each_tile = [height](const auto& work) __attribute__((always_inline)) {
    constexpr std::integral_constant<int, Tile::wide> wide;
    constexpr std::integral_constant<int, Tile::lanes> lanes;
    Index top = 0;
    for (; top + wide <= height; top += wide) work(top, wide, wide);
    if (height - top > lanes)
      work(top, wide, height - top);
    else if (height - top == lanes)
      work(top, lanes, lanes);
    else if (height > top)
      work(top, lanes, height - top);
  };
  for_each_tile([&](Index top, auto rows, Index count) {
    Eigen::Map<Eigen::Matrix<S, rows(), Eigen::Dynamic>> tile(tiles + top * depth, rows(), depth);
    if (count < rows()) tile.setZero();
    a.middle_rows(top, count).visit([&](const auto& part) { tile.topRows(count) = alpha * part; });
  });
  const Index stride = b.stride, out_stride = out.outerStride();
  Index first = 0;
  // Strips of `width` columns, by tiles of `columns(rows)`, `last` being the depth.
  const auto strips = [&](auto width, auto columns, auto last) __attribute__((always_inline)) {
    for (; first + width() <= out.cols(); first += width()) {
      const S* const from = b.data + first * stride;
      S* const to = out.data() + first * out_stride;
      for_each_tile([=](Index top, auto rows, auto count) __attribute__((always_inline)) {
        constexpr int cols = columns(rows());
        for (int j = 0; j < width(); j += cols) {
          const S* column[cols];
          for (int c = 0; c < cols; ++c) {
            column[c] = from + (j + c) * stride;
            keep_in_register(column[c]);
          }
          Tile::template run<rows(), cols>(
              tiles + top * depth, rows(), last,
              [column](Index k, int c) __attribute__((always_inline)) { return column[c][k]; },
              [=](int c, const auto& low, const auto& high) __attribute__((always_inline)) {
                Tile::template put<rows(), assign>(S(1), low, high, to + top + (j + c) * out_stride,
                                                   count);
              });
        }
      });
    }
  };
  const auto wide_strips = [&](auto last) {
    strips(
        std::integral_constant<int, Tile::most_sums>(),
        [](int rows) { return Tile::columns(Tile::most_sums, rows); }, last);
  };
  if (depth == 8)
    wide_strips(std::integral_constant<Index, 8>());
  else if (depth == 16)
    wide_strips(std::integral_constant<Index, 16>());
  else
    wide_strips(depth);
  strips(
      std::integral_constant<int, 4>(), [](int) { return 4; }, depth);
  strips(
      std::integral_constant<int, 1>(), [](int) { return 1; }, depth);
}

/// out += alpha a b^T for out of few rows and columns, and a and b that lie column by column: the
/// sum of the outer products of those, in their order.
template <Real S>
void add_small_outer_product(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                             StridedResult<S> out) {
  using Tile = SmallTile<S>;
  // Columns, which stay in the first-level cache for all tiles.
  const Index part = std::clamp<Index>(
      (Index{1} << 14) / (static_cast<Index>(sizeof(S)) * (out.rows() + out.cols())), 16, 256);
  for (Index begin = 0; begin < a.cols; begin += part) {
    const Index depth = std::min(part, a.cols - begin);
    const S* left = a.data + begin * a.stride;
    const S* right = b.data + begin * b.stride;
    const auto run = [&](Index first, auto cols, Index top, auto rows) {
      S* to = out.data() + top + first * out.outerStride();
      Tile::template run<rows(), cols()>(
          left + top, a.stride, depth,
          [from = right + first, stride = b.stride](Index k, int c) {
            return from[k * stride + c];
          },
          [&](int c, const auto& low, const auto& high) {
            Tile::template put<rows(), false>(alpha, low, high, to + c * out.outerStride(), rows);
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
