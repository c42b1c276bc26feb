// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_CSV_LOG_HPP
#define LACUNA_TRAINER_CSV_LOG_HPP

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <lacuna/core/outcome.hpp>

namespace lacuna {

/// Writes a line of numbers for every step that it is told of: step, loss, mean_l0, dead_share and
/// seconds of training, NaN as `nan`. A line is on its way to the disk before the next step begins.
/// Models `Observer`.
///
/// The file is the log of one training. Told of step n first, it keeps what the file has of the
/// steps before n and drops the rest: lines of steps that a resumed training takes again, one that
/// was cut off when the last run was killed, and for n = 1 all. The seconds go on from the last
/// line kept.
///
/// @code
/// trainer.fit(model, source, every(100, CsvLog("loss.csv")));
/// // step,loss,mean_l0,dead_share,seconds
/// // 100,0.0412,8.25,0.125,0.731
/// @endcode
class CsvLog {
 public:
  static constexpr std::string_view header = "step,loss,mean_l0,dead_share,seconds";

  /// @throws std::runtime_error naming the file if it cannot be written, or if it holds something
  ///         other than such a log: then it is left as it is.
  explicit CsvLog(std::filesystem::path path) : path_(std::move(path)) {
    std::string first_line;
    // A device has nothing to go on from, and a read of it may never end.
    is_file_ = !std::filesystem::exists(path_) || std::filesystem::is_regular_file(path_);
    if (std::ifstream in(path_, std::ios::binary); is_file_ && in && std::getline(in, first_line)) {
      // The last run may have been killed while it wrote the very first line.
      const bool is_log =
          in.eof() ? header.starts_with(first_line) : std::string_view(first_line) == header;
      if (!is_log)
        refuse("it is there and no log of a training: its first line is not \"" +
               std::string(header) + "\"");
    }
    out_.open(path_, std::ios::binary | std::ios::app);
    if (!out_) refuse("it cannot be opened");
  }

  /// @throws std::runtime_error naming the file, for instance on a full disk.
  bool operator()(const Progress& progress) {
    if (!begun_) begin_at(progress.step);
    std::string line = std::to_string(progress.step);
    for (const double value : {progress.loss, progress.mean_l0, progress.dead_share})
      line += ',' + text_of(value);
    line += ',' + text_of(earlier_seconds_ + seconds_here()) + '\n';
    write(line);
    return true;
  }

 private:
  /// Drops what the file has of this step and later ones, and a last line without an end.
  void begin_at(Index step) {
    begun_ = true;
    std::uintmax_t kept = 0;
    if (is_file_) {
      std::ifstream in(path_, std::ios::binary);
      std::string line;
      while (std::getline(in, line) && !in.eof()) {
        if (kept > 0) {
          Index there = 0;
          const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), there);
          if (error != std::errc() || there >= step) break;
          const char* const last = line.data() + line.rfind(',') + 1;
          std::from_chars(last, line.data() + line.size(), earlier_seconds_);
        }
        kept += line.size() + 1;
      }
    }
    std::error_code failure;
    if (is_file_) std::filesystem::resize_file(path_, kept, failure);
    if (failure) refuse(failure.message());
    if (kept == 0) write(std::string(header).append(1, '\n'));
  }

  void write(const std::string& text) {
    out_ << text << std::flush;
    if (!out_) refuse("a line could not be written");
  }

  /// The fewest digits that are this number again, in every locale.
  [[nodiscard]] static std::string text_of(double value) {
    if (std::isnan(value)) return "nan";
    std::array<char, 32> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
  }

  [[nodiscard]] double seconds_here() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - made_).count();
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error("cannot write " + path_.string() + ": " + what);
  }

  std::filesystem::path path_;
  std::ofstream out_;
  bool is_file_ = true;
  bool begun_ = false;
  double earlier_seconds_ = 0;  // of the runs before this one
  std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_CSV_LOG_HPP
