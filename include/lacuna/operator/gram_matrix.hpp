// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_GRAM_MATRIX_HPP
#define LACUNA_OPERATOR_GRAM_MATRIX_HPP

#include <algorithm>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// D^T D of atoms, dim x num_atoms -> num_atoms x num_atoms. Cost: dim num_atoms^2 flops, as only
/// one triangle is computed; the other is its mirror, so the matrix is symmetric to the last bit.
template <Real S>
[[nodiscard]] Matrix<S> gram_matrix(const Matrix<S>& atoms) {
  Matrix<S> gram = Matrix<S>::Zero(atoms.cols(), atoms.cols());
  gram.template selfadjointView<Eigen::Lower>().rankUpdate(atoms.transpose());
  // The mirror a block at a time: a whole column at a time would leave the cache.
  constexpr Index size = 64;
  const Index n = gram.cols();
  for (Index j = 0; j < n; j += size) {
    const Index count = std::min(size, n - j);
    auto square = gram.block(j, j, count, count);
    square.template triangularView<Eigen::StrictlyUpper>() = square.transpose();
    for (Index i = j + count; i < n; i += size) {
      const Index rows = std::min(size, n - i);
      gram.block(j, i, count, rows) = gram.block(i, j, rows, count).transpose();
    }
  }
  return gram;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_GRAM_MATRIX_HPP
