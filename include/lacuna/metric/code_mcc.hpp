// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_CODE_MCC_HPP
#define LACUNA_METRIC_CODE_MCC_HPP

#include <algorithm>
#include <cstddef>
#include <string>
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
  active,  ///< as assigned, over the true latents whose variance is above 1e-8 alone: those that
           ///< a correlation can be asked of
  active_padded,  ///< as padded, over the same: the compositional benchmark's score in
                  ///< distribution, capped by the share of latents that are active at all. (Its
                  ///< code pads with Gaussian noise, whose chance correlations it adds.)
  active_top_variance,  ///< as active_padded, over as many learned latents as there are active true
                        ///< ones, those of the largest variance: its score out of distribution
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
    case MccKind::active:
      return "active";
    case MccKind::active_padded:
      return "active_padded";
    case MccKind::active_top_variance:
      return "active_top_variance";
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

[[nodiscard]] constexpr bool needs_variances(MccKind kind) noexcept {
  return kind == MccKind::active || kind == MccKind::active_padded ||
         kind == MccKind::active_top_variance;
}

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
/// @throws std::invalid_argument naming the column if an entry is NaN or infinite, or if the kind
///         is one of the active ones: they need the variances of a CodeCorrelation.
template <class C>
[[nodiscard]] CodeMcc code_mcc(const Eigen::MatrixBase<C>& correlations,
                               MccKind kind = MccKind::assigned) {
  require(!detail::needs_variances(kind), "code_mcc",
          std::string(to_string(kind)) + " needs the variances of a CodeCorrelation");
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

/// The MCC of all the signals that a CodeCorrelation has seen. Cost: its matrix and one assignment;
/// the active kinds leave what they do not ask about out of both.
template <Real S = double>
[[nodiscard]] CodeMcc code_mcc(const CodeCorrelation& correlation,
                               MccKind kind = MccKind::assigned) {
  if (!detail::needs_variances(kind)) return code_mcc(correlation.matrix(), kind);
  const Vector<S> true_variances = correlation.true_variances();
  std::vector<Index> active;
  for (Index i = 0; i < correlation.num_true(); ++i)
    if (true_variances[i] > 1e-8) active.push_back(i);
  std::vector<Index> codes(static_cast<std::size_t>(correlation.num_codes()));
  for (std::size_t k = 0; k < codes.size(); ++k) codes[k] = static_cast<Index>(k);
  if (kind == MccKind::active_top_variance && active.size() < codes.size()) {
    const Vector<S> variances = correlation.code_variances();
    std::stable_sort(codes.begin(), codes.end(),
                     [&](Index a, Index b) { return variances[a] > variances[b]; });
    codes.resize(active.size());
  }
  const CodeMcc among = code_mcc(Matrix<S>(correlation.matrix()(active, codes)),
                                 kind == MccKind::active ? MccKind::assigned : MccKind::padded);
  CodeMcc result{among.value, kind,
                 std::vector<Index>(static_cast<std::size_t>(correlation.num_true()), -1)};
  for (std::size_t i = 0; i < active.size(); ++i)
    if (among.match[i] >= 0)
      result.match[static_cast<std::size_t>(active[i])] =
          codes[static_cast<std::size_t>(among.match[i])];
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
  return code_mcc(correlation, kind);
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_CODE_MCC_HPP
