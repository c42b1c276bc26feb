// SPDX-License-Identifier: MIT
//
// Which methods find the latents where they meet as they never met in training? The benchmark of
// "Stop Probing, Start Coding: Why Linear Probes and Sparse Autoencoders Fail at Compositional
// Generalisation" (UAI 2026, arXiv 2603.28744), with the dictionaries learned on the training rows.
//
//   ./run ood [--latents N] [--k N] [--rows N] [--methods LIST] [--seeds N] ...

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/metric/code_correlation.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/metric/feature_auc.hpp>
#include <lacuna/metric/logistic_regression.hpp>
#include <lacuna/metric/mean_l0.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/synthetic/compositional_model.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "support/compositional_methods.hpp"
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

const std::vector<std::string> all_methods = {
    "oracle_fista", "dictionary_learning", "dl_fista",         "warm_dl",     "sae_topk",
    "frozen_topk",  "refined_topk",        "sae_relu",         "frozen_relu", "refined_relu",
    "sae_jumprelu", "frozen_jumprelu",     "refined_jumprelu", "sae_mp",      "frozen_mp",
    "refined_mp",   "linear_probe"};

struct Setting {
  CommonOptions common;
  Index latents = 1000, k = 10, rows = 2500, seeds = 3;
  std::vector<std::string> methods = all_methods;

  Index dl_rounds = 1000;
  bool dl_on_validation = false;
  Index epochs = 0;  // 0: 500, or what `most_sae_steps` allow

  // The published settings.
  double lambda = 0.1;
  Index fista_steps = 100;
  Index sae_batch = 64;
  double sae_rate = 5e-4, sae_l1 = 1e-4, sae_l0 = 1e-4;
  static constexpr Index published_epochs = 500, most_sae_steps = 20000;
  // Of the oracle.
  std::vector<double> lambdas = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2};
  double oracle_tolerance = 1e-4;

  void make_quick() {
    latents = std::min<Index>(latents, 50);
    k = std::min<Index>(k, 5);
    rows = std::min<Index>(rows, 500);
    seeds = std::min<Index>(seeds, 2);
    dl_rounds = std::min<Index>(dl_rounds, 50);
    epochs = 20;
    lambdas = {0.02, 0.1};
  }

  /// Of validation and of test.
  [[nodiscard]] Index scored_rows() const { return std::min<Index>(rows, 2500); }
  [[nodiscard]] Index batch() const { return std::min(sae_batch, rows); }
  [[nodiscard]] Index sae_steps() const {
    const Index steps_an_epoch = std::max<Index>(1, rows / batch());
    if (epochs > 0) return epochs * steps_an_epoch;
    return std::min(most_sae_steps, published_epochs * steps_an_epoch);
  }
  [[nodiscard]] CompositionalOptions model(std::uint64_t seed) const {
    return {.num_atoms = latents, .num_active = k, .seed = seed};
  }

  [[nodiscard]] Row to_json() const {
    Row row;
    row["latents"] = latents;
    row["k"] = k;
    row["dim"] = compositional_dim(latents, k);
    row["train_rows"] = rows;
    row["validation_rows"] = row["test_rows"] = scored_rows();
    row["seeds"] = seeds;
    row["methods"] = methods;
    row["quick"] = common.quick;
    row["threads"] = resolve_threads(common.threads);
    row["element_type"] = "float";
    row["mcc_id"] = std::string(to_string(MccKind::active_padded)) + ", on the validation rows";
    row["mcc_ood"] = std::string(to_string(MccKind::active_top_variance)) + ", on the test rows";
    row["code_mcc_floor"] =
        "the same of a random dictionary, codes by active_set at the published lambda";
    row["label_accuracy"] =
        "logistic regression without regularisation, fitted to the codes and labels of the "
        "validation rows; id on these, ood on the test rows";
    row["auc"] = "of the code with the largest area on the validation rows, either direction";
    row["support"] =
        "codes > 1e-4, atoms matched by cosine, mean of the signals' own F1; l0 likewise";
    row["share_above"] = "of true atoms with a matched |cosine| above .9";
    row["encode_seconds"] = "of validation and test rows together";
    row["lambda"] = lambda;
    row["fista_steps"] = fista_steps;
    row["oracle_fista"] = {
        {"lambdas", lambdas},
        {"choice", "largest code MCC of the validation rows: knows codes and dictionary"},
        {"relative_gap", oracle_tolerance}};
    row["dl_fista"] = {
        {"rounds_at_most", dl_rounds},
        {"rows", dl_on_validation ? "validation, as published" : "train"},
        {"codes", "active_set at the published lambda: the limit of its warm-started FISTA"},
        {"update", "least squares, all rows; until atoms move by less than 1e-5"}};
    row["warm_dl"] = "dl_fista on the train rows, from the dictionary of sae_topk";
    row["dictionary_learning"] =
        "defaults of DictionaryLearning, given the number of atoms; codes by active_set at its "
        "last lambda, a multiple of the signals' rms length; no truth, no k";
    row["sae"] = {
        {"optimizer", "AdamW"},
        {"learning_rate", sae_rate},
        {"batch", batch()},
        {"steps", sae_steps()},
        {"epochs", static_cast<double>(sae_steps() * batch()) / static_cast<double>(rows)},
        {"relu_l1", sae_l1},
        {"jumprelu_l0", sae_l0},
        {"loss",
         "mean over entries, plus relu_l1 times the sum of a signal's codes, or "
         "jumprelu_l0 times their number"}};
    row["sae_mp"] =
        "matching pursuit, k choices by |correlation|; AdamW on the dictionary at fixed codes";
    row["frozen"] = "fista_steps of FISTA from 0 on the autoencoder's dictionary";
    row["refined"] = "the same from the autoencoder's codes";
    row["linear_probe"] = "ridge regression onto the true codes of the train rows";
    return row;
  }
};

