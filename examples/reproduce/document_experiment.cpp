// SPDX-License-Identifier: MIT
#include "reproduce/document_experiment.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lacuna::examples {

Report make_report(const Protocol& protocol, Row document, const Row& published) {
  Report report{&protocol, std::move(document)};
  std::set<Row> runs;
  for (const Row& row : report.document.at("rows"))
    if (value_of(row, "run").is_number()) runs.insert(row["run"]);
  for (Row& row : report.document["rows"])
    if (value_of(row, "run") == "mean" && value_of(row, "runs").is_null())
      row["runs"] = runs.size();
  const std::vector<Measured> all = measured_rows(report.document.at("rows"));
  for (const Measured& row : all)
    if (value_of(*row.mean, "final") != Row(false)) report.rows.push_back(row);
  const bool of_the_paper =
      report.setting("paper_seed").is_number() &&
      value_of(report.setting("slips"), "one_data_set") == Row(false);
  for (const Row& paper : published.at("rows")) {
    if (paper.at("experiment") != report.name()) continue;
    const bool final = paper.at("final").get<bool>();
    auto& comparisons = final ? report.finals : report.points;
    comparisons.push_back(compare(paper, all));
    if (final && of_the_paper)
      comparisons.back().on_its_data = mean_on_its_data(paper, report.document.at("rows"));
  }
  return report;
}

std::string with_spread(const Measured& row, const std::string& column) {
  const bool one_run = number_or_nan(row.mean, "runs") == 1;
  return with_spread(mean_of(row, column),
                     one_run ? std::nan("") : number_or_nan(row.deviation, column),
                     table_column(column).style);
}

std::string out_of(const Tally& tally) {
  std::string text = std::to_string(tally.agree) + " of " + std::to_string(tally.all);
  const int open = tally.all - tally.judged;
  return open == 0 ? text : text + " (" + std::to_string(open) + " without verdict)";
}

// ---- tables of an experiment --------------------------------------------------------------------

namespace {

/// The setting columns that some row has.
[[nodiscard]] std::vector<std::string> settings_in(const std::vector<const Row*>& rows) {
  std::vector<std::string> columns;
  for (const std::string& column : setting_columns())
    if (std::any_of(rows.begin(), rows.end(),
                    [&](const Row* row) { return !value_of(*row, column).is_null(); }))
      columns.push_back(column);
  return columns;
}

[[nodiscard]] std::vector<std::string> labels(const std::vector<std::string>& settings) {
  std::vector<std::string> result;
  for (const std::string& column : settings) result.push_back(setting_label(column));
  return result;
}

[[nodiscard]] std::vector<std::string> setting_cells(const Row& row,
                                                     const std::vector<std::string>& settings) {
  std::vector<std::string> cells;
  for (const std::string& column : settings) cells.push_back(written(value_of(row, column)));
  return cells;
}

[[nodiscard]] std::vector<std::string> settings_of(const std::vector<Comparison>& comparisons) {
  std::vector<const Row*> rows;
  for (const Comparison& comparison : comparisons) rows.push_back(comparison.paper);
  return settings_in(rows);
}

[[nodiscard]] std::string ours_cell(const Comparison& row, const Number& number) {
  if (row.mean == nullptr) return "-";
  return with_spread(Measured{row.mean, row.deviation}, number.measure) +
         (number.verdict == Verdict::differs ? " ✗" : "");
}

[[nodiscard]] std::string seconds_of(const Comparison& row) {
  const double train = number_or_nan(row.mean, "train_seconds");
  const double encode = number_or_nan(row.mean, "encode_seconds");
  if (std::isnan(train)) return written(encode, Style::seconds);
  return written(train + (std::isnan(encode) ? 0 : encode), Style::seconds);
}

[[nodiscard]] const char* word(Verdict verdict) {
  return verdict == Verdict::agrees ? "yes" : verdict == Verdict::differs ? "**no**" : "-";
}

}  // namespace

