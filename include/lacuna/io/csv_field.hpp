// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_CSV_FIELD_HPP
#define LACUNA_IO_CSV_FIELD_HPP

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lacuna/core/real.hpp>
#include <lacuna/io/input_file.hpp>

/// What stands between two commas of a CSV file: a number, or in the first line a name.
namespace lacuna::detail {

[[nodiscard]] inline std::string_view without_spaces(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

enum class CsvNumber { good, not_a_number, out_of_range };

/// A field without spaces around it as a number, by the same rules in every locale.
template <Real S>
[[nodiscard]] CsvNumber parse_csv_number(std::string_view field, S& value) {
  // from_chars knows no plus sign, and "+-1" is none.
  if (field.starts_with('+') && !field.substr(1).starts_with('-')) field.remove_prefix(1);
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error == std::errc::invalid_argument || stop != end) return CsvNumber::not_a_number;
  if (error == std::errc()) return CsvNumber::good;
  // Out of range is said of 1e-60 as a float too, but that is 0 to the nearest.
  if constexpr (std::same_as<S, float>) {
    double wide = 0;
    if (parse_csv_number(field, wide) == CsvNumber::good && std::abs(wide) < 1) {
      value = static_cast<float>(wide);
      return CsvNumber::good;
    }
  }
  return CsvNumber::out_of_range;
}

[[nodiscard]] inline bool is_csv_number(std::string_view field) {
  double ignored = 0;
  return parse_csv_number(field, ignored) != CsvNumber::not_a_number;
}

[[nodiscard]] inline std::string csv_place(std::size_t line, std::size_t field) {
  return "line " + std::to_string(line) + ", field " + std::to_string(field);
}

/// A field as it stands in the file and, where that was between quotes, what is between them.
struct CsvField {
  std::string_view text;
  std::optional<std::string> unquoted;
};

/// Splits the first line, the only one that may have quotes: a comma between quotes does not
/// separate, and two quotes there stand for one.
[[nodiscard]] inline std::vector<CsvField> split_csv_names(const InputFile& file,
                                                           std::string_view line) {
  std::vector<CsvField> fields;
  for (std::size_t begin = 0; begin <= line.size();) {
    std::size_t end = std::min(line.find(',', begin), line.size());
    std::optional<std::string> unquoted;
    if (without_spaces(line.substr(begin, end - begin)).starts_with('"')) {
      unquoted.emplace();
      std::size_t at = line.find('"', begin) + 1;
      for (;; ++at) {
        if (at >= line.size())
          file.refuse(csv_place(1, fields.size() + 1) + " has a quote that does not end");
        if (line[at] == '"' && !line.substr(at + 1).starts_with('"')) break;
        if (line[at] == '"') ++at;
        *unquoted += line[at];
      }
      end = std::min(line.find(',', at), line.size());
      if (!without_spaces(line.substr(at + 1, end - at - 1)).empty())
        file.refuse(csv_place(1, fields.size() + 1) + " goes on after its closing quote");
    }
    fields.push_back({without_spaces(line.substr(begin, end - begin)), std::move(unquoted)});
    begin = end + 1;
  }
  return fields;
}

/// The names in the first line; none if it holds numbers.
[[nodiscard]] inline std::vector<std::string> parse_csv_names(const InputFile& file,
                                                              std::string_view line) {
  const std::vector<CsvField> fields = split_csv_names(file, line);
  const auto is_number = [](const CsvField& field) {
    return !field.unquoted && is_csv_number(field.text);
  };
  const auto number = std::find_if(fields.begin(), fields.end(), is_number);
  const auto name = std::find_if_not(fields.begin(), fields.end(), is_number);
  if (name == fields.end()) return {};
  // Were any other word enough, a slip in the first number would lose the whole line.
  if (number != fields.end())
    file.refuse(csv_place(1, static_cast<std::size_t>(name - fields.begin()) + 1) + ": " +
                excerpt(name->text) + " is not a number, but " + excerpt(number->text) +
                " in that line is; a line of names has no numbers but between quotes");
  std::vector<std::string> names;
  for (const CsvField& field : fields)
    names.push_back(field.unquoted.value_or(std::string(field.text)));
  return names;
}

/// A name as it can be read back as itself: between quotes if it would else be a number, lose
/// spaces or be split.
[[nodiscard]] inline std::string csv_name(std::string_view name) {
  const bool plain = !name.empty() && without_spaces(name) == name && !is_csv_number(name) &&
                     name.find_first_of(",\"") == name.npos;
  if (plain) return std::string(name);
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

}  // namespace lacuna::detail

#endif  // LACUNA_IO_CSV_FIELD_HPP
