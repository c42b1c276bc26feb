// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_AGREEMENT_HPP
#define LACUNA_EXAMPLES_REPRODUCE_AGREEMENT_HPP

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/results.hpp"

namespace lacuna::examples {

/// What a column holds, null where a row has none such.
[[nodiscard]] inline const Row& value_of(const Row& row, const std::string& column) {
  static const Row null;
  const auto found = row.find(column);
  return found == row.end() ? null : *found;
}

/// Numbers up to the rounding of a mean over runs.
[[nodiscard]] inline bool same_value(const Row& a, const Row& b) {
  if (!a.is_number() || !b.is_number()) return a == b;
  const double x = a.get<double>(), y = b.get<double>();
  return std::abs(x - y) <= 1e-6 * std::max(std::abs(x), std::abs(y));
}

// ---- the rule for a number ----------------------------------------------------------------------

enum class Verdict { none, agrees, differs };

/// How far a mean over n data sets may lie from one over p of the paper: two standard errors of the
/// difference, both from our standard deviation between data sets, and never less than .03.
[[nodiscard]] inline double agreement_bound(double deviation, double n, double p) {
  return std::max(0.03, 2 * deviation * std::sqrt(1 / n + 1 / p));
}

/// Below five data sets the standard deviation says too little: no verdict.
[[nodiscard]] inline Verdict verdict_on(double ours, double deviation, double n, double paper,
                                        double p) {
  if (!(n >= 5) || !std::isfinite(ours) || !std::isfinite(deviation)) return Verdict::none;
  const double rounding = 1e-9;  // .63 and .60 are .03 apart
  const bool near = std::abs(ours - paper) <= agreement_bound(deviation, n, p) + rounding;
  return near ? Verdict::agrees : Verdict::differs;
}

// ---- rows ---------------------------------------------------------------------------------------

/// Measures on a scale of 0 to 1 are judged; errors, which span decades, are shown with their
/// ratio.
[[nodiscard]] inline bool is_judged(const std::string& measure) {
  return measure == "code_mcc" || measure == "dictionary_mcc" || measure.starts_with("l0");
}

/// Of the contours the value of a cell is its code MCC; elsewhere all judged measures are a row's.
[[nodiscard]] inline bool decides_row(const std::string& experiment, const std::string& measure) {
  return is_judged(measure) && (experiment != "scaling" || measure == "code_mcc");
}

struct Number {
  std::string measure;
  double paper;
  double ours, deviation;  ///< NaN where we have none
  Verdict verdict;         ///< none for what is not judged
  double bound;
};

/// A row of the paper beside ours.
struct Comparison {
  const Row* paper;
  const Row* mean = nullptr;  ///< null: we have none
  const Row* deviation = nullptr;
  std::vector<Number> numbers = {};
  Verdict verdict = Verdict::none;  ///< agrees where all that decides agrees
  /// The same if squares are divided by n - 1 in the deviation, as what estimates it from a sample.
  Verdict by_sample = Verdict::none;
  /// Our code MCC over the paper's own data sets alone; NaN where ours are others.
  double on_its_data = std::nan("");

  [[nodiscard]] const Number* find(const std::string& measure) const {
    for (const Number& number : numbers)
      if (number.measure == measure) return &number;
    return nullptr;
  }
};

/// Columns that tell the settings of an experiment apart.
[[nodiscard]] inline const std::vector<std::string>& setting_columns() {
  static const std::vector<std::string> columns = {"regime", "source", "active", "dim", "atoms",
                                                   "hidden", "lambda", "k",      "bias"};
  return columns;
}

/// A row of means and the row of standard deviations that follows it.
struct Measured {
  const Row* mean;
  const Row* deviation;
};

/// Rows without means, of what is not a matter of chance, stand for themselves.
[[nodiscard]] inline std::vector<Measured> measured_rows(const Row& rows) {
  std::vector<Measured> means, all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    all.push_back({&rows[i], nullptr});
    if (value_of(rows[i], "run") != "mean") continue;
    const bool followed = i + 1 < rows.size() && value_of(rows[i + 1], "run") == "std";
    means.push_back({&rows[i], followed ? &rows[i + 1] : nullptr});
  }
  return means.empty() ? all : means;
}

