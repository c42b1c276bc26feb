// SPDX-License-Identifier: MIT
#ifndef LACUNA_SYNTHETIC_GAUSSIAN_DICTIONARY_HPP
#define LACUNA_SYNTHETIC_GAUSSIAN_DICTIONARY_HPP

#include <cstdint>
#include <string>

#include <lacuna/core/random.hpp>

namespace lacuna {

/// Atoms dim x num_atoms with independent normal entries, scaled to unit norm: directions uniform
/// on the sphere. Drawn and scaled in double, so float atoms are the double ones rounded; atom j is
/// a function of (seed, j) alone.
/// @throws std::invalid_argument if dim < 1 or num_atoms < 1.
template <Real S>
[[nodiscard]] Matrix<S> gaussian_dictionary(Index dim, Index num_atoms, std::uint64_t seed) {
  require(dim >= 1 && num_atoms >= 1, "gaussian_dictionary",
          "expected dim >= 1 and num_atoms >= 1, got " + shape_of(dim, num_atoms));
  // A seed of its own: with the streams (seed, j) themselves, atom j and the signal j of a model
  // that was given the same seed would be made of the same random words.
  constexpr std::uint64_t purpose = 0xD1C7;
  Matrix<double> atoms = random_normal<double>(dim, num_atoms, derive_seed(seed, purpose));
  atoms.colwise().normalize();
  return atoms.cast<S>();
}

}  // namespace lacuna

#endif  // LACUNA_SYNTHETIC_GAUSSIAN_DICTIONARY_HPP
