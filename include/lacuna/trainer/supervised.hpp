// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_SUPERVISED_HPP
#define LACUNA_TRAINER_SUPERVISED_HPP

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/concepts/labelled_source.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/trainer/code_loss.hpp>

namespace lacuna {

/// Options of `SupervisedTrainer`.
struct SupervisedTrainerOptions {
  Index steps = 20000;
};

/// Trains an encoder alone, on signals whose codes are known: by `CosineLoss` (the seed paper's) or
/// `SquaredLoss` between encoded and known codes. The dictionary is looked at for its shape only.
/// Models `TrainerFor` every model whose encoder is differentiable, on a `LabelledSource`.
///
/// Cost of a step: the encoder's forward and backward.
///
/// @code
/// SupervisedTrainer<CosineLoss>({.steps = 20000}).fit(model, LabelledInMemorySource<float>(signals, codes));
/// @endcode
template <class Loss = CosineLoss, class O = Adam>
class SupervisedTrainer {
 public:
  using Options = SupervisedTrainerOptions;

  /// @throws std::invalid_argument for a negative number of steps.
  explicit SupervisedTrainer(SupervisedTrainerOptions options, O optimizer = O())
      : options_(options), optimizer_(std::move(optimizer)) {
    require(options.steps >= 0, "SupervisedTrainer",
            "steps must be at least 0, is " + std::to_string(options.steps));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Fits model.encoder in place. @throws std::invalid_argument if the shapes do not fit.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
    requires Transform<T, ScalarOf<D>> && DifferentiableEncoderFor<E, D> &&
             LabelledSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>>
  Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {}) const {
    using S = ScalarOf<D>;
    using Codes = CodesFor<E, D>;
    require(source.dim() == model.dictionary.dim() &&
                source.num_atoms() == model.dictionary.num_atoms(),
            "SupervisedTrainer::fit",
            "the source is for a dictionary of " + shape_of(source.dim(), source.num_atoms()) +
                ", the dictionary is " +
                shape_of(model.dictionary.dim(), model.dictionary.num_atoms()));
    auto state = optimizer_.template start<S>(model.encoder.parameters().size());
    typename E::Tape tape;
    Codes code_gradient;
    Vector<S> gradient;
    Outcome outcome;
    while (outcome.steps < options_.steps) {
      const Matrix<S> signals = model.transform.apply(source.batch(outcome.steps));
      require(signals.cols() > 0, "SupervisedTrainer::fit", "the source gave no signals");
      const SparseCodes<S>& targets = source.batch_codes(outcome.steps);
      const Codes& codes = model.encoder.forward(model.dictionary, signals, tape);
      outcome.loss = Loss::template evaluate<S>(codes, targets, code_gradient);
      model.encoder.backward(model.dictionary, signals, tape, code_gradient, gradient);
      optimizer_.step(state, model.encoder.parameters(), gradient);
      std::int64_t entries = codes.size();
      if constexpr (is_sparse_codes<Codes>) entries = codes.nonZeros();
      outcome.flops += (model.encoder.forward_flops(model.dictionary) +
                        model.encoder.backward_flops(model.dictionary)) *
                           signals.cols() +
                       Loss::flops(entries, targets.nonZeros()) +
                       optimizer_.step_flops(gradient.size());
      ++outcome.steps;
      if (!observer(Progress{outcome.steps, options_.steps, outcome.loss})) {
        outcome.status = Status::stopped;
        break;
      }
    }
    return outcome;
  }

 private:
  Options options_;
  O optimizer_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_SUPERVISED_HPP
