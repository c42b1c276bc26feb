// SPDX-License-Identifier: MIT
//
// Which encoders find the codes that made the signals? The synthetic-recovery experiment of O'Neill,
// Gumran & Klindt 2025 (sections 4.1-4.3: known codes, known dictionary, neither), at its full size.
//
//   ./run recovery [--out DIR] [--seed N] [--quick] [--threads N] [--one-data-set] ...

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/concepts/observer.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/metric/amortisation_gap.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/metric/mean_l0.hpp>
#include <lacuna/metric/published_flops.hpp>
#include <lacuna/metric/reconstruction.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/sparse_coding.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/update/block_coordinate.hpp>

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

// ---- the setting ---------------------------------------------------------------------------------

struct Setting {
  CommonOptions common;
  bool one_data_set = false;
  Index dim = 8, num_atoms = 16, num_active = 3;
  Index train_signals = 1024, test_signals = 1024;
  Index runs = 5;
  double lambda = 0.01;  // of the paper's loss, a mean over codes

  Index supervised_steps = 20000, known_dictionary_steps = 20000, unknown_steps = 40000;
  Index known_dictionary_inference_steps = 20000, unknown_inference_steps = 10000;
  double learning_rate = 1e-3;
  double known_dictionary_inference_rate = 1e-3, unknown_inference_rate = 3e-3;
  Index alternating_rounds = 500;
  double alternating_lambda = 0.05;
  std::vector<double> fista_lambdas = {0.1,   0.05,   0.02,   0.01,   0.005,   0.002,
                                       0.001, 0.0005, 0.0002, 0.0001, 0.00005, 0.00002};
  std::vector<Index> refine_steps = {10, 100};
  double fista_tolerance = 1e-6;

  void make_quick() {
    runs = std::min<Index>(runs, 2);
    train_signals = std::min<Index>(train_signals, 256);
    test_signals = std::min<Index>(test_signals, 256);
    supervised_steps = known_dictionary_steps = unknown_steps = 400;
    known_dictionary_inference_steps = unknown_inference_steps = 400;
    alternating_rounds = 20;
  }

  [[nodiscard]] bool is_default_problem() const {
    return dim == 8 && num_atoms == 16 && num_active == 3;
  }

  /// The paper's penalty in the objective of the solvers.
  [[nodiscard]] double solver_lambda() const {
    return lambda * static_cast<double>(dim) / (2 * static_cast<double>(num_atoms));
  }

  /// Adam's epsilon of the paper, 1e-8 on the gradient of a mean over n dim entries, in the units of
  /// the solvers' objective.
  [[nodiscard]] double inference_epsilon() const {
    return 1e-8 * static_cast<double>(test_signals) * static_cast<double>(dim) / 2;
  }

  [[nodiscard]] ProximalGradientOptions fista_options() const {
    return {.tolerance = fista_tolerance, .max_iterations = 20000};
  }

  [[nodiscard]] AdamInference inference(double rate, Index steps) const {
    return AdamInference(
        NonnegativeL1(solver_lambda()),
        {.learning_rate = rate, .steps = steps, .epsilon = inference_epsilon()});
  }

  [[nodiscard]] Row to_json() const {
    Row row;
    row["dim"] = dim;
    row["num_atoms"] = num_atoms;
    row["num_active"] = num_active;
    row["train_signals"] = train_signals;
    row["test_signals"] = test_signals;
    row["runs"] = runs;
    row["one_data_set"] = one_data_set;
    row["quick"] = common.quick;
    row["element_type"] = "float";
    row["lambda"] = lambda;
    row["solver_lambda"] = solver_lambda();
    row["learning_rate"] = learning_rate;
    row["known_codes_steps"] = supervised_steps;
    row["known_codes_loss"] = {{"sae", "per-latent cosine"}, {"topk_sae", "squared error"}};
    row["topk"] = {{"k", num_active}, {"lambda", 0.0}};
    row["known_dictionary_steps"] = known_dictionary_steps;
    row["known_dictionary_inference"] = {{"learning_rate", known_dictionary_inference_rate},
                                         {"steps", known_dictionary_inference_steps}};
    row["unknown_steps"] = unknown_steps;
    row["unknown_inference"] = {{"learning_rate", unknown_inference_rate},
                                {"steps", unknown_inference_steps}};
    row["alternating"] = {{"rounds", alternating_rounds},
                          {"lambda", alternating_lambda},
                          {"test_lambda", solver_lambda()}};
    row["fista_lambdas"] = fista_lambdas;
    row["fista_lambda_choice"] = "largest code MCC on the training signals";
    row["fista_tolerance"] = fista_tolerance;
    row["support_threshold"] = {{"exp codes", exp_code_threshold}, {"all others", 0.0}};
    row["gap"] = "relative amortisation gap at solver_lambda, mean over feasible test codes";
    row["published_flops"] = "the paper's formulas; topk_sae counted as sae; null where it has none";
    return row;
  }