// ---- data
// ----------------------------------------------------------------------------------------

/// The rows of one seed.
struct Data {
  Index run;
  std::uint64_t seed;  // of the methods
  CompositionalModel<S> truth;
  UnitNorm dictionary;
  CompositionalSignals<S> train, validation, test;
  double floor_id = 0, floor_ood = 0;
};

[[nodiscard]] Data make_data(const Setting& setting, Index run) {
  const std::uint64_t seed = derive_seed(setting.common.seed, static_cast<std::uint64_t>(run));
  const CompositionalModel<S> truth(setting.model(derive_seed(seed, 0)));
  const Index n = setting.scored_rows(), threads = setting.common.threads;
  Data data{run,
            derive_seed(seed, 1),
            truth,
            UnitNorm(truth.atoms()),
            truth.train(setting.rows, threads),
            truth.validation(n, threads),
            truth.test(n, threads)};
  const auto floor = [&](const CompositionalSignals<S>& on, MccKind kind) {
    return chance_mcc(data.dictionary, on.signals, on.codes, kind, {setting.lambda, threads},
                      derive_seed(seed, 2));
  };
  data.floor_id = floor(data.validation, MccKind::active_padded);
  data.floor_ood = floor(data.test, MccKind::active_top_variance);
  return data;
}

// ---- scores
// --------------------------------------------------------------------------------------

/// What holds for a split by itself.
void score_split(Row& row, const std::string& split, const CompositionalSignals<S>& truth,
                 const SparseCodes<S>& codes, MccKind kind, double floor,
                 const std::optional<DictionaryRecovery>& recovery) {
  CodeCorrelation correlation(truth.codes.rows(), codes.rows());
  correlation.add(truth.codes, codes);
  row["code_mcc_" + split] = code_mcc(correlation, kind).value;
  row["code_mcc_active_" + split] = code_mcc(correlation, MccKind::active).value;
  row["code_mcc_floor_" + split] = floor;
  row["support_f1_" + split] =
      recovery
          ? Row(support_recovery(truth.codes, codes,
                                 {.threshold = 1e-4, .match = recovery->match, .per_signal = true})
                    .f1)
          : Row(nullptr);
  row["l0_" + split] = mean_l0(codes, 1e-4);
}

