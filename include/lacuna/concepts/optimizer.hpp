// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_OPTIMIZER_HPP
#define LACUNA_CONCEPTS_OPTIMIZER_HPP

#include <concepts>
#include <cstdint>

#include <lacuna/core/fields.hpp>
#include <lacuna/core/matrix.hpp>

namespace lacuna {

namespace detail {
template <class O, class S>
concept HasOptimizerState = requires {
  typename O::template State<S>;
}
&&std::copyable<typename O::template State<S>>;

template <class O, class S>
concept HasOptimizerFields = HasFields<typename O::template State<S>>;

template <class O, class S>
concept CanStart = requires(const O& o, Index size) {
  { o.template start<S>(size) } -> std::same_as<typename O::template State<S>>;
};

template <class O, class S>
concept CanStep = requires(const O& o, typename O::template State<S>& state,
                           Eigen::Ref<Vector<S>> parameters,
                           const Eigen::Ref<const Vector<S>>& gradient) {
  o.step(state, parameters, gradient);
};

template <class O, class S>
concept CanStepAtRate = requires(const O& o, typename O::template State<S>& state,
                                 Eigen::Ref<Vector<S>> parameters,
                                 const Eigen::Ref<const Vector<S>>& gradient,
                                 double rate_factor) {
  o.step(state, parameters, gradient, rate_factor);
};

template <class O, class S>
concept CanReset = requires(const O& o, typename O::template State<S>& state, Index begin,
                            Index count, Index stride) {
  o.reset(state, begin, count);
  o.reset(state, begin, count, stride);
};

template <class O>
concept CountsStepFlops = requires(const O& o, Index size) {
  { o.step_flops(size) } -> std::same_as<std::int64_t>;
};
}  // namespace detail

/// A rule that moves flat parameters against a gradient. The rule is a constant; what it remembers
/// between steps is a value with fields, `State<S>`, that can be copied, saved and resumed.
///
/// | expression                                  | meaning                                        |
/// |---------------------------------------------|------------------------------------------------|
/// | `o.template start<S>(size)`                 | the state before the first step                |
/// | `o.step(state, parameters, grad[, factor])` | one step, in place, at the rate of the options |
/// |                                             | times the factor (1): what a schedule gives    |
/// | `o.reset(state, begin, count[, stride])`    | forgets what it knows of the entries begin,    |
/// |                                             | begin + stride, ... (count of them; stride 1)  |
/// | `o.step_flops(size)`                        | audited flops of one step                      |
///
/// Parameters and gradient are views: `Eigen::Ref`s take both, and a `const Vector<S>&` that S is
/// deduced from does not.
///
/// An atom is dim entries side by side. So are the weights of an encoder's latent, or they are
/// every num_atoms-th of them: `AffineMap::entries_of` says which.
///
/// Laws (tests/laws/optimizer_laws.hpp): a step on a smooth convex function, repeated, reaches its
/// minimum; a copied state continues with the same bits. From parameters 0 the move is proportional
/// to the factor, at factor 0 nothing moves, and the state after a step does not depend on it.
/// A reset changes the steps of no other entry; two states with as many steps behind them, whatever
/// the gradients were, step alike where both were reset. (Alike, and not as a new state would: a
/// count of steps is shared by all entries, and stays.)
template <class O, class S>
concept Optimizer = std::copyable<O> && detail::HasOptimizerState<O, S> &&
    detail::HasOptimizerFields<O, S> && detail::CanStart<O, S> && detail::CanStep<O, S> &&
    detail::CanStepAtRate<O, S> && detail::CanReset<O, S> && detail::CountsStepFlops<O>;

/// An optimiser whose step can be made part by part, by several threads at once, so that a part of
/// the gradient is used while it is still in the cache.
///
/// | expression                          | meaning                                                |
/// |-------------------------------------|--------------------------------------------------------|
/// | `o.begin_step(s, size[, f])`        | begins a step of so many parameters, and gives `part`, |
/// |                                     | which is valid while the state s is                    |
/// | `part(begin, parameters, gradient)` | makes it for the entries from `begin` on, as many as   |
/// |                                     | there are in the views; each entry's turn comes once   |
///
/// Laws: parts of any sizes, in any order, are to the bit what `o.step` does at once; a step that
/// is refused leaves the state as it is. The threads are the caller's, whatever the options say.
template <class O, class S>
concept OptimizerByParts = Optimizer<O, S> &&
    requires(const O& o, typename O::template State<S>& state, Index begin,
             Eigen::Ref<Vector<S>> parameters, const Eigen::Ref<const Vector<S>>& gradient) {
  o.begin_step(state, begin)(begin, parameters, gradient);
  o.begin_step(state, begin, 1.0)(begin, parameters, gradient);
};

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_OPTIMIZER_HPP
