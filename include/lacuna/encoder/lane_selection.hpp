// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_LANE_SELECTION_HPP
#define LACUNA_ENCODER_LANE_SELECTION_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/encoder/gram_form.hpp>

namespace lacuna::detail {

/// The recursion of `ForwardSelection` for as many signals at once as a register has lanes: for few
/// atoms, where the steps of one signal are too short to fill a processor.
///
/// Each lane takes the plain course alone: k choices, each with an atom outside the span of the
/// chosen, and a residual that stays above its rounding until the last. A signal that leaves it is
/// told apart, and is for `ForwardSelection` to do.
///
/// @tparam Decrease  whether an atom is scored by the error that it would take away.
template <Real S, bool Decrease>
class LaneSelection {
 public:
  static constexpr int lanes = 64 / static_cast<int>(sizeof(S));
  /// Beyond, the work space of the lanes leaves the first-level cache.
  static constexpr Index most_atoms = 32, most_choices = 8;

  /// Both matrices are the caller's and outlive this work space.
  LaneSelection(const Matrix<S>& atoms, const Matrix<S>& gram, Index most)
      : gram_(gram),
        lengths_(atoms.colwise().squaredNorm().transpose()),
        most_(most),
        correlations_(lanes, atoms.cols()),
        weights_(lanes, atoms.cols()),
        outside_(lanes, Decrease ? atoms.cols() : 0),
        projections_(lanes, atoms.cols() * most),
        factor_(lanes, most * most),
        along_(lanes, most),
        chosen_(static_cast<std::size_t>(most)),
        support_(static_cast<std::size_t>(most)),
        coefficients_(most) {}

  /// @param correlations  x^T D of the lanes' signals, count x num_atoms, count at most `lanes`.
  /// @param energies  ||x||^2 of each.
  template <class C, class E>
  void run(const C& correlations, const E& energies) {
    const Index count = correlations.rows(), num_atoms = gram_.cols();
    correlations_.topRows(count) = correlations;
    correlations_.bottomRows(lanes - count).setZero();
    for (int l = 0; l < lanes; ++l) {
      energy_[at(l)] = l < count ? energies[l] : S(0);
      // Squares of other signals do not fit S: those are scaled first, elsewhere.
      plain_[at(l)] = energy_fits(energy_[at(l)]) ? 1 : 0;
    }
    left_ = energy_;
    for (Index i = 0; i < num_atoms; ++i) {
      weights_.col(i).setConstant(lengths_[i] > S(0) ? 1 / lengths_[i] : S(0));
      if constexpr (Decrease) outside_.col(i).setConstant(lengths_[i]);
    }
    for (Index k = 0; k < most_; ++k) {
      choose(k);
      enter(k);
    }
    solve();
  }

  /// Makes this lane the one whose answer is read; false where it left the plain course.
  [[nodiscard]] bool read(int lane) {
    if (plain_[at(lane)] == 0) return false;
    for (Index k = 0; k < most_; ++k) {
      support_[static_cast<std::size_t>(k)] = chosen_[static_cast<std::size_t>(k)][at(lane)];
      coefficients_[k] = along_(lane, k);
    }
    return true;
  }
  [[nodiscard]] std::span<const Index> support() const noexcept { return support_; }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }

  /// Audited, as `ForwardSelection` counts the same course. @param dim  of the signals.
  [[nodiscard]] std::int64_t flops(Index dim) const {
    const Index n = gram_.cols();
    std::int64_t total = 2 * dim * n + 2 * dim + most_ * most_;
    for (Index k = 0; k < most_; ++k)
      total += 2 * n + 2 * k + (2 * k + 1) * n + (Decrease ? 7 : 4) * n + 4;
    return total;
  }

 private:
  using Lanes = std::array<S, static_cast<std::size_t>(lanes)>;
  using Places = std::array<std::int32_t, static_cast<std::size_t>(lanes)>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();
  static constexpr S span_tolerance = S(64) * epsilon;

  [[nodiscard]] static std::size_t at(int lane) { return static_cast<std::size_t>(lane); }

  // Loops over the lanes are plain, of fixed length and without a way out: compilers take them
  // whole.

