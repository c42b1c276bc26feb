// SPDX-License-Identifier: MIT
//
// Dead latents: how they are found, and that each policy brings back the dead and touches no other.

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/metric/dead_atoms.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/auxiliary_k.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/resample.hpp>
#include <lacuna/transform/identity.hpp>

#include "support/catch.hpp"
#include "support/gradient_check.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::finite_differences;
using test::message_of;
using test::relative_error;
using UnitNorm = UnitNormDictionary<double>;

static_assert(RevivalFor<NoRevival, Model<Identity, UnitNorm, TopKEncoder<double>>, double>);
static_assert(RevivalFor<Resample, Model<Identity, UnitNorm, JumpReluEncoder<double>>, double>);
static_assert(RevivalFor<AuxiliaryK, Model<Identity, UnitNorm, TopKEncoder<double>>, double>);

constexpr Index dim = 6, num_atoms = 10;

/// One whose weights lie by input and one whose weights lie by atom, with equal codes.
using Linear = LinearReluEncoder<double>;
class EveryPositive : public TopKEncoder<double> {
 public:
  EveryPositive(const Matrix<double>& weights, const Vector<double>& bias)
      : TopKEncoder<double>(weights, num_atoms, bias) {}
};

/// Latents 3 and 7 are never active, whatever the signal.
template <class E>
Model<Identity, UnitNorm, E> with_two_dead(std::uint64_t seed) {
  const Matrix<double> weights = random_normal<double>(num_atoms, dim, seed);
  Vector<double> bias = random_normal<double>(num_atoms, 1, seed + 1).cwiseAbs();
  bias[3] = bias[7] = -1000;
  return {Identity{}, UnitNorm(random_normal<double>(dim, num_atoms, seed + 2)), E(weights, bias)};
}

}  // namespace

TEST_CASE("a latent is dead after a window without an active code", "[revival]") {
  LatentActivity activity(3);
  Matrix<double> codes = Matrix<double>::Zero(3, 2);
  codes(0, 1) = -0.5;
  activity.observe(codes, 0);
  CHECK(activity.dead(0, 1) == std::vector<Index>{1, 2});
  CHECK(activity.dead(0, 2).empty());  // there were no two steps yet
  const SparseCodes<double> sparse = Matrix<double>(Vector<double>::Unit(3, 1)).sparseView();
  activity.observe(sparse, 1);
  CHECK(activity.dead(1, 1) == std::vector<Index>{0, 2});
  CHECK(activity.dead(1, 2) == std::vector<Index>{2});
  activity.revive(2, 1);
  CHECK(activity.dead(1, 1) == std::vector<Index>{0});
  CHECK(activity.dead(2, 1).size() == 3);
}

TEMPLATE_TEST_CASE("Resample gives the dead the worst signals, and nothing else changes",
                   "[revival]", Linear, EveryPositive) {
  INFO("seeds 1 to 5");
  auto model = with_two_dead<TestType>(1);
  const auto before = model;
  const Matrix<double> x = random_normal<double>(dim, 20, 4);
  Matrix<double> residual = random_normal<double>(dim, 20, 5);
  residual.col(4) *= 100;
  residual.col(11) *= 50;
  const std::vector<Index> dead{3, 7};
  const Resample policy({.window = 1, .every = 10, .until = 50, .encoder_scale = 0.5});
  const TrainingBatch<double> batch{x, residual};
  CHECK(policy.revive(model, batch, dead, 8).empty());   // not yet
  CHECK(policy.revive(model, batch, dead, 59).empty());  // no longer
  CHECK(policy.revive(model, batch, {}, 9).empty());
  CHECK((model.encoder.parameters().array() == before.encoder.parameters().array()).all());
  CHECK(policy.revive(model, batch, dead, 9) == dead);
  const Matrix<double> weights = model.encoder.affine().weights();
  const Matrix<double> old = before.encoder.affine().weights();
  double length = 0;
  for (Index i = 0; i < num_atoms; ++i)
    if (i != 3 && i != 7) {
      CHECK((weights.row(i).array() == old.row(i).array()).all());
      CHECK(model.encoder.affine().bias()[i] == before.encoder.affine().bias()[i]);
      CHECK((model.dictionary.atoms().col(i) - before.dictionary.atoms().col(i)).norm() < 1e-15);
      length += old.row(i).norm() / 8;
    }
  for (const auto& [latent, signal] : {std::pair<Index, Index>{3, 4}, {7, 11}}) {
    const Vector<double> direction = -residual.col(signal).normalized();
    CHECK((model.dictionary.atoms().col(latent) - direction).norm() < 1e-14);
    CHECK((weights.row(latent).transpose() - 0.5 * length * direction).norm() < 1e-14);
    CHECK(model.encoder.affine().bias()[latent] == 0);
  }
}

