// SPDX-License-Identifier: MIT
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>

#include "support/training.hpp"

namespace lacuna::examples {

std::unique_ptr<AnyTraining> make_deep_training(const TrainingSettings& s,
                                                const Matrix<float>& first_batch) {
  if (s.encoder == "mlp") {
    require(!s.tied, "--tied", "the first layer of an mlp has other widths than D^T");
    return make_training_of(s, first_batch, [&](const UnitNorm&, const RandomWeights& init) {
      return MlpEncoder<float>(init, {.hidden = s.hidden, .threads = s.threads});
    });
  }
  // It begins at the dictionary, and at the lambda of the loss in the solvers' form.
  const double lambda = s.first_lambda * static_cast<double>(first_batch.rows()) /
                        (2 * static_cast<double>(s.num_atoms));
  return make_training_of(s, first_batch, [&](const UnitNorm& d, const RandomWeights&) {
    return ListaEncoder<float>(d, {.layers = s.layers, .lambda = lambda, .threads = s.threads});
  });
}

}  // namespace lacuna::examples
