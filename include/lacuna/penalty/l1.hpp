// SPDX-License-Identifier: MIT
#ifndef LACUNA_PENALTY_L1_HPP
#define LACUNA_PENALTY_L1_HPP

#include <limits>
#include <string>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// g(s) = lambda ||s||_1, codes of either sign. Models `LassoPenalty`.
///
/// prox: soft threshold, sign(v) max(|v| - step lambda, 0). Dual feasible: ||c||_inf <= lambda.
///
/// At lambda = 0 no multiple of a residual but 0 is dual feasible to the last bit, so a certificate then
/// says no more than the objective does, unless x is fitted exactly.
class L1 {
 public:
  /// Whether codes below 0 are refused.
  static constexpr bool nonnegative = false;

  /// @param lambda  at least 0, in the units of the objective 1/2 ||x - D s||^2 + lambda ||s||_1.
  /// @throws std::invalid_argument if negative, NaN or infinite.
  explicit L1(double lambda) : lambda_(lambda) {
    require(lambda >= 0 && lambda < std::numeric_limits<double>::infinity(), "L1",
            "lambda must be finite and at least 0, is " + text_of(lambda));
  }

  [[nodiscard]] double lambda() const noexcept { return lambda_; }
  [[nodiscard]] double threshold(Index) const noexcept { return lambda_; }
  [[nodiscard]] double ridge() const noexcept { return 0; }
  [[nodiscard]] L1 with_lambda(double lambda) const { return L1(lambda); }

  /// In double, for a code of doubles.
  template <class Derived>
  [[nodiscard]] double value(const Eigen::MatrixBase<Derived>& code) const {
    return lambda_ * code.template lpNorm<1>();
  }

  /// Soft threshold by step * lambda, in place. Cost: 1 flop an entry.
  template <class Derived>
  void prox(Eigen::DenseBase<Derived>& values, double step) const {
    using S = typename Derived::Scalar;
    const S threshold = static_cast<S>(step * lambda_);
    auto v = values.derived().array();
    v = (v - threshold).max(S(0)) + (v + threshold).min(S(0));
  }

  template <class Derived>
  [[nodiscard]] double dual_scale(const Eigen::MatrixBase<Derived>& correlations) const {
    const double largest = correlations.size() > 0 ? correlations.template lpNorm<Eigen::Infinity>() : 0.0;
    return largest > 0 ? lambda_ / largest : std::numeric_limits<double>::infinity();
  }

 private:
  double lambda_;
};

}  // namespace lacuna

#endif  // LACUNA_PENALTY_L1_HPP
