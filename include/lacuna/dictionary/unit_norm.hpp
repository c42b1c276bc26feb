// SPDX-License-Identifier: MIT
#ifndef LACUNA_DICTIONARY_UNIT_NORM_HPP
#define LACUNA_DICTIONARY_UNIT_NORM_HPP

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include <lacuna/dictionary/dense.hpp>

namespace lacuna {

/// A dense dictionary whose atoms all have Euclidean length 1. Models `LearnableDictionary`.
///
/// Every door rescales the columns (constructor and `update_atoms`) or refuses those of another
/// length (`from_unit_atoms`), so no later code re-checks.
template <Real S>
class UnitNormDictionary {
 public:
  using Scalar = S;
  /// Every atom has length 1, whatever is done to them.
  static constexpr bool unit_norm = true;

  /// @param atoms  dim x num_atoms, both at least 1; the columns are rescaled.
  /// @throws std::invalid_argument if empty, or naming the first atom that is zero or not finite.
  explicit UnitNormDictionary(Matrix<S> atoms) : dense_(std::move(atoms)) {
    dense_.update_atoms(normalise);
  }

  /// Atoms of length 1 to rounding, taken as they are: rescaling again could change their last
  /// bits, and a file gives back those that it was given.
  /// @throws std::invalid_argument if empty, or naming the first atom that is not finite or whose
  ///         length is off by more than 1e-3.
  [[nodiscard]] static UnitNormDictionary from_unit_atoms(Matrix<S> atoms) {
    DenseDictionary<S> dense(std::move(atoms));
    for (Index j = 0; j < dense.num_atoms(); ++j) {
      const S length = dense.atoms().col(j).norm();
      require(
          std::abs(length - S(1)) <= S(1e-3), "UnitNormDictionary::from_unit_atoms",
          "atom " + std::to_string(j) + " has length " + std::to_string(length) + ", expected 1");
    }
    return UnitNormDictionary(AsTheyAre{}, std::move(dense));
  }

  [[nodiscard]] Index dim() const noexcept { return dense_.dim(); }
  [[nodiscard]] Index num_atoms() const noexcept { return dense_.num_atoms(); }
  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return dense_.atoms(); }

  /// D s. Cost: 2 dim num_atoms flops a signal.
  [[nodiscard]] Matrix<S> decode(const MatrixArg<S>& codes) const { return dense_.decode(codes); }

  /// D s. Cost: 2 dim flops an active entry.
  [[nodiscard]] Matrix<S> decode(const SparseCodes<S>& codes) const { return dense_.decode(codes); }

  /// D^T x. Cost: 2 dim num_atoms flops a signal.
  [[nodiscard]] Matrix<S> correlate(const MatrixArg<S>& signals) const {
    return dense_.correlate(signals);
  }

  /// Calls `change(atoms)` in place, then rescales every atom to length 1. See
  /// `LearnableDictionary`.
  /// @throws std::invalid_argument if the shape changed, or naming an atom that is zero or not
  /// finite.
  template <class Change>
  void update_atoms(Change&& change) {
    const Index rows = dim(), cols = num_atoms();
    dense_.update_atoms([&](Matrix<S>& atoms) {
      std::forward<Change>(change)(atoms);
      if (atoms.rows() == rows && atoms.cols() == cols) normalise(atoms);
    });
  }

 private:
  struct AsTheyAre {};
  UnitNormDictionary(AsTheyAre, DenseDictionary<S> dense) : dense_(std::move(dense)) {}

  static void normalise(Matrix<S>& atoms) {
    for (Index j = 0; j < atoms.cols(); ++j) {
      S length = atoms.col(j).norm();
      // The plain sum of squares is exact enough except where it under- or overflows.
      if (!(length > S(1e-15) && length < S(1e15))) length = atoms.col(j).stableNorm();
      if (!(length > S(0) && std::isfinite(length)))
        throw std::invalid_argument("UnitNormDictionary: atom " + std::to_string(j) +
                                    " has no direction (length " + std::to_string(length) + ")");
      atoms.col(j) /= length;
    }
  }

  DenseDictionary<S> dense_;
};

}  // namespace lacuna

#endif  // LACUNA_DICTIONARY_UNIT_NORM_HPP
