// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ANY_TRAINING_HPP
#define LACUNA_EXAMPLES_SUPPORT_ANY_TRAINING_HPP

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <lacuna/core/outcome.hpp>
#include <lacuna/core/schedule.hpp>
#include <lacuna/trainer/reconstruction_gradient.hpp>

#include "support/any_source.hpp"

namespace lacuna::examples {

/// What a sparse autoencoder that is chosen at run time is made from, and how it is trained.
struct TrainingSettings {
  std::string encoder = "linear_relu";  ///< a name of `encoder_kinds()`
  Index num_atoms = 16;
  Index k = 3;                        ///< of top_k, batch_top_k
  std::vector<Index> hidden = {256};  ///< of mlp
  Index layers = 8;                   ///< of lista
  std::string pre_bias = "none";      ///< mean, median: of the first batch, then learned
  bool tied = false;                  ///< the weights begin at D^T
  double silence = 0;                 ///< share of the latents that begin dead
  ReconstructionLoss loss;
  Schedule lambda = 0.01;
  double first_lambda = 0.01;  ///< where lista begins, in the loss's form
  Index steps = 20000;
  std::string optimizer = "adam";  ///< adam_w, sgd
  double learning_rate = 1e-3;
  Schedule rate_factor = 1.0;
  double clip = 0;               ///< longest gradient; 0: any
  std::string revival = "none";  ///< resample, auxiliary_k
  Index window = 500;            ///< steps after which a latent is dead
  std::uint64_t seed = 1;
  Index threads = 1;
};

using EitherCodes = std::variant<Matrix<float>, SparseCodes<float>>;

/// A sparse autoencoder and its training, whose types are forgotten.
class AnyTraining {
 public:
  using Metadata = std::map<std::string, std::string>;

  AnyTraining() = default;
  AnyTraining(const AnyTraining&) = delete;
  AnyTraining& operator=(const AnyTraining&) = delete;
  virtual ~AnyTraining() = default;

  [[nodiscard]] virtual Index steps_done() const = 0;
  /// Loss of the last step.
  [[nodiscard]] virtual double loss() const = 0;
  /// Goes on to the last step, or until the observer says no.
  virtual Outcome train(AnySource& source,
                        const std::function<bool(const Progress&)>& observer) = 0;
  virtual void save_checkpoint(const std::filesystem::path& path,
                               const Metadata& metadata) const = 0;
  virtual void load_checkpoint(const std::filesystem::path& path) = 0;
  virtual void save_model(const std::filesystem::path& path, const Metadata& metadata) const = 0;

  [[nodiscard]] virtual EitherCodes encode(const Matrix<float>& signals) const = 0;
  /// By the model in a file, of the same kind.
  [[nodiscard]] virtual EitherCodes encode_by_file(const std::filesystem::path& path,
                                                   const Matrix<float>& signals) const = 0;
  [[nodiscard]] virtual Matrix<float> decode(const EitherCodes& codes) const = 0;
  [[nodiscard]] virtual const Matrix<float>& atoms() const = 0;
};

/// linear_relu, top_k, batch_top_k, jump_relu, gated, mlp, lista.
[[nodiscard]] const std::vector<std::string>& encoder_kinds();

/// @param first_batch  dim x n: where a pre-bias begins.
/// @throws std::invalid_argument naming the option that the encoder cannot have.
[[nodiscard]] std::unique_ptr<AnyTraining> make_training(const TrainingSettings& settings,
                                                         const Matrix<float>& first_batch);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ANY_TRAINING_HPP
