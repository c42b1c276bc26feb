// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_SUPPORT_RECOVERY_HPP
#define LACUNA_METRIC_SUPPORT_RECOVERY_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lacuna/metric/any_codes.hpp>

namespace lacuna {

/// How well the active entries of codes are those of the true codes: over all entries at once
/// (micro-averaged), or the means of each signal's own. With no entry found and none to find all
/// three are 1; with only one of the two empty all three are 0.
struct SupportRecovery {
  double precision = 0;  ///< share of the entries found that are true
  double recall = 0;     ///< share of the true entries that are found
  double f1 = 0;         ///< their harmonic mean
};

struct SupportRecoveryOptions {
  double threshold = 0;  ///< an entry is active if |s| > threshold, on both sides
  /// Which learned latent stands for each true one, as in CodeMcc::match; -1 for none. Empty:
  /// latent i stands for latent i, and both sides must have as many.
  std::vector<Index> match = {};
  /// Whether each signal is scored by itself and the means are given, as the compositional
  /// benchmark does; else all entries count alike.
  bool per_signal = false;
};

namespace detail {

/// Of counts of entries that are both found and true, found, and true.
[[nodiscard]] inline SupportRecovery support_score(std::int64_t hits, std::int64_t found,
                                                   std::int64_t wanted) {
  if (found == 0 && wanted == 0) return {1.0, 1.0, 1.0};
  const auto share = [hits](std::int64_t of) {
    return of == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(of);
  };
  return {share(found), share(wanted),
          2.0 * static_cast<double>(hits) / static_cast<double>(found + wanted)};
}

/// The true latent of each learned one, -1 if none.
[[nodiscard]] inline std::vector<Index> inverse_match(std::string_view where,
                                                      const std::vector<Index>& match,
                                                      Index num_true, Index num_codes) {
  std::vector<Index> inverse(static_cast<std::size_t>(num_codes), -1);
  if (match.empty()) {
    require(num_true == num_codes, where,
            "true codes have " + std::to_string(num_true) + " rows, codes have " +
                std::to_string(num_codes) + ": different numbers need a match");
    for (Index i = 0; i < num_codes; ++i) inverse[static_cast<std::size_t>(i)] = i;
    return inverse;
  }
  require(static_cast<Index>(match.size()) == num_true, where,
          "match has " + std::to_string(match.size()) + " entries for " + std::to_string(num_true) +
              " true latents");
  for (Index i = 0; i < num_true; ++i) {
    const Index partner = match[static_cast<std::size_t>(i)];
    if (partner == -1) continue;
    require(partner >= 0 && partner < num_codes, where,
            "match[" + std::to_string(i) + "] is " + std::to_string(partner) + ", there are " +
                std::to_string(num_codes) + " latents");
    Index& owner = inverse[static_cast<std::size_t>(partner)];
    require(owner == -1, where,
            "latent " + std::to_string(partner) + " is the match of both " + std::to_string(owner) +
                " and " + std::to_string(i));
    owner = i;
  }
  return inverse;
}

}  // namespace detail

/// Compares the supports of codes, num_codes x n, with those of true codes, num_true x n, dense or
/// sparse. Active entries of latents that stand for no true one count as found and false; true
/// entries of latents without a partner as missed. Cost: one pass over the stored entries of both.
/// @throws std::invalid_argument if the numbers of columns differ, the match does not fit or names
///         a latent twice, the threshold is negative or NaN, or a column holds a NaN or an
///         infinity.
template <AnyCodes T, AnyCodes C>
[[nodiscard]] SupportRecovery support_recovery(const T& true_codes, const C& codes,
                                               const SupportRecoveryOptions& options = {}) {
  const std::string_view where = "support_recovery";
  decltype(auto) t = detail::as_argument(true_codes);
  decltype(auto) c = detail::as_argument(codes);
  detail::check_threshold(where, options.threshold);
  require(t.cols() == c.cols(), where,
          "true codes are " + shape_of(t.rows(), t.cols()) + ", codes are " +
              shape_of(c.rows(), c.cols()) + ": expected as many columns");
  detail::check_finite_argument(where, "true codes", t);
  detail::check_finite_argument(where, "codes", c);
  const std::vector<Index> true_of =
      detail::inverse_match(where, options.match, t.rows(), c.rows());

  std::int64_t hits = 0, found = 0, wanted = 0;
  SupportRecovery mean;
  const auto weight = 1 / static_cast<double>(std::max<Index>(1, t.cols()));
  // The last column in which a true latent was active: nothing to clear between columns.
  std::vector<Index> active_in(static_cast<std::size_t>(t.rows()), -1);
  for (Index j = 0; j < t.cols(); ++j) {
    const std::int64_t hits_before = hits, found_before = found, wanted_before = wanted;
    detail::for_each_active(t, j, options.threshold, [&](Index i) {
      active_in[static_cast<std::size_t>(i)] = j;
      ++wanted;
    });
    detail::for_each_active(c, j, options.threshold, [&](Index k) {
      const Index i = true_of[static_cast<std::size_t>(k)];
      ++found;
      if (i >= 0 && active_in[static_cast<std::size_t>(i)] == j) ++hits;
    });
    const SupportRecovery here =
        detail::support_score(hits - hits_before, found - found_before, wanted - wanted_before);
    mean.precision += weight * here.precision;
    mean.recall += weight * here.recall;
    mean.f1 += weight * here.f1;
  }
  return options.per_signal && t.cols() > 0 ? mean : detail::support_score(hits, found, wanted);
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_SUPPORT_RECOVERY_HPP