TEST_CASE("what else an encoder learns of a revived latent is the mean of the living",
          "[revival]") {
  INFO("seeds 1 to 3");
  const Vector<double> thresholds = Vector<double>::LinSpaced(num_atoms, 0.1, 1);
  Model model{Identity{}, UnitNorm(random_normal<double>(dim, num_atoms, 1)),
              JumpReluEncoder<double>(random_normal<double>(num_atoms, dim, 2), Vector<double>(),
                                      thresholds)};
  const Matrix<double> residual = random_normal<double>(dim, 4, 3);
  REQUIRE(Resample({.every = 1}).revive(model, TrainingBatch<double>{residual, residual}, {9}, 0) ==
          std::vector<Index>{9});
  const double mean = thresholds.head(9).array().log().mean();
  CHECK(std::log(model.encoder.thresholds()[9]) == Approx(mean));
  CHECK((model.encoder.thresholds() - thresholds).head(9).norm() < 1e-15);
}

TEMPLATE_TEST_CASE("the optimiser forgets exactly the latents that were replaced", "[revival]",
                   Linear, EveryPositive) {
  INFO("seeds 1 to 4");
  auto model = with_two_dead<TestType>(1);
  const InMemorySource<double> source(random_normal<double>(dim, 30, 4));
  // Alike until the revival of step 3; the step before it is common.
  auto untouched = model;
  const JointTrainer revives({.steps = 3}, Adam(), Resample({.window = 2, .every = 3}));
  const JointTrainer leaves({.steps = 3});
  auto state = revives.start(model);
  auto other = leaves.start(untouched);
  revives.resume(model, state, InMemorySource<double>(source));
  leaves.resume(untouched, other, InMemorySource<double>(source));
  // Those of the atoms' weights and biases are marked by hand: by input they are every
  // num_atoms-th.
  Vector<double> is_replaced = Vector<double>::Zero(num_atoms * (dim + 1));
  for (const Index latent : {3, 7}) {
    for (Index c = 0; c < dim; ++c)
      is_replaced[std::is_same_v<TestType, Linear> ? c * num_atoms + latent : latent * dim + c] = 1;
    is_replaced[num_atoms * dim + latent] = 1;
  }
  for (Index i = 0; i < state.encoder.mean.size(); ++i) {
    const bool replaced = is_replaced[i] == 1;
    CHECK(state.encoder.mean[i] == (replaced ? 0 : other.encoder.mean[i]));
    CHECK(state.encoder.mean_square[i] == (replaced ? 0 : other.encoder.mean_square[i]));
    if (!replaced) CHECK(model.encoder.parameters()[i] == untouched.encoder.parameters()[i]);
  }
  for (Index i = 0; i < state.atoms.mean.size(); ++i) {
    const bool replaced = i / dim == 3 || i / dim == 7;
    CHECK(state.atoms.mean[i] == (replaced ? 0 : other.atoms.mean[i]));
  }
  DeadAtoms dead(num_atoms);
  dead.add(model.encode(source.signals()));
  CHECK(dead.count() == 0);
}

