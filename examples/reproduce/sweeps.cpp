// SPDX-License-Identifier: MIT
//
// The paper's sweeps: size (its contours), width, penalty, L1 against TopK, biases.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/metric/published_flops.hpp>

#include "reproduce/corrected.hpp"
#include "reproduce/lab.hpp"
#include "support/encoder_list.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

constexpr Index dim = 8, num_atoms = 16, num_active = 3;
constexpr SyntheticOptions standard{.dim = dim, .num_atoms = num_atoms, .num_active = num_active};
constexpr double exp_threshold = 1e-4;
constexpr std::uint32_t sweep_seed = 20240926, contour_seed = 20240927;  // of the paper's scripts

/// The data of the sweeps at 8 x 16.
[[nodiscard]] Problem standard_problem(const Setting& setting, Index run) {
  return make_problem(setting, standard, run, setting.paper(sweep_seed));
}

[[nodiscard]] std::string text(double value) { return text_of(value); }

/// Rows of one training: `add` is told of its last stage.
template <class Add>
[[nodiscard]] std::vector<Row> rows_of_autoencoder(const Architecture& architecture, const Plan& plan,
                                                   const Problem& problem, const Add& add) {
  std::vector<Row> rows;
  train_autoencoder(architecture, plan, random_start(problem, architecture), problem.train.signals,
                    [&](const Stage& stage) { rows.push_back(add(stage)); });
  return rows;
}

[[nodiscard]] Row sizes(const Setting& setting) {
  return {{"train_signals", setting.signals(1024)}, {"test_signals", setting.signals(1024)}};
}

// ---- contours ------------------------------------------------------------------------------------

struct Cell {
  SyntheticOptions options;

  [[nodiscard]] Row keys() const {
    const auto n = static_cast<double>(options.num_atoms), k = static_cast<double>(options.num_active);
    return {{"active", options.num_active},
            {"dim", options.dim},
            {"atoms", options.num_atoms},
            {"above_boundary", static_cast<double>(options.dim) >= 2 * k * std::log(n / k)}};
  }
};

[[nodiscard]] std::vector<Row> contour_rows(const Setting& setting, const Cell& cell,
                                            const std::string& method, Index run) {
  const Problem problem = make_problem(setting, cell.options, run, setting.paper(contour_seed));
  const Plan plan{.steps = setting.steps(50000),
                  .rate = 3e-3,
                  .raw_gradient = setting.slips.raw_dictionary_gradient,
                  .seed = derive_seed(problem.seed, 1),
                  .inference_steps = setting.steps(10000),
                  .inference_rate = 1e-3};
  const Index m = cell.options.dim, n = cell.options.num_atoms;
  const published_flops::Training count{.samples = setting.signals(1024), .steps = plan.steps};
  const Index tests = setting.signals(1024);
  std::vector<Row> rows;
  const auto add = [&](const Stage& stage, std::int64_t training, std::int64_t inference) {
    Row row = joined(head("published", cell.keys(), method, run),
                     stage_row(stage, problem,
                               {.threshold = method == "sparse_coding" ? exp_threshold : 0}));
    row["published_flops"] = training + tests * inference;
    row["published_inference_flops"] = inference;
    rows.push_back(std::move(row));
  };
  if (method == "sparse_coding") {
    train_sparse_coding(plan, random_start(problem), problem.train.signals, [&](const Stage& stage) {
      add(stage, published_flops::sparse_coding_training(m, n, count),
          published_flops::code_optimisation(m, n, plan.inference_steps));
    });
  } else {
    const Architecture architecture{.hidden = method == "sae" ? 0 : 32, .bias = true};
    train_autoencoder(architecture, plan, random_start(problem, architecture), problem.train.signals,
                      [&](const Stage& stage) {
                        if (architecture.hidden == 0)
                          add(stage, published_flops::sae_training(m, n, count),
                              published_flops::sae_inference(m, n));
                        else
                          add(stage, published_flops::mlp_training(m, n, 32, count),
                              published_flops::mlp_inference(m, n, 32));
                      });
  }
  return rows;
}

