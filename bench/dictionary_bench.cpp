// SPDX-License-Identifier: MIT
//
// Dictionary learning at a thousand atoms: its rounds, and what of them is not inference. s/step is
// the figure; items are signals.

#include <cstdint>

#include <benchmark/benchmark.h>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/synthetic/compositional_model.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/code_statistics.hpp>

#include "speed.hpp"

namespace {

using namespace lacuna;
using S = float;

/// dim, num_atoms, num_active, signals: the compositional benchmark's d_z = 1000, k = 10, and
/// 200 x 1000, each at the batch that `DictionaryLearning` has and at five times that.
void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t n : {500, 2500})
    benchmark->Args({93, 1000, 10, n})->Args({200, 1000, 20, n});
  benchmark->Unit(benchmark::kMillisecond);
}

struct Problem {
  Index dim, num_atoms, n;
  LabelledSignals<S> data;
  UnitNormDictionary<S> start;

  explicit Problem(const benchmark::State& state)
      : dim(state.range(0)),
        num_atoms(state.range(1)),
        n(state.range(3)),
        data(
            SyntheticModel<S>({.dim = dim, .num_atoms = num_atoms, .num_active = state.range(2)}, 1)
                .sample(n, 2)),
        start(gaussian_dictionary<S>(dim, num_atoms, 3)) {}
};

/// All of a short training, from random signals to small lambda, on 25,000 rows.
void DictionaryLearning_Rounds(benchmark::State& state) {
  constexpr Index rounds = 80, batch = 500;
  const CompositionalModel<S> truth({.num_atoms = 1000, .num_active = 10, .seed = 1});
  const Matrix<S> signals = truth.train(25000).signals;
  const DictionaryLearning learning({.num_atoms = 1000, .rounds = rounds});
  double flops = 0, done = 0;
  for (auto _ : state) {
    auto model = learning.start<S>(signals);
    flops += static_cast<double>(learning.fit<S>(model, signals).flops);
    done += rounds;
  }
  bench::report<S>(state, done * batch, flops);
  bench::report_steps(state, done);
}
BENCHMARK(DictionaryLearning_Rounds)
    ->Name("DictionaryLearning/93/1000/10")
    ->Unit(benchmark::kMillisecond);

void BlockCoordinateUpdate_(benchmark::State& state) {
  const Problem p(state);
  const BlockCoordinateUpdate update({.memory = 10.0 * static_cast<double>(p.n)});
  auto d = p.start;
  auto memory = update.start(d);
  double flops = 0, done = 0;
  for (auto _ : state) {
    flops += static_cast<double>(update.update(d, memory, p.data.signals, p.data.codes, 0, 1));
    ++done;
  }
  bench::report<S>(state, done * static_cast<double>(p.n), flops);
  bench::report_steps(state, done);
}
BENCHMARK(BlockCoordinateUpdate_)->Name("BlockCoordinateUpdate")->Apply(sizes);

void CodeStatistics_Add(benchmark::State& state) {
  const Problem p(state);
  CodeStatistics<S> statistics(p.dim, p.num_atoms);
  double done = 0;
  for (auto _ : state) {
    statistics.add("bench", p.data.signals, p.data.codes, 0.9);
    ++done;
  }
  bench::report<S>(state, done * static_cast<double>(p.n), static_cast<double>(statistics.flops));
  bench::report_steps(state, done);
}
BENCHMARK(CodeStatistics_Add)->Apply(sizes);

}  // namespace
