// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_UPDATE_HPP
#define LACUNA_CONCEPTS_UPDATE_HPP

#include <cstdint>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/concepts/learnable_dictionary.hpp>

namespace lacuna {

namespace detail {
template <class U, class D>
concept CanUpdateDense =
    requires(const U& u, D& d, const MatrixArg<typename D::Scalar>& signals,
             const Matrix<typename D::Scalar>& codes) {
      { u.update(d, signals, codes) } -> std::same_as<std::int64_t>;
    };

template <class U, class D>
concept CanUpdateSparse =
    requires(const U& u, D& d, const MatrixArg<typename D::Scalar>& signals,
             const SparseCodes<typename D::Scalar>& codes) {
      { u.update(d, signals, codes) } -> std::same_as<std::int64_t>;
    };
}  // namespace detail

/// A dictionary step at fixed codes: `u.update(d, x, s)` moves the atoms towards a smaller
/// ||x - D s||^2 and returns its audited flops.
///
/// Laws (tests/laws/update_laws.hpp): the squared error does not rise where the update promises descent
/// under the dictionary's invariant; an atom that no code uses stays as it is; dense and sparse codes
/// of the same value give the same atoms, to rounding.
template <class U, class D>
concept UpdateFor = std::copyable<U> && LearnableDictionary<D> && detail::CanUpdateDense<U, D> &&
                    detail::CanUpdateSparse<U, D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_UPDATE_HPP
