// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_RECONSTRUCTION_OBJECTIVE_HPP
#define LACUNA_OPERATOR_RECONSTRUCTION_OBJECTIVE_HPP

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/parallel.hpp>

namespace lacuna {

/// 1/2 ||x - D s||^2 of each signal, evaluated in double from the codes as they are: the objective
/// of solvers without a penalty. A dictionary that hides its atoms decodes in its own type.
///
/// Cost: 2 dim flops an active entry, in double. Shapes are the caller's to check.
/// @param threads  0 for all cores; the same bits at any number.
template <Dictionary D>
[[nodiscard]] Vector<double> reconstruction_objective(const D& d,
                                                      const MatrixArg<ScalarOf<D>>& signals,
                                                      const SparseCodes<ScalarOf<D>>& codes,
                                                      Index threads = 1) {
  using S = ScalarOf<D>;
  Vector<double> objective(signals.cols());
  if constexpr (ExplicitDictionary<D>) {
    for_each_block(signals.cols(), 256, threads, [&](Block block, Index) {
      Vector<double> residual(d.dim());
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        residual = signals.col(j).template cast<double>();
        for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
          residual -= static_cast<double>(entry.value()) *
                      d.atoms().col(entry.row()).template cast<double>();
        objective[j] = 0.5 * residual.squaredNorm();
      }
    });
  } else {
    const Matrix<S> decoded = d.decode(codes);
    for (Index j = 0; j < signals.cols(); ++j)
      objective[j] =
          0.5 * (signals.col(j).template cast<double>() - decoded.col(j).template cast<double>())
                    .squaredNorm();
  }
  return objective;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_RECONSTRUCTION_OBJECTIVE_HPP