[[nodiscard]] Row score(const Data& data, const std::string& name, const FittedMethod& method,
                        const std::string& trained_on) {
  const Stopwatch clock;
  const SparseCodes<S> id = method.encode(data.validation.signals);
  const SparseCodes<S> ood = method.encode(data.test.signals);
  const double seconds = clock.seconds();

  Row row;
  row["method"] = name;
  row["run"] = data.run;
  std::optional<DictionaryRecovery> recovery;
  if (method.dictionary)
    recovery = dictionary_recovery(data.truth.atoms(), method.dictionary->atoms());
  score_split(row, "id", data.validation, id, MccKind::active_padded, data.floor_id, recovery);
  score_split(row, "ood", data.test, ood, MccKind::active_top_variance, data.floor_ood, recovery);

  const LogisticRegression probe(id, data.validation.labels);
  row["label_accuracy_id"] = number_or_null(probe.accuracy(id, data.validation.labels));
  row["label_accuracy_ood"] = number_or_null(probe.accuracy(ood, data.test.labels));
  const BestFeature feature = best_feature_auc(id, data.validation.labels, ood, data.test.labels);
  row["auc_id"] = feature.auc;
  row["auc_ood"] = feature.auc_elsewhere;

  row["dictionary_cosine"] = recovery ? Row(recovery->cosine) : Row(nullptr);
  row["share_above"] = recovery ? Row(recovery->share_above) : Row(nullptr);
  const auto add_pool = [&](const std::string& pool, LatentRange atoms, double firings) {
    AtomRecovery found;
    if (recovery) found = recovery_of_atoms(*recovery, atoms.begin, atoms.count);
    row[pool + "_cosine"] = recovery ? Row(found.cosine) : Row(nullptr);
    row[pool + "_share_above"] = recovery ? Row(found.share_above) : Row(nullptr);
    row[pool + "_firings"] = firings;
  };
  const Index rows = data.train.signals.cols();
  add_pool("id_pool", data.truth.id_pool(), data.truth.id_pool_firings(rows));
  add_pool("ood_pool", data.truth.ood_pool(), data.truth.ood_pool_firings(rows));
  row["counting_ratio"] = data.truth.counting_ratio(rows);

  row["trained_on"] = trained_on;
  row["lambda"] = method.lambda ? Row(*method.lambda) : Row(nullptr);
  row["train_steps"] = method.steps > 0 ? Row(method.steps) : Row(nullptr);
  row["train_seconds"] = method.seconds;
  row["encode_seconds"] = seconds;
  return row;
}

// ---- methods
// -------------------------------------------------------------------------------------

const std::vector<std::string> autoencoders = {"topk", "relu", "jumprelu", "mp"};

/// Whether all the work of a method is in its training, and that of the autoencoder it stands on.
[[nodiscard]] bool is_trained(const std::string& name) {
  return name.starts_with("sae_") || name.ends_with("dl") || name == "dl_fista" ||
         name == "dictionary_learning";
}

/// The autoencoder that a method stands on, "" for none.
[[nodiscard]] std::string autoencoder_of(const std::string& name) {
  if (name == "warm_dl") return "topk";
  for (const char* prefix : {"sae_", "frozen_", "refined_"})
    if (name.starts_with(prefix)) return name.substr(std::string(prefix).size());
  return "";
}

/// About proportional to time: the training of an autoencoder ("topk"), or all else of a method.
[[nodiscard]] double work_of(const Setting& setting, const std::string& name) {
  const auto n = static_cast<double>(setting.latents), k = static_cast<double>(setting.k);
  const auto dim = static_cast<double>(compositional_dim(setting.latents, setting.k));
  const auto scored = 2 * static_cast<double>(setting.scored_rows());
  const double sae = static_cast<double>(setting.sae_steps() * setting.batch()) * dim * n * 10;
  if (name == "mp") return sae * (1 + k / 4);
  if (std::find(autoencoders.begin(), autoencoders.end(), name) != autoencoders.end()) return sae;
  const double fista = 2 * n * n * static_cast<double>(setting.fista_steps) * scored;
  if (name.starts_with("frozen") || name.starts_with("refined")) return fista;
  if (name == "oracle_fista") return 2 * fista;
  const double signal = n * (2 * dim + 60 * k);  // its code, exactly
  if (name == "dl_fista" || name == "warm_dl")
    return static_cast<double>(setting.dl_rounds) *
           (static_cast<double>(setting.dl_on_validation ? setting.scored_rows() : setting.rows) *
                2 * signal +
            n * n * n);
  if (name == "dictionary_learning") return 800 * (n / 2 * signal + 2 * dim * n * n);
  return n * n * n;
}

