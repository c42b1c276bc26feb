// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_LASSO_CERTIFICATE_HPP
#define LACUNA_OPERATOR_LASSO_CERTIFICATE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/penalty.hpp>

namespace lacuna {

/// What is proven about one code: its objective, and how far above the optimum that can be.
struct Certificate {
  double objective;     ///< P(s) = 1/2 ||x - D s||^2 + g(s)
  double gap;           ///< P(s) - max over theta on the ray of the residual, at least 0
  double relative_gap;  ///< gap / (1/2 ||x||^2); for x = 0: 0 if the gap is 0, else infinite
};

/// Certifies codes of one dictionary and penalty, in double whatever the element type.
///
/// The dual of min_s 1/2 ||x - D s||^2 + g(s), for a positively homogeneous g, is max_theta
/// 1/2 ||x||^2 - 1/2 ||x - theta||^2 over theta with <D^T theta, s> <= g(s) for all s. With r = x - D s
/// the point theta = c r is feasible for 0 <= c <= g.dual_scale(D^T r); the best such c is <x, r>/||r||^2
/// clipped to that interval (Kim, Koh, Lustig, Boyd & Gorinevsky, "An interior-point method for
/// large-scale l1-regularized least squares", 2007, section III). A ridge rho/2 ||s||^2 in g is part of
/// the fit: D becomes [D; sqrt(rho) I], x becomes [x; 0] and r becomes [r; -sqrt(rho) s] (Zou & Hastie,
/// "Regularization and variable selection via the elastic net", 2005, lemma 1). An explicit dictionary
/// is cast to double once; any other decodes and correlates in its own type.
template <Dictionary D, Penalty P>
class LassoCertifier {
 public:
  using Scalar = ScalarOf<D>;

  /// Copies the atoms, as doubles, or a dictionary that has none.
  /// @throws std::invalid_argument if the penalty is for codes of another length.
  LassoCertifier(const D& d, P penalty)
      : dim_(d.dim()),
        num_atoms_(d.num_atoms()),
        map_(map_of(d)),
        penalty_(std::move(penalty)),
        ridge_(detail::ridge_of(penalty_)) {
    detail::check_penalty("LassoCertifier", penalty_, num_atoms_);
  }

  /// Calls `take(j, Certificate)` for each of the n columns, j from 0.
  /// @param signals  dim x n; @param codes  num_atoms x n, dense. Cost: `flops()` a signal.
  template <class Take>
  void for_each(const MatrixArg<Scalar>& signals, const MatrixArg<Scalar>& codes, Take&& take) {
    const Index n = signals.cols();
    grow(n);
    auto x = x_.leftCols(n), s = s_.leftCols(n), residual = residual_.leftCols(n);
    auto correlations = correlations_.leftCols(n);
    x = signals.template cast<double>();
    s = codes.template cast<double>();
    residual = x;
    if constexpr (ExplicitDictionary<D>) {
      residual.noalias() -= map_ * s;
      correlations.noalias() = map_.transpose() * residual;
    } else {
      residual -= map_.decode(codes).template cast<double>();
      correlations = map_.correlate(residual.template cast<Scalar>()).template cast<double>();
    }
    if (ridge_ > 0) correlations -= ridge_ * s;
    for (Index j = 0; j < n; ++j) take(j, certify(j));
  }

  /// Audited flops of one signal: decode, correlate and three inner products.
  [[nodiscard]] std::int64_t flops() const {
    return 4 * dim_ * num_atoms_ + 7 * dim_ + (ridge_ > 0 ? 5 : 1) * num_atoms_;
  }

 private:
  /// Fewer signals than before, as they leave a block, are looked at in the room of before.
  void grow(Index n) {
    if (n <= x_.cols()) return;
    for (Matrix<double>* values : {&x_, &residual_}) values->resize(dim_, n);
    for (Matrix<double>* values : {&s_, &correlations_}) values->resize(num_atoms_, n);
  }

  [[nodiscard]] Certificate certify(Index j) const {
    const double half_signal = 0.5 * x_.col(j).squaredNorm();
    double residual_norm = residual_.col(j).squaredNorm();
    const double objective = 0.5 * residual_norm + penalty_.value(s_.col(j));
    if (ridge_ > 0) residual_norm += ridge_ * s_.col(j).squaredNorm();
    double dual = 0;
    if (residual_norm > 0) {
      const double inner = x_.col(j).dot(residual_.col(j));
      const double scale = std::clamp(inner / residual_norm, 0.0,
                                      penalty_.dual_scale(correlations_.col(j)));
      dual = scale * inner - 0.5 * scale * scale * residual_norm;
    }
    // Written so that a NaN, of codes that overflowed, certifies nothing.
    const double difference = objective - dual;
    const double gap = difference <= 0   ? 0.0
                       : difference > 0 ? difference
                                        : std::numeric_limits<double>::infinity();
    const double relative = gap > 0 ? gap / half_signal : 0.0;
    return {objective, gap, relative};
  }

  using Map = std::conditional_t<ExplicitDictionary<D>, Matrix<double>, D>;

  [[nodiscard]] static Map map_of(const D& d) {
    if constexpr (ExplicitDictionary<D>)
      return d.atoms().template cast<double>();
    else
      return d;
  }

  std::int64_t dim_, num_atoms_;
  Map map_;
  P penalty_;
  double ridge_;
  Matrix<double> x_, s_, residual_, correlations_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_LASSO_CERTIFICATE_HPP
