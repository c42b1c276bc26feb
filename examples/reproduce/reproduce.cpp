// SPDX-License-Identifier: MIT
//
// Every experiment of O'Neill, Gumran & Klindt, "Compute optimal inference and provable amortisation
// gap in sparse autoencoders", 2025: as published, slips included, and put right, side by side.
//
//   ./run reproduce EXPERIMENT [--out DIR] [--seed N] [--quick] [--threads N] [--again] ...
//   ./run reproduce all
//   ./run reproduce document      # docs/reproduction.md, from the results

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>

#include "reproduce/document.hpp"
#include "reproduce/experiment.hpp"
#include "reproduce/figures.hpp"
#include "support/interrupt.hpp"
#include "support/progress.hpp"
#include "support/statistics.hpp"

namespace lacuna::examples {

const std::vector<std::string>& experiment_names() {
  static const std::vector<std::string> names = {"theory",  "known-codes", "known-dictionary",
                                                 "unknown", "sklearn",     "bias",
                                                 "zipf",    "penalty",     "topk",
                                                 "scaling", "large",       "width"};
  return names;
}

std::string experiment_help(const std::string& name) {
  static const std::map<std::string, std::string> help = {
      {"theory", "the theorem: exact small cases, and the recovery boundary"},
      {"known-codes", "encoders trained on the true codes"},
      {"known-dictionary", "encoders trained on the true dictionary, and inference"},
      {"unknown", "codes and dictionary learned together"},
      {"sklearn", "the alternation of scikit-learn's DictionaryLearning, signed codes"},
      {"bias", "encoders and decoders with and without biases"},
      {"zipf", "the three regimes where latents follow Zipf's law"},
      {"penalty", "lambda from .001 to 5"},
      {"topk", "L1 against TopK"},
      {"scaling", "dimensions and numbers of atoms, at --active latents a signal"},
      {"large", "200 x 1000, 20 active, 500,000 signals"},
      {"width", "hidden layers from 16 to 512"}};
  return help.at(name);
}

Experiment make_experiment(const std::string& name, const Setting& setting) {
  using Make = Experiment (*)(const Setting&);
  static const std::map<std::string, Make> makers = {
      {"theory", theory},     {"known-codes", known_codes}, {"known-dictionary", known_dictionary},
      {"unknown", unknown},   {"sklearn", scikit_learn},    {"bias", bias},
      {"zipf", zipf},         {"penalty", penalty},         {"topk", top_k},
      {"scaling", scaling},   {"large", large},             {"width", width}};
  Experiment experiment = makers.at(name)(setting);
  experiment.settings["runs"] = setting.data_sets();
  experiment.settings["quick"] = setting.quick();
  experiment.settings["slips"] = setting.slips.to_json();
  experiment.settings["seed"] = setting.common.seed;
  return experiment;
}

namespace {

/// An experiment and what is known of it already: its finished tasks, kept in DIR/tasks.json until
/// all are there.
class Run {
 public:
  Run(Experiment experiment, std::filesystem::path folder, bool again)
      : experiment_(std::move(experiment)), folder_(std::move(folder)) {
    require_writable(folder_);
    if (again) return;
    const Row results = read(folder_ / "results.json");
    complete_ = results.is_object() && agrees(results);
    const Row kept = read(folder_ / "tasks.json");
    if (!complete_ && kept.is_object() && agrees(kept)) {
      done_ = kept["tasks"];
      earlier_ = kept["seconds"].get<double>();
      earlier_cpu_ = kept.value("cpu_seconds", 0.0);
    }
  }

  [[nodiscard]] const Experiment& experiment() const noexcept { return experiment_; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] bool has(const Task& task) const { return done_.contains(task.name); }

  /// From here on the seconds of the wall count, and those of all cores.
  void begin() {
    clock_ = Stopwatch();
    cpu_begin_ = std::clock();
  }

  void keep(const Task& task, const std::vector<Row>& rows) {
    const std::lock_guard lock(mutex_);
    done_[task.name] = {{"rows", rows}};
    Row document;
    document["settings"] = experiment_.settings;
    document["seconds"] = earlier_ + clock_.seconds();
    document["cpu_seconds"] = cpu_seconds();
    document["tasks"] = done_;
    write_whole(folder_ / "tasks.json", document.dump() + "\n");
  }

  /// results.json, results.csv and the figures, from all tasks.
  void finish() {
    Results results(experiment_.name, experiment_.settings["seed"], experiment_.settings);
    for (const Task& task : experiment_.tasks)
      for (const Row& row : done_[task.name]["rows"]) results.add(row);
    results.settings()["complete"] = true;
    results.settings()["seconds"] = earlier_ + clock_.seconds();
    results.settings()["cpu_seconds"] = cpu_seconds();
    if (!experiment_.group_by.empty()) add_statistics(results, experiment_.group_by);
    results.write(folder_);
    (void)draw_figures(experiment_.name, results.rows(), folder_);
    std::error_code ignored;
    std::filesystem::remove(folder_ / "tasks.json", ignored);
    complete_ = true;
  }