  /// Codes that are exponentials are never exactly 0.
  static constexpr double exp_code_threshold = 1e-4;
};

/// What run r of the experiment is made from.
struct Data {
  UnitNorm dictionary;
  LabelledSignals<S> train, test;
  std::uint64_t model_seed;

  Data(const Setting& setting, Index run)
      : Data(setting, derive_seed(setting.common.seed,
                                  setting.one_data_set ? 0 : static_cast<std::uint64_t>(run))) {
    model_seed = derive_seed(derive_seed(setting.common.seed, static_cast<std::uint64_t>(run)), 2);
  }

 private:
  Data(const Setting& setting, std::uint64_t seed) : Data(setting, truth(setting, seed), seed) {}
  Data(const Setting& setting, const SyntheticModel<S>& model, std::uint64_t seed)
      : dictionary(model.atoms()),
        train(model.sample(setting.train_signals, derive_seed(seed, 1))),
        test(model.sample(setting.test_signals, derive_seed(seed, 1), setting.train_signals)),
        model_seed(0) {}

  static SyntheticModel<S> truth(const Setting& setting, std::uint64_t seed) {
    return SyntheticModel<S>(SyntheticOptions{.dim = setting.dim,
                                              .num_atoms = setting.num_atoms,
                                              .num_active = setting.num_active},
                             derive_seed(seed, 0));
  }
};

// ---- methods -------------------------------------------------------------------------------------

/// What a method cost before it met the test signals.
struct Training {
  std::optional<std::int64_t> published;
  std::int64_t audited = 0;
  double seconds = 0;

  Training& operator+=(const Training& other) {
    audited += other.audited;
    seconds += other.seconds;
    return *this;
  }
};

template <class Trainer, class M, class Source>
Training train(const Trainer& trainer, M& model, Source&& source) {
  const Stopwatch clock;
  const Outcome outcome = trainer.fit(model, std::forward<Source>(source), [](const Progress&) {
    return !Interrupt::requested();
  });
  return {std::nullopt, outcome.flops, clock.seconds()};
}

/// How the codes of a method are scored.
struct Scoring {
  MccKind kind = MccKind::assigned;
  double threshold = 0;             // of the support
  bool against_dictionary = true;   // whether there is a decoder to be judged with
  std::optional<std::int64_t> published_inference;
};

/// One regime of one run: its rows, in the order of the table.
class Regime {
 public:
  Regime(std::string name, const Setting& setting, Index run, ProgressLine& progress)
      : setting_(setting), data_(setting, run), name_(std::move(name)), run_(run), progress_(progress) {}

  [[nodiscard]] std::vector<Row> run() {
    if (name_ == "known_codes") known_codes();
    if (name_ == "known_dictionary") known_dictionary();
    if (name_ == "unknown") unknown();
    return std::move(rows_);
  }

 private:
  void known_codes() {
    const published_flops::Training count{.samples = setting_.train_signals,
                                          .steps = setting_.supervised_steps};
    const auto published =
        published_flops::known_codes_sae_training(setting_.dim, setting_.num_atoms, count);
    const Scoring scoring{
        .kind = MccKind::signed_unpermuted,
        .against_dictionary = false,
        .published_inference = setting_.test_signals * published_flops::known_codes_sae_inference(
                                                           setting_.dim, setting_.num_atoms)};
    const auto fit = [&](const char* method, auto encoder, auto loss) {
      if (Interrupt::requested()) return;
      Model model{Identity{}, data_.dictionary, std::move(encoder)};
      const SupervisedTrainer<decltype(loss)> trainer(
          {.steps = setting_.supervised_steps}, Adam({.learning_rate = setting_.learning_rate}));
      Training training = train(
          trainer, model, LabelledInMemorySource<S>(data_.train.signals, data_.train.codes));
      training.published = published;
      add(method, model.dictionary, model.encoder, training, scoring, setting_.supervised_steps);
    };
    fit("sae", LinearReluEncoder<S>(weights(true)), CosineLoss{});
    // The cosine is blind to the scales that top-k compares: squared error, as everywhere for TopK.
    fit("topk_sae", TopKEncoder<S>(weights(true), setting_.num_active), SquaredLoss{});
  }