std::string judged_table(const Report& report) {
  const auto settings = settings_of(report.finals);
  auto header = labels(settings);
  header.push_back("method");
  for (const Number& number : report.finals[0].numbers) {
    if (!is_judged(number.measure)) continue;
    header.push_back(table_column(number.measure).label + std::string(": paper"));
    header.push_back("ours");
  }
  const bool on_its_data =
      std::any_of(report.finals.begin(), report.finals.end(),
                  [](const Comparison& row) { return std::isfinite(row.on_its_data); });
  if (on_its_data) header.push_back("code MCC on the paper's data alone");
  header.insert(header.end(), {"n", "seconds", "agrees"});
  MarkdownTable table(header);
  for (const Comparison& row : report.finals) {
    auto cells = setting_cells(*row.paper, settings);
    cells.push_back(quoted_method(*row.paper));
    for (const Number& number : row.numbers) {
      if (!is_judged(number.measure)) continue;
      cells.push_back(written(number.paper, Style::unit));
      cells.push_back(ours_cell(row, number));
    }
    if (on_its_data) cells.push_back(written(row.on_its_data, Style::unit));
    cells.push_back(written(number_or_nan(row.mean, "runs"), Style::plain));
    cells.insert(cells.end(), {seconds_of(row), word(row.verdict)});
    table.add(cells);
  }
  return table.text();
}

std::string error_table(const Report& report) {
  const auto settings = settings_of(report.finals);
  auto header = labels(settings);
  header.push_back("method");
  bool any = false;
  for (const Number& number : report.finals[0].numbers) {
    if (is_judged(number.measure)) continue;
    header.push_back(table_column(number.measure).label + std::string(": paper"));
    header.insert(header.end(), {"ours", "ratio"});
    any = true;
  }
  if (!any) return "";
  MarkdownTable table(header);
  for (const Comparison& row : report.finals) {
    auto cells = setting_cells(*row.paper, settings);
    cells.push_back(quoted_method(*row.paper));
    for (const Number& number : row.numbers) {
      if (is_judged(number.measure)) continue;
      cells.push_back(written(number.paper, table_column(number.measure).style));
      cells.push_back(ours_cell(row, number));
      const double ratio = number.ours / number.paper;
      cells.push_back(std::isfinite(ratio) ? print("%.2f", ratio) : "-");
    }
    table.add(cells);
  }
  return "Errors and costs, which are not judged (ratio: ours over the paper's):\n\n" +
         table.text();
}

std::string curve_table(const Report& report) {
  std::vector<std::string> methods;
  std::map<double, std::map<std::string, const Comparison*>> by_step;
  for (const Comparison& point : report.points) {
    const auto method = (*point.paper)["method"].get<std::string>();
    if (std::find(methods.begin(), methods.end(), method) == methods.end())
      methods.push_back(method);
    if (point.mean != nullptr) by_step[number_or_nan(point.paper, "step")][method] = &point;
  }
  if (by_step.empty()) return "";
  std::vector<std::string> header = {"step"};
  for (const std::string& method : methods)
    header.insert(header.end(), {"`" + method + "`: paper", "ours"});
  MarkdownTable table(header);
  for (const auto& [step, points] : by_step) {
    std::vector<std::string> cells = {written(step, Style::plain)};
    for (const std::string& method : methods) {
      const auto found = points.find(method);
      const Number* number = found == points.end() ? nullptr : found->second->find("code_mcc");
      cells.push_back(number == nullptr ? "-" : written(number->paper, Style::unit));
      cells.push_back(number == nullptr ? "-" : ours_cell(*found->second, *number));
    }
    table.add(cells);
  }
  return "Code MCC along the training:\n\n" + table.text();
}

