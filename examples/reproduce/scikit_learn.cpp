// SPDX-License-Identifier: MIT
//
// What the paper takes from scikit-learn: the alternation of its DictionaryLearning (signed codes,
// lambda 1, full batch, atoms begun at the left singular vectors), then a lasso of lambda .05 on the
// test signals. Source of the protocol: scikit-learn 1.5, dict_learning.

#include <algorithm>
#include <cmath>
#include <utility>

#include <Eigen/Eigenvalues>

#include <lacuna/encoder/active_set.hpp>
#include <lacuna/operator/initial_atoms.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/replace_atoms.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/update/block_coordinate.hpp>

#include "reproduce/lab.hpp"
#include "support/interrupt.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

/// The left singular vectors of the signals, largest first, then signals: scikit-learn fills up with
/// zeros, which its first round replaces by signals.
[[nodiscard]] UnitNorm singular_start(const Matrix<S>& signals, Index num_atoms,
                                      std::uint64_t seed) {
  Matrix<S> atoms = signal_atoms<S>(signals, num_atoms, {.seed = seed});
  const Eigen::SelfAdjointEigenSolver<Matrix<S>> solver(signals * signals.transpose());
  const Index count = std::min(num_atoms, signals.rows());
  for (Index i = 0; i < count; ++i)
    atoms.col(i) = solver.eigenvectors().col(signals.rows() - 1 - i);
  return UnitNorm(std::move(atoms));
}

template <class Trainer>
[[nodiscard]] std::vector<Row> learn(const char* protocol, const Row& keys, Index run,
                                     const Problem& problem, UnitNorm start, double test_lambda,
                                     const Trainer& trainer, InMemorySource<S> source,
                                     double lambda) {
  Model model{Identity{}, std::move(start), ActiveSet(L1(lambda), {.tolerance = 1e-3})};
  const Stopwatch clock;
  double before = 0;
  const Outcome outcome = trainer.fit(model, source, [&](const Progress& progress) {
    // scikit-learn's criterion, on the objective.
    const bool converged = progress.step > 1 && std::string(protocol) == "published" &&
                           std::abs(before - progress.loss) < 1e-8 * std::abs(progress.loss);
    before = progress.loss;
    return !converged && !Interrupt::requested();
  });
  if (Interrupt::requested()) throw Interrupted{};
  const double seconds = clock.seconds();
  const Stopwatch encode_clock;
  const auto encoder = ActiveSet(L1(test_lambda));
  const Matrix<S> codes(encoder.encode(model.dictionary, problem.test.signals));
  Row row = head(protocol, keys, "dictionary_learning", run);
  row["step"] = outcome.steps;
  row["final"] = true;
  score(row, problem, model.dictionary, codes, {.lambda = test_lambda});
  row["audited_training_flops"] = outcome.flops;
  row["train_seconds"] = seconds;
  row["encode_seconds"] = encode_clock.seconds();
  return {row};
}

[[nodiscard]] std::vector<Row> published_rows(const Setting& setting, const SyntheticOptions& options,
                                              const Row& keys, Index run) {
  const Problem problem = make_problem(setting, options, run);
  return learn("published", keys, run, problem,
               singular_start(problem.train.signals, options.num_atoms, problem.seed), 0.05,
               AlternatingTrainer({.rounds = setting.steps(1000)}, BlockCoordinateUpdate(),
                                  ReplaceAtoms({.min_use = 0, .max_cosine = 1, .signed_codes = true})),
               InMemorySource<S>(problem.train.signals), 1.0);
}

/// As `DictionaryLearning` does it, for codes of either sign.
[[nodiscard]] std::vector<Row> corrected_rows(const Setting& setting,
                                              const SyntheticOptions& options, const Row& keys,
                                              Index run) {
  const Problem problem = make_problem(setting, options, run);
  const auto n = static_cast<double>(options.num_atoms);
  const double rms = std::sqrt(problem.train.signals.squaredNorm() /
                               static_cast<float>(problem.train.signals.cols()));
  const auto most = static_cast<double>(problem.train.signals.cols());
  const Index rounds = setting.quick() ? 20 : 2000;
  const Index batch = std::max<Index>(8, options.num_atoms / 2);
  return learn(
      "corrected", keys, run, problem,
      UnitNorm(signal_atoms<S>(problem.train.signals, options.num_atoms, {.seed = problem.seed})),
      0.05,
      AlternatingTrainer(
          {.rounds = rounds,
           .lambda = Schedule::piecewise({{0.6, Schedule::geometric(0.12 * rms, 0.06 * rms)},
                                          {0.4, Schedule::geometric(0.06 * rms, 0.01 * rms)}})},
          BlockCoordinateUpdate(
              {.memory = Schedule::piecewise(
                   {{0.6, std::min(0.8 * n, most)},
                    {0.4, Schedule::geometric(std::min(0.8 * n, most), most)}})}),
          ReplaceAtoms({.every = rounds / 20,
                        .until = 0.97,
                        .max_cosine = 0.95,
                        .signed_codes = true,
                        .window = static_cast<Index>(0.8 * n)})),
      InMemorySource<S>(problem.train.signals,
                        {.batch_size = std::min<Index>(batch, problem.train.signals.cols()),
                         .seed = problem.seed}),
      0.12 * rms);
}

}  // namespace

Experiment scikit_learn(const Setting& setting) {
  Experiment experiment{"sklearn",
                        {{"signed_codes", true},
                         {"lambda", 1.0},
                         {"test_lambda", 0.05},
                         {"train_signals", setting.signals(1024)},
                         {"test_signals", setting.signals(1024)}},
                        {"protocol", "atoms", "dim", "active", "method"},
                        {}};
  for (const Index num_atoms : {16, 32, 64, 128, 256})
    for (const Index dim : {8, 16, 32})
      for (const Index active : {3, 6, 9}) {
        const SyntheticOptions options{
            .dim = dim, .num_atoms = num_atoms, .num_active = active, .signed_codes = true};
        const Row keys{{"atoms", num_atoms}, {"dim", dim}, {"active", active}};
        const std::string where = std::to_string(dim) + " x " + std::to_string(num_atoms) + ", K " +
                                  std::to_string(active) + ", run ";
        for (Index run = 0; run < setting.data_sets(); ++run) {
          experiment.tasks.push_back({"published " + where + std::to_string(run),
                                      1 + 0.02 * static_cast<double>(num_atoms),
                                      [setting, options, keys, run] {
                                        return published_rows(setting, options, keys, run);
                                      }});
          experiment.tasks.push_back({"corrected " + where + std::to_string(run),
                                      1 + 0.02 * static_cast<double>(num_atoms),
                                      [setting, options, keys, run] {
                                        return corrected_rows(setting, options, keys, run);
                                      }});
        }
      }
  return experiment;
}

}  // namespace lacuna::examples
