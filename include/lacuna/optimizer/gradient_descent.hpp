// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_GRADIENT_DESCENT_HPP
#define LACUNA_OPTIMIZER_GRADIENT_DESCENT_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// Options of `GradientDescent`.
struct GradientDescentOptions {
  double learning_rate = 1e-2;
  double momentum = 0;  ///< in [0, 1): the share of the last move that is kept
};

/// Gradient descent with heavy-ball momentum (Polyak 1964): w <- momentum w + g; p <- p - rate w.
/// Models `Optimizer`.
class GradientDescent {
 public:
  using Options = GradientDescentOptions;

  template <Real S>
  struct State {
    Vector<S> velocity;
  };

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit GradientDescent(GradientDescentOptions options = {}) : options_(options) {
    require(options.learning_rate > 0 && std::isfinite(options.learning_rate), "GradientDescent",
            "learning_rate must be positive and finite, is " +
                std::to_string(options.learning_rate));
    require(options.momentum >= 0 && options.momentum < 1, "GradientDescent",
            "momentum must be in [0, 1), is " + std::to_string(options.momentum));
  }

  [[nodiscard]] const GradientDescentOptions& options() const noexcept { return options_; }

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    return {Vector<S>::Zero(size)};
  }

  /// One step, in place. @throws std::invalid_argument if the lengths differ.
  template <Real S>
  void step(State<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient) const {
    if (parameters.size() != state.velocity.size() || gradient.size() != state.velocity.size())
      throw std::invalid_argument("GradientDescent::step: state of " +
                                  std::to_string(state.velocity.size()) + ", parameters " +
                                  std::to_string(parameters.size()) + ", gradient " +
                                  std::to_string(gradient.size()));
    state.velocity = static_cast<S>(options_.momentum) * state.velocity + gradient;
    parameters -= static_cast<S>(options_.learning_rate) * state.velocity;
  }

  [[nodiscard]] std::int64_t step_flops(Index size) const noexcept { return 4 * size; }

 private:
  GradientDescentOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_GRADIENT_DESCENT_HPP
