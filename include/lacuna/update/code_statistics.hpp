// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_CODE_STATISTICS_HPP
#define LACUNA_UPDATE_CODE_STATISTICS_HPP

#include <cstdint>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>

namespace lacuna {

/// What the squared error ||X - D S||^2 knows of signals and codes: A = S S^T, num_atoms x
/// num_atoms, and B = X S^T, dim x num_atoms. Of one batch, or of many that are forgotten by and
/// by. A state with fields.
///
/// Source: Mairal, Bach, Ponce & Sapiro, "Online learning for matrix factorization and sparse
/// coding", 2010.
///
/// @code
/// CodeStatistics<float> statistics(dim, num_atoms);
/// for (...) statistics.add("learning", signals, codes, 0.8, 2);  // A = 0.8 A + S S^T
/// @endcode
template <Real S>
struct CodeStatistics {
  Matrix<S> a;
  Matrix<S> b;
  std::int64_t flops = 0;  ///< audited, of all that was added

  /// Of nothing yet.
  CodeStatistics(Index dim, Index num_atoms)
      : a(Matrix<S>::Zero(num_atoms, num_atoms)), b(Matrix<S>::Zero(dim, num_atoms)) {}

  /// Of one batch. @param codes  num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument: shapes, NaN.
  template <class Codes>
  CodeStatistics(const char* where, const MatrixArg<S>& signals, const Codes& codes)
      : CodeStatistics(signals.rows(), codes.rows()) {
    add(where, signals, codes, 0.0);
  }

  /// `keep` times what there is, and this batch. Cost: 2 num_atoms (num_atoms + dim) flops a
  /// signal. @throws std::invalid_argument: shapes, NaN.
  void add(const char* where, const MatrixArg<S>& signals, const Matrix<S>& codes, double keep,
           Index = 1) {
    check(where, signals, codes);
    if (keep == 0) {
      a.noalias() = codes * codes.transpose();
      b.noalias() = signals * codes.transpose();
    } else {
      scale(keep, a);
      scale(keep, b);
      a.noalias() += codes * codes.transpose();
      b.noalias() += signals * codes.transpose();
    }
    flops += std::int64_t{2} * codes.rows() * (codes.rows() + signals.rows()) * codes.cols();
  }

  /// The same. Cost: for each signal with k active entries, 2 k (k + dim) flops.
  /// @param threads  0 for all cores; the same bits at any number.
  void add(const char* where, const MatrixArg<S>& signals, const SparseCodes<S>& codes, double keep,
           Index threads = 1) {
    check(where, signals, codes);
    using Entry = typename SparseCodes<S>::InnerIterator;
    for (Index j = 0; j < codes.cols(); ++j) {
      std::int64_t active = 0;
      for (Entry entry(codes, j); entry; ++entry) ++active;
      flops += 2 * active * (active + signals.rows());
    }
    // By atoms, so that each column of A and B has one writer, in the order of the signals.
    const SparseCodes<S> by_atom = codes.transpose();
    for_each_block(codes.rows(), 64, threads, [&](Block block, Index) {
      for (Index i = block.begin; i < block.begin + block.count; ++i) {
        scale(keep, a.col(i));
        scale(keep, b.col(i));
        S* together = a.col(i).data();
        for (Entry use(by_atom, i); use; ++use) {
          const S value = use.value();
          b.col(i) += value * signals.col(use.row());
          for (Entry other(codes, use.row()); other; ++other)
            together[other.row()] += value * other.value();
        }
      }
    });
  }

  /// The atom was replaced: nothing is known of it.
  void forget(Index atom) {
    a.col(atom).setZero();
    a.row(atom).setZero();
    b.col(atom).setZero();
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("a", self.a);
    visit("b", self.b);
    visit("flops", self.flops);
  }

 private:
  /// Old numbers, were they NaN, are gone at 0.
  template <class Part>
  static void scale(double keep, Part&& part) {
    if (keep == 0)
      part.setZero();
    else if (keep != 1)
      part *= static_cast<S>(keep);
  }

  template <class Codes>
  void check(const char* where, const MatrixArg<S>& signals, const Codes& codes) const {
    require(signals.cols() == codes.cols(), where,
            "signals are " + shape_of(signals.rows(), signals.cols()) + ", codes are " +
                shape_of(codes.rows(), codes.cols()) + ": expected as many columns");
    require(signals.rows() == b.rows() && codes.rows() == b.cols(), where,
            "signals are " + shape_of(signals.rows(), signals.cols()) + ", codes are " +
                shape_of(codes.rows(), codes.cols()) + ": expected rows as those before, " +
                shape_of(b.rows(), b.cols()));
    check_finite<S>(where, "signals", signals);
    check_finite<S>(where, "codes", codes);
  }
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_CODE_STATISTICS_HPP
