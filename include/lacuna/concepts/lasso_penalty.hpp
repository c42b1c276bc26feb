// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_LASSO_PENALTY_HPP
#define LACUNA_CONCEPTS_LASSO_PENALTY_HPP

#include <algorithm>
#include <concepts>
#include <limits>

#include <lacuna/concepts/penalty.hpp>

namespace lacuna {

namespace detail {

template <class P>
concept HasSignConstraint = requires {
  { P::nonnegative } -> std::convertible_to<bool>;
};

template <class P>
concept HasThreshold = requires(const P& p, Index atom) {
  { p.threshold(atom) } -> std::same_as<double>;
};

template <class P>
concept HasRidge = requires(const P& p) {
  { p.ridge() } -> std::same_as<double>;
};

template <class P>
concept CanChangeLambda = requires(const P& p, double lambda) {
  { p.with_lambda(lambda) } -> std::same_as<P>;
};

}  // namespace detail

/// The penalty of a lasso, of an elastic net, and of their weighted and non-negative forms:
///
///   g(s) = sum_i threshold_i |s_i| + ridge/2 ||s||^2,   for s >= 0 alone where `nonnegative`
///
/// which is what a solver needs to know that goes atom by atom.
///
/// | expression            | meaning                                                        |
/// |-----------------------|----------------------------------------------------------------|
/// | `P::nonnegative`      | whether codes below 0 are refused, at compile time             |
/// | `p.threshold(i)`      | at least 0; lambda times the weight of atom i                  |
/// | `p.ridge()`           | at least 0                                                     |
/// | `p.with_lambda(l)`    | the same penalty at another lambda; the ridge stays            |
///
/// Laws (tests/laws/penalty_laws.hpp): value and prox are those of the formula.
template <class P>
concept LassoPenalty = Penalty<P> && detail::HasSignConstraint<P> && detail::HasThreshold<P> &&
    detail::HasRidge<P> && detail::CanChangeLambda<P>;

namespace detail {

/// The thresholds of all atoms, in the element type of a solver: one too small for it is its
/// smallest normal number, for solvers divide by it, and one too large is infinite.
template <Real S, LassoPenalty P>
[[nodiscard]] Vector<S> thresholds_of(const P& penalty, Index num_atoms) {
  return Vector<S>::NullaryExpr(num_atoms, [&](Index atom) {
    const double threshold = penalty.threshold(atom);
    using Limits = std::numeric_limits<S>;
    if (threshold > static_cast<double>(Limits::max())) return Limits::infinity();
    return threshold > 0 ? std::max(Limits::min(), static_cast<S>(threshold)) : S(0);
  });
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_LASSO_PENALTY_HPP
