// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_NONNEGATIVE_LEAST_SQUARES_HPP
#define LACUNA_OPERATOR_NONNEGATIVE_LEAST_SQUARES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/status.hpp>

namespace lacuna {

/// Non-negative least squares of a few atoms by an active set: min_w 1/2 w^T G w - b^T w over w >=
/// 0, which for G = A^T A and b = A^T x is min ||x - A w|| over w >= 0. Keeps its memory from call
/// to call.
///
/// The variable whose gradient points furthest inside enters the set; least squares on the set, by
/// a Cholesky factor that grows by a row; what would become negative leaves it. Exact up to
/// rounding: entries outside the set are 0, w_i (b - G w)_i = 0, and b - G w <= 0 where w = 0. A
/// variable within rounding of the span of the set (a duplicate atom, say) stays out, so a zero or
/// duplicate atom is harmless; of equal gradients the lower one enters.
///
/// Cost: 2 n p flops an entry to a set of p, and 2 p^2 for its least squares. Status: `converged`,
/// or `max_iterations` after 10 n + 10 entries, which only rounding can bring about.
///
/// Source: Lawson & Hanson, "Solving least squares problems", 1974, chapter 23.
///
/// @code
/// NonnegativeLeastSquares<double> nnls(8);
/// nnls.solve(atoms.transpose() * atoms, atoms.transpose() * x);
/// const Vector<double> w = nnls.weights();
/// @endcode
template <Real S>
class NonnegativeLeastSquares {
 public:
  using GramArg = Eigen::Ref<const Matrix<S>, 0, Eigen::OuterStride<>>;
  using RightArg = Eigen::Ref<const Vector<S>>;

  /// @param capacity  the most variables to come; a larger problem makes it grow.
  explicit NonnegativeLeastSquares(Index capacity = 0) { grow(capacity); }

  /// @param gram  G, n x n, symmetric and positive semidefinite; @param right  b, n. Both finite.
  Status solve(const GramArg& gram, const RightArg& right) {
    eigen_assert(gram.rows() == right.size() && gram.cols() == right.size());
    const Index n = right.size();
    grow(n);
    size_ = n;
    iterations_ = 0;
    flops_ = 2 * n;
    weights_.head(n).setZero();
    gradient_.head(n) = right;
    set_.clear();
    S scale = 0;  // at most ||x||
    for (Index i = 0; i < n; ++i) {
      length_[i] = std::sqrt(std::max(gram(i, i), S(0)));
      entry_[static_cast<std::size_t>(i)] = length_[i] > S(0) ? Entry::outside : Entry::barred;
      if (length_[i] > S(0)) scale = std::max(scale, std::abs(right[i]) / length_[i]);
    }
    for (;; ++iterations_) {
      const Index entering = choose(scale);
      flops_ += n;
      if (entering < 0) return Status::converged;
      if (iterations_ >= 10 * n + 10) return Status::max_iterations;
      if (!enter(gram, entering)) continue;
      fit(right);
      // The gradient says that it grows; if it does not, that was rounding.
      if (!(trial_[static_cast<Index>(set_.size()) - 1] > S(0))) {
        set_.pop_back();
        entry_[static_cast<std::size_t>(entering)] = Entry::barred;
        continue;
      }
      while (blocked()) {
        retreat(gram);
        fit(right);
      }
      weights_.head(n).setZero();
      for (std::size_t i = 0; i < set_.size(); ++i)
        weights_[set_[i]] = trial_[static_cast<Index>(i)];
      gradient_.head(n) = right;
      for (const Index i : set_) gradient_.head(n) -= weights_[i] * gram.col(i);
      flops_ += 2 * n * static_cast<Index>(set_.size());
    }
  }

  /// w of the last problem, its n entries.
  [[nodiscard]] auto weights() const { return weights_.head(size_); }
  /// Variables that entered the set, those turned away included.
  [[nodiscard]] Index iterations() const noexcept { return iterations_; }
  /// Audited flops of the last problem.
  [[nodiscard]] std::int64_t flops() const noexcept { return flops_; }

 private:
  enum class Entry : unsigned char { outside, inside, barred };

  void grow(Index capacity) {
    if (capacity <= weights_.size()) return;
    for (Vector<S>* v : {&weights_, &gradient_, &length_, &trial_, &row_}) v->resize(capacity);
    factor_.resize(capacity, capacity);
    entry_.resize(static_cast<std::size_t>(capacity));
    set_.reserve(static_cast<std::size_t>(capacity));
    leaving_.reserve(static_cast<std::size_t>(capacity));
  }

