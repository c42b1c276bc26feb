// SPDX-License-Identifier: MIT
//
// Trains a sparse autoencoder, of any encoder and loss that the library has, on synthetic signals
// or on a .npy file of any size, and says how good it is on signals that it has not seen. A
// training that was interrupted or killed goes on with --resume, to the same bits.
//
//   ./run train [--encoder NAME] [--signals FILE.npy] [--resume] ...

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/io/mapped_npy_source.hpp>
#include <lacuna/io/safetensors.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/dead_atoms.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/metric/mean_l0.hpp>
#include <lacuna/metric/reconstruction.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/synthetic/synthetic_source.hpp>
#include <lacuna/trainer/csv_log.hpp>
#include <lacuna/trainer/every.hpp>
#include <lacuna/trainer/observers.hpp>
#include <lacuna/trainer/progress_bar.hpp>

#include "support/any_training.hpp"
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

// ---- the setting
// ---------------------------------------------------------------------------------

struct Setting {
  CommonOptions common;
  TrainingSettings training;
  Index dim = 8, active = 3;
  std::filesystem::path signals_file;
  Index train = 16384, test = 4096, batch = 1024, runs = 1;
  double noise = 0;
  std::string loss = "squared";
  std::optional<double> lambda;  // default: what suits the encoder
  std::string lambda_schedule = "constant", rate_schedule = "constant";
  double lambda_end = 0;
  Index lambda_warmup = 0, warmup = 0;
  Index checkpoint_every = 1000;
  bool resume = false;
  Index kill_at = 0;

  void make_quick() {
    training.steps = std::min<Index>(training.steps, 2000);
    training.window = std::min<Index>(training.window, 100);
    runs = std::min<Index>(runs, 1);
  }

  [[nodiscard]] bool chooses_k() const {
    return training.encoder == "top_k" || training.encoder == "batch_top_k";
  }

  /// The price of each encoder's own term at signals of a few active atoms; those that choose k
  /// have none, and that of jump_relu counts entries.
  [[nodiscard]] double resolved_lambda() const {
    if (lambda) return *lambda;
    if (chooses_k()) return 0;
    return training.encoder == "jump_relu" ? 0.002 : 0.01;
  }

  /// Of these the result is a function, to the bit; and a checkpoint belongs to them.
  [[nodiscard]] Row to_json() const {
    const TrainingSettings& t = training;
    Row row;
    row["signals"] = signals_file.empty() ? Row("synthetic") : Row(signals_file.string());
    row["dim"] = dim;
    row["num_atoms"] = t.num_atoms;
    row["active"] = signals_file.empty() ? Row(active) : Row(nullptr);
    row["noise"] = signals_file.empty() ? Row(noise) : Row(nullptr);
    row["train"] = train;
    row["test"] = test;
    row["batch"] = batch;
    row["runs"] = runs;
    row["encoder"] = t.encoder;
    row["k"] = chooses_k() ? Row(t.k) : Row(nullptr);
    row["hidden"] = t.encoder == "mlp" ? Row(t.hidden) : Row(nullptr);
    row["layers"] = t.encoder == "lista" ? Row(t.layers) : Row(nullptr);
    row["pre_bias"] = t.pre_bias;
    row["tied"] = t.tied;
    row["silence"] = t.silence;
    row["loss"] = loss;
    row["prefixes"] = t.loss.prefixes.empty() ? Row(nullptr) : Row(t.loss.prefixes);
    row["lambda"] = resolved_lambda();
    row["lambda_schedule"] = lambda_schedule;
    row["lambda_end"] = lambda_schedule == "constant" ? Row(nullptr) : Row(lambda_end);
    row["lambda_warmup"] = lambda_warmup;
    row["steps"] = t.steps;
    row["optimizer"] = t.optimizer;
    row["learning_rate"] = t.learning_rate;
    row["learning_rate_schedule"] = rate_schedule;
    row["learning_rate_warmup"] = warmup;
    row["clip"] = t.clip;
    row["revival"] = t.revival;
    row["window"] = t.window;
    row["quick"] = common.quick;
    row["element_type"] = "float";
    return row;
  }

