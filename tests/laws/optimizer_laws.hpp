// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_OPTIMIZER_LAWS_HPP
#define LACUNA_TESTS_LAWS_OPTIMIZER_LAWS_HPP

#include <cstdint>

#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

/// The laws written in concepts/optimizer.hpp, on 1/2 sum_i h_i (p_i - c_i)^2 with h from 1 to 4.
/// @param steps  within which every p_i must come within `tolerance` of c_i.
template <Real S, Optimizer<S> O>
void check_optimizer_laws(const O& optimizer, Index steps, double tolerance, std::uint64_t seed) {
  INFO("seed " << seed);
  constexpr Index n = 9;
  const Vector<S> target = random_normal<S>(n, 1, seed);
  const Vector<S> curvature = Vector<S>::LinSpaced(n, S(1), S(4));
  Vector<S> p = target + random_normal<S>(n, 1, seed + 1);
  const auto step = [&](auto& state, Vector<S>& parameters) {
    const Vector<S> gradient = curvature.cwiseProduct(parameters - target);
    optimizer.step(state, parameters, gradient);
  };

  auto state = optimizer.template start<S>(n);
  for (Index t = 0; t < steps / 2; ++t) step(state, p);
  // What was copied goes on with the same bits, by a copied rule too, and leaves the original
  // alone.
  auto copied_state = state;
  Vector<S> copied_p = p;
  const O copied_rule = optimizer;
  for (Index t = 0; t < 20; ++t) {
    const Vector<S> gradient = curvature.cwiseProduct(copied_p - target);
    copied_rule.step(copied_state, copied_p, gradient);
  }
  for (Index t = 0; t < 20; ++t) step(state, p);
  CHECK((p.array() == copied_p.array()).all());
  for (Index t = 0; t < steps / 2; ++t) step(state, p);
  CHECK(static_cast<double>((p - target).cwiseAbs().maxCoeff()) <= tolerance);

  CHECK(optimizer.step_flops(0) == 0);
  CHECK(optimizer.step_flops(n) > 0);
  CHECK(optimizer.step_flops(2 * n) == 2 * optimizer.step_flops(n));
  auto nothing = optimizer.template start<S>(0);
  Vector<S> none;
  optimizer.step(nothing, none, Vector<S>());
  CHECK(none.size() == 0);
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_OPTIMIZER_LAWS_HPP
