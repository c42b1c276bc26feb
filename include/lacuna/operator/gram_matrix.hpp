// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_GRAM_MATRIX_HPP
#define LACUNA_OPERATOR_GRAM_MATRIX_HPP

#include <algorithm>

#include <lacuna/core/parallel.hpp>

namespace lacuna {

/// D^T D of atoms, dim x num_atoms -> num_atoms x num_atoms. Symmetric to the last bit: the lower
/// triangle is computed, in blocks of 128 columns, and mirrored. Cost: dim num_atoms^2 flops, and
/// up to 128 dim num_atoms for the squares on the diagonal, which are computed whole.
/// @param threads  0 for all cores; the same bits at any number.
template <Real S>
[[nodiscard]] Matrix<S> gram_matrix(const Matrix<S>& atoms, Index threads = 1) {
  const Index n = atoms.cols();
  Matrix<S> gram(n, n);
  for_each_block(n, 128, threads, [&](Block block, Index) {
    const Index begin = block.begin, count = block.count, end = begin + count;
    gram.block(begin, begin, n - begin, count).noalias() =
        atoms.rightCols(n - begin).transpose() * atoms.middleCols(begin, count);
    auto square = gram.block(begin, begin, count, count);
    square.template triangularView<Eigen::StrictlyUpper>() = square.transpose();
    // The mirror a block at a time: a whole column at a time would leave the cache.
    constexpr Index size = 64;
    for (Index i = end; i < n; i += size) {
      const Index rows = std::min(size, n - i);
      gram.block(begin, i, count, rows) = gram.block(i, begin, rows, count).transpose();
    }
  });
  return gram;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_GRAM_MATRIX_HPP
