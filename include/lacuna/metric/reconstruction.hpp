// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_RECONSTRUCTION_HPP
#define LACUNA_METRIC_RECONSTRUCTION_HPP

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// How far reconstructions are from their signals, over batches.
///
/// Sums are kept in double; the spread of the signals is taken about the running mean (Chan, Golub
/// & LeVeque 1979), so that a large mean does not drown it and batches may be split anywhere.
class ReconstructionError {
 public:
  /// @throws std::invalid_argument if dim < 1.
  explicit ReconstructionError(Index dim) : mean_(Vector<double>::Zero(checked(dim))) {}

  [[nodiscard]] Index dim() const noexcept { return mean_.size(); }
  /// Signals seen.
  [[nodiscard]] Index count() const noexcept { return count_; }

  /// Takes n more signals and their reconstructions, both dim x n.
  /// Cost: one pass; no copy but of a block.
  /// @throws std::invalid_argument with both shapes if they do not fit, or naming the column that
  ///         holds a NaN or an infinity; nothing has been added then.
  template <class X, class R>
  void add(const Eigen::MatrixBase<X>& signals, const Eigen::MatrixBase<R>& reconstruction) {
    static_assert(Real<typename X::Scalar> && Real<typename R::Scalar>);
    const MatrixArg<typename X::Scalar> x(signals.derived());
    const MatrixArg<typename R::Scalar> y(reconstruction.derived());
    const std::string_view where = "ReconstructionError::add";
    require(x.rows() == dim(), where,
            "signals are " + shape_of(x.rows(), x.cols()) + ": expected " + std::to_string(dim()) +
                " rows");
    check_same_shape(where, "signals", x, "reconstruction", y);
    check_finite<typename X::Scalar>(where, "signals", x);
    check_finite<typename R::Scalar>(where, "reconstruction", y);
    constexpr Index block = 256;
    for (Index begin = 0; begin < x.cols(); begin += block) {
      const Index count = std::min(block, x.cols() - begin);
      add_block<double>(x.middleCols(begin, count).template cast<double>(),
                        y.middleCols(begin, count).template cast<double>());
    }
  }

  /// The mean of (x - x^)^2 over all entries; NaN before the first signal.
  [[nodiscard]] double mse() const {
    return squared_error_ / (static_cast<double>(count_) * static_cast<double>(dim()));
  }

  /// 1 - sum ||x - x^||^2 / sum ||x - mean||^2, the mean being that of the signals seen: 0 for
  /// whoever always answers the mean, below 0 for worse. NaN where the signals do not differ.
  [[nodiscard]] double explained_variance() const {
    if (!(scatter_ > 0)) return std::numeric_limits<double>::quiet_NaN();
    return 1.0 - squared_error_ / scatter_;
  }

 private:
  static Index checked(Index dim) {
    require(dim >= 1, "ReconstructionError", "dim must be at least 1, got " + std::to_string(dim));
    return dim;
  }

  template <Real S>
  void add_block(const Matrix<S>& x, const Matrix<S>& y) {
    squared_error_ += (x - y).squaredNorm();
    const auto before = static_cast<double>(count_);
    const auto added = static_cast<double>(x.cols());
    const Vector<double> block_mean = x.rowwise().mean();
    const Vector<double> shift = block_mean - mean_;
    scatter_ += (x.colwise() - block_mean).squaredNorm() +
                before * added / (before + added) * shift.squaredNorm();
    mean_ += shift * (added / (before + added));
    count_ += x.cols();
  }

  Vector<double> mean_;
  double scatter_ = 0;
  double squared_error_ = 0;
  Index count_ = 0;
};

}  // namespace lacuna

#endif  // LACUNA_METRIC_RECONSTRUCTION_HPP
