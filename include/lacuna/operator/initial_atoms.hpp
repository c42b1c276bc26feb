// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_INITIAL_ATOMS_HPP
#define LACUNA_OPERATOR_INITIAL_ATOMS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <lacuna/core/random.hpp>

namespace lacuna {

/// Options of `signal_atoms` and `spread_atoms`.
struct InitialAtomsOptions {
  /// Length of the random vector that is added to each direction. Where there are fewer signals
  /// than atoms it has to tell apart the atoms that begin as one signal.
  double noise = 0.1;
  std::uint64_t seed = 0;
};

namespace detail {

/// The columns that are not 0; an atom needs a direction.
template <Real S>
[[nodiscard]] std::vector<Index> directions_of(const char* where, const MatrixArg<S>& signals,
                                               Index num_atoms,
                                               const InitialAtomsOptions& options) {
  require(num_atoms >= 1, where, "num_atoms must be at least 1, is " + std::to_string(num_atoms));
  require(options.noise >= 0 && std::isfinite(options.noise), where,
          "noise must be finite and at least 0, is " + text_of(options.noise));
  check_finite<S>(where, "signals", signals);
  std::vector<Index> columns;
  for (Index j = 0; j < signals.cols(); ++j)
    if ((signals.col(j).array() != S(0)).any()) columns.push_back(j);
  require(!columns.empty(), where, "every signal is 0");
  const auto there = static_cast<Index>(columns.size());
  require(there >= num_atoms || options.noise > 0, where,
          "without noise " + std::to_string(num_atoms) +
              " atoms need as many signals that are not " + "0, there are " +
              std::to_string(there));
  return columns;
}

/// The direction of a signal, and noise of this length; of length 1.
template <Real S>
[[nodiscard]] Vector<S> noisy_direction(const MatrixArg<S>& signals, Index column, Index atom,
                                        const InitialAtomsOptions& options) {
  Vector<S> direction = signals.col(column) / signals.col(column).stableNorm();
  RandomStream random(options.seed, static_cast<std::uint64_t>(atom) + 1);
  const double scale = options.noise / std::sqrt(static_cast<double>(direction.size()));
  for (Index i = 0; i < direction.size(); ++i)
    direction[i] += static_cast<S>(scale * random.normal<double>());
  return direction / direction.stableNorm();
}

}  // namespace detail

/// Initial atoms at random signals: distinct ones as far as there are, normalised, with a little
/// noise. @param signals  dim x n. @returns dim x num_atoms, columns of length 1.
/// @throws std::invalid_argument: no signal that is not 0, NaN, fewer signals than atoms and no
///         noise, an option out of range.
///
/// @code
/// const UnitNormDictionary<float> start(signal_atoms<float>(signals, 1000, {.seed = 1}));
/// @endcode
template <Real S>
[[nodiscard]] Matrix<S> signal_atoms(const MatrixArg<S>& signals, Index num_atoms,
                                     const InitialAtomsOptions& options = {}) {
  const auto columns = detail::directions_of<S>("signal_atoms", signals, num_atoms, options);
  const auto there = static_cast<Index>(columns.size());
  const std::vector<Index> order = RandomStream(options.seed).choose(there, there);
  Matrix<S> atoms(signals.rows(), num_atoms);
  for (Index i = 0; i < num_atoms; ++i) {
    const Index column =
        columns[static_cast<std::size_t>(order[static_cast<std::size_t>(i % there)])];
    atoms.col(i) = detail::noisy_direction<S>(signals, column, i, options);
  }
  return atoms;
}

/// Initial atoms that are spread over the signals: each is a signal drawn with probability in
/// proportion to the energy that the atom so far nearest to it leaves of it, ||x||^2 - max_j
/// <d_j, x>^2. Where nothing is left, a signal at random. Cost: 2 dim n flops an atom.
/// @throws as `signal_atoms`.
///
/// Source: Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", 2007, with the
/// residual of one atom in place of the distance.
template <Real S>
[[nodiscard]] Matrix<S> spread_atoms(const MatrixArg<S>& signals, Index num_atoms,
                                     const InitialAtomsOptions& options = {}) {
  const auto columns = detail::directions_of<S>("spread_atoms", signals, num_atoms, options);
  RandomStream random(options.seed);
  const Vector<double> energy = signals.template cast<double>().colwise().squaredNorm().transpose();
  Vector<double> left = energy;
  Matrix<S> atoms(signals.rows(), num_atoms);
  for (Index i = 0; i < num_atoms; ++i) {
    const double total = left.sum();
    Index chosen = columns[static_cast<std::size_t>(random.uniform<double>() *
                                                    static_cast<double>(columns.size()))];
    // Below the rounding of the products nothing is left.
    if (total > 1e-6 * energy.sum()) {
      double until = random.uniform<double>() * total;
      for (Index j = 0; j < left.size(); ++j) {
        if (left[j] > 0) chosen = j;
        until -= left[j];
        if (until < 0 && left[j] > 0) break;
      }
    }
    atoms.col(i) = detail::noisy_direction<S>(signals, chosen, i, options);
    const Vector<S> inner = signals.transpose() * atoms.col(i);
    left = left.cwiseMin(energy - inner.template cast<double>().cwiseAbs2()).cwiseMax(0.0);
  }
  return atoms;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_INITIAL_ATOMS_HPP
