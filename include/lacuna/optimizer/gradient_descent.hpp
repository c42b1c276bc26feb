// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_GRADIENT_DESCENT_HPP
#define LACUNA_OPTIMIZER_GRADIENT_DESCENT_HPP

#include <cstdint>
#include <type_traits>

#include <lacuna/optimizer/entries.hpp>

namespace lacuna {

/// Options of `GradientDescent`.
struct GradientDescentOptions {
  double learning_rate = 1e-2;
  double momentum = 0;    ///< in [0, 1): the share of the last move that is kept
  bool nesterov = false;  ///< look ahead by the momentum; needs one
  Index threads = 1;      ///< 0 for all cores; the answer has the same bits at any number
};

/// Gradient descent with momentum: w <- momentum w + g, and then p <- p - rate w, the heavy ball,
/// or p <- p - rate (g + momentum w) with `nesterov`. Models `Optimizer`.
///
/// Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
/// Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
///
/// @code
/// const GradientDescent descent({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
/// auto state = descent.start<float>(encoder.parameters().size());
/// descent.step(state, encoder.parameters(), gradient);
/// @endcode
class GradientDescent {
 public:
  using Options = GradientDescentOptions;

  template <Real S>
  struct State {
    Vector<S> velocity;

    template <class Self, class Visit>
    static void fields(Self& self, Visit&& visit) {
      visit("velocity", self.velocity);
    }
  };

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit GradientDescent(GradientDescentOptions options = {}) : options_(options) {
    detail::check_learning_rate("GradientDescent", options.learning_rate);
    detail::check_decay("GradientDescent", "momentum", options.momentum);
    require(!options.nesterov || options.momentum > 0, "GradientDescent",
            "nesterov needs a momentum above 0");
    detail::check_optimizer_threads("GradientDescent", options.threads);
  }

  [[nodiscard]] const GradientDescentOptions& options() const noexcept { return options_; }

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    return {Vector<S>::Zero(size)};
  }

  /// One step, in place, at `rate_factor` times the learning rate.
  /// @throws std::invalid_argument if the lengths differ, or the factor is below 0.
  template <Real S>
  void step(State<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
            double rate_factor = 1) const {
    detail::check_step("GradientDescent::step", state.velocity.size(), parameters.size(),
                       gradient.size());
    detail::step_at_once(begin_step(state, parameters.size(), rate_factor), options_.threads,
                         parameters, gradient);
  }

  /// The same, part by part; see `OptimizerByParts`. @throws std::invalid_argument if the factor is
  /// below 0.
  template <Real S>
  [[nodiscard]] auto begin_step(State<S>& state, Index size, double rate_factor = 1) const {
    detail::check_step("GradientDescent::step", state.velocity.size(), size, size);
    detail::check_rate_factor("GradientDescent::step", rate_factor);
    const S momentum = static_cast<S>(options_.momentum);
    const S rate = static_cast<S>(rate_factor * options_.learning_rate);
    return [&velocity = state.velocity, momentum, rate, nesterov = options_.nesterov](
               Index begin, Eigen::Ref<Vector<S>> p, const Eigen::Ref<const Vector<S>>& g) {
      detail::check_part("GradientDescent::step", velocity.size(), begin, p.size(), g.size());
      auto w = velocity.segment(begin, p.size());
      w = momentum * w + g;
      if (nesterov)
        p -= rate * (g + momentum * w);
      else
        p -= rate * w;
    };
  }

  /// Stops the entries begin, begin + stride, ..., count of them: they go on as new ones.
  /// @throws std::invalid_argument if they are not all entries.
  template <Real S>
  void reset(State<S>& state, Index begin, Index count, Index stride = 1) const {
    detail::zero_entries("GradientDescent::reset", state.velocity, begin, count, stride);
  }

  [[nodiscard]] std::int64_t step_flops(Index size) const noexcept {
    return (options_.nesterov ? 6 : 4) * size;
  }

 private:
  GradientDescentOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_GRADIENT_DESCENT_HPP