[[nodiscard]] std::vector<Row> corrected_contour_rows(const Setting& setting, const Cell& cell,
                                                      Index run) {
  const Problem problem = make_problem(setting, cell.options, run, setting.paper(contour_seed));
  const Learned learned = learn_dictionary(setting, problem.train.signals, cell.options.num_atoms,
                                           derive_seed(problem.seed, 4));
  std::vector<Row> rows;
  for (const char* name : {"active_set", "debiased(truncated(active_set))", "best_of"}) {
    Row row = joined(head("corrected", cell.keys(), name, run),
                     encoder_row(name, problem, learned.dictionary, cell.options.num_active, {}));
    add_training(row, problem, static_cast<double>(learned.flops), learned.seconds);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Experiment scaling(const Setting& setting) {
  Experiment experiment{"scaling",
                        joined(sizes(setting), {{"steps", setting.steps(50000)},
                                                {"learning_rate", 3e-3},
                                                {"lambda", 0.01}}),
                        {"protocol", "active", "dim", "atoms", "method"},
                        {}};
  experiment.settings["active"] = setting.active;
  experiment.settings["paper_seed"] = setting.paper_row(contour_seed);
  for (const Index active : setting.active)
    for (const Index m : {8, 16, 32})
      for (const Index n : {16, 32, 64, 128}) {
        const Cell cell{{.dim = m, .num_atoms = n, .num_active = active}};
        const std::string where = std::to_string(m) + " x " + std::to_string(n) + ", K " +
                                  std::to_string(active) + ", run ";
        const auto size = static_cast<double>(m * n);
        const auto both = static_cast<double>(m + n);
        for (Index run = 0; run < setting.data_sets(); ++run) {
          const std::string at = where + std::to_string(run);
          for (const auto& [method, work] :
               {std::pair<const char*, double>{"sae", 1.5 + 0.013 * size},
                {"mlp_32", 2 + 0.15 * both + 0.006 * size},
                {"sparse_coding", 1.5 + 0.008 * size + 0.15 * static_cast<double>(n)}})
            experiment.tasks.push_back({std::string(method) + " " + at, work,
                                        [setting, cell, method = method, run] {
                                          return contour_rows(setting, cell, method, run);
                                        }});
          experiment.tasks.push_back({"corrected " + at, 4 + 0.002 * size, [setting, cell, run] {
                                        return corrected_contour_rows(setting, cell, run);
                                      }});
        }
      }
  return experiment;
}

Experiment width(const Setting& setting) {
  Experiment experiment{"width",
                        joined(sizes(setting), {{"steps", setting.steps(100000)},
                                                {"learning_rate", 3e-4},
                                                {"lambda", 0.01}}),
                        {"protocol", "dim", "atoms", "active", "hidden", "method"},
                        {}};
  experiment.settings["paper_seed"] = setting.paper_row(sweep_seed);
  for (const auto& options : {standard, SyntheticOptions{.dim = 16, .num_atoms = 32, .num_active = 6},
                              SyntheticOptions{.dim = 16, .num_atoms = 64, .num_active = 6}})
    for (const Index hidden : {16, 32, 64, 128, 256, 512})
      for (Index run = 0; run < setting.data_sets(); ++run) {
        const Row keys{{"dim", options.dim},
                       {"atoms", options.num_atoms},
                       {"active", options.num_active},
                       {"hidden", hidden}};
        const double work =
            5 + 0.012 * static_cast<double>(hidden * (options.dim + options.num_atoms));
        experiment.tasks.push_back(
            {std::to_string(options.dim) + " x " + std::to_string(options.num_atoms) + ", width " +
                 std::to_string(hidden) + ", run " + std::to_string(run),
             work, [setting, options, hidden, keys, run] {
               const Problem problem = make_problem(setting, options, run, setting.paper(sweep_seed));
               return rows_of_autoencoder(
                   {.hidden = hidden},
                   {.steps = setting.steps(100000),
                    .rate = 3e-4,
                    .raw_gradient = setting.slips.raw_dictionary_gradient,
                    .seed = derive_seed(problem.seed, 1)},
                   problem, [&](const Stage& stage) {
                     return joined(head("published", keys, "mlp", run),
                                   stage_row(stage, problem, {}));
                   });
             }});
      }
  return experiment;
}

// ---- penalty -------------------------------------------------------------------------------------

namespace {

void add_thresholds(Row& row, const Matrix<S>& codes) {
  const auto share = [&](double threshold) {
    return static_cast<double>((codes.array().abs() > static_cast<S>(threshold)).count()) /
           static_cast<double>(codes.size());
  };
  row["l0_above_1e3"] = share(1e-3);
  row["l0_above_1e4"] = share(1e-4);
  row["l0_above_1e5"] = share(1e-5);
  row["l0_above_0"] = share(0);
}

[[nodiscard]] Plan sweep_plan(const Setting& setting, const Problem& problem, double lambda) {
  return {.steps = setting.steps(100000),
          .rate = 3e-3,
          .lambda = lambda,
          .raw_gradient = setting.slips.raw_dictionary_gradient,
          .seed = derive_seed(problem.seed, 1),
          .inference_steps = setting.steps(10000),
          .inference_rate = 3e-3};
}

/// What sparse coding ends with in the sweep.
struct SweptFit {
  Index step;
  std::int64_t flops;
  double seconds;
  UnitNorm dictionary;
  Matrix<S> test_codes;
  double inference_flops;
};

/// The trainings of sparse coding that the penalty sweep and the paper's TopK files share, each made
/// once a process. An experiment's tasks are apart, so no two make one at the same time.
class SweptFits {
 public:
  using Name = std::pair<double, std::uint64_t>;  // lambda, seed of the problem

  [[nodiscard]] std::shared_ptr<const SweptFit> find(const Name& name) {
    const std::lock_guard lock(mutex_);
    const auto found = fits_.find(name);
    return found == fits_.end() ? nullptr : found->second;
  }
  void keep(const Name& name, SweptFit fit) {
    const std::lock_guard lock(mutex_);
    fits_[name] = std::make_shared<const SweptFit>(std::move(fit));
  }

 private:
  std::mutex mutex_;
  std::map<Name, std::shared_ptr<const SweptFit>> fits_;
};

/// @param then  what is made of the last stage, whose `encode` is asked for the test signals alone.
template <class Then>
void sweep_sparse_coding(const Setting& setting, const Problem& problem, double lambda,
                         const Then& then) {
  static SweptFits fits;
  const SweptFits::Name name(lambda, problem.seed);
  const auto tell = [&](const SweptFit& fit) {
    then(Stage{fit.step,
               true,
               fit.flops,
               fit.seconds,
               fit.dictionary,
               {},
               [&fit](const Matrix<S>&) { return fit.test_codes; },
               fit.inference_flops});
  };
  if (const auto known = fits.find(name)) return tell(*known);
  train_sparse_coding(sweep_plan(setting, problem, lambda), random_start(problem),
                      problem.train.signals, [&](const Stage& stage) {
                        const SweptFit fit{stage.step,
                                           stage.flops,
                                           stage.seconds,
                                           stage.dictionary,
                                           stage.encode(problem.test.signals),
                                           stage.inference_flops};
                        tell(fit);
                        fits.keep(name, fit);
                      });
}

}  // namespace

Experiment penalty(const Setting& setting) {
  const std::vector<double> lambdas = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5};
  Experiment experiment{"penalty",
                        joined(sizes(setting), {{"steps", setting.steps(100000)},
                                                {"learning_rate", 3e-3},
                                                {"lambdas", lambdas}}),
                        {"protocol", "lambda", "method"},
                        {}};
  experiment.settings["paper_seed"] = setting.paper_row(sweep_seed);
  for (Index run = 0; run < setting.data_sets(); ++run) {
    for (const double lambda : lambdas) {
      const std::string at = " lambda " + text(lambda) + ", run " + std::to_string(run);
      const Row keys{{"lambda", lambda}};
      for (const auto& [method, hidden, work] : {std::tuple<std::string, Index, double>{"sae", 0, 5},
                                                 {"mlp_32", 32, 14},
                                                 {"sparse_coding", 0, 11}})
        experiment.tasks.push_back(
            {method + at, work, [setting, method = method, hidden = hidden, lambda, keys, run] {
               const Problem problem = standard_problem(setting, run);
               const auto row_of = [&](const Stage& stage) {
                 Row row = joined(head("published", keys, method, run),
                                  stage_row(stage, problem, {.lambda = lambda}));
                 add_thresholds(row, stage.encode(problem.test.signals));
                 return row;
               };
               if (method != "sparse_coding")
                 return rows_of_autoencoder({.hidden = hidden, .bias = true},
                                            sweep_plan(setting, problem, lambda), problem, row_of);
               std::vector<Row> rows;
               sweep_sparse_coding(setting, problem, lambda, [&](const Stage& stage) {
                 rows.push_back(row_of(stage));
               });
               return rows;
             }});
    }
    // One dictionary, learned once, serves every penalty: encoding and decoding apart.
    experiment.tasks.push_back(
        {"corrected, run " + std::to_string(run), 1, [setting, lambdas, run] {
           const Problem problem = standard_problem(setting, run);
           const Learned learned = learn_dictionary(setting, problem.train.signals, num_atoms,
                                                    derive_seed(problem.seed, 4));
           std::vector<Row> rows;
           for (const double lambda : lambdas)
             for (const char* method :
                  {"active_set", "debiased(active_set)", "debiased(truncated(active_set))"}) {
               Row row = joined(head("corrected", {{"lambda", lambda}}, method, run),
                                encoder_row(method, problem, learned.dictionary, num_active,
                                            {.lambda = lambda}));
               for (const char* column :
                    {"l0_above_1e3", "l0_above_1e4", "l0_above_1e5", "l0_above_0"})
                 row[column] = row["l0"];  // exact zeros
               add_training(row, problem, static_cast<double>(learned.flops), learned.seconds);
               rows.push_back(std::move(row));
             }
           return rows;
         }});
  }
  return experiment;
}

// ---- L1 against TopK -----------------------------------------------------------------------------

namespace {

/// The k largest entries of each code, the others 0.
[[nodiscard]] Matrix<S> kept(const Matrix<S>& codes, Index k) {
  Matrix<S> result = Matrix<S>::Zero(codes.rows(), codes.cols());
  std::vector<Index> order(static_cast<std::size_t>(codes.rows()));
  for (Index j = 0; j < codes.cols(); ++j) {
    for (Index i = 0; i < codes.rows(); ++i) order[static_cast<std::size_t>(i)] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](Index a, Index b) { return codes(a, j) > codes(b, j); });
    for (Index i = 0; i < std::min(k, codes.rows()); ++i) {
      const Index atom = order[static_cast<std::size_t>(i)];
      result(atom, j) = codes(atom, j);
    }
  }
  return result;
}

