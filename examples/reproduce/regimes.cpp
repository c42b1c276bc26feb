// SPDX-License-Identifier: MIT
//
// The paper's three regimes at 8 x 16: known codes, known dictionary, neither (its sections 4.1 to
// 4.3), and the same with Zipf's law over the latents.

#include <cstdint>
#include <utility>

#include <Eigen/Cholesky>

#include <lacuna/metric/published_flops.hpp>

#include "reproduce/corrected.hpp"
#include "reproduce/lab.hpp"
#include "support/interrupt.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

constexpr Index more = 32768;            // training signals of the corrected protocol
constexpr double exp_threshold = 1e-4;   // codes that are exponentials are never 0
constexpr std::uint32_t known_seed = 20240625, unknown_seed = 20240926;  // of the paper's scripts

/// One regime over one kind of data.
struct Regime {
  Setting setting;
  SyntheticOptions options;
  Row keys;            // of all its rows
  std::string prefix;  // of its tasks' names
  std::uint32_t paper_seed;
  Index known_codes_steps = 20000, unknown_steps = 40000;

  [[nodiscard]] Problem problem(Index run) const {
    return make_problem(setting, options, run, setting.paper(paper_seed));
  }
  [[nodiscard]] LabelledSignals<S> more_training_signals(Index run) const {
    return more_signals(setting, options, run, setting.paper(paper_seed),
                        setting.quick() ? 512 : more);
  }
  [[nodiscard]] published_flops::Training count(Index steps, bool learn_dictionary) const {
    return {.samples = setting.signals(1024), .steps = steps, .learn_dictionary = learn_dictionary};
  }
  [[nodiscard]] Index tests() const { return setting.signals(1024); }

  /// The published count of a training of the reconstruction and a pass over the test signals.
  [[nodiscard]] std::int64_t published(const Architecture& a, Index steps, bool learn) const {
    const Index m = options.dim, n = options.num_atoms;
    return a.hidden == 0 ? published_flops::sae_training(m, n, count(steps, learn)) +
                               tests() * published_flops::sae_inference(m, n)
                         : published_flops::mlp_training(m, n, a.hidden, count(steps, learn)) +
                               tests() * published_flops::mlp_inference(m, n, a.hidden);
  }
  [[nodiscard]] std::int64_t published_inference(const Architecture& a) const {
    const Index m = options.dim, n = options.num_atoms;
    return a.hidden == 0 ? published_flops::sae_inference(m, n)
                         : published_flops::mlp_inference(m, n, a.hidden);
  }
  [[nodiscard]] std::int64_t code_optimisation(Index steps) const {
    return published_flops::code_optimisation(options.dim, options.num_atoms, steps);
  }
};

/// The paper's log counts steps from 0 and looks after the step.
[[nodiscard]] std::vector<Index> after(const Setting& setting, const std::vector<Index>& steps) {
  std::vector<Index> counts = log_steps(setting, steps);
  for (Index& count : counts) ++count;
  return counts;
}
void name_step(Row& row, const Stage& stage) {
  row["step"] = stage.last ? stage.step : stage.step - 1;
}

[[nodiscard]] std::string task_name(const Regime& regime, const std::string& method, Index run) {
  return regime.prefix + method + ", run " + std::to_string(run);
}

// ---- known codes ---------------------------------------------------------------------------------

