// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ANY_OPTIMIZER_HPP
#define LACUNA_EXAMPLES_SUPPORT_ANY_OPTIMIZER_HPP

#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/optimizer/adam_w.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>

namespace lacuna::examples {

/// An optimiser that is chosen at run time, so that a trainer is compiled for one. Models
/// `Optimizer`.
class AnyOptimizer {
 public:
  /// The memory of either kind; the other is empty.
  template <Real S>
  struct State {
    AdamMoments<S> moments;
    GradientDescent::State<S> descent;

    template <class Self, class Visit>
    static void fields(Self& self, Visit&& visit) {
      visit("moments", self.moments);
      visit("descent", self.descent);
    }
  };

  explicit AnyOptimizer(std::variant<Adam, AdamW, GradientDescent> optimizer)
      : optimizer_(std::move(optimizer)) {}

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    State<S> state;
    visit(state, [&](const auto& o, auto& memory) { memory = o.template start<S>(size); });
    return state;
  }

  template <Real S>
  void step(State<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
            double rate_factor = 1) const {
    visit(state,
          [&](const auto& o, auto& memory) { o.step(memory, parameters, gradient, rate_factor); });
  }

  template <Real S>
  [[nodiscard]] auto begin_step(State<S>& state, Index size, double rate_factor = 1) const {
    using Part = std::variant<decltype(Adam().begin_step(state.moments, size)),
                              decltype(GradientDescent().begin_step(state.descent, size))>;
    const Part chosen = std::visit(
        [&](const auto& o) -> Part {
          if constexpr (std::same_as<std::remove_cvref_t<decltype(o)>, GradientDescent>)
            return o.begin_step(state.descent, size, rate_factor);
          else
            return o.begin_step(state.moments, size, rate_factor);
        },
        optimizer_);
    return [chosen](Index begin, Eigen::Ref<Vector<S>> parameters,
                    const Eigen::Ref<const Vector<S>>& gradient) {
      std::visit([&](const auto& part) { part(begin, parameters, gradient); }, chosen);
    };
  }

  template <Real S>
  void reset(State<S>& state, Index begin, Index count, Index stride = 1) const {
    visit(state, [&](const auto& o, auto& memory) { o.reset(memory, begin, count, stride); });
  }

  [[nodiscard]] std::int64_t step_flops(Index size) const {
    return std::visit([&](const auto& o) { return o.step_flops(size); }, optimizer_);
  }

 private:
  template <class State, class Work>
  void visit(State& state, Work&& work) const {
    std::visit(
        [&](const auto& o) {
          if constexpr (std::same_as<std::remove_cvref_t<decltype(o)>, GradientDescent>)
            work(o, state.descent);
          else
            work(o, state.moments);
        },
        optimizer_);
  }

  std::variant<Adam, AdamW, GradientDescent> optimizer_;
};

static_assert(OptimizerByParts<AnyOptimizer, float>);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ANY_OPTIMIZER_HPP
