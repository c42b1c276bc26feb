// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_FIGURES_HPP
#define LACUNA_EXAMPLES_REPRODUCE_FIGURES_HPP

#include <filesystem>
#include <string>
#include <vector>

#include "support/results.hpp"

namespace lacuna::examples {

/// Draws what an experiment's rows show, as <folder>/<experiment>-<what>.svg, from the rows whose
/// run is "mean" or "std". Figures for which there are no rows are not drawn.
/// @return the names of the files drawn, none without gnuplot.
std::vector<std::string> draw_figures(const std::string& experiment, const std::vector<Row>& rows,
                                      const std::filesystem::path& folder);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_FIGURES_HPP
