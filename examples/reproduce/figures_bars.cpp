// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reproduce/figures_kinds.hpp"

namespace lacuna::examples::figures {

namespace {

// Places of groups of bars, in the order in which they come.
struct Groups {
  std::vector<std::pair<double, std::string>> names;

  double at(const std::string& name) {
    for (const auto& [x, there] : names)
      if (there == name) return x;
    names.emplace_back(static_cast<double>(names.size()), name);
    return names.back().first;
  }
};

bool both_protocols(const std::vector<Measured>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Measured& r) { return r.published(); }) &&
         std::any_of(rows.begin(), rows.end(), [](const Measured& r) { return !r.published(); });
}

}  // namespace

Figure bars_of_bias(const std::vector<Measured>& rows) {
  Figure figure(2, 430, 240);
  const bool both = both_protocols(rows);
  const std::pair<const char*, const char*> measures[] = {
      {"test_loss", "test loss (MSE + .01 mean |s|)"},
      {"code_mcc", "code MCC (test signals)"},
      {"dictionary_mcc", "dictionary MCC"},
      {"l0", "active entries (share)"}};
  for (const auto& [column, label] : measures) {
    Groups groups;
    BarPanel panel{.title = "", .label = label, .share = std::string(column) != "test_loss"};
    for (const Measured& row : rows) {
      const Number height = row[column];
      if (!height.known()) continue;
      const bool bias = row.text("bias") == "true";
      const double x = groups.at(row.method() + (both ? ", " + row.text("protocol") : ""));
      panel.bars.push_back({x + (bias ? 0.2 : -0.2), height, style_of(row.method()).colour, !bias});
    }
    panel.names = groups.names;
    figure.add(panel);
  }
  figure.legend("without bias",
                "with boxes fc rgb '#555555' fs solid 0.3 border lc rgb '#222222' lw 0.8");
  figure.legend("with bias",
                "with boxes fc rgb '#555555' fs solid 1 border lc rgb '#222222' lw 0.8");
  return figure;
}

Figure bars_of_parts(const std::vector<Part>& parts) {
  Figure figure(2, 430, 240);
  bool published = false, corrected = false;
  for (const Part& part : parts)
    for (const bool of_codes : {true, false}) {
      if (!of_codes && !part.learned) continue;
      const std::string label = of_codes ? "code MCC (test signals)" : "dictionary MCC";
      BarPanel panel{.title = part.title, .label = label};
      Groups groups;
      for (const Measured& row : part.rows) {
        const Number height = row[of_codes ? "code_mcc" : "dictionary_mcc"];
        if (!row.last() || !height.known()) continue;
        (row.published() ? published : corrected) = true;
        // Where a method has both protocols, they stand side by side.
        const double aside = std::any_of(part.rows.begin(), part.rows.end(),
                                         [&](const Measured& other) {
                                           return other.method() == row.method() &&
                                                  other.published() != row.published() &&
                                                  other.last();
                                         })
                                 ? 0.2
                                 : 0;
        panel.bars.push_back({groups.at(row.method()) + (row.published() ? -aside : aside), height,
                              style_of(row.method()).colour, row.published()});
      }
      panel.names = groups.names;
      figure.add(panel);
    }
  if (published)
    figure.legend("published protocol",
                  "with boxes fc rgb '#555555' fs solid 0.3 border lc rgb '#222222' lw 0.8");
  if (corrected)
    figure.legend("corrected protocol",
                  "with boxes fc rgb '#555555' fs solid 1 border lc rgb '#222222' lw 0.8");
  return figure;
}