/// The methods on the rows of one seed. An autoencoder is trained once for all that ask for it.
class Runner {
 public:
  Runner(const Setting& setting, const Data& data, ProgressLine& progress, Results& results)
      : setting_(setting), data_(data), progress_(progress), results_(results) {}

  /// One row, or none if the program is to end before.
  void run(const std::string& name) {
    if (const std::string kind = autoencoder_of(name); !kind.empty()) {
      add(name, from_autoencoder(name, autoencoder(kind)));
    } else if (name == "oracle_fista") {
      add(name, oracle(), "none");
    } else if (name == "linear_probe") {
      add(name, fit_linear_probe(data_.train.signals, data_.train.codes), "train, with codes");
    } else if (name == "dictionary_learning") {
      add(name, phase(name, [&](const Watch& watch) {
            return fit_dictionary_learning(data_.train.signals, setting_.latents, seed(0),
                                           threads(), watch);
          }));
    } else {
      const bool published = setting_.dl_on_validation;
      const UnitNorm start(gaussian_dictionary<S>(data_.truth.dim(), setting_.latents, seed(1)));
      add(name,
          phase(name,
                [&](const Watch& watch) {
                  return fit_by_least_squares(
                      start, published ? data_.validation.signals : data_.train.signals,
                      setting_.dl_rounds, exact(), watch);
                }),
          published ? "validation" : "train");
    }
  }

 private:
  [[nodiscard]] Index threads() const { return setting_.common.threads; }
  [[nodiscard]] std::uint64_t seed(std::uint64_t purpose) const {
    return derive_seed(data_.seed, purpose);
  }
  [[nodiscard]] ExactSettings exact() const { return {setting_.lambda, threads()}; }
  [[nodiscard]] FistaSettings published_fista() const {
    return {
        .lambda = setting_.lambda, .max_iterations = setting_.fista_steps, .threads = threads()};
  }

  /// A training, which says how far it is and ends where the program is to end.
  template <class Fit>
  [[nodiscard]] FittedMethod phase(const std::string& what, const Fit& fit) {
    const double work = work_of(setting_, what);
    double told = 0;
    FittedMethod fitted = fit([&](const Progress& at) {
      const double share = static_cast<double>(at.step) / static_cast<double>(at.total_steps);
      if (share - told >= 0.01) {
        progress_.advance(work * (share - told), what);
        told = share;
      }
      return !Interrupt::requested();
    });
    progress_.advance(work * (1 - told), what);
    return fitted;
  }

  [[nodiscard]] const FittedMethod& autoencoder(const std::string& kind) {
    const auto found = autoencoders_.find(kind);
    if (found != autoencoders_.end()) return found->second;
    const SaeSettings settings{.num_atoms = setting_.latents,
                               .k = setting_.k,
                               .steps = setting_.sae_steps(),
                               .batch = setting_.batch(),
                               .learning_rate = setting_.sae_rate,
                               .l1 = setting_.sae_l1,
                               .l0 = setting_.sae_l0,
                               .refinement = published_fista(),
                               .seed = seed(2),
                               .threads = threads()};
    return autoencoders_
        .emplace(kind, phase(kind,
                             [&](const Watch& watch) {
                               return fit_sae(kind, data_.train.signals, settings, watch);
                             }))
        .first->second;
  }

