// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "reproduce/figures_kinds.hpp"

namespace lacuna::examples::figures {

namespace {

constexpr const char* code_mcc = "code MCC (test signals)";
constexpr const char* dictionary_mcc = "dictionary MCC";

// The rows of a method and protocol.
struct Line {
  std::string method;
  bool published;
  std::vector<Measured> rows;
};

// In the order in which they come.
std::vector<Line> lines_of(const std::vector<Measured>& rows) {
  std::vector<Line> lines;
  for (const Measured& row : rows) {
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const Line& line) {
      return line.method == row.method() && line.published == row.published();
    });
    if (found == lines.end())
      lines.push_back({row.method(), row.published(), {row}});
    else
      found->rows.push_back(row);
  }
  return lines;
}

void ascend(std::vector<Point>& points) {
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) { return a.x.mean < b.x.mean; });
}

std::vector<Point> points_of(const std::vector<Measured>& rows, const std::string& x,
                             const std::string& y) {
  std::vector<Point> points;
  for (const Measured& row : rows)
    if (row[x].known() && row[y].known()) points.push_back({row[x], row[y]});
  return points;
}

Curve curve_of(const std::string& method, bool published, std::vector<Point> points) {
  return {.legend = method,
          .style = style_of(method),
          .published = published,
          .points = std::move(points)};
}

// A curve a method and protocol over one column.
std::vector<Curve> curves(const std::vector<Measured>& rows, const std::string& x,
                          const std::string& y) {
  std::vector<Curve> result;
  for (const Line& line : lines_of(rows)) {
    result.push_back(curve_of(line.method, line.published, points_of(line.rows, x, y)));
    ascend(result.back().points);
  }
  return result;
}

bool any(const std::vector<Curve>& list) {
  return std::any_of(list.begin(), list.end(), [](const Curve& c) { return !c.points.empty(); });
}

}  // namespace

Figure against_steps(const std::vector<Part>& parts) {
  Figure figure(2, 430, 300);
  for (const Part& part : parts) {
    // A method that was measured at its end alone has no curve.
    const auto add = [&](const char* column, const char* label) {
      auto list = curves(part.rows, "step", column);
      std::erase_if(list, [](const Curve& c) { return c.points.size() < 2; });
      figure.add({part.title, {"training steps", Scale::logarithmic}, {label, Scale::share}, list});
    };
    add("code_mcc", code_mcc);
    if (part.learned) add("dictionary_mcc", dictionary_mcc);
  }
  return figure;
}

Figure against_flops(const std::vector<Part>& parts) {
  Figure figure(2, 430, 300);
  for (const Part& part : parts)
    for (const bool of_codes : {true, false}) {
      if (!of_codes && !part.learned) continue;
      const Axis y{of_codes ? code_mcc : dictionary_mcc, Scale::share};
      const auto list = [&](const char* x) {
        return curves(part.rows, x, of_codes ? "code_mcc" : "dictionary_mcc");
      };
      const auto published = list("published_flops"), audited = list("audited_flops");
      const auto add = [&](const std::vector<Curve>& of, const char* count) {
        if (any(of))
          figure.add({part.title + ", " + count,
                      {"flops of training so far and test (count)", Scale::logarithmic},
                      y,
                      of});
        else if (any(published) || any(audited))
          figure.skip();
      };
      add(published, "published count");
      add(audited, "audited count");
    }
  return figure;
}

Figure gap_against_compute(const std::vector<Measured>& rows) {
  Figure figure(2, 500, 460);
  // Below this a gap is rounding, and a logarithm has no zero.
  constexpr double least = 1e-6;
  for (const bool of_gap : {false, true}) {
    std::vector<Curve> list;
    for (const Measured& row : rows) {
      const Number x = row["audited_inference_flops"];
      Number y = row[of_gap ? "gap" : "code_mcc"];
      if (!x.known() || !y.known()) continue;
      if (of_gap) y.mean = std::max(y.mean, least);
      Curve curve = curve_of(row.method(), row.published(), {{x, y, row.method()}});
      curve.legend.clear();  // it stands beside its point
      curve.joined = false;
      list.push_back(curve);
    }
    figure.add({of_gap ? "relative amortisation gap (1e-6 stands for 1e-6 or less)" : "code MCC",
                {"audited flops a signal (count)", Scale::logarithmic},
                of_gap ? Axis{"(objective - optimum) / (|x|^2 / 2)", Scale::logarithmic}
                       : Axis{code_mcc, Scale::share},
                list});
  }
  return figure;
}

