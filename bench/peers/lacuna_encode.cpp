// SPDX-License-Identifier: MIT
//
// Our side of peers.py: encodes the signals of one .npy file with the dictionary of another, writes
// the codes, and prints one line of JSON with the seconds that one encoding took.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <lacuna/core/version.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/io/npy.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

namespace {

using namespace lacuna;
using S = float;

struct Settings {
  std::filesystem::path dictionary, signals, codes;
  std::string encoder;
  Index count = 0;
  Index k = 1;
  double lambda = 0.05;
  double tolerance = 1e-4;
  bool prepared = true;
  double seconds = 0.2;
};

/// CPU seconds of this process, which runs one thread: on a machine that others use too, they are
/// what wall time would be if it were not.
double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Timed {
  Matrix<S> codes;
  double seconds;  ///< one encoding: the median over as many as fill the time asked for
};

template <class E, class D>
Timed time_encoding(const E& encoder, const D& d, const Matrix<S>& signals, double at_least) {
  auto codes = encoder.encode(d, signals);
  std::vector<double> seconds;
  const double begin = now();
  while (seconds.empty() || now() - begin < at_least) {
    const double before = now();
    codes = encoder.encode(d, signals);
    seconds.push_back(now() - before);
  }
  std::ranges::sort(seconds);
  return {Matrix<S>(codes), seconds[seconds.size() / 2]};
}

template <class D>
Timed encode(const D& d, const Matrix<S>& signals, const Settings& s) {
  const auto timed = [&](const auto& encoder) {
    return time_encoding(encoder, d, signals, s.seconds);
  };
  const NonnegativeL1 penalty(s.lambda);
  if (s.encoder == "OrthogonalMatchingPursuit") return timed(OrthogonalMatchingPursuit({.k = s.k}));
  if (s.encoder == "OrthogonalLeastSquares") return timed(OrthogonalLeastSquares({.k = s.k}));
  if (s.encoder == "ActiveSet") return timed(ActiveSet(penalty, {.tolerance = s.tolerance}));
  if (s.encoder == "Fista") return timed(Fista(penalty, {.tolerance = s.tolerance}));
  const Matrix<S> tied = d.atoms().transpose();
  if (s.encoder == "LinearReluEncoder") return timed(LinearReluEncoder<S>(tied));
  if (s.encoder == "TopKEncoder") return timed(TopKEncoder<S>(tied, s.k));
  throw std::invalid_argument("no encoder " + s.encoder + " here");
}

Settings parse(int argc, char** argv) {
  Settings s;
  CLI::App app("Times an encoder on one thread.");
  app.add_option("--dictionary", s.dictionary, ".npy, [atoms, dim]")->required();
  app.add_option("--signals", s.signals, ".npy, [signals, dim]")->required();
  app.add_option("--codes", s.codes, ".npy to write, [signals, atoms]")->required();
  app.add_option("--encoder", s.encoder, "a class name; amortised ones are tied, W = D^T")
      ->required();
  app.add_option("--count", s.count, "the first so many signals; 0: all of them");
  app.add_option("--k", s.k, "active entries");
  app.add_option("--lambda", s.lambda, "of the non-negative lasso");
  app.add_option("--tolerance", s.tolerance, "relative duality gap of the non-negative lasso");
  app.add_option("--prepared", s.prepared, "false: the Gram matrix belongs to the encoding");
  app.add_option("--seconds", s.seconds, "encode again and again for as long");
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
    UnitNormDictionary<S> dictionary(read_npy<S>(s.dictionary));
    Matrix<S> signals = read_npy<S>(s.signals);
    if (s.count > 0 && s.count < signals.cols()) signals = Matrix<S>(signals.leftCols(s.count));
    const Timed timed = s.prepared ? encode(PreparedDictionary(std::move(dictionary)), signals, s)
                                   : encode(dictionary, signals, s);
    write_npy(s.codes, timed.codes);
    std::printf("{\"lacuna_version\": \"%s\", \"signals\": %td, \"seconds\": %.9g}\n",
                version.data(), signals.cols(), timed.seconds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lacuna_encode: %s\n", error.what());
    return 1;
  }
}
