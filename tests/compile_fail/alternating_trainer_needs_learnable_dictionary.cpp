// expect: CanUpdateAtoms
// SPDX-License-Identifier: MIT
#include <lacuna/trainer/alternating.hpp>

#include "support/archetypes.hpp"

using namespace lacuna;

#ifdef CONTROL
using Atoms = test::MinimalLearnableDictionary<double>;
#else
using Atoms = test::MinimalExplicitDictionary<double>;
#endif

int main() {
  Model model{test::MinimalTransform<double>{}, Atoms(Matrix<double>::Ones(2, 3)),
              test::MinimalSolver{}};
  const AlternatingTrainer trainer({.rounds = 0}, test::MinimalUpdate{});
  return static_cast<int>(
      trainer.fit(model, test::MinimalSource<double>(Matrix<double>::Ones(2, 1))).steps);
}
