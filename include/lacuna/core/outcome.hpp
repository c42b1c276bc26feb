// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_OUTCOME_HPP
#define LACUNA_CORE_OUTCOME_HPP

#include <cstdint>
#include <limits>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/status.hpp>

namespace lacuna {

/// How a training ended.
struct Outcome {
  Status status = Status::completed;
  Index steps = 0;         ///< optimiser steps, or rounds of inference and update
  double loss = 0;         ///< the training loss at the last step, before that step changed anything
  std::int64_t flops = 0;  ///< audited: summed from the steps taken
};

/// Where a training stands: what an observer is told after each step.
struct Progress {
  Index step = 0;         ///< steps done, from 1
  Index total_steps = 0;  ///< steps asked for
  double loss = 0;
  /// Active entries a signal, in the step's batch; NaN where the trainer does not know.
  double mean_l0 = std::numeric_limits<double>::quiet_NaN();
  /// Share of the latents that are dead as the trainer's revival has it; NaN where it does not know.
  double dead_share = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace lacuna

#endif  // LACUNA_CORE_OUTCOME_HPP
