// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_TABLE_HPP
#define LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_TABLE_HPP

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "reproduce/agreement.hpp"

namespace lacuna::examples {

/// A Markdown table whose columns line up in plain text too.
class MarkdownTable {
 public:
  explicit MarkdownTable(std::vector<std::string> header) { add(std::move(header)); }

  /// Cells that are missing at the end are empty.
  void add(std::vector<std::string> cells) {
    for (std::string& cell : cells)
      for (auto at = cell.find('|'); at != std::string::npos; at = cell.find('|', at + 2))
        cell.insert(at, 1, '\\');
    rows_.push_back(std::move(cells));
  }
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }

  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths;
    for (const std::string& name : rows_[0])
      widths.push_back(std::max<std::size_t>(3, width(name)));
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    std::string result;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t i = 0; i < widths.size(); ++i) {
        const std::string cell = i < rows_[r].size() ? rows_[r][i] : "";
        result += "| " + cell + std::string(widths[i] - width(cell) + 1, ' ');
      }
      result += "|\n";
      if (r > 0) continue;
      for (const std::size_t w : widths) result += "|" + std::string(w + 2, '-');
      result += "|\n";
    }
    return result + "\n";
  }

 private:
  /// Characters, not bytes, of UTF-8.
  [[nodiscard]] static std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
  }

  std::vector<std::vector<std::string>> rows_;
};

// ---- numbers ------------------------------------------------------------------------------------

/// How the numbers of a column are written.
enum class Style { unit, error, count, seconds, plain };

[[nodiscard]] inline std::string print(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// .862 on a scale of 0 to 1, 2.10e-03 for errors, 1.7e+10 for counts; "-" for what is none.
[[nodiscard]] inline std::string written(double value, Style style) {
  if (!std::isfinite(value)) return "-";
  switch (style) {
    case Style::unit: {
      std::string text = print("%.3f", value);
      const std::size_t zero = text.starts_with("-") ? 1 : 0;
      if (text[zero] == '0') text.erase(zero, 1);
      return text;
    }
    case Style::error:
      return std::abs(value) < 1e-14 ? "0" : print("%.2e", value);  // rounding of a mean
    case Style::count:
      return value == 0 ? "0" : print("%.2e", value);
    case Style::seconds:
      return print(value >= 100 ? "%.0f" : value >= 1 ? "%.1f" : "%.2g", value);
    case Style::plain:
      break;
  }
  return print("%g", value);
}

[[nodiscard]] inline std::string with_spread(double mean, double deviation, Style style) {
  const std::string text = written(mean, style);
  const bool spread = (style == Style::unit || style == Style::error) && std::isfinite(mean) &&
                      std::isfinite(deviation);
  if (!spread) return text;
  return text + " ± " +
         (style == Style::error ? print("%.1e", deviation) : written(deviation, style));
}

/// Text, truth values and settings as they stand in a table.
[[nodiscard]] inline std::string written(const Row& value) {
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number()) return print("%g", value.get<double>());
  return value.is_string() ? value.get<std::string>() : "-";
}

[[nodiscard]] inline std::string quoted_method(const Row& row) {
  const Row& method = value_of(row, "method");
  return method.is_string() ? "`" + method.get<std::string>() + "`" : "-";
}

// ---- columns ------------------------------------------------------------------------------------

struct Column {
  const char* name;
  const char* label;
  Style style;
};

/// Labels of the columns of rows, in the order in which tables have them; settings come first.
inline constexpr Column table_columns[] = {
    {"code_mcc", "code MCC", Style::unit},
    {"dictionary_mcc", "dict. MCC", Style::unit},
    {"dictionary_cosine", "dict. cosine", Style::unit},
    {"support_f1", "support F1", Style::unit},
    {"l0", "L0", Style::unit},
    {"l0_above_1e3", "L0 > 1e-3", Style::unit},
    {"l0_above_1e4", "L0 > 1e-4", Style::unit},
    {"l0_above_1e5", "L0 > 1e-5", Style::unit},
    {"l0_above_0", "L0 > 0", Style::unit},
    {"gap", "relative gap", Style::error},
    {"test_loss", "test loss", Style::error},
    {"test_mse", "test MSE", Style::error},
    {"mean_abs_code", "mean abs. code", Style::error},
    {"published_flops", "flops, published", Style::count},
    {"audited_flops", "flops, audited", Style::count},
    {"audited_inference_flops", "flops a signal", Style::count},
    {"audited_training_flops", "training flops", Style::count},
    {"train_seconds", "train s", Style::seconds},
    {"encode_seconds", "encode s", Style::seconds},
};

[[nodiscard]] inline const Column& table_column(const std::string& name) {
  const auto* found = std::find_if(std::begin(table_columns), std::end(table_columns),
                                   [&](const Column& column) { return column.name == name; });
  static constexpr Column unknown{"", "?", Style::plain};
  return found == std::end(table_columns) ? unknown : *found;
}

[[nodiscard]] inline std::string setting_label(const std::string& column) {
  if (column == "active") return "K";
  if (column == "dim") return "M";
  if (column == "atoms") return "N";
  if (column == "hidden") return "H";
  if (column == "lambda") return "λ";
  if (column == "source") return "file";
  return column;
}

/// "λ = 0.5, k = 3": what a row's setting is, without what does not apply.
[[nodiscard]] inline std::string setting_text(const Row& row) {
  std::string text;
  for (const std::string& column : setting_columns()) {
    const Row& value = value_of(row, column);
    if (value.is_null()) continue;
    text += (text.empty() ? "" : ", ") + setting_label(column) + (value.is_string() ? " " : " = ") +
            written(value);
  }
  return text;
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_TABLE_HPP
