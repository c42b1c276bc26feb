// SPDX-License-Identifier: MIT
//
// Which dictionary learning finds the true atoms, and how soon? Methods by name on the same
// signals, whose dictionary is known and not told: atoms recovered against seconds.
//
//   ./run dictionary [--preset seed|large|updates] [--dim M] [--atoms N] [--active K] [--rows N]
//                    [--methods LIST] ...

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/operator/sparse_decode.hpp>
#include <lacuna/synthetic/compositional_model.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/dictionary_methods.hpp"
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

// ---- the methods
// ---------------------------------------------------------------------------------

struct MethodInfo {
  const char* name;
  bool by_lasso;
  bool told_k;
  const char* help;
};
constexpr MethodInfo methods[] = {
    {"dictionary_learning", true, false,
     "the library's DictionaryLearning, told the number of atoms and nothing else"},
    {"block_coordinate", true, false,
     "online learning (Mairal et al.): lasso of one lambda, minibatches, BlockCoordinateUpdate"},
    {"gradient", true, false, "lasso of one lambda, minibatches, GradientUpdate by Adam"},
    {"mod", false, true, "the method of optimal directions: OMP of K atoms, LeastSquaresUpdate"},
    {"ksvd", false, true, "approximate K-SVD: OMP of K atoms, KsvdUpdate"},
    {"itkrm", false, true,
     "ITKrM: the K atoms that correlate best and least squares on them, ResidualMeanUpdate"},
    {"exact", false, true,
     "toy sizes: all supports of K atoms, least squares, restarts until the residual vanishes"}};

/// `ksvd`, or without revival of dead and duplicate atoms `plain(ksvd)`.
struct Method {
  std::string label;
  MethodInfo info;
  bool revival = true;

  explicit Method(std::string text) : label(std::move(text)), info() {
    std::string name = label;
    if (name.starts_with("plain(") && name.ends_with(")")) {
      revival = false;
      name = name.substr(6, name.size() - 7);
    }
    const auto* found = std::find_if(std::begin(methods), std::end(methods),
                                     [&](const MethodInfo& one) { return name == one.name; });
    require(found != std::end(methods), "--methods", "no method is named " + name);
    info = *found;
    require(revival || !is("dictionary_learning"), "--methods",
            "dictionary_learning has its own revival");
  }

  [[nodiscard]] bool is(const char* name) const { return std::string(info.name) == name; }
};

[[nodiscard]] std::string method_help() {
  std::string text = "Methods:\n";
  for (const MethodInfo& info : methods)
    text += "  " + std::string(info.name) + ": " + info.help + "\n";
  return text +
         "All but the first replace dead and duplicate atoms by what is reconstructed worst, "
         "plain(NAME) does not.\nThose by a lasso are not told K.";
}

// ---- the setting
// ---------------------------------------------------------------------------------

struct Setting {
  CommonOptions common;
  std::string model = "synthetic", amplitudes = "half-normal", preset;
  Index dim = 0, num_atoms = 0, k = 0, rows = 0, test_signals = 1000, runs = 0;
  double noise = 0;
  std::vector<std::string> methods;
  double passes = 100, lambda = 0.1, test_lambda = 0.01, learning_rate = 3e-3;
  Index batch = 512, max_starts = 400, points = 25;

  Setting() { choose("updates"); }

  /// A problem by its name; options that are given take the place of its numbers.
  void choose(const std::string& name) {
    preset = name;
    if (name == "seed") {
      set("synthetic", 8, 16, 3, 1024, 5, {"exact"});
    } else if (name == "large") {
      set("synthetic", 200, 1000, 20, 100000, 3, {"dictionary_learning"});
    } else if (name == "updates") {
      set("compositional", 0, 200, 8, 5000, 3,
          {"dictionary_learning", "block_coordinate", "gradient", "mod", "ksvd", "itkrm",
           "plain(block_coordinate)", "plain(gradient)", "plain(mod)", "plain(ksvd)",
           "plain(itkrm)"});
    } else if (name == "small") {
      set("synthetic", 32, 64, 3, 2000, 1,
          {"dictionary_learning", "block_coordinate", "gradient", "mod", "ksvd", "itkrm"});
    } else {
      throw std::invalid_argument("--preset: no preset is named " + name);
    }
  }

