// SPDX-License-Identifier: MIT
#ifndef LACUNA_SYNTHETIC_RANDOM_SUPPORT_HPP
#define LACUNA_SYNTHETIC_RANDOM_SUPPORT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lacuna/core/random.hpp>

namespace lacuna {

/// Chooses k of n places for the active entries of a code by Floyd's algorithm (Bentley & Floyd, "A
/// sample of brilliance", CACM 1987): k draws, every subset equally likely, and no work in n but
/// the one allocation.
class RandomSupport {
 public:
  /// @param capacity  the largest n to come.
  explicit RandomSupport(Index capacity) : chosen_in_(static_cast<std::size_t>(capacity), 0) {}

  /// Writes k different members of {first, ..., first + n - 1}, in ascending order, to `out`.
  /// 0 <= k <= n <= capacity.
  template <class Integer>
  void choose(RandomStream& random, Index first, Index n, Index k, Integer* out) {
    // Members of this round are those that carry its number: nothing to clear.
    ++round_;
    for (Index last = n - k; last < n; ++last) {
      auto member = static_cast<Index>(random.below(static_cast<std::uint32_t>(last + 1)));
      if (chosen_in_[static_cast<std::size_t>(member)] == round_) member = last;
      chosen_in_[static_cast<std::size_t>(member)] = round_;
      *out++ = static_cast<Integer>(first + member);
    }
    std::sort(out - k, out);
  }

  /// Of {0, ..., capacity - 1}.
  template <class Integer>
  void choose(RandomStream& random, Index k, Integer* out) {
    choose(random, 0, static_cast<Index>(chosen_in_.size()), k, out);
  }

 private:
  std::vector<std::uint64_t> chosen_in_;
  std::uint64_t round_ = 0;
};

}  // namespace lacuna

#endif  // LACUNA_SYNTHETIC_RANDOM_SUPPORT_HPP