  [[nodiscard]] FittedMethod from_autoencoder(const std::string& name, const FittedMethod& sae) {
    if (name.starts_with("sae_")) return sae;
    FittedMethod method = sae;
    if (name == "warm_dl") {
      method = phase(name, [&](const Watch& watch) {
        return fit_by_least_squares(*sae.dictionary, data_.train.signals, setting_.dl_rounds,
                                    exact(), watch);
      });
      method.seconds += sae.seconds;
      return method;
    }
    method.encode = name.starts_with("refined_")
                        ? sae.refine
                        : infer_on(*sae.dictionary, published_fista()).encode;
    method.lambda = setting_.lambda;
    return method;
  }

  [[nodiscard]] FittedMethod oracle() const {
    const Stopwatch clock;
    double best = -1, chosen = 0;
    for (const double lambda : setting_.lambdas) {
      const double mcc =
          code_mcc(data_.validation.codes,
                   infer_exactly(data_.dictionary, data_.validation.signals, {lambda, threads()}),
                   MccKind::active_padded)
              .value;
      if (mcc > best) {
        best = mcc;
        chosen = lambda;
      }
    }
    const double seconds = clock.seconds();
    FittedMethod fitted = infer_on(data_.dictionary, {.lambda = chosen,
                                                      .tolerance = setting_.oracle_tolerance,
                                                      .max_iterations = 10000,
                                                      .threads = threads()});
    fitted.seconds = seconds;
    return fitted;
  }

  void add(const std::string& name, const FittedMethod& method,
           const std::string& trained_on = "train") {
    // A training that was cut short has no row.
    if (Interrupt::requested()) return;
    results_.add(score(data_, name, method, trained_on));
    if (!is_trained(name)) progress_.advance(work_of(setting_, name), name);
  }

  const Setting& setting_;
  const Data& data_;
  ProgressLine& progress_;
  Results& results_;
  std::map<std::string, FittedMethod> autoencoders_;
};

/// Of all methods and seeds.
[[nodiscard]] double total_work(const Setting& setting) {
  double work = 0;
  std::set<std::string> kinds;
  for (const std::string& name : setting.methods) {
    if (const std::string kind = autoencoder_of(name); !kind.empty()) kinds.insert(kind);
    if (!name.starts_with("sae_")) work += work_of(setting, name);
  }
  for (const std::string& kind : kinds) work += work_of(setting, kind);
  return work * static_cast<double>(setting.seeds);
}

// ---- results
// -------------------------------------------------------------------------------------

/// The rows of a method over all seeds.
struct Summary {
  const Row& mean;
  const Row& deviation;
};

[[nodiscard]] std::vector<Summary> summaries(const Results& results) {
  std::vector<Summary> list;
  for (std::size_t i = 0; i + 1 < results.rows().size(); ++i)
    if (results.rows()[i]["run"] == "mean")
      list.push_back({results.rows()[i], results.rows()[i + 1]});
  return list;
}

void print_table(const Results& results, const Setting& setting) {
  const auto list = summaries(results);
  if (list.empty()) return;
  const Row& first = list[0].mean;
  std::printf(
      "Compositional OOD, seed %llu: %lld latents, %lld dimensions, k = %lld; %lld training rows, "
      "%lld of validation and of test; %lld seed%s, mean +- standard deviation\n",
      static_cast<unsigned long long>(setting.common.seed), static_cast<long long>(setting.latents),
      static_cast<long long>(compositional_dim(setting.latents, setting.k)),
      static_cast<long long>(setting.k), static_cast<long long>(setting.rows),
      static_cast<long long>(setting.scored_rows()), static_cast<long long>(setting.seeds),
      setting.seeds == 1 ? "" : "s");
  std::printf(
      "An atom is active in %s rows (ID pool) or %s (OOD pool); equations over unknowns %s; code "
      "MCC of chance %s ID, %s OOD\n\n",
      cell(first["id_pool_firings"], "%.0f").c_str(),
      cell(first["ood_pool_firings"], "%.0f").c_str(),
      cell(first["counting_ratio"], "%.2f").c_str(),
      cell(first["code_mcc_floor_id"], "%.3f").c_str(),
      cell(first["code_mcc_floor_ood"], "%.3f").c_str());
  std::printf("%-19s %-14s %-14s %-13s %-13s %-13s %-14s %-11s %-11s %9s %8s\n", "method", "MCC ID",
              "MCC OOD", "accuracy", "AUC", "support F1", "cosine", "above .9", "ID, OOD pool",
              "train s", "encode s");
  for (const Summary& of : list) {
    const auto spread = [&](const char* column) {
      return cell(of.mean[column], "%.3f") + " +- " + cell(of.deviation[column], "%.3f");
    };
    const auto both = [&](const std::string& a, const std::string& b) {
      return cell(of.mean[a], "%.3f") + ", " + cell(of.mean[b], "%.3f");
    };
    const bool has_dictionary = of.mean["dictionary_cosine"].is_number();
    std::printf("%-19s %-14s %-14s %-13s %-13s %-13s %-14s %-11s %-11s %9s %8s\n",
                of.mean["method"].get<std::string>().c_str(), spread("code_mcc_id").c_str(),
                spread("code_mcc_ood").c_str(),
                both("label_accuracy_id", "label_accuracy_ood").c_str(),
                both("auc_id", "auc_ood").c_str(),
                has_dictionary ? both("support_f1_id", "support_f1_ood").c_str() : "-",
                has_dictionary ? spread("dictionary_cosine").c_str() : "-",
                cell(of.mean["share_above"], "%.4f").c_str(),
                has_dictionary ? both("id_pool_share_above", "ood_pool_share_above").c_str() : "-",
                cell(of.mean["train_seconds"], "%.1f").c_str(),
                cell(of.mean["encode_seconds"], "%.2f").c_str());
  }
}

