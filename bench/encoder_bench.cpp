// SPDX-License-Identifier: MIT
//
// Every encoder on its own: items are signals. The dictionary is prepared, its Gram matrix with it,
// before the clock runs; `_WithGram` is given a plain one and pays for the Gram matrix itself. A
// name reads encoder/size; one that begins with TwoThreads compares two threads with one.

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include <benchmark/benchmark.h>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "speed.hpp"

namespace {

using namespace lacuna;
using S = float;
using Plain = UnitNormDictionary<S>;
using Prepared = PreparedDictionary<Plain>;

constexpr double lambda = 0.05;

struct Size {
  Index dim, num_atoms, num_active;
};
constexpr Size sizes[] = {{8, 16, 3}, {64, 256, 8}, {200, 1000, 20}, {768, 4096, 25}};

std::string name_of(Size size) {
  return std::to_string(size.dim) + "x" + std::to_string(size.num_atoms);
}

/// Signals to encode at each of the sizes, 0 to leave it out: fewer where they take long, but at
/// the two larger sizes blocks for two threads.
using Counts = std::array<Index, std::size(sizes)>;

struct Problem {
  Size size;
  Prepared dictionary;
  Matrix<S> signals;

  explicit Problem(Size s)
      : Problem(s, SyntheticModel<S>(
                       {.dim = s.dim, .num_atoms = s.num_atoms, .num_active = s.num_active}, 1)) {}

  [[nodiscard]] Index k() const { return size.num_active; }
  [[nodiscard]] RandomWeights weights() const {
    return {.dim = size.dim, .num_atoms = size.num_atoms, .seed = 4};
  }

