// expect: HasTape
// SPDX-License-Identifier: MIT
#include <lacuna/trainer/joint.hpp>

#include "support/archetypes.hpp"

using namespace lacuna;

#ifdef CONTROL
using Encoder = test::MinimalDifferentiableEncoder<double>;
const Encoder encoder(Vector<double>::Ones(3));
#else
// A solver has no gradient to be trained by.
using Encoder = test::MinimalSolver;
const Encoder encoder;
#endif

int main() {
  Model model{test::MinimalTransform<double>{},
              test::MinimalDictionary<double>(Matrix<double>::Ones(2, 3)), encoder};
  const JointTrainer trainer({.steps = 0, .learn_dictionary = false}, test::MinimalOptimizer{});
  return static_cast<int>(
      trainer.fit(model, test::MinimalSource<double>(Matrix<double>::Ones(2, 1))).steps);
}
