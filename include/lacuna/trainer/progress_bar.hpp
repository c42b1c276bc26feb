// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_PROGRESS_BAR_HPP
#define LACUNA_TRAINER_PROGRESS_BAR_HPP

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include <lacuna/core/outcome.hpp>
#include <lacuna/trainer/progress_text.hpp>

namespace lacuna {

/// Options of `ProgressBar`.
struct ProgressBarOptions {
  double redraw_seconds = 0.1;  ///< between two drawings on a terminal
  double line_seconds = 10;     ///< between two lines elsewhere
};

/// Shows how far a training is, how fast it goes and when it ends: a bar that moves on a terminal,
/// a line now and then in a file or a pipe, where the last step always has its line. Models
/// `Observer`.
///
/// The rate is that of the steps it has seen, so a resumed training has a true one from the start.
/// Cost: one look at the clock a step.
///
/// @code
/// trainer.fit(model, source, ProgressBar());
/// // [#######-------]  50 %  10000/20000  1523 steps/s  0:07 left  loss 0.0123  L0 8.1
/// @endcode
class ProgressBar {
 public:
  using Options = ProgressBarOptions;

  /// On stderr, as a bar if that is a terminal.
  explicit ProgressBar(ProgressBarOptions options = {})
      : ProgressBar(stderr, detail::is_terminal(stderr), options) {}

  /// On any stream, which must live as long; as a bar or as lines.
  ProgressBar(std::FILE* stream, bool as_bar, ProgressBarOptions options = {})
      : options_(options), stream_(stream), as_bar_(as_bar) {}

  ProgressBar(ProgressBar&& other) noexcept
      : options_(other.options_),
        stream_(other.stream_),
        as_bar_(other.as_bar_),
        line_is_open_(std::exchange(other.line_is_open_, false)),
        first_step_(other.first_step_),
        last_step_(other.last_step_),
        begin_(other.begin_),
        last_shown_(other.last_shown_) {}
  ProgressBar& operator=(ProgressBar&&) = delete;

  /// A training that ended early leaves the bar where it was, and the cursor below it.
  ~ProgressBar() { close_line(); }

  bool operator()(const Progress& progress) {
    const Clock::time_point now = Clock::now();
    // The first step that is seen, of this training or of another one after it.
    if (last_step_ == 0 || progress.step <= last_step_) {
      close_line();
      begin_ = last_shown_ = now;
      first_step_ = progress.step;
      if (as_bar_) show(progress, 0);
    }
    last_step_ = progress.step;
    const bool is_last = progress.step >= progress.total_steps;
    const double interval = as_bar_ ? options_.redraw_seconds : options_.line_seconds;
    if (is_last || seconds(now - last_shown_) >= interval) {
      last_shown_ = now;
      const double elapsed = seconds(now - begin_);
      const auto steps = static_cast<double>(progress.step - first_step_);
      show(progress, elapsed > 0 ? steps / elapsed : 0);
    }
    if (is_last) close_line();
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
  }

  void show(const Progress& progress, double rate) {
    const std::string text = detail::progress_text(progress, rate);
    // Back to the beginning of the line, and what an older text leaves behind is erased.
    if (as_bar_)
      std::fputs(
          ("\r" + detail::with_bar(text, progress, detail::terminal_columns(stream_)) + "\x1b[K")
              .c_str(),
          stream_);
    else
      std::fputs((text + "\n").c_str(), stream_);
    std::fflush(stream_);
    line_is_open_ = as_bar_;
  }

  void close_line() noexcept {
    if (!line_is_open_) return;
    std::fputc('\n', stream_);
    std::fflush(stream_);
    line_is_open_ = false;
  }

  ProgressBarOptions options_;
  std::FILE* stream_;
  bool as_bar_;
  bool line_is_open_ = false;
  Index first_step_ = 0;
  Index last_step_ = 0;  // 0: none yet
  Clock::time_point begin_;
  Clock::time_point last_shown_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_PROGRESS_BAR_HPP
