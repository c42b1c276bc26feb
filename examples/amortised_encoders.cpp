// SPDX-License-Identifier: MIT
//
// How near does an amortised encoder come to inference, and what does it cost? MLPs and learned
// ISTA on known codes and on a known dictionary at 8 x 16 (the setting of O'Neill, Gumran & Klindt
// 2025, sections 4.1 and 4.2), and the amortisation gap of four encoders at 200 x 1000, trained on
// the objective and by distillation.
//
//   ./run amortised [--out DIR] [--seed N] [--quick] [--threads N] [--runs N] [--large-runs N] ...

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/metric/amortisation_gap.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/mean_l0.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/amortised_fit.hpp"
#include "support/figure.hpp"
#include "support/interrupt.hpp"
#include "support/options.hpp"
#include "support/progress.hpp"
#include "support/results.hpp"
#include "support/statistics.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::examples;

using S = float;
using UnitNorm = UnitNormDictionary<S>;
using Prepared = PreparedDictionary<UnitNorm>;

// ---- the setting
// ---------------------------------------------------------------------------------

struct Setting {
  CommonOptions common;
  Index runs = 5, large_runs = 1;

  // 8 x 16: the paper's protocol, and learned ISTA at two lambdas.
  Index dim = 8, num_atoms = 16, num_active = 3;
  Index train_signals = 1024, many_signals = 32768, test_signals = 1024;
  Index paper_steps = 20000, lista_steps = 10000, lista_batch = 1024;
  std::vector<Index> widths = {32, 256, 1024};
  Index lista_layers = 16;
  double paper_lambda = 0.0025;  // the paper's .01, a mean over codes, in the solvers' objective
  /// lambda, and the layers that a tenth of FISTA's flops pay for.
  std::vector<std::pair<double, Index>> budgets = {{0.1, 6}, {0.01, 10}};

  // 200 x 1000
  Index large_dim = 200, large_atoms = 1000, large_active = 20;
  Index large_train = 200000, large_test = 4096;
  Index large_batch = 256, large_steps = 3000, large_mlp_steps = 2000, large_lista_steps = 1000;
  Index large_width = 512, large_layers = 8;
  double large_lambda = 0.05;

  std::vector<double> rates = {3e-4, 1e-3, 3e-3, 1e-2};
  double fista_tolerance = 1e-4;

  void make_quick() {
    runs = std::min<Index>(runs, 2);
    large_runs = std::min<Index>(large_runs, 1);
    train_signals = test_signals = 256;
    many_signals = 2048;
    lista_batch = 256;
    paper_steps = lista_steps = 300;
    widths = {32};
    large_dim = 40;
    large_atoms = 100;
    large_active = 5;
    large_train = std::min<Index>(large_train, 4096);
    large_test = 256;
    for (Index* steps : {&large_steps, &large_mlp_steps, &large_lista_steps})
      *steps = std::min<Index>(*steps, 200);
    large_width = 64;
  }

  [[nodiscard]] Row to_json() const {
    Row row;
    row["quick"] = common.quick;
    row["element_type"] = "float";
    row["runs"] = runs;
    row["small"] = {{"dim", dim},
                    {"num_atoms", num_atoms},
                    {"num_active", num_active},
                    {"train_signals", train_signals},
                    {"many_signals", many_signals},
                    {"test_signals", test_signals},
                    {"paper_steps", paper_steps},
                    {"paper_rate", 1e-3},
                    {"paper_lambda", paper_lambda},
                    {"lista_steps", lista_steps},
                    {"lista_batch", lista_batch}};
    row["large_runs"] = large_runs;
    row["large"] = {{"dim", large_dim},
                    {"num_atoms", large_atoms},
                    {"num_active", large_active},
                    {"train_signals", large_train},
                    {"test_signals", large_test},
                    {"batch", large_batch},
                    {"lambda", large_lambda},
                    {"steps", large_steps},
                    {"mlp_steps", large_mlp_steps},
                    {"lista_steps", large_lista_steps}};
    row["rates"] = rates;
    row["rate_choice"] =
        "lowest loss on the last eighth of the training signals (4,096 at most) after a tenth of "
        "the "
        "steps on the rest; then annealed to a hundredth along a cosine. Paper's protocol: 1e-3, "
        "constant";
    row["fista_tolerance"] = fista_tolerance;
    row["gap"] = "relative amortisation gap at the row's lambda, optimum by ActiveSet";
    return row;
  }
};