 private:
  Problem(Size s, const SyntheticModel<S>& model)
      : size(s), dictionary(Plain(model.atoms())), signals(model.sample(4096, 2).signals) {}
};

/// Made when first asked for: a run of one size need not wait for the Gram matrix of another.
const Problem& problem(Size size) {
  static std::map<Index, Problem> problems;
  return problems.try_emplace(size.dim, size).first->second;
}

/// Audited flops come from a solve before the clock runs: it also certifies, which `encode` need
/// not.
template <class E, Dictionary D>
void encode(benchmark::State& state, const E& encoder, const D& d, const Matrix<S>& signals) {
  const auto flops = static_cast<double>(encode_counted(encoder, d, signals).flops);
  for (auto _ : state) {
    const auto codes = encoder.encode(d, signals);
    benchmark::DoNotOptimize(&codes);
  }
  const auto iterations = static_cast<double>(state.iterations());
  bench::report<S>(state, iterations * static_cast<double>(signals.cols()), iterations * flops);
}

/// One thread and two in turns, so that what else the machine does meets both alike. An iteration
/// is a pair; `speedup` is the median over the pairs, by wall time.
template <class E, Dictionary D>
void two_threads(benchmark::State& state, const E& one, const E& two, const D& d,
                 const Matrix<S>& signals) {
  const auto seconds = [&](const E& encoder) {
    const auto begin = std::chrono::steady_clock::now();
    const auto codes = encoder.encode(d, signals);
    benchmark::DoNotOptimize(&codes);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  seconds(two);  // the first call warms caches up
  std::vector<double> times_of_one, times_of_two, ratios;
  for (auto _ : state) {
    times_of_one.push_back(seconds(one));
    times_of_two.push_back(seconds(two));
    ratios.push_back(times_of_one.back() / times_of_two.back());
  }
  const auto n = static_cast<double>(signals.cols());
  state.counters["one/s"] = n / bench::median(times_of_one);
  state.counters["two/s"] = n / bench::median(times_of_two);
  state.counters["speedup"] = bench::median(ratios);
}

template <class E>
concept HasThreads = requires(const E& e) {
  e.options().threads;
};

/// Registers an encoder at every size with a count, and for the two larger sizes the comparison of
/// one and two threads. @param make  (problem, threads) -> encoder.
/// @param dictionary  problem -> what the encoder is given.
template <class Make, class Choose>
void add(const std::string& name, Counts counts, Make make, Choose dictionary) {
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    const Index n = counts[i];
    if (n == 0) continue;
    const Size size = sizes[i];
    const std::string suffix = name + "/" + name_of(size);
    benchmark::RegisterBenchmark(suffix.c_str(),
                                 [=](benchmark::State& state) {
                                   const Problem& p = problem(size);
                                   encode(state, make(p, Index{1}), dictionary(p),
                                          p.signals.leftCols(n));
                                 })
        ->Unit(benchmark::kMicrosecond)
        ->MinTime(0.3);
    if constexpr (HasThreads<std::invoke_result_t<Make, const Problem&, Index>>)
      if (size.dim >= 200)
        benchmark::RegisterBenchmark(("TwoThreads/" + suffix).c_str(),
                                     [=](benchmark::State& state) {
                                       const Problem& p = problem(size);
                                       two_threads(state, make(p, Index{1}), make(p, Index{2}),
                                                   dictionary(p), p.signals.leftCols(n));
                                     })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime()
            ->Iterations(5);
  }
}

template <class Make>
void add(const std::string& name, Counts counts, Make make) {
  add(name, counts, make, [](const Problem& p) -> const Prepared& { return p.dictionary; });
}

template <class Make>
void add_with_gram(const std::string& name, Counts counts, Make make) {
  add(name + "_WithGram", counts, make,
      [](const Problem& p) -> const Plain& { return p.dictionary.dictionary(); });
}

const NonnegativeL1 penalty(lambda);

auto active_set(Index threads) {
  return ActiveSet(penalty, {.tolerance = 1e-4, .threads = threads});
}
auto omp(const Problem& p, Index threads) {
  return OrthogonalMatchingPursuit({.k = p.k(), .threads = threads});
}
auto ols(const Problem& p, Index threads) {
  return OrthogonalLeastSquares({.k = p.k(), .threads = threads});
}

const bool registered = [] {
  constexpr Counts cheap{1024, 1024, 1024, 1024}, many_steps{1024, 1024, 520, 128},
      most_steps{1024, 512, 260, 64};

  // One pass.
  add("LinearReluEncoder", cheap,
      [](const Problem& p, Index) { return LinearReluEncoder<S>(p.weights()); });
  add("TopKEncoder", cheap,
      [](const Problem& p, Index) { return TopKEncoder<S>(p.weights(), p.k()); });
  add("MarginalThreshold", cheap, [](const Problem& p, Index threads) {
    return MarginalThreshold({.k = p.k(), .threads = threads});
  });

  // Greedy, k active entries.
  add("MatchingPursuit", cheap, [](const Problem& p, Index threads) {
    return MatchingPursuit({.k = p.k(), .threads = threads});
  });
  add("OrthogonalMatchingPursuit", cheap, omp);
  add("OrthogonalMatchingPursuit_Nonnegative", cheap, [](const Problem& p, Index threads) {
    return OrthogonalMatchingPursuit({.k = p.k(), .nonnegative = true, .threads = threads});
  });
  add_with_gram("OrthogonalMatchingPursuit", {0, 0, 0, 4096}, omp);
  add("OrthogonalLeastSquares", cheap, ols);
  add_with_gram("OrthogonalLeastSquares", {0, 0, 0, 4096}, ols);
  add("IterativeHardThresholding", many_steps, [](const Problem& p, Index threads) {
    return IterativeHardThresholding({.k = p.k(), .threads = threads});
  });
  add("Cosamp", many_steps,
      [](const Problem& p, Index threads) { return Cosamp({.k = p.k(), .threads = threads}); });
  add("ExhaustiveSearch", {1024, 0, 0, 0}, [](const Problem& p, Index threads) {
    return ExhaustiveSearch({.k = p.k(), .threads = threads});
  });

  // The non-negative lasso at lambda = .05, to a relative gap of 1e-4.
  add("ActiveSet", cheap, [](const Problem&, Index threads) { return active_set(threads); });
  add("CoordinateDescent", cheap, [](const Problem&, Index threads) {
    return CoordinateDescent(penalty, {.tolerance = 1e-4, .threads = threads});
  });
  add("Fista", many_steps, [](const Problem&, Index threads) {
    return Fista(penalty, {.tolerance = 1e-4, .threads = threads});
  });
  add("Ista", most_steps, [](const Problem&, Index threads) {
    return Ista(penalty, {.tolerance = 1e-4, .threads = threads});
  });
  add("LocallyCompetitive", most_steps, [](const Problem&, Index threads) {
    return LocallyCompetitive(penalty, {.tolerance = 1e-4, .threads = threads});
  });

  // Steps by number.
  add("AdamInference_100Steps", most_steps, [](const Problem&, Index threads) {
    return AdamInference(penalty, {.steps = 100, .threads = threads});
  });
  add("Refined_LinearRelu_Fista10", {1024, 1024, 1024, 256}, [](const Problem& p, Index threads) {
    return Refined(LinearReluEncoder<S>(p.weights()), Fista(penalty, {.threads = threads}), 10);
  });

  // What the other combinators add to what they are made of.
  add("Truncated_ActiveSet", cheap,
      [](const Problem& p, Index threads) { return Truncated(active_set(threads), p.k()); });
  add("Debiased_ActiveSet", cheap, [](const Problem&, Index threads) {
    return Debiased(active_set(threads), {.nonnegative = true, .threads = threads});
  });
  return true;
}();

}  // namespace
