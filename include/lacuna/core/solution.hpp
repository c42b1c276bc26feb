// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_SOLUTION_HPP
#define LACUNA_CORE_SOLUTION_HPP

#include <cstdint>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/status.hpp>

namespace lacuna {

/// What a solver knows about its answer, one entry a signal.
///
/// `objective` is 1/2 ||x - D s||^2 + penalty(s) of the returned code, and `gap` an upper bound on how
/// far that is above the optimum (a duality gap), both evaluated in double from the codes as returned.
/// Where the problem is not convex there is no such bound, and `gap` is NaN.
template <class Codes>
struct Solution {
  Codes codes;                       ///< num_atoms x n
  Vector<double> objective;          ///< n
  Vector<double> gap;                ///< n, absolute; NaN where there is no certificate
  Vector<double> relative_gap;       ///< n, gap / (1/2 ||x||^2); for x = 0: 0 or infinite
  std::vector<Index> iterations;     ///< n
  std::vector<Status> status;        ///< n
  std::vector<std::int64_t> flops;   ///< n, audited: what the steps taken cost
  std::int64_t setup_flops = 0;      ///< once for all signals: what was derived from the dictionary

  explicit Solution(Index num_atoms = 0, Index n = 0)
      : codes(num_atoms, n),
        objective(Vector<double>::Zero(n)),
        gap(Vector<double>::Zero(n)),
        relative_gap(Vector<double>::Zero(n)),
        iterations(static_cast<std::size_t>(n), 0),
        status(static_cast<std::size_t>(n), Status::completed),
        flops(static_cast<std::size_t>(n), 0) {}

  /// Flops of all signals and the set-up together.
  [[nodiscard]] std::int64_t total_flops() const {
    std::int64_t total = setup_flops;
    for (const std::int64_t f : flops) total += f;
    return total;
  }
};

}  // namespace lacuna

#endif  // LACUNA_CORE_SOLUTION_HPP