// ---- data
// ----------------------------------------------------------------------------------------

using Optimum = Solution<CodesFor<ActiveSet<NonnegativeL1>, Prepared>>;

/// A dictionary, signals, and the optimum of the objective for the test signals.
struct Problem {
  std::string experiment;  // prefix of its rows
  Index run;
  UnitNorm dictionary;
  Prepared prepared;
  LabelledSignals<S> train;
  Matrix<S> many;  // more training signals, without codes
  LabelledSignals<S> test;
  std::uint64_t weights_seed;
  std::map<double, Optimum> optima;

  [[nodiscard]] RandomWeights weights(bool bias) const {
    return {.dim = dictionary.dim(),
            .num_atoms = dictionary.num_atoms(),
            .bias = bias,
            .seed = weights_seed};
  }
};

struct Sizes {
  Index train, test, many;
};

/// The data sets, and the weights encoders begin with, are those of synthetic_recovery.
[[nodiscard]] Problem make_problem(const SyntheticOptions& options, const Sizes& sizes,
                                   const std::vector<double>& lambdas,
                                   std::uint64_t experiment_seed, Index run, Index threads) {
  const std::uint64_t seed = derive_seed(experiment_seed, static_cast<std::uint64_t>(run));
  const SyntheticModel<S> model(options, derive_seed(seed, 0));
  const auto draw = [&](Index n, Index first) {
    return model.sample(n, derive_seed(seed, 1), first, threads);
  };
  const UnitNorm dictionary(model.atoms());
  Problem problem{"",
                  run,
                  dictionary,
                  Prepared(dictionary),
                  draw(sizes.train, 0),
                  {},
                  draw(sizes.test, sizes.train),
                  derive_seed(derive_seed(seed, 2), 1),
                  {}};
  if (sizes.many > 0) problem.many = draw(sizes.many, sizes.train + sizes.test).signals;
  for (const double lambda : lambdas)
    problem.optima.emplace(lambda, ActiveSet(NonnegativeL1(lambda), {.threads = threads})
                                       .solve(problem.prepared, problem.test.signals));
  return problem;
}

// ---- methods
// -------------------------------------------------------------------------------------

/// Encodes and scores: called when no other thread is at work, for the sake of its timing.
using Scorer = std::function<Row()>;

/// A method on a problem: trains now, scores later.
struct Job {
  double work;  // about proportional to time
  std::string name;
  std::function<Scorer()> train;
};

/// What a row is about.
struct Label {
  std::string experiment, method, training;
  std::optional<double> lambda;  // of the objective that the gap is of
  MccKind kind = MccKind::assigned;
};

struct Training {
  Fitted fitted;
  Index signals = 0, steps = 0;
};

template <class D, class Encoder>
[[nodiscard]] Row score(const Problem& problem, const D& dictionary, const Encoder& encoder,
                        const Label& label, const Training& training = {}) {
  const Matrix<S>& signals = problem.test.signals;
  double seconds = std::numeric_limits<double>::infinity();
  std::optional<CountedCodes<CodesFor<Encoder, D>>> counted;
  // The best of three, but for what takes long.
  for (int i = 0; i < 3 && (i == 0 || seconds < 1); ++i) {
    const Stopwatch clock;
    counted = encode_counted(encoder, dictionary, signals);
    seconds = std::min(seconds, clock.seconds());
  }
  const CodeMcc mcc = code_mcc(problem.test.codes, counted->codes, label.kind);
  Row row;
  row["experiment"] = label.experiment;
  row["method"] = label.method;
  row["training"] = label.training;
  row["lambda"] = label.lambda ? Row(*label.lambda) : Row(nullptr);
  row["run"] = problem.run;
  row["code_mcc"] = number_or_null(mcc.value);
  row["code_mcc_kind"] = std::string(to_string(mcc.kind));
  row["support_f1"] = support_recovery(problem.test.codes, counted->codes, {.match = mcc.match}).f1;
  row["l0"] = mean_l0(counted->codes);
  row["gap"] = row["gap_infeasible_share"] = nullptr;
  if (label.lambda) {
    const auto gap =
        amortisation_gap(problem.prepared, signals, counted->codes, NonnegativeL1(*label.lambda),
                         problem.optima.at(*label.lambda));
    row["gap"] = number_or_null(gap.relative);
    row["gap_infeasible_share"] = gap.infeasible_share;
  }
  row["flops_per_signal"] =
      static_cast<double>(counted->flops) / static_cast<double>(signals.cols());
  row["encode_seconds"] = seconds;
  row["train_signals"] = training.steps > 0 ? Row(training.signals) : Row(nullptr);
  row["train_steps"] = training.steps > 0 ? Row(training.steps) : Row(nullptr);
  row["learning_rate"] = training.steps > 0 ? Row(training.fitted.rate) : Row(nullptr);
  row["train_flops_audited"] = training.fitted.flops;
  row["train_seconds"] = training.fitted.seconds;
  return row;
}