  void known_dictionary() {
    const Prepared dictionary(data_.dictionary);
    const auto sae = train_sae(LinearReluEncoder<S>(weights(false)), data_.dictionary,
                               setting_.lambda, false, setting_.known_dictionary_steps);
    add("sae", dictionary, sae.model.encoder, sae.training, sae.scoring,
        setting_.known_dictionary_steps);
    const auto topk = train_sae(TopKEncoder<S>(weights(false), setting_.num_active),
                                data_.dictionary, 0.0, false, setting_.known_dictionary_steps);
    add("topk_sae", dictionary, topk.model.encoder, topk.training, topk.scoring,
        setting_.known_dictionary_steps);
    add("adam_inference", dictionary,
        setting_.inference(setting_.known_dictionary_inference_rate,
                           setting_.known_dictionary_inference_steps),
        {.published = 0}, inference_scoring(setting_.known_dictionary_inference_steps),
        setting_.known_dictionary_inference_steps / 2);
    add_refined(dictionary, sae.model.encoder, sae.training);
    const auto [fista, choice] = choose_fista(dictionary);
    add("fista", dictionary, fista, choice, {}, 100, fista.penalty().lambda());
    add("omp", dictionary, OrthogonalMatchingPursuit({.k = setting_.num_active}), {}, {}, 10);
  }

  void unknown() {
    const UnitNorm start(
        gaussian_dictionary<S>(setting_.dim, setting_.num_atoms, derive_seed(data_.model_seed, 0)));
    const auto sae = train_sae(LinearReluEncoder<S>(weights(false)), start, setting_.lambda, true,
                               setting_.unknown_steps);
    add("sae", sae.model.dictionary, sae.model.encoder, sae.training, sae.scoring,
        setting_.unknown_steps);
    const auto topk = train_sae(TopKEncoder<S>(weights(false), setting_.num_active), start, 0.0,
                                true, setting_.unknown_steps);
    add("topk_sae", topk.model.dictionary, topk.model.encoder, topk.training, topk.scoring,
        setting_.unknown_steps);
    const AdamInference inference =
        setting_.inference(setting_.unknown_inference_rate, setting_.unknown_inference_steps);
    const Scoring scoring = inference_scoring(setting_.unknown_inference_steps);
    add("sae_ito", sae.model.dictionary, inference, sae.training, scoring,
        setting_.unknown_inference_steps / 2);
    add_refined(Prepared(sae.model.dictionary), sae.model.encoder, sae.training);
    sparse_coding(start, inference, scoring);
    alternating(start);
  }

  void sparse_coding(const UnitNorm& start, const AdamInference& inference,
                     const Scoring& scoring) {
    if (Interrupt::requested()) return;
    Model model{Identity{}, start, inference};
    Training training =
        train(SparseCodingTrainer({.steps = setting_.unknown_steps, .lambda = setting_.lambda},
                                  Adam({.learning_rate = setting_.learning_rate})),
              model, InMemorySource<S>(data_.train.signals));
    training.published = published_flops::sparse_coding_training(
        setting_.dim, setting_.num_atoms,
        {.samples = setting_.train_signals, .steps = setting_.unknown_steps});
    add("sparse_coding", model.dictionary, model.encoder, training, scoring,
        setting_.unknown_steps);
  }

  void alternating(const UnitNorm& start) {
    if (Interrupt::requested()) return;
    Model model{Identity{}, start,
                Fista(NonnegativeL1(setting_.alternating_lambda), setting_.fista_options())};
    const Training training =
        train(AlternatingTrainer({.rounds = setting_.alternating_rounds}, BlockCoordinateUpdate()),
              model, InMemorySource<S>(data_.train.signals));
    add("alternating_fista", model.dictionary,
        Fista(NonnegativeL1(setting_.solver_lambda()), setting_.fista_options()), training, {},
        30 * setting_.alternating_rounds);
  }

  /// A trained autoencoder and what it took.
  template <class Encoder>
  struct Autoencoder {
    Model<Identity, UnitNorm, Encoder> model;
    Training training;
    Scoring scoring;
  };

