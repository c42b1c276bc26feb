// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_CODE_MCC_FLOOR_HPP
#define LACUNA_METRIC_CODE_MCC_FLOOR_HPP

#include <cstdint>
#include <string>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/metric/code_mcc.hpp>

namespace lacuna {

struct CodeMccFloorOptions {
  MccKind kind = MccKind::assigned;
  Index draws = 1;         ///< random dictionaries to take the mean over
  std::uint64_t seed = 0;  ///< draw t is a function of (seed, t) alone
};

/// The code MCC of chance: that of the same signals encoded by the same encoder with a dictionary
/// of Gaussian atoms, which knows nothing. With few signals and many latents the assignment finds
/// pairs that correlate by accident (0.3 for 5000 latents and 2500 signals), so judge gains against
/// it.
///
/// For encoders that infer from the dictionary they are given; an amortised encoder's weights are
/// not the dictionary's.
///
/// Cost: `draws` encodings and code_mcc.
/// @param d           whose type and shape the random dictionaries have.
/// @param signals     dim x n; @param true_codes  num_true x n.
/// @throws std::invalid_argument if draws < 1, or as the encoder and code_mcc.
template <class E, LearnableDictionary D, AnyCodes T>
requires EncoderFor<E, D>
[[nodiscard]] double code_mcc_floor(const E& encoder, const D& d,
                                    const MatrixArg<ScalarOf<D>>& signals, const T& true_codes,
                                    const CodeMccFloorOptions& options = {}) {
  require(options.draws >= 1, "code_mcc_floor",
          "draws must be at least 1, got " + std::to_string(options.draws));
  D chance = d;
  double sum = 0;
  for (Index draw = 0; draw < options.draws; ++draw) {
    chance.update_atoms([&](Matrix<ScalarOf<D>>& atoms) {
      Matrix<double> random = random_normal<double>(
          atoms.rows(), atoms.cols(), derive_seed(options.seed, static_cast<std::uint64_t>(draw)));
      random.colwise().normalize();
      atoms = random.template cast<ScalarOf<D>>();
    });
    sum += code_mcc(true_codes, encoder.encode(chance, signals), options.kind).value;
  }
  return sum / static_cast<double>(options.draws);
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_CODE_MCC_FLOOR_HPP