/// A solver, or an encoder as it is.
template <class Encoder>
[[nodiscard]] Job untrained(const Problem& problem, Encoder encoder, Label label) {
  return {0, label.method, [&problem, encoder = std::move(encoder), label = std::move(label)] {
            return [&problem, encoder, label] {
              if constexpr (SolverFor<Encoder, Prepared>)
                return score(problem, problem.prepared, encoder, label);
              else
                return score(problem, problem.dictionary, encoder, label);
            };
          }};
}

/// An encoder that is trained on these signals (and codes, where its lesson has a teacher), which
/// outlive the job. `start` makes it.
template <class Start>
[[nodiscard]] Job trained(const Problem& problem, Start start, const Matrix<S>& signals,
                          const SparseCodes<S>& codes, Lesson lesson, Label label) {
  const Index batch = lesson.batch_size > 0 ? lesson.batch_size : signals.cols();
  const double search =
      lesson.rates.size() > 1 ? 0.1 * static_cast<double>(lesson.rates.size()) : 0;
  const double work =
      (1 + search) * static_cast<double>(lesson.steps * batch) *
      static_cast<double>(start().forward_flops(problem.dictionary) +
                          2 * problem.dictionary.dim() * problem.dictionary.num_atoms());
  return {work, label.method + ", " + label.training,
          [&problem, start, &signals, &codes, lesson, label]() -> Scorer {
            auto encoder = start();
            const Fitted fitted = fit(encoder, problem.dictionary, signals, codes, lesson);
            const Training training{fitted, signals.cols(), lesson.steps};
            return [&problem, encoder = std::move(encoder), label, training] {
              return score(problem, problem.dictionary, encoder, label, training);
            };
          }};
}

[[nodiscard]] auto lista(const Problem& problem, Index layers, double lambda) {
  return [&problem, layers, lambda] {
    return ListaEncoder<S>(problem.dictionary, {.layers = layers, .lambda = lambda});
  };
}
[[nodiscard]] auto mlp(const Problem& problem, Index width, bool bias) {
  return
      [&problem, width, bias] { return MlpEncoder<S>(problem.weights(bias), {.hidden = {width}}); };
}

