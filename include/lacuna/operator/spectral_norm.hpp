// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SPECTRAL_NORM_HPP
#define LACUNA_OPERATOR_SPECTRAL_NORM_HPP

#include <cmath>
#include <limits>

#include <lacuna/concepts/dictionary.hpp>

namespace lacuna {

/// An upper bound on ||D||_2^2, the largest eigenvalue of D D^T, at most 2 % above it up to dim 10,000.
///
/// Power iteration approaches the eigenvalue from below, and a step of 1/L with L too small may diverge;
/// so the bound is taken from above. With A = D D^T and p = 2^k, lambda_max <= ||A^p||_F^(1/p) <=
/// r^(1/(2p)) lambda_max for rank r: k = 8 squarings of A, rescaled to keep them in range.
///
/// Infinite where D D^T overflows its element type.
///
/// Cost: decode and correlate of min(dim, num_atoms) unit vectors, and 8 products of that size, in
/// double. Works for any linear map, explicit or not.
template <Dictionary D>
[[nodiscard]] double squared_spectral_norm(const D& d) {
  using S = ScalarOf<D>;
  const bool wide = d.dim() <= d.num_atoms();
  const Index size = wide ? d.dim() : d.num_atoms();
  const Matrix<S> identity = Matrix<S>::Identity(size, size);
  Matrix<double> power =
      (wide ? d.decode(d.correlate(identity)) : d.correlate(d.decode(identity)))
          .template cast<double>();
  // D D^T was computed in S; its rounding error, at most about size * eps of it, goes on the safe side.
  const double rounding = 1 + 4 * static_cast<double>(size) *
                                  static_cast<double>(Eigen::NumTraits<S>::epsilon());
  double log_scale = 0;
  for (int squaring = 0;; ++squaring) {
    // The plain norm squares D D^T once more, and may under- or overflow where D D^T does not.
    const double norm = power.stableNorm();
    if (norm == 0) return 0;
    if (!std::isfinite(norm)) return std::numeric_limits<double>::infinity();
    log_scale += std::ldexp(std::log(norm), -squaring);
    if (squaring == 8) break;
    power /= norm;
    power = (power * power).eval();
  }
  return std::exp(log_scale) * rounding;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SPECTRAL_NORM_HPP
