// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_GRADIENT_CHECK_HPP
#define LACUNA_TESTS_SUPPORT_GRADIENT_CHECK_HPP

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <lacuna/core/random.hpp>

namespace lacuna::test {

/// The step of the central differences. A piecewise linear function is then off by rounding alone
/// (1e-16 / 1e-5), a smooth one by 1e-10 as well: both far below the 1e-6 that gradients must meet.
inline constexpr double difference_step = 1e-5;

/// The gradient of f at x by central differences, in double.
template <class F>
[[nodiscard]] Vector<double> finite_differences(F&& f, Vector<double> x,
                                                double step = difference_step) {
  Vector<double> gradient(x.size());
  for (Index i = 0; i < x.size(); ++i) {
    const double here = x[i];
    x[i] = here + step;
    const double above = f(std::as_const(x));
    x[i] = here - step;
    const double below = f(std::as_const(x));
    x[i] = here;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

/// ||gradient - expected|| / ||expected||. Two gradients of nothing agree; a gradient that is 0
/// everywhere proves nothing, so callers ask for one that is not.
[[nodiscard]] inline double relative_error(const Vector<double>& gradient,
                                           const Vector<double>& expected) {
  if (gradient.size() != expected.size()) return std::numeric_limits<double>::infinity();
  const double length = expected.norm();
  const double error = (gradient - expected).norm();
  return length > 0 ? error / length : error;
}

/// How far the pre-activations may all move before one crosses the kink of max(., 0).
[[nodiscard]] inline double distance_to_relu_kink(const Matrix<double>& preactivation) {
  return preactivation.size() > 0 ? preactivation.cwiseAbs().minCoeff()
                                  : std::numeric_limits<double>::infinity();
}

/// The same where only the k largest stay: the order of the k-th and the next must not change
/// either.
[[nodiscard]] inline double distance_to_top_k_kink(const Matrix<double>& preactivation, Index k) {
  double distance = distance_to_relu_kink(preactivation);
  for (Index j = 0; j < preactivation.cols() && k < preactivation.rows(); ++j) {
    std::vector<double> column(preactivation.col(j).begin(), preactivation.col(j).end());
    std::sort(column.begin(), column.end(), std::greater<>());
    const auto last = static_cast<std::size_t>(k - 1);
    // Both may move, towards each other.
    distance = std::min(distance, 0.5 * (column[last] - column[last + 1]));
  }
  return distance;
}

/// n standard normal signals of which each is further than `margin` from every kink of an encoder:
/// `distance(signal)` says how far one is. Columns that are nearer are drawn again.
template <class Distance>
[[nodiscard]] Matrix<double> signals_clear_of_kinks(Index dim, Index n, std::uint64_t seed,
                                                    double margin, Distance&& distance) {
  Matrix<double> signals(dim, n);
  RandomStream random(seed);
  for (Index j = 0; j < n; ++j) {
    do {
      for (Index i = 0; i < dim; ++i) signals(i, j) = random.normal<double>();
    } while (!(distance(Matrix<double>(signals.col(j))) > margin));
  }
  return signals;
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_GRADIENT_CHECK_HPP
