// SPDX-License-Identifier: MIT
#include <iomanip>
#include <iostream>

#include <lacuna/lacuna.hpp>
using namespace lacuna;

int main() {
  const SyntheticModel<float> truth({.dim = 8, .num_atoms = 16, .num_active = 3}, 1);
  const auto train = truth.sample(1024, 2), test = truth.sample(1024, 3);
  Model sae{Identity{}, UnitNormDictionary(truth.atoms()),
            LinearReluEncoder<float>(RandomWeights{.dim = 8, .num_atoms = 16})};
  JointTrainer({.steps = 20000, .learn_dictionary = false})
      .fit(sae, InMemorySource(train.signals));
  const auto guessed = sae.encode(test.signals);
  const auto inferred = Fista(NonnegativeL1(0.0025)).encode(sae.dictionary, test.signals);
  const double sae_mcc = code_mcc(test.codes, guessed).value;
  const double fista_mcc = code_mcc(test.codes, inferred).value;
  std::cout << std::setprecision(2) << "one pass of the SAE " << sae_mcc << ", inference "
            << fista_mcc << '\n';
  return fista_mcc > 0.95 && fista_mcc > sae_mcc ? 0 : 1;
}
