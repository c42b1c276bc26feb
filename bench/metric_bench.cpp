// SPDX-License-Identifier: MIT
// The assignment on dense random weights, and the correlation of codes in signals a second.
#include <cstdint>

#include <benchmark/benchmark.h>
#include <lacuna/core/random.hpp>
#include <lacuna/metric/assignment.hpp>
#include <lacuna/metric/code_correlation.hpp>

namespace {

using namespace lacuna;

Matrix<double> uniform_weights(Index n) {
  Matrix<double> weights(n, n);
  RandomStream random(1);
  for (Index k = 0; k < weights.size(); ++k) weights.data()[k] = random.uniform<double>();
  return weights;
}

/// k of num_atoms entries of each column are normal, the others 0.
SparseCodes<float> sparse_codes(Index num_atoms, Index n, Index k, std::uint64_t seed) {
  Matrix<float> codes = Matrix<float>::Zero(num_atoms, n);
  for (Index j = 0; j < n; ++j) {
    RandomStream random(seed, static_cast<std::uint64_t>(j));
    for (const Index i : random.choose(num_atoms, k)) codes(i, j) = random.normal<float>();
  }
  return codes.sparseView();
}

void assignment(benchmark::State& state) {
  const Matrix<double> weights = uniform_weights(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(maximum_assignment(weights).total);
}
BENCHMARK(assignment)->Arg(500)->Arg(2000)->Unit(benchmark::kMillisecond);

/// |cosines| of unrelated directions: what a dictionary is matched by.
void assignment_of_cosines(benchmark::State& state) {
  Matrix<double> a = random_normal<double>(64, state.range(0), 1);
  Matrix<double> b = random_normal<double>(64, state.range(0), 2);
  a.colwise().normalize();
  b.colwise().normalize();
  const Matrix<double> weights = (a.transpose() * b).cwiseAbs();
  for (auto _ : state) benchmark::DoNotOptimize(maximum_assignment(weights).total);
}
BENCHMARK(assignment_of_cosines)->Arg(500)->Arg(2000)->Unit(benchmark::kMillisecond);

constexpr Index latents = 1000;
constexpr Index signals = 4096;
constexpr Index active = 20;

template <class T, class C>
void correlate(benchmark::State& state, const T& truth, const C& codes) {
  for (auto _ : state) {
    CodeCorrelation correlation(latents, latents);
    correlation.add(truth, codes);
    benchmark::DoNotOptimize(correlation.count());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * signals);
}

void correlation_dense(benchmark::State& state) {
  const Matrix<float> truth = random_normal<float>(latents, signals, 1);
  const Matrix<float> codes = random_normal<float>(latents, signals, 2);
  correlate(state, truth, codes);
}
void correlation_sparse_dense(benchmark::State& state) {
  const Matrix<float> codes = random_normal<float>(latents, signals, 2);
  correlate(state, sparse_codes(latents, signals, active, 1), codes);
}
void correlation_sparse(benchmark::State& state) {
  correlate(state, sparse_codes(latents, signals, active, 1),
            sparse_codes(latents, signals, active, 2));
}
BENCHMARK(correlation_dense)->Unit(benchmark::kMillisecond);
BENCHMARK(correlation_sparse_dense)->Unit(benchmark::kMillisecond);
BENCHMARK(correlation_sparse)->Unit(benchmark::kMillisecond);

}  // namespace