  /// Whether it is the problem of this name, unchanged but for how often.
  [[nodiscard]] bool is(const std::string& name) const {
    Setting other;
    other.common = common;
    other.choose(name);
    other.runs = runs;
    return to_json() == other.to_json();
  }

  [[nodiscard]] bool compositional() const { return model == "compositional"; }
  [[nodiscard]] bool signed_codes() const { return amplitudes == "normal"; }

  void check() const {
    const auto at_least_1 = [](const char* option, Index value) {
      require(value >= 1, option, "at least 1, is " + std::to_string(value));
    };
    const auto positive = [](const char* option, double value) {
      require(value > 0 && std::isfinite(value), option,
              "positive and finite, is " + std::to_string(value));
    };
    at_least_1("--atoms", num_atoms);
    at_least_1("--active", k);
    at_least_1("--rows", rows);
    at_least_1("--runs", runs);
    at_least_1("--batch", batch);
    at_least_1("--starts", max_starts);
    at_least_1("--points", points);
    require(test_signals >= 2, "--test", "at least 2, is " + std::to_string(test_signals));
    require(dim >= 0, "--dim", "at least 0, is " + std::to_string(dim));
    require(noise >= 0 && std::isfinite(noise), "--noise",
            "finite and at least 0, is " + std::to_string(noise));
    positive("--passes", passes);
    positive("--lambda", lambda);
    positive("--test-lambda", test_lambda);
    positive("--learning-rate", learning_rate);
    require(!methods.empty(), "--methods", "there is none");
    for (const std::string& label : methods) {
      const Method method(label);
      require(std::count(methods.begin(), methods.end(), label) == 1, "--methods",
              label + " is there twice");
      require(!signed_codes() || !method.is("dictionary_learning"), "--methods",
              "dictionary_learning learns non-negative codes, --amplitudes normal are signed");
      require(!method.is("exact") || supports() <= 1e6, "--methods",
              "exact tries all supports, of which there are more than a million");
    }
  }

  [[nodiscard]] Row to_json() const {
    Row row;
    row["preset"] = preset;
    row["model"] = model;
    row["dim"] = dim;
    row["num_atoms"] = num_atoms;
    row["num_active"] = k;
    row["rows"] = rows;
    row["test_signals"] = test_signals;
    row["amplitudes"] = amplitudes;
    row["noise"] = noise;
    row["runs"] = runs;
    row["quick"] = common.quick;
    row["threads"] = common.threads;
    row["element_type"] = "float";
    row["passes"] = passes;
    row["batch"] = batch;
    row["lambda"] = {{"learning", lambda},
                     {"test", test_lambda},
                     {"unit", "root mean square length of the training signals"}};
    row["learning_rate"] = learning_rate;
    row["max_starts"] = max_starts;
    row["code_mcc"] = "assigned, on test signals; codes by the lasso, of exact by all supports";
    return row;
  }

 private:
  /// @param m  0: from which K of N atoms can be told.
  void set(const char* of_model, Index m, Index n, Index active, Index signals, Index repeats,
           std::vector<std::string> names) {
    model = of_model;
    amplitudes = compositional() ? "uniform" : "half-normal";
    dim = m, num_atoms = n, k = active, rows = signals, runs = repeats;
    methods = std::move(names);
  }

  [[nodiscard]] double supports() const {
    double sum = 0, of_size = 1;
    for (Index size = 1; size <= std::min(k, num_atoms); ++size) {
      of_size *= static_cast<double>(num_atoms - size + 1) / static_cast<double>(size);
      sum += of_size;
    }
    return sum;
  }
};

/// What run r learns from and is judged by.
struct Data {
  Matrix<S> atoms;
  LabelledSignals<S> train, test;
  double rms = 0;  // length of a training signal
  std::uint64_t seed;