  /// The problem for which the program knows what must come out at least.
  [[nodiscard]] bool is_default_problem() const {
    Setting defaults;
    defaults.training.encoder = training.encoder;
    defaults.common.quick = common.quick;
    if (common.quick) defaults.make_quick();
    return to_json() == defaults.to_json();
  }
};

[[nodiscard]] Schedule make_schedule(const std::string& shape, double from, double to) {
  if (shape == "linear") return Schedule::linear(from, to);
  if (shape == "cosine") return Schedule::cosine(from, to);
  if (shape == "geometric") return Schedule::geometric(from, to);
  return from;
}

void check(const Setting& s) {
  const auto at_least = [](const char* option, Index value, Index least) {
    require(value >= least, option,
            "at least " + std::to_string(least) + ", is " + std::to_string(value));
  };
  at_least("--runs", s.runs, 1);
  at_least("--test", s.test, 2);
  at_least("--train", s.train, 0);
  at_least("--batch", s.batch, 1);
  at_least("--k", s.training.k, 1);
  at_least("--dim", s.dim, 1);
  at_least("--atoms", s.training.num_atoms, 1);
  at_least("--steps", s.training.steps, 1);
  at_least("--checkpoint-every", s.checkpoint_every, 1);
  require(s.train == 0 || s.batch <= s.train, "--batch",
          std::to_string(s.batch) + " is more than there are signals, " + std::to_string(s.train));
  // The first step would refuse them too, but with a log begun.
  Index before = 0;
  for (const Index prefix : s.training.loss.prefixes) {
    require(prefix > before, "--prefixes", "they must rise from at least 1");
    before = prefix;
  }
  require(before == 0 || before == s.training.num_atoms, "--prefixes",
          "the last must be all " + std::to_string(s.training.num_atoms) + " atoms, is " +
              std::to_string(before));
  require(s.training.silence >= 0 && s.training.silence <= 1, "--silence",
          "a share in [0, 1], is " + std::to_string(s.training.silence));
}

/// What the options say in the library's words.
[[nodiscard]] TrainingSettings training_settings(const Setting& s, std::uint64_t seed) {
  TrainingSettings t = s.training;
  const double lambda = s.resolved_lambda();
  t.first_lambda = lambda;
  t.lambda =
      Schedule::warmup(s.lambda_warmup, make_schedule(s.lambda_schedule, lambda, s.lambda_end));
  // Not to 0 quite: a geometric one could not.
  t.rate_factor = Schedule::warmup(s.warmup, make_schedule(s.rate_schedule, 1, 0.01));
  t.loss.squared_error = s.loss == "squared" ? 1 : 0;
  t.loss.normalised_error = s.loss == "normalised" ? 1 : 0;
  t.seed = derive_seed(seed, 3);
  t.threads = s.common.threads;
  return t;
}

// ---- signals
// -------------------------------------------------------------------------------------

/// What is known of synthetic signals.
struct Truth {
  Matrix<S> atoms;
  SparseCodes<S> codes;  // of the held-out signals
};

struct Data {
  AnySource source;
  Matrix<S> held_out;
  std::optional<Truth> truth;
};

[[nodiscard]] std::uint64_t seed_of(const Setting& setting, Index run) {
  return derive_seed(setting.common.seed, static_cast<std::uint64_t>(run));
}

[[nodiscard]] Data synthetic_data(const Setting& s, std::uint64_t seed) {
  const SyntheticModel<S> model(
      {.dim = s.dim, .num_atoms = s.training.num_atoms, .num_active = s.active, .noise = s.noise},
      derive_seed(seed, 0));
  const Index threads = s.common.threads;
  auto held_out = model.sample(s.test, derive_seed(seed, 2), 0, threads);
  const std::uint64_t train_seed = derive_seed(seed, 1);
  const auto source = [&] {
    if (s.train == 0)
      return AnySource(SyntheticSource<S>(
          model, {.batch_size = s.batch, .seed = train_seed, .threads = threads}));
    return AnySource(InMemorySource<S>(model.sample(s.train, train_seed, 0, threads).signals,
                                       {.batch_size = s.batch, .seed = train_seed}));
  };
  return {source(), std::move(held_out.signals), Truth{model.atoms(), std::move(held_out.codes)}};
}

