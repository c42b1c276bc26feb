// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_DICTIONARY_RECOVERY_HPP
#define LACUNA_METRIC_DICTIONARY_RECOVERY_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/metric/any_codes.hpp>
#include <lacuna/metric/assignment.hpp>

namespace lacuna {

/// How well learned atoms stand for true ones. Signs, lengths and the order of atoms do not matter.
struct DictionaryRecovery {
  /// The seed paper's dictionary MCC: mean |Pearson| across the dim coordinates of an atom over the
  /// pairs of its own best assignment. It has a high chance level: see dictionary_mcc_floor.
  double mcc = 0;
  double cosine = 0;         ///< mean |cosine| over the pairs of its own best assignment
  double share_above = 0;    ///< share of the true atoms whose |cosine| is above the threshold
  std::vector<Index> match;  ///< from the cosines: the partner of each true atom, -1 if none
  std::vector<double> atom_cosines;  ///< |cosine| of each true atom and its partner, 0 if none
};

/// How well some of the true atoms were found: see `recovery_of_atoms`.
struct AtomRecovery {
  double cosine = 0;       ///< mean |cosine|; an atom without a partner counts as 0
  double share_above = 0;  ///< share whose |cosine| is above the threshold
};

namespace detail {

/// Columns of length 1, less their mean if asked; those that then have next to nothing left become
/// 0 (variance below 1e-12, as for codes).
template <Real S>
[[nodiscard]] Matrix<S> directions_of(Matrix<S> atoms, bool centred) {
  for (Index j = 0; j < atoms.cols(); ++j) {
    auto atom = atoms.col(j);
    const double energy = atom.squaredNorm();
    if (centred) atom.array() -= atom.mean();
    const double squared = atom.squaredNorm();
    // A constant atom has no Pearson correlation; its length does not matter.
    if (squared <= 1e-12 * energy) {
      atom.setZero();
    } else {
      atom /= std::sqrt(squared);
    }
  }
  return atoms;
}

template <Real S>
[[nodiscard]] Matrix<S> strengths_of(const Matrix<S>& true_atoms, const Matrix<S>& atoms,
                                     bool centred) {
  if (true_atoms.rows() == 0) return Matrix<S>::Zero(true_atoms.cols(), atoms.cols());
  return (directions_of(true_atoms, centred).transpose() * directions_of(atoms, centred))
      .cwiseAbs()
      .cwiseMin(1.0);
}

template <Real S>
[[nodiscard]] double mean_of_pairs(const Assignment& assignment, const Matrix<S>& weights) {
  const Index pairs = std::min(weights.rows(), weights.cols());
  return pairs == 0 ? 0.0 : assignment.total / static_cast<double>(pairs);
}

template <Real S>
[[nodiscard]] double dictionary_mcc(const Matrix<S>& true_atoms, const Matrix<S>& atoms) {
  const Matrix<S> pearson = strengths_of(true_atoms, atoms, true);
  return mean_of_pairs(maximum_assignment(pearson), pearson);
}

}  // namespace detail

/// The recovery of the true atoms begin, ..., begin + count - 1 alone, by the matching of all: a
/// pool of rare atoms apart from the common ones, say. 0 where count is 0.
/// @throws std::invalid_argument if the range is not within the true atoms.
[[nodiscard]] inline AtomRecovery recovery_of_atoms(const DictionaryRecovery& recovery, Index begin,
                                                    Index count, double threshold = 0.9) {
  const auto atoms = static_cast<Index>(recovery.atom_cosines.size());
  require(begin >= 0 && count >= 0 && begin <= atoms - count, "recovery_of_atoms",
          "atoms from " + std::to_string(begin) + " on, " + std::to_string(count) +
              " of them, are not within the " + std::to_string(atoms) + " true atoms");
  AtomRecovery result;
  if (count == 0) return result;
  for (Index i = begin; i < begin + count; ++i) {
    const double cosine = recovery.atom_cosines[static_cast<std::size_t>(i)];
    result.cosine += cosine / static_cast<double>(count);
    if (cosine > threshold) result.share_above += 1;
  }
  result.share_above /= static_cast<double>(count);
  return result;
}

/// Compares learned atoms, dim x num_atoms, with true ones, dim x num_true: any dense matrices.
/// Means are over the min(num_true, num_atoms) matched pairs, the share is over all true atoms; 0
/// where there are none. An atom of zeros (for `mcc` also a constant one) resembles no other. Cost:
/// two products of num_true x dim x num_atoms, in double, and two assignments.
/// @throws std::invalid_argument with both shapes if the dimensions differ, or naming the column
///         that holds a NaN or an infinity.
template <detail::DenseExpression T, detail::DenseExpression A>
[[nodiscard]] DictionaryRecovery dictionary_recovery(const T& true_atoms, const A& atoms,
                                                     double threshold = 0.9) {
  const std::string_view where = "dictionary_recovery";
  check_rows(where, "atoms", atoms.rows(), atoms.cols(), true_atoms.rows(), "true dictionary",
             true_atoms.rows(), true_atoms.cols());
  check_finite<typename T::Scalar>(where, "true atoms", true_atoms);
  check_finite<typename A::Scalar>(where, "atoms", atoms);
  const Matrix<double> truth = true_atoms.template cast<double>();
  const Matrix<double> learned = atoms.template cast<double>();

  DictionaryRecovery result;
  result.mcc = detail::dictionary_mcc(truth, learned);
  const Matrix<double> cosines = detail::strengths_of(truth, learned, false);
  Assignment best = maximum_assignment(cosines);
  result.cosine = detail::mean_of_pairs(best, cosines);
  result.match = std::move(best.column_of_row);
  result.atom_cosines.resize(result.match.size(), 0.0);
  for (Index i = 0; i < cosines.rows(); ++i) {
    const Index partner = result.match[static_cast<std::size_t>(i)];
    if (partner >= 0) result.atom_cosines[static_cast<std::size_t>(i)] = cosines(i, partner);
  }
  if (cosines.rows() > 0)
    result.share_above = recovery_of_atoms(result, 0, cosines.rows(), threshold).share_above;
  return result;
}

/// The dictionary MCC of chance: the mean over `draws` random dictionaries of num_atoms Gaussian
/// atoms. With few coordinates it is high (0.67 for 16 atoms in 8 dimensions), so judge gains
/// against it. Draw d is a function of (seed, d) alone. Cost: `draws` times dictionary_recovery,
/// about.
/// @throws std::invalid_argument if draws < 1 or num_atoms < 0, or naming the column that holds a
///         NaN or an infinity.
template <detail::DenseExpression T>
[[nodiscard]] double dictionary_mcc_floor(const T& true_atoms, Index num_atoms, Index draws = 20,
                                          std::uint64_t seed = 0) {
  const std::string_view where = "dictionary_mcc_floor";
  require(draws >= 1, where, "draws must be at least 1, got " + std::to_string(draws));
  require(num_atoms >= 0, where, "num_atoms must be at least 0, got " + std::to_string(num_atoms));
  check_finite<typename T::Scalar>(where, "true atoms", true_atoms);
  const Matrix<double> truth = true_atoms.template cast<double>();
  double sum = 0;
  for (Index draw = 0; draw < draws; ++draw) {
    // Not scaled to unit norm: Pearson's correlation does not see lengths.
    const Matrix<double> chance = random_normal<double>(
        truth.rows(), num_atoms, derive_seed(seed, static_cast<std::uint64_t>(draw)));
    sum += detail::dictionary_mcc(truth, chance);
  }
  return sum / static_cast<double>(draws);
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_DICTIONARY_RECOVERY_HPP
