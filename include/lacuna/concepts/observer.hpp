// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_OBSERVER_HPP
#define LACUNA_CONCEPTS_OBSERVER_HPP

#include <concepts>

#include <lacuna/core/outcome.hpp>

namespace lacuna {

namespace detail {
template <class O>
concept CanObserve = requires(O& o, const Progress& progress) {
  { o(progress) } -> std::same_as<bool>;
};
}  // namespace detail

/// Something that is told of each training step, `observer(progress)`, and answers whether to go on.
/// A lambda will do. Called on the training thread, after the step.
///
/// Laws: an observer that always answers true changes nothing; after false the outcome's status is
/// `Status::stopped` and no further step is taken.
template <class O>
concept Observer = detail::CanObserve<O>;

/// The observer that sees nothing.
struct NoObserver {
  bool operator()(const Progress&) const noexcept { return true; }
};

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_OBSERVER_HPP