/// The file's last signals are held out; one of fewer than three times as many keeps a third.
[[nodiscard]] Index held_out_of(Index all, Index wanted) { return std::min(wanted, all / 3); }

[[nodiscard]] Data data_of_file(const Setting& s, std::uint64_t seed) {
  MappedNpySource<S> last(s.signals_file, {.batch_size = s.test, .first = s.train});
  const Matrix<S> held_out = last.batch(0);
  return {
      AnySource(MappedNpySource<S>(
          s.signals_file, {.batch_size = s.batch, .seed = derive_seed(seed, 1), .count = s.train})),
      held_out,
      {}};
}

/// Sizes from the file.
void look_at_file(Setting& s) {
  const MappedNpySource<S> file = [&] {
    try {
      return MappedNpySource<S>(s.signals_file, {.batch_size = 1});
    } catch (const std::runtime_error& error) {
      throw std::invalid_argument(std::string("--signals: ") + error.what());
    }
  }();
  s.dim = file.dim();
  s.test = held_out_of(file.num_signals(), s.test);
  s.train = file.num_signals() - s.test;
  require(s.test >= 2, "--signals",
          "at least 6 signals are needed, there are " + std::to_string(file.num_signals()));
  s.batch = std::min(s.batch, s.train);
}

// ---- scores
// --------------------------------------------------------------------------------------

struct Fit {
  double mse, explained_variance, l0, dead_share;
};

[[nodiscard]] Fit fit_of(const AnyTraining& sae, const EitherCodes& codes,
                         const Matrix<S>& signals) {
  ReconstructionError error(signals.rows());
  error.add(signals, sae.decode(codes));
  return std::visit(
      [&](const auto& c) {
        DeadAtoms dead(c.rows());
        dead.add(c);
        return Fit{error.mse(), error.explained_variance(), mean_l0(c), dead.share()};
      },
      codes);
}

[[nodiscard]] bool same_bits(const EitherCodes& a, const EitherCodes& b) {
  const auto dense = [](const EitherCodes& codes) {
    return std::visit([](const auto& c) { return Matrix<S>(c); }, codes);
  };
  const Matrix<S> x = dense(a), y = dense(b);
  return x.rows() == y.rows() && x.cols() == y.cols() && (x.array() == y.array()).all();
}

void add_truth(const Truth* truth, const AnyTraining& sae, const EitherCodes& codes, Row& row) {
  for (const char* column : {"code_mcc", "dictionary_mcc", "dictionary_cosine", "recovered_share",
                             "support_precision", "support_recall", "support_f1"})
    row[column] = nullptr;
  if (!truth) return;
  const auto dictionary = dictionary_recovery(truth->atoms, sae.atoms());
  row["dictionary_mcc"] = number_or_null(dictionary.mcc);
  row["dictionary_cosine"] = number_or_null(dictionary.cosine);
  row["recovered_share"] = dictionary.share_above;
  std::visit(
      [&](const auto& c) {
        const CodeMcc mcc = code_mcc(truth->codes, c);
        row["code_mcc"] = number_or_null(mcc.value);
        // A learned latent stands for the true one that it correlates with.
        const auto support = support_recovery(truth->codes, c, {.match = mcc.match});
        row["support_precision"] = support.precision;
        row["support_recall"] = support.recall;
        row["support_f1"] = support.f1;
      },
      codes);
}

// ---- the log of a training
// -----------------------------------------------------------------------

struct LogLine {
  double step, loss, l0, dead_share, seconds;
};

