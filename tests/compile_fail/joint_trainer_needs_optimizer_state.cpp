// expect: HasOptimizerState
// SPDX-License-Identifier: MIT
#include <lacuna/trainer/joint.hpp>

#include "support/archetypes.hpp"

using namespace lacuna;

#ifdef CONTROL
using Stateful = test::MinimalOptimizer;
#else
class Stateful : public test::MinimalOptimizer {
  template <Real S>
  struct State;  // private: what it remembers could not be saved
};
#endif

int main() {
  Model model{test::MinimalTransform<double>{},
              test::MinimalDictionary<double>(Matrix<double>::Ones(2, 3)),
              test::MinimalDifferentiableEncoder<double>(Vector<double>::Ones(3))};
  const JointTrainer trainer({.steps = 0, .learn_dictionary = false}, Stateful{});
  return static_cast<int>(
      trainer.fit(model, test::MinimalSource<double>(Matrix<double>::Ones(2, 1))).steps);
}
