// SPDX-License-Identifier: MIT
#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/top_k.hpp>

#include "support/training.hpp"

namespace lacuna::examples {

std::unique_ptr<AnyTraining> make_sparse_training(const TrainingSettings& s,
                                                  const Matrix<float>& first_batch) {
  if (s.encoder == "top_k")
    return make_training_of(s, first_batch, [&](const UnitNorm& d, const RandomWeights& init) {
      return affine_encoder<TopKEncoder<float>>(s, d, init);
    });
  if (s.encoder == "batch_top_k")
    return make_training_of(s, first_batch, [&](const UnitNorm& d, const RandomWeights& init) {
      return affine_encoder<BatchTopKEncoder<float>>(s, d, init);
    });
  // The paper's, of 1e-3, are for many more steps than a synthetic problem takes.
  return make_training_of(s, first_batch, [&](const UnitNorm& d, const RandomWeights& init) {
    return affine_encoder<JumpReluEncoder<float>>(s, d, init, {.threshold = 0.1, .bandwidth = 0.1});
  });
}

}  // namespace lacuna::examples