[[nodiscard]] Row top_k_keys(const char* source, const Row& lambda, const Row& k) {
  return {{"source", source}, {"lambda", lambda}, {"k", k}};
}

[[nodiscard]] Row code_row(const char* protocol, const Row& keys, const std::string& method, Index run,
                           const Problem& problem, const UnitNorm& dictionary,
                           const Matrix<S>& codes, double threshold, double seconds) {
  Row row = head(protocol, keys, method, run);
  row["step"] = nullptr;
  row["final"] = true;
  score(row, problem, dictionary, codes, {.threshold = threshold});
  row["train_seconds"] = seconds;
  return row;
}

/// Sparse coding at one lambda, and what the paper makes of its dictionary.
[[nodiscard]] std::vector<Row> top_k_sparse_coding(const Setting& setting, double lambda,
                                                   bool with_top_k, Index run) {
  const Problem problem = standard_problem(setting, run);
  std::vector<Row> rows;
  sweep_sparse_coding(setting, problem, lambda, [&](const Stage& stage) {
    const Matrix<S> codes = stage.encode(problem.test.signals);
    const auto add = [&](const char* protocol, const Row& keys, const std::string& method,
                         const Matrix<S>& code, double threshold) {
      rows.push_back(code_row(protocol, keys, method, run, problem, stage.dictionary, code, threshold,
                              stage.seconds));
    };
    add("published", top_k_keys("7a", lambda, nullptr), "sparse_coding_l1", codes, 1e-5);
    if (!with_top_k) return;
    for (const auto& [source, threshold] : {std::pair<const char*, double>{"7b", 0.0}, {"7c", 1e-5}})
      add("published", top_k_keys(source, lambda, nullptr), "sparse_coding_l1", codes, threshold);
    for (const Index k : {1, 3, 5, 10}) {
      const Matrix<S> cut = kept(codes, k);
      UnitNorm dictionary = stage.dictionary;
      Matrix<S> optimised;
      if (setting.slips.frozen_support)
        optimised = fit_with_frozen_support(dictionary, problem.test.signals, FreeCodes::exponential,
                                            k, 3e-3, setting.steps(10000), false);
      for (const auto& [source, threshold] :
           {std::pair<const char*, double>{"7b", 0.0}, {"7c", 1e-5}}) {
        const Row keys = top_k_keys(source, lambda, k);
        add("published", keys, "sparse_coding_inference_topk", cut, threshold);
        if (setting.slips.frozen_support)
          add("published", keys, "sparse_coding_optimise_topk", optimised, threshold);
      }
      for (const char* method : {"omp", "iht", "debiased(truncated(active_set))"}) {
        Row row = joined(head("corrected", top_k_keys("7b", lambda, k), method, run),
                         encoder_row(method, problem, stage.dictionary, k, {}));
        row["train_seconds"] = stage.seconds;
        rows.push_back(std::move(row));
      }
    }
  });
  return rows;
}

}  // namespace

