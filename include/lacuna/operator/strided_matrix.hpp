// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_STRIDED_MATRIX_HPP
#define LACUNA_OPERATOR_STRIDED_MATRIX_HPP

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// A matrix where it lies, `stride` entries from column to column, or from row to row where
/// `by_rows`: what blocks, maps and transposes of dense matrices have in common. Products of these
/// are compiled once, and not for every expression that is multiplied somewhere: compiling a
/// product takes a third of a second.
template <Real S>
struct StridedMatrix {
  using ByColumns = Eigen::Map<const Matrix<S>, 0, Eigen::OuterStride<>>;

  const S* data;
  Index rows, cols, stride;
  bool by_rows;

  StridedMatrix(const S* entries, Index height, Index width, Index distance, bool rows_together)
      : data(entries), rows(height), cols(width), stride(distance), by_rows(rows_together) {}

  /// @param m  has direct access to its entries, and stays while this is used.
  template <class M>
  explicit StridedMatrix(const Eigen::MatrixBase<M>& m)
      : StridedMatrix(m.derived().data(), m.rows(), m.cols(), m.derived().outerStride(),
                      M::IsRowMajor) {
    static_assert(
        (M::Flags & Eigen::DirectAccessBit) != 0 && M::InnerStrideAtCompileTime == 1,
        "a factor of a blocked product is a dense matrix, a part of one, or its transpose");
  }

  [[nodiscard]] Index size() const noexcept { return rows * cols; }
  [[nodiscard]] StridedMatrix middle_rows(Index begin, Index count) const {
    return {data + begin * (by_rows ? stride : 1), count, cols, stride, by_rows};
  }
  [[nodiscard]] StridedMatrix middle_cols(Index begin, Index count) const {
    return {data + begin * (by_rows ? 1 : stride), rows, count, stride, by_rows};
  }

  /// Calls `use` with the matrix as an expression of Eigen's.
  template <class Use>
  void visit(const Use& use) const {
    const ByColumns there(data, by_rows ? cols : rows, by_rows ? rows : cols,
                          Eigen::OuterStride<>(stride));
    if (by_rows)
      use(there.transpose());
    else
      use(there);
  }
};

/// The same to write to, column by column.
template <Real S>
using StridedResult = Eigen::Map<Matrix<S>, 0, Eigen::OuterStride<>>;

template <class M>
[[nodiscard]] StridedResult<typename M::Scalar> strided_result(Eigen::MatrixBase<M>& m) {
  static_assert((M::Flags & Eigen::DirectAccessBit) != 0 && !M::IsRowMajor &&
                    M::InnerStrideAtCompileTime == 1,
                "the result of a blocked product lies column by column");
  return {m.derived().data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.derived().outerStride())};
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_STRIDED_MATRIX_HPP