TEMPLATE_TEST_CASE("AuxiliaryK follows its loss, and only for the dead", "[revival]", Linear,
                   EveryPositive) {
  INFO("seeds 1 to 4");
  const auto model = with_two_dead<TestType>(1);
  // Dead to the trainer, but with positive pre-activations: as in a TopK encoder.
  const std::vector<Index> dead{2, 5, 6};
  const Matrix<double> x = random_normal<double>(dim, 15, 3);
  const Matrix<double> residual = random_normal<double>(dim, 15, 4);
  const AuxiliaryK policy({.window = 1, .k = 2, .weight = 0.25});
  const TrainingBatch<double> batch{x, residual};
  Vector<double> encoder_gradient = Vector<double>::Constant(num_atoms * (dim + 1), 0.5);
  Vector<double> atom_gradient = Vector<double>::Constant(num_atoms * dim, -0.5);
  const double loss = policy.auxiliary(model, batch, dead, encoder_gradient, atom_gradient);

  // The loss by its definition, of free parameters.
  const auto value = [&](const Vector<double>& parameters, const Matrix<double>& atoms) {
    auto encoder = model.encoder;
    encoder.parameters() = parameters;
    const Matrix<double> weights = encoder.affine().weights();
    const Vector<double> bias = encoder.affine().bias();
    double sum = 0;
    for (Index j = 0; j < x.cols(); ++j) {
      std::vector<std::pair<double, Index>> active;
      for (const Index i : dead) active.emplace_back(weights.row(i).dot(x.col(j)) + bias[i], i);
      std::sort(active.rbegin(), active.rend());
      Vector<double> left = residual.col(j);
      for (std::size_t i = 0; i < 2; ++i)
        if (active[i].first > 0) left += active[i].first * atoms.col(active[i].second);
      sum += left.squaredNorm();
    }
    return 0.25 * sum / static_cast<double>(x.size());
  };
  const Vector<double> parameters = model.encoder.parameters();
  CHECK(loss == Approx(value(parameters, model.dictionary.atoms())).epsilon(1e-13));
  CHECK(relative_error(
            Vector<double>(encoder_gradient.array() - 0.5),
            finite_differences(
                [&](const Vector<double>& p) { return value(p, model.dictionary.atoms()); },
                parameters)) < 1e-6);
  CHECK(relative_error(Vector<double>(atom_gradient.array() + 0.5),
                       finite_differences(
                           [&](const Vector<double>& a) {
                             return value(parameters, a.reshaped(dim, num_atoms));
                           },
                           model.dictionary.atoms().reshaped())) < 1e-6);
  for (Index i = 0; i < num_atoms; ++i) {
    if (std::count(dead.begin(), dead.end(), i) > 0) continue;
    const auto& map = model.encoder.affine();
    for (const auto& entries : map.entries_of(i))
      CHECK((map.view(encoder_gradient, entries).array() == 0.5).all());
    CHECK((atom_gradient.segment(i * dim, dim).array() == -0.5).all());
  }
  Vector<double> nothing;
  const Vector<double> kept = encoder_gradient;
  CHECK(policy.auxiliary(model, batch, {}, encoder_gradient, nothing) == 0);
  CHECK((encoder_gradient.array() == kept.array()).all());
  CHECK(policy.auxiliary(model, batch, dead, encoder_gradient, nothing) == loss);
}

namespace {

/// The share of latents that no signal activates.
template <class M>
double dead_share(const M& model, const Matrix<float>& signals) {
  DeadAtoms dead(model.dictionary.num_atoms());
  dead.add(model.encoder.encode(model.dictionary, signals));
  return dead.share();
}

}  // namespace