 private:
  [[nodiscard]] static Row read(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) return nullptr;
    return Row::parse(file, nullptr, false);
  }

  /// Whether it was made by the settings of today: those that are more are about its run.
  [[nodiscard]] bool agrees(const Row& document) const {
    if (!document.contains("settings")) return false;
    const Row& settings = document["settings"];
    return std::all_of(experiment_.settings.items().begin(), experiment_.settings.items().end(),
                       [&](const auto& item) {
                         return settings.contains(item.key()) && settings[item.key()] == item.value();
                       });
  }

  /// Of all cores, those before an interruption too. What else the machine does is not in them.
  [[nodiscard]] double cpu_seconds() const {
    return earlier_cpu_ + static_cast<double>(std::clock() - cpu_begin_) / CLOCKS_PER_SEC;
  }

  Experiment experiment_;
  std::filesystem::path folder_;
  bool complete_ = false;
  Row done_ = Row::object();
  double earlier_ = 0, earlier_cpu_ = 0;  // seconds, before an interruption
  Stopwatch clock_;
  std::clock_t cpu_begin_ = std::clock();
  std::mutex mutex_;
};

struct Options {
  Setting setting;
  bool again = false;
  std::filesystem::path document = std::filesystem::path("docs") / "reproduction.md";
  std::filesystem::path data = LACUNA_REPRODUCE_DATA;
};

/// Where the rows of an experiment go: contours of each K are apart, so that one more K does not undo
/// the others.
[[nodiscard]] std::string folder_name(const std::string& name, const Setting& setting) {
  return name == "scaling" ? name + "-" + std::to_string(setting.active.front()) : name;
}

[[nodiscard]] std::vector<std::unique_ptr<Run>> make_runs(const Options& options,
                                                          const std::vector<std::string>& names) {
  std::vector<std::unique_ptr<Run>> runs;
  const auto add = [&](const std::string& name, const Setting& setting) {
    runs.push_back(std::make_unique<Run>(make_experiment(name, setting),
                                         setting.common.out / folder_name(name, setting),
                                         options.again));
  };
  for (const std::string& name : names) {
    if (name != "scaling") {
      add(name, options.setting);
      continue;
    }
    for (const Index active : options.setting.active) {
      Setting setting = options.setting;
      setting.active = {active};
      add(name, setting);
    }
  }
  return runs;
}

/// Runs what is missing of several experiments, dearest tasks of each first.
int run_experiments(const Options& options, const std::vector<std::string>& names) {
  Interrupt::install();
  const Setting& setting = options.setting;
  require(setting.runs >= 1, "--runs", "at least 1, is " + std::to_string(setting.runs));
  const auto runs = make_runs(options, names);
  double work = 0;
  for (const auto& run : runs)
    if (!run->complete())
      for (const Task& task : run->experiment().tasks)
        if (!run->has(task)) work += task.work;
  ProgressLine progress(std::max(work, 1e-9));
  const Stopwatch clock;
  for (const auto& run : runs) {
    const Experiment& experiment = run->experiment();
    if (run->complete()) {
      std::printf("%-17s is there already: %s\n", experiment.name.c_str(),
                  (run->folder() / "results.json").string().c_str());
      continue;
    }
    std::vector<const Task*> tasks;
    for (const Task& task : experiment.tasks)
      if (!run->has(task)) tasks.push_back(&task);
    std::stable_sort(tasks.begin(), tasks.end(),
                     [](const Task* a, const Task* b) { return a->work > b->work; });
    const Stopwatch own_clock;
    run->begin();
    for_each_block(static_cast<Index>(tasks.size()), 1, setting.common.threads,
                   [&](Block block, Index) {
                     if (Interrupt::requested()) return;
                     const Task& task = *tasks[static_cast<std::size_t>(block.index)];
                     try {
                       run->keep(task, task.run());
                       progress.advance(task.work, experiment.name + ": " + task.name);
                     } catch (const Interrupted&) {
                     }
                   });
    progress.finish();
    if (Interrupt::requested()) {
      std::cerr << "reproduce: interrupted; the finished parts are kept in "
                << run->folder().string() << ", and the same command goes on from there\n";
      return Interrupt::exit_status();
    }
    run->finish();
    std::printf("%-17s %7.1f s  %s\n", experiment.name.c_str(), own_clock.seconds(),
                (run->folder() / "results.json").string().c_str());
    std::fflush(stdout);
  }
  std::printf("%.1f s\n", clock.seconds());
  return 0;
}

/// The settings that made results, without those that tell contours of several K apart or are about
/// the run.
[[nodiscard]] Row made_by(const Row& document) {
  Row settings = document.at("settings");
  for (const char* key : {"active", "complete", "seconds", "cpu_seconds", "core_seconds"})
    settings.erase(key);
  return settings;
}

/// The finished results in --out become those that are kept beside the document: rows a line each,
/// and the figures. Quick runs, which show nothing, do not. Contours of several K are one file.
void keep_results(const Options& options) {
  const std::filesystem::path kept = options.document.parent_path() / options.document.stem();
  std::map<std::string, Row> documents;
  std::set<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(options.setting.common.out))
    folders.insert(entry.path());
  for (const auto& folder : folders) {
    std::ifstream file(folder / "results.json");
    if (!file) continue;
    Row document = Row::parse(file);
    const auto name = document.at("experiment").get<std::string>();
    if (document.at("settings").value("quick", true)) {
      std::cerr << "reproduce: " << folder.string() << " is of a quick run and not kept\n";
      continue;
    }
    if (!documents.contains(name)) {
      documents[name] = document;
      continue;
    }
    Row& all = documents[name];
    if (made_by(all) != made_by(document)) {
      std::cerr << "reproduce: " << folder.string()
                << " was made by other settings than what it belongs to, and is not kept\n";
      continue;
    }
    for (const Row& row : document["rows"]) all["rows"].push_back(row);
    for (const Row& active : document["settings"]["active"]) all["settings"]["active"].push_back(active);
    for (const char* seconds : {"seconds", "cpu_seconds"})
      if (all["settings"].contains(seconds) && document["settings"].contains(seconds))
        all["settings"][seconds] = all["settings"][seconds].get<double>() +
                                   document["settings"][seconds].get<double>();
  }
  for (auto& [name, document] : documents) {
    std::filesystem::create_directories(kept / name);
    std::string text = "{\n";
    for (const auto& [key, value] : document.items())
      if (key != "rows") text += "\"" + key + "\": " + value.dump() + ",\n";
    text += "\"rows\": [\n";
    std::vector<Row> rows = document["rows"];
    for (std::size_t i = 0; i < rows.size(); ++i)
      text += rows[i].dump() + (i + 1 < rows.size() ? ",\n" : "\n");
    write_whole(kept / name / "results.json", text + "]}\n");
    (void)draw_figures(name, rows, kept);
  }
}

