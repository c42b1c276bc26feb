// SPDX-License-Identifier: MIT
//
// Our side of dictionary_peers.py: draws the signals of the compositional benchmark into .npy
// files, or learns a dictionary from such a file, writes the atoms now and then, and prints one
// line of JSON with the seconds that each of them took.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <lacuna/core/version.hpp>
#include <lacuna/io/npy.hpp>
#include <lacuna/synthetic/compositional_model.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>

namespace {

using namespace lacuna;
using S = float;

struct Settings {
  std::filesystem::path write, signals, out;
  Index atoms = 1000, active = 10, rows = 25000, snapshots = 8, threads = 1;
  std::uint64_t seed = 0;
};

/// CPU seconds of this process where it runs one thread, seconds where it runs more.
[[nodiscard]] double now(Index threads) {
  if (threads == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void write_problem(const Settings& s) {
  const CompositionalModel<S> model({.num_atoms = s.atoms, .num_active = s.active, .seed = s.seed});
  write_npy(s.write / "dictionary.npy", model.atoms());
  write_npy(s.write / "signals.npy", model.train(s.rows).signals);
  std::printf("{\"dim\": %lld}\n", static_cast<long long>(model.dim()));
}

void learn(const Settings& s) {
  const Matrix<S> signals = read_npy<S>(s.signals);
  const DictionaryLearning learning({.num_atoms = s.atoms, .seed = s.seed, .threads = s.threads});
  const Index every = std::max<Index>(1, learning.rounds(signals.cols()) / s.snapshots);
  std::vector<double> seconds;
  double writing = 0;
  const double begin = now(s.threads);
  auto model = learning.start<S>(signals);
  learning.fit<S>(model, signals, [&](const Progress& progress) {
    if (progress.step % every != 0 && progress.step != progress.total_steps) return true;
    const double end = now(s.threads);
    write_npy(s.out / ("atoms_" + std::to_string(seconds.size()) + ".npy"),
              model.dictionary.atoms());
    seconds.push_back(end - begin - writing);
    writing += now(s.threads) - end;
    return true;
  });
  std::printf("{\"lacuna_version\": \"%s\", \"rounds\": %lld, \"seconds\": [", version.data(),
              static_cast<long long>(learning.rounds(signals.cols())));
  for (std::size_t i = 0; i < seconds.size(); ++i) std::printf("%s%.6g", i ? ", " : "", seconds[i]);
  std::printf("]}\n");
}

Settings parse(int argc, char** argv) {
  Settings s;
  CLI::App app("Draws a dictionary learning problem, or times our answer to one.");
  auto* write = app.add_option(
      "--write", s.write, "a folder for signals.npy, [rows, dim], and the true dictionary.npy");
  app.add_option("--signals", s.signals, ".npy, [rows, dim], to learn from")->excludes(write);
  app.add_option("--out", s.out, "a folder for atoms_0.npy, [atoms, dim], and so on");
  app.add_option("--atoms", s.atoms, "atoms of the problem, and of the answer");
  app.add_option("--active", s.active, "active entries of a code");
  app.add_option("--rows", s.rows, "signals to draw");
  app.add_option("--seed", s.seed, "of the problem, or of the learning");
  app.add_option("--snapshots", s.snapshots, "times that the atoms are written, about")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", s.threads, "one: CPU seconds are given; more: seconds");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  const Settings s = parse(argc, argv);
  try {
    if (!s.write.empty())
      write_problem(s);
    else
      learn(s);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lacuna_learn: %s\n", error.what());
    return 1;
  }
}
