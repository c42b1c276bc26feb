// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_FIGURES_KINDS_HPP
#define LACUNA_EXAMPLES_REPRODUCE_FIGURES_KINDS_HPP

#include <string>
#include <vector>

#include "reproduce/figures_panel.hpp"

namespace lacuna::examples::figures {

/// A part of an experiment that has panels of its own.
struct Part {
  std::string title;
  std::vector<Measured> rows;
  bool learned;  ///< its dictionary is learned, and has an MCC too
};

// Where `rows` are asked for, those that were measured at the end alone.

// Curves (figures_curves.cpp).
/// MCC against training steps, one panel a part and measure.
[[nodiscard]] Figure against_steps(const std::vector<Part>& parts);
/// MCC against the flops of training so far and test: published count on the left, audited on the
/// right.
[[nodiscard]] Figure against_flops(const std::vector<Part>& parts);
/// MCC and gap of every encoder against its audited flops a signal.
[[nodiscard]] Figure gap_against_compute(const std::vector<Measured>& rows);
/// Error and MCC against the share of active entries and against the mean entry.
[[nodiscard]] Figure pareto_of_penalty(const std::vector<Measured>& rows);
[[nodiscard]] Figure pareto_of_top_k(const std::vector<Measured>& rows);
[[nodiscard]] Figure against_width(const std::vector<Measured>& rows);
[[nodiscard]] Figure over_cells(const std::vector<Measured>& rows);

// Bars and maps (figures_bars.cpp).
[[nodiscard]] Figure bars_of_bias(const std::vector<Measured>& rows);
[[nodiscard]] Figure bars_of_parts(const std::vector<Part>& parts);
/// Code MCC of the paper's methods and ours over atoms and measurements.
[[nodiscard]] Figure map_of_mcc(const std::vector<Measured>& rows);
/// What is gained over the SAE, with the boundary of recovery.
[[nodiscard]] Figure map_of_gain(const std::vector<Measured>& rows);

}  // namespace lacuna::examples::figures

#endif  // LACUNA_EXAMPLES_REPRODUCE_FIGURES_KINDS_HPP