[[nodiscard]] std::vector<Job> small_jobs(const Setting& setting, const Problem& problem) {
  std::vector<Job> jobs;
  const auto& [signals, codes] = problem.train;

  // Known codes: the paper's protocol, the score it has there, and learned ISTA under the same.
  const Lesson by_codes{.teacher = Teacher::cosine, .steps = setting.paper_steps};
  const auto known_codes = [](const std::string& method, const std::string& training) {
    return Label{"known_codes", method, training, std::nullopt, MccKind::signed_unpermuted};
  };
  for (const Index width : setting.widths)
    jobs.push_back(trained(problem, mlp(problem, width, true), signals, codes, by_codes,
                           known_codes("mlp_" + std::to_string(width), "codes")));
  const auto deep = lista(problem, setting.lista_layers, 0.1);
  const std::string deep_name = "lista_" + std::to_string(setting.lista_layers);
  jobs.push_back(untrained(problem, deep(), known_codes(deep_name, "none")));
  jobs.push_back(trained(problem, deep, signals, codes, by_codes, known_codes(deep_name, "codes")));

  // Known dictionary.
  const Fista reference(NonnegativeL1(setting.paper_lambda),
                        {.tolerance = setting.fista_tolerance});
  const auto known_dictionary = [](const std::string& method, const std::string& training,
                                   double lambda) {
    return Label{"known_dictionary", method, training, lambda};
  };
  jobs.push_back(
      untrained(problem, reference, known_dictionary("fista", "none", setting.paper_lambda)));
  const Index width = setting.widths[setting.widths.size() / 2];
  jobs.push_back(trained(
      problem, mlp(problem, width, false), signals, codes,
      {.teacher = Teacher::reconstruction,
       .steps = setting.paper_steps,
       .lambda = setting.paper_lambda},
      known_dictionary("mlp_" + std::to_string(width), "reconstruction", setting.paper_lambda)));
  for (const auto& [lambda, layers] : setting.budgets) {
    const auto start = lista(problem, layers, lambda);
    const std::string name = "lista_" + std::to_string(layers);
    const Lesson lesson{.teacher = Teacher::reconstruction,
                        .steps = setting.lista_steps,
                        .batch_size = setting.lista_batch,
                        .lambda = lambda,
                        .rates = setting.rates,
                        .anneal = true};
    jobs.push_back(untrained(problem,
                             Fista(NonnegativeL1(lambda), {.tolerance = setting.fista_tolerance}),
                             known_dictionary("fista", "none", lambda)));
    jobs.push_back(untrained(problem, ActiveSet(NonnegativeL1(lambda)),
                             known_dictionary("active_set", "none", lambda)));
    jobs.push_back(untrained(problem, start(), known_dictionary(name, "none", lambda)));
    jobs.push_back(trained(problem, start, signals, codes, lesson,
                           known_dictionary(name, "reconstruction", lambda)));
    jobs.push_back(trained(problem, start, problem.many, codes, lesson,
                           known_dictionary(name, "reconstruction, more signals", lambda)));
  }
  return jobs;
}

/// @param distilled  the optimal codes of the training signals.
[[nodiscard]] std::vector<Job> large_jobs(const Setting& setting, const Problem& problem,
                                          const SparseCodes<S>& distilled) {
  std::vector<Job> jobs;
  const double lambda = setting.large_lambda;
  const auto label = [&](const std::string& method, const std::string& training) {
    return Label{"large", method, training, lambda};
  };
  const NonnegativeL1 penalty(lambda);
  jobs.push_back(untrained(problem, ActiveSet(penalty), label("active_set", "none")));
  jobs.push_back(untrained(problem, Fista(penalty, {.tolerance = setting.fista_tolerance}),
                           label("fista", "none")));
  const auto both = [&](const std::string& method, const auto& start, Index steps) {
    for (const bool teacher : {false, true}) {
      const Lesson lesson{.teacher = teacher ? Teacher::squared : Teacher::reconstruction,
                          .steps = steps,
                          .batch_size = setting.large_batch,
                          // TopK has its own way to be sparse.
                          .lambda = method == "top_k" ? 0 : lambda,
                          .rates = setting.rates,
                          .anneal = true};
      jobs.push_back(trained(problem, start, problem.train.signals, distilled, lesson,
                             label(method, teacher ? "distillation" : "reconstruction")));
    }
  };
  const RandomWeights weights = problem.weights(true);
  both(
      "linear_relu", [weights] { return LinearReluEncoder<S>(weights); }, setting.large_steps);
  both(
      "top_k", [weights, k = setting.large_active] { return TopKEncoder<S>(weights, k); },
      setting.large_steps);
  both("mlp_" + std::to_string(setting.large_width), mlp(problem, setting.large_width, true),
       setting.large_mlp_steps);
  const auto unrolled = lista(problem, setting.large_layers, lambda);
  const std::string name = "lista_" + std::to_string(setting.large_layers);
  jobs.push_back(untrained(problem, unrolled(), label(name, "none")));
  both(name, unrolled, setting.large_lista_steps);
  return jobs;
}

