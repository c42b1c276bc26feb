// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_COMPOSITIONAL_METHODS_HPP
#define LACUNA_EXAMPLES_SUPPORT_COMPOSITIONAL_METHODS_HPP

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <lacuna/core/outcome.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/metric/code_mcc.hpp>

namespace lacuna::examples {

using UnitNorm = UnitNormDictionary<float>;

/// Codes of signals. All of them sparse, those of a dense encoder too, so that scores are compiled
/// once.
using EncodeFunction = std::function<SparseCodes<float>(const Matrix<float>&)>;

/// Told after each step; whether to go on.
using Watch = std::function<bool(const Progress&)>;

/// What a method has learned, and how it encodes.
struct FittedMethod {
  std::optional<UnitNorm> dictionary = {};  // none: it learns a map
  EncodeFunction encode;
  EncodeFunction refine = {};  // of an autoencoder: FISTA from its codes
  std::optional<double> lambda = {};
  Index steps = 0;  // optimiser steps, or rounds
  double seconds = 0;
};

/// FISTA on a dictionary. One number of steps, without a tolerance, is the published form.
struct FistaSettings {
  double lambda;
  double tolerance = 0;  // relative duality gap
  Index max_iterations = 100;
  Index threads = 1;
};

/// The minimiser of the same objective, exactly and sooner, by ActiveSet.
struct ExactSettings {
  double lambda;
  Index threads = 1;
};

struct SaeSettings {
  Index num_atoms, k, steps, batch;
  double learning_rate, l1, l0;
  FistaSettings refinement;
  std::uint64_t seed;
  Index threads;
};

/// A sparse autoencoder by AdamW, its encoder at random weights and its dictionary at their
/// transpose: `relu`, `topk`, `jumprelu`.
///
/// `mp`: the codes are matching pursuit's, k choices by the largest |correlation|, and AdamW's
/// steps are along the gradient of the dictionary at fixed codes, on batches of the same size. (As
/// published the gradient goes through the choices too, and no atom is chosen twice.)
/// @throws std::invalid_argument for another kind.
[[nodiscard]] FittedMethod fit_sae(const std::string& kind, const Matrix<float>& signals,
                                   const SaeSettings& settings, const Watch& watch);

/// FISTA on a dictionary that is there.
[[nodiscard]] FittedMethod infer_on(const UnitNorm& dictionary, const FistaSettings& settings);

[[nodiscard]] SparseCodes<float> infer_exactly(const UnitNorm& dictionary,
                                               const Matrix<float>& signals,
                                               const ExactSettings& settings);

/// The code MCC that a random dictionary of this shape has.
[[nodiscard]] double chance_mcc(const UnitNorm& dictionary, const Matrix<float>& signals,
                                const SparseCodes<float>& codes, MccKind kind,
                                const ExactSettings& settings, std::uint64_t seed);

/// DL-FISTA: all signals, their codes, all atoms by least squares, and again, until an update
/// moves the atoms by less than 1e-5 of their length.
///
/// Two differences, both to its advantage: codes are exact minimisers (FISTA's 100 steps from the
/// codes of the last round come near them), and an atom that no code uses stays (as published it
/// becomes 0, and stays that).
[[nodiscard]] FittedMethod fit_by_least_squares(const UnitNorm& start, const Matrix<float>& signals,
                                                Index rounds, const ExactSettings& settings,
                                                const Watch& watch);

/// The library's own, by its defaults.
[[nodiscard]] FittedMethod fit_dictionary_learning(const Matrix<float>& signals, Index num_atoms,
                                                   std::uint64_t seed, Index threads,
                                                   const Watch& watch);

/// Ridge regression onto the true codes.
[[nodiscard]] FittedMethod fit_linear_probe(const Matrix<float>& signals,
                                            const SparseCodes<float>& codes);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_COMPOSITIONAL_METHODS_HPP
