// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_PAPER_DATA_HPP
#define LACUNA_EXAMPLES_REPRODUCE_PAPER_DATA_HPP

#include <cstdint>

#include <lacuna/synthetic/synthetic_model.hpp>

#include "reproduce/fit.hpp"

namespace lacuna::examples {

/// Signals, and the atoms that made them.
struct PaperData {
  Matrix<float> atoms;  ///< dim x num_atoms, of unit norm
  LabelledSignals<float> signals;
};

/// The data set of a seed of the paper's scripts, as its `generate_data` draws it: codes from NumPy's
/// numbers, in double, atoms from PyTorch's, both seeded with `seed`. More signals of a seed begin
/// with fewer.
/// @throws std::invalid_argument if the options have signed codes or noise, which the paper's have
///         not.
[[nodiscard]] PaperData paper_data(const SyntheticOptions& options, std::uint32_t seed, Index n);

/// Where the paper's autoencoder of a seed begins: encoder, decoder and dictionary drawn in the order
/// of its constructors, and the decoder's weight then given up for the dictionary.
[[nodiscard]] Start paper_start(const Architecture& architecture, Index dim, Index num_atoms,
                                std::uint32_t seed);
/// Of its sparse coding, which draws the dictionary alone.
[[nodiscard]] UnitNormDictionary<float> paper_start(Index dim, Index num_atoms, std::uint32_t seed);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_PAPER_DATA_HPP
