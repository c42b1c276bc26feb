// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_DEAD_ATOMS_HPP
#define LACUNA_METRIC_DEAD_ATOMS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lacuna/metric/any_codes.hpp>

namespace lacuna {

/// Which latents were never active, |s| > threshold, over the codes given so far.
class DeadAtoms {
 public:
  /// @throws std::invalid_argument if num_atoms < 0, or the threshold is negative or NaN.
  explicit DeadAtoms(Index num_atoms, double threshold = 0) : threshold_(threshold) {
    require(num_atoms >= 0, "DeadAtoms",
            "num_atoms must be at least 0, got " + std::to_string(num_atoms));
    detail::check_threshold("DeadAtoms", threshold);
    times_active_.assign(static_cast<std::size_t>(num_atoms), 0);
  }

  /// Takes the codes of n more signals, num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument with both shapes if they do not fit, or naming the column that
  ///         holds a NaN or an infinity; nothing has been added then.
  template <AnyCodes C>
  void add(const C& codes) {
    decltype(auto) c = detail::as_argument(codes);
    const auto atoms = static_cast<Index>(times_active_.size());
    require(c.rows() == atoms, "DeadAtoms::add",
            "codes are " + shape_of(c.rows(), c.cols()) + ": expected " + std::to_string(atoms) +
                " rows");
    detail::check_finite_argument("DeadAtoms::add", "codes", c);
    for (Index j = 0; j < c.cols(); ++j)
      detail::for_each_active(c, j, threshold_,
                              [&](Index i) { ++times_active_[static_cast<std::size_t>(i)]; });
  }

  /// On how many signals each latent was active.
  [[nodiscard]] const std::vector<std::int64_t>& times_active() const noexcept {
    return times_active_;
  }

  /// The dead latents, in ascending order.
  [[nodiscard]] std::vector<Index> indices() const {
    std::vector<Index> dead;
    for (std::size_t i = 0; i < times_active_.size(); ++i)
      if (times_active_[i] == 0) dead.push_back(static_cast<Index>(i));
    return dead;
  }

  [[nodiscard]] Index count() const {
    return static_cast<Index>(std::count(times_active_.begin(), times_active_.end(), 0));
  }

  /// Dead latents over all latents; NaN where there are none at all.
  [[nodiscard]] double share() const {
    return static_cast<double>(count()) / static_cast<double>(times_active_.size());
  }

 private:
  double threshold_;
  std::vector<std::int64_t> times_active_;
};

}  // namespace lacuna

#endif  // LACUNA_METRIC_DEAD_ATOMS_HPP
