// SPDX-License-Identifier: MIT
#ifndef LACUNA_SYNTHETIC_WEIGHTED_SUPPORT_HPP
#define LACUNA_SYNTHETIC_WEIGHTED_SUPPORT_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <lacuna/core/random.hpp>

namespace lacuna {

/// Chooses k of n places one after the other, each with probability proportional to its weight
/// among the places that are left. (With unequal weights the first draw alone has the weights'
/// probabilities: a frequent place cannot be drawn twice.)
///
/// The weights are the leaves of a binary tree whose nodes hold sums. A place that was drawn is
/// set to 0 and its sums are made anew, not subtracted from: weights of any ratio leave no
/// rounding error behind. Cost: k draws of a double and 3 k log2(n) additions.
///
/// @code
/// WeightedSupport support(Vector<double>{{0.5, 0.3, 0.2}});
/// support.choose(random, 2, rows);
/// @endcode
class WeightedSupport {
 public:
  /// @param weights  n of them. @throws std::invalid_argument if one is not above 0, or their sum
  /// not finite.
  explicit WeightedSupport(Vector<double> weights)
      : weights_(std::move(weights)),
        leaves_(std::bit_ceil(static_cast<std::size_t>(weights_.size()))),
        sums_(2 * leaves_, 0.0) {
    require((weights_.array() > 0).all() && std::isfinite(weights_.sum()), "WeightedSupport",
            "weights must be above 0 and have a finite sum");
    std::copy(weights_.begin(), weights_.end(), sums_.begin() + static_cast<Index>(leaves_));
    for (std::size_t node = leaves_; node-- > 1;) add(node);
  }

  /// Writes k different members of {0, ..., n - 1}, in ascending order, to `out`. 0 <= k <= n.
  template <class Integer>
  void choose(RandomStream& random, Index k, Integer* out) {
    for (Index i = 0; i < k; ++i) {
      const Index member = draw(random);
      set(member, 0);
      out[i] = static_cast<Integer>(member);
    }
    for (Index i = 0; i < k; ++i) set(static_cast<Index>(out[i]), weights_[out[i]]);
    std::sort(out, out + k);
  }

 private:
  [[nodiscard]] Index draw(RandomStream& random) const {
    double rest = random.uniform<double>() * sums_[1];
    std::size_t node = 1;
    while (node < leaves_) {
      node *= 2;
      // Rounding may leave a rest for a half in which nothing is left.
      if (rest < sums_[node] || sums_[node + 1] == 0) continue;
      rest -= sums_[node];
      ++node;
    }
    return static_cast<Index>(node - leaves_);
  }

  void set(Index member, double weight) {
    std::size_t node = leaves_ + static_cast<std::size_t>(member);
    sums_[node] = weight;
    while ((node /= 2) > 0) add(node);
  }

  void add(std::size_t node) { sums_[node] = sums_[2 * node] + sums_[2 * node + 1]; }

  Vector<double> weights_;
  std::size_t leaves_;
  std::vector<double> sums_;  // of node i, whose halves are nodes 2 i and 2 i + 1; [1] is all
};

}  // namespace lacuna

#endif  // LACUNA_SYNTHETIC_WEIGHTED_SUPPORT_HPP