/// Trains all, the dearest first and several at once; then scores all, one by one.
void run_jobs(const std::vector<Job>& jobs, Index threads, ProgressLine& progress,
              Results& results) {
  std::vector<std::size_t> order(jobs.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return jobs[a].work > jobs[b].work; });
  std::vector<Scorer> scorers(jobs.size());
  for_each_block(static_cast<Index>(jobs.size()), 1, threads, [&](Block block, Index) {
    if (Interrupt::requested()) return;
    const std::size_t i = order[static_cast<std::size_t>(block.index)];
    scorers[i] = jobs[i].train();
    progress.advance(jobs[i].work, jobs[i].name);
  });
  // A training that was cut short has no row.
  if (Interrupt::requested()) return;
  for (const Scorer& scorer : scorers) results.add(scorer());
}

// ---- results
// -------------------------------------------------------------------------------------

/// The rows of an experiment that are means over data sets.
[[nodiscard]] std::vector<const Row*> means(const Results& results, const std::string& experiment) {
  std::vector<const Row*> rows;
  for (const Row& row : results.rows())
    if (row["run"] == "mean" && row["experiment"] == experiment) rows.push_back(&row);
  return rows;
}

void print_table(const Results& results, const Setting& setting) {
  std::printf("Amortised encoders, seed %llu: means +- standard deviations over data sets\n",
              static_cast<unsigned long long>(setting.common.seed));
  const auto shape = [](Index dim, Index atoms, Index k, Index n, Index runs) {
    std::printf("%lld x %lld, K = %lld, %lld data set%s, %lld test signals each",
                static_cast<long long>(dim), static_cast<long long>(atoms),
                static_cast<long long>(k), static_cast<long long>(runs), runs == 1 ? "" : "s",
                static_cast<long long>(n));
  };
  std::string experiment;
  for (std::size_t i = 0; i + 1 < results.rows().size(); ++i) {
    const Row& row = results.rows()[i];
    if (row["run"] != "mean") continue;
    if (row["experiment"] != experiment) {
      experiment = row["experiment"].get<std::string>();
      std::printf("\n%s: ", experiment.c_str());
      if (experiment == "large")
        shape(setting.large_dim, setting.large_atoms, setting.large_active, setting.large_test,
              setting.large_runs);
      else
        shape(setting.dim, setting.num_atoms, setting.num_active, setting.test_signals,
              setting.runs);
      std::printf("\n%-12s %-29s %-7s %-17s %6s %6s %9s %9s %9s %9s %8s %9s\n", "method",
                  "trained by", "lambda", "code MCC", "F1", "L0", "gap", "flops", "encode s",
                  "signals", "steps", "train s");
    }
    const Row& deviation = results.rows()[i + 1];
    std::printf(
        "%-12s %-29s %-7s %-17s %6s %6s %9s %9s %9s %9s %8s %9s\n",
        row["method"].get<std::string>().c_str(), row["training"].get<std::string>().c_str(),
        cell(row["lambda"], "%g").c_str(),
        (cell(row["code_mcc"], "%.4f") + " +- " + cell(deviation["code_mcc"], "%.4f")).c_str(),
        cell(row["support_f1"], "%.3f").c_str(), cell(row["l0"], "%.2f").c_str(),
        cell(row["gap"], "%.2e").c_str(), cell(row["flops_per_signal"], "%.2e").c_str(),
        cell(row["encode_seconds"], "%.4f").c_str(), cell(row["train_signals"], "%.0f").c_str(),
        cell(row["train_steps"], "%.0f").c_str(),
        row["train_steps"].is_number() ? cell(row["train_seconds"], "%.1f").c_str() : "-");
  }
}