  template <class Encoder>
  [[nodiscard]] Autoencoder<Encoder> train_sae(Encoder encoder, const UnitNorm& dictionary,
                                               double lambda, bool learn_dictionary, Index steps) {
    Autoencoder<Encoder> sae{{Identity{}, dictionary, std::move(encoder)}, {}, {}};
    const JointTrainer trainer(
        {.steps = steps,
         .lambda = lambda,
         .learn_dictionary = learn_dictionary,
         .tangent_gradient = false},  // the paper's form
        Adam({.learning_rate = setting_.learning_rate}));
    sae.training = train(trainer, sae.model, InMemorySource<S>(data_.train.signals));
    sae.training.published =
        published_flops::sae_training(setting_.dim, setting_.num_atoms,
                                      {.samples = setting_.train_signals,
                                       .steps = steps,
                                       .learn_dictionary = learn_dictionary});
    sae.scoring.published_inference =
        setting_.test_signals * published_flops::sae_inference(setting_.dim, setting_.num_atoms);
    return sae;
  }

  void add_refined(const Prepared& dictionary, const LinearReluEncoder<S>& sae,
                   const Training& training) {
    for (const Index steps : setting_.refine_steps)
      add("sae_refined_" + std::to_string(steps), dictionary,
          Refined(sae, Fista(NonnegativeL1(setting_.solver_lambda())), steps),
          {std::nullopt, training.audited, training.seconds}, {}, 10);
  }

  /// The lambda of the grid whose codes of the training signals are the best; trying them is training.
  [[nodiscard]] std::pair<Fista<NonnegativeL1>, Training> choose_fista(
      const Prepared& dictionary) const {
    const Stopwatch clock;
    Training training;
    double best_lambda = setting_.fista_lambdas.front(), best = -1;
    for (const double lambda : setting_.fista_lambdas) {
      const auto counted = encode_counted(Fista(NonnegativeL1(lambda), setting_.fista_options()),
                                          dictionary, data_.train.signals);
      training.audited += counted.flops;
      const double mcc = code_mcc(data_.train.codes, counted.codes).value;
      if (mcc > best) {
        best = mcc;
        best_lambda = lambda;
      }
    }
    training.seconds = clock.seconds();
    return {Fista(NonnegativeL1(best_lambda), setting_.fista_options()), training};
  }

  [[nodiscard]] Scoring inference_scoring(Index steps) const {
    return {.threshold = Setting::exp_code_threshold,
            .published_inference =
                setting_.test_signals * published_flops::code_optimisation(
                                            setting_.dim, setting_.num_atoms, steps)};
  }

  [[nodiscard]] RandomWeights weights(bool bias) const {
    return {.dim = setting_.dim,
            .num_atoms = setting_.num_atoms,
            .bias = bias,
            .seed = derive_seed(data_.model_seed, 1)};
  }

  /// Encodes the test signals, scores the codes, and adds the row. @param work  for the progress line.
  template <class D, class Encoder>
  void add(const std::string& method, const D& dictionary, const Encoder& encoder,
           const Training& training, const Scoring& scoring, Index work,
           std::optional<double> lambda = {}) {
    // A training that was cut short has no row.
    if (Interrupt::requested()) return;
    const Matrix<S>& signals = data_.test.signals;
    const Stopwatch clock;
    const auto counted = encode_counted(encoder, dictionary, signals);
    const double encode_seconds = clock.seconds();
    const CodeMcc mcc = code_mcc(data_.test.codes, counted.codes, scoring.kind);

    Row row;
    row["regime"] = name_;
    row["method"] = method;
    row["run"] = run_;
    row["code_mcc"] = number_or_null(mcc.value);
    row["code_mcc_kind"] = std::string(to_string(mcc.kind));
    for (const char* column : {"dictionary_mcc", "dictionary_mcc_floor", "dictionary_cosine",
                               "atoms_above_0.9"})
      row[column] = nullptr;
    row["support_f1"] = support_recovery(data_.test.codes, counted.codes,
                                         {.threshold = scoring.threshold, .match = mcc.match})
                            .f1;
    row["l0"] = mean_l0(counted.codes, scoring.threshold);
    for (const char* column : {"mse", "gap", "gap_infeasible_share"}) row[column] = nullptr;
    if (scoring.against_dictionary) judge_dictionary(dictionary, counted.codes, row);
    row["lambda"] = lambda ? Row(*lambda) : Row(nullptr);
    row["train_flops_published"] = training.published ? Row(*training.published) : Row(nullptr);
    row["train_flops_audited"] = training.audited;
    row["inference_flops_published"] =
        scoring.published_inference ? Row(*scoring.published_inference) : Row(nullptr);
    row["inference_flops_audited"] = counted.flops;
    row["train_seconds"] = training.seconds;
    row["encode_seconds"] = encode_seconds;
    rows_.push_back(std::move(row));
    progress_.advance(static_cast<double>(work),
                      name_ + ", run " + std::to_string(run_) + ": " + method);
  }

