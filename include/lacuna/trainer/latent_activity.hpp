// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_LATENT_ACTIVITY_HPP
#define LACUNA_TRAINER_LATENT_ACTIVITY_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lacuna/concepts/encoder.hpp>

namespace lacuna {

/// When each latent was last active: which of them are dead is a question of a window of steps.
///
/// @code
/// LatentActivity activity(512);
/// activity.observe(codes, step);
/// const std::vector<Index> dead = activity.dead(step, 100);  // active in none of the last 100
/// steps
/// @endcode
class LatentActivity {
 public:
  explicit LatentActivity(Index num_atoms = 0)
      : last_active_(static_cast<std::size_t>(num_atoms), -1) {}

  [[nodiscard]] Index num_atoms() const noexcept {
    return static_cast<Index>(last_active_.size());
  }

  /// Takes the codes of step `step`, num_atoms x n; steps rise. Cost: one look at each entry.
  template <Real S>
  void observe(const Matrix<S>& codes, Index step) {
    active_.setZero(codes.rows());
    for (Index j = 0; j < codes.cols(); ++j) {
      const S* code = codes.col(j).data();
      for (Index i = 0; i < codes.rows(); ++i)
        active_[i] = static_cast<char>(active_[i] | static_cast<char>(code[i] != S(0)));
    }
    for (Index i = 0; i < codes.rows(); ++i)
      if (active_[i] != 0) last_active_[static_cast<std::size_t>(i)] = step;
  }
  template <Real S>
  void observe(const SparseCodes<S>& codes, Index step) {
    for (Index j = 0; j < codes.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
        if (entry.value() != S(0)) last_active_[static_cast<std::size_t>(entry.row())] = step;
  }

  /// Taken for active at this step: a latent that was replaced has a window before it.
  void revive(Index latent, Index step) { last_active_[static_cast<std::size_t>(latent)] = step; }

  /// Latents active in none of the `window` steps up to `step`, ascending; none before step window
  /// - 1.
  [[nodiscard]] std::vector<Index> dead(Index step, Index window) const {
    std::vector<Index> result;
    if (step + 1 < window) return result;
    for (std::size_t i = 0; i < last_active_.size(); ++i)
      if (last_active_[i] <= step - window) result.push_back(static_cast<Index>(i));
    return result;
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("last_active", self.last_active_);
  }

 private:
  std::vector<std::int64_t> last_active_;  // a step; -1 before the first time
  Eigen::Matrix<char, Eigen::Dynamic, 1> active_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_LATENT_ACTIVITY_HPP
