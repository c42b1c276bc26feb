// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_WHOLE_FILE_HPP
#define LACUNA_IO_WHOLE_FILE_HPP

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lacuna {

/// A file that is written whole or not at all: beside its place, and renamed into it by commit().
/// Whoever reads the place meanwhile finds what was there before; without a commit it stays, and
/// nothing is left beside it.
///
/// A symbolic link is followed: it stays, and the file that it names is replaced, or made where
/// there is none yet. What is replaced passes its permissions on. Not forced onto the disk: a power
/// failure may still lose the file.
class WholeFile {
 public:
  /// @throws std::runtime_error "cannot write FILE: WHAT" if nothing can be written beside it, or a
  ///         folder or a device is in its place.
  explicit WholeFile(std::filesystem::path path) : path_(std::move(path)) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::file_status before = fs::status(path_, ignored);
    // A rename would put a file in the place of a device too.
    if (fs::is_directory(before)) refuse("it is a directory");
    if (fs::exists(before) && !fs::is_regular_file(before)) refuse("it is not a regular file");
    target_ = end_of_links(path_);
    open_temporary();
    if (fs::exists(before)) fs::permissions(temporary_, before.permissions(), ignored);
  }

  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;
  ~WholeFile() { discard(); }

  /// Appends. @throws std::runtime_error, for instance on a full disk.
  void write(const void* data, std::size_t bytes) {
    errno = 0;
    if (bytes > 0 && std::fwrite(data, 1, bytes, stream_) != bytes) refuse_with_errno();
  }

  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Puts the file in its place; the last call, and only once.
  /// @throws std::runtime_error, and then the place is as it was.
  void commit() {
    errno = 0;
    // What was buffered is written here, so this may be where a full disk shows.
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) refuse_with_errno();
    std::error_code failure;
    std::filesystem::rename(temporary_, target_, failure);
    if (failure) refuse(failure.message());
    temporary_.clear();
  }

 private:
  /// What a link names, and that if it is one; there need not be a file. Folders on the way are
  /// left to the system.
  [[nodiscard]] std::filesystem::path end_of_links(std::filesystem::path at) const {
    namespace fs = std::filesystem;
    constexpr int most_links = 40;  // as Linux follows
    std::error_code failure;
    for (int links = 0; fs::is_symlink(fs::symlink_status(at, failure)); ++links) {
      if (links == most_links) refuse("it is a link that leads to itself, or through too many");
      const fs::path next = fs::read_symlink(at, failure);
      if (failure) refuse(failure.message());
      at = at.parent_path() / next;  // an absolute one stands alone
    }
    return at;
  }

  void open_temporary() {
    // "x" fails where the name is taken, by another writer or since a crash: then try the next.
    constexpr int most_names = 100;
    for (int number = 0; stream_ == nullptr; ++number) {
      temporary_ = target_;
      temporary_ += ".partial-" + std::to_string(number);
      errno = 0;
      stream_ = std::fopen(temporary_.string().c_str(), "wbx");
      if (stream_ != nullptr || (errno == EEXIST && number < most_names)) continue;
      temporary_.clear();  // not ours to remove
      refuse_with_errno();
    }
  }

  void discard() noexcept {
    if (stream_ != nullptr) std::fclose(std::exchange(stream_, nullptr));
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
  }

  [[noreturn]] void refuse_with_errno() const { refuse(std::generic_category().message(errno)); }

  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error("cannot write " + path_.string() + ": " + what);
  }

  std::filesystem::path path_;       // as the caller names it
  std::filesystem::path target_;     // what is replaced: path_, or what that links to
  std::filesystem::path temporary_;  // empty when there is none
  std::FILE* stream_ = nullptr;
};

/// Writes a text whole or not at all. @throws std::runtime_error as WholeFile.
inline void write_whole(const std::filesystem::path& path, std::string_view text) {
  WholeFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace lacuna

#endif  // LACUNA_IO_WHOLE_FILE_HPP
