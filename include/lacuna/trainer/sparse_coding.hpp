// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_SPARSE_CODING_HPP
#define LACUNA_TRAINER_SPARSE_CODING_HPP

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/exponential.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/trainer/reconstruction_gradient.hpp>

namespace lacuna {

/// Options of `SparseCodingTrainer`.
struct SparseCodingTrainerOptions {
  Index steps = 40000;
  double lambda = 0.01;  ///< weight of mean s
  double start = -10;    ///< log-codes before the first step
};

/// The seed paper's sparse coding: one free log-code u a signal, the dictionary and a learnable
/// transform, together, by one optimiser on
///
///   loss = mean (apply(x) - D exp(u))^2 + lambda mean exp(u)
///
/// A `LearnedBias` that begins at 0 is the paper's reconstruction bias c: x ~ D exp(u) + c.
///
/// There is no encoder in it: the codes are parameters, so the source must give the same signals at
/// every step (its batch 0 is taken). The model's encoder, which is not touched, infers codes of
/// other signals afterwards: `AdamInference` in the paper. Models `TrainerFor` every model whose
/// dictionary is learnable.
///
/// Cost of a step: 6 dim num_atoms flops a signal, and one optimiser step of num_atoms n + dim
/// num_atoms parameters.
///
/// Source: O'Neill, Gumran & Klindt 2025.
///
/// @code
/// Model model{LearnedBias<float>(Vector<float>::Zero(8)), dictionary,
///             AdamInference(NonnegativeL1(0.0025))};
/// SparseCodingTrainer({.steps = 100000}, Adam({.learning_rate = 1e-3}))
///     .fit(model, InMemorySource<float>(signals));
/// @endcode
template <class O = Adam>
class SparseCodingTrainer {
 public:
  using Options = SparseCodingTrainerOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit SparseCodingTrainer(SparseCodingTrainerOptions options, O optimizer = O())
      : options_(options), optimizer_(std::move(optimizer)) {
    require(options.steps >= 0, "SparseCodingTrainer",
            "steps must be at least 0, is " + std::to_string(options.steps));
    require(options.lambda >= 0 && std::isfinite(options.lambda), "SparseCodingTrainer",
            "lambda must be finite and at least 0, is " + text_of(options.lambda));
    require(options.start >= -40 && options.start <= 20, "SparseCodingTrainer",
            "start must be in [-40, 20], is " + text_of(options.start));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Fits model.dictionary, and a learnable model.transform, in place. @throws
  /// std::invalid_argument if the shapes do not fit.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && LearnableDictionary<D> &&
      SignalSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>>
          Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {})
  const {
    using S = ScalarOf<D>;
    require(source.dim() == model.dictionary.dim(), "SparseCodingTrainer::fit",
            "the source has signals of dimension " + std::to_string(source.dim()) +
                ", the dictionary is " +
                shape_of(model.dictionary.dim(), model.dictionary.num_atoms()));
    constexpr bool learns_transform = LearnableTransform<T, S>;
    const MatrixArg<S> batch = source.batch(0);
    Matrix<S> signals = model.transform.apply(batch);
    check_encoding("SparseCodingTrainer::fit", model.dictionary, signals);
    require(signals.cols() > 0, "SparseCodingTrainer::fit", "the source gave no signals");
    const Index dim = signals.rows(), num_atoms = model.dictionary.num_atoms();
    Matrix<S> u = Matrix<S>::Constant(num_atoms, signals.cols(), static_cast<S>(options_.start));
    Matrix<S> codes;
    Vector<S> atom_gradient, transform_gradient;
    auto code_state = optimizer_.template start<S>(u.size());
    auto atom_state = optimizer_.template start<S>(dim * num_atoms);
    Index transform_size = 0;
    if constexpr (learns_transform) transform_size = model.transform.parameters().size();
    auto transform_state = optimizer_.template start<S>(transform_size);
    ReconstructionGradient<S, Matrix<S>> loss;
    Outcome outcome;
    while (outcome.steps < options_.steps) {
      detail::exponential(u, codes);
      outcome.loss = loss.template evaluate<CodeForm::exponential>(model.dictionary, signals, codes,
                                                                   options_.lambda);
      loss.atom_gradient(codes, atom_gradient);
      optimizer_.step(code_state, u.reshaped(), loss.code_gradient().reshaped());
      model.dictionary.update_atoms(
          [&](Matrix<S>& atoms) { optimizer_.step(atom_state, atoms.reshaped(), atom_gradient); });
      outcome.flops += loss.evaluate_flops(dim, codes) + loss.atom_gradient_flops(dim, codes) +
                       2 * codes.size() + optimizer_.step_flops(codes.size()) +
                       optimizer_.step_flops(atom_gradient.size()) + 3 * atom_gradient.size();
      if constexpr (learns_transform) {
        // apply(x) is what D s is measured against. An entry: its gradient, that of a parameter,
        // and apply itself.
        model.transform.backward(batch, -loss.reconstruction_gradient(), transform_gradient);
        optimizer_.step(transform_state, model.transform.parameters(), transform_gradient);
        signals = model.transform.apply(batch);
        outcome.flops += 3 * batch.size() + optimizer_.step_flops(transform_gradient.size());
      }
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

#endif  // LACUNA_TRAINER_SPARSE_CODING_HPP
