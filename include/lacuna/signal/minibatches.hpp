// SPDX-License-Identifier: MIT
#ifndef LACUNA_SIGNAL_MINIBATCHES_HPP
#define LACUNA_SIGNAL_MINIBATCHES_HPP

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lacuna/core/random.hpp>

namespace lacuna {

/// Which of n columns the batch of a training step holds, as a function of the step alone.
///
/// An epoch has floor(n / batch_size) batches and goes through the columns in an order of its own,
/// drawn from (seed, epoch). What does not fill a batch at the end of an epoch is left out of that
/// epoch, so that all batches are of one size; another order leaves out other columns the next
/// time. A batch of all n columns keeps them in their own order.
class Minibatches {
 public:
  /// @param batch_size  0 for all n.
  /// @throws std::invalid_argument if n < 1 or batch_size is not in [0, n].
  Minibatches(std::string_view where, Index n, Index batch_size, std::uint64_t seed)
      : n_(n), batch_size_(batch_size == 0 ? n : batch_size), seed_(seed) {
    require(n >= 1, where, "there are no signals");
    require(batch_size >= 0 && batch_size <= n, where,
            "batch_size must be in [0, n], got " + std::to_string(batch_size) + " of " +
                std::to_string(n));
  }

  [[nodiscard]] Index batch_size() const noexcept { return batch_size_; }
  [[nodiscard]] Index batches_per_epoch() const noexcept { return n_ / batch_size_; }
  /// Whether a batch is all columns in their own order.
  [[nodiscard]] bool full() const noexcept { return batch_size_ == n_; }

  /// The columns of a step's batch, valid until the next call. Cost: O(n) at the start of an epoch.
  /// @throws std::invalid_argument if step < 0.
  [[nodiscard]] std::span<const Index> columns(Index step) {
    require(step >= 0, "Minibatches", "the step must be at least 0, got " + std::to_string(step));
    const Index epoch = full() ? 0 : step / batches_per_epoch();
    if (epoch != epoch_) {
      order_ = order_of(epoch);
      epoch_ = epoch;
    }
    const Index begin = full() ? 0 : step % batches_per_epoch() * batch_size_;
    return std::span<const Index>(order_).subspan(static_cast<std::size_t>(begin),
                                                  static_cast<std::size_t>(batch_size_));
  }

 private:
  [[nodiscard]] std::vector<Index> order_of(Index epoch) const {
    if (!full()) return RandomStream(seed_, static_cast<std::uint64_t>(epoch)).choose(n_, n_);
    std::vector<Index> order(static_cast<std::size_t>(n_));
    std::iota(order.begin(), order.end(), Index(0));
    return order;
  }

  Index n_;
  Index batch_size_;
  std::uint64_t seed_;
  Index epoch_ = -1;
  std::vector<Index> order_;
};

}  // namespace lacuna

#endif  // LACUNA_SIGNAL_MINIBATCHES_HPP
