// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_RESULTS_HPP
#define LACUNA_EXAMPLES_SUPPORT_RESULTS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/version.hpp>
#include <nlohmann/json.hpp>

#include "support/files.hpp"

namespace lacuna::examples {

/// A flat row: what is not applicable is null.
using Row = nlohmann::ordered_json;

/// A number as JSON has it: NaN and infinity, which it has not, are null.
[[nodiscard]] inline Row number_or_null(double value) {
  return std::isfinite(value) ? Row(value) : Row(nullptr);
}

/// What an experiment leaves: results.json and results.csv, the same rows.
class Results {
 public:
  Results(std::string experiment, std::uint64_t seed, Row settings)
      : experiment_(std::move(experiment)), seed_(seed), settings_(std::move(settings)) {}

  [[nodiscard]] Row& settings() noexcept { return settings_; }
  [[nodiscard]] const std::vector<Row>& rows() const noexcept { return rows_; }
  void add(Row row) { rows_.push_back(std::move(row)); }

  /// Each file whole or not at all. @throws std::runtime_error naming the file.
  void write(const std::filesystem::path& folder) const {
    Row document;
    document["experiment"] = experiment_;
    document["lacuna_version"] = std::string(version);
    document["seed"] = seed_;
    document["settings"] = settings_;
    document["rows"] = rows_;
    write_whole(folder / "results.json", document.dump(1) + "\n");
    write_whole(folder / "results.csv", csv());
  }

 private:
  [[nodiscard]] std::string csv() const {
    std::vector<std::string> columns;
    for (const Row& row : rows_)
      for (const auto& [name, value] : row.items())
        if (std::find(columns.begin(), columns.end(), name) == columns.end())
          columns.push_back(name);
    std::string text;
    for (const std::string& name : columns) text += (text.empty() ? "" : ",") + name;
    text += '\n';
    for (const Row& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) line += ',';
        if (!row.contains(columns[i]) || row[columns[i]].is_null()) continue;
        const Row& value = row[columns[i]];
        line += value.is_string() ? quoted(value.get<std::string>()) : value.dump();
      }
      text += line + '\n';
    }
    return text;
  }

  [[nodiscard]] static std::string quoted(const std::string& field) {
    if (field.find_first_of(",\"\n") == std::string::npos) return field;
    std::string result = "\"";
    for (const char c : field) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + '"';
  }

  std::string experiment_;
  std::uint64_t seed_;
  Row settings_;
  std::vector<Row> rows_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_RESULTS_HPP
