// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_CSV_HPP
#define LACUNA_IO_CSV_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>
#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>
#include <lacuna/io/csv_field.hpp>
#include <lacuna/io/input_file.hpp>
#include <lacuna/io/whole_file.hpp>

namespace lacuna {

/// Numbers of a CSV file, and what its first line calls them.
template <Real S>
struct CsvTable {
  Matrix<S> values;                ///< a line of the file is a column: dim x lines
  std::vector<std::string> names;  ///< one a row of values; empty where the file has none
};

namespace detail {

/// Appends the numbers of one line to `values`. @throws std::runtime_error naming line and field.
template <Real S>
void parse_csv_line(const InputFile& file, std::string_view line, std::size_t line_number,
                    std::vector<S>& values) {
  for (std::size_t begin = 0, field_number = 1; begin <= line.size(); ++field_number) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    const std::string_view field = without_spaces(line.substr(begin, end - begin));
    S value{};
    const CsvNumber answer = parse_csv_number(field, value);
    if (answer != CsvNumber::good) {
      const std::string place = csv_place(line_number, field_number);
      if (field.empty()) file.refuse(place + " is empty");
      if (answer == CsvNumber::out_of_range)
        file.refuse(place + ": " + excerpt(field) + " is out of the range of " +
                    (std::same_as<S, float> ? "float" : "double"));
      file.refuse(place + ": " + excerpt(field) +
                  " is not a number (commas separate, a point is the decimal mark)");
    }
    values.push_back(value);
    begin = end + 1;
  }
}

[[nodiscard]] inline std::string read_csv_text(InputFile& file) {
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (const std::size_t count = file.read(buffer.data(), buffer.size()))
    text.append(buffer.data(), count);
  return text;
}

}  // namespace detail

/// Reads numbers separated by commas, one thing a line.
///
/// The first line may hold names instead: none of its fields is a number then, unless between
/// double quotes. Spaces and tabs around a field, a carriage return before the end of a line, empty
/// lines at the end of the file and a byte order mark at its start do not count. `nan`, `inf` and
/// `infinity` are numbers, in capitals too. The decimal mark is a point in every locale. A number
/// between two numbers of S becomes the nearest. Cost: the text and the numbers twice are in memory
/// for a moment.
///
/// @throws std::runtime_error naming the file, and the line and the field where it has one: not to
///         be read, empty; a line that is empty or has more or fewer fields than the first; a field
///         that is empty, no number, or out of the range of S.
template <Real S>
[[nodiscard]] CsvTable<S> read_csv(const std::filesystem::path& path) {
  InputFile file(path);
  const std::string content = detail::read_csv_text(file);
  std::string_view text = content;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  if (text.empty()) file.refuse("it is empty");

  CsvTable<S> table;
  std::vector<S> values;
  std::size_t width = 0, lines = 0;
  for (std::size_t begin = 0, line_number = 1; begin <= text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (detail::without_spaces(line).empty())
      file.refuse("line " + std::to_string(line_number) + " is empty");
    if (line_number == 1) {
      table.names = detail::parse_csv_names(file, line);
      width = table.names.size();
      if (width > 0) continue;
    }
    const auto fields = static_cast<std::size_t>(std::count(line.begin(), line.end(), ',')) + 1;
    if (width == 0) width = fields;
    if (fields != width)
      file.refuse("line " + std::to_string(line_number) + " has " + std::to_string(fields) +
                  (fields == 1 ? " field" : " fields") + ", the first line has " +
                  std::to_string(width));
    detail::parse_csv_line(file, line, line_number, values);
    ++lines;
  }
  table.values = Eigen::Map<const Matrix<S>>(values.data(), static_cast<Index>(width),
                                             static_cast<Index>(lines));
  return table;
}

/// Writes a matrix as CSV, a column a line, in the fewest digits from which `read_csv` gets the
/// same numbers back. The file is written whole or not at all.
/// @param matrix  any dense Eigen expression of float or double.
/// @param names   none, or one for every row: the first line.
/// @throws std::invalid_argument if the shape could not be read back (no rows; no columns and no
///         names), if there are not as many names as rows, or a name has a line break.
///         std::runtime_error naming the file, as WholeFile.
template <class Derived>
  requires Real<typename Derived::Scalar>
void write_csv(const std::filesystem::path& path, const Eigen::MatrixBase<Derived>& matrix,
               const std::vector<std::string>& names = {}) {
  using S = typename Derived::Scalar;
  const MatrixArg<S> values(matrix.derived());
  const std::string shape = shape_of(values.rows(), values.cols());
  require(values.rows() > 0 && (values.cols() > 0 || !names.empty()), "write_csv",
          "a matrix " + shape + (names.empty() ? " without names" : "") +
              " leaves nothing to write and could not be read back");
  require(names.empty() || static_cast<Index>(names.size()) == values.rows(), "write_csv",
          "expected a name for each row of a matrix " + shape + ", got " +
              std::to_string(names.size()));
  std::string text;
  for (const std::string& name : names) {
    require(name.find_first_of("\r\n") == name.npos, "write_csv",
            "the name " + detail::excerpt(name) + " has a line break");
    if (!text.empty()) text += ',';
    text += detail::csv_name(name);
  }
  if (!names.empty()) text += '\n';

  WholeFile file(path);
  std::array<char, 32> digits{};  // -2.2250738585072014e-308 has 24
  for (Index j = 0; j < values.cols(); ++j) {
    for (Index i = 0; i < values.rows(); ++i) {
      char* const last = digits.data() + digits.size();
      const char* const end = std::to_chars(digits.data(), last, values(i, j)).ptr;
      text.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
      text += i + 1 < values.rows() ? ',' : '\n';
    }
    constexpr std::size_t enough_to_write = 1 << 16;
    if (text.size() < enough_to_write) continue;
    file.write(text);
    text.clear();
  }
  file.write(text);
  file.commit();
}

}  // namespace lacuna

#endif  // LACUNA_IO_CSV_HPP
