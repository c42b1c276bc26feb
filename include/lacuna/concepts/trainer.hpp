// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_TRAINER_HPP
#define LACUNA_CONCEPTS_TRAINER_HPP

#include <concepts>

#include <lacuna/concepts/observer.hpp>

namespace lacuna {

namespace detail {
template <class T, class Model, class Source>
concept CanFit = requires(const T& t, Model& model, Source& source) {
  { t.fit(model, source) } -> std::same_as<Outcome>;
};

template <class T, class Model, class Source>
concept CanFitObserved =
    requires(const T& t, Model& model, Source& source, bool (*observer)(const Progress&)) {
      { t.fit(model, source, observer) } -> std::same_as<Outcome>;
    };
}  // namespace detail

/// A trainer that fits a model to a source: `t.fit(model, source[, observer])`, in place.
///
/// Laws: equal arguments give equal bits; `learn_dictionary = false`, where there is such an option,
/// leaves the dictionary as it was; the outcome counts the steps taken.
template <class T, class Model, class Source>
concept TrainerFor =
    std::copyable<T> && detail::CanFit<T, Model, Source> && detail::CanFitObserved<T, Model, Source>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_TRAINER_HPP
