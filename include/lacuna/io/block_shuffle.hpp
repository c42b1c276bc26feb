// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_BLOCK_SHUFFLE_HPP
#define LACUNA_IO_BLOCK_SHUFFLE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lacuna/core/random.hpp>

namespace lacuna {

/// An order of n columns for data that are read block by block: a function of (seed, epoch) that
/// any place of can be computed without what stands before it.
///
/// The columns are cut into blocks of `block` that follow each other (the last may be shorter). An
/// epoch goes through the blocks in an order of its own, `window` blocks at a time, and through the
/// columns of these blocks in an order of their own. So what stands together in the data is up to
/// window * block places apart, a part of the data of that size is in use at a time, and it is read
/// in whole blocks. With one window the order is a uniform shuffle.
///
/// Memory: a number a block, and one a column of a window. Cost of a place: O(1); O(window * block)
/// at the start of a window, O(n / block) at that of an epoch.
class BlockShuffle {
 public:
  /// @throws std::invalid_argument unless n, block and window are at least 1, and n / block and
  ///         window * block are below 2^32.
  BlockShuffle(std::string_view where, Index n, Index block, Index window, std::uint64_t seed)
      : n_(n), block_(std::min(block, n)), seed_(seed) {
    require(n >= 1, where, "there are no signals");
    require(block >= 1 && window >= 1, where,
            "block and window must be at least 1, are " + std::to_string(block) + " and " +
                std::to_string(window));
    num_blocks_ = (n - 1) / block_ + 1;
    window_ = std::min(window, num_blocks_);
    constexpr Index most = (Index{1} << 32) - 1;
    require(num_blocks_ <= most && window_ <= most / block_, where,
            std::to_string(num_blocks_) + " blocks of " + std::to_string(block_) +
                " in windows of " + std::to_string(window_) +
                ": 2^32 blocks, or signals in a window, are too many");
  }

  [[nodiscard]] Index num_windows() const noexcept { return (num_blocks_ - 1) / window_ + 1; }

  /// The columns from `place` to the end of its window, in the epoch's order, valid until the next
  /// call. Only for place in [0, n).
  [[nodiscard]] std::span<const Index> columns_from(Index epoch, Index place) {
    go_to(epoch, window_of(epoch, place));
    return std::span<const Index>(order_).subspan(static_cast<std::size_t>(place - begin_));
  }

  /// The first columns of the blocks of the window in use, and how long such a block is.
  [[nodiscard]] const std::vector<Index>& blocks() const noexcept { return blocks_; }
  [[nodiscard]] Index block_length(Index first_column) const noexcept {
    return std::min(block_, n_ - first_column);
  }
  /// How often another window came into use.
  [[nodiscard]] std::int64_t changes() const noexcept { return changes_; }

 private:
  /// What the blocks before the w-th window hold: all are full but the data's last.
  [[nodiscard]] Index window_begin(Index w) const {
    const Index slots = std::min(w * window_, num_blocks_);
    return slots * block_ - (short_slot_ < slots ? num_blocks_ * block_ - n_ : 0);
  }

  [[nodiscard]] Index window_of(Index epoch, Index place) {
    if (epoch != epoch_) {
      block_order_ = stream(epoch, 0).choose(num_blocks_, num_blocks_);
      short_slot_ = std::find(block_order_.begin(), block_order_.end(), num_blocks_ - 1) -
                    block_order_.begin();
      epoch_ = epoch;
      in_use_ = -1;
    }
    // The short block makes a window begin earlier than full ones would, by less than a block.
    Index w = place / (window_ * block_);
    while (w + 1 < num_windows() && place >= window_begin(w + 1)) ++w;
    return w;
  }

  void go_to(Index epoch, Index w) {
    if (w == in_use_) return;
    begin_ = window_begin(w);
    const Index size = window_begin(w + 1) - begin_;
    const Index first = w * window_, last = std::min(first + window_, num_blocks_);
    blocks_.clear();
    std::vector<Index> columns;
    columns.reserve(static_cast<std::size_t>(size));
    for (Index slot = first; slot < last; ++slot) {
      const Index column = block_order_[static_cast<std::size_t>(slot)] * block_;
      blocks_.push_back(column);
      for (Index i = 0; i < block_length(column); ++i) columns.push_back(column + i);
    }
    order_ = stream(epoch, w + 1).choose(size, size);
    for (Index& place : order_) place = columns[static_cast<std::size_t>(place)];
    in_use_ = w;
    ++changes_;
  }

  [[nodiscard]] RandomStream stream(Index epoch, Index purpose) const {
    return RandomStream(derive_seed(seed_, static_cast<std::uint64_t>(epoch)),
                        static_cast<std::uint64_t>(purpose));
  }

  Index n_;
  Index block_;
  Index window_ = 1;
  Index num_blocks_ = 1;
  std::uint64_t seed_;

  Index epoch_ = -1;
  std::vector<Index> block_order_;  // of the epoch
  Index short_slot_ = 0;            // where in it the data's last block is
  Index in_use_ = -1;               // a window
  Index begin_ = 0;                 // its first place
  std::int64_t changes_ = 0;
  std::vector<Index> blocks_;
  std::vector<Index> order_;
};

}  // namespace lacuna

#endif  // LACUNA_IO_BLOCK_SHUFFLE_HPP
