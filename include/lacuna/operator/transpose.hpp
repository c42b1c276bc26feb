// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_TRANSPOSE_HPP
#define LACUNA_OPERATOR_TRANSPOSE_HPP

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include <lacuna/operator/simd.hpp>

namespace lacuna::detail {

/// Side of the squares that `transpose` turns at once: whole cache lines on both sides.
inline constexpr Index square_side = 16;

/// to(j, i) = from(i, j) for as many rows and columns as a register has lanes. Shuffles cost least
/// within the halves of a register: neighbouring rows are interleaved there, then, of floats, pairs
/// of their entries, and last the halves are put together.
template <Real S>
[[gnu::always_inline]] inline void transpose_registers(const S* from, Index from_stride, S* to,
                                                       Index to_stride) {
  using Register = typename Simd<S>::Register;
  constexpr int lanes = Simd<S>::lanes, half = lanes / 2;
  Register row[lanes], turned[lanes];
  // Unrolled: g++ 12 would else go by the halves of registers, through memory.
#pragma GCC unroll 8
  for (int j = 0; j < lanes; ++j) std::memcpy(&row[j], from + j * from_stride, sizeof(Register));
  // Entry e of what comes of a and b: of either half the first or second `group`s, in turns.
  const auto interleave = []<int... e>(const Register& a, const Register& b, Register& first,
                                       Register& second, auto group,
                                       std::integer_sequence<int, e...>) {
    constexpr int size = group;
    constexpr auto at = [](int entry) {
      const int within = entry % half;
      return entry / half * half + within / (2 * size) * size + within % size +
             (within / size % 2 == 1 ? lanes : 0);
    };
    first = __builtin_shufflevector(a, b, at(e)...);
    second = __builtin_shufflevector(a, b, (at(e) + half / 2)...);
  };
  constexpr auto entries = std::make_integer_sequence<int, lanes>();
  constexpr auto one = std::integral_constant<int, 1>();
  if constexpr (lanes == 8) {
    constexpr auto two = std::integral_constant<int, 2>();
    for (int j = 0; j < lanes; j += 4) {
      Register a, b, c, d;
      interleave(row[j], row[j + 1], a, b, one, entries);
      interleave(row[j + 2], row[j + 3], c, d, one, entries);
      interleave(a, c, turned[j], turned[j + 1], two, entries);
      interleave(b, d, turned[j + 2], turned[j + 3], two, entries);
    }
  } else {
    for (int j = 0; j < lanes; j += 2)
      interleave(row[j], row[j + 1], turned[j], turned[j + 1], one, entries);
  }
  const auto join = [&]<int... e>(std::integer_sequence<int, e...>) {
    for (int i = 0; i < half; ++i) {
      const Register &a = turned[i], &b = turned[i + half];
      row[i] = __builtin_shufflevector(a, b, (e % half + e / half * lanes)...);
      row[i + half] = __builtin_shufflevector(a, b, (e % half + half + e / half * lanes)...);
    }
  };
  join(entries);
#pragma GCC unroll 8
  for (int i = 0; i < lanes; ++i) std::memcpy(to + i * to_stride, &row[i], sizeof(Register));
}

/// The same for a square.
template <Real S>
void transpose_square(const S* from, Index from_stride, S* to, Index to_stride) {
  constexpr Index lanes = Simd<S>::lanes;
  for (Index j = 0; j < square_side; j += lanes)
    for (Index i = 0; i < square_side; i += lanes)
      transpose_registers(from + i + j * from_stride, from_stride, to + j + i * to_stride,
                          to_stride);
}

/// to = from^T for `from` of rows x cols, both column by column. Squares follow one another along
/// the shorter side, so that of few rows or columns every page is gone through once.
template <Real S>
void transpose(const S* from, Index rows, Index cols, Index from_stride, S* to, Index to_stride) {
  const auto turn = [&](Index top, Index left) {
    const Index height = std::min(square_side, rows - top);
    const Index width = std::min(square_side, cols - left);
    const S* source = from + top + left * from_stride;
    S* target = to + left + top * to_stride;
    if (height == square_side && width == square_side)
      transpose_square(source, from_stride, target, to_stride);
    else
      for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < width; ++j) target[j + i * to_stride] = source[i + j * from_stride];
  };
  if (rows < cols)
    for (Index left = 0; left < cols; left += square_side)
      for (Index top = 0; top < rows; top += square_side) {
        // On their way before they are needed: so many pages a processor does not foresee.
        for (Index j = left + square_side; j < std::min(left + 2 * square_side, cols); ++j)
          __builtin_prefetch(from + top + j * from_stride);
        turn(top, left);
      }
  else
    for (Index top = 0; top < rows; top += square_side)
      for (Index left = 0; left < cols; left += square_side) turn(top, left);
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_TRANSPOSE_HPP
