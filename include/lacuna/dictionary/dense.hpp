// SPDX-License-Identifier: MIT
#ifndef LACUNA_DICTIONARY_DENSE_HPP
#define LACUNA_DICTIONARY_DENSE_HPP

#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/operator/sparse_decode.hpp>

namespace lacuna {

/// A dictionary of any finite atoms, as a dense matrix. Models `LearnableDictionary`; its invariant
/// is that the atoms are finite.
template <Real S>
class DenseDictionary {
 public:
  using Scalar = S;

  /// @param atoms  dim x num_atoms, both at least 1.
  /// @throws std::invalid_argument if empty, or naming the first atom that is not finite.
  explicit DenseDictionary(Matrix<S> atoms) : atoms_(std::move(atoms)) {
    require(atoms_.size() > 0, "DenseDictionary",
            "no atoms (" + shape_of(atoms_.rows(), atoms_.cols()) + ")");
    check_finite<S>("DenseDictionary", "atoms", atoms_);
  }

  [[nodiscard]] Index dim() const noexcept { return atoms_.rows(); }
  [[nodiscard]] Index num_atoms() const noexcept { return atoms_.cols(); }
  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }

  /// D s. Cost: 2 dim num_atoms flops a signal.
  [[nodiscard]] Matrix<S> decode(const MatrixArg<S>& codes) const {
    check_codes("DenseDictionary::decode", *this, codes);
    return atoms_ * codes;
  }

  /// D s. Cost: 2 dim flops an active entry.
  [[nodiscard]] Matrix<S> decode(const SparseCodes<S>& codes) const {
    check_codes("DenseDictionary::decode", *this, codes);
    return sparse_decode<S>(atoms_, codes);
  }

  /// D^T x. Cost: 2 dim num_atoms flops a signal.
  [[nodiscard]] Matrix<S> correlate(const MatrixArg<S>& signals) const {
    check_signals("DenseDictionary::correlate", *this, signals);
    return atoms_.transpose() * signals;
  }

  /// Calls `change(atoms)` in place. See `LearnableDictionary`.
  /// @throws std::invalid_argument if the shape changed or an atom is not finite.
  template <class Change>
  void update_atoms(Change&& change) {
    change_atoms(std::forward<Change>(change));
    check_finite<S>("DenseDictionary::update_atoms", "atoms", atoms_);
  }

 protected:
  /// `update_atoms` without a look at what the atoms have become, which is then the caller's.
  template <class Change>
  void change_atoms(Change&& change) {
    const Index rows = dim(), cols = num_atoms();
    std::forward<Change>(change)(atoms_);
    require(atoms_.rows() == rows && atoms_.cols() == cols, "DenseDictionary::update_atoms",
            "atoms were " + shape_of(rows, cols) + " and became " +
                shape_of(atoms_.rows(), atoms_.cols()));
  }

  Matrix<S> atoms_;  // dim x num_atoms
};

}  // namespace lacuna

#endif  // LACUNA_DICTIONARY_DENSE_HPP
