// SPDX-License-Identifier: MIT
//
// Our side of train_peers.py: trains a sparse autoencoder on the signals of one .npy file, from the
// dictionary and the weights of two others, and prints one line of JSON with the seconds that a
// step took, those of its five matrix products alone, and the losses of the first steps.

#include <algorithm>
#include <chrono>
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
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/io/npy.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/transform/identity.hpp>

namespace {

using namespace lacuna;
using S = float;

struct Settings {
  std::filesystem::path dictionary, signals, weights;
  Index k = 0;
  bool bias = false, tangent = false, products = false;
  double lambda = 0.01;
  double learning_rate = 1e-3;
  Index group = 1, groups = 5, threads = 1;
};

/// CPU seconds of this process where it runs one thread: on a machine that others use too, they are
/// what wall time would be if it were not. Seconds where it runs more.
class Clock {
 public:
  explicit Clock(Index threads) : one_thread_(threads == 1) {}
  [[nodiscard]] double now() const {
    if (one_thread_) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

 private:
  bool one_thread_;
};

/// The five products of a step on a dense code: W x, D s, D^T r, r s^T, g x^T. On outputs that are
/// there already, without clearing them.
class Products {
 public:
  Products(const Matrix<S>& weights, const Matrix<S>& atoms, const Matrix<S>& signals)
      : weights_(weights),
        atoms_(atoms),
        signals_(signals),
        codes_(Matrix<S>::Zero(atoms.cols(), signals.cols())),
        gradient_(codes_),
        residual_(Matrix<S>::Zero(signals.rows(), signals.cols())),
        weight_gradient_(Matrix<S>::Zero(weights.rows(), weights.cols())),
        atom_gradient_(Matrix<S>::Zero(atoms.rows(), atoms.cols())) {}

  void run(Index threads) {
    const S small = S(1e-3);  // what is added up stays finite
    add_blocked_product(small, weights_, signals_, codes_, threads);
    add_blocked_product(small, atoms_, codes_, residual_, threads);
    add_blocked_product(small, atoms_.transpose(), residual_, gradient_, threads);
    add_blocked_product(small, residual_, codes_.transpose(), atom_gradient_, threads);
    add_blocked_product(small, gradient_, signals_.transpose(), weight_gradient_, threads);
  }

 private:
  Matrix<S> weights_, atoms_, signals_, codes_, gradient_, residual_, weight_gradient_,
      atom_gradient_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

template <class E>
void train(const Settings& s, UnitNormDictionary<S> dictionary, const Matrix<S>& weights,
           const Matrix<S>& signals, E encoder) {
  constexpr Index compared = 5;
  const Index warm_up = std::max(compared, s.group);
  const JointTrainer trainer({.steps = warm_up + s.group * s.groups,
                              .lambda = s.k > 0 ? 0.0 : s.lambda,
                              .tangent_gradient = s.tangent,
                              .threads = s.threads},
                             Adam({.learning_rate = s.learning_rate, .threads = s.threads}));
  Products products(weights, dictionary.atoms(), signals);
  Model model{Identity{}, std::move(dictionary), std::move(encoder)};
  const Clock clock(s.threads);
  std::vector<double> losses, step_seconds, product_seconds;
  double begin = 0;
  trainer.fit(model, InMemorySource<S>(signals), [&](const Progress& progress) {
    if (progress.step <= compared) losses.push_back(progress.loss);
    const Index timed = progress.step - warm_up;
    if (timed < 0 || timed % s.group != 0) return true;
    const double end = clock.now();
    const auto group = static_cast<double>(s.group);
    if (timed > 0) step_seconds.push_back((end - begin) / group);
    if (s.products) {
      for (Index i = 0; i < s.group; ++i) products.run(s.threads);
      if (timed > 0) product_seconds.push_back((clock.now() - end) / group);
    }
    begin = clock.now();
    return true;
  });
  std::printf("{\"lacuna_version\": \"%s\", \"losses\": [", version.data());
  for (std::size_t i = 0; i < losses.size(); ++i) std::printf("%s%.9g", i ? ", " : "", losses[i]);
  std::printf("], \"seconds\": %.9g, \"product_seconds\": ", median(step_seconds));
  if (s.products)
    std::printf("%.9g}\n", median(product_seconds));
  else
    std::printf("null}\n");
}

Settings parse(int argc, char** argv) {
  Settings s;
  CLI::App app("Times the steps of a sparse autoencoder's training.");
  app.add_option("--dictionary", s.dictionary, ".npy, [atoms, dim], where it begins")->required();
  app.add_option("--weights", s.weights, ".npy, [atoms, dim], where the encoder begins")
      ->required();
  app.add_option("--signals", s.signals, ".npy, [signals, dim], a batch")->required();
  app.add_option("--k", s.k, "TopK with so many active entries; 0: ReLU");
  app.add_flag("--bias", s.bias, "the encoder has one, which begins at 0");
  app.add_flag("--tangent", s.tangent, "of the atoms' gradient only what turns them");
  app.add_flag("--products", s.products, "time the five matrix products too, between the steps");
  app.add_option("--lambda", s.lambda, "price of mean |s|, with ReLU");
  app.add_option("--learning-rate", s.learning_rate, "of Adam");
  app.add_option("--group", s.group, "steps between two looks at the clock");
  app.add_option("--groups", s.groups, "so many of them, of which the median counts");
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
    if (s.group < 1 || s.groups < 1)
      throw std::invalid_argument("group and groups must be at least 1");
    UnitNormDictionary<S> dictionary(read_npy<S>(s.dictionary));
    const Matrix<S> weights = read_npy<S>(s.weights).transpose();
    const Matrix<S> signals = read_npy<S>(s.signals);
    const Vector<S> bias = Vector<S>::Zero(s.bias ? weights.rows() : 0);
    if (s.k > 0)
      train(s, std::move(dictionary), weights, signals,
            TopKEncoder<S>(weights, s.k, bias, {.threads = s.threads}));
    else
      train(s, std::move(dictionary), weights, signals,
            LinearReluEncoder<S>(weights, bias, {.threads = s.threads}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lacuna_train: %s\n", error.what());
    return 1;
  }
}
