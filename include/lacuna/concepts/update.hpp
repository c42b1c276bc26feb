// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_UPDATE_HPP
#define LACUNA_CONCEPTS_UPDATE_HPP

#include <cstdint>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/core/fields.hpp>

namespace lacuna {

namespace detail {
template <class U, class D>
concept CanUpdateDense = requires(const U& u, D& d, const MatrixArg<typename D::Scalar>& signals,
                                  const Matrix<typename D::Scalar>& codes) {
  { u.update(d, signals, codes) } -> std::same_as<std::int64_t>;
};

template <class U, class D>
concept CanUpdateSparse = requires(const U& u, D& d, const MatrixArg<typename D::Scalar>& signals,
                                   const SparseCodes<typename D::Scalar>& codes) {
  { u.update(d, signals, codes) } -> std::same_as<std::int64_t>;
};
}  // namespace detail

/// A dictionary step at fixed codes: `u.update(d, x, s)` moves the atoms towards a smaller
/// ||x - D s||^2 and returns its audited flops.
///
/// Laws (tests/laws/update_laws.hpp): the squared error does not rise where the update promises
/// descent under the dictionary's invariant; an atom that no code uses stays as it is; dense and
/// sparse codes of the same value give the same atoms, to rounding.
template <class U, class D>
concept UpdateFor = std::copyable<U> && LearnableDictionary<D> && detail::CanUpdateDense<U, D> &&
    detail::CanUpdateSparse<U, D>;

namespace detail {
template <class U, class D>
concept StartsState = requires(const U& u, const D& d) {
  { u.start(d) } -> std::same_as<typename U::template State<typename D::Scalar>>;
};

template <class U, class D>
concept HasStateToKeep = std::copyable<typename U::template State<typename D::Scalar>> &&
    HasFields<typename U::template State<typename D::Scalar>>;

template <class U, class D, class Codes>
concept CanUpdateFromState = requires(const U& u, D& d,
                                      typename U::template State<typename D::Scalar>& state,
                                      const MatrixArg<typename D::Scalar>& signals,
                                      const Codes& codes, Index step) {
  { u.update(d, state, signals, codes, step, step) } -> std::same_as<std::int64_t>;
};

template <class U, class D>
concept CanForget = requires(const U& u, typename U::template State<typename D::Scalar>& state,
                             Index atom) {
  u.forget(state, atom);
};
}  // namespace detail

/// An update that remembers batches that went before: what it remembers is a value with fields that
/// the trainer keeps, so that a training can be copied, saved and resumed.
///
/// | expression                              | meaning                                          |
/// |-----------------------------------------|--------------------------------------------------|
/// | `u.start(d)`                            | what is known before the first batch: `State<S>` |
/// | `u.update(d, state, x, s, step, steps)` | takes the batch in, moves the atoms; flops       |
/// | `u.forget(state, atom)`                 | the atom was replaced: what is known of it goes  |
///
/// Laws (tests/laws/update_laws.hpp): the first batch moves the atoms as `u.update(d, x, s)` does;
/// a state that was copied, or read by its fields into what `start` gives, goes on with the same
/// bits; where an atom is forgotten, its first move does not depend on the batches before, only on
/// how many there were.
template <class U, class D>
concept RememberingUpdateFor = UpdateFor<U, D> && detail::StartsState<U, D> &&
    detail::HasStateToKeep<U, D> && detail::CanUpdateFromState<U, D, Matrix<typename D::Scalar>> &&
    detail::CanUpdateFromState<U, D, SparseCodes<typename D::Scalar>> && detail::CanForget<U, D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_UPDATE_HPP