  Data(const Setting& setting, Index run)
      : seed(derive_seed(setting.common.seed, static_cast<std::uint64_t>(run))) {
    const Index threads = setting.common.threads;
    if (setting.compositional()) {
      const CompositionalModel<S> model({.num_atoms = setting.num_atoms,
                                         .num_active = setting.k,
                                         .dim = dim_of(setting),
                                         .seed = derive_seed(seed, 0)});
      atoms = model.atoms();
      train = model.train(setting.rows, threads);
      test = model.validation(setting.test_signals, threads);
    } else {
      const SyntheticModel<S> model({.dim = dim_of(setting),
                                     .num_atoms = setting.num_atoms,
                                     .num_active = setting.k,
                                     .signed_codes = setting.signed_codes()},
                                    derive_seed(seed, 0));
      atoms = model.atoms();
      train = model.sample(setting.rows, derive_seed(seed, 1), 0, threads);
      test = model.sample(setting.test_signals, derive_seed(seed, 1), setting.rows, threads);
    }
    for (auto* part : {&train, &test}) {
      if (!setting.compositional() && setting.amplitudes == "uniform") make_uniform(*part);
      if (setting.noise > 0)
        part->signals += static_cast<S>(setting.noise) *
                         random_normal<S>(atoms.rows(), part->signals.cols(),
                                          derive_seed(seed, part == &train ? 2 : 3));
    }
    rms = std::sqrt(train.signals.squaredNorm() / static_cast<double>(train.signals.cols()));
  }

 private:
  [[nodiscard]] static Index dim_of(const Setting& setting) {
    return setting.dim > 0 ? setting.dim : compositional_dim(setting.num_atoms, setting.k);
  }

  /// The distribution function of a half-normal number is uniform on [0, 1].
  void make_uniform(LabelledSignals<S>& part) const {
    for (Index i = 0; i < part.codes.nonZeros(); ++i)
      part.codes.valuePtr()[i] = std::erf(part.codes.valuePtr()[i] / std::sqrt(S(2)));
    part.signals = sparse_decode<S>(atoms, part.codes);
  }
};

// ---- one method on one run
// -----------------------------------------------------------------------

/// Atoms recovered against seconds of learning: the clock stands while they are scored.
class Curve {
 public:
  Curve(const Setting& setting, const Data& data, const Method& method, Index run,
        ProgressLine& progress)
      : setting_(setting), data_(data), method_(method), run_(run), progress_(progress) {}

  bool operator()(const Matrix<S>& atoms, const Progress& step) {
    const double elapsed = seconds();
    const Stopwatch scoring;
    const Index every =
        method_.is("exact") ? 1 : std::max<Index>(1, step.total_steps / setting_.points);
    if (step.step % every == 0 || step.step == step.total_steps) add(atoms, step, elapsed);
    const double share = static_cast<double>(step.step) / static_cast<double>(step.total_steps);
    progress_.advance(share - share_, "run " + std::to_string(run_) + ": " + method_.label);
    share_ = share;
    scoring_ += scoring.seconds();
    return !Interrupt::requested();
  }

  [[nodiscard]] double seconds() const { return clock_.seconds() - scoring_; }
  [[nodiscard]] const std::vector<Row>& rows() const noexcept { return rows_; }

  /// When nine tenths of the atoms were first seen to be there; null: never.
  [[nodiscard]] Row seconds_to_most() const {
    for (const Row& row : rows_)
      if (row["share_above"].get<double>() >= 0.9) return row["elapsed_seconds"];
    return nullptr;
  }

 private:
  void add(const Matrix<S>& atoms, const Progress& step, double elapsed) {
    const auto recovery = dictionary_recovery(data_.atoms, atoms);
    Row row;
    row["method"] = method_.label;
    row["run"] = run_;
    row["step"] = step.step;
    row["elapsed_seconds"] = elapsed;
    row["cosine"] = recovery.cosine;
    row["share_above"] = recovery.share_above;
    row["loss"] = step.loss;
    rows_.push_back(std::move(row));
  }

  const Setting& setting_;
  const Data& data_;
  const Method& method_;
  Index run_;
  ProgressLine& progress_;
  Stopwatch clock_;
  double scoring_ = 0, share_ = 0;
  std::vector<Row> rows_;
};

