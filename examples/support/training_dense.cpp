// SPDX-License-Identifier: MIT
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/linear_relu.hpp>

#include "support/training.hpp"

namespace lacuna::examples {

const std::vector<std::string>& encoder_kinds() {
  static const std::vector<std::string> kinds = {"linear_relu", "top_k", "batch_top_k", "jump_relu",
                                                 "gated",       "mlp",   "lista"};
  return kinds;
}

std::unique_ptr<AnyTraining> make_training(const TrainingSettings& s,
                                           const Matrix<float>& first_batch) {
  if (s.encoder == "mlp" || s.encoder == "lista") return make_deep_training(s, first_batch);
  if (s.encoder == "linear_relu" || s.encoder == "gated")
    return make_dense_training(s, first_batch);
  return make_sparse_training(s, first_batch);
}

std::unique_ptr<AnyTraining> make_dense_training(const TrainingSettings& s,
                                                 const Matrix<float>& first_batch) {
  if (s.encoder == "gated")
    return make_training_of(s, first_batch, [&](const UnitNorm& d, const RandomWeights& init) {
      return affine_encoder<GatedEncoder<float>>(s, d, init);
    });
  return make_training_of(s, first_batch, [&](const UnitNorm& d, const RandomWeights& init) {
    return affine_encoder<LinearReluEncoder<float>>(s, d, init);
  });
}

}  // namespace lacuna::examples
