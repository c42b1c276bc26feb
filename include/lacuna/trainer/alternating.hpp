// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_ALTERNATING_HPP
#define LACUNA_TRAINER_ALTERNATING_HPP

#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/concepts/update.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/model.hpp>

namespace lacuna {

/// Options of `AlternatingTrainer`.
struct AlternatingTrainerOptions {
  Index rounds = 100;
};

/// Classical dictionary learning: infer the codes of a batch with the model's own encoder, update the
/// dictionary at those codes, and again. Models `TrainerFor` every model whose encoder counts its flops
/// and does not change with the dictionary (a solver), and whose dictionary the update fits.
///
/// The loss of the outcome is the mean squared error of the last round's codes before its update. Atoms
/// that no code uses stay as they are. Cost of a round: one inference of the batch, and one update.
///
/// @tparam U  an `UpdateFor` the dictionary.
///
/// Source: Olshausen & Field, "Emergence of simple-cell receptive field properties by learning a sparse
/// code for natural images", 1996; Engan, Aase & Husoy 1999.
///
/// @code
/// Model model{Identity{}, UnitNormDictionary<float>(start), Fista(NonnegativeL1(0.02))};
/// AlternatingTrainer({.rounds = 200}, BlockCoordinateUpdate()).fit(model, InMemorySource<float>(signals));
/// @endcode
template <class U>
class AlternatingTrainer {
 public:
  using Options = AlternatingTrainerOptions;

  /// @throws std::invalid_argument for a negative number of rounds.
  explicit AlternatingTrainer(AlternatingTrainerOptions options, U update = U())
      : options_(options), update_(std::move(update)) {
    require(options.rounds >= 0, "AlternatingTrainer",
            "rounds must be at least 0, is " + std::to_string(options.rounds));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Fits model.dictionary in place. @throws std::invalid_argument if the shapes do not fit.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
    requires Transform<T, ScalarOf<D>> && UpdateFor<U, D> &&
             CountableEncoderFor<E, D> &&
             SignalSource<std::remove_reference_t<Source>>
  Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {}) const {
    using S = ScalarOf<D>;
    require(source.dim() == model.dictionary.dim(), "AlternatingTrainer::fit",
            "the source has signals of dimension " + std::to_string(source.dim()) +
                ", the dictionary is " +
                shape_of(model.dictionary.dim(), model.dictionary.num_atoms()));
    Outcome outcome;
    while (outcome.steps < options_.rounds) {
      const Matrix<S> signals = model.transform.apply(source.batch(outcome.steps));
      require(signals.cols() > 0, "AlternatingTrainer::fit", "the source gave no signals");
      // The dictionary as it is: the encoder derives what it needs, and counts it.
      const auto counted = encode_counted(model.encoder, model.dictionary, signals);
      const Matrix<S> residual = signals - model.dictionary.decode(counted.codes);
      outcome.loss =
          static_cast<double>(residual.squaredNorm()) / static_cast<double>(signals.size());
      outcome.flops += counted.flops;
      outcome.flops += update_.update(model.dictionary, signals, counted.codes);
      ++outcome.steps;
      if (!observer(Progress{outcome.steps, options_.rounds, outcome.loss})) {
        outcome.status = Status::stopped;
        break;
      }
    }
    return outcome;
  }

 private:
  Options options_;
  U update_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_ALTERNATING_HPP
