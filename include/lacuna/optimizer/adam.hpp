// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_ADAM_HPP
#define LACUNA_OPTIMIZER_ADAM_HPP

#include <cstdint>
#include <type_traits>

#include <lacuna/optimizer/adam_moments.hpp>

namespace lacuna {

/// Options of `Adam`.
struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;     ///< decay of the mean of the gradient
  double beta2 = 0.999;   ///< decay of the mean of its square
  double epsilon = 1e-8;  ///< added to the root; in the units of the gradient
  Index threads = 1;      ///< 0 for all cores; the answer has the same bits at any number
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
/// const Schedule cooling = Schedule::cosine(1, 0.1);  // of the rate above
/// for (Index step = 0; step < 1000; ++step) {
///   // ... gradient ...
///   adam.step(state, encoder.parameters(), gradient, cooling(step, 1000));
/// }
/// @endcode
class Adam {
 public:
  using Options = AdamOptions;

  template <Real S>
  using State = AdamMoments<S>;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Adam(AdamOptions options = {}) : options_(detail::checked_adam("Adam", options)) {}

  [[nodiscard]] const AdamOptions& options() const noexcept { return options_; }

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    return {Vector<S>::Zero(size), Vector<S>::Zero(size), 0};
  }

  /// One step, in place, at `rate_factor` times the learning rate; the three vectors have the
  /// length given to `start`. @throws std::invalid_argument if they have not, or the factor is
  /// below 0.
  template <Real S>
  void step(AdamMoments<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
            double rate_factor = 1) const {
    detail::check_step("Adam::step", state.mean.size(), parameters.size(), gradient.size());
    detail::step_at_once(begin_step(state, parameters.size(), rate_factor), options_.threads,
                         parameters, gradient);
  }

  /// The same, part by part; see `OptimizerByParts`. @throws std::invalid_argument if the factor is
  /// below 0.
  template <Real S>
  [[nodiscard]] auto begin_step(AdamMoments<S>& state, Index size, double rate_factor = 1) const {
    detail::check_step("Adam::step", state.mean.size(), size, size);
    return detail::AdamStep<S>("Adam::step", options_, state, rate_factor);
  }

  /// Forgets the means of the entries begin, begin + stride, ..., count of them. The count of steps
  /// is of all entries and stays, so a reset late in a training is not corrected for its bias: the
  /// entry's first move is rate (1 - beta1) / sqrt(1 - beta2), 3.2 rates by default; a new state's
  /// is one rate.
  /// @throws std::invalid_argument if they are not all entries.
  template <Real S>
  void reset(AdamMoments<S>& state, Index begin, Index count, Index stride = 1) const {
    detail::adam_reset("Adam::reset", state, begin, count, stride);
  }

  /// 3 + 4 for the means, 6 for the move.
  [[nodiscard]] std::int64_t step_flops(Index size) const noexcept { return 13 * size; }

 private:
  AdamOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_ADAM_HPP
