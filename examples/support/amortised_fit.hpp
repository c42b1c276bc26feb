// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_AMORTISED_FIT_HPP
#define LACUNA_EXAMPLES_SUPPORT_AMORTISED_FIT_HPP

#include <cstdint>
#include <vector>

#include <lacuna/dictionary/unit_norm.hpp>

namespace lacuna::examples {

/// What an amortised encoder learns from.
enum class Teacher {
  cosine,         ///< given codes, by the seed paper's loss
  squared,        ///< given codes, by squared error: distillation where a solver gave them
  reconstruction  ///< none: 1/2 ||x - D s||^2 + lambda ||s||_1, the objective of the solvers
};

/// One training of an encoder on a fixed dictionary.
struct Lesson {
  Teacher teacher;
  Index steps;
  Index batch_size = 0;                ///< 0: all signals
  double lambda = 0;                   ///< of the objective, for `reconstruction`
  std::vector<double> rates = {1e-3};  ///< of Adam; of several one is chosen, see `fit`
  bool anneal = false;  ///< the rate falls to a hundredth along a cosine; false: it is constant
};

/// What a training ended with, and what it took, the choice of the rate included.
struct Fitted {
  double rate = 0;
  std::int64_t flops = 0;
  double seconds = 0;
};

/// Trains an encoder in place.
///
/// Of several rates that one is taken which, in a tenth of the steps without the last eighth of the
/// signals, gets the lowest loss on that eighth (4,096 signals at most): the loss that is trained,
/// never a score against the truth. The training that counts has all signals, all steps, and the
/// encoder as it was.
///
/// Instantiated for `LinearReluEncoder`, `TopKEncoder`, `MlpEncoder` and `ListaEncoder` in float.
///
/// @param codes  num_atoms x n, not looked at without a teacher.
template <class Encoder>
[[nodiscard]] Fitted fit(Encoder& encoder, const UnitNormDictionary<float>& dictionary,
                         const Matrix<float>& signals, const SparseCodes<float>& codes,
                         const Lesson& lesson);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_AMORTISED_FIT_HPP
