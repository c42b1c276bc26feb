// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_MAPPED_FILE_HPP
#define LACUNA_IO_MAPPED_FILE_HPP

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lacuna {

/// A file as memory, read-only, of any length: what is looked at is read, and the system takes the
/// memory back when it needs it. POSIX. The file may be renamed or removed meanwhile, but must not
/// be shortened: looking at what is gone ends the program (SIGBUS).
class MappedFile {
 public:
  /// @throws std::runtime_error "cannot read FILE: WHAT" if it cannot be opened, is no regular file
  ///         or is empty.
  explicit MappedFile(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) refuse(path, std::generic_category().message(errno));
    struct ::stat status {};
    std::string what;
    if (::fstat(file, &status) != 0)
      what = std::generic_category().message(errno);
    else if (!S_ISREG(status.st_mode))
      what = "it is not a regular file";
    else if (status.st_size == 0)
      what = "it is empty";
    else
      what = map(file, static_cast<std::uint64_t>(status.st_size));
    ::close(file);  // the map stays
    if (!what.empty()) refuse(path, what);
  }

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { ::munmap(begin_, size_); }

  [[nodiscard]] const unsigned char* data() const noexcept {
    return static_cast<const unsigned char*>(begin_);
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// These bytes will be looked at soon: the system may begin to read them. Only advice.
  void will_need(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    advise(offset, bytes, MADV_WILLNEED);
  }
  /// These bytes will not be looked at for long: they leave the program's memory, though not yet
  /// the system's.
  void release(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    advise(offset, bytes, MADV_DONTNEED);
  }

 private:
  [[nodiscard]] std::string map(int file, std::uint64_t size) {
    begin_ = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    if (begin_ == MAP_FAILED) return std::generic_category().message(errno);
    size_ = size;
    return {};
  }

  void advise(std::uint64_t offset, std::uint64_t bytes, int advice) const noexcept {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t from = offset / page * page;
    ::madvise(static_cast<unsigned char*>(begin_) + from, bytes + (offset - from), advice);
  }

  [[noreturn]] static void refuse(const std::filesystem::path& path, const std::string& what) {
    throw std::runtime_error("cannot read " + path.string() + ": " + what);
  }

  void* begin_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace lacuna

#endif  // LACUNA_IO_MAPPED_FILE_HPP
