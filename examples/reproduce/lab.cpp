// SPDX-License-Identifier: MIT
#include "reproduce/lab.hpp"

#include <algorithm>
#include <variant>

#include <lacuna/encoder/active_set.hpp>
#include <lacuna/metric/amortisation_gap.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/metric/mean_l0.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "reproduce/paper_data.hpp"
#include "support/encoder_list.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

constexpr Index num_train = 1024, num_test = 1024;

/// The run whose data are used.
[[nodiscard]] Index data_set(const Setting& setting, Index run) {
  return setting.slips.one_data_set ? 0 : run;
}

/// Signals first, ..., first + n - 1.
[[nodiscard]] LabelledSignals<S> part(const LabelledSignals<S>& all, Index first, Index n) {
  return {all.signals.middleCols(first, n), SparseCodes<S>(all.codes.middleCols(first, n))};
}

}  // namespace

Problem make_problem(const Setting& setting, const SyntheticOptions& options, Index run,
                     std::optional<std::uint32_t> paper_seed) {
  const Index train = setting.signals(num_train), test = setting.signals(num_test);
  const std::uint64_t seed = derive_seed(
      derive_seed(setting.common.seed, static_cast<std::uint64_t>(run)), 2);
  const Index set = data_set(setting, run);
  if (paper_seed) {
    const PaperData data =
        paper_data(options, *paper_seed + static_cast<std::uint32_t>(set), train + test);
    return {UnitNorm(data.atoms), part(data.signals, 0, train), part(data.signals, train, test),
            seed, *paper_seed + static_cast<std::uint32_t>(run)};
  }
  const std::uint64_t data = derive_seed(setting.common.seed, static_cast<std::uint64_t>(set));
  const SyntheticModel<S> model(options, derive_seed(data, 0));
  return {UnitNorm(model.atoms()), model.sample(train, derive_seed(data, 1)),
          model.sample(test, derive_seed(data, 1), train), seed};
}

LabelledSignals<S> more_signals(const Setting& setting, const SyntheticOptions& options, Index run,
                                std::optional<std::uint32_t> paper_seed, Index n) {
  const Index set = data_set(setting, run), first = num_train + num_test;
  if (paper_seed)
    return part(paper_data(options, *paper_seed + static_cast<std::uint32_t>(set), first + n).signals,
                first, n);
  const std::uint64_t data = derive_seed(setting.common.seed, static_cast<std::uint64_t>(set));
  return SyntheticModel<S>(options, derive_seed(data, 0)).sample(n, derive_seed(data, 1), first);
}

UnitNorm random_start(const Problem& problem) {
  const Index dim = problem.dictionary.dim(), num_atoms = problem.dictionary.num_atoms();
  return problem.paper_seed
             ? paper_start(dim, num_atoms, *problem.paper_seed)
             : UnitNorm(gaussian_dictionary<S>(dim, num_atoms, derive_seed(problem.seed, 0)));
}

Start random_start(const Problem& problem, const Architecture& architecture) {
  if (!problem.paper_seed) return {random_start(problem)};
  return paper_start(architecture, problem.dictionary.dim(), problem.dictionary.num_atoms(),
                     *problem.paper_seed);
}

Start start_on_truth(const Problem& problem, const Architecture& architecture) {
  Start start = random_start(problem, architecture);
  start.dictionary = problem.dictionary;
  return start;
}

double solver_lambda(double lambda, Index dim, Index num_atoms) {
  return lambda * static_cast<double>(dim) / (2 * static_cast<double>(num_atoms));
}

