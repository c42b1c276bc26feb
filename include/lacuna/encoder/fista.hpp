// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_FISTA_HPP
#define LACUNA_ENCODER_FISTA_HPP

#include <utility>

#include <lacuna/encoder/proximal_gradient.hpp>

namespace lacuna {

/// Accelerated iterative soft thresholding with adaptive restart: solves
/// min_s 1/2 ||x - D s||^2 + g(s) for each signal and stops on a duality gap. Models `SolverFor` and
/// `WarmStartableFor` every dictionary.
///
/// @tparam P  a `Penalty` g: `L1`, `NonnegativeL1`, or your own.
///
/// A signal ends `converged` when its relative gap, evaluated in double, is at most the tolerance;
/// `precision_limit` when its element type cannot come closer; `max_iterations` otherwise. The
/// suboptimality after k steps is O(1/k^2), and linear near the solution. Cost of a step:
/// 2 min(num_atoms, 2 dim) num_atoms flops a signal.
///
/// Source: Beck & Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
/// problems", 2009; O'Donoghue & Candes, "Adaptive restart for accelerated gradient schemes", 2015.
///
/// @code
/// const UnitNormDictionary dictionary(atoms);                        // dim x num_atoms
/// const Fista fista(NonnegativeL1(0.05), {.tolerance = 1e-6});
/// const Matrix<float> codes = fista.encode(dictionary, signals);     // num_atoms x n
/// const auto solution = fista.solve(dictionary, signals);            // ... with gap and status
/// @endcode
template <Penalty P>
class Fista : public detail::ProximalGradientSolver<Fista<P>, P, true> {
 public:
  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Fista(P penalty, ProximalGradientOptions options = {})
      : detail::ProximalGradientSolver<Fista<P>, P, true>("Fista", std::move(penalty), options) {}
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_FISTA_HPP