[[nodiscard]] std::vector<Row> published_known_codes(const Regime& regime,
                                                     const Architecture& architecture, Index run) {
  const Problem problem = regime.problem(run);
  const Index m = regime.options.dim, n = regime.options.num_atoms, h = architecture.hidden;
  const Scoring scoring{.kind = MccKind::signed_unpermuted, .decoded = false, .learned = false};
  std::vector<Row> rows;
  train_on_codes(
      architecture,
      {.steps = regime.setting.steps(regime.known_codes_steps),
       .log = after(regime.setting, {10, 30, 100, 300, 1000, 3000, 10000}),
       .seed = derive_seed(problem.seed, 1)},
      start_on_truth(problem, architecture), problem.train.signals, problem.train.codes,
      [&](const Stage& stage) {
        Row row = joined(head("published", regime.keys, architecture.name(), run),
                         stage_row(stage, problem, scoring));
        name_step(row, stage);
        const auto count = regime.count(stage.step, false);
        const std::int64_t pass = h == 0
                                      ? published_flops::known_codes_sae_inference(m, n)
                                      : published_flops::known_codes_mlp_inference(m, n, h);
        row["published_flops"] =
            h == 0 ? published_flops::known_codes_sae_training(m, n, count)
                   : published_flops::known_codes_mlp_training(m, n, h, count) +
                         regime.tests() * pass;
        row["published_inference_flops"] = pass;
        rows.push_back(std::move(row));
      });
  return rows;
}

/// The dictionary of signals and their codes, by least squares; an atom that no signal has stays
/// random.
[[nodiscard]] UnitNorm fitted_dictionary(const Problem& problem) {
  const Matrix<double> codes = Matrix<S>(problem.train.codes).cast<double>();
  Matrix<double> gram = codes * codes.transpose();
  const Vector<double> energy = gram.diagonal();
  gram.diagonal().array() += 1e-12 * energy.sum();
  const Matrix<double> atoms =
      gram.llt().solve(codes * problem.train.signals.cast<double>().transpose()).transpose();
  Matrix<S> fitted = random_start(problem).atoms();
  for (Index i = 0; i < fitted.cols(); ++i)
    if (energy[i] > 0) fitted.col(i) = atoms.col(i).cast<S>();
  return UnitNorm(std::move(fitted));
}

[[nodiscard]] std::vector<Task> known_codes_tasks(const Regime& regime) {
  std::vector<Task> tasks;
  for (Index run = 0; run < regime.setting.data_sets(); ++run) {
    for (const auto& [hidden, work] : {std::pair<Index, double>{0, 2}, {32, 4}, {256, 14}, {1024, 55}})
      tasks.push_back({task_name(regime, "mlp " + std::to_string(hidden), run), work,
                       [regime, hidden = hidden, run] {
                         return published_known_codes(regime, {.hidden = hidden, .bias = true}, run);
                       }});
    tasks.push_back({task_name(regime, "amortised", run), 20, [regime, run] {
                       const Problem problem = regime.problem(run);
                       return amortised_rows(
                           regime.setting, regime.keys, problem, problem.dictionary,
                           regime.more_training_signals(run), true, regime.options.num_active,
                           {.kind = MccKind::signed_unpermuted, .learned = false, .gap = true}, run);
                     }});
    tasks.push_back({task_name(regime, "solvers", run), 3, [regime, run] {
                       const Problem problem = regime.problem(run);
                       const Stopwatch clock;
                       const UnitNorm dictionary = fitted_dictionary(problem);
                       const double seconds = clock.seconds();
                       auto rows = solver_rows(
                           regime.keys, problem, dictionary, regime.options.num_active,
                           {.kind = MccKind::signed_unpermuted, .gap = true}, run);
                       // Gram matrix, correlations, factor, solution.
                       const auto m = static_cast<double>(regime.options.dim);
                       const auto n = static_cast<double>(regime.options.num_atoms);
                       const auto signals = static_cast<double>(problem.train.signals.cols());
                       const double flops =
                           signals * (n * n + 2 * n * m) + n * n * n / 3 + 2 * n * n * m;
                       for (Row& row : rows) add_training(row, problem, flops, seconds);
                       return rows;
                     }});
  }
  return tasks;
}

// ---- known dictionary ----------------------------------------------------------------------------

[[nodiscard]] Scoring on_known_dictionary() { return {.learned = false, .gap = true}; }

