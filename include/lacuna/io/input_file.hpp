// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_INPUT_FILE_HPP
#define LACUNA_IO_INPUT_FILE_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lacuna {

/// A file open for reading, and the one form of every complaint about it: "cannot read FILE: WHAT".
/// C streams underneath, because they say why they fail.
class InputFile {
 public:
  /// @throws std::runtime_error if it cannot be opened.
  explicit InputFile(std::filesystem::path path) : path_(std::move(path)) {
    errno = 0;
    stream_.reset(std::fopen(path_.string().c_str(), "rb"));
    if (!stream_) refuse(std::generic_category().message(errno));
  }

  /// Its length in bytes.
  /// @throws std::runtime_error for what has no length, such as a folder or a pipe.
  [[nodiscard]] std::uintmax_t size() const {
    std::error_code failure;
    const auto status = std::filesystem::status(path_, failure);
    if (std::filesystem::is_directory(status)) refuse("it is a directory");
    if (!failure && !std::filesystem::is_regular_file(status)) refuse("it is not a regular file");
    const std::uintmax_t bytes = std::filesystem::file_size(path_, failure);
    if (failure) refuse(failure.message());
    return bytes;
  }

  /// Reads up to `bytes` bytes; fewer only at the end of the file.
  /// @return how many. @throws std::runtime_error if reading fails.
  std::size_t read(void* to, std::size_t bytes) {
    errno = 0;
    const std::size_t count = std::fread(to, 1, bytes, stream_.get());
    if (count < bytes && std::ferror(stream_.get())) refuse(std::generic_category().message(errno));
    return count;
  }

  /// The next read begins `bytes` bytes from the start.
  /// @throws std::runtime_error for what cannot be read out of order, such as a pipe.
  void seek(std::uintmax_t bytes) {
    errno = 0;
    if (bytes > static_cast<std::uintmax_t>(std::numeric_limits<long>::max()) ||
        std::fseek(stream_.get(), static_cast<long>(bytes), SEEK_SET) != 0)
      refuse(std::generic_category().message(errno));
  }

  /// Throws std::runtime_error with the file's name and what is wrong with it.
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error("cannot read " + path_.string() + ": " + what);
  }

 private:
  struct Close {
    void operator()(std::FILE* stream) const noexcept { std::fclose(stream); }
  };

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> stream_;
};

namespace detail {

/// A piece of a file between double quotes, fit for a message: cut short, and what could not be
/// printed replaced.
[[nodiscard]] inline std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string shown = "\"";
  for (const char c : text.substr(0, longest)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > longest ? "...\"" : "\"");
}

}  // namespace detail
}  // namespace lacuna

#endif  // LACUNA_IO_INPUT_FILE_HPP
