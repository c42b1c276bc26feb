// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_WARM_STARTABLE_ENCODER_HPP
#define LACUNA_CONCEPTS_WARM_STARTABLE_ENCODER_HPP

#include <lacuna/concepts/encoder.hpp>

namespace lacuna {

namespace detail {
template <class E, class D>
concept CanWarmStart =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals,
             const MatrixArg<typename D::Scalar>& initial_codes) {
      { e.encode(d, signals, initial_codes) } -> CodesOf<typename D::Scalar>;
    };

template <class E>
concept CanLimitSteps = requires(const E& e, Index steps) {
  { e.with_steps(steps) } -> std::same_as<E>;
};
}  // namespace detail

/// An iterative encoder that can begin from given codes, num_atoms x n, and take a stated number of
/// steps: `e.encode(d, x, initial_codes)`, and `e.with_steps(k)`, a copy that takes exactly k.
///
/// Law: the shape of the initial codes is checked (std::invalid_argument with both shapes).
template <class E, class D>
concept WarmStartableFor =
    EncoderFor<E, D> && detail::CanWarmStart<E, D> && detail::CanLimitSteps<E>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_WARM_STARTABLE_ENCODER_HPP
