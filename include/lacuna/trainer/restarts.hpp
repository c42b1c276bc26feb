// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_RESTARTS_HPP
#define LACUNA_TRAINER_RESTARTS_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/observer.hpp>
#include <lacuna/core/check.hpp>

namespace lacuna {

/// Options of `fit_with_restarts`.
struct RestartOptions {
  Index max_starts = 10;  ///< trainings at most, at least 1
  /// A training loss that needs no better: without noise a loss that vanishes certifies success. 0:
  /// all starts are tried.
  double enough = 0;
};

/// The best of several trainings.
template <class M>
struct BestOfRestarts {
  M model;
  Outcome outcome;         ///< of that training; its flops are those of all
  Index starts = 0;        ///< trainings made
  Index best_start = 0;    ///< which of them it is, from 0
  bool was_enough = false;  ///< whether the loss came down to `enough`
};

/// Trains from several beginnings and keeps the model of the least training loss; no truth is asked.
/// Ends at a loss of `enough`, or after `max_starts`, or when the observer stops a training, which
/// then counts as far as it came.
///
/// @param start  `start(i)` is the model that training i, from 0, begins with.
/// @param source  given to every training anew: it must be a function of the step, as sources are.
/// @throws std::invalid_argument if max_starts is below 1, enough negative, and what the trainer
/// throws.
///
/// @code
/// const auto best = fit_with_restarts(
///     AlternatingTrainer({.rounds = 100}, LeastSquaresUpdate(), ReplaceAtoms()),
///     [&](Index i) {
///       return Model{Identity{}, UnitNormDictionary<double>(signal_atoms<double>(
///                                    signals, 16, {.seed = static_cast<std::uint64_t>(i)})),
///                    ExhaustiveSearch({.k = 3, .nonnegative = true})};
///     },
///     source, {.max_starts = 50, .enough = 1e-12});
/// @endcode
template <class Trainer, class Start, class Source, Observer Watch = NoObserver>
[[nodiscard]] auto fit_with_restarts(const Trainer& trainer, Start&& start, Source&& source,
                                     const RestartOptions& options, Watch&& observer = {}) {
  using M = std::remove_cvref_t<decltype(start(Index(0)))>;
  require(options.max_starts >= 1, "fit_with_restarts",
          "max_starts must be at least 1, is " + std::to_string(options.max_starts));
  require(options.enough >= 0, "fit_with_restarts",
          "enough must be at least 0, is " + text_of(options.enough));
  std::optional<BestOfRestarts<M>> best;
  std::int64_t flops = 0;
  for (Index i = 0; i < options.max_starts; ++i) {
    M model = start(i);
    const Outcome outcome = trainer.fit(model, source, observer);
    flops += outcome.flops;
    if (!best || outcome.loss < best->outcome.loss)
      best = BestOfRestarts<M>{std::move(model), outcome, 0, i, outcome.loss <= options.enough};
    best->starts = i + 1;
    if (best->was_enough || outcome.status == Status::stopped) break;
  }
  best->outcome.flops = flops;
  return *std::move(best);
}

}  // namespace lacuna

#endif  // LACUNA_TRAINER_RESTARTS_HPP
