// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SIGN_STEP_HPP
#define LACUNA_ENCODER_SIGN_STEP_HPP

#include <cmath>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// How far coefficients can go towards others before one changes its sign.
template <Real S>
struct SignStep {
  Index leaving;  ///< the first that reaches 0; -1 where all keep their signs
  S step;         ///< the share of the way until then, in [0, 1]
};

/// The step of an active-set method from `coefficients` to `target`, `size` entries each, that
/// keeps sign(k), 1 or -1, of each. A coefficient of 0 that would get the other sign leaves at
/// once.
///
/// Source: Lawson & Hanson, "Solving least squares problems", 1974, chapter 23.
template <Real S, class Sign>
[[nodiscard]] SignStep<S> first_sign_change(const Vector<S>& coefficients, const Vector<S>& target,
                                            Index size, const Sign& sign) {
  SignStep<S> first{-1, S(1)};
  for (Index k = 0; k < size; ++k) {
    if (target[k] * sign(k) > S(0)) continue;
    const S way = std::abs(coefficients[k]) + std::abs(target[k]);
    const S reach = way > S(0) ? std::abs(coefficients[k]) / way : S(0);
    if (first.leaving < 0 || reach < first.step) first = {k, reach};
  }
  return first;
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SIGN_STEP_HPP
