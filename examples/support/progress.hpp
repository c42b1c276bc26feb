// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_PROGRESS_HPP
#define LACUNA_EXAMPLES_SUPPORT_PROGRESS_HPP

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

#include <unistd.h>

namespace lacuna::examples {

/// Seconds since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// How far an experiment is, on stderr: one line that moves on a terminal, a line now and then
/// elsewhere. Work is in any unit that is proportional to time. May be told from any thread.
class ProgressLine {
 public:
  explicit ProgressLine(double total_work)
      : total_(total_work), terminal_(::isatty(STDERR_FILENO) == 1) {}

  /// `work` more is done; `what` has just ended.
  void advance(double work, const std::string& what) {
    const std::lock_guard lock(mutex_);
    done_ += work;
    const double share = std::min(1.0, done_ / total_);
    const double elapsed = clock_.seconds();
    if (!terminal_ && share < 1 && elapsed - last_line_ < 2) return;
    last_line_ = elapsed;
    const int left = static_cast<int>(elapsed * (1 - share) / share + 0.5);
    std::fprintf(stderr, "%s%3d %%  %d:%02d left  %-40.40s%s", terminal_ ? "\r" : "",
                 static_cast<int>(100 * share), left / 60, left % 60, what.c_str(),
                 terminal_ ? "" : "\n");
    std::fflush(stderr);
  }

  /// Leaves the terminal at the beginning of a clean line.
  void finish() {
    if (terminal_) std::fprintf(stderr, "\r%70s\r", "");
  }

 private:
  double total_;
  bool terminal_;
  double done_ = 0;
  double last_line_ = -2;
  Stopwatch clock_;
  std::mutex mutex_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_PROGRESS_HPP
