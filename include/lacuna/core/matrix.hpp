// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_MATRIX_HPP
#define LACUNA_CORE_MATRIX_HPP

#include <Eigen/Core>
#include <Eigen/SparseCore>
#include <lacuna/core/real.hpp>

namespace lacuna {

/// Sizes and positions, signed as in Eigen.
using Index = Eigen::Index;

/// A dense matrix whose columns are things: signals `dim x n`, codes `num_atoms x n`, atoms
/// `dim x num_atoms`. Column-major whatever EIGEN_DEFAULT_TO_ROW_MAJOR says, so that one thing is
/// contiguous and a row-major `[samples, dim]` file has this layout without a copy.
template <Real S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

/// One thing, or one number a thing.
template <Real S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor>;

/// A read-only argument: binds to a Matrix or to a range of its columns without a copy, and to any
/// other dense expression through a temporary.
template <Real S>
using MatrixArg = Eigen::Ref<const Matrix<S>, 0, Eigen::OuterStride<>>;

/// Codes `num_atoms x n` of which only the active entries are stored, column by column.
template <Real S>
using SparseCodes = Eigen::SparseMatrix<S, Eigen::ColMajor>;

/// A view of the flat parameters of an encoder or a transform: optimisers, checks by finite differences
/// and files all see one vector, whatever it means to its owner.
template <Real S>
using ParameterView = Eigen::Map<Vector<S>>;

/// The same, read-only.
template <Real S>
using ConstParameterView = Eigen::Map<const Vector<S>>;

}  // namespace lacuna

#endif  // LACUNA_CORE_MATRIX_HPP