/// Code MCC in and out of distribution, and the share of atoms found, a group of bars a method.
[[nodiscard]] std::string figure_commands(const Results& results) {
  std::string data = "$scores << END\n";
  const auto list = summaries(results);
  for (const Summary& of : list) {
    data += "\"" + of.mean["method"].get<std::string>() + "\"";
    for (const char* column :
         {"code_mcc_id", "code_mcc_ood", "id_pool_share_above", "ood_pool_share_above"})
      data += " " + cell(of.mean[column], "%.4f") + " " + cell(of.deviation[column], "%.4f");
    data += "\n";
  }
  const auto floor = [&](const char* column) { return cell(list[0].mean[column], "%.4f"); };
  return data +
         "END\nset datafile missing '-'\nset style data histogram\n"
         "set style histogram errorbars gap 1 lw 1\nset style fill solid\nset boxwidth 0.9\n"
         "set linetype 1 lc rgb '#4c72b0'\nset linetype 2 lc rgb '#dd8452'\n"
         "set linetype 3 lc rgb '#4c72b0' dt 2\nset linetype 4 lc rgb '#dd8452' dt 2\n"
         "set xrange [-1:" +
         std::to_string(list.size()) +
         "]\nset yrange [0:1.05]\nset grid ytics\nset xtics rotate by -45 noenhanced font ',9'\n"
         "set key outside top center horizontal\nset multiplot layout 2,1\n"
         "set ylabel 'code MCC'\nplot $scores using 2:3:xtic(1) title 'in distribution' lt 1, "
         "$scores using 4:5 title 'out of distribution' lt 2, " +
         floor("code_mcc_floor_id") + " with lines lt 3 title 'chance ID', " +
         floor("code_mcc_floor_ood") +
         " with lines lt 4 title 'chance OOD'\n"
         "set ylabel 'atoms above .9'\n"
         "plot $scores using 6:7:xtic(1) title 'ID pool' lt 1, "
         "$scores using 8:9 title 'OOD pool' lt 2\nunset multiplot\n";
}

/// The claims of the experiment, which hold at its small size too.
void check_claims(const Results& results) {
  std::map<std::string, const Row*> rows;
  for (const Summary& of : summaries(results))
    rows[of.mean["method"].get<std::string>()] = &of.mean;
  const auto require_claim = [&](const std::string& a, const std::string& b, double margin,
                                 const char* column) {
    if (!rows.contains(a) || !rows.contains(b)) return;
    const double left = (*rows[a])[column].get<double>(), right = (*rows[b])[column].get<double>();
    if (!(left > right + margin))
      throw std::runtime_error("not so: " + std::string(column) + " of " + a + " (" +
                               text_of(left) + ") is above that of " + b + " (" + text_of(right) +
                               ")" + (margin > 0 ? " by " + text_of(margin) : ""));
  };
  require_claim("dictionary_learning", "dl_fista", 0, "code_mcc_ood");
  require_claim("dictionary_learning", "dl_fista", 0, "share_above");
  for (const char* sae : {"sae_topk", "sae_relu", "sae_jumprelu", "sae_mp"})
    require_claim("dictionary_learning", sae, 0.2, "code_mcc_ood");
  require_claim("oracle_fista", "linear_probe", 0.2, "code_mcc_ood");
}

