// SPDX-License-Identifier: MIT
#ifndef LACUNA_SIGNAL_LABELLED_SOURCE_HPP
#define LACUNA_SIGNAL_LABELLED_SOURCE_HPP

#include <cstddef>
#include <span>
#include <utility>

#include <lacuna/signal/in_memory_source.hpp>

namespace lacuna {

/// Signals, dim x n, and their codes, num_atoms x n, that it owns, in the minibatches of
/// InMemorySource. A labelled source.
template <Real S>
class LabelledInMemorySource {
 public:
  using Scalar = S;

  /// @throws std::invalid_argument as InMemorySource; with both shapes if there are not as many
  ///         codes as signals; naming the column if a code holds a NaN or an infinity.
  LabelledInMemorySource(Matrix<S> signals, SparseCodes<S> codes,
                         InMemorySourceOptions options = {})
      : source_(std::move(signals), options), codes_(std::move(codes)) {
    const Matrix<S>& x = source_.signals();
    require(codes_.cols() == x.cols(), "LabelledInMemorySource",
            "signals are " + shape_of(x.rows(), x.cols()) + ", codes are " +
                shape_of(codes_.rows(), codes_.cols()) + ": expected as many columns");
    check_finite("LabelledInMemorySource", "codes", codes_);
    codes_.makeCompressed();
  }

  [[nodiscard]] Index dim() const noexcept { return source_.dim(); }
  [[nodiscard]] Index num_atoms() const noexcept { return codes_.rows(); }
  [[nodiscard]] Index batch_size() const noexcept { return source_.batch_size(); }
  [[nodiscard]] Index batches_per_epoch() const noexcept { return source_.batches_per_epoch(); }
  /// All signals, dim x n, and all codes, num_atoms x n, in their own order.
  [[nodiscard]] const Matrix<S>& signals() const noexcept { return source_.signals(); }
  [[nodiscard]] const SparseCodes<S>& codes() const noexcept { return codes_; }

  /// Which signals batch(step) holds, in its order; valid until the next call.
  [[nodiscard]] std::span<const Index> columns(Index step) { return source_.columns(step); }

  /// dim x batch_size, valid until the next call. Cost: a copy of the batch; none for a full one.
  /// @throws std::invalid_argument if step < 0.
  [[nodiscard]] MatrixArg<S> batch(Index step) { return source_.batch(step); }

  /// The codes of batch(step), num_atoms x batch_size, valid until the next call with another step.
  [[nodiscard]] const SparseCodes<S>& batch_codes(Index step) {
    const std::span<const Index> chosen = source_.columns(step);
    if (batch_size() == codes_.cols()) return codes_;
    if (step == step_) return batch_codes_;
    Index stored = 0;
    for (const Index j : chosen)
      stored += codes_.outerIndexPtr()[j + 1] - codes_.outerIndexPtr()[j];
    batch_codes_.resize(num_atoms(), batch_size());
    batch_codes_.reserve(stored);
    for (Index j = 0; j < batch_size(); ++j) {
      batch_codes_.startVec(j);
      typename SparseCodes<S>::InnerIterator entry(codes_, chosen[static_cast<std::size_t>(j)]);
      for (; entry; ++entry) batch_codes_.insertBack(entry.row(), j) = entry.value();
    }
    batch_codes_.finalize();
    step_ = step;
    return batch_codes_;
  }

 private:
  InMemorySource<S> source_;
  SparseCodes<S> codes_;
  SparseCodes<S> batch_codes_;
  Index step_ = -1;
};

}  // namespace lacuna

#endif  // LACUNA_SIGNAL_LABELLED_SOURCE_HPP
