// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_PUBLISHED_FLOPS_HPP
#define LACUNA_METRIC_PUBLISHED_FLOPS_HPP

#include <cstdint>
#include <limits>
#include <stdexcept>

namespace lacuna::detail {
/// a b for factors that are not negative.
[[nodiscard]] constexpr std::int64_t flops_product(std::int64_t a, std::int64_t b) {
  if (b != 0 && a > std::numeric_limits<std::int64_t>::max() / b)
    throw std::overflow_error("published_flops: the count does not fit 64 bits");
  return a * b;
}
[[nodiscard]] constexpr std::int64_t flops_over_training(std::int64_t a_sample_and_step,
                                                         std::int64_t samples, std::int64_t steps) {
  return flops_product(flops_product(a_sample_and_step, samples), steps);
}
}  // namespace lacuna::detail

/// The flop counts of the seed paper's code (O'Neill, Gumran & Klindt, arXiv 2411.13117), formula
/// by formula, with what is odd about them: weight updates are charged once a sample and not once a
/// step, the backward pass of a layer 2 in out, Adam 2 a weight. They make our figures comparable
/// with the published ones; for what a computation takes, use the audited counts that solvers and
/// trainers sum.
///
/// `dim` is the paper's M, `num_atoms` its N, `hidden` its H. A training whose count does
/// not fit 64 bits throws std::overflow_error.
namespace lacuna::published_flops {

/// How long and on what a model was trained.
struct Training {
  std::int64_t samples;
  std::int64_t steps;            ///< so far; the paper's log at step index i counts i + 1
  bool learn_dictionary = true;  ///< false: the dictionary was given, and only codes were learned
};

/// One sample through a linear-ReLU encoder and the decoder: 4MN + N.
[[nodiscard]] constexpr std::int64_t sae_inference(std::int64_t dim, std::int64_t num_atoms) {
  return 4 * dim * num_atoms + num_atoms;
}

/// Training a linear-ReLU autoencoder: (10MN + 5N [+ 3MN]) samples steps, the bracket where the
/// dictionary is learned.
[[nodiscard]] constexpr std::int64_t sae_training(std::int64_t dim, std::int64_t num_atoms,
                                                  const Training& training) {
  const std::int64_t weights = dim * num_atoms;
  const std::int64_t learned = training.learn_dictionary ? weights : 0;
  const std::int64_t forward = sae_inference(dim, num_atoms) + learned;
  const std::int64_t backward = num_atoms + (2 * weights + num_atoms) + 2 * weights;
  const std::int64_t update = 2 * (weights + num_atoms) + 2 * learned;
  return detail::flops_over_training(forward + backward + update, training.samples, training.steps);
}

/// One sample through an encoder with one hidden layer and the decoder: 2MH + H + 2HN + N + 2MN.
[[nodiscard]] constexpr std::int64_t mlp_inference(std::int64_t dim, std::int64_t num_atoms,
                                                   std::int64_t hidden) {
  return 2 * dim * hidden + hidden + 2 * hidden * num_atoms + num_atoms + 2 * dim * num_atoms;
}

/// Training an autoencoder with one hidden layer in its encoder.
[[nodiscard]] constexpr std::int64_t mlp_training(std::int64_t dim, std::int64_t num_atoms,
                                                  std::int64_t hidden, const Training& training) {
  const std::int64_t learned = training.learn_dictionary ? dim * num_atoms : 0;
  const std::int64_t first = dim * hidden;
  const std::int64_t second = hidden * num_atoms;
  const std::int64_t forward = mlp_inference(dim, num_atoms, hidden) + learned;
  const std::int64_t backward =
      num_atoms + (2 * second + num_atoms) + hidden + (2 * first + hidden) + 2 * dim * num_atoms;
  const std::int64_t update = 2 * (first + hidden + second + num_atoms) + 2 * learned;
  return detail::flops_over_training(forward + backward + update, training.samples, training.steps);
}

/// Inference-time optimisation of one sample's code at a fixed dictionary:
/// (MN + N) + steps (4MN + 2M + 11N).
[[nodiscard]] constexpr std::int64_t code_optimisation(std::int64_t dim, std::int64_t num_atoms,
                                                       std::int64_t steps) {
  const std::int64_t step = 4 * dim * num_atoms + 2 * dim + 11 * num_atoms;
  return dim * num_atoms + num_atoms + detail::flops_product(step, steps);
}

/// Training of codes and dictionary together, as published. The terms of the loss and of the update
/// of the codes hold `samples` already and are multiplied by it once more, so the count grows with
/// its square: 59 times too much at 8 x 16 with 1024 samples. `sparse_coding_training_recosted`
/// puts it right.
[[nodiscard]] constexpr std::int64_t sparse_coding_training(std::int64_t dim,
                                                            std::int64_t num_atoms,
                                                            const Training& training) {
  const std::int64_t weights = dim * num_atoms;
  const std::int64_t learned = training.learn_dictionary ? weights : 0;
  const std::int64_t n = training.samples;
  const std::int64_t passes = 3 * (3 * learned + num_atoms + 2 * weights);
  const std::int64_t loss = detail::flops_product(2 * dim + num_atoms, n);
  const std::int64_t update = detail::flops_product(num_atoms, n) + learned;
  return detail::flops_over_training(passes + loss + update, n, training.steps);
}

/// The same steps with every term counted once: the passes a sample, what concerns the dictionary a
/// step.
[[nodiscard]] constexpr std::int64_t sparse_coding_training_recosted(std::int64_t dim,
                                                                     std::int64_t num_atoms,
                                                                     const Training& training) {
  const std::int64_t weights = dim * num_atoms;
  const std::int64_t learned = training.learn_dictionary ? weights : 0;
  const std::int64_t passes = 3 * (num_atoms + 2 * weights);
  const std::int64_t a_sample = passes + (2 * dim + num_atoms) + num_atoms;
  const std::int64_t a_step = detail::flops_product(a_sample, training.samples) + 10 * learned;
  return detail::flops_product(a_step, training.steps);
}

/// One sample through a linear-ReLU encoder alone, as counted where codes are known: 2MN + N.
[[nodiscard]] constexpr std::int64_t known_codes_sae_inference(std::int64_t dim,
                                                               std::int64_t num_atoms) {
  return 2 * dim * num_atoms + num_atoms;
}

/// Training a linear-ReLU encoder on known codes, without a decoder. `learn_dictionary` does not
/// matter.
[[nodiscard]] constexpr std::int64_t known_codes_sae_training(std::int64_t dim,
                                                              std::int64_t num_atoms,
                                                              const Training& training) {
  const std::int64_t weights = dim * num_atoms;
  const std::int64_t forward = known_codes_sae_inference(dim, num_atoms);
  const std::int64_t backward = num_atoms + (2 * weights + num_atoms);
  const std::int64_t update = 2 * (weights + num_atoms);
  return detail::flops_over_training(forward + backward + update, training.samples, training.steps);
}

/// One sample through an encoder with one hidden layer alone: 2MH + H + 2HN + N.
[[nodiscard]] constexpr std::int64_t known_codes_mlp_inference(std::int64_t dim,
                                                               std::int64_t num_atoms,
                                                               std::int64_t hidden) {
  return 2 * dim * hidden + hidden + 2 * hidden * num_atoms + num_atoms;
}

/// Training an encoder with one hidden layer on known codes. The published curves add one pass over
/// the test set, `known_codes_mlp_inference` a sample, to this at every point, but not to the
/// SAE's.
[[nodiscard]] constexpr std::int64_t known_codes_mlp_training(std::int64_t dim,
                                                              std::int64_t num_atoms,
                                                              std::int64_t hidden,
                                                              const Training& training) {
  const std::int64_t first = dim * hidden;
  const std::int64_t second = hidden * num_atoms;
  const std::int64_t forward = known_codes_mlp_inference(dim, num_atoms, hidden);
  const std::int64_t backward =
      num_atoms + (2 * second + num_atoms) + hidden + (2 * first + hidden);
  const std::int64_t update = 2 * (first + hidden + second + num_atoms);
  return detail::flops_over_training(forward + backward + update, training.samples, training.steps);
}

}  // namespace lacuna::published_flops

#endif  // LACUNA_METRIC_PUBLISHED_FLOPS_HPP
