// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_TRAINING_HPP
#define LACUNA_EXAMPLES_SUPPORT_TRAINING_HPP

#include <cmath>
#include <memory>
#include <utility>

#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/io/checkpoint.hpp>
#include <lacuna/io/model_file.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>

#include "support/any_optimizer.hpp"
#include "support/any_revival.hpp"
#include "support/any_training.hpp"

namespace lacuna::examples {

using UnitNorm = UnitNormDictionary<float>;

/// A training of one kind of model. Every file that has an encoder makes one of these, so that no
/// file takes long to compile.
template <class T, class E>
class Training final : public AnyTraining {
 public:
  using M = Model<T, UnitNorm, E>;
  using Trainer = JointTrainer<AnyOptimizer, AnyRevival>;

  Training(M model, Trainer trainer, Index threads)
      : model_(std::move(model)),
        trainer_(std::move(trainer)),
        state_(trainer_.start(model_)),
        threads_(threads) {}

  [[nodiscard]] Index steps_done() const override { return state_.step; }
  [[nodiscard]] double loss() const override { return state_.loss; }
  Outcome train(AnySource& source, const std::function<bool(const Progress&)>& observer) override {
    return trainer_.resume(model_, state_, source, observer);
  }
  void save_checkpoint(const std::filesystem::path& path, const Metadata& metadata) const override {
    lacuna::save_checkpoint(path, model_, state_, metadata);
  }
  void load_checkpoint(const std::filesystem::path& path) override {
    lacuna::load_checkpoint(path, model_, state_);
  }
  void save_model(const std::filesystem::path& path, const Metadata& metadata) const override {
    lacuna::save_model(path, model_, metadata);
  }
  [[nodiscard]] EitherCodes encode(const Matrix<float>& signals) const override {
    return model_.encode(signals);
  }
  [[nodiscard]] EitherCodes encode_by_file(const std::filesystem::path& path,
                                           const Matrix<float>& signals) const override {
    return load_model<M>(path, threads_).encode(signals);
  }
  [[nodiscard]] Matrix<float> decode(const EitherCodes& codes) const override {
    return std::visit([&](const auto& c) { return model_.decode(c); }, codes);
  }
  [[nodiscard]] const Matrix<float>& atoms() const override { return model_.dictionary.atoms(); }

 private:
  M model_;
  Trainer trainer_;
  Trainer::State<float> state_;
  Index threads_;
};

[[nodiscard]] inline AnyOptimizer make_optimizer(const TrainingSettings& s) {
  if (s.optimizer == "adam_w")
    return AnyOptimizer(AdamW({.learning_rate = s.learning_rate, .threads = s.threads}));
  if (s.optimizer == "sgd")
    return AnyOptimizer(
        GradientDescent({.learning_rate = s.learning_rate, .momentum = 0.9, .threads = s.threads}));
  return AnyOptimizer(Adam({.learning_rate = s.learning_rate, .threads = s.threads}));
}

[[nodiscard]] inline AnyRevival make_revival(const TrainingSettings& s) {
  if (s.revival == "resample")
    // The last third is left to settle in.
    return AnyRevival(
        Resample({.window = s.window, .every = s.window, .until = s.steps - s.steps / 3}));
  if (s.revival == "auxiliary_k")
    return AnyRevival(AuxiliaryK({.window = s.window, .threads = s.threads}));
  return AnyRevival(NoRevival());
}

/// The first latents begin dead: in an encoder that has to choose k, with weights that lose; in
/// others, with a bias that no signal outweighs.
template <class E>
void silence(E& encoder, double share) {
  if constexpr (requires { encoder.affine(); }) {
    const auto& map = encoder.affine();
    const double count = std::round(share * static_cast<double>(map.num_atoms()));
    auto parameters = encoder.parameters();
    for (Index i = 0; i < static_cast<Index>(count); ++i) {
      const auto [weights_of, others_of] = map.entries_of(i);
      if constexpr (requires { encoder.k(); })
        map.view(parameters, weights_of) *= 1e-3F;
      else
        map.view(parameters, others_of)[0] = -100;
    }
  }
}

/// `make_encoder(dictionary, init)`, with the transform that the settings ask for.
template <class MakeEncoder>
[[nodiscard]] std::unique_ptr<AnyTraining> make_training_of(const TrainingSettings& s,
                                                            const Matrix<float>& first_batch,
                                                            const MakeEncoder& make_encoder) {
  const Index dim = first_batch.rows();
  const UnitNorm dictionary(random_normal<float>(dim, s.num_atoms, derive_seed(s.seed, 0)));
  const RandomWeights init{
      .dim = dim, .num_atoms = s.num_atoms, .bias = true, .seed = derive_seed(s.seed, 1)};
  auto encoder = make_encoder(dictionary, init);
  using E = decltype(encoder);
  constexpr bool has_affine_map = requires { encoder.affine(); };
  require(has_affine_map || s.revival == "none", "--revival",
          s.encoder + " has no affine map that could be revived");
  require(has_affine_map || s.silence == 0, "--silence", s.encoder + " has no affine map");
  silence(encoder, s.silence);
  const JointTrainer<AnyOptimizer, AnyRevival> trainer({.steps = s.steps,
                                                        .lambda = s.lambda,
                                                        .learning_rate = s.rate_factor,
                                                        .loss = s.loss,
                                                        .max_gradient_norm = s.clip,
                                                        .threads = s.threads},
                                                       make_optimizer(s), make_revival(s));
  const auto make = [&]<class T>(T transform) -> std::unique_ptr<AnyTraining> {
    return std::make_unique<Training<T, E>>(
        Model<T, UnitNorm, E>{std::move(transform), dictionary, std::move(encoder)}, trainer,
        s.threads);
  };
  if (s.pre_bias == "none") return make(Identity{});
  return make(s.pre_bias == "mean" ? LearnedBias<float>::at_mean(first_batch)
                                   : LearnedBias<float>::at_geometric_median(first_batch));
}

/// An encoder that begins at random weights, or at D^T and no bias.
template <class E>
[[nodiscard]] E affine_encoder(const TrainingSettings& s, const UnitNorm& dictionary,
                               const RandomWeights& init, typename E::Options options = {}) {
  options.threads = s.threads;
  const Matrix<float> weights = tied_weights(dictionary);
  const Vector<float> bias = Vector<float>::Zero(s.num_atoms);
  if constexpr (requires(const E& e) { e.k(); })
    return s.tied ? E(weights, s.k, bias, options) : E(init, s.k, options);
  else
    return s.tied ? E(weights, bias, options) : E(init, options);
}

// One a file: training_*.cpp.
[[nodiscard]] std::unique_ptr<AnyTraining> make_dense_training(const TrainingSettings& settings,
                                                               const Matrix<float>& first_batch);
[[nodiscard]] std::unique_ptr<AnyTraining> make_sparse_training(const TrainingSettings& settings,
                                                                const Matrix<float>& first_batch);
[[nodiscard]] std::unique_ptr<AnyTraining> make_deep_training(const TrainingSettings& settings,
                                                              const Matrix<float>& first_batch);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_TRAINING_HPP