  template <class D, class Codes>
  void judge_dictionary(const D& dictionary, const Codes& codes, Row& row) const {
    const Matrix<S>& signals = data_.test.signals;
    const auto& truth = data_.dictionary.atoms();
    const auto recovery = dictionary_recovery(truth, dictionary.atoms());
    row["dictionary_mcc"] = recovery.mcc;
    row["dictionary_mcc_floor"] = dictionary_mcc_floor(truth, setting_.num_atoms);
    row["dictionary_cosine"] = recovery.cosine;
    row["atoms_above_0.9"] = recovery.share_above;
    ReconstructionError error(setting_.dim);
    error.add(signals, dictionary.decode(codes));
    row["mse"] = error.mse();
    const auto gap = amortisation_gap(
        dictionary, signals, codes,
        Fista(NonnegativeL1(setting_.solver_lambda()), setting_.fista_options()));
    row["gap"] = number_or_null(gap.relative);
    row["gap_infeasible_share"] = gap.infeasible_share;
  }

  const Setting& setting_;
  Data data_;
  std::string name_;
  Index run_;
  ProgressLine& progress_;
  std::vector<Row> rows_;
};

// ---- results -------------------------------------------------------------------------------------

/// What the paper's repository has for a method: code MCC and, where it is learned, dictionary MCC.
struct Published {
  const char* regime;
  const char* method;
  double code_mcc;
  double dictionary_mcc;  // 0: none
};
constexpr Published published[] = {
    {"known_codes", "sae", 0.8624, 0},       {"known_dictionary", "sae", 0.6090, 0},
    {"known_dictionary", "adam_inference", 0.9667, 0},
    {"unknown", "sae", 0.5657, 0.7453},      {"unknown", "sae_ito", 0.5829, 0.7453},
    {"unknown", "sparse_coding", 0.6907, 0.8375},
};

[[nodiscard]] const Published* published_for(const std::string& regime, const std::string& method) {
  for (const Published& value : published)
    if (regime == value.regime && method == value.method) return &value;
  return nullptr;
}

/// Below the rounding of a mean of objectives a gap is 0.
[[nodiscard]] std::string gap_cell(const Row& gap) {
  const bool rounding = gap.is_number() && std::abs(gap.get<double>()) < 1e-14;
  return rounding ? "0" : cell(gap, "%.2e");
}

void print_table(const Results& results, const Setting& setting) {
  std::printf(
      "Synthetic recovery: %lld x %lld, K = %lld, %lld + %lld signals, %lld runs%s, seed %llu\n"
      "mean +- standard deviation over runs; paper: the value of the paper's own repository\n\n",
      static_cast<long long>(setting.dim), static_cast<long long>(setting.num_atoms),
      static_cast<long long>(setting.num_active), static_cast<long long>(setting.train_signals),
      static_cast<long long>(setting.test_signals), static_cast<long long>(setting.runs),
      setting.one_data_set ? " on one data set" : "",
      static_cast<unsigned long long>(setting.common.seed));
  std::printf("%-17s %-18s %-17s %-6s %-8s %-6s %-7s %6s %6s %9s %9s %8s %8s\n", "regime",
              "method", "code MCC", "paper", "dict MCC", "paper", "dict cos", "F1", "L0", "gap",
              "inference", "train", "encode");
  std::printf("%-17s %-18s %-17s %-6s %-8s %-6s %-7s %6s %6s %9s %9s %8s %8s\n", "", "", "", "", "",
              "", "", "", "", "relative", "flops", "s", "s");
  const Row* deviation = nullptr;
  std::string regime;
  for (std::size_t i = 0; i + 1 < results.rows().size(); ++i) {
    const Row& row = results.rows()[i];
    if (row["run"] != "mean") continue;
    deviation = &results.rows()[i + 1];
    const auto method = row["method"].get<std::string>();
    if (row["regime"] != regime && !regime.empty()) std::printf("\n");
    regime = row["regime"].get<std::string>();
    const Published* paper = published_for(regime, method);
    const bool learned = regime == "unknown";
    std::printf("%-17s %-18s %-17s %-6s %-8s %-6s %-7s %6s %6s %9s %9s %8s %8s\n", regime.c_str(),
                method.c_str(),
                (cell(row["code_mcc"], "%.4f") + " +- " + cell((*deviation)["code_mcc"], "%.4f"))
                    .c_str(),
                paper ? cell(paper->code_mcc, "%.3f").c_str() : "",
                learned ? cell(row["dictionary_mcc"], "%.4f").c_str() : "",
                paper && learned ? cell(paper->dictionary_mcc, "%.3f").c_str() : "",
                learned ? cell(row["dictionary_cosine"], "%.4f").c_str() : "",
                cell(row["support_f1"], "%.3f").c_str(), cell(row["l0"], "%.2f").c_str(),
                gap_cell(row["gap"]).c_str(),
                cell(row["inference_flops_audited"], "%.2e").c_str(),
                cell(row["train_seconds"], "%.2f").c_str(),
                cell(row["encode_seconds"], "%.4f").c_str());
  }
}

