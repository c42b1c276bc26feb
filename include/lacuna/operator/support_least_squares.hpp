// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SUPPORT_LEAST_SQUARES_HPP
#define LACUNA_OPERATOR_SUPPORT_LEAST_SQUARES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/operator/nonnegative_least_squares.hpp>

namespace lacuna {

/// Least squares of signals on supports that are given: min_w ||x - D_I w||, of either sign or over
/// w >= 0. Keeps its memory from call to call.
///
/// By the Cholesky factor of the Gram matrix of the support; where weights may have either sign
/// they are corrected once by their own residual, which then is orthogonal to the support to
/// working precision. An atom within rounding of the span of those before it (a duplicate, an atom
/// of length 0, whatever comes after dim independent ones) is passed over and has weight 0.
///
/// Cost: dim p^2 flops for the inner products of p atoms (none where d keeps its Gram matrix),
/// p^3 / 3 for the factor and 8 dim p for right sides and residuals.
template <ExplicitDictionary D>
class SupportLeastSquares {
 public:
  using S = ScalarOf<D>;

  /// Keeps a reference to d. @param capacity  the most atoms of a support; a larger one makes it
  /// grow.
  SupportLeastSquares(const D& d, Index capacity) : d_(d), nonnegative_(0), residual_(d.dim()) {
    grow(capacity);
  }

  /// @param x  dim; @param support  atoms, none twice.
  template <class X>
  void fit(const X& x, const std::vector<Index>& support, bool nonnegative) {
    const auto size = static_cast<Index>(support.size());
    const std::int64_t m = d_.dim();
    grow(size);
    flops_ = 0;
    for (Index i = 0; i < size; ++i) right_[i] = atom(support, i).dot(x);
    flops_ += 2 * m * size;
    if (nonnegative) {
      for (Index j = 0; j < size; ++j)
        for (Index i = 0; i <= j; ++i) factor_(i, j) = factor_(j, i) = inner(support, i, j);
      nonnegative_.solve(factor_.topLeftCorner(size, size), right_.head(size));
      weights_.head(size) = nonnegative_.weights();
      flops_ += nonnegative_.flops();
      subtract(x, support);
      return;
    }
    factorise(support);
    weights_.head(size).setZero();
    residual_ = x;
    // Twice: the second time for what the first left of x.
    for (int pass = 0; pass < 2; ++pass) {
      if (pass == 1)
        for (Index i = 0; i < size; ++i) right_[i] = atom(support, i).dot(residual_);
      solve();
      subtract(x, support);
    }
    flops_ += 2 * m * size;
  }

  /// One weight a member of the last support.
  [[nodiscard]] S weight(std::size_t i) const { return weights_[static_cast<Index>(i)]; }
  /// x - D_I w.
  [[nodiscard]] const Vector<S>& residual() const noexcept { return residual_; }
  /// Audited flops of the last fit.
  [[nodiscard]] std::int64_t flops() const noexcept { return flops_; }

 private:
  void grow(Index capacity) {
    if (capacity <= weights_.size()) return;
    for (Vector<S>* v : {&weights_, &right_, &step_, &row_}) v->resize(capacity);
    factor_.resize(capacity, capacity);
    kept_.reserve(static_cast<std::size_t>(capacity));
    nonnegative_ = NonnegativeLeastSquares<S>(capacity);
  }

  [[nodiscard]] auto atom(const std::vector<Index>& support, Index i) const {
    return d_.atoms().col(support[static_cast<std::size_t>(i)]);
  }

  [[nodiscard]] S inner(const std::vector<Index>& support, Index i, Index j) {
    if constexpr (GramDictionary<D>) {
      if (d_.has_gram())
        return d_.gram()(support[static_cast<std::size_t>(i)],
                         support[static_cast<std::size_t>(j)]);
    }
    flops_ += 2 * d_.dim();
    return atom(support, i).dot(atom(support, j));
  }

  /// The lower triangular factor of the Gram matrix of the members that are kept.
  void factorise(const std::vector<Index>& support) {
    kept_.clear();
    for (Index j = 0; j < static_cast<Index>(support.size()); ++j) {
      const auto p = static_cast<Index>(kept_.size());
      if (p == d_.dim()) return;
      for (Index i = 0; i < p; ++i) row_[i] = inner(support, kept_[static_cast<std::size_t>(i)], j);
      auto row = row_.head(p);
      factor_.topLeftCorner(p, p).template triangularView<Eigen::Lower>().solveInPlace(row);
      const S square = inner(support, j, j);
      const S pivot = square - row.squaredNorm();
      flops_ += p * p + 3 * p + 1;
      if (!(pivot > S(64) * std::numeric_limits<S>::epsilon() * square)) continue;
      factor_.row(p).head(p) = row.transpose();
      factor_(p, p) = std::sqrt(pivot);
      kept_.push_back(j);
    }
  }

  /// weights += (D_I^T D_I)^-1 right, on the members that are kept.
  void solve() {
    const auto p = static_cast<Index>(kept_.size());
    for (Index i = 0; i < p; ++i) step_[i] = right_[kept_[static_cast<std::size_t>(i)]];
    auto step = step_.head(p);
    const auto lower = factor_.topLeftCorner(p, p).template triangularView<Eigen::Lower>();
    lower.solveInPlace(step);
    lower.transpose().solveInPlace(step);
    for (Index i = 0; i < p; ++i) weights_[kept_[static_cast<std::size_t>(i)]] += step[i];
    flops_ += 2 * p * p + 3 * p;
  }

  template <class X>
  void subtract(const X& x, const std::vector<Index>& support) {
    residual_ = x;
    for (Index i = 0; i < static_cast<Index>(support.size()); ++i) {
      if (weights_[i] == S(0)) continue;
      residual_ -= weights_[i] * atom(support, i);
      flops_ += 2 * d_.dim();
    }
  }

  const D& d_;
  NonnegativeLeastSquares<S> nonnegative_;
  Vector<S> weights_, right_, step_, row_, residual_;
  Matrix<S> factor_;
  std::vector<Index> kept_;  // members of the support, those passed over left out
  std::int64_t flops_ = 0;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SUPPORT_LEAST_SQUARES_HPP
