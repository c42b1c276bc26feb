// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_FIGURES_LABELS_HPP
#define LACUNA_EXAMPLES_REPRODUCE_FIGURES_LABELS_HPP

#include <string>
#include <vector>

namespace lacuna::examples::figures {

/// A rectangle in a panel, in pixels from its lower left corner.
struct Box {
  double x0, x1, y0, y1;
};
[[nodiscard]] inline Box around(double x, double y, double radius) {
  return {x - radius, x + radius, y - radius, y + radius};
}

/// A point that has a name, in pixels, and the colour of the name.
struct Spot {
  double x, y;
  std::string name, colour;
};

/// gnuplot commands that write the names beside the points, none over another or over what is taken
/// where there is room for that, with a thin line to the point where the name is not beside it.
[[nodiscard]] std::string label_commands(const std::vector<Spot>& spots,
                                         const std::vector<Box>& taken, double width,
                                         double height);

}  // namespace lacuna::examples::figures

#endif  // LACUNA_EXAMPLES_REPRODUCE_FIGURES_LABELS_HPP
