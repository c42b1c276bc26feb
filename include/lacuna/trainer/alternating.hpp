// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_ALTERNATING_HPP
#define LACUNA_TRAINER_ALTERNATING_HPP

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/atom_revival.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/concepts/update.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/core/schedule.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/trainer/alternating_state.hpp>

namespace lacuna {

/// Options of `AlternatingTrainer`.
struct AlternatingTrainerOptions {
  Index rounds = 100;
  std::optional<Schedule> lambda = {};  ///< of the encoder's penalty; none: as it is
  std::optional<Schedule> k = {};  ///< active entries of an encoder that has a k; none: as it is
};

/// Classical dictionary learning: infer the codes of a batch with the model's own encoder, update
/// the dictionary at those codes, revive atoms that have no use, and again. Models `TrainerFor`
/// every model whose encoder counts its flops and does not change with the dictionary (a solver),
/// and whose dictionary the update fits.
///
/// A source that gives all signals makes it full batch, minibatches or a stream make it online; an
/// update that remembers (`BlockCoordinateUpdate` with memory) then sees more than the batch.
/// Schedules are functions of the round, and a batch is one too, so all that a training remembers
/// is its `AlternatingState`: with the model it can be copied, saved, and resumed to the same bits.
/// With a schedule, the encoder is left as the last round had it. Cost of a round: one inference of
/// the batch, and one update.
///
/// @tparam U  an `UpdateFor` the dictionary. @tparam R  an `AtomRevivalFor` it.
///
/// Source: Olshausen & Field, "Emergence of simple-cell receptive field properties by learning a
/// sparse code for natural images", 1996; Engan, Aase & Husoy 1999; Mairal et al. 2010 (online).
///
/// @code
/// Model model{Identity{}, UnitNormDictionary<float>(start), ActiveSet(NonnegativeL1(0.2))};
/// const AlternatingTrainer trainer({.rounds = 600, .lambda = Schedule::geometric(0.2, 0.02)},
///                                  BlockCoordinateUpdate({.memory = 5000}), ReplaceAtoms());
/// const Outcome outcome = trainer.fit(model, InMemorySource<float>(signals, {.batch_size = 500}));
/// @endcode
template <class U, class R = NoAtomRevival>
class AlternatingTrainer {
 public:
  using Options = AlternatingTrainerOptions;
  template <class S>
  using State = AlternatingState<S, U>;

  /// @throws std::invalid_argument for a negative number of rounds.
  explicit AlternatingTrainer(AlternatingTrainerOptions options, U update = U(), R revival = R())
      : options_(std::move(options)), update_(std::move(update)), revival_(std::move(revival)) {
    require(options_.rounds >= 0, "AlternatingTrainer",
            "rounds must be at least 0, is " + std::to_string(options_.rounds));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The state before the first round.
  template <class T, class D, class E>
  [[nodiscard]] State<ScalarOf<D>> start(const Model<T, D, E>& model) const {
    const Index num_atoms = model.dictionary.num_atoms();
    Vector<double> use = Vector<double>::Zero(revival_.window(num_atoms) > 0 ? num_atoms : 0);
    if constexpr (RememberingUpdateFor<U, D>)
      return {.update = update_.start(model.dictionary), .use = std::move(use)};
    else
      return {.update = {}, .use = std::move(use)};
  }

  /// Fits model.dictionary in place. @throws std::invalid_argument if the shapes do not fit, or a
  /// schedule has nothing to set.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && UpdateFor<U, D> && AtomRevivalFor<R, D> &&
      CountableEncoderFor<E, D> && SignalSource<std::remove_reference_t<Source>>
          Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {})
  const {
    auto state = start(model);
    return resume(model, state, std::forward<Source>(source), std::forward<Watch>(observer));
  }

