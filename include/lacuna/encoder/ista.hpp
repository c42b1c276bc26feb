// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ISTA_HPP
#define LACUNA_ENCODER_ISTA_HPP

#include <utility>

#include <lacuna/encoder/proximal_gradient.hpp>

namespace lacuna {

/// Iterative soft thresholding: solves min_s 1/2 ||x - D s||^2 + g(s) for each signal by
/// s <- prox(s - D^T (D s - x) / L, 1/L), L >= ||D||_2^2, and stops on a duality gap. Models `SolverFor`
/// and `WarmStartableFor` every dictionary.
///
/// The suboptimality after k steps is O(1/k): `Fista` costs the same a step and is faster. Cost of a
/// step: 2 min(num_atoms, 2 dim) num_atoms flops a signal.
///
/// Source: Daubechies, Defrise & De Mol, "An iterative thresholding algorithm for linear inverse
/// problems with a sparsity constraint", 2004.
///
/// @code
/// const auto solution = Ista(L1(0.1), {.tolerance = 1e-4}).solve(dictionary, signals);
/// @endcode
template <Penalty P>
class Ista : public detail::ProximalGradientSolver<Ista<P>, P, false> {
 public:
  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Ista(P penalty, ProximalGradientOptions options = {})
      : detail::ProximalGradientSolver<Ista<P>, P, false>("Ista", std::move(penalty), options) {}
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ISTA_HPP
