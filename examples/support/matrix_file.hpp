// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_MATRIX_FILE_HPP
#define LACUNA_EXAMPLES_SUPPORT_MATRIX_FILE_HPP

#include <filesystem>
#include <stdexcept>
#include <string>

#include <lacuna/io/csv.hpp>
#include <lacuna/io/npy.hpp>

namespace lacuna::examples {

/// A matrix that an option names: .npy or .csv, a row of the file a column here.
/// @throws std::invalid_argument naming the option, for whatever is wrong with the file.
[[nodiscard]] inline Matrix<float> read_matrix_file(const std::string& option,
                                                    const std::filesystem::path& path) {
  const auto ending = path.extension();
  require(ending == ".npy" || ending == ".csv", option,
          "expected a file .npy or .csv, got " + path.string());
  try {
    return ending == ".npy" ? read_npy<float>(path) : read_csv<float>(path).values;
  } catch (const std::runtime_error& error) {
    throw std::invalid_argument(option + ": " + error.what());
  }
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_MATRIX_FILE_HPP