[[nodiscard]] std::vector<LogLine> read_log(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string text;
  std::getline(in, text);  // the names
  std::vector<LogLine> lines;
  while (std::getline(in, text)) {
    LogLine line{};
    const char *at = text.data(), *end = at + text.size();
    for (double* value : {&line.step, &line.loss, &line.l0, &line.dead_share, &line.seconds}) {
      at = std::from_chars(at, end, *value).ptr;
      if (at != end) ++at;
    }
    lines.push_back(line);
  }
  return lines;
}

/// The loss against steps, a line a run; and the share of dead latents where it is known.
[[nodiscard]] std::string figure_commands(const std::vector<std::vector<LogLine>>& logs,
                                          const std::string& title) {
  constexpr std::array colours = {"#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3"};
  std::string data, plots;
  bool shows_dead = false;
  const auto add = [&](const std::string& part) {
    plots += (plots.empty() ? "plot " : ", ") + part;
  };
  for (std::size_t r = 0; r < logs.size(); ++r) {
    if (logs[r].empty()) continue;
    const std::string block = "$r" + std::to_string(r);
    data += block + " << END\n";
    bool knows_dead = false;
    for (const LogLine& line : logs[r]) {
      char text[96];
      std::snprintf(text, sizeof text, "%.0f %.9g %.9g\n", line.step, line.loss, line.dead_share);
      data += text;
      knows_dead = knows_dead || std::isfinite(line.dead_share);
    }
    data += "END\n";
    const std::string colour = colours[r % colours.size()];
    const std::string run = logs.size() > 1 ? ", run " + std::to_string(r) : "";
    add(block + " using 1:2 with lines lw 1.5 lc rgb '" + colour + "' title 'loss" + run + "'");
    if (knows_dead)
      add(block + " using 1:3 axes x1y2 with lines lw 1.5 dt 2 lc rgb '" + colour +
          "' title 'dead share" + run + "'");
    shows_dead = shows_dead || knows_dead;
  }
  if (plots.empty()) return "";
  return data + "set title '" + title +
         "' noenhanced\nset grid\nset logscale y\nset xlabel 'step'\nset ylabel 'training loss'\n" +
         (shows_dead ? "set y2tics\nset y2range [0:1]\nset y2label 'share of dead latents'\n"
                       "set ytics nomirror\n"
                     : "") +
         plots + "\n";
}

// ---- a run
// ---------------------------------------------------------------------------------------

/// Who is told of the settings finds them in the model's file, the seed of this run among them.
[[nodiscard]] AnyTraining::Metadata metadata_of(const Setting& setting, Index run) {
  Row settings = setting.to_json();
  settings["seed"] = setting.common.seed;
  settings["run"] = run;
  return {{"train_sae", settings.dump()}};
}

/// Takes the checkpoint if it is there and of these settings.
void resume(AnyTraining& sae, const std::filesystem::path& checkpoint,
            const AnyTraining::Metadata& metadata) {
  if (!std::filesystem::exists(checkpoint)) {
    std::cerr << "train_sae: there is no " << checkpoint.string() << ": from the first step\n";
    return;
  }
  const auto there = SafetensorsFile(checkpoint).metadata();
  const auto found = there.find("train_sae");
  const Row wanted = Row::parse(metadata.at("train_sae"));
  const Row given = found == there.end() ? Row::object() : Row::parse(found->second);
  for (const auto& [name, value] : wanted.items()) {
    const Row before = given.contains(name) ? given[name] : Row("unknown");
    require(before == value, "--resume",
            "the checkpoint is of other settings: " + name + " was " + before.dump() + ", is " +
                value.dump());
  }
  sae.load_checkpoint(checkpoint);
  std::cerr << "train_sae: " << checkpoint.string() << ": goes on after step " << sae.steps_done()
            << '\n';
}

/// The folder of a run: that of the results, or one a run in it.
[[nodiscard]] std::filesystem::path folder_of(const Setting& setting, Index run) {
  const auto& out = setting.common.out;
  return setting.runs == 1 ? out : out / ("run-" + std::to_string(run));
}

