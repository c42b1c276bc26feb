// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_SCALE_HPP
#define LACUNA_TRANSFORM_SCALE_HPP

#include <cmath>
#include <string>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// apply: x / scale; invert: scale z. One number for all signals, so what they are to each other
/// stays. Models `Transform`.
///
/// A lambda and a learning rate mean the same on data of any unit if the signals are brought to one
/// size first: entries of mean square 1, or signals of mean squared length 1.
///
/// @code
/// const auto unit_entries = Scale<float>::of(signals);    // the squared norm is dim on average
/// const auto unit_length = Scale<float>::of(signals, 1);  // the squared norm is 1 on average
/// @endcode
template <Real S>
class Scale {
 public:
  using Scalar = S;

  /// @throws std::invalid_argument unless the scale is positive and finite.
  explicit Scale(S scale) : scale_(scale) {
    require(scale > 0 && std::isfinite(scale), "Scale",
            "scale must be positive and finite, is " + text_of(scale));
  }

  /// The scale that brings these signals, dim x n, to a mean squared norm of dim.
  /// @throws std::invalid_argument if there are none, one is not finite, or all are 0.
  [[nodiscard]] static Scale of(const MatrixArg<S>& signals) {
    return of(signals, static_cast<double>(signals.rows()));
  }

  /// The same for another mean squared norm, which must be positive and finite.
  [[nodiscard]] static Scale of(const MatrixArg<S>& signals, double mean_squared_norm) {
    require(mean_squared_norm > 0 && std::isfinite(mean_squared_norm), "Scale::of",
            "mean_squared_norm must be positive and finite, is " + text_of(mean_squared_norm));
    require(signals.cols() > 0, "Scale::of", "no signals");
    check_finite<S>("Scale::of", "signals", signals);
    const double now =
        signals.template cast<double>().squaredNorm() / static_cast<double>(signals.cols());
    require(now > 0, "Scale::of", "all signals are 0");
    return Scale(static_cast<S>(std::sqrt(now / mean_squared_norm)));
  }

  [[nodiscard]] S scale() const noexcept { return scale_; }

  [[nodiscard]] Matrix<S> apply(const MatrixArg<S>& signals) const { return signals / scale_; }
  [[nodiscard]] Matrix<S> invert(const MatrixArg<S>& signals) const { return signals * scale_; }

 private:
  S scale_;
};

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_SCALE_HPP
