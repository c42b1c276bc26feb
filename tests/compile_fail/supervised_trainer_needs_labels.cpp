// expect: HasBatchCodes
// SPDX-License-Identifier: MIT
#include <lacuna/trainer/supervised.hpp>

#include "support/archetypes.hpp"

using namespace lacuna;

#ifdef CONTROL
using Source = test::MinimalLabelledSource<double>;
#else
struct Source : test::MinimalLabelledSource<double> {
  using MinimalLabelledSource::MinimalLabelledSource;
  const SparseCodes<double>& batch_codes(Index) = delete;
};
#endif

int main() {
  Model model{test::MinimalTransform<double>{},
              test::MinimalDictionary<double>(Matrix<double>::Ones(2, 3)),
              test::MinimalDifferentiableEncoder<double>(Vector<double>::Ones(3))};
  const SupervisedTrainer<CosineLoss, test::MinimalOptimizer> trainer({.steps = 0});
  return static_cast<int>(
      trainer.fit(model, Source(Matrix<double>::Ones(2, 1), SparseCodes<double>(3, 1))).steps);
}