/// Trains, saves and scores. Empty where it was interrupted, with a checkpoint.
[[nodiscard]] std::optional<Row> train_and_score(const Setting& setting, Index run) {
  const std::uint64_t seed = seed_of(setting, run);
  Data data =
      setting.signals_file.empty() ? synthetic_data(setting, seed) : data_of_file(setting, seed);
  const Matrix<S> first_batch = data.source.batch(0);
  const auto sae = make_training(training_settings(setting, seed), first_batch);
  const Fit start = fit_of(*sae, sae->encode(data.held_out), data.held_out);
  if (setting.training.silence > 0)
    std::fprintf(stderr, "train_sae: %.1f %% of the latents are dead before the first step\n",
                 100 * start.dead_share);

  const auto folder = folder_of(setting, run);
  std::filesystem::create_directories(folder);
  const auto checkpoint = folder / "checkpoint.safetensors";
  const auto metadata = metadata_of(setting, run);
  if (setting.resume) resume(*sae, checkpoint, metadata);

  const Index log_every = std::max<Index>(1, setting.training.steps / 500);
  CsvLog log(folder / "loss.csv");
  ProgressBar bar;
  auto save = every(setting.checkpoint_every,
                    [&](const Progress&) { sae->save_checkpoint(checkpoint, metadata); });
  auto log_some = every(log_every, log);
  const Outcome outcome = sae->train(data.source, [&](const Progress& progress) {
    bar(progress);
    log_some(progress);
    save(progress);
    if (progress.step == setting.kill_at) std::raise(SIGKILL);
    return !Interrupt::requested();
  });
  if (outcome.status == Status::stopped && sae->steps_done() < setting.training.steps) {
    sae->save_checkpoint(checkpoint, metadata);
    return {};
  }

  const auto model = folder / "model.safetensors";
  sae->save_model(model, metadata);
  const EitherCodes codes = sae->encode(data.held_out);
  if (!same_bits(codes, sae->encode_by_file(model, data.held_out)))
    throw std::runtime_error(model.string() + ": the model read back gives other codes");
  const Fit end = fit_of(*sae, codes, data.held_out);
  const auto lines = read_log(folder / "loss.csv");

  Row row;
  row["encoder"] = setting.training.encoder;
  row["run"] = run;
  row["loss"] = number_or_null(sae->loss());
  row["mse_before"] = number_or_null(start.mse);
  row["mse"] = number_or_null(end.mse);
  row["explained_variance"] = number_or_null(end.explained_variance);
  row["l0"] = number_or_null(end.l0);
  row["dead_share_before"] = start.dead_share;
  row["dead_share"] = end.dead_share;
  add_truth(data.truth ? &*data.truth : nullptr, *sae, codes, row);
  row["steps"] = sae->steps_done();
  row["flops"] = outcome.flops;
  row["train_seconds"] = lines.empty() ? Row(nullptr) : Row(lines.back().seconds);
  return row;
}

// ---- results
// -------------------------------------------------------------------------------------

void print_table(const Results& results, const Setting& setting) {
  std::printf("%s, %s, %lld x %lld, %lld steps of %lld signals, lambda %g, seed %llu\n",
              setting.training.encoder.c_str(),
              setting.signals_file.empty() ? "synthetic" : setting.signals_file.c_str(),
              static_cast<long long>(setting.dim),
              static_cast<long long>(setting.training.num_atoms),
              static_cast<long long>(setting.training.steps), static_cast<long long>(setting.batch),
              setting.resolved_lambda(), static_cast<unsigned long long>(setting.common.seed));
  std::printf("on %lld signals held out, of each run%s:\n\n", static_cast<long long>(setting.test),
              setting.runs > 1 ? ", and the mean with its deviation" : "");
  std::printf("%-5s %9s %9s %9s %8s %6s %6s %9s %9s %6s %8s\n", "run", "MSE", "before", "expl var",
              "L0", "dead", "before", "code MCC", "dict MCC", "> .9", "supp F1");
  for (const Row& row : results.rows()) {
    const std::string run = row["run"].is_string() ? row["run"].get<std::string>()
                                                   : std::to_string(row["run"].get<Index>());
    std::printf(
        "%-5s %9s %9s %9s %8s %6s %6s %9s %9s %6s %8s\n", run.c_str(),
        cell(row["mse"], "%.2e").c_str(), cell(row["mse_before"], "%.2e").c_str(),
        cell(row["explained_variance"], "%.4f").c_str(), cell(row["l0"], "%.2f").c_str(),
        cell(row["dead_share"], "%.3f").c_str(), cell(row["dead_share_before"], "%.3f").c_str(),
        cell(row["code_mcc"], "%.4f").c_str(), cell(row["dictionary_mcc"], "%.4f").c_str(),
        cell(row["recovered_share"], "%.2f").c_str(), cell(row["support_f1"], "%.3f").c_str());
  }
}

