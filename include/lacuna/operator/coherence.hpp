// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_COHERENCE_HPP
#define LACUNA_OPERATOR_COHERENCE_HPP

#include <algorithm>
#include <cmath>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// Mutual coherence, max over i != j of |<d_i, d_j>| / (||d_i|| ||d_j||), from the Gram matrix D^T D,
/// num_atoms x num_atoms. Atoms of length 0 count as orthogonal to all; one atom has coherence 0.
///
/// Source: Donoho & Huo, "Uncertainty principles and ideal atomic decomposition", 2001.
template <Real S>
[[nodiscard]] double mutual_coherence(const Matrix<S>& gram) {
  double largest = 0;
  for (Index j = 0; j < gram.cols(); ++j)
    for (Index i = 0; i < j; ++i) {
      const double lengths =
          std::sqrt(static_cast<double>(gram(i, i)) * static_cast<double>(gram(j, j)));
      if (lengths > 0)
        largest = std::max(largest, std::abs(static_cast<double>(gram(i, j))) / lengths);
    }
  return largest;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_COHERENCE_HPP
