// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_LOGISTIC_REGRESSION_HPP
#define LACUNA_METRIC_LOGISTIC_REGRESSION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <lacuna/core/status.hpp>
#include <lacuna/metric/any_codes.hpp>

namespace lacuna {

struct LogisticRegressionOptions {
  double tolerance = 1e-4;      ///< on the largest entry of the gradient; 0 for all steps
  Index max_iterations = 1000;  ///< steps of L-BFGS
};

/// A probe: how well a label can be read off codes by a linear rule, the logistic regression
/// without regularisation
///
///     min_{w, b}  1/n sum_j log(1 + exp(-y_j (w^T s_j + b))),   y_j = +-1,
///
/// from w = 0, b = 0 by L-BFGS with ten pairs and a line search for the weak Wolfe conditions, in
/// double. `converged`: no entry of the gradient is above the tolerance.
///
/// Where a plane parts the labels there is no optimum: the loss goes to 0 as the weights grow. So
/// it does as soon as there are more latents than signals. The iteration then ends where the
/// gradient meets the tolerance, with weights that the tolerance and the method have chosen; the
/// default is that of scikit-learn's solver, with which the published accuracies were found.
///
/// Cost: two passes over the stored entries a step, mostly. Dense codes that are mostly 0 are held
/// sparse.
///
/// Source: Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", 1989;
/// the line search as in Lewis & Overton, "Nonsmooth optimization via quasi-Newton methods", 2013.
///
/// @code
/// const LogisticRegression probe(train_codes, train_labels);
/// const double known = probe.accuracy(train_codes, train_labels);
/// const double unknown = probe.accuracy(test_codes, test_labels);
/// @endcode
class LogisticRegression {
 public:
  using Options = LogisticRegressionOptions;

  /// Fits.
  /// @param codes  num_atoms x n, dense or sparse; @param labels  n.
  /// @throws std::invalid_argument if there is no signal, the labels are not n, a code is NaN or
  ///         infinite (naming the column), the tolerance is negative or NaN, or max_iterations < 0.
  template <AnyCodes C>
  LogisticRegression(const C& codes, const std::vector<bool>& labels, Options options = {}) {
    const std::string_view where = "LogisticRegression";
    decltype(auto) c = detail::as_argument(codes);
    check(where, c, labels);
    require(c.cols() >= 1, where, "there is no signal to fit");
    require(options.tolerance >= 0, where,
            "the tolerance must be at least 0, got " + text_of(options.tolerance));
    require(options.max_iterations >= 0, where,
            "max_iterations must be at least 0, got " + std::to_string(options.max_iterations));
    if constexpr (!detail::is_sparse_argument<decltype(c)>) {
      const Matrix<double> features = c.template cast<double>();
      if (4 * (features.array() != 0).count() < features.size()) {
        fit(SparseCodes<double>(features.sparseView()), labels, options);
      } else {
        fit(features, labels, options);
      }
    } else {
      fit(SparseCodes<double>(c.template cast<double>()), labels, options);
    }
  }

  [[nodiscard]] const Vector<double>& weights() const noexcept { return weights_; }
  [[nodiscard]] double intercept() const noexcept { return intercept_; }
  /// The mean loss at the weights, and the largest entry of its gradient.
  [[nodiscard]] double loss() const noexcept { return loss_; }
  [[nodiscard]] double gradient() const noexcept { return gradient_; }
  [[nodiscard]] Index iterations() const noexcept { return iterations_; }
  /// `precision_limit` where rounding hides what further steps would win.
  [[nodiscard]] Status status() const noexcept { return status_; }

  /// w^T s + b of each code: above 0 where the label is expected.
  /// @throws std::invalid_argument if the codes do not have as many rows as those fitted.
  template <AnyCodes C>
  [[nodiscard]] Vector<double> decision(const C& codes) const {
    decltype(auto) c = detail::as_argument(codes);
    require(c.rows() == weights_.size(), "LogisticRegression::decision",
            "codes are " + shape_of(c.rows(), c.cols()) + ": expected " +
                std::to_string(weights_.size()) + " rows");
    Vector<double> values(c.cols());
    for (Index j = 0; j < c.cols(); ++j) {
      double sum = intercept_;
      if constexpr (detail::is_sparse_argument<decltype(c)>) {
        using Codes = std::remove_cvref_t<decltype(c)>;
        for (typename Codes::InnerIterator entry(c, j); entry; ++entry)
          sum += weights_[entry.row()] * static_cast<double>(entry.value());
      } else {
        sum += weights_.dot(c.col(j).template cast<double>());
      }
      values[j] = sum;
    }
    return values;
  }

  /// The share of the labels that the sign of `decision` gives; NaN for no signals.
  /// @throws std::invalid_argument if shapes do not fit, or naming the column that holds a NaN or
  ///         an infinity.
  template <AnyCodes C>
  [[nodiscard]] double accuracy(const C& codes, const std::vector<bool>& labels) const {
    decltype(auto) c = detail::as_argument(codes);
    check("LogisticRegression::accuracy", c, labels);
    const Vector<double> values = decision(c);
    Index right = 0;
    for (Index j = 0; j < values.size(); ++j)
      if ((values[j] > 0) == labels[static_cast<std::size_t>(j)]) ++right;
    return static_cast<double>(right) / static_cast<double>(values.size());
  }

