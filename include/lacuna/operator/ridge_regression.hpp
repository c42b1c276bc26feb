// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_RIDGE_REGRESSION_HPP
#define LACUNA_OPERATOR_RIDGE_REGRESSION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/gram_matrix.hpp>

namespace lacuna {

struct RidgeRegressionOptions {
  /// Those to choose from: the ones of the compositional benchmark.
  std::vector<double> ridges = {1e-6, 1e-4, 1e-2, 1.0, 10.0};
};

/// The best linear map from signals to known codes: the linear probe, a supervised bar that no
/// linear encoder passes in its own loss,
///
///     W = argmin_W  1/2 sum_j ||s_j - W x_j||^2 + ridge/2 ||W||^2,
///
/// without an intercept, the ridge being the one with the least squared error of leave-one-out; of
/// equals the first. All latents share it.
///
/// Leave-one-out takes no refits: with h_j = x_j^T (X X^T + ridge I)^-1 x_j, what the fit without
/// signal j misses at j is (s_j - W x_j) / (1 - h_j). Cost for n signals, in double: one Gram
/// matrix (dim^2 n flops) and for each ridge a Cholesky factor, dim^2 n for the h and 2 dim
/// num_atoms n for the errors; of dense things no more than a block of n is held. Where n <= dim
/// and the ridge is next to nothing, 1 - h_j is a difference of equals: count on half the digits
/// there.
///
/// In `operator/` because it is a map in closed form that needs no concept and measures nothing. It
/// is no encoder: it knows no dictionary, and its codes are not sparse.
///
/// Source: Golub, Heath & Wahba, "Generalized cross-validation as a method for choosing a good
/// ridge parameter", 1979; Allen's PRESS, 1974.
///
/// @code
/// const RidgeRegression<float> probe(train.signals, train.codes);
/// const Matrix<float> codes = probe.predict(test.signals);
/// @endcode
template <Real S>
class RidgeRegression {
 public:
  using Scalar = S;
  using Options = RidgeRegressionOptions;

  /// Fits.
  /// @param signals  dim x n; @param codes  num_atoms x n.
  /// @throws std::invalid_argument if there is no signal or no ridge, the numbers of columns
  ///         differ, something is NaN or infinite, or a ridge is not above 0; std::runtime_error if
  ///         a ridge is too small for the factor to exist in double.
  RidgeRegression(const MatrixArg<S>& signals, const SparseCodes<S>& codes, Options options = {}) {
    const std::string_view where = "RidgeRegression";
    const Index n = signals.cols();
    require(n >= 1 && signals.rows() >= 1, where, "there is no signal to fit");
    require(codes.cols() == n, where,
            "signals are " + shape_of(signals.rows(), n) + ", codes are " +
                shape_of(codes.rows(), codes.cols()) + ": expected as many columns");
    check_finite<S>(where, "signals", signals);
    check_finite<S>(where, "codes", codes);
    require(!options.ridges.empty(), where, "no ridges to choose from");
    ridges_ = std::move(options.ridges);

    const Matrix<double> x = signals.template cast<double>();
    const Matrix<double> gram = gram_matrix<double>(x.transpose());
    // X S^T, dim x num_atoms, by the active entries.
    Matrix<double> cross = Matrix<double>::Zero(x.rows(), codes.rows());
    for (Index j = 0; j < n; ++j)
      for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
        cross.col(entry.row()) += static_cast<double>(entry.value()) * x.col(j);

    double least = std::numeric_limits<double>::infinity();
    for (const double ridge : ridges_) {
      require(ridge > 0 && std::isfinite(ridge), where,
              "ridges must be above 0 and finite, got " + text_of(ridge));
      const Eigen::LLT<Matrix<double>> factor(gram +
                                              ridge * Matrix<double>::Identity(x.rows(), x.rows()));
      if (factor.info() != Eigen::Success)
        throw std::runtime_error("RidgeRegression: no Cholesky factor at ridge " + text_of(ridge));
      const Matrix<double> map = factor.solve(cross);  // W^T, dim x num_atoms
      errors_.push_back(leave_one_out(factor, map, x, codes));
      if (errors_.back() < least || errors_.size() == 1) {
        least = errors_.back();
        ridge_ = ridge;
        map_ = map.transpose().template cast<S>();
      }
    }
  }

  [[nodiscard]] Index dim() const noexcept { return map_.cols(); }
  [[nodiscard]] Index num_atoms() const noexcept { return map_.rows(); }
  /// W, num_atoms x dim.
  [[nodiscard]] const Matrix<S>& map() const noexcept { return map_; }
  [[nodiscard]] double ridge() const noexcept { return ridge_; }
  [[nodiscard]] const std::vector<double>& ridges() const noexcept { return ridges_; }
  /// Of each ridge, the squared error of leave-one-out, a mean over signals and latents.
  [[nodiscard]] const std::vector<double>& errors() const noexcept { return errors_; }

  /// W x, num_atoms x n: dense. @throws std::invalid_argument with both shapes.
  [[nodiscard]] Matrix<S> predict(const MatrixArg<S>& signals) const {
    check_rows("RidgeRegression::predict", "signals", signals.rows(), signals.cols(), dim(), "map",
               num_atoms(), dim());
    return map_ * signals;
  }

 private:
  static double leave_one_out(const Eigen::LLT<Matrix<double>>& factor, const Matrix<double>& map,
                              const Matrix<double>& x, const SparseCodes<S>& codes) {
    double sum = 0;
    constexpr Index size = 256;
    for (Index begin = 0; begin < x.cols(); begin += size) {
      const Index count = std::min(size, x.cols() - begin);
      // h_j = ||L^-1 x_j||^2.
      const Matrix<double> whitened = factor.matrixL().solve(x.middleCols(begin, count));
      Matrix<double> error = map.transpose() * x.middleCols(begin, count);
      for (Index j = 0; j < count; ++j) {
        for (typename SparseCodes<S>::InnerIterator entry(codes, begin + j); entry; ++entry)
          error(entry.row(), j) -= static_cast<double>(entry.value());
        const double left = 1 - whitened.col(j).squaredNorm();
        sum += error.col(j).squaredNorm() / (left * left);
      }
    }
    return sum /
           (static_cast<double>(x.cols()) * static_cast<double>(std::max<Index>(1, codes.rows())));
  }

  Matrix<S> map_;
  double ridge_ = 0;
  std::vector<double> ridges_, errors_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_RIDGE_REGRESSION_HPP
