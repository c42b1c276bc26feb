// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_JOINT_HPP
#define LACUNA_TRAINER_JOINT_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/trainer/reconstruction_gradient.hpp>

namespace lacuna {

/// Options of `JointTrainer`.
struct JointTrainerOptions {
  Index steps = 20000;
  double lambda = 0.01;          ///< weight of mean |s|; 0 for squared error alone
  bool learn_dictionary = true;  ///< false: the encoder (and transform) alone, on a fixed dictionary
};

/// Trains a sparse autoencoder: encoder, dictionary and learnable transform by the gradient of
///
///   loss = mean (x - invert(D s))^2 + lambda mean |s|,   s = encoder(apply(x))
///
/// one optimiser step a batch. Atoms are brought back to unit norm after each step where the dictionary
/// has that invariant, outside the gradient, which is not projected: the seed paper's form. Models
/// `TrainerFor` every model whose encoder is differentiable.
///
/// @tparam O  an `Optimizer`.
///
/// Cost of a step: the encoder's forward and backward, and 6 dim num_atoms flops a signal (4 where the
/// dictionary is fixed).
///
/// @code
/// Model model{Identity{}, UnitNormDictionary<float>(random_normal<float>(8, 16, 1)),
///             LinearReluEncoder<float>(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 2})};
/// const Outcome outcome = JointTrainer({.steps = 40000}).fit(model, InMemorySource<float>(signals));
/// @endcode
template <class O = Adam>
class JointTrainer {
 public:
  using Options = JointTrainerOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit JointTrainer(JointTrainerOptions options, O optimizer = O())
      : options_(options), optimizer_(std::move(optimizer)) {
    require(options.steps >= 0, "JointTrainer",
            "steps must be at least 0, is " + std::to_string(options.steps));
    require(options.lambda >= 0 && std::isfinite(options.lambda), "JointTrainer",
            "lambda must be finite and at least 0, is " + std::to_string(options.lambda));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Fits in place, from the model as it is. @throws std::invalid_argument if the shapes do not fit,
  /// or if a step loses an atom's direction.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
    requires Transform<T, ScalarOf<D>> && Dictionary<D> && DifferentiableEncoderFor<E, D> &&
             SignalSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>>
  Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {}) const {
    using S = ScalarOf<D>;
    using Codes = CodesFor<E, D>;
    constexpr bool learns_transform = LearnableTransform<T, S>;
    require(source.dim() == model.dictionary.dim(), "JointTrainer::fit",
            "the source has signals of dimension " + std::to_string(source.dim()) +
                ", the dictionary is " +
                shape_of(model.dictionary.dim(), model.dictionary.num_atoms()));
    if constexpr (!LearnableDictionary<D>)
      require(!options_.learn_dictionary, "JointTrainer::fit",
              "the dictionary cannot be learned: set learn_dictionary to false");

    const Index dim = model.dictionary.dim();
    auto encoder_state = optimizer_.template start<S>(model.encoder.parameters().size());
    auto atom_state = optimizer_.template start<S>(
        options_.learn_dictionary ? dim * model.dictionary.num_atoms() : 0);
    auto transform_state = optimizer_.template start<S>(0);
    if constexpr (learns_transform)
      transform_state = optimizer_.template start<S>(model.transform.parameters().size());

    typename E::Tape tape;
    ReconstructionGradient<S, Codes> loss;
    Vector<S> encoder_gradient, atom_gradient, transform_gradient;
    Outcome outcome;
    while (outcome.steps < options_.steps) {
      const MatrixArg<S> batch = source.batch(outcome.steps);
      require(batch.cols() > 0, "JointTrainer::fit", "the source gave no signals");
      const Matrix<S> signals = model.transform.apply(batch);
      const Codes& codes = model.encoder.forward(model.dictionary, signals, tape);
      outcome.loss = loss.evaluate(model.dictionary, signals, codes, options_.lambda);
      model.encoder.backward(model.dictionary, signals, tape, loss.code_gradient(),
                             encoder_gradient);
      outcome.flops += (model.encoder.forward_flops(model.dictionary) +
                        model.encoder.backward_flops(model.dictionary)) *
                           signals.cols() +
                       loss.evaluate_flops(dim, codes) +
                       optimizer_.step_flops(encoder_gradient.size());
      if constexpr (learns_transform) {
        model.transform.backward(
            batch, model.encoder.signal_gradient(model.dictionary, tape, loss.code_gradient()),
            loss.reconstruction_gradient(), transform_gradient);
        outcome.flops += model.encoder.backward_flops(model.dictionary) * signals.cols() +
                         2 * batch.size() + optimizer_.step_flops(transform_gradient.size());
      }
      if constexpr (LearnableDictionary<D>) {
        if (options_.learn_dictionary) {
          loss.atom_gradient(codes, atom_gradient);
          model.dictionary.update_atoms([&](Matrix<S>& atoms) {
            optimizer_.step(atom_state, atoms.reshaped(), atom_gradient);
          });
          // The step, and three flops an entry to bring the atoms back to their norm.
          outcome.flops += loss.atom_gradient_flops(dim, codes) +
                           optimizer_.step_flops(atom_gradient.size()) + 3 * atom_gradient.size();
        }
      }
      optimizer_.step(encoder_state, model.encoder.parameters(), encoder_gradient);
      if constexpr (learns_transform)
        optimizer_.step(transform_state, model.transform.parameters(),
                                    transform_gradient);
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

#endif  // LACUNA_TRAINER_JOINT_HPP
