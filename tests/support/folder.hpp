// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_FOLDER_HPP
#define LACUNA_TESTS_SUPPORT_FOLDER_HPP

#include <bit>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <lacuna/core/matrix.hpp>
#include <sys/resource.h>

namespace lacuna::test {

/// What a std::runtime_error says; empty if there was none.
template <class Call>
[[nodiscard]] std::string error_of(Call&& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

/// A folder of one test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::random_device entropy;
    do
      path_ = std::filesystem::temp_directory_path() / ("lacuna_test-" + std::to_string(entropy()));
    while (!std::filesystem::create_directory(path_));
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

  /// A file with these bytes.
  [[nodiscard]] std::filesystem::path holding(const std::string& bytes) const {
    const std::filesystem::path path = path_ / "file";
    // Some file systems wait for the disk where a file is made empty and written anew.
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  /// How many files and folders are in it.
  [[nodiscard]] std::ptrdiff_t entries() const {
    return std::distance(std::filesystem::directory_iterator(path_),
                         std::filesystem::directory_iterator());
  }

  /// What the refusal of a file with these bytes says, less "cannot read FILE: ".
  template <class Read>
  [[nodiscard]] std::string complaint(const std::string& bytes, Read&& read) const {
    const std::filesystem::path path = holding(bytes);
    const std::string message = error_of([&] { read(path); });
    const std::string start = "cannot read " + path.string() + ": ";
    if (message.empty()) return message;
    return message.starts_with(start) ? message.substr(start.size()) : "unnamed: " + message;
  }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Every bit the same: NaNs too, and the sign of zero.
template <class S>
[[nodiscard]] bool same_bits(const Matrix<S>& a, const Matrix<S>& b) {
  using Bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i)
      if (std::bit_cast<Bits>(a(i, j)) != std::bit_cast<Bits>(b(i, j))) return false;
  return true;
}

/// Stands in for a full disk while it lives: no file of this process grows beyond the limit.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small = before_;
    small.rlim_cur = bytes;
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit before_{};
  void (*old_handler_)(int) = nullptr;
};

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_FOLDER_HPP