Experiment top_k(const Setting& setting) {
  const std::vector<double> lambdas = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};
  const std::vector<double> few_lambdas = {0.005, 0.05, 0.5, 5};
  const std::vector<Index> ks = {1, 2, 3, 4, 5, 8, 10, 15};
  Experiment experiment{"topk",
                        joined(sizes(setting), {{"steps", setting.steps(100000)},
                                                {"learning_rate", 3e-3},
                                                {"lambdas", lambdas},
                                                {"ks", ks}}),
                        {"protocol", "source", "lambda", "k", "method"},
                        {}};
  experiment.settings["paper_seed"] = setting.paper_row(sweep_seed);
  const auto add = [&](const std::string& name, double work, auto rows) {
    experiment.tasks.push_back({name, work, std::move(rows)});
  };
  for (Index run = 0; run < setting.data_sets(); ++run) {
    const std::string at = ", run " + std::to_string(run);
    for (const double lambda : lambdas) {
      const bool with_top_k =
          std::find(few_lambdas.begin(), few_lambdas.end(), lambda) != few_lambdas.end();
      add("sparse coding, lambda " + text(lambda) + at, with_top_k ? 18 : 11,
          [setting, lambda, with_top_k, run] {
            return top_k_sparse_coding(setting, lambda, with_top_k, run);
          });
      for (const Index hidden : {0, 32}) {
        const std::string method = hidden == 0 ? "sae_l1" : "mlp_l1";
        std::vector<const char*> sources = {"7a"};
        if (hidden == 0 && with_top_k) sources.push_back("7b");
        add(method + ", lambda " + text(lambda) + at, hidden == 0 ? 5 : 14,
            [setting, lambda, hidden, sources, method, run] {
              const Problem problem = standard_problem(setting, run);
              const std::vector<Row> measured = rows_of_autoencoder(
                  {.hidden = hidden}, sweep_plan(setting, problem, lambda), problem,
                  [&](const Stage& stage) { return stage_row(stage, problem, {.lambda = lambda}); });
              std::vector<Row> rows;
              for (const char* source : sources)
                for (const Row& row : measured)
                  rows.push_back(joined(
                      head("published", top_k_keys(source, lambda, nullptr), method, run), row));
              return rows;
            });
      }
    }
    for (const Index k : ks) {
      for (const Index hidden : {0, 32}) {
        const std::string method = hidden == 0 ? "sae_topk" : "mlp_topk";
        add(method + ", k " + std::to_string(k) + at, hidden == 0 ? 10 : 20,
            [setting, k, hidden, method, run] {
              const Problem problem = standard_problem(setting, run);
              return rows_of_autoencoder(
                  {.hidden = hidden, .k = k}, sweep_plan(setting, problem, 0), problem,
                  [&](const Stage& stage) {
                    return joined(head("published", top_k_keys("7a", nullptr, k), method, run),
                                  stage_row(stage, problem, {.lambda = 0}));
                  });
            });
      }
      if (!setting.slips.frozen_support) continue;
      add("sparse_coding_topk, k " + std::to_string(k) + at, 12, [setting, k, run] {
        const Problem problem = standard_problem(setting, run);
        UnitNorm dictionary = random_start(problem);
        (void)fit_with_frozen_support(dictionary, problem.train.signals, FreeCodes::rectified, k,
                                      3e-3, setting.steps(100000), true,
                                      derive_seed(problem.seed, 2));
        UnitNorm fixed = dictionary;
        const Matrix<S> codes = fit_with_frozen_support(
            fixed, problem.test.signals, FreeCodes::rectified, k, 3e-3, setting.steps(10000), false,
            derive_seed(problem.seed, 3));
        return std::vector<Row>{code_row("published", top_k_keys("7a", nullptr, k),
                                         "sparse_coding_topk", run, problem, dictionary, codes, 1e-5,
                                         0)};
      });
    }
    add("corrected" + at, 1, [setting, ks, run] {
      const Problem problem = standard_problem(setting, run);
      const Learned learned = learn_dictionary(setting, problem.train.signals, num_atoms,
                                               derive_seed(problem.seed, 4));
      std::vector<Row> rows;
      for (const Index k : ks)
        for (const char* method : {"omp", "debiased(truncated(active_set))"}) {
          Row row = joined(head("corrected", top_k_keys("7a", nullptr, k),
                                std::string(method) + " on the learned dictionary", run),
                           encoder_row(method, problem, learned.dictionary, k, {}));
          add_training(row, problem, static_cast<double>(learned.flops), learned.seconds);
          rows.push_back(std::move(row));
        }
      return rows;
    });
  }
  return experiment;
}

