// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_GEOMETRIC_MEDIAN_HPP
#define LACUNA_OPERATOR_GEOMETRIC_MEDIAN_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <lacuna/core/check.hpp>
#include <lacuna/core/status.hpp>

namespace lacuna {

/// Options of `geometric_median`.
struct GeometricMedianOptions {
  double tolerance = 1e-6;  ///< of the relative gap
  Index max_iterations = 1000;
};

/// What `geometric_median` gives.
struct GeometricMedian {
  Vector<double> point;     ///< dim
  double objective = 0;     ///< sum of the distances to it
  double relative_gap = 0;  ///< the objective is above its minimum by at most this share of itself
  Index iterations = 0;
  Status status = Status::max_iterations;
};

namespace detail {

/// The sum of distances at a point, and what its optimality condition needs.
struct DistanceSum {
  double objective = 0;   // sum of |x_j - y|
  Vector<double> pull;    // sum of (x_j - y) / |x_j - y| over the x_j that are not y
  double weight = 0;      // sum of 1 / |x_j - y| over those
  double coincident = 0;  // how many x_j are y
  Index nearest = 0;      // the nearest x_j that is not y
  double relative_gap = 0;

  template <Real S>
  DistanceSum(const MatrixArg<S>& signals, const Vector<double>& y)
      : pull(Vector<double>::Zero(y.size())) {
    Vector<double> apart(y.size());
    double least = std::numeric_limits<double>::infinity();
    for (Index j = 0; j < signals.cols(); ++j) {
      apart = signals.col(j).template cast<double>() - y;
      const double distance = apart.stableNorm();
      if (distance == 0) {
        ++coincident;
        continue;
      }
      objective += distance;
      pull += apart / distance;
      weight += 1 / distance;
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    // The least subgradient is what the pull has beyond the coincident points, and the minimum is
    // no farther than 2 objective / n: f(y) - f(y*) <= |subgradient| |y - y*|.
    relative_gap =
        2 * std::max(0.0, pull.norm() - coincident) / static_cast<double>(signals.cols());
  }
};

}  // namespace detail

/// The point whose distances to the signals have the least sum, by Weiszfeld's iteration from the
/// mean, which a coincidence with a signal does not stop (Vardi & Zhang, "The multivariate
/// L1-median and associated data depth", 2000). Unlike the mean it is not drawn away by fewer than
/// half of the signals.
///
/// Ends with a certificate: the condition of optimality, that the unit vectors to the signals add
/// up to no more than the signals that coincide, holds to the tolerance. Where a signal is the
/// median the iteration would come near it for ever: the nearest one is tried, and then the answer
/// is exact. In double. Cost: 6 dim n flops an iteration, and no memory of the size of the signals.
///
/// @param signals  dim x n, n at least 1.
/// @throws std::invalid_argument if there are none, one is not finite, or an option is out of
/// range.
///
/// @code
/// const Vector<float> centre = geometric_median<float>(signals).point.cast<float>();
/// @endcode
template <Real S>
[[nodiscard]] GeometricMedian geometric_median(const MatrixArg<S>& signals,
                                               GeometricMedianOptions options = {}) {
  require(signals.cols() > 0, "geometric_median", "no signals");
  check_finite<S>("geometric_median", "signals", signals);
  require(options.tolerance > 0, "geometric_median",
          "tolerance must be above 0, is " + text_of(options.tolerance));
  require(options.max_iterations >= 0, "geometric_median",
          "max_iterations must be at least 0, is " + std::to_string(options.max_iterations));
  GeometricMedian median;
  median.point = signals.template cast<double>().rowwise().mean();
  detail::DistanceSum here(signals, median.point);
  Index tried = -1;
  for (;; ++median.iterations) {
    if (here.relative_gap > options.tolerance && here.nearest != tried) {
      tried = here.nearest;
      const Vector<double> signal = signals.col(tried).template cast<double>();
      const detail::DistanceSum there(signals, signal);
      if (there.relative_gap <= options.tolerance) {
        median.point = signal;
        here = there;
      }
    }
    median.objective = here.objective;
    median.relative_gap = here.relative_gap;
    if (here.relative_gap <= options.tolerance) median.status = Status::converged;
    if (median.status == Status::converged || median.iterations >= options.max_iterations)
      return median;
    // Weiszfeld's step is pull / weight; of it goes the share by which the coincident points hold.
    const double length = here.pull.norm();
    median.point += here.pull * (std::max(0.0, 1 - here.coincident / length) / here.weight);
    here = detail::DistanceSum(signals, median.point);
  }
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_GEOMETRIC_MEDIAN_HPP
