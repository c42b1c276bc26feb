// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_RECOVERABILITY_HPP
#define LACUNA_OPERATOR_RECOVERABILITY_HPP

/// @file
/// When does sparse inference find the code that a signal was made of? Guarantees, from the
/// sharpest and dearest to the bluntest: the exact recovery condition of one support, the Babel
/// function of a dictionary, its mutual coherence (operator/coherence.hpp); and the boundary that
/// random dictionaries obey on average.
///
/// @code
/// const Matrix<double> gram = atoms.transpose() * atoms;
/// exact_recovery_coefficient(atoms, {0, 4, 7}) < 1;  // OMP and BP recover all codes on these
/// three atoms babel_bound(gram);                                 // ... and all codes of so many
/// entries, wherever coherence_bound(mutual_coherence(gram));           // the same from one
/// number; never above it recovery_boundary(16, 3) <= 8;                     // 2 K ln(N/K)
/// measurements, on average
/// @endcode

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>

namespace lacuna {

namespace detail {

/// mu_1(0), ..., mu_1(num_atoms - 1).
template <Real S>
[[nodiscard]] std::vector<double> babel_values(const Matrix<S>& gram) {
  const Index n = gram.cols();
  std::vector<double> largest(static_cast<std::size_t>(std::max<Index>(1, n)), 0.0);
  std::vector<double> row;
  for (Index j = 0; j < n; ++j) {
    row.clear();
    for (Index i = 0; i < n; ++i) {
      if (i == j) continue;
      const double lengths =
          std::sqrt(static_cast<double>(gram(i, i)) * static_cast<double>(gram(j, j)));
      row.push_back(lengths > 0 ? std::abs(static_cast<double>(gram(i, j))) / lengths : 0.0);
    }
    std::sort(row.begin(), row.end(), std::greater<>());
    double sum = 0;
    for (std::size_t k = 0; k < row.size(); ++k)
      largest[k + 1] = std::max(largest[k + 1], sum += row[k]);
  }
  return largest;
}

inline void check_gram(const char* where, Index rows, Index cols) {
  require(rows == cols && rows > 0, where,
          "the Gram matrix is " + shape_of(rows, cols) + ": expected a square one, not empty");
}

}  // namespace detail

/// The Babel function mu_1(k): the most that k atoms together can correlate with one other atom,
/// the largest over atoms of the sum of the k largest |<d_i, d_j>| / (||d_i|| ||d_j||), i != j.
/// mu_1(1) is the mutual coherence, and mu_1(k) <= k mu_1(1). Atoms of length 0 count as orthogonal
/// to all; k above num_atoms - 1 is num_atoms - 1.
///
/// Source: Tropp, "Greed is good: algorithmic results for sparse approximation", 2004.
///
/// @param gram  D^T D, num_atoms x num_atoms. Cost: num_atoms^2 log(num_atoms).
/// @throws std::invalid_argument if k is negative or the matrix not square.
template <Real S>
[[nodiscard]] double babel_function(const Matrix<S>& gram, Index k) {
  detail::check_gram("babel_function", gram.rows(), gram.cols());
  require(k >= 0, "babel_function", "k must be at least 0, is " + std::to_string(k));
  return detail::babel_values(gram)[static_cast<std::size_t>(std::min(k, gram.cols() - 1))];
}

/// The largest k for which mu_1(k - 1) + mu_1(k) < 1: orthogonal matching pursuit and basis pursuit
/// recover every code of at most so many entries (Tropp 2004, theorem 3.5). At most num_atoms; 0
/// where there are duplicate atoms.
/// @throws std::invalid_argument if the matrix is not square.
template <Real S>
[[nodiscard]] Index babel_bound(const Matrix<S>& gram) {
  detail::check_gram("babel_bound", gram.rows(), gram.cols());
  const std::vector<double> babel = detail::babel_values(gram);
  const Index n = gram.cols();
  Index k = 0;
  while (k < n && babel[static_cast<std::size_t>(k)] +
                          babel[static_cast<std::size_t>(std::min(k + 1, n - 1))] <
                      1)
    ++k;
  return k;
}

/// The largest k with k < (1 + 1/coherence) / 2: orthogonal matching pursuit and basis pursuit
/// recover every code of at most so many entries, and no other code of so many gives the same
/// signal.
///
/// Source: Donoho & Elad, "Optimally sparse representation in general (nonorthogonal) dictionaries
/// via l1 minimization", 2003; Tropp 2004.
///
/// @param coherence  in [0, 1]; for 0 there is no bound, and the largest Index is returned.
/// @throws std::invalid_argument if coherence is not in [0, 1].
[[nodiscard]] inline Index coherence_bound(double coherence) {
  require(coherence >= 0 && coherence <= 1, "coherence_bound",
          "coherence must be in [0, 1], is " + std::to_string(coherence));
  const double limit = 0.5 * (1 + 1 / coherence);
  if (!(limit < 0x1p62)) return std::numeric_limits<Index>::max();
  return static_cast<Index>(std::ceil(limit)) - 1;
}

/// max over the atoms d outside the support of ||D_S^+ d||_1, atoms taken at unit length: below 1,
/// the exact recovery condition holds, and orthogonal matching pursuit and basis pursuit recover
/// every code on this support from D s. Where it is above 1, some code on the support makes the
/// pursuit choose wrongly. 0 where no atom is outside or the support is empty; infinite where the
/// atoms of the support are dependent (then a code on it is not unique).
///
/// Source: Tropp, "Greed is good: algorithmic results for sparse approximation", 2004, theorem 3.1.
///
/// @param atoms  dim x num_atoms; @param support  atoms of it, none twice.
/// Cost: for k atoms 2 dim k num_atoms + 2 k^2 num_atoms flops, in double.
/// @throws std::invalid_argument for a member that is no atom, or twice there.
template <Real S>
[[nodiscard]] double exact_recovery_coefficient(const Matrix<S>& atoms,
                                                const std::vector<Index>& support) {
  const Index n = atoms.cols(), k = static_cast<Index>(support.size());
  std::vector<bool> inside(static_cast<std::size_t>(n), false);
  for (const Index i : support) {
    require(i >= 0 && i < n, "exact_recovery_coefficient",
            "atom " + std::to_string(i) + " of the support is not one of " + std::to_string(n));
    require(!inside[static_cast<std::size_t>(i)], "exact_recovery_coefficient",
            "atom " + std::to_string(i) + " is twice in the support");
    inside[static_cast<std::size_t>(i)] = true;
  }
  if (k == 0) return 0;
  Matrix<double> unit = atoms.template cast<double>();
  for (Index j = 0; j < n; ++j) {
    const double length = unit.col(j).stableNorm();
    if (length > 0) unit.col(j) /= length;
  }
  // D_S = Q R by Gram-Schmidt, twice for orthogonality; D_S^+ d = R^-1 Q^T d.
  Matrix<double> q(atoms.rows(), k), r = Matrix<double>::Zero(k, k);
  constexpr double dependent = 64 * static_cast<double>(std::numeric_limits<S>::epsilon());
  for (Index t = 0; t < k; ++t) {
    Vector<double> left = unit.col(support[static_cast<std::size_t>(t)]);
    for (int pass = 0; pass < 2; ++pass) {
      const Vector<double> along = q.leftCols(t).transpose() * left;
      left -= q.leftCols(t) * along;
      r.col(t).head(t) += along;
    }
    r(t, t) = left.norm();
    if (!(r(t, t) * r(t, t) > dependent)) return std::numeric_limits<double>::infinity();
    q.col(t) = left / r(t, t);
  }
  double largest = 0;
  Vector<double> weights(k);
  for (Index j = 0; j < n; ++j) {
    if (inside[static_cast<std::size_t>(j)]) continue;
    weights.noalias() = q.transpose() * unit.col(j);
    r.template triangularView<Eigen::Upper>().solveInPlace(weights);
    largest = std::max(largest, weights.template lpNorm<1>());
  }
  return largest;
}

/// The boundary of sparse recovery on average, as the seed paper has it: M = 2 K ln(N / K)
/// measurements, for codes of N entries, K of them active, and random dictionaries of M x N.
/// Meaningful for K well below N; it rises with K up to K = N / e.
///
/// Source: Donoho & Tanner, "Counting faces of randomly projected polytopes when the projection
/// radically lowers dimension", 2009.
///
/// @throws std::invalid_argument unless 1 <= num_active <= num_atoms.
[[nodiscard]] inline double recovery_boundary(Index num_atoms, Index num_active) {
  require(num_active >= 1 && num_active <= num_atoms, "recovery_boundary",
          "expected 1 <= num_active <= num_atoms, got " + std::to_string(num_active) + " and " +
              std::to_string(num_atoms));
  const auto n = static_cast<double>(num_atoms), k = static_cast<double>(num_active);
  return 2 * k * std::log(n / k);
}

/// The same boundary from the other side: the K, a real number, for which 2 K ln(N / K) = M = dim.
/// At most N / e, where the boundary has its highest point, 2 N / e: with more dimensions it sets
/// no limit.
/// @throws std::invalid_argument if num_atoms or dim is below 1.
[[nodiscard]] inline double recovery_sparsity(Index num_atoms, Index dim) {
  require(num_atoms >= 1 && dim >= 1, "recovery_sparsity",
          "expected num_atoms >= 1 and dim >= 1, got " + std::to_string(num_atoms) + " and " +
              std::to_string(dim));
  const auto n = static_cast<double>(num_atoms), m = static_cast<double>(dim);
  double low = 0, high = n / std::numbers::e;
  if (m >= 2 * high) return high;
  for (int halving = 0; halving < 100; ++halving) {
    const double k = 0.5 * (low + high);
    (2 * k * std::log(n / k) < m ? low : high) = k;
  }
  return 0.5 * (low + high);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_RECOVERABILITY_HPP
