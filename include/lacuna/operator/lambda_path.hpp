// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_LAMBDA_PATH_HPP
#define LACUNA_OPERATOR_LAMBDA_PATH_HPP

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/concepts/lasso_penalty.hpp>
#include <lacuna/concepts/solver.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

namespace lacuna {

namespace detail {

template <class E>
concept HasLassoPenalty = requires(const E& e) {
  requires LassoPenalty<std::remove_cvref_t<decltype(e.penalty())>>;
};

template <class E>
concept CanChangePenalty = requires(const E& e) {
  { e.with_penalty(e.penalty()) } -> std::same_as<E>;
};

template <class E, class D>
concept CanSolveFrom = requires(const E& e, const D& d,
                                const MatrixArg<typename D::Scalar>& signals,
                                const CodesFor<E, D>& codes) {
  { e.solve(d, signals, codes) } -> std::same_as<Solution<CodesFor<E, D>>>;
};

/// A solver that can follow a path of lambdas: `Ista`, `Fista`, `CoordinateDescent`, `ActiveSet`.
template <class E, class D>
concept FollowsPathOn =
    SolverFor<E, D> && HasLassoPenalty<E> && CanChangePenalty<E> && CanSolveFrom<E, D>;

}  // namespace detail

/// Solves for each lambda in turn, each begun from the codes of the one before, and calls
/// `visit(lambda, solution)` with the `Solution` of all signals. Best from large to small, as
/// `lambda_grid` gives them: neighbouring solutions are near, so the path costs little more than
/// its end. One dictionary is prepared for all; one solution is kept at a time.
///
/// @param solver  its penalty says the kind, its options the accuracy; its own lambda does not
/// matter.
/// @throws std::invalid_argument: shape, NaN, a lambda below 0.
///
/// @code
/// const CoordinateDescent solver(NonnegativeL1(0));
/// const double largest = lambda_max(dictionary, signals, solver.penalty()).maxCoeff();
/// follow_lambdas(solver, dictionary, signals, lambda_grid(largest, 0.01 * largest, 20),
///                [](double lambda, const auto& solution) {
///                  std::cout << lambda << ' ' << solution.codes.nonZeros() << '\n';
///                });
/// @endcode
template <Dictionary D, class Solver, class Visit>
requires detail::FollowsPathOn<Solver, D>
void follow_lambdas(const Solver& solver, const D& d, const MatrixArg<ScalarOf<D>>& signals,
                    const std::vector<double>& lambdas, Visit&& visit) {
  // The Gram matrix up to 256 MiB, as elsewhere.
  detail::with_prepared(d, 8192, [&](const auto& prepared, std::int64_t) {
    CodesFor<Solver, D> codes;
    for (std::size_t i = 0; i < lambdas.size(); ++i) {
      const Solver here = solver.with_penalty(solver.penalty().with_lambda(lambdas[i]));
      auto solution = i == 0 ? here.solve(prepared, signals) : here.solve(prepared, signals, codes);
      visit(lambdas[i], std::as_const(solution));
      codes = std::move(solution.codes);
    }
  });
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_LAMBDA_PATH_HPP
