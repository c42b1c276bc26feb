// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_EVERY_HPP
#define LACUNA_TRAINER_EVERY_HPP

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/core/outcome.hpp>

namespace lacuna {

/// Tells something of each n-th step, and of the last. Models `Observer`. Made by `every`.
template <std::invocable<const Progress&> F>
class Every {
 public:
  /// @throws std::invalid_argument if steps is below 1.
  Every(Index steps, F&& told) : steps_(steps), told_(std::forward<F>(told)) {
    require(steps >= 1, "every", "steps must be at least 1, is " + std::to_string(steps));
  }

  bool operator()(const Progress& progress) {
    if (progress.step % steps_ != 0 && progress.step != progress.total_steps) return true;
    if constexpr (std::is_void_v<std::invoke_result_t<F&, const Progress&>>) {
      told_(progress);
      return true;
    } else {
      return told_(progress);
    }
  }

 private:
  Index steps_;
  F told_;
};

/// Calls `told(progress)` after the steps n, 2 n, ... of the training, whenever this run of it
/// began, and after the last of all. It may answer as an observer does, or nothing.
/// @param told  a named one is referred to and must live as long; a temporary is moved in.
/// @throws std::invalid_argument if steps is below 1.
///
/// @code
/// auto state = trainer.start(model);
/// trainer.resume(model, state, source, every(1000, [&](const Progress&) {
///                  save_checkpoint("training.safetensors", model, state);
///                }));
/// @endcode
template <std::invocable<const Progress&> F>
[[nodiscard]] Every<F> every(Index steps, F&& told) {
  return Every<F>(steps, std::forward<F>(told));
}

}  // namespace lacuna

#endif  // LACUNA_TRAINER_EVERY_HPP