TEST_CASE("from 90 % dead to below 1 %, at 64 x 512", "[revival]") {
  INFO("seeds 1 to 3");
  const SyntheticModel<float> truth(SyntheticOptions{.dim = 64, .num_atoms = 512, .num_active = 8},
                                    1);
  const Matrix<float> x = truth.sample(4096, 2).signals;
  const UnitNormDictionary<float> start(random_normal<float>(64, 512, 3));
  Matrix<float> weights = start.atoms().transpose();
  const InMemorySourceOptions batches{.batch_size = 512, .seed = 4};

  SECTION("Resample, a ReLU encoder with biases that silence") {
    Vector<float> bias = Vector<float>::Zero(512);
    bias.head(461).setConstant(-100);
    Model model{Identity{}, start, LinearReluEncoder<float>(weights, bias)};
    REQUIRE(dead_share(model, x) >= 0.9);
    auto left_alone = model;
    const JointTrainerOptions options{.steps = 300, .lambda = 0.02};
    JointTrainer(options, Adam()).fit(left_alone, InMemorySource<float>(x, batches));
    CHECK(dead_share(left_alone, x) >= 0.9);
    JointTrainer(options, Adam(), Resample({.window = 50, .every = 50, .until = 200}))
        .fit(model, InMemorySource<float>(x, batches));
    CHECK(dead_share(model, x) < 0.01);
  }
  SECTION("Resample, a TopK encoder with weights that lose") {
    weights.topRows(461) *= 1e-3F;
    Model model{Identity{}, start, TopKEncoder<float>(weights, 8)};
    REQUIRE(dead_share(model, x) >= 0.9);
    JointTrainer({.steps = 300, .lambda = 0}, Adam(),
                 Resample({.window = 50, .every = 50, .until = 200}))
        .fit(model, InMemorySource<float>(x, batches));
    CHECK(dead_share(model, x) < 0.01);
  }
  SECTION("AuxiliaryK, a TopK encoder with weights that lose") {
    weights.topRows(461) *= 1e-3F;
    Model model{Identity{}, start, TopKEncoder<float>(weights, 8)};
    REQUIRE(dead_share(model, x) >= 0.9);
    auto left_alone = model;
    const JointTrainerOptions options{.steps = 300, .lambda = 0};
    JointTrainer(options, Adam({.learning_rate = 3e-3}))
        .fit(left_alone, InMemorySource<float>(x, batches));
    CHECK(dead_share(left_alone, x) >= 0.5);
    JointTrainer(options, Adam({.learning_rate = 3e-3}), AuxiliaryK({.window = 20}))
        .fit(model, InMemorySource<float>(x, batches));
    CHECK(dead_share(model, x) < 0.01);
  }
}

TEST_CASE("a trainer refuses a revival that its state or its options have no room for",
          "[revival]") {
  auto model = with_two_dead<Linear>(1);
  const InMemorySource<double> source(random_normal<double>(dim, 30, 4));
  auto state = JointTrainer({.steps = 3}).start(model);
  CHECK(message_of([&] {
          JointTrainer({.steps = 3}, Adam(), Resample())
              .resume(model, state, InMemorySource<double>(source));
        }) ==
        "JointTrainer::resume: the state is that of a training without this revival, or of another "
        "model");
  CHECK(message_of([&] {
          JointTrainer({.learn_dictionary = false}, Adam(), Resample())
              .fit(model, InMemorySource<double>(source));
        }) ==
        "JointTrainer::fit: a revival that replaces atoms, and a dictionary that is not learned");
}

TEST_CASE("revival policies refuse options that are none", "[revival]") {
  CHECK(message_of([] { Resample({.window = 0}); }) == "Resample: window must be at least 1, is 0");
  CHECK(message_of([] { Resample({.every = 0}); }) == "Resample: every must be at least 1, is 0");
  CHECK(message_of([] { Resample({.encoder_scale = -1}); }) ==
        "Resample: encoder_scale must be finite and at least 0, is -1");
  CHECK(message_of([] { AuxiliaryK({.window = 0}); }) ==
        "AuxiliaryK: window must be at least 1, is 0");
  CHECK(message_of([] { AuxiliaryK({.k = -1}); }) == "AuxiliaryK: k must be at least 0, is -1");
  CHECK(message_of([] { AuxiliaryK({.weight = 0}); }) ==
        "AuxiliaryK: weight must be finite and above 0, is 0");
}
