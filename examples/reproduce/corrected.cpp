// SPDX-License-Identifier: MIT
#include "reproduce/corrected.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>

#include "support/amortised_fit.hpp"
#include "support/interrupt.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

template <class E>
[[nodiscard]] Row coded_row(const E& encoder, const Problem& problem, const UnitNorm& dictionary,
                            const Scoring& scoring) {
  const Stopwatch clock;
  const auto counted = encode_counted(encoder, dictionary, problem.test.signals);
  const double seconds = clock.seconds();
  Row row;
  row["step"] = nullptr;
  row["final"] = true;
  score(row, problem, dictionary, Matrix<S>(counted.codes), scoring);
  row["audited_inference_flops"] = static_cast<double>(counted.flops) /
                                   static_cast<double>(problem.test.signals.cols());
  row["encode_seconds"] = seconds;
  return row;
}

}  // namespace

const std::vector<std::string>& solvers() {
  static const std::vector<std::string> names = {"marginal_threshold",
                                                 "matching_pursuit",
                                                 "omp",
                                                 "ols",
                                                 "iht",
                                                 "cosamp",
                                                 "ista",
                                                 "fista",
                                                 "coordinate_descent",
                                                 "active_set",
                                                 "lca",
                                                 "adam_inference",
                                                 "debiased(active_set)",
                                                 "truncated(active_set)",
                                                 "debiased(truncated(active_set))",
                                                 "best_of",
                                                 "exhaustive_search"};
  return names;
}

std::vector<Row> solver_rows(const Row& keys, const Problem& problem, const UnitNorm& dictionary,
                             Index k, const Scoring& scoring, Index run) {
  std::vector<Row> rows;
  for (const std::string& name : solvers()) {
    if (Interrupt::requested()) throw Interrupted{};
    rows.push_back(joined(head("corrected", keys, name, run),
                          encoder_row(name, problem, dictionary, k, scoring)));
  }
  return rows;
}

std::vector<Row> amortised_rows(const Setting& setting, const Row& keys, const Problem& problem,
                                const UnitNorm& dictionary, const LabelledSignals<S>& signals,
                                bool codes_known, Index k, const Scoring& scoring, Index run) {
  std::vector<Row> rows;
  const double lambda = solver_lambda(scoring.lambda, dictionary.dim(), dictionary.num_atoms());
  const RandomWeights weights{.dim = dictionary.dim(),
                              .num_atoms = dictionary.num_atoms(),
                              .bias = true,
                              .seed = derive_seed(problem.seed, 3)};
  const auto add = [&](const std::string& name, const auto& encoder, const Fitted& fitted) {
    if (Interrupt::requested()) throw Interrupted{};
    Row row = joined(head("corrected", keys, name, run),
                     coded_row(encoder, problem, dictionary, scoring));
    add_training(row, problem, static_cast<double>(fitted.flops), fitted.seconds);
    rows.push_back(std::move(row));
  };
  const auto train = [&](const std::string& name, auto encoder, Index steps, double price) {
    const Lesson lesson{.teacher = codes_known ? Teacher::squared : Teacher::reconstruction,
                        .steps = setting.steps(steps),
                        .batch_size = setting.signals(1024),
                        .lambda = price,
                        .rates = {3e-3},
                        .anneal = true};
    const Fitted fitted = fit(encoder, dictionary, signals.signals, signals.codes, lesson);
    add(name, encoder, fitted);
    return std::pair(std::move(encoder), fitted);
  };
  const auto [sae, sae_fitted] = train("sae", LinearReluEncoder<S>(weights), 10000, lambda);
  for (const Index steps : {10, 100})
    add("refined(sae) " + std::to_string(steps),
        Refined(sae, Fista(NonnegativeL1(lambda)), steps), sae_fitted);
  // TopK has its own way to be sparse.
  (void)train("topk_sae", TopKEncoder<S>(weights, k), 10000, 0);
  (void)train("mlp_256", MlpEncoder<S>(weights, {.hidden = {256}}), 10000, lambda);
  (void)train("lista_16", ListaEncoder<S>(dictionary, {.layers = 16, .lambda = lambda}), 5000,
              lambda);
  return rows;
}

Learned learn_dictionary(const Setting& setting, const Matrix<S>& signals, Index num_atoms,
                         std::uint64_t seed, Index threads) {
  const Stopwatch clock;
  // One start in ten misses an atom where atoms are few. The objective of the training signals, which
  // needs no truth, says which start did not.
  const Index starts = setting.quick() || num_atoms > 128 ? 1 : 8;
  std::optional<UnitNorm> best;
  double least = std::numeric_limits<double>::infinity();
  std::int64_t flops = 0;
  for (Index i = 0; i < starts; ++i) {
    const DictionaryLearning learning({.num_atoms = num_atoms,
                                       .rounds = setting.quick() ? 20 : 0,
                                       .seed = derive_seed(seed, static_cast<std::uint64_t>(i)),
                                       .threads = threads});
    auto model = learning.start<S>(signals);
    const Outcome outcome = learning.fit(
        model, signals, [](const Progress&) { return !Interrupt::requested(); });
    if (Interrupt::requested()) throw Interrupted{};
    flops += outcome.flops;
    double objective = 0;
    if (starts > 1) {
      const auto solution = model.encoder.solve(model.dictionary, signals);
      objective = solution.objective.mean();
      flops += solution.total_flops();
    }
    if (objective < least) {
      least = objective;
      best = std::move(model.dictionary);
    }
  }
  return {*std::move(best), flops, clock.seconds()};
}

}  // namespace lacuna::examples
