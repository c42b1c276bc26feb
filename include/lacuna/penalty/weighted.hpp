// SPDX-License-Identifier: MIT
#ifndef LACUNA_PENALTY_WEIGHTED_HPP
#define LACUNA_PENALTY_WEIGHTED_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <utility>

#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

namespace lacuna {

/// g(s) = lambda sum_i w_i |s_i|, with s >= 0 where P is `NonnegativeL1`: an l1 penalty with a
/// weight for each atom. Models `LassoPenalty`.
///
/// A large weight keeps an atom out of use, a small one lets it in. Weights 1/|s_i| of a first fit
/// are the adaptive lasso (Zou, "The adaptive lasso and its oracle properties", 2006); weights
/// ||d_i|| make the answer independent of the atoms' lengths.
///
/// @code
/// Vector<double> weights = Vector<double>::Ones(16);
/// weights[3] = 10;  // rarely atom 3
/// const Fista solver(Weighted(NonnegativeL1(0.05), weights));
/// @endcode
template <class P>
requires std::same_as<P, L1> || std::same_as<P, NonnegativeL1>
class Weighted {
 public:
  static constexpr bool nonnegative = P::nonnegative;

  /// @param weights  one an atom, finite and above 0.
  /// @throws std::invalid_argument naming the weight that is not, or for no weights.
  Weighted(P penalty, Vector<double> weights)
      : penalty_(std::move(penalty)), weights_(std::move(weights)) {
    require(weights_.size() > 0, "Weighted", "no weights");
    for (Index i = 0; i < weights_.size(); ++i)
      if (!(weights_[i] > 0 && std::isfinite(weights_[i])))
        require(false, "Weighted",
                "weight " + std::to_string(i) + " must be finite and above 0, is " +
                    text_of(weights_[i]));
  }

  [[nodiscard]] double lambda() const noexcept { return penalty_.lambda(); }
  [[nodiscard]] double threshold(Index atom) const { return lambda() * weights_[atom]; }
  [[nodiscard]] double ridge() const noexcept { return 0; }
  [[nodiscard]] Index num_atoms() const noexcept { return weights_.size(); }
  [[nodiscard]] const Vector<double>& weights() const noexcept { return weights_; }
  [[nodiscard]] Weighted with_lambda(double lambda) const { return {P(lambda), weights_}; }

  /// In double, for a code of doubles.
  template <class Derived>
  [[nodiscard]] double value(const Eigen::MatrixBase<Derived>& code) const {
    if (nonnegative && code.minCoeff() < 0) return std::numeric_limits<double>::infinity();
    return lambda() * code.cwiseAbs().dot(weights_);
  }

  /// Soft threshold of row i by step * threshold(i), in place. Cost: 2 flops an entry.
  template <class Derived>
  void prox(Eigen::DenseBase<Derived>& values, double step) const {
    using S = typename Derived::Scalar;
    const auto thresholds = (weights_.array() * (step * lambda())).template cast<S>();
    for (Index j = 0; j < values.cols(); ++j) {
      auto v = values.derived().col(j).array();
      if constexpr (nonnegative)
        v = (v - thresholds).max(S(0));
      else
        v = (v - thresholds).max(S(0)) + (v + thresholds).min(S(0));
    }
  }

  template <class Derived>
  [[nodiscard]] double dual_scale(const Eigen::MatrixBase<Derived>& correlations) const {
    double largest = 0;
    for (Index i = 0; i < weights_.size(); ++i) {
      const double c = nonnegative ? correlations[i] : std::abs(correlations[i]);
      largest = std::max(largest, c / weights_[i]);
    }
    return largest > 0 ? lambda() / largest : std::numeric_limits<double>::infinity();
  }

 private:
  P penalty_;
  Vector<double> weights_;
};

}  // namespace lacuna

#endif  // LACUNA_PENALTY_WEIGHTED_HPP
