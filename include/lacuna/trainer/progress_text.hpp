// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_PROGRESS_TEXT_HPP
#define LACUNA_TRAINER_PROGRESS_TEXT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>

#include <lacuna/core/outcome.hpp>

#if __has_include(<sys/ioctl.h>) && __has_include(<unistd.h>)
#define LACUNA_HAS_TERMINALS
#include <sys/ioctl.h>
#include <unistd.h>
#endif

/// What `ProgressBar` writes, and where.
namespace lacuna::detail {

/// printf into a string; what is longer than 160 characters is cut.
template <class... Args>
[[nodiscard]] std::string formatted(const char* format, Args... args) {
  std::array<char, 160> text{};
  const int length = std::snprintf(text.data(), text.size(), format, args...);
  const auto cut = static_cast<std::size_t>(std::max(length, 0));
  return std::string(text.data(), std::min(cut, text.size() - 1));
}

/// "0:07", "12:30", "3:05:00".
[[nodiscard]] inline std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(std::min(seconds, 1e12) + 0.5);
  const long long hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
  return hours > 0 ? formatted("%lld:%02lld:%02lld", hours, minutes, rest)
                   : formatted("%lld:%02lld", minutes, rest);
}

/// The share of the steps that is done, between 0 and 1.
[[nodiscard]] inline double share_done(const Progress& progress) {
  if (progress.total_steps <= 0) return 1;
  return std::clamp(static_cast<double>(progress.step) / static_cast<double>(progress.total_steps),
                    0.0, 1.0);
}

/// Where a training stands, in words. @param rate  steps a second; 0 if not known yet.
[[nodiscard]] inline std::string progress_text(const Progress& progress, double rate) {
  std::string text = formatted("%3d %%  %lld/%lld", static_cast<int>(100 * share_done(progress)),
                               static_cast<long long>(progress.step),
                               static_cast<long long>(progress.total_steps));
  if (rate > 0)
    text += formatted("  %.*f steps/s  ", rate < 10 ? 2 : 0, rate) +
            clock_text(static_cast<double>(progress.total_steps - progress.step) / rate) + " left";
  text += formatted("  loss %.4g", progress.loss);
  if (!std::isnan(progress.mean_l0)) text += formatted("  L0 %.4g", progress.mean_l0);
  if (!std::isnan(progress.dead_share))
    text += formatted("  dead %.1f %%", 100 * progress.dead_share);
  return text;
}

/// The text behind a bar of 20 places or fewer, in all below `columns`: a line that is broken could
/// not be drawn over. Without room for 4 places there is no bar, and the text may be cut.
[[nodiscard]] inline std::string with_bar(const std::string& text, const Progress& progress,
                                          std::size_t columns) {
  constexpr std::size_t most = 20, fewest = 4, around = 4;  // "[] " and the last column
  if (columns < text.size() + around + fewest)
    return text.substr(0, std::max<std::size_t>(columns, 1) - 1);
  const std::size_t width = std::min(most, columns - text.size() - around);
  const auto filled = static_cast<std::size_t>(static_cast<double>(width) * share_done(progress));
  return "[" + std::string(filled, '#') + std::string(width - filled, '-') + "] " + text;
}

[[nodiscard]] inline bool is_terminal([[maybe_unused]] std::FILE* stream) {
#ifdef LACUNA_HAS_TERMINALS
  return ::isatty(::fileno(stream)) == 1;
#else
  return false;
#endif
}

/// 80 where the stream does not say.
[[nodiscard]] inline std::size_t terminal_columns([[maybe_unused]] std::FILE* stream) {
#ifdef LACUNA_HAS_TERMINALS
  winsize size{};
  if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
#endif
  return 80;
}

}  // namespace lacuna::detail

#undef LACUNA_HAS_TERMINALS

#endif  // LACUNA_TRAINER_PROGRESS_TEXT_HPP
