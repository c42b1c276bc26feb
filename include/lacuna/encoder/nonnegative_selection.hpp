// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_NONNEGATIVE_SELECTION_HPP
#define LACUNA_ENCODER_NONNEGATIVE_SELECTION_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/core/status.hpp>
#include <lacuna/encoder/gram_form.hpp>
#include <lacuna/encoder/selected_basis.hpp>
#include <lacuna/encoder/sign_step.hpp>

namespace lacuna::detail {

/// Non-negative orthogonal least squares of one signal after another.
///
/// Of the atoms with positive correlation c_i, the one of the largest c_i^2 over the squared length
/// of its part outside the span of the chosen comes in: it lowers the error most when the fit is
/// free, and its own coefficient is positive then. The fit is non-negative least squares on the
/// chosen: an atom whose coefficient would go below 0 leaves (Lawson & Hanson's step), and can be
/// chosen again. So the residual is orthogonal to the atoms in use, and each choice lowers it.
///
/// Source: Yaghoobi & Davies, "Fast non-negative orthogonal least squares", 2015; Lawson & Hanson,
/// "Solving least squares problems", 1974, chapter 23.
template <Real S>
class NonnegativeSelection {
 public:
  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  NonnegativeSelection(const Matrix<S>& atoms, const Matrix<S>* gram, Index most)
      : basis_(atoms, gram, most),
        correlations_(atoms.cols()),
        outside_(atoms.cols()),
        open_(static_cast<std::size_t>(atoms.cols())),
        along_(most),
        coefficients_(most),
        target_(most),
        unit_(atoms.rows()) {}

  struct Result {
    Status status;
    std::int64_t flops;
  };

  /// @param correlations  D^T x. @param certify  as in `ForwardSelection`.
  template <class X, class C>
  Result run(const X& x, const C& correlations, double tolerance, bool certify) {
    const S energy = x.squaredNorm();
    if (!energy_fits(energy)) {
      const S length = x.stableNorm();
      if (length > S(0)) {
        unit_ = x / length;
        correlations_.noalias() = basis_.atoms().transpose() * unit_;
        Result result = select(unit_, unit_.squaredNorm(), tolerance, certify);
        result.flops += 2 * basis_.atoms().size();
        coefficients_ *= length;
        return result;
      }
    }
    correlations_ = correlations;
    return select(x, energy, tolerance, certify);
  }

  /// The atoms in use and their coefficients, all above 0.
  [[nodiscard]] const std::vector<Index>& support() const noexcept { return basis_.support(); }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }

  /// 1/2 ||x - D s||^2 in double.
  template <class X>
  [[nodiscard]] double objective(const X& x) const {
    return basis_.half_squared_error(x, coefficients_);
  }

 private:
  using Basis = SelectedBasis<S, 16>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  template <class X>
  Result select(const X& x, S energy, double tolerance, bool certify) {
    const Index m = basis_.atoms().rows(), n = basis_.atoms().cols();
    const S enough = static_cast<S>(tolerance * tolerance) * energy;
    const S rounding = S(64) * epsilon * epsilon * energy;
    Result result{Status::completed, 2 * m * n + 2 * m};
    basis_.clear();
    outside_ = basis_.lengths();
    std::fill(open_.begin(), open_.end(), true);
    S left = energy;
    for (Index chosen = 0;;) {
      const bool full = chosen == basis_.most();
      if (left <= std::max(enough, S(64) * epsilon * energy) && (certify || !full)) {
        left = static_cast<S>(2 * basis_.half_squared_error(x, coefficients_));
        result.flops += 2 * m * (basis_.size() + 1);
      }
      if (left <= std::max(enough, rounding)) {
        result.status = Status::converged;
        return result;
      }
      if (full) return result;
      const Index atom = best_atom(rounding);
      result.flops += 2 * n;
      if (atom < 0) return result;
      const S pivot = basis_.outside_span(atom, result.flops);
      open_[static_cast<std::size_t>(atom)] = false;
      if (!(pivot > Basis::span_tolerance * basis_.lengths()[atom])) continue;
      left -= append(atom, std::sqrt(pivot), result);
      left += settle(result);
      ++chosen;
    }
  }

  /// The first atom of the largest score, or -1 where none is beyond rounding.
  [[nodiscard]] Index best_atom(S rounding) const {
    Index atom = -1;
    S best = rounding;
    for (Index i = 0; i < outside_.size(); ++i) {
      const S c = correlations_[i];
      if (!(c > S(0)) || !(c * c > best * outside_[i])) continue;
      if (!open_[static_cast<std::size_t>(i)] ||
          !(outside_[i] > Basis::span_tolerance * basis_.lengths()[i]))
        continue;
      best = c * c / outside_[i];
      atom = i;
    }
    return atom;
  }

  /// What the free fit gains.
  S append(Index atom, S length, Result& result) {
    const Index size = basis_.size();
    const S z = correlations_[atom] / length;
    along_[size] = z;
    coefficients_[size] = S(0);
    basis_.push(
        atom, length,
        [&](auto segment, const auto& p) {
          segment(correlations_) -= z * p;
          segment(outside_).array() -= p.array().square();
        },
        result.flops);
    result.flops += 4 * outside_.size() + 4;
    return z * z;
  }

  /// From the present coefficients towards the free fit, as far as none falls below 0; who reaches
  /// 0 leaves, until none would. Returns what leaving costs.
  S settle(Result& result) {
    S lost = S(0);
    for (;;) {
      const Index size = basis_.size();
      basis_.solve(along_, target_);
      result.flops += size * size;
      const auto [leaving, step] =
          first_sign_change(coefficients_, target_, size, [](Index) { return S(1); });
      if (leaving < 0) break;
      coefficients_.head(size) += step * (target_.head(size) - coefficients_.head(size));
      lost += drop(leaving, result);
    }
    coefficients_.head(basis_.size()) = target_.head(basis_.size());
    return lost;
  }

  S drop(Index position, Result& result) {
    open_[static_cast<std::size_t>(basis_.support()[static_cast<std::size_t>(position)])] = true;
    for (Index k = position; k + 1 < basis_.size(); ++k) coefficients_[k] = coefficients_[k + 1];
    basis_.remove(position, along_, result.flops);
    // What the lost direction explained, and what it covered of each atom, is open again.
    const Index size = basis_.size();
    basis_.with_projection(size, [&](auto segment, const auto& p) {
      segment(correlations_) += along_[size] * p;
      segment(outside_).array() += p.array().square();
    });
    result.flops += 4 * outside_.size();
    return along_[size] * along_[size];
  }

  Basis basis_;
  Vector<S> correlations_, outside_;
  std::vector<bool> open_;
  Vector<S> along_, coefficients_, target_;
  Vector<S> unit_;  // the signal at length 1
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_NONNEGATIVE_SELECTION_HPP