namespace {

// Of codes that are never exactly 0 the share of active entries is a matter of the threshold.
struct Threshold {
  const char* column;
  const char* name;
  int symbol;
};
constexpr Threshold thresholds[] = {{"l0_above_1e3", ", entries > 1e-3", 9},
                                    {"l0_above_1e4", ", entries > 1e-4", 11},
                                    {"l0_above_1e5", ", entries > 1e-5", 13}};

// `of_count`: over the share of active entries; otherwise over the mean entry.
std::vector<Curve> penalty_curves(const std::vector<Measured>& rows, bool of_count,
                                  const std::string& y) {
  std::vector<Curve> list;
  for (Line& line : lines_of(rows)) {
    std::stable_sort(line.rows.begin(), line.rows.end(), [](const Measured& a, const Measured& b) {
      return a["lambda"].mean < b["lambda"].mean;
    });
    const auto add = [&](const std::string& column, const std::string& legend, int symbol) {
      Curve curve = curve_of(line.method, line.published, points_of(line.rows, column, y));
      curve.legend = legend;
      curve.style.symbol = symbol;
      curve.crosses = true;
      list.push_back(std::move(curve));
    };
    const int symbol = style_of(line.method).symbol;
    if (!line.method.starts_with("sparse_coding")) {
      add(of_count ? "l0" : "mean_abs_code", line.method, symbol);
    } else if (!of_count) {
      add("mean_abs_code", "", symbol);  // the legend has it by its thresholds
    } else {
      for (const Threshold& threshold : thresholds)
        add(threshold.column, line.method + threshold.name, threshold.symbol);
    }
  }
  return list;
}

}  // namespace

Figure pareto_of_penalty(const std::vector<Measured>& rows) {
  Figure figure(2, 430, 300);
  for (const bool of_count : {true, false})
    for (const bool of_error : {true, false})
      figure.add({.title = std::string(of_count ? "share of active entries" : "mean entry") +
                           (of_error ? " and error" : " and MCC") + ", a point a lambda",
                  .x = of_count ? Axis{"active entries (share)", Scale::whole}
                                : Axis{"mean |s| (test signals)"},
                  .y = of_error ? Axis{"MSE (test signals)", Scale::logarithmic}
                                : Axis{code_mcc, Scale::share},
                  .curves = penalty_curves(rows, of_count, of_error ? "test_mse" : "code_mcc"),
                  .mark = of_count ? 3. / 16 : std::nan(""),
                  .mark_name = "true share, 3/16"});
  return figure;
}

Figure pareto_of_top_k(const std::vector<Measured>& rows) {
  Figure figure(2, 430, 300);
  // A curve runs over k at one lambda, or over lambda where there is no k.
  struct Sweep {
    std::string panel;
    std::vector<Measured> rows;
    std::string lambda;  // where it runs over k
  };
  std::vector<Sweep> sweeps;
  std::vector<std::string> panels;
  for (const Measured& row : rows) {
    const std::string lambda = row["k"].known() ? row.text("lambda") : "";
    // The corrected protocol has so many curves that it gets panels of its own.
    const std::string panel = "section " + row.text("source") +
                              (!row.published() && !lambda.empty() ? ", corrected" : "");
    if (std::find(panels.begin(), panels.end(), panel) == panels.end()) panels.push_back(panel);
    const auto found = std::find_if(sweeps.begin(), sweeps.end(), [&](const Sweep& sweep) {
      return sweep.panel == panel && sweep.lambda == lambda &&
             sweep.rows[0].method() == row.method() && sweep.rows[0].published() == row.published();
    });
    if (found == sweeps.end())
      sweeps.push_back({panel, {row}, lambda});
    else
      found->rows.push_back(row);
  }
  std::sort(panels.begin(), panels.end());
  for (const std::string& panel : panels)
    for (const bool of_error : {false, true}) {
      std::vector<Curve> list;
      for (const Sweep& sweep : sweeps) {
        if (sweep.panel != panel) continue;
        Curve curve = curve_of(sweep.rows[0].method(), sweep.rows[0].published(),
                               points_of(sweep.rows, "l0", of_error ? "test_mse" : "code_mcc"));
        ascend(curve.points);
        curve.crosses = true;
        if (!curve.points.empty() && !sweep.lambda.empty())
          curve.points.back().label = text_of_number(sweep.rows[0]["lambda"].mean);
        list.push_back(std::move(curve));
      }
      const bool named = std::any_of(sweeps.begin(), sweeps.end(), [&](const Sweep& sweep) {
        return sweep.panel == panel && !sweep.lambda.empty();
      });
      figure.add({.title = panel + (of_error ? ": error" : ": MCC") +
                           (named ? " (a curve over k has its lambda)" : ""),
                  .x = {"active entries (share)", Scale::whole},
                  .y = of_error ? Axis{"MSE (test signals)", Scale::logarithmic}
                                : Axis{code_mcc, Scale::share},
                  .curves = list,
                  .mark = 3. / 16,
                  .mark_name = "true share, 3/16"});
    }
  return figure;
}

