// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_ATOM_REVIVAL_HPP
#define LACUNA_CONCEPTS_ATOM_REVIVAL_HPP

#include <concepts>
#include <vector>

#include <lacuna/concepts/learnable_dictionary.hpp>

namespace lacuna {

/// A round of alternating training, as a revival sees it after the update.
template <Real S>
struct TrainingRound {
  const Matrix<S>& signals;   ///< dim x n
  const Matrix<S>& residual;  ///< x - D s before the update, dim x n
  const Vector<double>& use;  ///< of each atom: its share of the squared codes of late, sum 1, or 0
  Index step, total_steps;    ///< this round, from 0, of how many
};

namespace detail {
template <class R>
concept HasUseWindow = requires(const R& r, Index num_atoms) {
  { r.window(num_atoms) } -> std::convertible_to<Index>;
};

template <class R, class D>
concept CanReviveAtoms = requires(const R& r, D& d,
                                  const TrainingRound<typename D::Scalar>& round) {
  { r.revive(d, round) } -> std::same_as<std::vector<Index>>;
};
}  // namespace detail

/// What an `AlternatingTrainer` does about atoms that have no use.
///
/// | expression            | meaning                                                            |
/// |-----------------------|--------------------------------------------------------------------|
/// | `r.window(num_atoms)` | signals over which use is counted; 0: it does not ask              |
/// | `r.revive(d, round)`  | replaces atoms after a round's update, and says which, rising      |
///
/// Laws (tests/unit/dictionary_learning_test.cpp): atoms that it does not name stay as they are,
/// but for the rounding of a dictionary that brings all back to unit norm. The trainer lets its
/// update forget those that were replaced.
template <class R, class D>
concept AtomRevivalFor =
    std::copyable<R> && detail::HasUseWindow<R> && detail::CanReviveAtoms<R, D>;

/// The policy that does nothing.
struct NoAtomRevival {
  [[nodiscard]] Index window(Index) const noexcept { return 0; }
  template <class D>
  [[nodiscard]] std::vector<Index> revive(D&, const TrainingRound<ScalarOf<D>>&) const {
    return {};
  }
};

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_ATOM_REVIVAL_HPP