int write_document(const Options& options) {
  const std::filesystem::path kept = options.document.parent_path() / options.document.stem();
  std::filesystem::create_directories(kept);
  keep_results(options);
  write_whole(options.document, reproduction_document(kept, options.data, kept));
  std::printf("%s\n", options.document.string().c_str());
  return 0;
}

}  // namespace

}  // namespace lacuna::examples

int main(int argc, char** argv) {
  using namespace lacuna::examples;
  Options options;
  CLI::App app("The experiments of the paper, as published and corrected, side by side.");
  options.setting.common.add_to(app, "reproduce");
  Setting& setting = options.setting;
  app.add_option("--runs", setting.runs, "data sets of every experiment")->capture_default_str();
  app.add_option("--active", setting.active, "K of the contours (scaling)")
      ->delimiter(',')
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_flag("--again", options.again, "run what is there already once more");
  app.add_flag("--one-data-set", setting.slips.one_data_set,
               "all runs on the data of run 0, as the paper's known-*, unknown, width and bias");
  app.add_flag("--raw-dictionary-gradient,!--no-raw-dictionary-gradient",
               setting.slips.raw_dictionary_gradient,
               "the gradient of the atoms keeps its part along the atom (on)");
  app.add_flag("--ignored-initial-codes,!--no-ignored-initial-codes",
               setting.slips.ignored_initial_codes,
               "inference \"from the SAE's codes\" begins at exp(-10) all the same (on)");
  app.add_flag("--frozen-support,!--no-frozen-support", setting.slips.frozen_support,
               "top-k in the loop of codes, of which most never get a gradient (on)");
  app.add_flag("--loss-without-bias,!--no-loss-without-bias", setting.slips.loss_without_bias,
               "test loss of sparse coding with a bias, without the bias (on)");
  app.add_flag("--paper-data,!--no-paper-data", setting.paper_data,
               "data sets and starts of the paper's seeds (on); off, they are drawn from --seed, as "
               "those of sklearn, large and theory are");
  app.add_option("--document", options.document, "what `document` writes")->capture_default_str();
  app.require_subcommand(1, 1);
  app.fallthrough();
  for (const std::string& name : experiment_names()) app.add_subcommand(name, experiment_help(name));
  app.add_subcommand("all", "all but large and width");
  app.add_subcommand("everything", "all, large and width too");
  app.add_subcommand("document", "writes docs/reproduction.md from the results in --out");
  return run_program("reproduce", app, argc, argv, setting.common, [&] {
    const std::string command = app.get_subcommands().front()->get_name();
    if (command == "document") return write_document(options);
    std::vector<std::string> names = {command};
    if (command == "all" || command == "everything") {
      names = experiment_names();
      if (command == "all")
        names.erase(std::remove_if(names.begin(), names.end(),
                                   [](const std::string& name) {
                                     return name == "large" || name == "width";
                                   }),
                    names.end());
    }
    return run_experiments(options, names);
  });
}
