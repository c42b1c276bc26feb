// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_ADAM_W_HPP
#define LACUNA_OPTIMIZER_ADAM_W_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lacuna/optimizer/adam_moments.hpp>

namespace lacuna {

/// Options of `AdamW`.
struct AdamWOptions {
  double learning_rate = 1e-3;
  double weight_decay = 1e-2;  ///< learning_rate * weight_decay of every parameter goes at a step
  double beta1 = 0.9;          ///< decay of the mean of the gradient
  double beta2 = 0.999;        ///< decay of the mean of its square
  double epsilon = 1e-8;       ///< added to the root; in the units of the gradient
  Index threads = 1;           ///< 0 for all cores; the answer has the same bits at any number
};

/// `Adam` with decoupled weight decay: the parameters shrink by the share learning_rate *
/// weight_decay a step, beside the step and not through the moments. Models `Optimizer`; its
/// minimum is not that of the loss but one nearer to 0.
///
/// p <- (1 - rate weight_decay) p - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon).
///
/// A rate factor scales the decay with the step, as the schedule does in the paper; a factor so
/// large that nothing would be left of the parameters, or less, is refused.
///
/// All parameters decay, not weights alone: biases, and what an encoder keeps as a logarithm. The
/// log_theta of a JumpReLU is drawn to 0, so its thresholds to 1, up or down; use `Adam` there,
/// unless signals are scaled so that 1 is a fair threshold. An atom of unit norm gets its length
/// back, so its decay is but a larger step.
///
/// Source: Loshchilov & Hutter, "Decoupled weight decay regularization", 2019.
///
/// @code
/// JointTrainer trainer({.steps = 20000}, AdamW({.learning_rate = 3e-4, .weight_decay = 0.01}));
/// @endcode
class AdamW {
 public:
  using Options = AdamWOptions;

  template <Real S>
  using State = AdamMoments<S>;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit AdamW(AdamWOptions options = {}) : options_(detail::checked_adam("AdamW", options)) {
    require(options.weight_decay >= 0 && options.learning_rate * options.weight_decay < 1, "AdamW",
            "weight_decay must be at least 0 and below 1 / learning_rate, is " +
                text_of(options.weight_decay));
  }

  [[nodiscard]] const AdamWOptions& options() const noexcept { return options_; }

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    return {Vector<S>::Zero(size), Vector<S>::Zero(size), 0};
  }

  /// One step, in place, at `rate_factor` times the learning rate; the three vectors have the
  /// length given to `start`. @throws std::invalid_argument if they have not, or the factor is
  /// below 0 or not below 1 / (learning_rate weight_decay).
  template <Real S>
  void step(AdamMoments<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
            double rate_factor = 1) const {
    detail::check_step("AdamW::step", state.mean.size(), parameters.size(), gradient.size());
    detail::step_at_once(begin_step(state, parameters.size(), rate_factor), options_.threads,
                         parameters, gradient);
  }

  /// The same, part by part; see `OptimizerByParts`. @throws std::invalid_argument for such a
  /// factor.
  template <Real S>
  [[nodiscard]] auto begin_step(AdamMoments<S>& state, Index size, double rate_factor = 1) const {
    detail::check_step("AdamW::step", state.mean.size(), size, size);
    const double decay = rate_factor * options_.learning_rate * options_.weight_decay;
    if (decay >= 1 && std::isfinite(rate_factor))
      require(false, "AdamW::step",
              "rate_factor * learning_rate * weight_decay must be below 1, is " + text_of(decay));
    return detail::AdamStep<S>("AdamW::step", options_, state, rate_factor, 1 - decay);
  }

  /// As `Adam::reset`. @throws std::invalid_argument if they are not all entries.
  template <Real S>
  void reset(AdamMoments<S>& state, Index begin, Index count, Index stride = 1) const {
    detail::adam_reset("AdamW::reset", state, begin, count, stride);
  }

  /// Adam's 13, and one for the decay.
  [[nodiscard]] std::int64_t step_flops(Index size) const noexcept { return 14 * size; }

 private:
  AdamWOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_ADAM_W_HPP