/// Learns, judges, and gives the row; the curve's rows go to `curve`.
[[nodiscard]] Row learn(const Setting& setting, const Data& data, const Method& method, Index run,
                        ProgressLine& progress, Results& curve) {
  const Index threads = setting.common.threads;
  const DictionaryTask task{.num_atoms = setting.num_atoms,
                            .k = setting.k,
                            .signed_codes = setting.signed_codes(),
                            .revival = method.revival,
                            .passes = setting.passes,
                            .batch = setting.batch,
                            .lambda = setting.lambda * data.rms,
                            .learning_rate = setting.learning_rate,
                            .max_starts = setting.max_starts,
                            .seed = derive_seed(data.seed, 4),
                            .threads = threads};
  Curve seen(setting, data, method, run, progress);
  const AtomsWatch watch = std::ref(seen);
  const LearnedDictionary learned =
      method.info.by_lasso ? learn_by_lasso(method.info.name, data.train.signals, task, watch)
                           : learn_by_supports(method.info.name, data.train.signals, task, watch);
  const double train_seconds = seen.seconds();
  const auto recovery = dictionary_recovery(data.atoms, learned.atoms);
  const auto codes = method.is("exact") ? exact_codes(learned.atoms, data.test.signals, setting.k,
                                                      setting.signed_codes(), threads)
                                        : lasso_codes(learned.atoms, data.test.signals,
                                                      setting.test_lambda * data.rms,
                                                      setting.signed_codes(), threads);
  const CodeMcc mcc = code_mcc(data.test.codes, codes);
  for (const Row& row : seen.rows()) curve.add(row);

  Row row;
  row["method"] = method.label;
  row["told_k"] = method.info.told_k;
  row["run"] = run;
  row["cosine"] = recovery.cosine;
  row["share_above"] = recovery.share_above;
  row["dictionary_mcc"] = recovery.mcc;
  row["code_mcc"] = number_or_null(mcc.value);
  row["code_mcc_kind"] = std::string(to_string(mcc.kind));
  row["loss"] = learned.outcome.loss;
  row["rounds"] = learned.outcome.steps;
  row["starts"] = learned.starts;
  row["flops"] = learned.outcome.flops;
  row["train_seconds"] = train_seconds;
  row["to_90_percent_seconds"] = seen.seconds_to_most();
  return row;
}

// ---- results
// -------------------------------------------------------------------------------------

void print_table(const Results& results, const Setting& setting, const Data& data) {
  std::printf(
      "Dictionary recovery: %s, M = %lld, N = %lld, K = %lld, %s amplitudes, noise %g, %lld rows, "
      "%lld runs, seed %llu\nmean +- standard deviation over runs; above .9: share of the true "
      "atoms; to 90 %%: seconds until that share was .9;\ndict MCC of random atoms %.3f\n\n",
      setting.model.c_str(), static_cast<long long>(data.atoms.rows()),
      static_cast<long long>(setting.num_atoms), static_cast<long long>(setting.k),
      setting.amplitudes.c_str(), setting.noise, static_cast<long long>(setting.rows),
      static_cast<long long>(setting.runs), static_cast<unsigned long long>(setting.common.seed),
      dictionary_mcc_floor(data.atoms, setting.num_atoms, 1));
  std::printf("%-24s %-16s %-16s %8s %8s %9s %7s %7s %8s %8s %9s\n", "method", "cosine",
              "atoms above .9", "dict MCC", "code MCC", "loss", "rounds", "starts", "seconds",
              "to 90 %", "flops");
  for (std::size_t i = 0; i + 1 < results.rows().size(); ++i) {
    const Row& row = results.rows()[i];
    if (row["run"] != "mean") continue;
    const Row& deviation = results.rows()[i + 1];
    const auto spread = [&](const char* column) {
      return cell(row[column], "%.4f") + " +- " + cell(deviation[column], "%.4f");
    };
    std::printf("%-24s %-16s %-16s %8s %8s %9s %7s %7s %8s %8s %9s\n",
                row["method"].get<std::string>().c_str(), spread("cosine").c_str(),
                spread("share_above").c_str(), cell(row["dictionary_mcc"], "%.4f").c_str(),
                cell(row["code_mcc"], "%.4f").c_str(), cell(row["loss"], "%.1e").c_str(),
                cell(row["rounds"], "%.0f").c_str(), cell(row["starts"], "%.1f").c_str(),
                cell(row["train_seconds"], "%.2f").c_str(),
                cell(row["to_90_percent_seconds"], "%.2f").c_str(),
                cell(row["flops"], "%.2e").c_str());
  }
}

