// SPDX-License-Identifier: MIT
//
// One full-batch step of each trainer, and the loss of it where codes have many zeros. s/step is
// the figure; items are signals.

#include <cstdint>

#include <benchmark/benchmark.h>
#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/reconstruction_gradient.hpp>
#include <lacuna/trainer/sparse_coding.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/update/block_coordinate.hpp>

#include "speed.hpp"

namespace {

using namespace lacuna;
using S = float;

/// dim, num_atoms, num_active, signals: the seed paper's, and a size where products dominate.
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({8, 16, 3, 1024})->Args({64, 256, 8, 1024})->Unit(benchmark::kMicrosecond);
}

struct Problem {
  Index dim, num_atoms, num_active, n;
  SyntheticModel<S> model;
  LabelledSignals<S> data;
  UnitNormDictionary<S> start;

  explicit Problem(const benchmark::State& state)
      : dim(state.range(0)),
        num_atoms(state.range(1)),
        num_active(state.range(2)),
        n(state.range(3)),
        model(SyntheticOptions{.dim = dim, .num_atoms = num_atoms, .num_active = num_active}, 1),
        data(model.sample(n, 2)),
        start(gaussian_dictionary<S>(dim, num_atoms, 3)) {}

  [[nodiscard]] RandomWeights weights() const {
    return {.dim = dim, .num_atoms = num_atoms, .seed = 4};
  }
};

template <class Trainer, class M, class Source>
void steps(benchmark::State& state, const Trainer& trainer, M model, Source source, Index count,
           Index signals) {
  double flops = 0, done = 0;
  for (auto _ : state) {
    const Outcome outcome = trainer.fit(model, source);
    flops += static_cast<double>(outcome.flops);
    done += static_cast<double>(count);
  }
  bench::report<S>(state, done * static_cast<double>(signals), flops);
  bench::report_steps(state, done);
}

void JointTrainer_LinearRelu(benchmark::State& state) {
  const Problem p(state);
  steps(state, JointTrainer({.steps = 200}),
        Model{Identity{}, p.start, LinearReluEncoder<S>(p.weights())},
        InMemorySource<S>(p.data.signals), 200, p.n);
}
BENCHMARK(JointTrainer_LinearRelu)->Apply(sizes);

/// Loss, code gradient and atom gradient where so many percent of the codes are other than 0; flops
/// are those of dense products.
void ReconstructionGradient_ByActiveCodes(benchmark::State& state) {
  const Index dim = state.range(0), num_atoms = state.range(1), n = 1024;
  const UnitNormDictionary<S> d(gaussian_dictionary<S>(dim, num_atoms, 1));
  const Matrix<S> signals = random_normal<S>(dim, n, 2);
  Matrix<S> codes(num_atoms, n);
  for (Index j = 0; j < n; ++j) {
    RandomStream random(3, static_cast<std::uint64_t>(j));
    for (Index i = 0; i < num_atoms; ++i)
      codes(i, j) = 100 * random.uniform<S>() < static_cast<S>(state.range(2)) ? S(1) : S(0);
  }
  ReconstructionGradient<S, Matrix<S>> gradient;
  Vector<S> atom_gradient;
  double done = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(gradient.evaluate<CodeForm::rectified>(d, signals, codes, 0.01));
    gradient.atom_gradient(codes, atom_gradient);
    benchmark::ClobberMemory();
    ++done;
  }
  const auto flops = gradient.evaluate_flops(dim, codes) + gradient.atom_gradient_flops(dim, codes);
  bench::report<S>(state, done * static_cast<double>(n), done * static_cast<double>(flops));
  bench::report_steps(state, done);
}
BENCHMARK(ReconstructionGradient_ByActiveCodes)
    ->ArgsProduct({{64}, {512}, {100, 50, 25, 10, 5, 2}})
    ->ArgsProduct({{200}, {1000}, {100, 50, 25, 10, 5, 2}})
    ->ArgsProduct({{768}, {4096}, {100, 50, 25, 10, 5, 2}})
    ->Unit(benchmark::kMillisecond);

void JointTrainer_LinearRelu_FixedDictionary(benchmark::State& state) {
  const Problem p(state);
  steps(state, JointTrainer({.steps = 200, .learn_dictionary = false}),
        Model{Identity{}, p.start, LinearReluEncoder<S>(p.weights())},
        InMemorySource<S>(p.data.signals), 200, p.n);
}
BENCHMARK(JointTrainer_LinearRelu_FixedDictionary)->Apply(sizes);

void JointTrainer_TopK(benchmark::State& state) {
  const Problem p(state);
  steps(state, JointTrainer({.steps = 100, .lambda = 0}),
        Model{Identity{}, p.start, TopKEncoder<S>(p.weights(), p.num_active)},
        InMemorySource<S>(p.data.signals), 100, p.n);
}
BENCHMARK(JointTrainer_TopK)->Apply(sizes);

void SupervisedTrainer_LinearRelu(benchmark::State& state) {
  const Problem p(state);
  steps(state, SupervisedTrainer<CosineLoss>({.steps = 200}),
        Model{Identity{}, p.start, LinearReluEncoder<S>(p.weights())},
        LabelledInMemorySource<S>(p.data.signals, p.data.codes), 200, p.n);
}
BENCHMARK(SupervisedTrainer_LinearRelu)->Apply(sizes);

void SparseCodingTrainer_(benchmark::State& state) {
  const Problem p(state);
  steps(state, SparseCodingTrainer({.steps = 200}),
        Model{Identity{}, p.start, AdamInference(NonnegativeL1(0.0025))},
        InMemorySource<S>(p.data.signals), 200, p.n);
}
BENCHMARK(SparseCodingTrainer_)->Name("SparseCodingTrainer")->Apply(sizes);

void AlternatingTrainer_Fista(benchmark::State& state) {
  const Problem p(state);
  steps(state, AlternatingTrainer({.rounds = 5}, BlockCoordinateUpdate()),
        Model{Identity{}, p.start, Fista(NonnegativeL1(0.05), {.tolerance = 1e-4})},
        InMemorySource<S>(p.data.signals), 5, p.n);
}
BENCHMARK(AlternatingTrainer_Fista)->Apply(sizes);

}  // namespace