/// Whether ours is a row of the paper's protocol with the paper's method and setting, at its step:
/// a final row at our final one, a point of a curve within 2 % of its step (the paper logs before a
/// step what others log after it).
[[nodiscard]] inline bool is_counterpart(const Row& paper, const Row& ours) {
  if (value_of(ours, "protocol") != "published") return false;
  if (value_of(ours, "method") != value_of(paper, "method")) return false;
  for (const std::string& column : setting_columns())
    if (paper.contains(column) && !same_value(paper[column], value_of(ours, column))) return false;
  if (paper["final"].get<bool>()) return value_of(ours, "final") != Row(false);
  if (!value_of(ours, "step").is_number()) return false;
  const double step = paper["step"].get<double>();
  return std::abs(ours["step"].get<double>() - step) <= std::max(1.0, 0.02 * step);
}

[[nodiscard]] inline double number_or_nan(const Row* row, const std::string& column) {
  if (row == nullptr || !value_of(*row, column).is_number()) return std::nan("");
  return (*row)[column].get<double>();
}

/// A row of the paper beside its counterpart among ours; of several the one nearest in its step.
[[nodiscard]] inline Comparison compare(const Row& paper, const std::vector<Measured>& ours) {
  Comparison result{&paper};
  const double step = number_or_nan(&paper, "step");
  double nearest = 0;
  for (const Measured& candidate : ours) {
    if (!is_counterpart(paper, *candidate.mean)) continue;
    const double distance = std::abs(number_or_nan(candidate.mean, "step") - step);
    if (result.mean != nullptr && !(distance < nearest)) continue;
    nearest = distance;
    result.mean = candidate.mean;
    result.deviation = candidate.deviation;
  }
  const auto experiment = paper["experiment"].get<std::string>();
  const double n = number_or_nan(result.mean, "runs"), p = paper["runs"].get<double>();
  struct All {
    bool agree = true, one_differs = false;

    void add(Verdict verdict) {
      agree = agree && verdict == Verdict::agrees;
      one_differs = one_differs || verdict == Verdict::differs;
    }
    [[nodiscard]] Verdict verdict() const {
      return one_differs ? Verdict::differs : agree ? Verdict::agrees : Verdict::none;
    }
  } all, all_by_sample;
  for (const auto& [column, value] : paper.items()) {
    const bool error = column == "test_loss" || column == "test_mse" || column == "mean_abs_code" ||
                       column == "published_flops";
    if (!error && !(is_judged(column) && !column.ends_with("_std"))) continue;
    Number number{column,
                  value.get<double>(),
                  number_or_nan(result.mean, column),
                  number_or_nan(result.deviation, column),
                  Verdict::none,
                  0};
    if (!error) {
      number.verdict = verdict_on(number.ours, number.deviation, n, number.paper, p);
      number.bound = agreement_bound(number.deviation, n, p);
    }
    if (decides_row(experiment, column)) {
      all.add(number.verdict);
      all_by_sample.add(verdict_on(number.ours, number.deviation * std::sqrt(n / (n - 1)), n,
                                   number.paper, p));
    }
    result.numbers.push_back(std::move(number));
  }
  result.verdict = all.verdict();
  result.by_sample = all_by_sample.verdict();
  return result;
}

/// The mean code MCC of our runs on the data sets that are behind a row of the paper, the first ones
/// where ours are the paper's; NaN where a run is missing, or where the paper has several runs on one
/// data set.
[[nodiscard]] inline double mean_on_its_data(const Row& paper, const Row& rows) {
  const double p = paper["runs"].get<double>();
  double sum = 0, count = 0;
  for (const Row& row : rows) {
    const double run = number_or_nan(&row, "run");
    if (!(run < p) || !is_counterpart(paper, row)) continue;
    sum += number_or_nan(&row, "code_mcc");
    ++count;
  }
  return p > 1 && count == p ? sum / count : std::nan("");
}

/// How many of them agree.
struct Tally {
  int agree = 0;
  int judged = 0;
  int all = 0;  ///< with those that got no verdict

  void add(Verdict verdict) {
    ++all;
    judged += verdict != Verdict::none;
    agree += verdict == Verdict::agrees;
  }
  void add(const Tally& other) {
    agree += other.agree;
    judged += other.judged;
    all += other.all;
  }
  /// At least nine in ten of all, so that what has no verdict counts against it.
  [[nodiscard]] bool meets_bar() const { return all > 0 && 10 * agree >= 9 * all; }
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_AGREEMENT_HPP
