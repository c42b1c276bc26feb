// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SIGNAL_GROUPS_HPP
#define LACUNA_OPERATOR_SIGNAL_GROUPS_HPP

#include <algorithm>

#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/blocked_product.hpp>

namespace lacuna::detail {

/// The order in which signals go through several products, one after another: a group of them goes
/// through all before the next group does, so that what is kept of it stays in the second-level
/// cache. It depends on the shapes alone.
struct SignalGroups {
  Index count;  ///< all signals
  Index group;  ///< signals of a group
  Index part;   ///< of a number of groups that is worth a thread, or all

  /// All in one group, where the products have threads of their own.
  [[nodiscard]] static SignalGroups one(Index count) { return {count, count, count}; }

  /// Groups for small products with so many weights in all, which keep so many numbers of a signal.
  /// What does not fill the cache twice stays together: nothing is gained by less.
  [[nodiscard]] static SignalGroups cached(Index count, Index kept, Index weights) {
    constexpr Index strip = 48;  // of columns that small products take at once, several times
    constexpr Index numbers = Index{1} << 16;
    if (count * kept <= 2 * numbers) return one(count);
    const Index group = std::max(strip, numbers / kept / strip * strip);
    const Index worth = std::max<Index>(1, least_products / weights);  // signals, of a thread
    return {count, group, std::min(count, num_blocks(worth, group) * group)};
  }

  [[nodiscard]] Index num_parts() const { return part == count ? 1 : num_blocks(count, part); }

  /// Calls `work(part, threads)` for each part; `threads` is for the products in it.
  template <class Work>
  void for_each_part(Index threads, const Work& work) const {
    if (num_parts() == 1) return work(Block{0, count, 0}, threads);
    for_each_block(count, part, threads, [&](Block block, Index) { work(block, Index{1}); });
  }

  /// Calls `work(group)` for each group of a part.
  template <class Work>
  void for_each_group(Block part_block, const Work& work) const {
    const Index end = part_block.begin + part_block.count;
    for (Index begin = part_block.begin; begin < end; begin += group)
      work(Block{begin, std::min(group, end - begin), 0});
  }
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_SIGNAL_GROUPS_HPP