  /// The variable outside whose gradient, an atom's length being 1, is largest beyond rounding; or
  /// -1.
  [[nodiscard]] Index choose(S scale) const {
    S sum = scale;
    for (const Index i : set_) sum += weights_[i] * length_[i];
    Index best = -1;
    S largest = S(16) * std::numeric_limits<S>::epsilon() * sum;
    for (Index i = 0; i < size_; ++i) {
      if (entry_[static_cast<std::size_t>(i)] != Entry::outside) continue;
      const S slope = gradient_[i] / length_[i];
      if (slope > largest) {
        largest = slope;
        best = i;
      }
    }
    return best;
  }

  /// Appends a variable to the set and a row to its factor; false, and it is barred until something
  /// leaves the set, where it lies in the span.
  [[nodiscard]] bool enter(const GramArg& gram, Index variable) {
    const auto p = static_cast<Index>(set_.size());
    for (Index i = 0; i < p; ++i) {
      S sum = gram(set_[static_cast<std::size_t>(i)], variable);
      for (Index u = 0; u < i; ++u) sum -= factor_(u, i) * row_[u];
      row_[i] = sum / factor_(i, i);
    }
    const S square = gram(variable, variable);
    const S pivot = square - row_.head(p).squaredNorm();
    flops_ += p * p + 3 * p + 1;
    const bool independent = pivot > S(64) * std::numeric_limits<S>::epsilon() * square;
    entry_[static_cast<std::size_t>(variable)] = independent ? Entry::inside : Entry::barred;
    if (!independent) return false;
    // Column p of the upper factor is row p of the lower one.
    factor_.col(p).head(p) = row_.head(p);
    factor_(p, p) = std::sqrt(pivot);
    set_.push_back(variable);
    return true;
  }

  /// trial = least squares on the set, by R^T R with R upper triangular.
  void fit(const RightArg& right) {
    const auto p = static_cast<Index>(set_.size());
    for (Index i = 0; i < p; ++i) {
      S sum = right[set_[static_cast<std::size_t>(i)]];
      for (Index u = 0; u < i; ++u) sum -= factor_(u, i) * trial_[u];
      trial_[i] = sum / factor_(i, i);
    }
    for (Index i = p - 1; i >= 0; --i) {
      trial_[i] /= factor_(i, i);
      trial_.head(i) -= trial_[i] * factor_.col(i).head(i);
    }
    flops_ += 2 * p * p + 2 * p;
  }

  [[nodiscard]] bool blocked() const {
    for (std::size_t i = 0; i < set_.size(); ++i)
      if (!(trial_[static_cast<Index>(i)] > S(0))) return true;
    return false;
  }

  /// Moves from the weights towards the trial until the first variable is 0, and puts out what is
  /// 0.
  void retreat(const GramArg& gram) {
    S step = 1;
    std::size_t first = set_.size();
    for (std::size_t i = 0; i < set_.size(); ++i) {
      const S weight = weights_[set_[i]], goal = trial_[static_cast<Index>(i)];
      if (goal > S(0)) continue;
      const S reach = weight > S(0) ? weight / (weight - goal) : S(0);
      if (reach < step || first == set_.size()) {
        step = reach;
        first = i;
      }
    }
    for (std::size_t i = 0; i < set_.size(); ++i) {
      S& weight = weights_[set_[i]];
      weight = i == first
                   ? S(0)
                   : std::max(S(0), weight + step * (trial_[static_cast<Index>(i)] - weight));
    }
    flops_ += 4 * static_cast<Index>(set_.size());
    std::size_t kept = set_.size();
    for (std::size_t i = set_.size(); i-- > 0;)
      if (!(weights_[set_[i]] > S(0))) kept = i;
    leaving_.assign(set_.begin() + static_cast<std::ptrdiff_t>(kept), set_.end());
    set_.resize(kept);
    // The span is smaller now: what was barred may come again.
    for (Index i = 0; i < size_; ++i)
      if (length_[i] > S(0) && entry_[static_cast<std::size_t>(i)] == Entry::barred)
        entry_[static_cast<std::size_t>(i)] = Entry::outside;
    for (const Index variable : leaving_) {
      if (weights_[variable] > S(0) && enter(gram, variable)) continue;
      weights_[variable] = S(0);
      if (entry_[static_cast<std::size_t>(variable)] == Entry::inside)
        entry_[static_cast<std::size_t>(variable)] = Entry::outside;
    }
  }

  Index size_ = 0, iterations_ = 0;
  std::int64_t flops_ = 0;
  Vector<S> weights_, gradient_, length_, trial_, row_;
  Matrix<S> factor_;  // R, upper triangular, R^T R = G on the set
  std::vector<Entry> entry_;
  std::vector<Index> set_, leaving_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_NONNEGATIVE_LEAST_SQUARES_HPP
