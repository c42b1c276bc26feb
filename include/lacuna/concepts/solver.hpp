// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_SOLVER_HPP
#define LACUNA_CONCEPTS_SOLVER_HPP

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/solution.hpp>

namespace lacuna {

namespace detail {
template <class E, class D>
concept CanSolve =
    requires(const E& e, const D& d, const MatrixArg<typename D::Scalar>& signals) {
      { e.solve(d, signals) } -> std::same_as<Solution<CodesFor<E, D>>>;
    };
}  // namespace detail

/// An encoder that accounts for its answer: `e.solve(d, x)` gives a `Solution` with, per signal, the
/// objective, a certificate where the problem is convex, the status and the flops.
///
/// Laws (tests/laws/solver_laws.hpp): solve(d, x).codes == encode(d, x); the gap is at least 0 and at
/// least the true suboptimality; `converged` means relative_gap <= the tolerance asked for.
template <class E, class D>
concept SolverFor = EncoderFor<E, D> && detail::CanSolve<E, D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_SOLVER_HPP