/// Code MCC against audited flops a signal: known dictionary, and large.
[[nodiscard]] std::string figure_commands(const Results& results, const Setting& setting) {
  const auto title = [](Index dim, Index atoms) {
    return std::to_string(dim) + " x " + std::to_string(atoms) + ", known dictionary";
  };
  std::string data, plots;
  int panel = 0;
  for (const char* experiment : {"known_dictionary", "large"}) {
    const auto rows = means(results, experiment);
    if (rows.empty()) continue;
    const bool large = std::string(experiment) == "large";
    const std::string name = "$panel" + std::to_string(panel++);
    std::string points;
    for (const Row* row : rows) {
      if (!(*row)["code_mcc"].is_number()) continue;
      const auto training = (*row)["training"].get<std::string>();
      const char* colour = training == "none" ? "1" : training == "reconstruction" ? "2" : "3";
      std::string text = (*row)["method"].get<std::string>();
      if (!large) text += ", " + cell((*row)["lambda"], "%g");
      // A third point of a method is close to its second, which says its name.
      if (*colour == '3') text.clear();
      points += (*row)["flops_per_signal"].dump() + " " + (*row)["code_mcc"].dump() + " " + colour +
                " \"" + text + "\"\n";
    }
    data += name + " << END\n" + points + "END\n";
    plots += "set title '" +
             (large ? title(setting.large_dim, setting.large_atoms)
                    : title(setting.dim, setting.num_atoms) + " (method, lambda)") +
             "'\nplot " + name + " using 1:2:3 with points pt 7 lc variable notitle, " + name +
             " using 1:2:4 with labels offset 0.6,0.5 left font ',8' noenhanced notitle, "
             "NaN with points pt 7 lc 1 title 'solver, or untrained', "
             "NaN with points pt 7 lc 2 title 'trained by reconstruction', "
             "NaN with points pt 7 lc 3 title '" +
             (large ? "distilled" : "the same, on more signals") + "'\n";
  }
  return data +
         "set linetype 1 lc rgb '#555555'\nset linetype 2 lc rgb '#4c72b0'\n"
         "set linetype 3 lc rgb '#dd8452'\nset logscale x\nset format x '10^{%T}'\n"
         "set xlabel 'audited flops a signal'\nset ylabel 'code MCC (test signals)'\n"
         "set yrange [0:1.1]\nset offsets graph 0.05, graph 0.25, 0, 0\nset grid\n"
         "set key outside bottom center horizontal\nset multiplot layout 1," +
         std::to_string(panel) + "\n" + plots + "unset multiplot\n";
}

[[nodiscard]] double mean_of(const Results& results, const std::string& experiment,
                             const std::string& method, const std::string& training,
                             const char* column) {
  for (const Row* row : means(results, experiment))
    if ((*row)["method"].get<std::string>().starts_with(method) && (*row)["training"] == training)
      return (*row)[column].get<double>();
  throw std::runtime_error("no row " + experiment + ", " + method + ", " + training);
}

/// The claims of the experiment, which hold at its small size too: training brings the unrolled
/// iteration nearer to the truth and to the optimum, from a teacher as from none, and unrolling is
/// nearer than one linear layer.
void check_claims(const Results& results, const Setting& setting) {
  const auto require_below = [](double a, double b, const char* claim) {
    if (!(a < b)) throw std::runtime_error(std::string("not so: ") + claim);
  };
  if (setting.runs > 0) {
    require_below(mean_of(results, "known_codes", "lista", "none", "code_mcc"),
                  mean_of(results, "known_codes", "lista", "codes", "code_mcc"),
                  "LISTA trained on codes finds them better than untrained");
    for (const char* training : {"reconstruction", "reconstruction, more signals"})
      require_below(mean_of(results, "known_dictionary", "lista", training, "gap"),
                    mean_of(results, "known_dictionary", "lista", "none", "gap"),
                    "training on the objective closes LISTA's gap");
  }
  if (setting.large_runs > 0)
    for (const char* training : {"reconstruction", "distillation"}) {
      const double gap = mean_of(results, "large", "lista", training, "gap");
      require_below(gap, mean_of(results, "large", "lista", "none", "gap"),
                    "LISTA's gap is smaller trained than untrained");
      require_below(gap, mean_of(results, "large", "linear_relu", training, "gap"),
                    "LISTA's gap is smaller than the linear encoder's");
    }
}

