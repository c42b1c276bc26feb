// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_ADAM_HPP
#define LACUNA_OPTIMIZER_ADAM_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// Options of `Adam`.
struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;     ///< decay of the mean of the gradient
  double beta2 = 0.999;   ///< decay of the mean of its square
  double epsilon = 1e-8;  ///< added to the root; in the units of the gradient
};

/// Adam (Kingma & Ba, "Adam: a method for stochastic optimization", 2015), bias-corrected, without
/// weight decay. Models `Optimizer`.
///
/// m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
/// p <- p - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon).
///
/// The step does not change when gradient and epsilon are scaled together.
///
/// @code
/// const Adam adam({.learning_rate = 3e-3});
/// auto state = adam.start<float>(encoder.parameters().size());
/// adam.step(state, encoder.parameters(), gradient);
/// @endcode
class Adam {
 public:
  using Options = AdamOptions;

  template <Real S>
  struct State {
    Vector<S> mean;
    Vector<S> mean_square;
    std::int64_t steps = 0;
  };

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Adam(AdamOptions options = {}) : options_(options) {
    require(options.learning_rate > 0 && std::isfinite(options.learning_rate), "Adam",
            "learning_rate must be positive and finite, is " +
                std::to_string(options.learning_rate));
    require(options.beta1 >= 0 && options.beta1 < 1, "Adam",
            "beta1 must be in [0, 1), is " + std::to_string(options.beta1));
    require(options.beta2 >= 0 && options.beta2 < 1, "Adam",
            "beta2 must be in [0, 1), is " + std::to_string(options.beta2));
    require(options.epsilon >= 0 && std::isfinite(options.epsilon), "Adam",
            "epsilon must be finite and at least 0, is " + std::to_string(options.epsilon));
  }

  [[nodiscard]] const AdamOptions& options() const noexcept { return options_; }

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    return {Vector<S>::Zero(size), Vector<S>::Zero(size), 0};
  }

  /// One step, in place; the three vectors have the length given to `start`.
  /// @throws std::invalid_argument if they have not.
  template <Real S>
  void step(State<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient) const {
    if (parameters.size() != state.mean.size() || gradient.size() != state.mean.size())
      throw std::invalid_argument("Adam::step: state of " + std::to_string(state.mean.size()) +
                                  ", parameters " + std::to_string(parameters.size()) +
                                  ", gradient " + std::to_string(gradient.size()));
    ++state.steps;
    const auto t = static_cast<double>(state.steps);
    const double correction1 = 1 - std::pow(options_.beta1, t);
    const double correction2 = 1 - std::pow(options_.beta2, t);
    const S rate = static_cast<S>(options_.learning_rate / correction1);
    const S root_scale = static_cast<S>(1 / std::sqrt(correction2));
    const S epsilon = static_cast<S>(options_.epsilon);
    const S beta1 = static_cast<S>(options_.beta1), rest1 = static_cast<S>(1 - options_.beta1);
    const S beta2 = static_cast<S>(options_.beta2), rest2 = static_cast<S>(1 - options_.beta2);
    // Three passes over a chunk that stays in the first-level cache are one pass over memory.
    constexpr Index chunk = 1024;
    for (Index begin = 0; begin < parameters.size(); begin += chunk) {
      const Index count = std::min(chunk, parameters.size() - begin);
      const auto g = gradient.segment(begin, count).array();
      auto m = state.mean.segment(begin, count).array();
      auto v = state.mean_square.segment(begin, count).array();
      m = beta1 * m + rest1 * g;
      v = beta2 * v + rest2 * g.square();
      parameters.segment(begin, count).array() -= rate * m / (root_scale * v.sqrt() + epsilon);
    }
  }

  /// 3 + 4 for the means, 6 for the move.
  [[nodiscard]] std::int64_t step_flops(Index size) const noexcept { return 13 * size; }

 private:
  AdamOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_ADAM_HPP
