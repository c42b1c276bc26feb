// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_MEAN_L0_HPP
#define LACUNA_METRIC_MEAN_L0_HPP

#include <cstdint>
#include <limits>

#include <lacuna/metric/any_codes.hpp>

namespace lacuna {

/// The mean number of entries of a signal's code with |s| > threshold; a count, not a share. NaN
/// for no signals. Codes that are never exactly 0 (exp, softplus) need a threshold, which belongs
/// in the report. Cost: one pass over the stored entries.
/// @param codes  num_atoms x n, dense or sparse.
/// @throws std::invalid_argument if the threshold is negative or NaN, or naming the column that
///         holds a NaN or an infinity.
template <AnyCodes C>
[[nodiscard]] double mean_l0(const C& codes, double threshold = 0) {
  decltype(auto) c = detail::as_argument(codes);
  detail::check_threshold("mean_l0", threshold);
  detail::check_finite_argument("mean_l0", "codes", c);
  if (c.cols() == 0) return std::numeric_limits<double>::quiet_NaN();
  std::int64_t active = 0;
  for (Index j = 0; j < c.cols(); ++j)
    detail::for_each_active(c, j, threshold, [&](Index) { ++active; });
  return static_cast<double>(active) / static_cast<double>(c.cols());
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_MEAN_L0_HPP