 private:
  template <class A>
  static void check(std::string_view where, const A& codes, const std::vector<bool>& labels) {
    require(static_cast<Index>(labels.size()) == codes.cols(), where,
            "codes are " + shape_of(codes.rows(), codes.cols()) + ", there are " +
                std::to_string(labels.size()) + " labels: expected one a column");
    detail::check_finite_argument(where, "codes", codes);
  }

  /// The mean loss at (w, b), the last entry being b, and its gradient.
  template <class Features>
  static double evaluate(const Features& features, const std::vector<bool>& labels,
                         const Vector<double>& at, Vector<double>& gradient) {
    const Index n = features.cols(), rows = features.rows();
    gradient.setZero(rows + 1);
    double loss = 0;
    for (Index j = 0; j < n; ++j) {
      const double sign = labels[static_cast<std::size_t>(j)] ? 1.0 : -1.0;
      double margin = at[rows];
      if constexpr (is_sparse_codes<Features>) {
        for (typename Features::InnerIterator entry(features, j); entry; ++entry)
          margin += at[entry.row()] * entry.value();
      } else {
        margin += at.head(rows).dot(features.col(j));
      }
      margin *= sign;
      // exp of what is at most 0 only.
      const double small = std::exp(-std::abs(margin));
      loss += std::log1p(small) + std::max(-margin, 0.0);
      const double slope = -sign * (margin > 0 ? small : 1.0) / (1.0 + small);
      if constexpr (is_sparse_codes<Features>) {
        for (typename Features::InnerIterator entry(features, j); entry; ++entry)
          gradient[entry.row()] += slope * entry.value();
      } else {
        gradient.head(rows) += slope * features.col(j);
      }
      gradient[rows] += slope;
    }
    gradient /= static_cast<double>(n);
    return loss / static_cast<double>(n);
  }

  /// A step taken and what it did to the gradient.
  struct Pair {
    Vector<double> step, change;
    double inverse_curvature;
  };

  /// -H g by the two loops over the pairs.
  static Vector<double> descent(const std::deque<Pair>& pairs, const Vector<double>& gradient) {
    Vector<double> direction = -gradient;
    if (pairs.empty()) return direction;
    std::vector<double> along(pairs.size());
    for (std::size_t i = pairs.size(); i-- > 0;) {
      along[i] = pairs[i].inverse_curvature * pairs[i].step.dot(direction);
      direction -= along[i] * pairs[i].change;
    }
    const Pair& last = pairs.back();
    direction /= last.inverse_curvature * last.change.squaredNorm();
    for (std::size_t i = 0; i < pairs.size(); ++i)
      direction +=
          (along[i] - pairs[i].inverse_curvature * pairs[i].change.dot(direction)) * pairs[i].step;
    return direction;
  }

  template <class Features>
  void fit(const Features& features, const std::vector<bool>& labels, const Options& options) {
    constexpr std::size_t memory = 10;
    constexpr double enough_decrease = 1e-4, enough_curvature = 0.9;
    const Index rows = features.rows();
    Vector<double> at = Vector<double>::Zero(rows + 1), gradient, there, gradient_there;
    std::deque<Pair> pairs;
    loss_ = evaluate(features, labels, at, gradient);
    status_ = Status::max_iterations;
    const auto largest = [&] { return gradient.cwiseAbs().maxCoeff(); };
    while (true) {
      if (largest() <= options.tolerance) status_ = Status::converged;
      if (status_ != Status::max_iterations || iterations_ >= options.max_iterations) break;
      const Vector<double> direction = descent(pairs, gradient);
      const double slope = gradient.dot(direction);
      // Bisection between a step that is too long and one that is too short; doubling before there
      // is one that is too long. Rounding of the loss may not turn down a step that is good.
      const double slack = 4 * std::numeric_limits<double>::epsilon() * loss_;
      double low = 0, high = std::numeric_limits<double>::infinity(), length = 1, loss_there = 0;
      if (pairs.empty()) length = std::min(1.0, 1 / gradient.norm());
      bool found = false;
      for (int trial = 0; trial < 60 && !found; ++trial) {
        there = at + length * direction;
        loss_there = evaluate(features, labels, there, gradient_there);
        if (!(loss_there <= loss_ + enough_decrease * length * slope + slack)) {
          high = length;
        } else if (gradient_there.dot(direction) < enough_curvature * slope) {
          low = length;
        } else {
          found = true;
          break;
        }
        length = std::isfinite(high) ? (low + high) / 2 : 2 * length;
      }
      Pair pair{there - at, gradient_there - gradient, 0};
      const double curvature = pair.step.dot(pair.change);
      if (!found || !(curvature > 0)) {
        status_ = Status::precision_limit;
        break;
      }
      pair.inverse_curvature = 1 / curvature;
      if (pairs.size() == memory) pairs.pop_front();
      pairs.push_back(std::move(pair));
      at.swap(there);
      gradient.swap(gradient_there);
      loss_ = loss_there;
      ++iterations_;
    }
    if (options.tolerance == 0 && status_ == Status::max_iterations) status_ = Status::completed;
    weights_ = at.head(rows);
    intercept_ = at[rows];
    gradient_ = largest();
  }

  Vector<double> weights_;
  double intercept_ = 0;
  double loss_ = 0;
  double gradient_ = 0;
  Index iterations_ = 0;
  Status status_ = Status::max_iterations;
};

}  // namespace lacuna

#endif  // LACUNA_METRIC_LOGISTIC_REGRESSION_HPP