// ---- biases --------------------------------------------------------------------------------------

Experiment bias(const Setting& setting) {
  Experiment experiment{"bias",
                        joined(sizes(setting), {{"steps", setting.steps(100000)}, {"lambda", 0.01}}),
                        {"protocol", "bias", "method"},
                        {}};
  experiment.settings["paper_seed"] = setting.paper_row(sweep_seed);
  for (Index run = 0; run < setting.data_sets(); ++run)
    for (const bool with : {true, false})
      for (const auto& [method, hidden, work] :
           {std::tuple<const char*, Index, double>{"sae", 0, 7},
            {"mlp_64", 64, 36},
            {"sparse_coding", 0, 12}})
        experiment.tasks.push_back(
            {std::string(method) + (with ? " with bias, run " : " without bias, run ") +
                 std::to_string(run),
             work, [setting, method = std::string(method), hidden = hidden, with, run] {
               const Problem problem = standard_problem(setting, run);
               const bool free_codes = method == "sparse_coding";
               const Architecture architecture{.hidden = hidden, .bias = with};
               const Plan plan{.steps = setting.steps(100000),
                               .rate = hidden > 0 ? 1e-4 : 1e-3,
                               .raw_gradient = setting.slips.raw_dictionary_gradient,
                               .decoder_bias = with,
                               .seed = derive_seed(problem.seed, 1),
                               .inference_steps = setting.steps(10000)};
               std::vector<Row> rows;
               const auto add = [&](const Stage& stage) {
                 Stage judged = stage;
                 // The codes are inferred with the bias; its reconstruction leaves the bias out.
                 if (free_codes && setting.slips.loss_without_bias) judged.bias = {};
                 const auto row = [&](const char* protocol, const Stage& shown) {
                   rows.push_back(joined(head(protocol, {{"bias", with}}, method, run),
                                         stage_row(shown, problem, {.threshold = exp_threshold})));
                 };
                 row("published", judged);
                 if (free_codes) row("corrected", stage);
               };
               if (free_codes)
                 train_sparse_coding(plan, random_start(problem), problem.train.signals, add);
               else
                 train_autoencoder(architecture, plan, random_start(problem, architecture),
                                   problem.train.signals, add);
               return rows;
             }});
  return experiment;
}

}  // namespace lacuna::examples
