// SPDX-License-Identifier: MIT
//
// The sparse autoencoders of compositional_ood: a file of its own, since every encoder is compiled
// with the trainer and with FISTA.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/optimizer/adam_w.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/update/gradient.hpp>

#include "support/compositional_methods.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;

[[nodiscard]] InMemorySource<S> minibatches(const Matrix<S>& signals, const SaeSettings& settings) {
  return InMemorySource<S>(signals, {.batch_size = std::min(settings.batch, signals.cols()),
                                     .seed = derive_seed(settings.seed, 1)});
}

[[nodiscard]] SparseCodes<S> sparse(const Matrix<S>& codes) { return codes.sparseView(); }
[[nodiscard]] SparseCodes<S> sparse(SparseCodes<S> codes) { return codes; }

/// A trained model as what it encodes with.
template <class E>
[[nodiscard]] FittedMethod fitted(const Model<Identity, UnitNorm, E>& model,
                                  const SaeSettings& settings, Index steps, double seconds) {
  const auto prepared = std::make_shared<const PreparedDictionary<UnitNorm>>(model.dictionary);
  const auto encode_by = [prepared](auto encoder) {
    return [prepared, encoder](const Matrix<S>& signals) {
      return sparse(encoder.encode(*prepared, signals));
    };
  };
  const FistaSettings& to = settings.refinement;
  const Fista fista(NonnegativeL1(to.lambda), {.tolerance = to.tolerance, .threads = to.threads});
  return {.dictionary = model.dictionary,
          .encode = encode_by(model.encoder),
          .refine = encode_by(Refined(model.encoder, fista, to.max_iterations)),
          .steps = steps,
          .seconds = seconds};
}

/// Jointly, encoder and dictionary.
template <class E>
[[nodiscard]] FittedMethod fit_jointly(E encoder, double lambda, const Matrix<S>& signals,
                                       const SaeSettings& settings, const Watch& watch) {
  const Stopwatch clock;
  const UnitNorm transposed(Matrix<S>(encoder.affine().weights().transpose()));
  Model model{Identity{}, transposed, std::move(encoder)};
  const JointTrainer trainer(
      {.steps = settings.steps, .lambda = lambda, .threads = settings.threads},
      AdamW({.learning_rate = settings.learning_rate, .threads = settings.threads}));
  const Outcome outcome = trainer.fit(model, minibatches(signals, settings), watch);
  return fitted(model, settings, outcome.steps, clock.seconds());
}

[[nodiscard]] FittedMethod fit_by_pursuit(const Matrix<S>& signals, const SaeSettings& settings,
                                          const Watch& watch) {
  const Stopwatch clock;
  Model model{Identity{},
              UnitNorm(gaussian_dictionary<S>(signals.rows(), settings.num_atoms, settings.seed)),
              MatchingPursuit({.k = settings.k, .threads = settings.threads})};
  const AlternatingTrainer trainer(
      {.rounds = settings.steps},
      GradientUpdate({.threads = settings.threads}, AdamW({.learning_rate = settings.learning_rate,
                                                           .threads = settings.threads})));
  const Outcome outcome = trainer.fit(model, minibatches(signals, settings), watch);
  return fitted(model, settings, outcome.steps, clock.seconds());
}

}  // namespace

FittedMethod fit_sae(const std::string& kind, const Matrix<S>& signals, const SaeSettings& settings,
                     const Watch& watch) {
  const RandomWeights init{
      .dim = signals.rows(), .num_atoms = settings.num_atoms, .bias = true, .seed = settings.seed};
  const AmortisedOptions options{.threads = settings.threads};
  if (kind == "relu")
    // The trainer's price is on the mean of all codes, the published one on a signal's sum.
    return fit_jointly(LinearReluEncoder<S>(init, options),
                       settings.l1 * static_cast<double>(settings.num_atoms), signals, settings,
                       watch);
  if (kind == "topk")
    return fit_jointly(TopKEncoder<S>(init, settings.k, options), 0.0, signals, settings, watch);
  if (kind == "jumprelu")
    return fit_jointly(JumpReluEncoder<S>(init, {.threads = settings.threads}), settings.l0,
                       signals, settings, watch);
  require(kind == "mp", "fit_sae", "there is no autoencoder " + kind);
  return fit_by_pursuit(signals, settings, watch);
}

}  // namespace lacuna::examples
