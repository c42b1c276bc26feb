// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_EXPERIMENT_HPP
#define LACUNA_EXAMPLES_REPRODUCE_EXPERIMENT_HPP

#include <functional>
#include <string>
#include <vector>

#include "reproduce/setting.hpp"

namespace lacuna::examples {

/// A part of an experiment that stands alone: it can be run beside others, and its rows are kept
/// when the rest is interrupted.
struct Task {
  std::string name;  ///< unique within the experiment
  double work;       ///< about the seconds of one core, to say how long the rest will take
  std::function<std::vector<Row>()> run;
};

/// What a sub-command runs.
struct Experiment {
  std::string name;
  Row settings;                        ///< what its rows depend on
  std::vector<std::string> group_by;   ///< columns that tell rows apart, but for the run
  std::vector<Task> tasks;
};

/// Thrown by a task that was interrupted: it has no rows.
struct Interrupted {};

/// The names, in the order in which `all` runs them: the quick ones first.
[[nodiscard]] const std::vector<std::string>& experiment_names();
/// One line on it.
[[nodiscard]] std::string experiment_help(const std::string& name);
[[nodiscard]] Experiment make_experiment(const std::string& name, const Setting& setting);

// Each in a file of its own, or with its like.
[[nodiscard]] Experiment known_codes(const Setting& setting);
[[nodiscard]] Experiment known_dictionary(const Setting& setting);
[[nodiscard]] Experiment unknown(const Setting& setting);
[[nodiscard]] Experiment zipf(const Setting& setting);
[[nodiscard]] Experiment scaling(const Setting& setting);
[[nodiscard]] Experiment width(const Setting& setting);
[[nodiscard]] Experiment penalty(const Setting& setting);
[[nodiscard]] Experiment top_k(const Setting& setting);
[[nodiscard]] Experiment bias(const Setting& setting);
[[nodiscard]] Experiment scikit_learn(const Setting& setting);
[[nodiscard]] Experiment large(const Setting& setting);
[[nodiscard]] Experiment theory(const Setting& setting);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_EXPERIMENT_HPP