void score(Row& row, const Problem& problem, const UnitNorm& dictionary, const Matrix<S>& codes,
           const Scoring& scoring, const Vector<S>& bias) {
  const CodeMcc mcc = code_mcc(problem.test.codes, codes, scoring.kind);
  row["code_mcc"] = number_or_null(mcc.value);
  row["code_mcc_kind"] = std::string(to_string(mcc.kind));
  const auto entries = static_cast<double>(codes.size());
  row["l0"] = static_cast<double>((codes.array().abs() > static_cast<S>(scoring.threshold)).count()) /
              entries;
  row["support_f1"] = support_recovery(problem.test.codes, codes,
                                       {.threshold = scoring.threshold, .match = mcc.match})
                          .f1;
  const double mean_abs = codes.template cast<double>().cwiseAbs().sum() / entries;
  row["mean_abs_code"] = mean_abs;
  if (!scoring.decoded) return;
  Matrix<S> signals = problem.test.signals;
  if (bias.size() > 0) signals.colwise() -= bias;
  const double mse = (signals - dictionary.decode(codes)).template cast<double>().squaredNorm() /
                     static_cast<double>(signals.size());
  row["test_mse"] = mse;
  row["test_loss"] = mse + scoring.lambda * mean_abs;
  if (scoring.learned) {
    const auto recovery = dictionary_recovery(problem.dictionary.atoms(), dictionary.atoms());
    row["dictionary_mcc"] = recovery.mcc;
    row["dictionary_cosine"] = recovery.cosine;
  }
  if (scoring.gap) {
    const double lambda =
        solver_lambda(scoring.lambda, dictionary.dim(), dictionary.num_atoms());
    row["gap"] = number_or_null(
        amortisation_gap(dictionary, signals, codes, ActiveSet(NonnegativeL1(lambda))).relative);
  }
}

Row stage_row(const Stage& stage, const Problem& problem, const Scoring& scoring) {
  Row row;
  row["step"] = stage.step;
  row["final"] = stage.last;
  const Stopwatch clock;
  const Matrix<S> codes = stage.encode(problem.test.signals);
  const double encode_seconds = clock.seconds();
  Scoring here = scoring;
  here.gap = scoring.gap && stage.last;
  score(row, problem, stage.dictionary, codes, here, stage.bias);
  const auto n = static_cast<double>(problem.test.signals.cols());
  const double decode =
      scoring.decoded ? 2 * static_cast<double>(problem.dictionary.atoms().size()) : 0;
  row["audited_flops"] =
      static_cast<double>(stage.flops) + n * (stage.inference_flops + decode);
  row["audited_training_flops"] = stage.flops;
  row["audited_inference_flops"] = stage.inference_flops;
  row["train_seconds"] = stage.seconds;
  row["encode_seconds"] = encode_seconds;
  return row;
}

Row encoder_row(const std::string& expression, const Problem& problem, const UnitNorm& dictionary,
                Index k, const Scoring& scoring) {
  const Index n = problem.test.signals.cols();
  EncoderSettings settings;
  settings.k = k;
  settings.lambda = solver_lambda(scoring.lambda, dictionary.dim(), dictionary.num_atoms());
  settings.adam_epsilon = 1e-8 * static_cast<double>(n * dictionary.dim()) / 2;
  const NamedEncoder encoder = make_encoder(expression, settings);
  const AnyDictionary prepared{DenseDictionary<S>(dictionary.atoms())};
  Matrix<S> codes;
  std::int64_t flops = 0;
  const Stopwatch clock;
  std::visit(
      [&](const auto& any) {
        auto counted = encode_counted(any, prepared, problem.test.signals);
        codes = counted.codes;
        flops = counted.flops;
      },
      encoder.encoder);
  const double seconds = clock.seconds();
  Scoring here = scoring;
  here.threshold = encoder.active;
  Row row;
  row["step"] = nullptr;
  row["final"] = true;
  score(row, problem, dictionary, codes, here);
  row["audited_inference_flops"] = static_cast<double>(flops) / static_cast<double>(n);
  row["encode_seconds"] = seconds;
  return row;
}

void add_training(Row& row, const Problem& problem, double flops, double seconds) {
  const double decode = 2 * static_cast<double>(problem.dictionary.atoms().size());
  row["audited_training_flops"] = flops;
  row["audited_flops"] = flops + static_cast<double>(problem.test.signals.cols()) *
                                     (row["audited_inference_flops"].get<double>() + decode);
  row["train_seconds"] = seconds;
}

Row head(const char* protocol, const Row& keys, const std::string& method, Index run) {
  Row row;
  row["protocol"] = protocol;
  for (const auto& [name, value] : keys.items()) row[name] = value;
  row["method"] = method;
  row["run"] = run;
  return row;
}

Row joined(Row first, const Row& second) {
  for (const auto& [name, value] : second.items()) first[name] = value;
  return first;
}

std::vector<Index> log_steps(const Setting& setting, std::vector<Index> steps) {
  if (setting.quick())
    for (Index& step : steps) step = std::max<Index>(1, step / 1000);
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace lacuna::examples