[[nodiscard]] std::vector<Row> published_known_dictionary(const Regime& regime,
                                                          const Architecture& architecture,
                                                          Index run) {
  const Problem problem = regime.problem(run);
  std::vector<Row> rows;
  train_autoencoder(
      architecture,
      {.steps = regime.setting.steps(20000),
       .learn_dictionary = false,
       .log = after(regime.setting,
                    {100, 300, 1000, 1500, 2000, 3000, 5000, 7000, 8000, 10000, 15000}),
       .seed = derive_seed(problem.seed, 1)},
      start_on_truth(problem, architecture), problem.train.signals, [&](const Stage& stage) {
        Row row = joined(head("published", regime.keys, architecture.name(), run),
                         stage_row(stage, problem, on_known_dictionary()));
        name_step(row, stage);
        row["published_flops"] = regime.published(architecture, stage.step, false);
        row["published_inference_flops"] = regime.published_inference(architecture);
        rows.push_back(std::move(row));
      });
  return rows;
}

/// Inference on the test signals: from exp(-10) whatever the SAE says, which is the slip, or from
/// the codes of a SAE trained beside.
[[nodiscard]] std::vector<Row> inference_rows(const Regime& regime, const char* protocol,
                                              const std::string& method, bool from_sae, Index run) {
  const Problem problem = regime.problem(run);
  Matrix<S> initial;
  std::int64_t sae_flops = 0;
  double sae_seconds = 0;
  if (from_sae)
    train_autoencoder({}, {.steps = regime.setting.steps(20000), .learn_dictionary = false,
                           .seed = derive_seed(problem.seed, 1)},
                      start_on_truth(problem, {}), problem.train.signals, [&](const Stage& stage) {
                        initial = stage.encode(problem.test.signals);
                        sae_flops = stage.flops;
                        sae_seconds = stage.seconds;
                      });
  std::vector<Row> rows;
  // Adam's memory makes a continued inference another one: each point is inferred from the start.
  const Index steps = regime.setting.steps(20000);
  std::vector<Index> points = after(
      regime.setting, {100, 300, 1000, 2000, 3000, 5000, 7000, 8000, 10000, 15000});
  points.push_back(steps);
  for (const Index point : points) {
    if (Interrupt::requested()) throw Interrupted{};
    const bool last = point == steps;
    const Stage stage{point,
                      last,
                      sae_flops,
                      sae_seconds,
                      problem.dictionary,
                      {},
                      [&](const Matrix<S>& signals) {
                        return infer(problem.dictionary, signals, 0.01, 1e-3, point,
                                     from_sae ? &initial : nullptr);
                      },
                      infer_flops(problem.dictionary, point)};
    Scoring scoring = on_known_dictionary();
    scoring.threshold = exp_threshold;
    Row row = joined(head(protocol, regime.keys, method, run), stage_row(stage, problem, scoring));
    name_step(row, stage);
    row["published_flops"] = regime.published({}, point, false) -
                             regime.tests() * regime.published_inference({}) +
                             regime.tests() * regime.code_optimisation(point);
    row["published_inference_flops"] = regime.code_optimisation(point);
    rows.push_back(std::move(row));
  }
  return rows;
}

[[nodiscard]] std::vector<Task> known_dictionary_tasks(const Regime& regime) {
  std::vector<Task> tasks;
  const bool ignored = regime.setting.slips.ignored_initial_codes;
  for (Index run = 0; run < regime.setting.data_sets(); ++run) {
    for (const auto& [hidden, work] : {std::pair<Index, double>{0, 1.5}, {32, 4}, {256, 14}})
      tasks.push_back({task_name(regime, "mlp " + std::to_string(hidden), run), work,
                       [regime, hidden = hidden, run] {
                         return published_known_dictionary(regime, {.hidden = hidden}, run);
                       }});
    tasks.push_back({task_name(regime, "sae_ito", run), 6, [regime, ignored, run] {
                       return inference_rows(regime, "published", "sae_ito", !ignored, run);
                     }});
    tasks.push_back({task_name(regime, "sae_ito from codes", run), 8, [regime, run] {
                       return inference_rows(regime, "corrected", "sae_ito_from_codes", true, run);
                     }});
    tasks.push_back({task_name(regime, "amortised", run), 20, [regime, run] {
                       const Problem problem = regime.problem(run);
                       return amortised_rows(
                           regime.setting, regime.keys, problem, problem.dictionary,
                           regime.more_training_signals(run), false, regime.options.num_active,
                           on_known_dictionary(), run);
                     }});
    tasks.push_back({task_name(regime, "solvers", run), 3, [regime, run] {
                       const Problem problem = regime.problem(run);
                       return solver_rows(regime.keys, problem, problem.dictionary,
                                          regime.options.num_active, on_known_dictionary(), run);
                     }});
  }
  return tasks;
}