namespace {

using Cells = std::map<std::pair<double, double>, double>;  // of M and N

Cells cells_of(const std::vector<Measured>& rows, double active, const std::string& method,
               bool published) {
  Cells cells;
  for (const Measured& row : rows)
    if (row.method() == method && row.published() == published && row["active"].mean == active &&
        row["code_mcc"].known())
      cells[{row["dim"].mean, row["atoms"].mean}] = row["code_mcc"].mean;
  return cells;
}

// The paper's methods by its protocol, and what the library offers.
struct Column {
  std::string title, method;
  bool published;
};
std::vector<Column> columns_of(const std::vector<Measured>& rows) {
  std::vector<Column> columns = {
      {"sae", "sae", true}, {"mlp_32", "mlp_32", true}, {"sparse_coding", "sparse_coding", true}};
  const std::string ours = best_corrected(rows);
  if (!ours.empty()) columns.push_back({"ours: " + ours, ours, false});
  return columns;
}

// Axes of cells: the i-th value stands at i.
std::string grid_axis(char name, const std::vector<double>& values, const std::string& label) {
  const std::string n(1, name);
  std::string tics;
  for (std::size_t i = 0; i < values.size(); ++i)
    tics += (i == 0 ? "" : ", ") + in_quotes(text_of_number(values[i])) + " " + std::to_string(i);
  return "set " + n + "label " + in_quotes(label) + " noenhanced\nset " + n +
         "range [-0.5:" + text_of_number(static_cast<double>(values.size()) - 0.5) + "]\nset " + n +
         "tics norotate (" + tics + ")\nunset logscale " + n + "\n";
}

// Where a value between the values of an axis stands, by its logarithm; beyond them by the last
// step.
double place_of(double value, const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  std::size_t i = 1;
  while (i + 1 < values.size() && value > values[i]) ++i;
  return static_cast<double>(i - 1) +
         std::log(value / values[i - 1]) / std::log(values[i] / values[i - 1]);
}

// M = 2 K ln(N / K) over the cells; NaN where there is none.
double boundary(double x, double active, const std::vector<double>& dims,
                const std::vector<double>& atoms) {
  if (dims.size() < 2 || atoms.size() < 2) return std::nan("");
  const auto last = static_cast<double>(atoms.size() - 1);
  const auto i = static_cast<std::size_t>(std::clamp(std::floor(x), 0., last - 1));
  const double n = atoms[i] * std::pow(atoms[i + 1] / atoms[i], x - static_cast<double>(i));
  return n > active ? place_of(2 * active * std::log(n / active), dims) : std::nan("");
}
constexpr const char* boundary_look = "with lines lw 2.5 lc rgb '#000000'";

// Where the value of a cell is written: not where the boundary runs.
std::pair<double, double> value_place(double n, double m, double active,
                                      const std::vector<double>& dims,
                                      const std::vector<double>& atoms) {
  std::pair<double, double> best(n, m);
  double most = -1;
  for (const double aside : {0., 0.18, -0.18})
    for (const double up : {0., 0.32, -0.32}) {
      double nearest = 0.2;  // far enough
      for (double x = n + aside - 0.3; x <= n + aside + 0.3; x += 0.03)
        nearest = std::fmin(nearest, std::abs(boundary(x, active, dims, atoms) - m - up));
      if (nearest <= most) continue;
      most = nearest;
      best = {n + aside, m + up};
    }
  return best;
}

// Coloured cells with their values, and the boundary if asked. Cells without a value are grey.
std::string map_panel(Figure& figure, const std::string& title, double active, const Cells& cells,
                      const std::vector<double>& dims, const std::vector<double>& atoms,
                      bool signed_values, bool with_boundary) {
  std::string squares, dark, light, missing, line;
  if (with_boundary)
    for (double x = -0.5; x <= static_cast<double>(atoms.size()) - 0.499; x += 0.05) {
      const double y = boundary(x, active, dims, atoms);
      if (std::isfinite(y)) line += text_of_number(x) + " " + text_of_number(y) + "\n";
    }
  for (std::size_t m = 0; m < dims.size(); ++m)
    for (std::size_t n = 0; n < atoms.size(); ++n) {
      const std::string at = std::to_string(n) + " " + std::to_string(m) + " ";
      const auto cell = cells.find({dims[m], atoms[n]});
      if (cell == cells.end()) {
        missing += at + "-\n";
        continue;
      }
      const double value = cell->second;
      char text[16];
      std::snprintf(text, sizeof text, signed_values ? "%+.2f" : "%.2f", value);
      squares += at + text_of_number(value) + "\n";
      const bool on_dark = signed_values ? std::abs(value) > 0.3 : value < 0.6;
      std::pair<double, double> place(n, m);
      if (with_boundary) place = value_place(place.first, place.second, active, dims, atoms);
      (on_dark ? light : dark) +=
          text_of_number(place.first) + " " + text_of_number(place.second) + " " + text + "\n";
    }
  std::string plots;
  const std::string box = " using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5)";
  if (!squares.empty())
    plots +=
        figure.block(squares) + box + ":3 with boxxyerror lc palette fs solid noborder notitle, ";
  if (!missing.empty()) {
    const std::string name = figure.block(missing);
    plots += name + box + " with boxxyerror lc rgb '#dddddd' fs solid noborder notitle, " + name +
             " using 1:2:3 with labels tc rgb '#555555' notitle, ";
  }
  if (!line.empty()) plots += figure.block(line) + " using 1:2 " + boundary_look + " notitle, ";
  if (!dark.empty())
    plots += figure.block(dark) + " using 1:2:3 with labels font ',11' tc rgb '#000000' notitle, ";
  if (!light.empty())
    plots += figure.block(light) + " using 1:2:3 with labels font ',11' tc rgb '#ffffff' notitle, ";
  const std::string range = signed_values ? "[-0.5:0.5]" : "[0:1]";
  return "set title " + in_quotes(title + ", K = " + text_of_number(active)) +
         " noenhanced\nunset grid\nset palette defined (" +
         (signed_values
              ? "-0.5 '#b35806', -0.25 '#f1a340', 0 '#f7f7f7', 0.25 '#998ec3', 0.5 '#542788'"
              : "0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725'") +
         ")\nset cbrange " + range + "\n" + grid_axis('x', atoms, "atoms N") +
         grid_axis('y', dims, "measurements M") + "plot " + plots.substr(0, plots.size() - 2) +
         "\n";
}

}  // namespace

