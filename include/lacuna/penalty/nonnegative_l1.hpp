// SPDX-License-Identifier: MIT
#ifndef LACUNA_PENALTY_NONNEGATIVE_L1_HPP
#define LACUNA_PENALTY_NONNEGATIVE_L1_HPP

#include <algorithm>
#include <limits>
#include <string>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// g(s) = lambda sum_i s_i for s >= 0, infinite elsewhere. Models `LassoPenalty`.
///
/// prox: max(v - step lambda, 0). Dual feasible: max_i c_i <= lambda. lambda = 0 is non-negative least
/// squares; no multiple of a residual but 0 is then dual feasible to the last bit, so a certificate says no
/// more than the objective does, unless x is fitted exactly.
class NonnegativeL1 {
 public:
  /// Whether codes below 0 are refused.
  static constexpr bool nonnegative = true;

  /// @param lambda  at least 0, in the units of the objective 1/2 ||x - D s||^2 + lambda sum s.
  /// @throws std::invalid_argument if negative, NaN or infinite.
  explicit NonnegativeL1(double lambda) : lambda_(lambda) {
    require(lambda >= 0 && lambda < std::numeric_limits<double>::infinity(), "NonnegativeL1",
            "lambda must be finite and at least 0, is " + text_of(lambda));
  }

  [[nodiscard]] double lambda() const noexcept { return lambda_; }
  [[nodiscard]] double threshold(Index) const noexcept { return lambda_; }
  [[nodiscard]] double ridge() const noexcept { return 0; }
  [[nodiscard]] NonnegativeL1 with_lambda(double lambda) const { return NonnegativeL1(lambda); }

  /// In double, for a code of doubles.
  template <class Derived>
  [[nodiscard]] double value(const Eigen::MatrixBase<Derived>& code) const {
    if (code.size() > 0 && code.minCoeff() < 0) return std::numeric_limits<double>::infinity();
    return lambda_ * code.sum();
  }

  /// max(v - step * lambda, 0), in place. Cost: 1 flop an entry.
  template <class Derived>
  void prox(Eigen::DenseBase<Derived>& values, double step) const {
    using S = typename Derived::Scalar;
    const S threshold = static_cast<S>(step * lambda_);
    auto v = values.derived().array();
    v = (v - threshold).max(S(0));
  }

  template <class Derived>
  [[nodiscard]] double dual_scale(const Eigen::MatrixBase<Derived>& correlations) const {
    const double largest = correlations.size() > 0 ? correlations.maxCoeff() : 0.0;
    return largest > 0 ? lambda_ / largest : std::numeric_limits<double>::infinity();
  }

 private:
  double lambda_;
};

}  // namespace lacuna

#endif  // LACUNA_PENALTY_NONNEGATIVE_L1_HPP