Figure against_width(const std::vector<Measured>& rows) {
  // One method at several problems: here the colour is the problem's.
  static constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7"};
  std::vector<std::string> problems;
  const auto problem_of = [](const Measured& row) {
    return row.text("dim") + " x " + row.text("atoms") + ", K = " + row.text("active");
  };
  for (const Measured& row : rows)
    if (std::find(problems.begin(), problems.end(), problem_of(row)) == problems.end())
      problems.push_back(problem_of(row));
  Figure figure(2, 430, 280);
  const std::pair<const char*, Axis> measures[] = {
      {"test_loss", {"test loss (MSE + .01 mean |s|)", Scale::linear}},
      {"code_mcc", {code_mcc, Scale::share}},
      {"dictionary_mcc", {dictionary_mcc, Scale::share}},
      {"l0", {"active entries (share)", Scale::share}}};
  for (const auto& [column, axis] : measures) {
    std::vector<Curve> list;
    for (std::size_t i = 0; i < problems.size(); ++i)
      for (const Line& line : lines_of(
               only(rows, [&](const Measured& row) { return problem_of(row) == problems[i]; }))) {
        Curve curve{.legend = line.method + ", " + problems[i],
                    .style = {colours[i % 4], 5 + 2 * static_cast<int>(i % 6)},
                    .published = line.published,
                    .points = points_of(line.rows, "hidden", column)};
        ascend(curve.points);
        list.push_back(std::move(curve));
      }
    figure.add({"", {"hidden units", Scale::base_2}, axis, list});
  }
  return figure;
}

Figure over_cells(const std::vector<Measured>& rows) {
  Figure figure(2, 480, 240);
  const auto dims = values_of(rows, "dim"), atoms = values_of(rows, "atoms");
  Axis x{"atoms N, from left to right at M ="};
  for (std::size_t m = 0; m < dims.size(); ++m) {
    x.label += (m == 0 ? " " : ", ") + text_of_number(dims[m]);
    for (std::size_t n = 0; n < atoms.size(); ++n)
      x.names.emplace_back(m * (atoms.size() + 1) + n, text_of_number(atoms[n]));
  }
  for (const double active : values_of(rows, "active"))
    for (const bool of_codes : {true, false}) {
      std::vector<Curve> list;
      for (const Line& line : lines_of(rows))
        for (std::size_t m = 0; m < dims.size(); ++m) {
          Curve curve = curve_of(line.method, line.published, {});
          for (const Measured& row : line.rows) {
            const Number y = row[of_codes ? "code_mcc" : "dictionary_mcc"];
            if (!y.known() || row["active"].mean != active || row["dim"].mean != dims[m]) continue;
            const auto n = std::find(atoms.begin(), atoms.end(), row["atoms"].mean) - atoms.begin();
            const auto place = m * (atoms.size() + 1) + static_cast<std::size_t>(n);
            curve.points.push_back({{static_cast<double>(place)}, y});
          }
          ascend(curve.points);
          list.push_back(std::move(curve));
        }
      figure.add({"K = " + text_of_number(active),
                  x,
                  {of_codes ? code_mcc : dictionary_mcc, Scale::share},
                  list});
    }
  return figure;
}

}  // namespace lacuna::examples::figures
