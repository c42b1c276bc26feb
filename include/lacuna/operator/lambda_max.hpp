// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_LAMBDA_MAX_HPP
#define LACUNA_OPERATOR_LAMBDA_MAX_HPP

#include <cmath>
#include <string>
#include <vector>

#include <lacuna/concepts/dictionary.hpp>
#include <lacuna/concepts/lasso_penalty.hpp>

namespace lacuna {

/// The least lambda at which the code of 0 is optimal, one a signal: max_i <d_i, x> / w_i over what
/// the penalty allows. The penalty's own lambda does not matter, its kind and weights do.
///
/// @returns n values in double, 0 where no lambda above 0 is needed.
/// @throws std::invalid_argument: shape, NaN. Cost: 2 dim num_atoms flops a signal.
template <Dictionary D, LassoPenalty P>
[[nodiscard]] Vector<double> lambda_max(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                        const P& penalty) {
  check_signals("lambda_max", d, signals);
  check_finite<ScalarOf<D>>("lambda_max", "signals", signals);
  detail::check_penalty("lambda_max", penalty, d.num_atoms());
  const P unit = penalty.with_lambda(1);
  Vector<double> result(signals.cols());
  constexpr Index block_size = 1024;  // so that num_atoms x n does not come to be
  for (Index begin = 0; begin < signals.cols(); begin += block_size) {
    const Index count = std::min(block_size, signals.cols() - begin);
    const Matrix<double> correlations =
        d.correlate(signals.middleCols(begin, count)).template cast<double>();
    // 1 over the scale that makes D^T x feasible: 0 for an infinite one.
    for (Index j = 0; j < count; ++j) result[begin + j] = 1 / unit.dual_scale(correlations.col(j));
  }
  return result;
}

/// `count` values that fall from `largest` to `smallest` by equal factors: the usual way down a
/// path.
/// @throws std::invalid_argument unless largest >= smallest > 0 and count is at least 1.
[[nodiscard]] inline std::vector<double> lambda_grid(double largest, double smallest, Index count) {
  require(largest >= smallest && smallest > 0 && std::isfinite(largest), "lambda_grid",
          "needs largest >= smallest > 0, has " + text_of(largest) + " and " + text_of(smallest));
  require(count >= 1, "lambda_grid", "count must be at least 1, is " + std::to_string(count));
  std::vector<double> grid(static_cast<std::size_t>(count), largest);
  for (std::size_t i = 1; i < grid.size(); ++i)
    grid[i] = largest *
              std::pow(smallest / largest, static_cast<double>(i) / static_cast<double>(count - 1));
  return grid;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_LAMBDA_MAX_HPP