/// The grid that `fista` had to choose from, and what it chose.
void print_fista_choice(const Results& results, const Setting& setting) {
  std::string grid, chosen;
  for (const double lambda : setting.fista_lambdas) grid += " " + cell(Row(lambda), "%g");
  for (const Row& row : results.rows())
    if (row["method"] == "fista" && row["run"].is_number())
      chosen += " " + cell(row["lambda"], "%g");
  std::printf("\nfista: lambda from the grid%s, by code MCC on the training signals; runs chose%s\n",
              grid.c_str(), chosen.c_str());
}

/// Code MCC of each method as a bar with its spread, the paper's value as a mark.
[[nodiscard]] std::string figure_commands(const Results& results) {
  std::string ours, paper, ticks;
  double x = 0;
  std::string regime;
  for (std::size_t i = 0; i + 1 < results.rows().size(); ++i) {
    const Row& row = results.rows()[i];
    if (row["run"] != "mean" || !row["code_mcc"].is_number()) continue;
    const auto method = row["method"].get<std::string>();
    if (row["regime"] != regime && !regime.empty()) x += 1;
    regime = row["regime"].get<std::string>();
    const std::string at = std::to_string(x);
    ours += at + " " + row["code_mcc"].dump() + " " + results.rows()[i + 1]["code_mcc"].dump() +
            " " + (regime == "known_codes" ? "1" : regime == "known_dictionary" ? "2" : "3") + "\n";
    if (const Published* value = published_for(regime, method))
      paper += at + " " + std::to_string(value->code_mcc) + "\n";
    ticks += (ticks.empty() ? "'" : ", '") + method + "' " + at;
    x += 1;
  }
  if (paper.empty()) paper = "NaN NaN\n";
  return "$ours << END\n" + ours + "END\n$paper << END\n" + paper +
         "END\n"
         "set title 'Synthetic recovery: known codes | known dictionary | neither'\n"
         "set ylabel 'code MCC (test signals)'\nset yrange [0:1.05]\nset xrange [-1:" +
         std::to_string(x) +
         "]\nset grid ytics\nset key outside bottom center horizontal\nset boxwidth 0.8\n"
         "set style fill solid 0.7\nset linetype 1 lc rgb '#4c72b0'\nset linetype 2 lc rgb '#55a868'\n"
         "set linetype 3 lc rgb '#dd8452'\nset xtics noenhanced rotate by -40 (" +
         ticks +
         ")\n"
         "plot $ours using 1:2:4 with boxes lc variable title 'Lacuna, mean over runs', "
         "$ours using 1:2:3 with yerrorbars lc rgb '#333333' pt 7 ps 0 title 'standard deviation', "
         "$paper using 1:2 with points pt 13 ps 1.2 lc rgb '#c00000' title 'paper'\n";
}

/// The claim of the experiment, which holds at its small size too: on a known dictionary inference finds
/// the codes better than one pass of a trained autoencoder does.
[[nodiscard]] bool inference_wins(const Results& results) {
  double sae = 0, fista = 0;
  for (const Row& row : results.rows()) {
    if (row["regime"] != "known_dictionary" || row["run"] != "mean") continue;
    if (row["method"] == "sae") sae = row["code_mcc"].get<double>();
    if (row["method"] == "fista") fista = row["code_mcc"].get<double>();
  }
  return fista > sae;
}

