// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_CODE_STATISTICS_HPP
#define LACUNA_UPDATE_CODE_STATISTICS_HPP

#include <cstdint>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// What the squared error ||X - D S||^2 knows of signals and codes: A = S S^T, num_atoms x num_atoms,
/// and B = X S^T, dim x num_atoms.
///
/// Source: Mairal, Bach, Ponce & Sapiro, "Online learning for matrix factorization and sparse coding",
/// 2010.
template <Real S>
struct CodeStatistics {
  Matrix<S> a;
  Matrix<S> b;
  std::int64_t flops = 0;

  /// Cost: 2 num_atoms (num_atoms + dim) flops a signal.
  CodeStatistics(const char* where, const MatrixArg<S>& signals, const Matrix<S>& codes) {
    check(where, signals, codes);
    a.noalias() = codes * codes.transpose();
    b.noalias() = signals * codes.transpose();
    flops = std::int64_t{2} * codes.rows() * (codes.rows() + signals.rows()) * codes.cols();
  }

  /// Cost: for each signal with k active entries, 2 k (k + dim) flops.
  CodeStatistics(const char* where, const MatrixArg<S>& signals, const SparseCodes<S>& codes)
      : a(Matrix<S>::Zero(codes.rows(), codes.rows())),
        b(Matrix<S>::Zero(signals.rows(), codes.rows())) {
    check(where, signals, codes);
    using Entry = typename SparseCodes<S>::InnerIterator;
    for (Index j = 0; j < codes.cols(); ++j)
      for (Entry entry(codes, j); entry; ++entry) {
        b.col(entry.row()) += entry.value() * signals.col(j);
        flops += 2 * signals.rows();
        for (Entry other(codes, j); other; ++other) {
          a(other.row(), entry.row()) += entry.value() * other.value();
          flops += 2;
        }
      }
  }

 private:
  template <class Codes>
  static void check(const char* where, const MatrixArg<S>& signals, const Codes& codes) {
    require(signals.cols() == codes.cols(), where,
            "signals are " + shape_of(signals.rows(), signals.cols()) + ", codes are " +
                shape_of(codes.rows(), codes.cols()) + ": expected as many columns");
    check_finite<S>(where, "signals", signals);
    check_finite<S>(where, "codes", codes);
  }
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_CODE_STATISTICS_HPP
