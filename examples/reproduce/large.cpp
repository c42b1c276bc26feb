// SPDX-License-Identifier: MIT
//
// The paper's larger size: 200 x 1000, 20 active latents, 500,000 training signals and as many to
// test on, drawn when they are needed. Its code has known codes alone, and no result of it; the known
// dictionary and neither known go beyond it.

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/metric/code_correlation.hpp>
#include <lacuna/metric/published_flops.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>

#include "reproduce/corrected.hpp"
#include "reproduce/lab.hpp"
#include "support/interrupt.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

constexpr Index batch_size = 1024;

struct Size {
  SyntheticOptions options{.dim = 200, .num_atoms = 1000, .num_active = 20};
  Index train = 500000, test = 500000, some_test = 51200, solved_test = 4096, epochs = 20;
  double lambda = 0.05;  // of the solvers' objective

  explicit Size(bool quick) {
    if (!quick) return;
    options = {.dim = 40, .num_atoms = 100, .num_active = 5};
    train = test = 4096;
    some_test = 2048;
    solved_test = 256;
    epochs = 2;
  }
  [[nodiscard]] Index batches() const { return (train + batch_size - 1) / batch_size; }
  /// lambda as a mean over codes.
  [[nodiscard]] double lambda_of_means() const {
    return lambda * 2 * static_cast<double>(options.num_atoms) / static_cast<double>(options.dim);
  }
};

/// The training signals, a minibatch at a time, in another order every epoch; none is kept.
class EpochSource {
 public:
  using Scalar = S;

  EpochSource(SyntheticModel<S> model, Index signals, std::uint64_t seed)
      : model_(std::move(model)), signals_(signals), seed_(seed) {}

  [[nodiscard]] Index dim() const noexcept { return model_.dim(); }
  [[nodiscard]] Index num_atoms() const noexcept { return model_.num_atoms(); }
  [[nodiscard]] MatrixArg<S> batch(Index step) { return draw(step).signals; }
  [[nodiscard]] const SparseCodes<S>& batch_codes(Index step) { return draw(step).codes; }

 private:
  const LabelledSignals<S>& draw(Index step) {
    if (step == step_) return batch_;
    const Index batches = (signals_ + batch_size - 1) / batch_size;
    if (step / batches != epoch_) {
      epoch_ = step / batches;
      order_ = permutation(batches, derive_seed(seed_, static_cast<std::uint64_t>(1000 + epoch_)));
    }
    const Index first = order_[static_cast<std::size_t>(step % batches)] * batch_size;
    batch_ = model_.sample(std::min(batch_size, signals_ - first), derive_seed(seed_, 1), first);
    step_ = step;
    return batch_;
  }

  [[nodiscard]] static std::vector<Index> permutation(Index n, std::uint64_t seed) {
    std::vector<std::pair<double, Index>> keys;
    RandomStream random(seed, 0);
    for (Index i = 0; i < n; ++i) keys.emplace_back(random.template normal<double>(), i);
    std::sort(keys.begin(), keys.end());
    std::vector<Index> order;
    for (const auto& [key, i] : keys) order.push_back(i);
    return order;
  }

  SyntheticModel<S> model_;
  Index signals_;
  std::uint64_t seed_;
  LabelledSignals<S> batch_;
  std::vector<Index> order_;
  Index step_ = -1, epoch_ = -1;
};

struct Data {
  Size size;
  SyntheticModel<S> model;
  std::uint64_t seed;

  Data(const Setting& setting, Index run)
      : size(setting.quick()),
        model(size.options, derive_seed(derive_seed(setting.common.seed,
                                                    static_cast<std::uint64_t>(run)), 0)),
        seed(derive_seed(setting.common.seed, static_cast<std::uint64_t>(run))) {}

  [[nodiscard]] EpochSource source() const { return {model, size.train, seed}; }
  [[nodiscard]] LabelledSignals<S> test(Index n, Index first = 0) const {
    return model.sample(n, derive_seed(seed, 1), size.train + first);
  }
};