Figure map_of_mcc(const std::vector<Measured>& rows) {
  const auto dims = values_of(rows, "dim"), atoms = values_of(rows, "atoms");
  const auto columns = columns_of(rows);
  Figure figure(static_cast<int>(columns.size()), 230, 190);
  for (const double active : values_of(rows, "active"))
    for (const Column& column : columns) {
      const Cells cells = cells_of(rows, active, column.method, column.published);
      if (cells.empty()) {
        figure.skip();
        continue;
      }
      figure.add(map_panel(figure, column.title, active, cells, dims, atoms, false, false));
    }
  figure.colours("code MCC (test signals); paper's methods by the published protocol");
  return figure;
}

Figure map_of_gain(const std::vector<Measured>& rows) {
  const auto dims = values_of(rows, "dim"), atoms = values_of(rows, "atoms");
  auto columns = columns_of(rows);
  columns.erase(columns.begin());  // the SAE itself
  Figure figure(static_cast<int>(columns.size()), 260, 210);
  for (const double active : values_of(rows, "active")) {
    const Cells sae = cells_of(rows, active, "sae", true);
    for (const Column& column : columns) {
      Cells gain;
      for (const auto& [cell, value] : cells_of(rows, active, column.method, column.published))
        if (sae.contains(cell)) gain[cell] = value - sae.at(cell);
      if (gain.empty()) {
        figure.skip();
        continue;
      }
      if (dims.size() > 1 && atoms.size() > 1)
        figure.legend("recovery boundary, M = 2 K ln(N / K)", boundary_look);
      figure.add(map_panel(figure, column.title + " - sae", active, gain, dims, atoms, true, true));
    }
  }
  figure.colours("code MCC less that of the sae, published protocol");
  return figure;
}

}  // namespace lacuna::examples::figures