int run(Setting setting) {
  Interrupt::install();
  if (setting.common.quick) setting.make_quick();
  require(setting.runs >= 0 && setting.large_runs >= 0 && setting.runs + setting.large_runs > 0,
          "--runs, --large-runs", "at least 0, and not both 0");
  require(setting.large_train >= 2, "--large-train", "at least 2");
  for (const Index steps :
       {setting.large_steps, setting.large_mlp_steps, setting.large_lista_steps})
    require(steps >= 1, "--large-steps, --large-mlp-steps, --large-lista-steps", "at least 1");
  (void)NonnegativeL1(setting.large_lambda);  // refused before anything is done

  const Index threads = setting.common.threads;
  const Stopwatch clock;
  Results results("amortised_encoders", setting.common.seed, setting.to_json());

  const auto small = [&](Index r) {
    return make_problem(
        {.dim = setting.dim, .num_atoms = setting.num_atoms, .num_active = setting.num_active},
        {setting.train_signals, setting.test_signals, setting.many_signals},
        {setting.paper_lambda, setting.budgets[0].first, setting.budgets[1].first},
        setting.common.seed, r, threads);
  };
  const auto large = [&](Index r) {
    return make_problem({.dim = setting.large_dim,
                         .num_atoms = setting.large_atoms,
                         .num_active = setting.large_active},
                        {setting.large_train, setting.large_test, 0}, {setting.large_lambda},
                        setting.common.seed, r, threads);
  };
  if (setting.runs > 0) {
    double work = 0;
    {
      const Problem problem = small(0);
      for (const Job& job : small_jobs(setting, problem)) work += job.work;
    }
    ProgressLine progress(work * static_cast<double>(setting.runs));
    for (Index r = 0; r < setting.runs && !Interrupt::requested(); ++r) {
      const Problem problem = small(r);
      run_jobs(small_jobs(setting, problem), threads, progress, results);
    }
    progress.finish();
  }
  for (Index r = 0; r < setting.large_runs && !Interrupt::requested(); ++r) {
    const Problem problem = large(r);
    const Stopwatch teacher;
    const SparseCodes<S> distilled =
        SparseCodes<S>(ActiveSet(NonnegativeL1(setting.large_lambda), {.threads = threads})
                           .encode(problem.prepared, problem.train.signals));
    results.settings()["distilled_codes_seconds"] = teacher.seconds();
    const std::vector<Job> jobs = large_jobs(setting, problem, distilled);
    double work = 0;
    for (const Job& job : jobs) work += job.work;
    ProgressLine progress(work);
    run_jobs(jobs, threads, progress, results);
    progress.finish();
  }

  results.settings()["complete"] = !Interrupt::requested();
  if (!Interrupt::requested())
    add_statistics(results, {"experiment", "method", "training", "lambda"});
  results.write(setting.common.out);
  if (Interrupt::requested()) {
    std::cerr << "amortised_encoders: interrupted; the rows that were finished are in "
              << setting.common.out.string() << '\n';
    return Interrupt::exit_status();
  }
  print_table(results, setting);
  const bool drawn = draw_figure(setting.common.out / "amortised_encoders.svg", "1200,560",
                                 figure_commands(results, setting));
  std::printf("\n%.1f s. %s/results.json, results.csv%s\n", clock.seconds(),
              setting.common.out.string().c_str(),
              drawn ? ", amortised_encoders.svg" : " (no figure: gnuplot is not installed)");
  if (setting.common.quick) check_claims(results, setting);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  CLI::App app(
      "The amortisation gap of MLPs, learned ISTA, linear and TopK encoders, beside the "
      "solvers they stand in for.");
  setting.common.add_to(app, "amortised_encoders");
  app.add_option("--runs", setting.runs, "data sets at 8 x 16; 0 leaves these out")
      ->capture_default_str();
  app.add_option("--large-runs", setting.large_runs, "data sets at 200 x 1000; 0 leaves these out")
      ->capture_default_str();
  app.add_option("--large-train", setting.large_train, "training signals at 200 x 1000")
      ->capture_default_str();
  app.add_option("--large-lambda", setting.large_lambda, "of the objective at 200 x 1000")
      ->capture_default_str();
  app.add_option("--large-steps", setting.large_steps, "of the linear and the TopK encoder")
      ->capture_default_str();
  app.add_option("--large-mlp-steps", setting.large_mlp_steps, "of the MLP")->capture_default_str();
  app.add_option("--large-lista-steps", setting.large_lista_steps, "of learned ISTA")
      ->capture_default_str();
  return run_program("amortised_encoders", app, argc, argv, setting.common,
                     [&] { return run(setting); });
}