/// MCC of a supervised encoder over test signals, drawn piece by piece: the paper's, a mean over
/// minibatches of what each says on its own, and that over all signals at once.
struct StreamedMcc {
  double by_minibatch = 0, whole = 0;
};
template <class M>
[[nodiscard]] StreamedMcc streamed_mcc(const Data& data, const M& model, Index n, bool whole) {
  CodeCorrelation correlation(data.model.num_atoms(), data.model.num_atoms());
  StreamedMcc mcc;
  double minibatches = 0;
  for (Index first = 0; first < n; first += batch_size) {
    if (Interrupt::requested()) throw Interrupted{};
    const auto test = data.test(std::min(batch_size, n - first), first);
    const Matrix<S> codes = model.encode(test.signals);
    mcc.by_minibatch += code_mcc(test.codes, codes, MccKind::signed_unpermuted).value;
    if (whole) correlation.add(test.codes, codes);
    ++minibatches;
  }
  mcc.by_minibatch /= minibatches;
  if (whole) mcc.whole = correlation.matrix().diagonal().mean();
  return mcc;
}

/// Known codes: until the test MCC has not risen by .0005 for two epochs, 20 at most.
template <class E>
[[nodiscard]] std::vector<Row> supervised_rows(const Data& data, const std::string& method, E encoder,
                                               const std::function<std::int64_t(Index)>& published) {
  Model model{Identity{}, UnitNorm(data.model.atoms()), std::move(encoder)};
  const Index a_epoch = data.size.batches();
  const SupervisedTrainer<CosineLoss> trainer({.steps = data.size.epochs * a_epoch},
                                              Adam({.learning_rate = 1e-3}));
  auto state = trainer.start(model);
  std::vector<Row> rows;
  const Stopwatch clock;
  double away = 0, best = -1;
  Index best_epoch = 0;
  trainer.resume(model, state, data.source(), [&](const Progress& progress) {
    if (Interrupt::requested()) return false;
    if (progress.step % a_epoch != 0) return true;
    const Index epoch = progress.step / a_epoch;
    const double now = clock.seconds();
    const double mcc = streamed_mcc(data, model, data.size.some_test, false).by_minibatch;
    if (mcc > best + 5e-4) {
      best = mcc;
      best_epoch = epoch;
    }
    const bool last = epoch == data.size.epochs || epoch - best_epoch >= 2;
    Row row = head("published", {{"regime", "known_codes"}}, method, 0);
    row["step"] = progress.step;
    row["epoch"] = epoch;
    row["final"] = last;
    row["code_mcc"] = mcc;
    if (last) {
      const StreamedMcc all = streamed_mcc(data, model, data.size.test, true);
      row["code_mcc"] = all.by_minibatch;
      row["code_mcc_whole"] = all.whole;
    }
    row["published_flops"] = published(epoch);
    row["audited_flops"] = state.flops;
    row["audited_inference_flops"] = model.encoder.forward_flops(model.dictionary);
    row["train_seconds"] = now - away;
    rows.push_back(std::move(row));
    away += clock.seconds() - now;
    return !last;
  });
  if (Interrupt::requested()) throw Interrupted{};
  return rows;
}

[[nodiscard]] Problem solved_problem(const Data& data) {
  return {UnitNorm(data.model.atoms()), {}, data.test(data.size.solved_test),
          derive_seed(data.seed, 2)};
}

[[nodiscard]] Scoring scoring(const Data& data, bool learned) {
  return {.lambda = data.size.lambda_of_means(), .learned = learned, .gap = true};
}

[[nodiscard]] std::vector<Row> named_rows(const Data& data, const Row& keys,
                                          const UnitNorm& dictionary, bool learned) {
  const Problem problem = solved_problem(data);
  std::vector<Row> rows;
  for (const char* name : {"marginal_threshold", "matching_pursuit", "omp", "ols", "fista",
                           "active_set", "debiased(active_set)", "debiased(truncated(active_set))",
                           "best_of"}) {
    if (Interrupt::requested()) throw Interrupted{};
    rows.push_back(joined(head("corrected", keys, name, 0),
                          encoder_row(name, problem, dictionary, data.size.options.num_active,
                                      scoring(data, learned))));
  }
  return rows;
}

