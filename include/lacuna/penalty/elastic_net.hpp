// SPDX-License-Identifier: MIT
#ifndef LACUNA_PENALTY_ELASTIC_NET_HPP
#define LACUNA_PENALTY_ELASTIC_NET_HPP

#include <cmath>
#include <string>
#include <utility>

#include <lacuna/concepts/lasso_penalty.hpp>

namespace lacuna {

/// g(s) = h(s) + ridge/2 ||s||^2 for an l1 penalty h: `L1`, `NonnegativeL1`, or either `Weighted`.
/// Models `LassoPenalty`.
///
/// The minimiser is unique, also where atoms are equal or depend on each other: correlated atoms
/// share a signal instead of one taking it all. prox: that of h, over 1 + step ridge.
///
/// Source: Zou & Hastie, "Regularization and variable selection via the elastic net", 2005 (its
/// naive form: the answer is not scaled back up).
///
/// @code
/// const CoordinateDescent solver(ElasticNet(NonnegativeL1(0.05), 0.01));
/// @endcode
template <LassoPenalty P>
class ElasticNet {
 public:
  static constexpr bool nonnegative = P::nonnegative;

  /// @param ridge  at least 0, in the units of the objective 1/2 ||x - D s||^2 + h(s) + ridge/2
  /// ||s||^2.
  /// @throws std::invalid_argument if negative, NaN or infinite.
  ElasticNet(P penalty, double ridge) : penalty_(std::move(penalty)), ridge_(ridge) {
    require(ridge >= 0 && std::isfinite(ridge), "ElasticNet",
            "ridge must be finite and at least 0, is " + text_of(ridge));
  }

  [[nodiscard]] double lambda() const noexcept { return penalty_.lambda(); }
  [[nodiscard]] double threshold(Index atom) const { return penalty_.threshold(atom); }
  [[nodiscard]] double ridge() const noexcept { return ridge_ + penalty_.ridge(); }
  [[nodiscard]] Index num_atoms() const requires requires(const P& p) { p.num_atoms(); }
  { return penalty_.num_atoms(); }
  [[nodiscard]] ElasticNet with_lambda(double lambda) const {
    return {penalty_.with_lambda(lambda), ridge_};
  }

  /// In double, for a code of doubles.
  template <class Derived>
  [[nodiscard]] double value(const Eigen::MatrixBase<Derived>& code) const {
    return penalty_.value(code) + 0.5 * ridge_ * code.squaredNorm();
  }

  /// In place. Cost: that of h, and 1 flop an entry.
  template <class Derived>
  void prox(Eigen::DenseBase<Derived>& values, double step) const {
    using S = typename Derived::Scalar;
    // prox of g at v, step t is prox of h at v/(1 + t ridge), step t/(1 + t ridge).
    const double shrink = 1 / (1 + step * ridge_);
    values.derived().array() *= static_cast<S>(shrink);
    penalty_.prox(values, step * shrink);
  }

  /// Of h alone, as `Penalty` has it.
  template <class Derived>
  [[nodiscard]] double dual_scale(const Eigen::MatrixBase<Derived>& correlations) const {
    return penalty_.dual_scale(correlations);
  }

 private:
  P penalty_;
  double ridge_;
};

}  // namespace lacuna

#endif  // LACUNA_PENALTY_ELASTIC_NET_HPP
