// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_OPTIMIZER_HPP
#define LACUNA_CONCEPTS_OPTIMIZER_HPP

#include <concepts>
#include <cstdint>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

namespace detail {
template <class O, class S>
concept HasOptimizerState = requires { typename O::template State<S>; } &&
                            std::copyable<typename O::template State<S>>;

template <class O, class S>
concept CanStart = requires(const O& o, Index size) {
  { o.template start<S>(size) } -> std::same_as<typename O::template State<S>>;
};

template <class O, class S>
concept CanStep = requires(const O& o, typename O::template State<S>& state,
                           Eigen::Ref<Vector<S>> parameters, const Vector<S>& gradient) {
  o.step(state, parameters, gradient);
};

template <class O>
concept CountsStepFlops = requires(const O& o, Index size) {
  { o.step_flops(size) } -> std::same_as<std::int64_t>;
};
}  // namespace detail

/// A rule that moves flat parameters against a gradient. The rule is a constant; what it remembers
/// between steps is a value, `State<S>`, that can be copied, saved and resumed.
///
/// | expression                          | meaning                                  |
/// |-------------------------------------|------------------------------------------|
/// | `o.template start<S>(size)`         | the state before the first step          |
/// | `o.step(state, parameters, grad)`   | one step, in place                       |
/// | `o.step_flops(size)`                | audited flops of one step                |
///
/// Laws (tests/laws/optimizer_laws.hpp): a step on a smooth convex function, repeated, reaches its
/// minimum; a copied state continues with the same bits.
template <class O, class S>
concept Optimizer = std::copyable<O> && detail::HasOptimizerState<O, S> && detail::CanStart<O, S> &&
                    detail::CanStep<O, S> && detail::CountsStepFlops<O>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_OPTIMIZER_HPP