int run(Setting setting) {
  Interrupt::install();
  if (setting.common.quick) setting.make_quick();
  require(setting.runs >= 1, "--runs", "at least 1, is " + std::to_string(setting.runs));
  require(setting.train_signals >= 1 && setting.test_signals >= 2, "--train, --test",
          "need at least 1 training and 2 test signals");

  // The dearest first, so that no thread is left with it at the end; the table has its own order.
  const std::vector<std::string> regimes = {"unknown", "known_dictionary", "known_codes"};
  const Index tasks = setting.runs * static_cast<Index>(regimes.size());
  const double work_a_run =
      static_cast<double>(2 * setting.supervised_steps + 2 * setting.known_dictionary_steps +
                          setting.known_dictionary_inference_steps / 2 + 130 +
                          3 * setting.unknown_steps + setting.unknown_inference_steps / 2 + 20 +
                          30 * setting.alternating_rounds);
  ProgressLine progress(work_a_run * static_cast<double>(setting.runs));
  std::vector<std::vector<Row>> finished(static_cast<std::size_t>(tasks));
  // What the library would refuse later is refused here, before anything is done or printed.
  require(setting.num_active >= 1, "--active",
          "at least 1, is " + std::to_string(setting.num_active));
  (void)Data(setting, Index{0});
  (void)JointTrainer({.steps = 0, .lambda = setting.lambda});
  const Stopwatch clock;
  for_each_block(tasks, 1, setting.common.threads, [&](Block task, Index) {
    if (Interrupt::requested()) return;
    const std::string& name = regimes[static_cast<std::size_t>(task.index / setting.runs)];
    finished[static_cast<std::size_t>(task.index)] =
        Regime(name, setting, task.index % setting.runs, progress).run();
  });
  progress.finish();

  Results results("synthetic_recovery", setting.common.seed, setting.to_json());
  results.settings()["complete"] = !Interrupt::requested();
  for (const char* regime : {"known_codes", "known_dictionary", "unknown"})
    for (const auto& rows : finished)
      for (const Row& row : rows)
        if (row["regime"] == regime) results.add(row);
  if (!Interrupt::requested()) add_statistics(results, {"regime", "method"});
  results.write(setting.common.out);
  if (Interrupt::requested()) {
    std::cerr << "synthetic_recovery: interrupted; the rows that were finished are in "
              << setting.common.out.string() << '\n';
    return Interrupt::exit_status();
  }
  print_table(results, setting);
  print_fista_choice(results, setting);
  const auto figure = setting.common.out / "synthetic_recovery.svg";
  const bool drawn = draw_figure(figure, "1000,560", figure_commands(results));
  std::printf("\n%.1f s. %s/results.json, results.csv%s\n", clock.seconds(),
              setting.common.out.string().c_str(),
              drawn ? ", synthetic_recovery.svg" : " (no figure: gnuplot is not installed)");
  if (setting.common.quick && setting.is_default_problem() && !inference_wins(results))
    throw std::runtime_error("fista did not beat the SAE on the known dictionary");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  CLI::App app("Recovery of sparse codes and dictionaries: encoders against the truth, in the seed "
               "paper's three regimes.");
  setting.common.add_to(app, "synthetic_recovery");
  app.add_flag("--one-data-set", setting.one_data_set,
               "the paper's literal form: all runs on the data of run 0, differing in initialisation");
  app.add_option("--runs", setting.runs, "runs, each with data of its own")->capture_default_str();
  app.add_option("--dim", setting.dim, "length of a signal, M")->capture_default_str();
  app.add_option("--atoms", setting.num_atoms, "length of a code, N")->capture_default_str();
  app.add_option("--active", setting.num_active, "active entries of a code, K")
      ->capture_default_str();
  app.add_option("--train", setting.train_signals, "training signals")->capture_default_str();
  app.add_option("--test", setting.test_signals, "test signals")->capture_default_str();
  app.add_option("--lambda", setting.lambda, "weight of mean |s| in the paper's loss")
      ->capture_default_str();
  return run_program("synthetic_recovery", app, argc, argv, setting.common,
                     [&] { return run(setting); });
}