/// Share of the atoms and mean cosine against seconds, a line a run.
[[nodiscard]] std::string figure_commands(const Results& curve, const Setting& setting) {
  constexpr const char* colours[] = {"#4c72b0", "#dd8452", "#55a868", "#c44e52",
                                     "#8172b3", "#937860", "#da8bc3"};
  std::string data, plots[2];
  for (std::size_t m = 0; m < setting.methods.size(); ++m) {
    const Method method(setting.methods[m]);
    const std::string block = "$m" + std::to_string(m);
    data += block + " << END\n";
    Row run = nullptr;
    for (const Row& row : curve.rows()) {
      if (row["method"] != method.label) continue;
      if (!run.is_null() && run != row["run"]) data += '\n';  // lines are not joined
      run = row["run"];
      data += row["elapsed_seconds"].dump() + ' ' + row["share_above"].dump() + ' ' +
              row["cosine"].dump() + '\n';
    }
    data += "END\n";
    const auto* place = std::find_if(std::begin(::methods), std::end(::methods),
                                     [&](const MethodInfo& info) { return method.is(info.name); });
    const std::string style = std::string(" with linespoints pt 7 ps 0.35 lw 1.5 lc rgb '") +
                              colours[place - std::begin(::methods)] + "' dt " +
                              (method.revival ? "1" : "3");
    for (int panel = 0; panel < 2; ++panel)
      plots[panel] += (plots[panel].empty() ? "plot " : ", ") + block +
                      " using 1:" + std::to_string(panel + 2) + style +
                      (panel == 0 ? " notitle" : " title '" + method.label + "'");
  }
  return data +
         "set multiplot\nset logscale x\nset format x '10^{%T}'\nset grid\nset yrange [0:1.02]\n"
         "set tmargin at screen 0.92\nset bmargin at screen 0.13\nset lmargin at screen 0.06\n"
         "set rmargin at screen 0.385\nset label 1 'Dictionary recovery: " +
         setting.model + ", N = " + std::to_string(setting.num_atoms) +
         ", K = " + std::to_string(setting.k) + ", " + std::to_string(setting.rows) +
         " rows' at screen 0.5,0.965 center noenhanced\n"
         "set xlabel 'seconds of learning'\nset ylabel 'share of the atoms above .9'\n" +
         plots[0] +
         "\nunset label 1\nset lmargin at screen 0.45\nset rmargin at screen 0.775\n"
         "set ylabel 'mean cosine'\n"
         "set key at screen 0.995,0.92 right top vertical maxcols 1 Left reverse noenhanced "
         "spacing 1.1\n" +
         plots[1] + "\nunset multiplot\n";
}

/// What must come out of the two problems of which the program knows it. The small one: the
/// library's own method finds nearly all, every other most of the atoms. The seed's: exact
/// inference solves it.
void check_claim(const Results& results, const Setting& setting) {
  if (!setting.is("small") && !setting.is("seed")) return;
  for (const Row& row : results.rows()) {
    if (row["run"] != "mean") continue;
    const auto method = row["method"].get<std::string>();
    const auto expect = [&](const char* column, double least) {
      if (row[column].get<double>() < least)
        throw std::runtime_error(method + ": expected " + column + " to be at least " +
                                 cell(Row(least), "%g") + ", is " + cell(row[column], "%.4f"));
    };
    if (setting.is("small")) expect("share_above", method == "dictionary_learning" ? 0.98 : 0.85);
    if (method == "dictionary_learning") expect("cosine", 0.99);
    if (method == "exact") {
      expect("cosine", 0.99);
      expect("code_mcc", 0.97);
    }
  }
}

