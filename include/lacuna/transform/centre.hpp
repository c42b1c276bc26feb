// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_CENTRE_HPP
#define LACUNA_TRANSFORM_CENTRE_HPP

#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/operator/mean_signal.hpp>

namespace lacuna {

/// apply: x - mean; invert: z + mean. Models `Transform`.
///
/// @code
/// Model model{Centre<float>::of(signals), dictionary, encoder};
/// @endcode
template <Real S>
class Centre {
 public:
  using Scalar = S;

  /// @param mean  dim. @throws std::invalid_argument if it is not finite.
  explicit Centre(Vector<S> mean) : mean_(std::move(mean)) {
    check_finite<S>("Centre", "mean", mean_);
  }

  /// Centres on the mean of these signals, dim x n with n at least 1, summed in double.
  /// @throws std::invalid_argument if there are none, or one is not finite.
  [[nodiscard]] static Centre of(const MatrixArg<S>& signals) {
    return Centre(mean_signal<S>("Centre::of", signals));
  }

  [[nodiscard]] const Vector<S>& mean() const noexcept { return mean_; }

  [[nodiscard]] Matrix<S> apply(const MatrixArg<S>& signals) const {
    check_rows("Centre::apply", "signals", signals.rows(), signals.cols(), mean_.rows(), "mean",
               mean_.rows(), 1);
    return signals.colwise() - mean_;
  }

  [[nodiscard]] Matrix<S> invert(const MatrixArg<S>& signals) const {
    check_rows("Centre::invert", "signals", signals.rows(), signals.cols(), mean_.rows(), "mean",
               mean_.rows(), 1);
    return signals.colwise() + mean_;
  }

 private:
  Vector<S> mean_;
};

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_CENTRE_HPP
