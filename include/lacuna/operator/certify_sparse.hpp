// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_CERTIFY_SPARSE_HPP
#define LACUNA_OPERATOR_CERTIFY_SPARSE_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/lasso_certificate.hpp>

namespace lacuna::detail {

/// Fills objective and gap of a solution with sparse codes, in double and a block at a time, and
/// has the last word on its status: the solver's own gap has the rounding of its element type.
/// Cost: 4 dim num_atoms flops a signal, not counted as inference.
template <Dictionary D, Penalty P>
void certify_sparse(const D& d, const P& penalty, const MatrixArg<ScalarOf<D>>& signals,
                    double tolerance, Index threads, Solution<SparseCodes<ScalarOf<D>>>& solution) {
  using S = ScalarOf<D>;
  constexpr Index block_size = 256;  // so that codes are dense a block at a time only
  const Index blocks = num_blocks(signals.cols(), block_size);
  // It copies the dictionary, in double: one a worker, made when that has something to do.
  std::vector<std::optional<LassoCertifier<D, P>>> certifiers(
      static_cast<std::size_t>(std::min(resolve_threads(threads), blocks)));
  for_each_block(signals.cols(), block_size, threads, [&](Block block, Index worker) {
    auto& certifier = certifiers[static_cast<std::size_t>(worker)];
    if (!certifier) certifier.emplace(d, penalty);
    const Matrix<S> codes = solution.codes.middleCols(block.begin, block.count);
    certifier->for_each(
        signals.middleCols(block.begin, block.count), codes, [&](Index j, Certificate c) {
          const Index column = block.begin + j;
          solution.objective[column] = c.objective;
          solution.gap[column] = c.gap;
          solution.relative_gap[column] = c.relative_gap;
          Status& status = solution.status[static_cast<std::size_t>(column)];
          // The certificate has the last word: at tolerance 0 too, where rounding leaves a gap; but
          // for a cap that came first.
          if (status != Status::max_iterations)
            status = c.relative_gap <= tolerance ? Status::converged
                     : tolerance > 0             ? Status::precision_limit
                                                 : Status::completed;
        });
  });
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_CERTIFY_SPARSE_HPP