/// An autoencoder by the reconstruction of streamed signals, 3 epochs.
template <class E>
[[nodiscard]] std::vector<Row> autoencoder_rows(const Data& data, const char* regime,
                                                const std::string& method, E encoder,
                                                bool learn_dictionary, double lambda) {
  const Problem problem = solved_problem(data);
  Model model{Identity{}, learn_dictionary ? random_start(problem) : problem.dictionary,
              std::move(encoder)};
  const Stopwatch clock;
  const Outcome outcome =
      JointTrainer({.steps = 3 * data.size.batches(),
                    .lambda = lambda,
                    .learning_rate = Schedule::cosine(1, 0.01),
                    .learn_dictionary = learn_dictionary},
                   Adam({.learning_rate = 1e-3}))
          .fit(model, data.source(), [](const Progress&) { return !Interrupt::requested(); });
  if (Interrupt::requested()) throw Interrupted{};
  const double seconds = clock.seconds();
  Row row = head("corrected", {{"regime", regime}}, method, 0);
  row["step"] = outcome.steps;
  row["final"] = true;
  score(row, problem, model.dictionary, Matrix<S>(model.encode(problem.test.signals)),
        scoring(data, learn_dictionary));
  row["audited_inference_flops"] = model.encoder.forward_flops(model.dictionary);
  add_training(row, problem, static_cast<double>(outcome.flops), seconds);
  return {row};
}

[[nodiscard]] std::vector<Row> learned_rows(const Setting& setting, const Data& data) {
  // 400 MB of signals, and as much again in the trainer's source.
  const Matrix<S> signals =
      data.model.sample(data.size.train, derive_seed(data.seed, 1)).signals;
  const Learned learned =
      learn_dictionary(setting, signals, data.size.options.num_atoms, derive_seed(data.seed, 4));
  auto rows = named_rows(data, {{"regime", "unknown"}}, learned.dictionary, true);
  const Problem problem = solved_problem(data);
  for (Row& row : rows)
    add_training(row, problem, static_cast<double>(learned.flops), learned.seconds);
  return rows;
}

}  // namespace

Experiment large(const Setting& setting) {
  const Size size(setting.quick());
  Experiment experiment{"large",
                        {{"dim", size.options.dim},
                         {"num_atoms", size.options.num_atoms},
                         {"num_active", size.options.num_active},
                         {"train_signals", size.train},
                         {"test_signals", size.test},
                         {"batch_size", batch_size},
                         {"max_epochs", size.epochs},
                         {"solver_lambda", size.lambda},
                         {"solved_test_signals", size.solved_test}},
                        {"protocol", "regime", "method", "step"},
                        {}};
  const Index m = size.options.dim, n = size.options.num_atoms;
  const auto weights = [m, n](const Data& data) {
    return RandomWeights{.dim = m, .num_atoms = n, .bias = true, .seed = derive_seed(data.seed, 3)};
  };
  const auto add = [&](const std::string& name, double work, auto rows) {
    experiment.tasks.push_back({name, work, std::move(rows)});
  };
  add("known codes, sae", 330, [=] {
    const Data data(setting, 0);
    return supervised_rows(data, "sae", LinearReluEncoder<S>(weights(data)), [=](Index epochs) {
      return published_flops::sae_training(
          m, n, {.samples = size.train, .steps = epochs, .learn_dictionary = false});
    });
  });
  for (const Index hidden : {32, 256})
    add("known codes, mlp_" + std::to_string(hidden), hidden == 32 ? 200 : 450, [=] {
      const Data data(setting, 0);
      return supervised_rows(data, "mlp_" + std::to_string(hidden),
                             MlpEncoder<S>(weights(data), {.hidden = {hidden}}), [=](Index epochs) {
                               return published_flops::mlp_training(
                                   m, n, hidden,
                                   {.samples = size.train, .steps = epochs, .learn_dictionary = false});
                             });
    });
  add("known dictionary, solvers", 20, [=] {
    const Data data(setting, 0);
    return named_rows(data, {{"regime", "known_dictionary"}}, UnitNorm(data.model.atoms()), false);
  });
  add("unknown, dictionary learning", 120,
      [=] { return learned_rows(setting, Data(setting, 0)); });
  for (const bool learn : {false, true}) {
    const char* regime = learn ? "unknown" : "known_dictionary";
    add(std::string(regime) + ", sae", 80, [=] {
      const Data data(setting, 0);
      return autoencoder_rows(data, regime, "sae", LinearReluEncoder<S>(weights(data)), learn,
                              data.size.lambda_of_means());
    });
    add(std::string(regime) + ", topk_sae", 60, [=] {
      const Data data(setting, 0);
      return autoencoder_rows(data, regime, "topk_sae",
                              TopKEncoder<S>(weights(data), data.size.options.num_active), learn, 0);
    });
  }
  return experiment;
}

}  // namespace lacuna::examples
