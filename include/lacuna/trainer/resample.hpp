// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_RESAMPLE_HPP
#define LACUNA_TRAINER_RESAMPLE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/revival.hpp>
#include <lacuna/core/check.hpp>

namespace lacuna {

/// Options of `Resample`.
struct ResampleOptions {
  Index window = 500;  ///< steps without an active code after which a latent is dead
  Index every = 500;   ///< steps between two looks
  Index until = std::numeric_limits<Index>::max();  ///< none from this step on, so that all settle
  /// Length of new encoder weights, over the mean of the living. 0: .2, or 1 where entries compete
  /// for k places, which short weights do not win.
  double encoder_scale = 0;
};

/// Revives dead latents at the signals that are reconstructed worst. Models `RevivalFor` models
/// with an affine encoder and a learnable dictionary.
///
/// The i-th dead latent is given the i-th worst signal of the batch: its atom becomes the direction
/// of what is left of that signal, its encoder weights the same direction at `encoder_scale` of the
/// mean length of the living, its bias 0, and what else the encoder learns of a latent the mean of
/// the living. Signals that are reconstructed exactly revive nothing.
///
/// Source: Bricken et al., "Towards monosemanticity", 2023, appendix on neuron resampling; here the
/// worst signals in turn and not by lot, and their residuals.
///
/// @code
/// JointTrainer(options, Adam(), Resample({.window = 500})).fit(model, source);
/// @endcode
class Resample {
 public:
  using Options = ResampleOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Resample(ResampleOptions options = {}) : options_(options) {
    require(options.window >= 1, "Resample",
            "window must be at least 1, is " + std::to_string(options.window));
    require(options.every >= 1, "Resample",
            "every must be at least 1, is " + std::to_string(options.every));
    require(options.encoder_scale >= 0 && std::isfinite(options.encoder_scale), "Resample",
            "encoder_scale must be finite and at least 0, is " + text_of(options.encoder_scale));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  static constexpr bool replaces_latents = true;
  [[nodiscard]] Index window() const noexcept { return options_.window; }
  [[nodiscard]] std::int64_t auxiliary_flops(Index, Index) const noexcept { return 0; }

  template <class M, Real S>
  double auxiliary(const M&, const TrainingBatch<S>&, const std::vector<Index>&, Vector<S>&,
                   Vector<S>&) const {
    return 0;
  }

  /// Replaces up to n dead latents. @returns which.
  template <class M, Real S>
  requires LearnableDictionary<decltype(M::dictionary)> && requires(const M& m) {
    m.encoder.affine().entries_of(Index());
  }
  [[nodiscard]] std::vector<Index> revive(M& model, const TrainingBatch<S>& batch,
                                          const std::vector<Index>& dead, Index step) const {
    if (dead.empty() || step >= options_.until || (step + 1) % options_.every != 0) return {};
    const Vector<S> lengths = batch.residual.colwise().norm().transpose();
    std::vector<Index> worst(static_cast<std::size_t>(lengths.size()));
    std::iota(worst.begin(), worst.end(), Index(0));
    std::stable_sort(worst.begin(), worst.end(),
                     [&](Index i, Index j) { return lengths[i] > lengths[j]; });
    std::vector<Index> revived;
    for (std::size_t i = 0; i < std::min(dead.size(), worst.size()); ++i)
      if (lengths[worst[i]] > S(0)) revived.push_back(dead[i]);

    const auto& map = model.encoder.affine();
    const Index num_atoms = map.num_atoms();
    const Index num_biases = map.has_bias() ? 1 : 0;
    auto parameters = model.encoder.parameters();
    std::vector<bool> living(static_cast<std::size_t>(num_atoms), true);
    for (const Index latent : dead) living[static_cast<std::size_t>(latent)] = false;
    double length = 0;
    Vector<S> mean = Vector<S>::Zero(map.entries_of(0)[1].count);
    const Index num_living = num_atoms - static_cast<Index>(dead.size());
    for (Index i = 0; i < num_atoms; ++i) {
      if (!living[static_cast<std::size_t>(i)]) continue;
      const auto [weights_of, others_of] = map.entries_of(i);
      length += static_cast<double>(map.view(parameters, weights_of).norm()) /
                static_cast<double>(num_living);
      mean += map.view(parameters, others_of) / static_cast<S>(num_living);
    }
    // Where none lives there is no measure but the atoms' own.
    double relative = options_.encoder_scale;
    if (relative == 0) relative = requires {
        model.encoder.k();
      }
    ? 1.0 : 0.2;
    const S scale = static_cast<S>(relative * (num_living > 0 ? length : 1.0));
    model.dictionary.update_atoms([&](Matrix<S>& atoms) {
      for (std::size_t i = 0; i < revived.size(); ++i) {
        const Index signal = worst[i], latent = revived[i];
        const Vector<S> direction = batch.residual.col(signal) / -lengths[signal];
        atoms.col(latent) = direction;
        const auto [weights_of, others_of] = map.entries_of(latent);
        map.view(parameters, weights_of) = scale * direction;
        auto others = map.view(parameters, others_of);
        others.head(num_biases).setZero();
        if (num_living > 0)
          others.tail(mean.size() - num_biases) = mean.tail(mean.size() - num_biases);
      }
    });
    return revived;
  }

 private:
  ResampleOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_RESAMPLE_HPP
