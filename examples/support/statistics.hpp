// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_STATISTICS_HPP
#define LACUNA_EXAMPLES_SUPPORT_STATISTICS_HPP

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "support/results.hpp"

namespace lacuna::examples {

/// Adds a row of the mean ("run": "mean") and a row of the population standard deviation ("run":
/// "std") over the runs, for each group of rows that agree in these columns.
inline void add_statistics(Results& results, const std::vector<std::string>& group_by) {
  std::vector<std::vector<Row>> groups;
  for (const Row& row : results.rows()) {
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const std::vector<Row>& rows) {
          return std::all_of(group_by.begin(), group_by.end(), [&](const std::string& column) {
            return rows[0][column] == row[column];
          });
        });
    if (group == groups.end())
      groups.push_back({row});
    else
      group->push_back(row);
  }
  for (const auto& rows : groups) {
    Row mean = rows[0], deviation = rows[0];
    mean["run"] = "mean";
    deviation["run"] = "std";
    for (const auto& [column, value] : rows[0].items()) {
      const bool names_the_group =
          std::find(group_by.begin(), group_by.end(), column) != group_by.end();
      if (column == "run" || names_the_group || value.is_string()) continue;
      std::vector<double> values;
      for (const Row& row : rows)
        if (row[column].is_number()) values.push_back(row[column].get<double>());
      if (values.empty()) continue;
      double sum = 0, squares = 0;
      for (const double v : values) sum += v;
      const double average = sum / static_cast<double>(values.size());
      for (const double v : values) squares += (v - average) * (v - average);
      mean[column] = average;
      deviation[column] = std::sqrt(squares / static_cast<double>(values.size()));
    }
    results.add(mean);
    results.add(deviation);
  }
}

/// A number as a table has it, "-" for what is none.
[[nodiscard]] inline std::string cell(const Row& value, const char* format) {
  if (!value.is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_STATISTICS_HPP
