// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_CODE_MCC_HPP
#define LACUNA_METRIC_CODE_MCC_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <lacuna/metric/assignment.hpp>
#include <lacuna/metric/code_correlation.hpp>

namespace lacuna {

/// What "mean correlation coefficient" means. C is Pearson's correlation of true and learned
/// latents, num_true x num_codes, 0 where a variance is below 1e-12; pairs = min(num_true,
/// num_codes).
enum class MccKind {
  assigned,           ///< mean |C| over the `pairs` pairs of the assignment with the largest sum
  signed_unpermuted,  ///< mean C(i, i) over i < pairs: the seed's measure for known codes
  greedy,  ///< `pairs` times the largest |C| of unused row and column chooses who takes part;
           ///< then the mean |C| of the best assignment among the chosen
  padded,  ///< as assigned, but the sum is divided by max(num_true, num_codes), as if the
           ///< narrow side were padded with latents that correlate with nothing
};

/// The kind in the words of the enumeration, for tables and messages.
[[nodiscard]] constexpr std::string_view to_string(MccKind kind) noexcept {
  switch (kind) {
    case MccKind::assigned:
      return "assigned";
    case MccKind::signed_unpermuted:
      return "signed_unpermuted";
    case MccKind::greedy:
      return "greedy";
    case MccKind::padded:
      return "padded";
  }
  return "unknown";
}

/// How well learned latents stand for true ones, and which for which.
struct CodeMcc {
  double value = 0;  ///< 0 where there is no pair
  MccKind kind = MccKind::assigned;
  std::vector<Index> match;  ///< num_true entries: the learned latent of each true one, -1 if none
};

namespace detail {

/// The rows and columns that the greedy choice takes, both in ascending order. Ties go to the upper
/// row, then to the left column. The seed's code runs out of positive entries where latents are
/// dead and then takes (0, 0) again and again; here an entry of 0 is taken like any other, so that
/// nobody comes twice.
template <Real S>
[[nodiscard]] std::pair<std::vector<Index>, std::vector<Index>> greedy_choice(
    const Matrix<S>& weights) {
  const Index rows = weights.rows();
  const Index cols = weights.cols();
  std::vector<Index> order(static_cast<std::size_t>(rows * cols));
  for (Index k = 0; k < rows * cols; ++k) order[static_cast<std::size_t>(k)] = k;
  // Position k is row k / cols, column k % cols: the order in which ties are resolved.
  const auto weight = [&](Index k) { return weights(k / cols, k % cols); };
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    return weight(a) != weight(b) ? weight(a) > weight(b) : a < b;
  });
  std::vector<char> row_taken(static_cast<std::size_t>(rows), 0);
  std::vector<char> column_taken(static_cast<std::size_t>(cols), 0);
  for (const Index k : order) {
    char& row = row_taken[static_cast<std::size_t>(k / cols)];
    char& column = column_taken[static_cast<std::size_t>(k % cols)];
    if (row == 0 && column == 0) row = column = 1;
  }
  const auto taken = [](const std::vector<char>& flags) {
    std::vector<Index> members;
    for (std::size_t i = 0; i < flags.size(); ++i)
      if (flags[i] != 0) members.push_back(static_cast<Index>(i));
    return members;
  };
  return {taken(row_taken), taken(column_taken)};
}

}  // namespace detail

/// The MCC of a correlation matrix, num_true x num_codes, as CodeCorrelation gives it.
/// Cost: one assignment; greedy sorts the entries besides.
/// @throws std::invalid_argument naming the column if an entry is NaN or infinite.
template <class C>
[[nodiscard]] CodeMcc code_mcc(const Eigen::MatrixBase<C>& correlations,
                               MccKind kind = MccKind::assigned) {
  const MatrixArg<double> correlation(correlations.derived());
  check_finite<double>("code_mcc", "correlation", correlation);
  const Index rows = correlation.rows();
  const Index cols = correlation.cols();
  const Index pairs = std::min(rows, cols);
  CodeMcc result{0.0, kind, std::vector<Index>(static_cast<std::size_t>(rows), -1)};
  if (pairs == 0) return result;

  if (kind == MccKind::signed_unpermuted) {
    for (Index i = 0; i < pairs; ++i) result.match[static_cast<std::size_t>(i)] = i;
    result.value = correlation.diagonal().mean();
    return result;
  }
  const Matrix<double> strength = correlation.cwiseAbs();
  if (kind == MccKind::greedy) {
    const auto [chosen_rows, chosen_columns] = detail::greedy_choice(strength);
    const Assignment best = maximum_assignment(strength(chosen_rows, chosen_columns));
    for (std::size_t k = 0; k < chosen_rows.size(); ++k)
      result.match[static_cast<std::size_t>(chosen_rows[k])] =
          chosen_columns[static_cast<std::size_t>(best.column_of_row[k])];
    result.value = best.total / static_cast<double>(pairs);
    return result;
  }
  Assignment best = maximum_assignment(strength);
  result.match = std::move(best.column_of_row);
  result.value =
      best.total / static_cast<double>(kind == MccKind::padded ? std::max(rows, cols) : pairs);
  return result;
}

/// The MCC of codes against true codes, num_true x n and num_codes x n, dense or sparse.
/// Cost: that of CodeCorrelation and one assignment. For data that come in batches, fill a
/// CodeCorrelation and pass its matrix.
/// @throws std::invalid_argument with both shapes if the numbers of columns differ, or naming the
///         column that holds a NaN or an infinity.
template <AnyCodes T, AnyCodes C>
[[nodiscard]] CodeMcc code_mcc(const T& true_codes, const C& codes,
                               MccKind kind = MccKind::assigned) {
  CodeCorrelation correlation(true_codes.rows(), codes.rows());
  correlation.add(true_codes, codes);
  return code_mcc(correlation.matrix(), kind);
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_CODE_MCC_HPP
