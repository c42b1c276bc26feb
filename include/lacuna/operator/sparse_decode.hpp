// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SPARSE_DECODE_HPP
#define LACUNA_OPERATOR_SPARSE_DECODE_HPP

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// atoms * codes for sparse codes: dim x num_atoms times num_atoms x n -> dim x n.
///
/// Cost: 2 dim flops an active entry, not 2 dim num_atoms a signal. Shapes are the caller's to check.
template <Real S>
[[nodiscard]] Matrix<S> sparse_decode(const Matrix<S>& atoms, const SparseCodes<S>& codes) {
  Matrix<S> signals = Matrix<S>::Zero(atoms.rows(), codes.cols());
  for (Index j = 0; j < codes.cols(); ++j)
    for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
      signals.col(j) += entry.value() * atoms.col(entry.row());
  return signals;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SPARSE_DECODE_HPP