// ---- neither -------------------------------------------------------------------------------------

/// The published protocol of one method. An SAE gives the rows of SAE and SAE+ITO.
[[nodiscard]] std::vector<Row> published_unknown(const Regime& regime,
                                                 const Architecture& architecture,
                                                 bool sparse_coding, Index run) {
  const Problem problem = regime.problem(run);
  const Index steps = regime.setting.steps(regime.unknown_steps);
  const Index inference = regime.setting.steps(10000);
  const Plan plan{.steps = steps,
                  .raw_gradient = regime.setting.slips.raw_dictionary_gradient,
                  .log = after(regime.setting, {0, 2500, 5000, 10000, 15000, 20000, 30000, 37500}),
                  .seed = derive_seed(problem.seed, 1),
                  .inference_steps = inference};
  std::vector<Row> rows;
  const auto add = [&](const std::string& method, const Stage& stage, const Scoring& scoring,
                       std::int64_t flops, std::int64_t inference_flops) {
    Row row = joined(head("published", regime.keys, method, run), stage_row(stage, problem, scoring));
    name_step(row, stage);
    row["published_flops"] = flops;
    row["published_inference_flops"] = inference_flops;
    rows.push_back(std::move(row));
  };
  const std::int64_t test_inference = regime.code_optimisation(inference);
  if (sparse_coding) {
    train_sparse_coding(plan, random_start(problem), problem.train.signals, [&](const Stage& stage) {
      add("sparse_coding", stage, {.threshold = exp_threshold, .gap = true},
          published_flops::sparse_coding_training(regime.options.dim, regime.options.num_atoms,
                                                  regime.count(stage.step, true)) +
              regime.tests() * test_inference,
          test_inference);
      rows.back()["recosted_flops"] =
          published_flops::sparse_coding_training_recosted(
              regime.options.dim, regime.options.num_atoms, regime.count(stage.step, true)) +
          regime.tests() * test_inference;
    });
    return rows;
  }
  train_autoencoder(
      architecture, plan, random_start(problem, architecture), problem.train.signals,
      [&](const Stage& stage) {
        add(architecture.name(), stage, {.gap = true},
            regime.published(architecture, stage.step, true),
            regime.published_inference(architecture));
        if (architecture.hidden > 0) return;
        Stage inferred = stage;
        inferred.encode = [&](const Matrix<S>& signals) {
          return infer(stage.dictionary, signals, plan.lambda, plan.inference_rate, inference);
        };
        inferred.inference_flops = infer_flops(stage.dictionary, inference);
        add("sae_ito", inferred, {.threshold = exp_threshold, .gap = true},
            regime.published(architecture, stage.step, true) -
                regime.tests() * regime.published_inference(architecture) +
                regime.tests() * test_inference,
            test_inference);
      });
  return rows;
}

/// The library's dictionary learning, and every encoder on what it found.
[[nodiscard]] std::vector<Row> corrected_unknown(const Regime& regime, Index run) {
  const Problem problem = regime.problem(run);
  const Learned learned = learn_dictionary(regime.setting, problem.train.signals,
                                           regime.options.num_atoms, derive_seed(problem.seed, 4));
  const Scoring scoring{.gap = true};
  auto rows = solver_rows(regime.keys, problem, learned.dictionary, regime.options.num_active,
                          scoring, run);
  for (Row& row : rows)
    add_training(row, problem, static_cast<double>(learned.flops), learned.seconds);
  const auto amortised = amortised_rows(
      regime.setting, regime.keys, problem, learned.dictionary,
      regime.more_training_signals(run), false, regime.options.num_active, scoring, run);
  for (Row row : amortised) {
    add_training(row, problem,
                 row["audited_training_flops"].get<double>() + static_cast<double>(learned.flops),
                 row["train_seconds"].get<double>() + learned.seconds);
    rows.push_back(std::move(row));
  }
  return rows;
}