  /// Goes on from a model and the state that belongs to it, to the end or until the observer stops
  /// it; both are up to date whenever the observer is told. The outcome counts from the first
  /// round.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && UpdateFor<U, D> && AtomRevivalFor<R, D> &&
      CountableEncoderFor<E, D> && SignalSource<std::remove_reference_t<Source>>
          Outcome resume(Model<T, D, E>& model, State<ScalarOf<D>>& state, Source&& source,
                         Watch&& observer = {})
  const {
    const Index num_atoms = model.dictionary.num_atoms();
    require(source.dim() == model.dictionary.dim(), "AlternatingTrainer::fit",
            "the source has signals of dimension " + std::to_string(source.dim()) +
                ", the dictionary is " + shape_of(model.dictionary.dim(), num_atoms));
    require(state.use.size() == (revival_.window(num_atoms) > 0 ? num_atoms : 0),
            "AlternatingTrainer::resume",
            "the state is that of a training without this revival, or of another model");
    Outcome outcome;
    while (state.step < options_.rounds && outcome.status != Status::stopped) {
      if (!observer(round(model, state, source))) outcome.status = Status::stopped;
    }
    outcome.steps = state.step;
    outcome.loss = state.loss;
    outcome.flops = state.flops;
    return outcome;
  }

 private:
  template <class T, class D, class E, class Source>
  Progress round(Model<T, D, E>& model, State<ScalarOf<D>>& state, Source& source) const {
    using S = ScalarOf<D>;
    set_lambda(model.encoder, state.step);
    set_k(model.encoder, state.step);
    const Matrix<S> signals = model.transform.apply(source.batch(state.step));
    require(signals.cols() > 0, "AlternatingTrainer::fit", "the source gave no signals");
    // The dictionary as it is: the encoder derives what it needs, and counts it.
    const auto counted = encode_counted(model.encoder, model.dictionary, signals);
    const Matrix<S> residual = signals - model.dictionary.decode(counted.codes);
    state.loss = static_cast<double>(residual.squaredNorm()) / static_cast<double>(signals.size());
    state.flops += counted.flops;
    if constexpr (RememberingUpdateFor<U, D>)
      state.flops += update_.update(model.dictionary, state.update, signals, counted.codes,
                                    state.step, options_.rounds);
    else
      state.flops += update_.update(model.dictionary, signals, counted.codes);
    revive(model.dictionary, state, signals, residual, counted.codes);
    ++state.step;
    Progress progress{state.step, options_.rounds, state.loss};
    if constexpr (is_sparse_codes<CodesFor<E, D>>)
      progress.mean_l0 = static_cast<double>((counted.codes.coeffs() != 0).count()) /
                         static_cast<double>(signals.cols());
    return progress;
  }

  template <class D, class S, class Codes>
  void revive(D& d, AlternatingState<S, U>& state, const Matrix<S>& signals,
              const Matrix<S>& residual, const Codes& codes) const {
    const Index window = revival_.window(d.num_atoms());
    if (window == 0) return;
    state.use *=
        std::max(0.0, 1 - static_cast<double>(signals.cols()) / static_cast<double>(window));
    for (Index j = 0; j < codes.cols(); ++j)
      detail::for_each_entry<S>(codes, j, [&](Index atom, S value) {
        state.use[atom] += static_cast<double>(value) * static_cast<double>(value);
      });
    const double total = state.use.sum();
    const Vector<double> share = total > 0 ? Vector<double>(state.use / total) : state.use;
    for (const Index atom : revival_.revive(
             d, TrainingRound<S>{signals, residual, share, state.step, options_.rounds})) {
      if constexpr (RememberingUpdateFor<U, D>) update_.forget(state.update, atom);
      // As used as the mean, until a window has passed.
      state.use[atom] = total / static_cast<double>(d.num_atoms());
    }
  }

  template <class E>
  void set_lambda(E& encoder, Index step) const {
    if (!options_.lambda) return;
    if constexpr (requires {
                    { encoder.with_penalty(encoder.penalty().with_lambda(1.0)) } -> std::same_as<E>;
                  })
      encoder = encoder.with_penalty(
          encoder.penalty().with_lambda((*options_.lambda)(step, options_.rounds)));
    else
      require(false, "AlternatingTrainer",
              "a schedule of lambda, and an encoder without a penalty");
  }

  template <class E>
  void set_k(E& encoder, Index step) const {
    if (!options_.k) return;
    if constexpr (requires { encoder.set_k(Index(1)); })
      encoder.set_k(static_cast<Index>(std::lround((*options_.k)(step, options_.rounds))));
    else if constexpr (requires {
                         E(encoder.options());
                         encoder.options().k;
                       }) {
      auto options = encoder.options();
      options.k = static_cast<Index>(std::lround((*options_.k)(step, options_.rounds)));
      encoder = E(options);
    } else
      require(false, "AlternatingTrainer", "a schedule of k, and an encoder that has no k");
  }

  Options options_;
  U update_;
  R revival_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_ALTERNATING_HPP