void check(const Setting& setting) {
  (void)CompositionalModel<S>(setting.model(0));  // refuses latents and k
  require(setting.rows >= 2, "--rows", "at least 2");
  require(setting.seeds >= 1, "--seeds", "at least 1");
  require(setting.dl_rounds >= 1, "--dl-rounds", "at least 1");
  require(setting.epochs >= 0, "--epochs", "at least 0");
  require(!setting.methods.empty(), "--methods", "at least one");
  std::set<std::string> seen;
  for (const std::string& name : setting.methods) {
    if (std::find(all_methods.begin(), all_methods.end(), name) == all_methods.end()) {
      std::string known;
      for (const std::string& method : all_methods) known += (known.empty() ? "" : ", ") + method;
      require(false, "--methods", "there is no " + name + "; there are " + known);
    }
    require(seen.insert(name).second, "--methods", name + " is there twice");
  }
}

int run(Setting setting) {
  Interrupt::install();
  check(setting);
  if (setting.common.quick) setting.make_quick();

  const Stopwatch clock;
  Results results("compositional_ood", setting.common.seed, setting.to_json());
  ProgressLine progress(total_work(setting));
  for (Index r = 0; r < setting.seeds && !Interrupt::requested(); ++r) {
    const Data data = make_data(setting, r);
    Runner runner(setting, data, progress, results);
    for (const std::string& name : setting.methods)
      if (!Interrupt::requested()) runner.run(name);
  }
  progress.finish();

  results.settings()["complete"] = !Interrupt::requested();
  if (!Interrupt::requested()) add_statistics(results, {"method"});
  results.write(setting.common.out);
  if (Interrupt::requested()) {
    std::cerr << "compositional_ood: interrupted; the rows that were finished are in "
              << setting.common.out.string() << '\n';
    return Interrupt::exit_status();
  }
  print_table(results, setting);
  const bool drawn = draw_figure(setting.common.out / "compositional_ood.svg", "1100,800",
                                 figure_commands(results));
  std::printf("\n%.1f s. %s/results.json, results.csv%s\n", clock.seconds(),
              setting.common.out.string().c_str(),
              drawn ? ", compositional_ood.svg" : " (no figure: gnuplot is not installed)");
  if (setting.common.quick) check_claims(results);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  CLI::App app(
      "The benchmark of compositional generalisation: sparse autoencoders, linear probes and "
      "dictionary learning where latents meet as they never met in training.");
  setting.common.add_to(app, "compositional_ood");
  app.add_option("--latents", setting.latents, "d_z: latents, and atoms of every method")
      ->capture_default_str();
  app.add_option("--k", setting.k, "active latents of a row")->capture_default_str();
  app.add_option("--rows", setting.rows,
                 "training rows; as many of validation and of test, 2500 at most")
      ->capture_default_str();
  app.add_option("--seeds", setting.seeds, "data sets")->capture_default_str();
  app.add_option("--methods", setting.methods, "which, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--dl-rounds", setting.dl_rounds,
                 "of dl_fista and warm_dl at most; 1000, as published")
      ->capture_default_str();
  app.add_flag("--dl-fista-on-validation", setting.dl_on_validation,
               "dl_fista learns on the validation rows, as published");
  app.add_option("--epochs", setting.epochs,
                 "of the autoencoders; 0: 500, as published, or as many as 20,000 steps are")
      ->capture_default_str();
  return run_program("compositional_ood", app, argc, argv, setting.common,
                     [&] { return run(setting); });
}
