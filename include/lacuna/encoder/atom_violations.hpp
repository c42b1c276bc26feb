// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ATOM_VIOLATIONS_HPP
#define LACUNA_ENCODER_ATOM_VIOLATIONS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include <lacuna/encoder/chunk_scores.hpp>

namespace lacuna::detail {

/// What the largest violation is taken of: the violation as it is, which is what a duality gap asks
/// for, or over the length of the atom, as in matching pursuit.
enum class ViolationChoice { violation, violation_over_length };

/// By how much each atom that is not in use violates the optimality of a lasso's code, |c_i| <= t_i
/// (c_i <= t_i where s >= 0) for its correlation c_i with the residual: (|c_i| - t_i) w_i, and the
/// largest of every chunk of atoms, so that the largest of all is found without all.
///
/// Atoms in use have a threshold of infinity here, and so has what can never come in: an atom of
/// length 0, or one whose threshold does not fit S.
///
/// @code
/// AtomViolations<float, true, 64> violations(lengths, thresholds, ViolationChoice::violation);
/// violations.start();
/// AtomChunks<64>(num_atoms).for_each(
///     [&](auto segment, Index chunk) { violations.score(c, segment, chunk); });
/// const Index atom = violations.most(c);  // -1 where none is violated
/// violations.close(atom);                 // it is in use now
/// @endcode
template <Real S, bool Nonnegative, int Chunk>
class AtomViolations {
 public:
  /// @param squared_lengths  num_atoms, of the atoms. @param thresholds  num_atoms.
  AtomViolations(const Vector<S>& squared_lengths, const Vector<S>& thresholds,
                 ViolationChoice choice)
      : base_(thresholds),
        weight_(Vector<S>::Ones(thresholds.size())),
        root_length_(squared_lengths.cwiseSqrt()),
        threshold_(thresholds.size()),
        chunk_best_((thresholds.size() + Chunk - 1) / Chunk) {
    start_threshold_ =
        (squared_lengths.array() > S(0)).select(base_, std::numeric_limits<S>::infinity());
    // A threshold that does not fit S is no unit of anything.
    for (const S base : base_)
      if (std::isfinite(base)) unit_ = std::max(unit_, base);
    // Of thresholds far apart none is a unit whose quotients with all of them fit S.
    if (base_.size() > 0 && unit_ > S(1e12) * base_.minCoeff()) unit_ = S(1);
    if (choice == ViolationChoice::violation_over_length)
      weight_ = squared_lengths.unaryExpr(
          [](S length) { return length > S(0) ? 1 / std::sqrt(length) : S(1); });
    else if (unit_ > S(0))
      // What a duality gap asks for is the violation in units of the atom's threshold, which may be
      // as small as S allows.
      weight_ = base_.unaryExpr(
          [this](S base) { return std::isfinite(base) ? std::min(unit_ / base, S(1e30)) : S(1); });
  }

  [[nodiscard]] Index num_atoms() const noexcept { return base_.size(); }
  /// What violations that are weighed by thresholds are multiples of.
  [[nodiscard]] S unit() const noexcept { return unit_; }
  /// t_i, whether the atom is in use or not.
  [[nodiscard]] S threshold(Index atom) const { return base_[atom]; }

  /// No atom is in use. Scores are those of before.
  void start() { threshold_ = start_threshold_; }
  /// The atom comes into use, or leaves. Its chunk is not scored anew.
  void close(Index atom) { threshold_[atom] = std::numeric_limits<S>::infinity(); }
  void open(Index atom) { threshold_[atom] = base_[atom]; }

  /// Scores a chunk. @param segment  segment(v) is its part of a vector v of all atoms.
  template <class C, class Segment>
  void score(const C& correlations, const Segment& segment, Index chunk) {
    const auto c = segment(correlations).array();
    const auto threshold = segment(threshold_).array(), weight = segment(weight_).array();
    if constexpr (Nonnegative)
      chunk_best_[chunk] = largest((c - threshold) * weight);
    else
      chunk_best_[chunk] = largest((c.abs() - threshold) * weight);
  }

  /// The violation of an atom of this correlation.
  [[nodiscard]] S of(Index atom, S correlation) const {
    const S size = Nonnegative ? correlation : std::abs(correlation);
    return (size - threshold_[atom]) * weight_[atom];
  }

  /// The atom not in use whose optimality is violated most, -1 where none is.
  template <class C>
  [[nodiscard]] Index most(const C& correlations) const {
    Index chunk = -1;
    S best = S(0);
    for (Index i = 0; i < chunk_best_.size(); ++i)
      if (chunk_best_[i] > best) {
        best = chunk_best_[i];
        chunk = i;
      }
    return chunk < 0 ? -1 : most_of(chunk, correlations);
  }
  /// The same of the atoms of one chunk; one of them where none is violated.
  template <class C>
  [[nodiscard]] Index most_of(Index chunk, const C& correlations) const {
    const Index end = std::min((chunk + 1) * Chunk, num_atoms());
    Index atom = chunk * Chunk;
    for (Index i = atom + 1; i < end; ++i)
      if (of(i, correlations[i]) > of(atom, correlations[atom])) atom = i;
    return atom;
  }

  /// The chunks whose largest violation was above `least` when they were scored, the largest first,
  /// without one of them. @returns how many, as many as there is room for at most.
  template <std::size_t room>
  [[nodiscard]] std::size_t most_chunks(S least, Index without,
                                        std::array<Index, room>& chunks) const {
    std::size_t count = 0;
    for (Index chunk = 0; chunk < chunk_best_.size(); ++chunk) {
      if (chunk == without || !(chunk_best_[chunk] > least)) continue;
      std::size_t at = count < room ? count++ : room;
      for (; at > 0 && chunk_best_[chunks[at - 1]] < chunk_best_[chunk]; --at)
        if (at < room) chunks[at] = chunks[at - 1];
      if (at < room) chunks[at] = chunk;
    }
    return count;
  }

  /// What a rounding of the correlation with an atom of length 1 is of this atom's violation.
  [[nodiscard]] S rounding_of(Index atom, S rounding) const {
    return rounding * weight_[atom] * root_length_[atom];
  }
  /// The atom whose violation is most above its rounding, -1 where none is: the rounding of a long
  /// atom may be more than the violation of a short one.
  template <class C>
  [[nodiscard]] Index beyond_rounding(const C& correlations, S rounding) const {
    Index atom = -1;
    S most = rounding;
    for (Index i = 0; i < num_atoms(); ++i) {
      const S violation = of(i, correlations[i]);
      if (!(violation > rounding_of(i, most))) continue;
      most = violation / (weight_[i] * root_length_[i]);
      atom = i;
    }
    return atom;
  }

 private:
  S unit_ = 0;
  Vector<S> base_, start_threshold_, weight_;
  Vector<S> root_length_;  // lengths, not squared
  Vector<S> threshold_;    // that of base_; infinite for atoms in use
  Vector<S> chunk_best_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_ATOM_VIOLATIONS_HPP