/// What must come out at 8 x 16, K = 3: training lowers the error, and leaves little of it.
void check_claim(const Results& results, const std::string& encoder) {
  const double bar = encoder == "top_k" || encoder == "batch_top_k" ? 0.8 : 0.95;
  for (const Row& row : results.rows()) {
    if (!row["run"].is_number()) continue;
    const double explained = row["explained_variance"].get<double>();
    const double before = row["mse_before"].get<double>(), mse = row["mse"].get<double>();
    if (!(explained >= bar && mse < before))
      throw std::runtime_error("explained variance " + cell(Row(explained), "%.4f") + ", MSE " +
                               cell(Row(before), "%.2e") + " before and " + cell(Row(mse), "%.2e") +
                               " after: expected at least " + cell(Row(bar), "%.2f") +
                               ", and less");
  }
}

int run(Setting setting) {
  Interrupt::install();
  if (setting.common.quick) setting.make_quick();
  if (!setting.signals_file.empty()) look_at_file(setting);
  check(setting);
  const Stopwatch clock;
  Results results("train_sae", setting.common.seed, setting.to_json());
  results.settings()["threads"] = resolve_threads(setting.common.threads);
  std::vector<std::vector<LogLine>> logs;
  for (Index r = 0; r < setting.runs && !Interrupt::requested(); ++r) {
    auto row = train_and_score(setting, r);
    if (!row) break;
    results.add(std::move(*row));
    logs.push_back(read_log(folder_of(setting, r) / "loss.csv"));
  }
  const bool complete = static_cast<Index>(results.rows().size()) == setting.runs;
  results.settings()["complete"] = complete;
  if (complete && setting.runs > 1) add_statistics(results, {"encoder"});
  results.write(setting.common.out);
  if (!complete) {
    std::cerr << "train_sae: interrupted, with a checkpoint: --resume goes on\n";
    return Interrupt::exit_status();
  }
  print_table(results, setting);
  const auto commands =
      figure_commands(logs, setting.training.encoder + ", " + std::to_string(setting.dim) + " x " +
                                std::to_string(setting.training.num_atoms));
  const bool drawn =
      !commands.empty() && draw_figure(setting.common.out / "train_sae.svg", "800,500", commands);
  std::printf("\n%.1f s. %s/results.json, results.csv, loss.csv, model.safetensors%s\n",
              clock.seconds(), setting.common.out.string().c_str(),
              drawn ? ", train_sae.svg" : " (no figure: gnuplot is not installed)");
  if (setting.is_default_problem()) check_claim(results, setting.training.encoder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting s;
  TrainingSettings& t = s.training;
  CLI::App app("Trains a sparse autoencoder and scores it on signals that it has not seen.");
  s.common.add_to(app, "train_sae");
  const auto one_of = [](std::vector<std::string> names) { return CLI::IsMember(names); };
  app.add_option("--encoder", t.encoder, "which")
      ->check(one_of(encoder_kinds()))
      ->capture_default_str();
  app.add_option("--k", t.k, "active entries, of top_k and batch_top_k")->capture_default_str();
  app.add_option("--hidden", t.hidden, "widths of the hidden layers of mlp, by commas")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--layers", t.layers, "steps of lista")->capture_default_str();
  app.add_option("--atoms", t.num_atoms, "length of a code, N")->capture_default_str();
  auto* dim = app.add_option("--dim", s.dim, "length of a synthetic signal, M");
  dim->capture_default_str();
  auto* active = app.add_option("--active", s.active, "active entries of a synthetic code");
  active->capture_default_str();
  auto* noise =
      app.add_option("--noise", s.noise, "standard deviation of what synthetic signals have added");
  noise->check(CLI::NonNegativeNumber)->capture_default_str();
  auto* train = app.add_option("--train", s.train, "synthetic signals; 0: new ones in every batch");
  train->capture_default_str();
  app.add_option("--signals", s.signals_file,
                 "signals instead of synthetic ones: .npy of any size, a row a signal")
      ->excludes(dim)
      ->excludes(active)
      ->excludes(noise)
      ->excludes(train);
  app.add_option("--test", s.test, "signals held out; of a file its last, at most a third")
      ->capture_default_str();
  app.add_option("--loss", s.loss, "of the reconstruction")
      ->check(one_of({"squared", "normalised"}))
      ->capture_default_str();
  app.add_option("--prefixes", t.loss.prefixes,
                 "Matryoshka: numbers of atoms that reconstruct alone, the last N, by commas")
      ->delimiter(',');
  app.add_option("--lambda", s.lambda,
                 "price of mean |s|, or of the encoder's own term (default: 0 for top_k and "
                 "batch_top_k, .002 for jump_relu, .01 for others)");
  app.add_option("--lambda-schedule", s.lambda_schedule, "how lambda goes to --lambda-end")
      ->check(one_of({"constant", "linear", "cosine", "geometric"}))
      ->capture_default_str();
  app.add_option("--lambda-end", s.lambda_end, "lambda at the last step")->capture_default_str();
  app.add_option("--lambda-warmup", s.lambda_warmup, "steps in which lambda rises to its value, in equal parts")
      ->capture_default_str();
  app.add_option("--steps", t.steps, "steps of the optimiser")->capture_default_str();
  app.add_option("--batch", s.batch, "signals a step")->capture_default_str();
  app.add_option("--optimizer", t.optimizer, "sgd has momentum .9")
      ->check(one_of({"adam", "adam_w", "sgd"}))
      ->capture_default_str();
  app.add_option("--learning-rate", t.learning_rate, "of the optimiser")->capture_default_str();
  app.add_option("--learning-rate-schedule", s.rate_schedule, "how it goes to a hundredth")
      ->check(one_of({"constant", "linear", "cosine", "geometric"}))
      ->capture_default_str();
  app.add_option("--warmup", s.warmup, "steps in which the learning rate rises to its value, in equal parts")
      ->capture_default_str();
  app.add_option("--clip", t.clip, "the gradient's greatest length; 0: any")->capture_default_str();
  app.add_option("--revival", t.revival, "what is done about dead latents")
      ->check(one_of({"none", "resample", "auxiliary_k"}))
      ->capture_default_str();
  app.add_option("--window", t.window, "steps after which a latent that was not active is dead")
      ->capture_default_str();
  app.add_option("--silence", t.silence,
                 "share of the latents that begin dead: by a bias of -100; of top_k and "
                 "batch_top_k by weights of a thousandth")
      ->capture_default_str();
  app.add_option("--pre-bias", t.pre_bias, "what is learned begins there, of the first batch")
      ->check(one_of({"none", "mean", "median"}))
      ->capture_default_str();
  app.add_flag("--tied", t.tied, "the weights begin at D^T (those of lista always do)");
  app.add_option("--runs", s.runs, "trainings, each in a folder and of a seed of its own")
      ->capture_default_str();
  app.add_option("--checkpoint-every", s.checkpoint_every, "steps between two checkpoints")
      ->capture_default_str();
  app.add_flag("--resume", s.resume, "goes on from the checkpoint in --out, to the same bits");
  app.add_option("--kill-at", s.kill_at, "the program kills itself (SIGKILL) after this step")
      ->group("For tests");
  return run_program("train_sae", app, argc, argv, s.common, [&] { return run(s); });
}
