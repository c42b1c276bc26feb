// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_TRANSPOSE_HPP
#define LACUNA_OPERATOR_TRANSPOSE_HPP

#include <algorithm>
#include <cstring>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// Side of the squares that `transpose` turns at once: whole cache lines on both sides.
inline constexpr Index square_side = 16;

/// out = in with the halves of its entries interleaved: the bits of their positions turn by one.
template <Real S>
void interleave_halves(const S* in, S* out) {
  constexpr Index half = square_side * square_side / 2;
  for (Index i = 0; i < half; ++i) {
    out[2 * i] = in[i];
    out[2 * i + 1] = in[half + i];
  }
}

/// to(j, i) = from(i, j) for a square. Four turns of the eight bits of a position swap row and
/// column; compilers make them of whole registers, where a turn entry by entry is of single ones.
template <Real S>
void transpose_square(const S* from, Index from_stride, S* to, Index to_stride) {
  S a[square_side * square_side], b[square_side * square_side];
  for (Index j = 0; j < square_side; ++j)
    std::memcpy(a + j * square_side, from + j * from_stride, square_side * sizeof(S));
  interleave_halves(a, b);
  interleave_halves(b, a);
  interleave_halves(a, b);
  interleave_halves(b, a);
  for (Index i = 0; i < square_side; ++i)
    std::memcpy(to + i * to_stride, a + i * square_side, square_side * sizeof(S));
}

/// to = from^T for `from` of rows x cols, both column by column.
template <Real S>
void transpose(const S* from, Index rows, Index cols, Index from_stride, S* to, Index to_stride) {
  for (Index top = 0; top < rows; top += square_side)
    for (Index left = 0; left < cols; left += square_side) {
      const Index height = std::min(square_side, rows - top);
      const Index width = std::min(square_side, cols - left);
      const S* source = from + top + left * from_stride;
      S* target = to + left + top * to_stride;
      if (height == square_side && width == square_side)
        transpose_square(source, from_stride, target, to_stride);
      else
        for (Index i = 0; i < height; ++i)
          for (Index j = 0; j < width; ++j) target[j + i * to_stride] = source[i + j * from_stride];
    }
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_TRANSPOSE_HPP