[[nodiscard]] std::vector<Task> unknown_tasks(const Regime& regime) {
  std::vector<Task> tasks;
  for (Index run = 0; run < regime.setting.data_sets(); ++run) {
    for (const auto& [hidden, work] : {std::pair<Index, double>{0, 12}, {32, 7}, {256, 32}})
      tasks.push_back({task_name(regime, "mlp " + std::to_string(hidden), run), work,
                       [regime, hidden = hidden, run] {
                         return published_unknown(regime, {.hidden = hidden}, false, run);
                       }});
    tasks.push_back({task_name(regime, "sparse coding", run), 13, [regime, run] {
                       return published_unknown(regime, {}, true, run);
                     }});
    tasks.push_back({task_name(regime, "corrected", run), 24,
                     [regime, run] { return corrected_unknown(regime, run); }});
  }
  return tasks;
}

[[nodiscard]] Regime regime_of(const Setting& setting, std::uint32_t paper_seed) {
  return {setting, {.dim = 8, .num_atoms = 16, .num_active = 3}, Row::object(), "", paper_seed};
}

[[nodiscard]] Row settings_of(const Setting& setting) {
  return {{"dim", 8},
          {"num_atoms", 16},
          {"num_active", 3},
          {"train_signals", setting.signals(1024)},
          {"test_signals", setting.signals(1024)},
          {"more_signals", setting.quick() ? 512 : more},
          {"lambda", 0.01},
          {"solver_lambda", solver_lambda(0.01, 8, 16)},
          {"learning_rate", 1e-3},
          {"inference_threshold", exp_threshold}};
}

[[nodiscard]] Experiment experiment_of(const std::string& name, const Setting& setting,
                                       std::uint32_t paper_seed, std::vector<Task> tasks) {
  Experiment experiment{name, settings_of(setting), {"protocol", "method", "step"}, std::move(tasks)};
  experiment.settings["paper_seed"] = setting.paper_row(paper_seed);
  return experiment;
}

}  // namespace

Experiment known_codes(const Setting& setting) {
  return experiment_of("known-codes", setting, known_seed,
                       known_codes_tasks(regime_of(setting, known_seed)));
}
Experiment known_dictionary(const Setting& setting) {
  return experiment_of("known-dictionary", setting, known_seed,
                       known_dictionary_tasks(regime_of(setting, known_seed)));
}
Experiment unknown(const Setting& setting) {
  return experiment_of("unknown", setting, unknown_seed,
                       unknown_tasks(regime_of(setting, unknown_seed)));
}

Experiment zipf(const Setting& setting) {
  std::vector<Task> tasks;
  const auto add = [&](const char* name, std::uint32_t paper_seed, auto make) {
    Regime regime = regime_of(setting, paper_seed);
    regime.options.zipf_exponent = 1;
    regime.options.frequency_amplitudes = true;
    regime.keys = {{"regime", name}};
    regime.prefix = std::string(name) + ", ";
    for (Task& task : make(regime)) tasks.push_back(std::move(task));
  };
  add("known_codes", known_seed, known_codes_tasks);
  add("known_dictionary", known_seed, known_dictionary_tasks);
  add("unknown", unknown_seed, unknown_tasks);
  Experiment experiment = experiment_of("zipf", setting, known_seed, std::move(tasks));
  experiment.settings["unknown_paper_seed"] = setting.paper_row(unknown_seed);
  experiment.settings["zipf_exponent"] = 1;
  experiment.settings["frequency_amplitudes"] = true;
  experiment.group_by = {"protocol", "regime", "method", "step"};
  return experiment;
}

}  // namespace lacuna::examples
