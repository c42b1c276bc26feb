// SPDX-License-Identifier: MIT
//
// Every encoder on its own: items are signals; s/step where an encoder is made of steps.

#include <benchmark/benchmark.h>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "speed.hpp"

namespace {

using namespace lacuna;
using S = float;

/// dim, num_atoms, num_active, signals.
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({8, 16, 3, 1024})
      ->Args({64, 256, 8, 1024})
      ->Args({200, 1000, 20, 1024})
      ->Unit(benchmark::kMicrosecond);
}

struct Problem {
  SyntheticModel<S> model;
  PreparedDictionary<UnitNormDictionary<S>> dictionary;
  Matrix<S> signals;

  explicit Problem(const benchmark::State& state)
      : model(SyntheticOptions{.dim = state.range(0),
                               .num_atoms = state.range(1),
                               .num_active = state.range(2)},
              1),
        dictionary(UnitNormDictionary<S>(model.atoms())),
        signals(model.sample(state.range(3), 2).signals) {}

  [[nodiscard]] RandomWeights weights() const {
    return {.dim = model.dim(), .num_atoms = model.num_atoms(), .seed = 4};
  }
};

template <class E>
void encode(benchmark::State& state, const Problem& p, const E& encoder, Index steps = 0) {
  double flops = 0;
  for (auto _ : state) {
    const auto counted = encode_counted(encoder, p.dictionary, p.signals);
    benchmark::DoNotOptimize(&counted);
    flops += static_cast<double>(counted.flops);
  }
  const auto iterations = static_cast<double>(state.iterations());
  bench::report<S>(state, iterations * static_cast<double>(p.signals.cols()), flops);
  if (steps > 0) bench::report_steps(state, iterations * static_cast<double>(steps));
}

/// Without the certificate that counting asks a solver for.
template <class E>
void encode_only(benchmark::State& state, const Problem& p, const E& encoder) {
  const auto flops = static_cast<double>(encoder.solve(p.dictionary, p.signals).total_flops());
  for (auto _ : state) {
    const auto codes = encoder.encode(p.dictionary, p.signals);
    benchmark::DoNotOptimize(&codes);
  }
  const auto iterations = static_cast<double>(state.iterations());
  bench::report<S>(state, iterations * static_cast<double>(p.signals.cols()), iterations * flops);
}

void LinearRelu(benchmark::State& state) {
  const Problem p(state);
  encode(state, p, LinearReluEncoder<S>(p.weights()));
}
BENCHMARK(LinearRelu)->Apply(sizes);

void TopK(benchmark::State& state) {
  const Problem p(state);
  encode(state, p, TopKEncoder<S>(p.weights(), state.range(2)));
}
BENCHMARK(TopK)->Apply(sizes);

void Ista_(benchmark::State& state) {
  const Problem p(state);
  encode(state, p, Ista(NonnegativeL1(0.05)).with_steps(100), 100);
}
BENCHMARK(Ista_)->Name("Ista_100Steps")->Apply(sizes);

void Fista_(benchmark::State& state) {
  const Problem p(state);
  encode_only(state, p, Fista(NonnegativeL1(0.05), {.tolerance = 1e-4}));
}
BENCHMARK(Fista_)->Name("Fista_ToGap1e-4")->Apply(sizes);

void ActiveSet_(benchmark::State& state) {
  const Problem p(state);
  encode_only(state, p, ActiveSet(NonnegativeL1(0.05), {.tolerance = 1e-4}));
}
BENCHMARK(ActiveSet_)->Name("ActiveSet_ToGap1e-4")->Apply(sizes);

void Omp(benchmark::State& state) {
  const Problem p(state);
  encode_only(state, p, OrthogonalMatchingPursuit({.k = state.range(2)}));
}
BENCHMARK(Omp)->Name("OrthogonalMatchingPursuit")->Apply(sizes);

void Ols(benchmark::State& state) {
  const Problem p(state);
  encode_only(state, p, OrthogonalLeastSquares({.k = state.range(2)}));
}
BENCHMARK(Ols)->Name("OrthogonalLeastSquares")->Apply(sizes);

/// The figure: s/step at 8 x 16 x 1024.
void AdamInference_(benchmark::State& state) {
  const Problem p(state);
  encode(state, p, AdamInference(NonnegativeL1(0.0025), {.steps = 200}), 200);
}
BENCHMARK(AdamInference_)->Name("AdamInference_200Steps")->Apply(sizes);

void Refined_(benchmark::State& state) {
  const Problem p(state);
  encode(state, p, Refined(LinearReluEncoder<S>(p.weights()), Fista(NonnegativeL1(0.05)), 10), 10);
}
BENCHMARK(Refined_)->Name("Refined_LinearRelu_Fista10")->Apply(sizes);

}  // namespace
