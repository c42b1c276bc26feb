// SPDX-License-Identifier: MIT
#ifndef LACUNA_SIGNAL_IN_MEMORY_SOURCE_HPP
#define LACUNA_SIGNAL_IN_MEMORY_SOURCE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <lacuna/signal/minibatches.hpp>

namespace lacuna {

struct InMemorySourceOptions {
  Index batch_size = 0;    ///< 0: every batch is all signals, by view and in their own order
  std::uint64_t seed = 0;  ///< of the order of minibatches
};

/// Signals, dim x n, that it owns, in minibatches as `Minibatches` says: seeded, shuffled every
/// epoch, all of one size. A signal source.
template <Real S>
class InMemorySource {
 public:
  using Scalar = S;

  /// @throws std::invalid_argument if there are no signals or they have no entries, batch_size is
  ///         not in [0, n], or naming the column that holds a NaN or an infinity.
  explicit InMemorySource(Matrix<S> signals, InMemorySourceOptions options = {})
      : signals_(std::move(signals)),
        minibatches_("InMemorySource", signals_.cols(), options.batch_size, options.seed) {
    require(signals_.rows() >= 1, "InMemorySource", "the signals have no entries");
    check_finite<S>("InMemorySource", "signals", signals_);
  }

  [[nodiscard]] Index dim() const noexcept { return signals_.rows(); }
  [[nodiscard]] Index batch_size() const noexcept { return minibatches_.batch_size(); }
  [[nodiscard]] Index batches_per_epoch() const noexcept {
    return minibatches_.batches_per_epoch();
  }
  /// All signals, dim x n, in their own order.
  [[nodiscard]] const Matrix<S>& signals() const noexcept { return signals_; }

  /// Which signals batch(step) holds, in its order; valid until the next call.
  [[nodiscard]] std::span<const Index> columns(Index step) { return minibatches_.columns(step); }

  /// dim x batch_size, valid until the next call. Cost: a copy of the batch; none for a full one.
  /// @throws std::invalid_argument if step < 0.
  [[nodiscard]] MatrixArg<S> batch(Index step) {
    const std::span<const Index> chosen = minibatches_.columns(step);
    if (minibatches_.full()) return signals_;
    batch_.resize(dim(), batch_size());
    for (Index j = 0; j < batch_size(); ++j)
      batch_.col(j) = signals_.col(chosen[static_cast<std::size_t>(j)]);
    return batch_;
  }

 private:
  Matrix<S> signals_;
  Minibatches minibatches_;
  Matrix<S> batch_;
};

}  // namespace lacuna

#endif  // LACUNA_SIGNAL_IN_MEMORY_SOURCE_HPP
