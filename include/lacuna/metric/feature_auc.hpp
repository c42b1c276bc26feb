// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_FEATURE_AUC_HPP
#define LACUNA_METRIC_FEATURE_AUC_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/metric/any_codes.hpp>

namespace lacuna {

/// One latent as a detector of the label. Either direction counts: an area a below 1/2 is 1 - a.
struct BestFeature {
  Index latent = -1;  ///< the one whose area on the first codes is largest; the first of equals
  double auc = 0.5;   ///< its area there
  double auc_elsewhere = 0.5;  ///< its area on the other codes
};

namespace detail {

/// The entries of a latent that are not 0, and whether the signal has the label.
using LabelledEntries = std::vector<std::pair<double, bool>>;

/// The area from the entries that are not 0, all others being 0: the midrank form of the statistic
/// of Mann and Whitney. Sorts the entries.
[[nodiscard]] inline double area_of(LabelledEntries& entries, double positives, double negatives) {
  if (positives == 0 || negatives == 0) return 0.5;
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  double stored_positives = 0;
  for (const auto& entry : entries) stored_positives += entry.second ? 1 : 0;
  const double zero_positives = positives - stored_positives;
  const double zero_negatives =
      negatives - (static_cast<double>(entries.size()) - stored_positives);
  // From below: each group of equals adds its positives times the negatives below it and half of
  // those beside it.
  double below = 0, pairs = 0;
  const auto take = [&](double group_positives, double group_negatives) {
    pairs += group_positives * (below + 0.5 * group_negatives);
    below += group_negatives;
  };
  bool zeros_taken = false;
  for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    const double value = entries[begin].first;
    if (!zeros_taken && value > 0) {
      take(zero_positives, zero_negatives);
      zeros_taken = true;
    }
    double group_positives = 0;
    for (end = begin; end < entries.size() && entries[end].first == value; ++end)
      group_positives += entries[end].second ? 1 : 0;
    take(group_positives, static_cast<double>(end - begin) - group_positives);
  }
  if (!zeros_taken) take(zero_positives, zero_negatives);
  return pairs / (positives * negatives);
}

}  // namespace detail

/// The area under the ROC curve of every latent as a score of the label: the probability that a
/// signal with the label has the larger code than one without it, equals counting 1/2. Above 1/2
/// the latent speaks for the label, below against it. 1/2 where all labels are the same.
///
/// Cost: the stored entries' sorting; those that are 0 take part as one group.
/// @param codes  num_atoms x n, dense or sparse; @param labels  n.
/// @return num_atoms areas.
/// @throws std::invalid_argument if the labels are not n, or naming the column that holds a NaN or
///         an infinity.
template <AnyCodes C>
[[nodiscard]] Vector<double> feature_auc(const C& codes, const std::vector<bool>& labels) {
  const std::string_view where = "feature_auc";
  decltype(auto) c = detail::as_argument(codes);
  require(static_cast<Index>(labels.size()) == c.cols(), where,
          "codes are " + shape_of(c.rows(), c.cols()) + ", there are " +
              std::to_string(labels.size()) + " labels: expected one a column");
  detail::check_finite_argument(where, "codes", c);
  const auto positives = static_cast<double>(std::count(labels.begin(), labels.end(), true));
  const double negatives = static_cast<double>(labels.size()) - positives;

  Vector<double> areas(c.rows());
  // A range of latents at a time: of dense codes a range is as large as all its entries.
  constexpr Index range = 256;
  std::vector<detail::LabelledEntries> entries(static_cast<std::size_t>(
      detail::is_sparse_argument<decltype(c)> ? c.rows() : std::min(range, c.rows())));
  const auto take = [&](Index slot, double value, Index column) {
    if (value != 0)
      entries[static_cast<std::size_t>(slot)].emplace_back(
          value, labels[static_cast<std::size_t>(column)]);
  };
  if constexpr (detail::is_sparse_argument<decltype(c)>) {
    using Codes = std::remove_cvref_t<decltype(c)>;
    for (Index j = 0; j < c.cols(); ++j)
      for (typename Codes::InnerIterator entry(c, j); entry; ++entry)
        take(entry.row(), static_cast<double>(entry.value()), j);
    for (Index i = 0; i < c.rows(); ++i)
      areas[i] = detail::area_of(entries[static_cast<std::size_t>(i)], positives, negatives);
  } else {
    for (Index begin = 0; begin < c.rows(); begin += range) {
      const Index count = std::min(range, c.rows() - begin);
      for (auto& of_latent : entries) of_latent.clear();
      for (Index j = 0; j < c.cols(); ++j)
        for (Index i = 0; i < count; ++i) take(i, static_cast<double>(c(begin + i, j)), j);
      for (Index i = 0; i < count; ++i)
        areas[begin + i] =
            detail::area_of(entries[static_cast<std::size_t>(i)], positives, negatives);
    }
  }
  return areas;
}

/// The latent that alone tells the label best on some codes, and how well it does on others: the
/// AUC of the compositional benchmark, chosen in distribution and asked for out of it.
/// Cost: that of two `feature_auc`.
/// @param codes, labels              num_atoms x n and n: here the latent is chosen.
/// @param other_codes, other_labels  of the same latents.
/// @throws std::invalid_argument as `feature_auc`, and if the numbers of latents differ.
template <AnyCodes C, AnyCodes O>
[[nodiscard]] BestFeature best_feature_auc(const C& codes, const std::vector<bool>& labels,
                                           const O& other_codes,
                                           const std::vector<bool>& other_labels) {
  require(codes.rows() == other_codes.rows(), "best_feature_auc",
          "codes are " + shape_of(codes.rows(), codes.cols()) + ", the others are " +
              shape_of(other_codes.rows(), other_codes.cols()) + ": expected as many rows");
  const Vector<double> areas = feature_auc(codes, labels);
  const Vector<double> elsewhere = feature_auc(other_codes, other_labels);
  const auto either_way = [](double area) { return std::max(area, 1 - area); };
  BestFeature best;
  for (Index i = 0; i < areas.size(); ++i)
    if (best.latent < 0 || either_way(areas[i]) > best.auc)
      best = {i, either_way(areas[i]), either_way(elsewhere[i])};
  return best;
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_FEATURE_AUC_HPP
