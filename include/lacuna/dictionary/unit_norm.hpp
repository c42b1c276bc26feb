// SPDX-License-Identifier: MIT
#ifndef LACUNA_DICTIONARY_UNIT_NORM_HPP
#define LACUNA_DICTIONARY_UNIT_NORM_HPP

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include <lacuna/core/parallel.hpp>
#include <lacuna/dictionary/dense.hpp>

namespace lacuna {

/// A dense dictionary whose atoms all have Euclidean length 1. Models `LearnableDictionary`.
///
/// Every door rescales the columns (constructor and `update_atoms`) or refuses those of another
/// length (`from_unit_atoms`), so no later code re-checks.
template <Real S>
class UnitNormDictionary : private DenseDictionary<S> {
 public:
  using Scalar = S;
  /// Every atom has length 1, whatever is done to them.
  static constexpr bool unit_norm = true;

  /// @param atoms  dim x num_atoms, both at least 1; the columns are rescaled.
  /// @throws std::invalid_argument if empty, or naming the first atom that is zero or not finite.
  explicit UnitNormDictionary(Matrix<S> atoms) : DenseDictionary<S>(std::move(atoms)) {
    normalise(atoms_, 1);
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

  using DenseDictionary<S>::dim;
  using DenseDictionary<S>::num_atoms;
  using DenseDictionary<S>::decode;
  using DenseDictionary<S>::correlate;
  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }

  /// Calls `change(atoms)` in place, then rescales every atom to length 1. See
  /// `LearnableDictionary`.
  /// @param threads  that rescale, 0 for all cores; the bits are the same at any number.
  /// @throws std::invalid_argument if the shape changed, or naming an atom that is zero or not
  /// finite.
  template <class Change>
  void update_atoms(Change&& change, Index threads = 1) {
    this->change_atoms(std::forward<Change>(change));
    normalise(atoms_, threads);
  }

  /// The same, some atoms after the others, while they are in the cache: calls `change(block,
  /// worker, atoms)` for blocks of `block_size` atoms, dim x block.count, on as many threads, and
  /// rescales each. What it throws leaves other blocks as they are or changed.
  /// @throws std::invalid_argument naming an atom that is zero or not finite.
  template <class Change>
  void update_atoms_by_blocks(Index block_size, Index threads, const Change& change) {
    for_each_block(num_atoms(), block_size, threads, [&](Block block, Index worker) {
      change(block, worker, Eigen::Ref<Matrix<S>>(atoms_.middleCols(block.begin, block.count)));
      normalise(atoms_, block);
    });
  }

 private:
  using DenseDictionary<S>::atoms_;

  struct AsTheyAre {};
  UnitNormDictionary(AsTheyAre, DenseDictionary<S> dense) : DenseDictionary<S>(std::move(dense)) {}

  static void normalise(Matrix<S>& atoms, Index threads) {
    const Index block_size = (Index{1} << 18) / atoms.rows();  // entries that are worth a thread
    for_each_block(atoms.cols(), block_size, threads,
                   [&](Block block, Index) { normalise(atoms, block); });
  }

  static void normalise(Matrix<S>& atoms, Block block) {
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      S length = atoms.col(j).norm();
      // The plain sum of squares is exact enough except where it under- or overflows.
      if (!(length > S(1e-15) && length < S(1e15))) length = atoms.col(j).stableNorm();
      if (!(length > S(0) && std::isfinite(length)))
        throw std::invalid_argument("UnitNormDictionary: atom " + std::to_string(j) +
                                    " has no direction (length " + std::to_string(length) + ")");
      atoms.col(j) /= length;
    }
  }
};

}  // namespace lacuna

#endif  // LACUNA_DICTIONARY_UNIT_NORM_HPP
