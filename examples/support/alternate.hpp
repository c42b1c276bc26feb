// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ALTERNATE_HPP
#define LACUNA_EXAMPLES_SUPPORT_ALTERNATE_HPP

#include <algorithm>
#include <cmath>

#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/operator/initial_atoms.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/replace_atoms.hpp>
#include <lacuna/transform/identity.hpp>

#include "support/dictionary_methods.hpp"

namespace lacuna::examples {

/// A plain alternation from random signals. Revival is the same for all: every fifth pass over the
/// signals, until 70 % of the rounds, atoms of less than a tenth of the mean use and those nearer
/// than .6 to a more used one.
template <class E, class U>
[[nodiscard]] LearnedDictionary alternate(const E& encoder, const U& update,
                                          const Matrix<float>& signals, const DictionaryTask& task,
                                          Index batch, const AtomsWatch& watch) {
  const Index n = signals.cols();
  batch = std::min(batch, n);
  const double rounds_a_pass = static_cast<double>(n) / static_cast<double>(batch);
  const auto rounds = [&](double passes) {
    return std::max<Index>(1, std::lround(passes * rounds_a_pass));
  };
  Model model{
      Identity{},
      UnitNormDictionary<float>(signal_atoms<float>(signals, task.num_atoms, {.seed = task.seed})),
      encoder};
  const AlternatingTrainer trainer({.rounds = rounds(task.passes)}, update,
                                   ReplaceAtoms({.every = rounds(5),
                                                 .until = task.revival ? 0.7 : 0.0,
                                                 .min_use = 0.1,
                                                 .max_cosine = 0.6,
                                                 .signed_codes = task.signed_codes,
                                                 .window = n}));
  const Outcome outcome =
      trainer.fit(model, InMemorySource<float>(signals, {.batch_size = batch, .seed = task.seed}),
                  [&](const Progress& p) { return watch(model.dictionary.atoms(), p); });
  return {model.dictionary.atoms(), outcome};
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ALTERNATE_HPP
