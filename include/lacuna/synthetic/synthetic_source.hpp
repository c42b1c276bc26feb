// SPDX-License-Identifier: MIT
#ifndef LACUNA_SYNTHETIC_SYNTHETIC_SOURCE_HPP
#define LACUNA_SYNTHETIC_SYNTHETIC_SOURCE_HPP

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <lacuna/synthetic/synthetic_model.hpp>

namespace lacuna {

struct SyntheticSourceOptions {
  Index batch_size = 1024;
  std::uint64_t seed = 0;
  Index threads = 1;  ///< 0 for all cores; batches have the same bits at any number
};

/// Signals without end and without repetition: batch t is model.sample(batch_size, seed, t
/// batch_size). A labelled source. The last batch drawn is kept; asking for it again costs nothing.
template <Real S>
class SyntheticSource {
 public:
  using Scalar = S;

  /// @throws std::invalid_argument if batch_size < 1.
  explicit SyntheticSource(SyntheticModel<S> model, SyntheticSourceOptions options = {})
      : model_(std::move(model)), options_(options) {
    require(options.batch_size >= 1, "SyntheticSource",
            "batch_size must be at least 1, got " + std::to_string(options.batch_size));
  }

  [[nodiscard]] Index dim() const noexcept { return model_.dim(); }
  [[nodiscard]] Index num_atoms() const noexcept { return model_.num_atoms(); }
  [[nodiscard]] const SyntheticModel<S>& model() const noexcept { return model_; }

  /// dim x batch_size, valid until the next call with another step.
  /// @throws std::invalid_argument if step < 0, or the signals' numbers would not fit an Index.
  [[nodiscard]] MatrixArg<S> batch(Index step) { return draw(step).signals; }

  /// The codes of batch(step), num_atoms x batch_size, valid as long.
  [[nodiscard]] const SparseCodes<S>& batch_codes(Index step) { return draw(step).codes; }

 private:
  const LabelledSignals<S>& draw(Index step) {
    if (step == step_) return batch_;
    require(step >= 0 && step < std::numeric_limits<Index>::max() / options_.batch_size,
            "SyntheticSource", "there is no batch for step " + std::to_string(step));
    batch_ = model_.sample(options_.batch_size, options_.seed, step * options_.batch_size,
                           options_.threads);
    step_ = step;
    return batch_;
  }

  SyntheticModel<S> model_;
  SyntheticSourceOptions options_;
  LabelledSignals<S> batch_;
  Index step_ = -1;
};

}  // namespace lacuna

#endif  // LACUNA_SYNTHETIC_SYNTHETIC_SOURCE_HPP
