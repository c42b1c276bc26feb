// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_DICTIONARY_METHODS_HPP
#define LACUNA_EXAMPLES_SUPPORT_DICTIONARY_METHODS_HPP

#include <cstdint>
#include <functional>
#include <string>

#include <lacuna/core/outcome.hpp>

namespace lacuna::examples {

/// Told of the atoms after each round, of `exact` after each start that is the best so far: whether
/// to go on.
using AtomsWatch = std::function<bool(const Matrix<float>& atoms, const Progress&)>;

/// What the methods of dictionary_recovery are given beside the signals.
struct DictionaryTask {
  Index num_atoms;
  Index k;  // of the methods that are told
  bool signed_codes;
  bool revival;          // dead and duplicate atoms are replaced
  double passes;         // over the signals
  Index batch;           // signals a round, of the methods by minibatches
  double lambda;         // of the methods by a lasso
  double learning_rate;  // of Adam
  Index max_starts;      // of `exact`
  std::uint64_t seed;    // of the atoms to begin with and of the order of the batches
  Index threads;
};

struct LearnedDictionary {
  Matrix<float> atoms;
  Outcome outcome;  // of exact: of the best start, its flops those of all
  Index starts = 1;
};

/// Learns atoms from signals, dim x n. `block_coordinate` and `gradient` go by minibatches and
/// infer by the lasso of one lambda; `dictionary_learning` is the library's own, by its defaults,
/// and takes of the task num_atoms, seed and threads alone.
/// @throws std::invalid_argument for another name, or signed codes of dictionary_learning.
[[nodiscard]] LearnedDictionary learn_by_lasso(const std::string& method,
                                               const Matrix<float>& signals,
                                               const DictionaryTask& task, const AtomsWatch& watch);

/// The same from codes with k active entries, all signals in every round: `mod` and `ksvd` on those
/// of orthogonal matching pursuit, `itkrm` on the k atoms that correlate best. `exact` is MOD on
/// the best codes there are, all supports tried, from one start after another until the residual
/// vanishes. @throws std::invalid_argument for another name.
[[nodiscard]] LearnedDictionary learn_by_supports(const std::string& method,
                                                  const Matrix<float>& signals,
                                                  const DictionaryTask& task,
                                                  const AtomsWatch& watch);

/// Codes of signals on learned atoms: by the lasso, and by trying all supports.
[[nodiscard]] SparseCodes<float> lasso_codes(const Matrix<float>& atoms,
                                             const Matrix<float>& signals, double lambda,
                                             bool signed_codes, Index threads);
[[nodiscard]] SparseCodes<float> exact_codes(const Matrix<float>& atoms,
                                             const Matrix<float>& signals, Index k,
                                             bool signed_codes, Index threads);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_DICTIONARY_METHODS_HPP
