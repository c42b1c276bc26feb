// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_LEARNABLE_DICTIONARY_HPP
#define LACUNA_CONCEPTS_LEARNABLE_DICTIONARY_HPP

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/parallel.hpp>

namespace lacuna {

namespace detail {
/// Stands for a lambda that captures: no function pointer is made of it.
template <class S>
struct AnyAtomChange {
  void operator()(Matrix<S>&) const;
};

template <class D>
concept CanUpdateAtoms = requires(D& d, AnyAtomChange<typename D::Scalar> change) {
  d.update_atoms(change);
};
}  // namespace detail

namespace detail {
/// Says of itself that its atoms have length 1, so that a gradient along them is lost.
template <class D>
concept HasUnitNorm = requires { requires D::unit_norm; };

template <class S>
struct AnyBlockChange {
  void operator()(Block, Index, Eigen::Ref<Matrix<S>>) const;
};

/// Changes some atoms after the others, its invariant kept: see
/// `UnitNormDictionary::update_atoms_by_blocks`.
template <class D>
concept UpdatesAtomsByBlocks = requires(D& d, AnyBlockChange<typename D::Scalar> change, Index n) {
  d.update_atoms_by_blocks(n, n, change);
};
}  // namespace detail

/// An explicit dictionary whose atoms can be replaced or stepped, its invariant kept.
///
/// `d.update_atoms(change)` calls `change(Matrix<Scalar>& atoms)` once, in place and without a copy,
/// and then restores the invariant of the type (unit norm, where it has one).
///
/// Laws: the invariant holds after every call; the shape never changes (std::invalid_argument); a
/// change that leaves an atom without a direction, or not finite, throws std::invalid_argument naming
/// it, and the dictionary is then fit only to be assigned or destroyed.
template <class D>
concept LearnableDictionary = ExplicitDictionary<D> && detail::CanUpdateAtoms<D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_LEARNABLE_DICTIONARY_HPP
