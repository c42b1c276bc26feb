// SPDX-License-Identifier: MIT
#include "reproduce/figures_labels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reproduce/figures_panel.hpp"

namespace lacuna::examples::figures {

namespace {

constexpr double character = 5.1, line_height = 12;  // of the labels' font, in pixels

double overlap(const Box& a, const Box& b) {
  const double w = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const double h = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  return w > 0 && h > 0 ? w * h : 0;
}

// The line to a point, as the boxes along it.
double crossed(const Spot& from, double x, double y, const std::vector<Box>& boxes) {
  double sum = 0;
  for (double t = 0.1; t < 1; t += 0.1)
    for (const Box& box : boxes)
      sum += overlap(around(from.x + t * (x - from.x), from.y + t * (y - from.y), 1.5), box);
  return sum;
}

}  // namespace

std::string label_commands(const std::vector<Spot>& spots, const std::vector<Box>& taken,
                           double width, double height) {
  const Box panel{2, width - 2, 2, height - 2};
  std::vector<Box> written;
  std::string commands;
  // Long names first: short ones find a place between them.
  std::vector<Spot> ordered = spots;
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Spot& a, const Spot& b) { return a.name.size() > b.name.size(); });
  for (const Spot& spot : ordered) {
    const double length = character * static_cast<double>(spot.name.size()) + 3;
    double best_cost = std::numeric_limits<double>::infinity(), best_x = 0, best_y = 0;
    Box best{};
    for (const double distance : {9.0, 16.0, 26.0, 38.0, 52.0, 70.0, 90.0, 115.0, 140.0})
      for (int direction = 0; direction < 16; ++direction) {
        const double angle = 3.14159265358979 / 8 * direction;
        const double x = spot.x + distance * std::cos(angle);
        const double y = spot.y + distance * std::sin(angle);
        const double x0 = std::cos(angle) > -1e-9 ? x : x - length;
        const Box box{x0, x0 + length, y - line_height / 2, y + line_height / 2};
        double cost = distance * (distance > 9 ? 2 : 1);
        cost += 50 * (length * line_height - overlap(box, panel));
        for (const Box& other : written) cost += 60 * overlap(box, other);
        for (const Box& other : taken) cost += 5 * overlap(box, other);
        if (distance > 9) cost += 20 * crossed(spot, x, y, written);
        if (cost < best_cost) {
          best_cost = cost;
          best = box;
          best_x = x;
          best_y = y;
        }
      }
    written.push_back(best);
    const auto at = [&](double x, double y) {
      return "graph " + text_of_number(x / width) + "," + text_of_number(y / height);
    };
    commands += "set label " + in_quotes(spot.name) + " at " +
                at(best.x0, (best.y0 + best.y1) / 2) + " left front noenhanced font ',9' tc rgb '" +
                spot.colour + "'\n";
    if (std::hypot(best_x - spot.x, best_y - spot.y) > 10)
      commands += "set arrow from " + at(spot.x, spot.y) + " to " + at(best_x, best_y) +
                  " nohead back lw 0.6 lc rgb '#999999'\n";
  }
  return commands;
}

}  // namespace lacuna::examples::figures
