// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_FILES_HPP
#define LACUNA_EXAMPLES_SUPPORT_FILES_HPP

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <unistd.h>

namespace lacuna::examples {

/// A name beside `path` that no other process uses.
[[nodiscard]] inline std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  auto temporary = path;
  temporary += ".partial-" + std::to_string(::getpid());
  return temporary;
}

/// Writes a file whole or not at all: beside its place, then renamed.
/// @throws std::runtime_error naming the file.
inline void write_whole(const std::filesystem::path& path, const std::string& text) {
  const auto temporary = temporary_beside(path);
  std::error_code ignored;
  {
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    file.close();
    if (!file) {
      std::filesystem::remove(temporary, ignored);
      throw std::runtime_error("cannot write " + path.string());
    }
  }
  std::error_code failure;
  std::filesystem::rename(temporary, path, failure);
  if (failure) {
    std::filesystem::remove(temporary, ignored);
    throw std::runtime_error("cannot write " + path.string() + ": " + failure.message());
  }
}

/// Makes the folder and tries to write in it, so that hours of work do not end at a locked door.
/// @throws std::invalid_argument naming it.
inline void require_writable(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure)
    throw std::invalid_argument("--out " + folder.string() + ": " + failure.message());
  const auto probe = temporary_beside(folder / "probe");
  {
    std::ofstream file(probe);
    file << ' ';
    file.close();
    if (!file) throw std::invalid_argument("--out " + folder.string() + ": cannot be written");
  }
  std::filesystem::remove(probe, failure);
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_FILES_HPP
