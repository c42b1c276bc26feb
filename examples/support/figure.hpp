// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_FIGURE_HPP
#define LACUNA_EXAMPLES_SUPPORT_FIGURE_HPP

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "support/files.hpp"

namespace lacuna::examples {

/// Draws an SVG by gnuplot, whole or not at all. `commands` are gnuplot's, without terminal and output.
/// @return false, and no file, where gnuplot is not installed or refuses.
inline bool draw_figure(const std::filesystem::path& path, const std::string& size,
                        const std::string& commands) {
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) return false;
  const auto picture = temporary_beside(path);
  // gnuplot's strings in single quotes have one escape: two quotes for one.
  std::string quoted;
  for (const char c : picture.string()) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  FILE* gnuplot = ::popen("gnuplot >/dev/null 2>&1", "w");
  if (!gnuplot) return false;
  const std::string script = "set terminal svg size " + size +
                             " font 'sans,12' background '#ffffff'\nset output '" + quoted +
                             "'\n" + commands + "\nset output\n";
  const bool sent = std::fwrite(script.data(), 1, script.size(), gnuplot) == script.size();
  const bool drawn = ::pclose(gnuplot) == 0 && sent;
  std::error_code failure;
  if (drawn && std::filesystem::file_size(picture, failure) > 0 && !failure) {
    std::filesystem::rename(picture, path, failure);
    if (!failure) return true;
  }
  std::filesystem::remove(picture, failure);
  return false;
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_FIGURE_HPP
