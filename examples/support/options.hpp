// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_OPTIONS_HPP
#define LACUNA_EXAMPLES_SUPPORT_OPTIONS_HPP

#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "support/files.hpp"

namespace lacuna::examples {

/// What every experiment takes.
struct CommonOptions {
  std::filesystem::path out;
  std::uint64_t seed = 1;
  bool quick = false;
  int threads = 0;

  void add_to(CLI::App& app, const std::string& experiment) {
    out = std::filesystem::path("build") / "results" / experiment;
    app.add_option("--out", out, "folder for results.json, results.csv and the figure")
        ->capture_default_str();
    app.add_option("--seed", seed, "names every random number")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_flag("--quick", quick, "a small version of everything, in seconds");
    app.add_option("--threads", threads, "threads, 0 for all cores; results do not depend on it")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
  }
};

/// Runs a program: options, then `body`. Bad options, and settings that the library refuses
/// (std::invalid_argument), end with one line on stderr and status 2; other failures with one line and
/// status 1. An output folder that cannot be written is a bad option, found before any work.
template <class Body>
int run_program(const std::string& name, CLI::App& app, int argc, char** argv,
                const CommonOptions& common, Body&& body) {
  const auto fail = [&](const std::string& message, int status) {
    std::cerr << name << ": " << message.substr(0, message.find('\n')) << '\n';
    return status;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return fail(error.what(), 2);
  }
  try {
    require_writable(common.out);
    return body();
  } catch (const std::invalid_argument& error) {
    return fail(error.what(), 2);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_OPTIONS_HPP
