// SPDX-License-Identifier: MIT
#include <iostream>

#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>
using namespace lacuna;

int main() {
  const SyntheticModel<float> truth({.dim = 32, .num_atoms = 100, .num_active = 4}, 1);
  const Matrix<float> signals = truth.sample(4000, 2).signals;
  const DictionaryLearning learning({.num_atoms = 100, .threads = 2});
  auto model = learning.start<float>(signals);
  learning.fit(model, signals);
  const auto found = dictionary_recovery(truth.atoms(), model.dictionary.atoms());
  std::cout << found.share_above << " of the atoms found, cosine " << found.cosine << '\n';
  return found.share_above > 0.95 ? 0 : 1;
}