std::string table_of(const std::vector<Measured>& rows) {
  std::vector<const Row*> means;
  for (const Measured& row : rows) means.push_back(row.mean);
  const auto settings = settings_in(means);
  const auto some_row_has = [&](const std::string& column) {
    return std::any_of(means.begin(), means.end(),
                       [&](const Row* row) { return !value_of(*row, column).is_null(); });
  };
  std::vector<std::string> header = labels(settings), texts, measures;
  for (const char* column : {"claim", "expected", "value", "holds"})
    if (some_row_has(column)) texts.push_back(column);
  header.insert(header.end(), texts.begin(), texts.end());
  const bool has_methods = some_row_has("method"), has_runs = some_row_has("runs");
  if (has_methods) header.push_back("method");
  for (const Column& column : table_columns) {
    const std::string name = column.name;
    if (name == "audited_flops" || name == "published_flops" || !some_row_has(name)) continue;
    if (name.starts_with("l0_above") && some_row_has("l0")) continue;
    measures.push_back(name);
    header.push_back(column.label);
  }
  if (has_runs) header.push_back("n");
  MarkdownTable table(header);
  for (const Measured& row : rows) {
    auto cells = setting_cells(*row.mean, settings);
    for (const std::string& text : texts) cells.push_back(written(value_of(*row.mean, text)));
    if (has_methods) cells.push_back(quoted_method(*row.mean));
    for (const std::string& measure : measures) cells.push_back(with_spread(row, measure));
    if (has_runs) cells.push_back(written(mean_of(row, "runs"), Style::plain));
    table.add(cells);
  }
  return table.text();
}

// ---- reasons ------------------------------------------------------------------------------------

namespace {

/// Whether a remark is on this row and measure. What it does not name, it does not ask.
[[nodiscard]] bool is_on(const Row& remark, const Row& paper, const std::string& measure) {
  for (const auto& [key, wanted] : remark.items()) {
    if (key == "text") continue;
    const Row value = key == "measure" ? Row(measure) : value_of(paper, key);
    const bool fits = wanted.is_array()
                          ? std::any_of(wanted.begin(), wanted.end(),
                                        [&](const Row& w) { return same_value(w, value); })
                          : same_value(wanted, value);
    if (!fits) return false;
  }
  return true;
}

[[nodiscard]] std::string reason_for(const Row& remarks, const Row& paper,
                                     const std::string& measure) {
  for (const Row& remark : remarks)
    if (is_on(remark, paper, measure)) return remark.at("text").get<std::string>();
  return "";
}

}  // namespace

std::string differences(const Report& report, const Row& remarks) {
  std::vector<std::pair<std::string, std::string>> groups;  // a reason, its rows
  std::string unexplained, missing;
  int open = 0;
  for (const Comparison& row : report.finals) {
    const std::string setting = setting_text(*row.paper);
    const std::string name = quoted_method(*row.paper) + (setting.empty() ? "" : ", " + setting);
    if (row.mean == nullptr) missing += (missing.empty() ? "" : "; ") + name;
    open += row.mean != nullptr && row.verdict == Verdict::none;
    std::map<std::string, std::string> by_reason;
    for (const Number& number : row.numbers) {
      if (number.verdict != Verdict::differs) continue;
      std::string& line = by_reason[reason_for(remarks, *row.paper, number.measure)];
      line += (line.empty() ? "  - " + name + ": " : "; ") + table_column(number.measure).label +
              " " + written(number.ours, Style::unit) + ", paper " +
              written(number.paper, Style::unit) + " (± " + written(number.bound, Style::unit) +
              ")";
    }
    for (const auto& entry : by_reason) {
      const std::string &reason = entry.first, &line = entry.second;
      auto group = std::find_if(groups.begin(), groups.end(),
                                [&](const auto& g) { return g.first == reason; });
      if (reason.empty())
        unexplained += line + "\n";
      else if (group == groups.end())
        groups.emplace_back(reason, line + "\n");
      else
        group->second += line + "\n";
    }
  }
  std::string text;
  for (const auto& [reason, lines] : groups) text += "- " + reason + "\n" + lines;
  if (!unexplained.empty()) text += "- Not explained:\n" + unexplained;
  if (!missing.empty()) text += "- Not measured: " + missing + ".\n";
  if (open > 0)
    text +=
        "- Without verdict, for want of five data sets or of a measure: " + std::to_string(open) +
        " rows.\n";
  std::string notes;
  for (const Row& remark : remarks) {
    const Row& measure = value_of(remark, "measure");
    if (remark.at("experiment") != report.name() || !measure.is_string()) continue;
    if (is_judged(measure.get<std::string>())) continue;
    notes += "On " + std::string(table_column(measure.get<std::string>()).label) + ": " +
             remark.at("text").get<std::string>() + "\n\n";
  }
  if (text.empty()) return "Every number that is judged agrees.\n\n" + notes;
  return "What does not agree (ours, the paper's, and how far apart they may be):\n\n" + text +
         "\n" + notes;
}

