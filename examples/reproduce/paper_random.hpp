// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_PAPER_RANDOM_HPP
#define LACUNA_EXAMPLES_REPRODUCE_PAPER_RANDOM_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>

namespace lacuna::examples {

/// The numbers of `numpy.random.seed(seed)` and NumPy's functions after it, which NumPy keeps as they
/// are (its "legacy" generator: NEP 19). The generator is the standard's mt19937, seeded as it is.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}

  /// `rand()`: 53 random bits of [0, 1).
  [[nodiscard]] double uniform() {
    const auto high = static_cast<double>(engine_() >> 5);
    const auto low = static_cast<double>(engine_() >> 6);
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }

  /// `normal()`: Marsaglia's polar method, which makes two at a time.
  [[nodiscard]] double normal() {
    if (next_) {
      const double value = *next_;
      next_.reset();
      return value;
    }
    double x = 0, y = 0, square = 0;
    do {
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double scale = std::sqrt(-2 * std::log(square) / square);
    next_ = scale * x;
    return scale * y;
  }

  /// `choice(n, k, replace=False)`: the first k of a shuffle of 0, ..., n - 1.
  /// @throws std::invalid_argument if k is not in [1, n].
  [[nodiscard]] std::vector<Index> choice(Index n, Index k) {
    check(n, k);
    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[below(i)]);
    order.resize(static_cast<std::size_t>(k));
    return order;
  }

  /// `choice(n, k, replace=False, p=weights)`, n of the weights: draws by the weights until there are
  /// k, those that come again dropped. Weights are above 0, with sum 1.
  /// @throws std::invalid_argument if k is not in [1, n].
  [[nodiscard]] std::vector<Index> choice(Vector<double> weights, Index k) {
    check(weights.size(), k);
    std::vector<Index> chosen;
    while (static_cast<Index>(chosen.size()) < k) {
      std::vector<double> points(static_cast<std::size_t>(k) - chosen.size());
      for (double& point : points) point = uniform();
      for (const Index i : chosen) weights[i] = 0;
      Vector<double> cumulated(weights.size());
      std::partial_sum(weights.begin(), weights.end(), cumulated.begin());
      cumulated /= cumulated[cumulated.size() - 1];
      for (const double point : points) {
        const auto drawn = static_cast<Index>(
            std::upper_bound(cumulated.begin(), cumulated.end(), point) - cumulated.begin());
        if (std::find(chosen.begin(), chosen.end(), drawn) == chosen.end()) chosen.push_back(drawn);
      }
    }
    return chosen;
  }

 private:
  static void check(Index n, Index k) {
    require(k >= 1 && k <= n, "NumpyRandom::choice",
            std::to_string(k) + " of " + std::to_string(n));
  }

  /// One of 0, ..., most: as many bits as `most` has, until they are no more than it.
  [[nodiscard]] std::size_t below(std::size_t most) {
    std::uint32_t mask = static_cast<std::uint32_t>(most);
    for (const int shift : {1, 2, 4, 8, 16}) mask |= mask >> shift;
    std::uint32_t value = 0;
    do value = static_cast<std::uint32_t>(engine_()) & mask;
    while (value > most);
    return value;
  }

  std::mt19937 engine_;
  std::optional<double> next_;
};

/// The numbers of `torch.manual_seed(seed)` and PyTorch's functions after it, of floats on a CPU. The
/// generator is the standard's mt19937, seeded as it is; normal numbers are PyTorch's to the rounding
/// of its vectorised logarithm and cosine. Matrices are filled row by row.
class TorchRandom {
 public:
  explicit TorchRandom(std::uint32_t seed) : engine_(seed) {}

  /// 24 random bits of [0, 1).
  [[nodiscard]] float uniform() {
    return static_cast<float>(engine_() & 0xFFFFFFu) * 0x1p-24F;
  }

  /// `torch.randn(rows, cols)`, of 16 entries at least: the method of Box and Muller on 16 uniform
  /// numbers at a time, which begin anew for the last 16 where they are not a multiple.
  /// @throws std::invalid_argument if they are fewer: PyTorch draws those in another way.
  [[nodiscard]] Matrix<float> normal(Index rows, Index cols) {
    const Index size = rows * cols;
    require(size >= group, "TorchRandom::normal", "at least 16 entries");
    Vector<float> values(size);
    for (float& value : values) value = uniform();
    for (Index begin = 0; begin + group <= size; begin += group) to_normal(values.data() + begin);
    if (size % group != 0) {
      float* last = values.data() + size - group;
      for (Index i = 0; i < group; ++i) last[i] = uniform();
      to_normal(last);
    }
    return values.reshaped<Eigen::RowMajor>(rows, cols);
  }

  /// What `torch.nn.Linear(inputs, outputs)` begins with, uniform within 1 / sqrt(inputs): its
  /// weight, where rows x cols is outputs x inputs, or then its bias, where that is outputs x 1.
  [[nodiscard]] Matrix<float> linear(Index rows, Index cols, Index inputs) {
    const auto bound = static_cast<float>(1 / std::sqrt(static_cast<double>(inputs)));
    Matrix<float> values(rows, cols);
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < cols; ++j) values(i, j) = uniform() * (bound - -bound) + -bound;
    return values;
  }

 private:
  static constexpr Index group = 16;

  static void to_normal(float* values) {
    for (Index i = 0; i < group / 2; ++i) {
      const float radius = std::sqrt(-2 * std::log(1 - values[i]));
      const float angle = 2 * std::numbers::pi_v<float> * values[i + group / 2];
      values[i] = radius * std::cos(angle);
      values[i + group / 2] = radius * std::sin(angle);
    }
  }

  std::mt19937 engine_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_PAPER_RANDOM_HPP
