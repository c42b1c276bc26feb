// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_CORRECTED_HPP
#define LACUNA_EXAMPLES_REPRODUCE_CORRECTED_HPP

#include <string>
#include <vector>

#include "reproduce/lab.hpp"

namespace lacuna::examples {

/// The encoders without weights that the paper's settings are run with beside its own, by name.
[[nodiscard]] const std::vector<std::string>& solvers();

/// Rows of encoders trained on a fixed dictionary, with more signals than the paper has and a rate
/// that falls: linear-ReLU, TopK, an MLP, unrolled ISTA, and the linear-ReLU codes refined by FISTA.
/// Taught by the codes where they are given, and by the objective otherwise.
[[nodiscard]] std::vector<Row> amortised_rows(const Setting& setting, const Row& keys,
                                              const Problem& problem,
                                              const UnitNormDictionary<float>& dictionary,
                                              const LabelledSignals<float>& signals, bool codes_known,
                                              Index k, const Scoring& scoring, Index run);

/// Rows of `solvers()`.
[[nodiscard]] std::vector<Row> solver_rows(const Row& keys, const Problem& problem,
                                           const UnitNormDictionary<float>& dictionary, Index k,
                                           const Scoring& scoring, Index run);

/// A dictionary learned by `DictionaryLearning`, the best of eight starts where it is small, and what
/// it took.
struct Learned {
  UnitNormDictionary<float> dictionary;
  std::int64_t flops;
  double seconds;
};
[[nodiscard]] Learned learn_dictionary(const Setting& setting, const Matrix<float>& signals,
                                       Index num_atoms, std::uint64_t seed, Index threads = 1);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_CORRECTED_HPP