// ---- contours -----------------------------------------------------------------------------------

std::vector<Cell> contour_cells(const Report& report, const std::string& method) {
  std::vector<Cell> cells;
  const auto offer = [&](const Row& row, bool from_paper) {
    const double active = number_or_nan(&row, "active"), dim = number_or_nan(&row, "dim"),
                 atoms = number_or_nan(&row, "atoms");
    const auto cell = std::find_if(cells.begin(), cells.end(), [&](const Cell& c) {
      return c.active == active && c.dim == dim && c.atoms == atoms;
    });
    if (cell == cells.end())
      cells.push_back({active, dim, atoms, &row, from_paper, nullptr});
    else if (cell->from_paper == from_paper &&
             number_or_nan(&row, "code_mcc") > number_or_nan(cell->best, "code_mcc"))
      cell->best = &row;
  };
  for (const Comparison& row : report.finals) offer(*row.paper, true);
  for (const Measured& row : report.rows)
    if (is_of(row, "published")) offer(*row.mean, false);
  for (Cell& cell : cells)
    for (const Measured& row : report.rows)
      if (is_of(row, "corrected") && value_of(*row.mean, "method") == method &&
          mean_of(row, "active") == cell.active && mean_of(row, "dim") == cell.dim &&
          mean_of(row, "atoms") == cell.atoms)
        cell.ours = &row;
  return cells;
}

Tally contour_tally(const std::vector<Cell>& cells) {
  Tally tally;
  for (const Cell& cell : cells) {
    if (!cell.from_paper || !cell.is_above()) continue;
    tally.add(cell.ours == nullptr ? Verdict::none
              : cell.holds()       ? Verdict::agrees
                                   : Verdict::differs);
  }
  return tally;
}

std::string best_contour_method(const Report& report) {
  std::string best;
  int most = -1;
  std::set<std::string> seen;
  for (const Measured& row : report.rows) {
    if (!is_of(row, "corrected")) continue;
    const auto method = row.mean->at("method").get<std::string>();
    if (!seen.insert(method).second) continue;
    const int agree = contour_tally(contour_cells(report, method)).agree;
    if (agree > most) best = method;
    most = std::max(most, agree);
  }
  return best;
}

std::string contour_table(const Report& report) {
  const std::string method = best_contour_method(report);
  if (method.empty()) return "";
  MarkdownTable table({"K", "M", "N", "boundary", "above", "paper's best", "code MCC",
                       "`" + method + "`", "difference", "holds"});
  for (const Cell& cell : contour_cells(report, method)) {
    if (cell.ours == nullptr && !cell.from_paper) continue;
    table.add({written(cell.active, Style::plain), written(cell.dim, Style::plain),
               written(cell.atoms, Style::plain), print("%.1f", cell.boundary()),
               cell.is_above() ? "yes" : "no",
               quoted_method(*cell.best) + (cell.from_paper ? "" : " (our run)"),
               written(number_or_nan(cell.best, "code_mcc"), Style::unit),
               cell.ours == nullptr ? "-" : with_spread(*cell.ours, "code_mcc"),
               written(cell.difference(), Style::unit),
               !cell.is_above() ? ""
               : cell.holds()   ? "yes"
                                : "**no**"});
  }
  return "Ours beside the best of the paper's methods in each cell, where the paper's number is "
         "known, else beside the best of our runs of its protocol; a cell above the boundary "
         "holds where ours is at most .005 lower:\n\n" +
         table.text();
}

}  // namespace lacuna::examples
