// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_OPTIMIZER_LAWS_HPP
#define LACUNA_TESTS_LAWS_OPTIMIZER_LAWS_HPP

#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace lacuna::test {

/// What a rate factor does, as written in concepts/optimizer.hpp: all to the bit.
template <Real S, Optimizer<S> O>
void check_rate_factor_laws(const O& optimizer, std::uint64_t seed) {
  INFO("seed " << seed);
  constexpr Index n = 7;
  const Matrix<S> gradients = random_normal<S>(n, 6, seed);
  auto full = optimizer.template start<S>(n), half = full, none = full, plain = full;
  const Vector<S> somewhere = random_normal<S>(n, 1, seed + 1);
  for (Index t = 0; t < gradients.cols(); ++t) {
    Vector<S> full_move = Vector<S>::Zero(n), half_move = full_move, plain_move = full_move;
    Vector<S> stays = somewhere;
    const Vector<S> g = gradients.col(t);
    optimizer.step(full, full_move, g, 1);
    optimizer.step(half, half_move, g, 0.5);
    optimizer.step(none, stays, g, 0);
    optimizer.step(plain, plain_move, g);
    REQUIRE(full_move.cwiseAbs().minCoeff() > 0);
    CHECK((full_move.array() == 2 * half_move.array()).all());
    CHECK((full_move.array() == plain_move.array()).all());
    CHECK((stays.array() == somewhere.array()).all());
  }
  // What was at rest meanwhile remembers the same.
  Vector<S> full_move = Vector<S>::Zero(n), none_move = full_move;
  optimizer.step(full, full_move, Vector<S>(gradients.col(0)));
  optimizer.step(none, none_move, Vector<S>(gradients.col(0)));
  CHECK((full_move.array() == none_move.array()).all());
}

/// What a reset does, as written in concepts/optimizer.hpp: all to the bit.
template <Real S, Optimizer<S> O>
void check_reset_laws(const O& optimizer, std::uint64_t seed) {
  INFO("seed " << seed);
  constexpr Index n = 11, begin = 1, count = 3, stride = 4;  // 1, 5 and 9
  const auto is_reset = [](Index i) { return i % stride == begin; };
  auto kept = optimizer.template start<S>(n), other = kept;
  Vector<S> p = Vector<S>::Zero(n), q = p;
  for (Index t = 0; t < 5; ++t) {
    const auto stream = seed + static_cast<std::uint64_t>(t);
    optimizer.step(kept, p, Vector<S>(random_normal<S>(n, 1, stream)));
    optimizer.step(other, q, Vector<S>(random_normal<S>(n, 1, stream + 100)));
  }
  auto reset = kept;
  optimizer.reset(reset, begin, count, stride);
  optimizer.reset(other, begin, count, stride);
  optimizer.reset(reset, 0, 0);
  optimizer.reset(reset, n, 0);
  for (Index t = 0; t < 3; ++t) {
    const Vector<S> g = random_normal<S>(n, 1, seed + 200 + static_cast<std::uint64_t>(t));
    Vector<S> kept_move = Vector<S>::Zero(n), reset_move = kept_move, other_move = kept_move;
    optimizer.step(kept, kept_move, g);
    optimizer.step(reset, reset_move, g);
    optimizer.step(other, other_move, g);
    for (Index i = 0; i < n; ++i) {
      INFO("step " << t << " after the reset, entry " << i);
      CHECK(reset_move[i] == (is_reset(i) ? other_move[i] : kept_move[i]));
    }
  }
}

/// Parts of any sizes, in any order, are one step: to the bit.
template <Real S, OptimizerByParts<S> O>
void check_part_laws(const O& optimizer, std::uint64_t seed) {
  INFO("seed " << seed);
  constexpr Index n = 37;
  auto at_once = optimizer.template start<S>(n), by_parts = at_once;
  Vector<S> p = random_normal<S>(n, 1, seed), q = p;
  for (Index t = 0; t < 4; ++t) {
    const double factor = 1 - 0.2 * static_cast<double>(t);
    const Vector<S> g = random_normal<S>(n, 1, seed + 1 + static_cast<std::uint64_t>(t));
    optimizer.step(at_once, p, g, factor);
    const auto part = optimizer.begin_step(by_parts, n, factor);
    for (const auto& [begin, count] : {std::pair<Index, Index>{30, 7}, {0, 5}, {5, 0}, {5, 25}})
      part(begin, q.segment(begin, count), g.segment(begin, count));
    CHECK((p.array() == q.array()).all());
  }
  // A refusal leaves the state as it is: the next steps are alike.
  CHECK(says(message_of([&] { (void)optimizer.begin_step(by_parts, n, -1); }),
             "rate_factor must be finite and at least 0, is -1"));
  for (const Index wrong : {n - 1, n + 1})
    CHECK(says(message_of([&] { (void)optimizer.begin_step(by_parts, wrong); }),
               "state of 37, parameters " + std::to_string(wrong)));
  const Vector<S> last = random_normal<S>(n, 1, seed + 9);
  optimizer.step(at_once, p, last);
  optimizer.step(by_parts, q, last);
  CHECK((p.array() == q.array()).all());
  const auto part = optimizer.begin_step(by_parts, n);
  const auto refusal = [&](Index begin, Index count, Index gradients) {
    Vector<S> few = Vector<S>::Zero(count);
    const Vector<S> g = Vector<S>::Zero(gradients);
    return message_of([&] { part(begin, few, g); });
  };
  const std::string of_state = ", state of 37";
  CHECK(says(refusal(36, 2, 2), "part from 36 of 2 parameters and 2 gradients" + of_state));
  CHECK(says(refusal(-1, 2, 2), "part from -1 of 2 parameters and 2 gradients" + of_state));
  CHECK(says(refusal(0, 2, 3), "part from 0 of 2 parameters and 3 gradients" + of_state));
}

/// The laws written in concepts/optimizer.hpp, on 1/2 sum_i h_i (p_i - c_i)^2 with h from 1 to 4.
/// @param steps  within which every p_i must come within `tolerance` of c_i.
template <Real S, Optimizer<S> O>
void check_optimizer_laws(const O& optimizer, Index steps, double tolerance, std::uint64_t seed) {
  INFO("seed " << seed);
  check_rate_factor_laws<S>(optimizer, seed + 1000);
  check_reset_laws<S>(optimizer, seed + 2000);
  if constexpr (OptimizerByParts<O, S>) check_part_laws<S>(optimizer, seed + 3000);
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
