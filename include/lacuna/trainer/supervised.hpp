// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_SUPERVISED_HPP
#define LACUNA_TRAINER_SUPERVISED_HPP

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/concepts/encoder_with_terms.hpp>
#include <lacuna/concepts/labelled_source.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/core/schedule.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/trainer/code_loss.hpp>

namespace lacuna {

/// Options of `SupervisedTrainer`.
struct SupervisedTrainerOptions {
  Index steps = 20000;
  Schedule learning_rate = 1.0;  ///< a factor on the optimiser's
  Schedule lambda = 0.0;         ///< price in the terms of an encoder that has its own
};

/// All that a supervised training remembers from step to step, beside the model: a value with
/// fields.
template <Real S, class O>
struct SupervisedState {
  using OptimizerState = typename O::template State<S>;

  std::int64_t step = 0;   ///< steps done: also the position in the data and in the schedule
  std::int64_t flops = 0;  ///< audited, of the steps done
  double loss = 0;         ///< of the last step, before it changed anything
  OptimizerState encoder;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("step", self.step);
    visit("flops", self.flops);
    visit("loss", self.loss);
    visit("encoder", self.encoder);
  }
};

/// Trains an encoder alone, on signals whose codes are known: by `CosineLoss` (the seed paper's) or
/// `SquaredLoss` between encoded and known codes. The dictionary is looked at for its shape only.
/// Models `TrainerFor` every model whose encoder is differentiable, on a `LabelledSource`.
///
/// An encoder's own terms are added (`EncoderWithTerms`): a gate learns from nothing else.
///
/// Codes that a solver finds make it distillation: the encoder learns to give in one pass what
/// inference gives in many, on the dictionary as it is.
///
/// Cost of a step: the encoder's forward and backward.
///
/// @code
/// SupervisedTrainer<CosineLoss>({.steps = 20000})
///     .fit(model, LabelledInMemorySource<float>(signals, codes));
/// // Distillation:
/// SupervisedTrainer<SquaredLoss>({.steps = 20000})
///     .fit(model, LabelledInMemorySource<float>(
///                     signals, ActiveSet(NonnegativeL1(0.05)).encode(model.dictionary, signals),
///                     {.batch_size = 1024}));
/// @endcode
template <class Loss = CosineLoss, class O = Adam>
class SupervisedTrainer {
 public:
  using Options = SupervisedTrainerOptions;

  /// @throws std::invalid_argument for a negative number of steps.
  explicit SupervisedTrainer(SupervisedTrainerOptions options, O optimizer = O())
      : options_(std::move(options)), optimizer_(std::move(optimizer)) {
    require(options_.steps >= 0, "SupervisedTrainer",
            "steps must be at least 0, is " + std::to_string(options_.steps));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  template <class S>
  using State = SupervisedState<S, O>;

  /// The state before the first step.
  template <class T, class D, class E>
  [[nodiscard]] State<ScalarOf<D>> start(const Model<T, D, E>& model) const {
    State<ScalarOf<D>> state;
    state.encoder = optimizer_.template start<ScalarOf<D>>(model.encoder.parameters().size());
    return state;
  }

  /// Fits model.encoder in place. @throws std::invalid_argument if the shapes do not fit.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && DifferentiableEncoderFor<E, D> &&
      LabelledSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>>
          Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {})
  const {
    auto state = start(model);
    return resume(model, state, std::forward<Source>(source), std::forward<Watch>(observer));
  }

  /// Goes on from a model and the state that belongs to it, to the end or until the observer stops
  /// it; both are up to date whenever the observer is told. The outcome counts from the first step.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && DifferentiableEncoderFor<E, D> &&
      LabelledSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>>
          Outcome resume(Model<T, D, E>& model, State<ScalarOf<D>>& state, Source&& source,
                         Watch&& observer = {})
  const {
    using S = ScalarOf<D>;
    using Codes = CodesFor<E, D>;
    require(source.dim() == model.dictionary.dim() &&
                source.num_atoms() == model.dictionary.num_atoms(),
            "SupervisedTrainer::fit",
            "the source is for a dictionary of " + shape_of(source.dim(), source.num_atoms()) +
                ", the dictionary is " +
                shape_of(model.dictionary.dim(), model.dictionary.num_atoms()));
    typename E::Tape tape;
    Codes code_gradient;
    Vector<S> gradient;
    Outcome outcome;
    while (state.step < options_.steps && outcome.status != Status::stopped) {
      const Matrix<S> signals = model.transform.apply(source.batch(state.step));
      require(signals.cols() > 0, "SupervisedTrainer::fit", "the source gave no signals");
      const SparseCodes<S>& targets = source.batch_codes(state.step);
      const Codes& codes = model.encoder.forward(model.dictionary, signals, tape);
      state.loss = Loss::template evaluate<S>(codes, targets, code_gradient);
      model.encoder.backward(model.dictionary, signals, tape, code_gradient, gradient);
      if constexpr (EncoderWithTerms<E, D>)
        state.loss +=
            model.encoder.own_terms(model.dictionary, signals, tape,
                                    options_.lambda(state.step, options_.steps), gradient);
      optimizer_.step(state.encoder, model.encoder.parameters(), gradient,
                      options_.learning_rate(state.step, options_.steps));
      if constexpr (EncoderWithStatistics<E>) model.encoder.update_statistics(tape);
      std::int64_t entries = codes.size();
      if constexpr (is_sparse_codes<Codes>) entries = codes.nonZeros();
      state.flops += (model.encoder.forward_flops(model.dictionary) +
                      model.encoder.backward_flops(model.dictionary)) *
                         signals.cols() +
                     Loss::flops(entries, targets.nonZeros()) +
                     optimizer_.step_flops(gradient.size());
      ++state.step;
      if (!observer(Progress{state.step, options_.steps, state.loss}))
        outcome.status = Status::stopped;
    }
    outcome.steps = state.step;
    outcome.loss = state.loss;
    outcome.flops = state.flops;
    return outcome;
  }

 private:
  Options options_;
  O optimizer_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_SUPERVISED_HPP