int run(const Setting& setting) {
  Interrupt::install();
  const Stopwatch clock;
  Results results("dictionary_recovery", setting.common.seed, setting.to_json());
  Results curve("dictionary_recovery_curve", setting.common.seed, setting.to_json());
  ProgressLine progress(static_cast<double>(setting.runs) *
                        static_cast<double>(setting.methods.size()));
  Data data(setting, 0);
  results.settings()["dim"] = curve.settings()["dim"] = data.atoms.rows();
  for (Index r = 0; r < setting.runs && !Interrupt::requested(); ++r) {
    if (r > 0) data = Data(setting, r);
    for (const std::string& label : setting.methods) {
      Row row = learn(setting, data, Method(label), r, progress, curve);
      if (Interrupt::requested()) break;  // the learning was cut short
      results.add(std::move(row));
    }
  }
  progress.finish();

  results.settings()["complete"] = curve.settings()["complete"] = !Interrupt::requested();
  if (!Interrupt::requested()) add_statistics(results, {"method"});
  results.write(setting.common.out);
  std::filesystem::create_directories(setting.common.out / "curve");
  curve.write(setting.common.out / "curve");
  if (Interrupt::requested()) {
    std::cerr << "dictionary_recovery: interrupted; the rows that were finished are in "
              << setting.common.out.string() << '\n';
    return Interrupt::exit_status();
  }
  print_table(results, setting, data);
  const bool drawn = draw_figure(setting.common.out / "dictionary_recovery.svg", "1280,480",
                                 figure_commands(curve, setting));
  std::printf("\n%.1f s. %s/results.json, results.csv, curve/results.csv%s\n", clock.seconds(),
              setting.common.out.string().c_str(),
              drawn ? ", dictionary_recovery.svg" : " (no figure: gnuplot is not installed)");
  check_claim(results, setting);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  CLI::App app(
      "Dictionary learning against the truth: atoms recovered against seconds, by methods by "
      "name.");
  setting.common.add_to(app, "dictionary_recovery");
  // First, so that what else is given is read after it and takes the place of its numbers.
  app.get_option("--quick")->each([&](const std::string&) { setting.choose("small"); });
  app.add_option_function<std::string>(
         "--preset", [&](const std::string& name) { setting.choose(name); },
         "a problem by its name: seed (8 x 16, K = 3, solved exactly), large (200 x 1000, K = 20, "
         "100,000 rows), updates (all methods on a moderately hard one, the default), small (all "
         "on "
         "an easy one; that of --quick)")
      ->check(CLI::IsMember({"seed", "large", "updates", "small"}));
  app.add_option("--model", setting.model,
                 "synthetic: K atoms chosen uniformly; compositional: the training "
                 "signals of that benchmark")
      ->check(CLI::IsMember({"synthetic", "compositional"}))
      ->capture_default_str();
  app.add_option("--dim", setting.dim, "length of a signal, M; 0: max(K + 1, 2 K ln(N / K))")
      ->capture_default_str();
  app.add_option("--atoms", setting.num_atoms, "length of a code, N")->capture_default_str();
  app.add_option("--active", setting.k, "active entries of a code, K")->capture_default_str();
  app.add_option("--rows", setting.rows, "training signals")->capture_default_str();
  app.add_option("--test", setting.test_signals, "test signals")->capture_default_str();
  app.add_option("--amplitudes", setting.amplitudes,
                 "uniform (the only ones of compositional), half-normal, or normal of either sign")
      ->check(CLI::IsMember({"uniform", "half-normal", "normal"}))
      ->capture_default_str();
  app.add_option("--noise", setting.noise, "standard deviation of what is added to the signals")
      ->capture_default_str();
  app.add_option("--methods", setting.methods, "methods by name, separated by commas")
      ->delimiter(',');
  app.add_option("--runs", setting.runs, "runs, each with a dictionary and signals of its own")
      ->capture_default_str();
  app.add_option("--passes", setting.passes,
                 "over the signals, of all but dictionary_learning and exact")
      ->capture_default_str();
  app.add_option("--batch", setting.batch, "signals a round, of block_coordinate and gradient")
      ->capture_default_str();
  app.add_option("--lambda", setting.lambda,
                 "of block_coordinate and gradient, over the rms length of the signals")
      ->capture_default_str();
  app.add_option("--test-lambda", setting.test_lambda, "the same, of the codes of test signals")
      ->capture_default_str();
  app.add_option("--learning-rate", setting.learning_rate, "of gradient")->capture_default_str();
  app.add_option("--starts", setting.max_starts, "of exact, at most")->capture_default_str();
  app.add_option("--points", setting.points, "of each learning curve")->capture_default_str();
  app.footer(method_help());
  return run_program("dictionary_recovery", app, argc, argv, setting.common, [&] {
    // The rule of the compositional model, and no other model's.
    if (setting.compositional() && app.count("--amplitudes") == 0) setting.amplitudes = "uniform";
    require(!setting.compositional() || setting.amplitudes == "uniform", "--amplitudes",
            "those of the compositional model are uniform");
    setting.check();
    return run(setting);
  });
}