  /// The atom of the largest score in each lane, the first of equals.
  void choose(Index k) {
    Lanes best;
    Places& place = chosen_[static_cast<std::size_t>(k)];
    best.fill(S(0));
    place.fill(0);
    for (Index i = 0; i < gram_.cols(); ++i) {
      const S* c = correlations_.col(i).data();
      const S* w = weights_.col(i).data();
      for (int l = 0; l < lanes; ++l) {
        const S score = c[l] * c[l] * w[l];
        const bool better = score > best[at(l)];
        best[at(l)] = better ? score : best[at(l)];
        place[at(l)] = better ? static_cast<std::int32_t>(i) : place[at(l)];
      }
    }
    for (int l = 0; l < lanes; ++l) {
      const S rounding = S(64) * epsilon * epsilon * energy_[at(l)];
      const bool goes_on =
          best[at(l)] > rounding && left_[at(l)] > S(64) * epsilon * energy_[at(l)];
      plain_[at(l)] = goes_on ? plain_[at(l)] : 0;
    }
  }

  /// The chosen atoms join the bases: the new projections, and what they take from the
  /// correlations.
  void enter(Index k) {
    const Index num_atoms = gram_.cols();
    const Places& place = chosen_[static_cast<std::size_t>(k)];
    Lanes pivot, z, inverse;
    for (int l = 0; l < lanes; ++l) pivot[at(l)] = lengths_[place[at(l)]];
    for (Index j = 0; j < k; ++j) {
      S* row = factor_.col(j * most_ + k).data();
      const S* p = projections_.col(j * num_atoms).data();
      for (int l = 0; l < lanes; ++l) {
        row[l] = p[place[at(l)] * lanes + l];
        pivot[at(l)] -= row[l] * row[l];
      }
    }
    for (int l = 0; l < lanes; ++l) {
      const Index atom = place[at(l)];
      const bool outside = pivot[at(l)] > span_tolerance * lengths_[atom];
      plain_[at(l)] = outside ? plain_[at(l)] : 0;
      // Of a lane that has left, any number that stays finite will do.
      const S length = std::sqrt(outside ? pivot[at(l)] : S(1));
      inverse[at(l)] = 1 / length;
      z[at(l)] = correlations_(l, atom) * inverse[at(l)];
      along_(l, k) = z[at(l)];
      left_[at(l)] -= z[at(l)] * z[at(l)];
      factor_(l, k * most_ + k) = inverse[at(l)];
      weights_(l, atom) = S(0);
    }
    if (k + 1 == most_) return;  // nobody chooses any more
    const S* gram = gram_.data();
    for (Index i = 0; i < num_atoms; ++i) {
      Lanes p;
      for (int l = 0; l < lanes; ++l)
        p[at(l)] = gram[static_cast<std::int32_t>(i) +
                        place[at(l)] * static_cast<std::int32_t>(num_atoms)];
      for (Index j = 0; j < k; ++j) {
        const S* row = factor_.col(j * most_ + k).data();
        const S* before = projections_.col(j * num_atoms + i).data();
        for (int l = 0; l < lanes; ++l) p[at(l)] -= row[l] * before[l];
      }
      S* to = projections_.col(k * num_atoms + i).data();
      S* c = correlations_.col(i).data();
      for (int l = 0; l < lanes; ++l) {
        p[at(l)] *= inverse[at(l)];
        to[l] = p[at(l)];
        c[l] -= z[at(l)] * p[at(l)];
      }
      if constexpr (Decrease) {
        S* outside = outside_.col(i).data();
        S* weight = weights_.col(i).data();
        const S floor = span_tolerance * lengths_[i];
        for (int l = 0; l < lanes; ++l) {
          outside[l] -= p[at(l)] * p[at(l)];
          const S most = outside[l] > floor ? outside[l] : floor;
          weight[l] = weight[l] > S(0) ? 1 / most : S(0);
        }
      }
    }
  }

  /// L^T s = along, in place; the diagonal of L is kept inverted.
  void solve() {
    for (Index k = most_ - 1; k >= 0; --k) {
      S* s = along_.col(k).data();
      for (Index r = k + 1; r < most_; ++r) {
        const S* entry = factor_.col(k * most_ + r).data();
        const S* known = along_.col(r).data();
        for (int l = 0; l < lanes; ++l) s[l] -= entry[l] * known[l];
      }
      const S* inverse = factor_.col(k * most_ + k).data();
      for (int l = 0; l < lanes; ++l) s[l] *= inverse[l];
    }
  }

  const Matrix<S>& gram_;
  Vector<S> lengths_;
  Index most_;
  // Lanes x atoms; projections and factor one such, or one lane vector, after another.
  Matrix<S> correlations_, weights_, outside_, projections_, factor_, along_;
  std::vector<Places> chosen_;
  Lanes energy_{}, left_{};
  std::array<std::int32_t, static_cast<std::size_t>(lanes)> plain_{};
  std::vector<Index> support_;
  Vector<S> coefficients_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_LANE_SELECTION_HPP
