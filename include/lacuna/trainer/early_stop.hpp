// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_EARLY_STOP_HPP
#define LACUNA_TRAINER_EARLY_STOP_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <lacuna/core/check.hpp>
#include <lacuna/core/outcome.hpp>

namespace lacuna {

/// Options of `EarlyStop`.
struct EarlyStopOptions {
  double delta = 0;           ///< a check must be better than the best before by more than this
  Index checks = 10;          ///< so many in a row that are not better end the training
  Index steps_a_check = 100;  ///< whose mean loss is checked: that of one batch is noise
};

/// Ends a training whose loss no longer falls. Models `Observer`.
///
/// Every steps_a_check steps it compares their mean loss with the least that it has seen: better by
/// more than delta, or not. A loss that is not finite ends the training at once, as it will not
/// come back. What it remembers are its fields: a training that is resumed stops where it would
/// have if they are in its checkpoint, and up to date there: tell it of a step before the
/// checkpoint is written. A value that holds both is saved as one.
///
/// The loss is that of the training: a schedule that raises lambda raises it too.
///
/// @code
/// EarlyStop stop({.delta = 1e-4, .checks = 20, .steps_a_check = 500});
/// const Outcome outcome = trainer.fit(model, source, stop);
/// const bool settled = outcome.status == Status::stopped;
///
/// struct Run {
///   JointState<float, Adam> training;
///   EarlyStop stop;
///   template <class Self, class Visit>
///   static void fields(Self& self, Visit&& visit) {
///     visit("training", self.training);
///     visit("stop", self.stop);
///   }
/// };
/// Run run{trainer.start(model), stop};
/// if (is_resumed) load_checkpoint("run.safetensors", model, run);
/// const auto save = [&](const Progress& progress) {
///   if (progress.step % 1000 == 0) save_checkpoint("run.safetensors", model, run);
///   return true;
/// };
/// trainer.resume(model, run.training, source, observers(run.stop, save));  // in this order
/// @endcode
class EarlyStop {
 public:
  using Options = EarlyStopOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit EarlyStop(EarlyStopOptions options = {}) : options_(options) {
    require(options.delta >= 0 && std::isfinite(options.delta), "EarlyStop",
            "delta must be finite and at least 0, is " + std::to_string(options.delta));
    require(options.checks >= 1, "EarlyStop",
            "checks must be at least 1, is " + std::to_string(options.checks));
    require(options.steps_a_check >= 1, "EarlyStop",
            "steps_a_check must be at least 1, is " + std::to_string(options.steps_a_check));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  bool operator()(const Progress& progress) {
    if (stopped()) return false;
    sum_ += progress.loss;
    ++steps_;
    if (!std::isfinite(sum_)) {
      stale_ = options_.checks;
      return false;
    }
    if (steps_ < options_.steps_a_check) return true;
    const double loss = sum_ / static_cast<double>(steps_);
    stale_ = loss < best_ - options_.delta ? 0 : stale_ + 1;
    best_ = std::fmin(best_, loss);
    sum_ = 0;
    steps_ = 0;
    return !stopped();
  }

  /// The least mean loss of a check; infinity before the first.
  [[nodiscard]] double best() const noexcept { return best_; }
  [[nodiscard]] bool stopped() const noexcept { return stale_ >= options_.checks; }

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("best", self.best_);
    visit("sum", self.sum_);
    visit("steps", self.steps_);
    visit("stale", self.stale_);
  }

 private:
  EarlyStopOptions options_;
  double best_ = std::numeric_limits<double>::infinity();
  double sum_ = 0;          // of the losses since the last check
  std::int64_t steps_ = 0;  // since the last check
  std::int64_t stale_ = 0;  // checks since the best, or options_.checks
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_EARLY_STOP_HPP
