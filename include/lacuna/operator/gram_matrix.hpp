// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_GRAM_MATRIX_HPP
#define LACUNA_OPERATOR_GRAM_MATRIX_HPP

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// D^T D of atoms, dim x num_atoms -> num_atoms x num_atoms. Cost: dim num_atoms^2 flops, as only
/// one triangle is computed; the other is its mirror, so the matrix is symmetric to the last bit.
template <Real S>
[[nodiscard]] Matrix<S> gram_matrix(const Matrix<S>& atoms) {
  Matrix<S> gram = Matrix<S>::Zero(atoms.cols(), atoms.cols());
  gram.template selfadjointView<Eigen::Lower>().rankUpdate(atoms.transpose());
  gram.template triangularView<Eigen::StrictlyUpper>() = gram.transpose();
  return gram;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_GRAM_MATRIX_HPP
