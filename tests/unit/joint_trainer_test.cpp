// SPDX-License-Identifier: MIT
//
// What JointTrainer and SupervisedTrainer do beyond a plain step: losses that add, schedules,
// clipping, and states that resume.

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/auxiliary_k.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/resample.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/composed.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::finite_differences;
using test::message_of;
using test::relative_error;
using UnitNorm = UnitNormDictionary<double>;
using Source = InMemorySource<double>;

constexpr Index dim = 4, num_atoms = 9;

SparseCodes<double> some_codes(Index n, std::uint64_t seed) {
  Matrix<double> codes = random_normal<double>(num_atoms, n, seed);
  return codes.unaryExpr([](double s) { return std::abs(s) > 0.5 ? s : 0.0; }).sparseView();
}

/// The loss by its definition.
double loss_of(const Matrix<double>& atoms, const Matrix<double>& x, const Matrix<double>& codes,
               double lambda, const ReconstructionLoss& parts) {
  std::vector<Index> prefixes = parts.prefixes;
  if (prefixes.empty()) prefixes.push_back(num_atoms);
  const double variance = (x.colwise() - x.rowwise().mean()).squaredNorm();
  double loss = lambda * codes.cwiseAbs().mean();
  for (const Index p : prefixes) {
    const double error = (atoms.leftCols(p) * codes.topRows(p) - x).squaredNorm();
    loss += parts.squared_error * error / static_cast<double>(x.size()) +
            parts.normalised_error * error / variance;
  }
  return loss;
}

}  // namespace

TEST_CASE("losses add, and agree with finite differences", "[joint]") {
  INFO("seeds 1 to 3");
  const ReconstructionLoss parts =
      GENERATE(ReconstructionLoss{.squared_error = 0, .normalised_error = 1},
               ReconstructionLoss{.squared_error = 0.5, .normalised_error = 2},
               ReconstructionLoss{.prefixes = {1, 4, 9}},
               ReconstructionLoss{.normalised_error = 0.5, .prefixes = {3, 9}});
  const Matrix<double> atoms = random_normal<double>(dim, num_atoms, 1);
  const DenseDictionary<double> d(atoms);
  const Matrix<double> x = random_normal<double>(dim, 7, 2);
  const SparseCodes<double> sparse = some_codes(7, 3);
  const Matrix<double> dense = sparse;
  for (const double lambda : {0.0, 0.3}) {
    const double expected = loss_of(atoms, x, dense, lambda, parts);
    const Vector<double> by_atoms = finite_differences(
        [&](const Vector<double>& a) {
          return loss_of(a.reshaped(dim, num_atoms), x, dense, lambda, parts);
        },
        atoms.reshaped());
    // |s| has no derivative at 0: the slope of what is above 0 is checked.
    const Vector<double> by_codes = finite_differences(
        [&](const Vector<double>& s) {
          return loss_of(atoms, x, s.reshaped(num_atoms, 7), 0, parts);
        },
        dense.reshaped());
    const Vector<double> price =
        lambda / static_cast<double>(dense.size()) * dense.reshaped().array().sign();
    Vector<double> gradient;
    Matrix<double> reconstruction;
    {
      ReconstructionGradient<double, Matrix<double>> loss;
      CHECK(loss.evaluate(d, x, dense, lambda, parts) == Approx(expected).epsilon(1e-13));
      CHECK(relative_error(loss.code_gradient().reshaped(), by_codes + price) < 1e-6);
      loss.atom_gradient(dense, gradient);
      CHECK(relative_error(gradient, by_atoms) < 1e-6);
      reconstruction = loss.reconstruction_gradient();
      // A common offset of all reconstructions: what a learned bias is given.
      const Vector<double> by_offset = finite_differences(
          [&](const Vector<double>& offset) {
            // Of x too, but not of its variance.
            ReconstructionLoss fixed = parts;
            const double variance = (x.colwise() - x.rowwise().mean()).squaredNorm();
            fixed.squared_error +=
                parts.normalised_error * static_cast<double>(x.size()) / variance;
            fixed.normalised_error = 0;
            return loss_of(atoms, x.colwise() - offset, dense, lambda, fixed);
          },
          Vector<double>::Zero(dim));
      CHECK(relative_error(reconstruction.rowwise().sum(), by_offset) < 1e-6);
    }
    ReconstructionGradient<double, SparseCodes<double>> loss;
    CHECK(loss.evaluate(d, x, sparse, lambda, parts) == Approx(expected).epsilon(1e-13));
    const Matrix<double> scattered = loss.code_gradient();
    Vector<double> expected_codes = by_codes + price;
    for (Index i = 0; i < dense.size(); ++i)
      if (dense.data()[i] == 0) expected_codes[i] = 0;
    CHECK(relative_error(scattered.reshaped(), expected_codes) < 1e-6);
    loss.atom_gradient(sparse, gradient);
    CHECK(relative_error(gradient, by_atoms) < 1e-6);
    CHECK((loss.reconstruction_gradient() - reconstruction).norm() < 1e-13);
  }
}

TEST_CASE("the loss has the same bits at any number of threads", "[joint]") {
  INFO("seeds 1 to 3");
  const DenseDictionary<float> d(random_normal<float>(64, 1500, 1));
  const Matrix<float> x = random_normal<float>(64, 1100, 2);
  const Matrix<float> codes = random_normal<float>(1500, 1100, 3).cwiseMax(1.0F).array() - 1.0F;
  const auto check = [&](const auto& form) {
    using Codes = std::remove_cvref_t<decltype(form)>;
    ReconstructionGradient<float, Codes> one, two;
    const ReconstructionLoss parts{.prefixes = {400, 1500}};
    CHECK(one.evaluate(d, x, form, 0.1, parts, 1) == two.evaluate(d, x, form, 0.1, parts, 2));
    CHECK((Matrix<float>(one.code_gradient()).array() == Matrix<float>(two.code_gradient()).array())
              .all());
    Vector<float> a, b;
    one.atom_gradient(form, a);
    two.atom_gradient(form, b);
    CHECK((a.array() == b.array()).all());
  };
  check(codes);
  check(SparseCodes<float>(codes.sparseView()));
}

TEST_CASE("losses refuse prefixes that are none, and batches that do not vary", "[joint]") {
  const DenseDictionary<double> d(random_normal<double>(dim, num_atoms, 1));
  const Matrix<double> x = Matrix<double>::Ones(dim, 3), codes = Matrix<double>::Ones(num_atoms, 3);
  ReconstructionGradient<double, Matrix<double>> loss;
  const auto refusal = [&](const ReconstructionLoss& parts) {
    return message_of([&] { loss.evaluate(d, x, codes, 0, parts); });
  };
  const std::string complaint =
      "ReconstructionLoss: prefixes must rise from at least 1 to num_atoms = 9";
  CHECK(refusal({.prefixes = {4}}) == complaint);
  CHECK(refusal({.prefixes = {0, 9}}) == complaint);
  CHECK(refusal({.prefixes = {5, 5, 9}}) == complaint);
  CHECK(refusal({.normalised_error = 1}) ==
        "ReconstructionLoss: the normalised error of a batch that does not vary");
  const test::MinimalDictionary<double> hidden(d.atoms());
  CHECK(message_of([&] {
          loss.evaluate(hidden, x, codes, 0, {.prefixes = {4, 9}});
        }) == "ReconstructionLoss: prefixes need a dictionary that shows its atoms");
}

TEST_CASE("schedules change lambda, the rate and k, step by step", "[joint]") {
  INFO("seeds 1 to 3");
  const Matrix<double> x = random_normal<double>(dim, 20, 1);
  const RandomWeights weights{.dim = dim, .num_atoms = num_atoms, .seed = 2};
  const UnitNorm atoms(random_normal<double>(dim, num_atoms, 3));
  const GradientDescent descent({.learning_rate = 0.1});

  // Two steps under a schedule are one at the first value and one at the second.
  const auto at = [](double first, double second) {
    return Schedule([=](Index step, Index) { return step == 0 ? first : second; });
  };
  Model scheduled{Identity{}, atoms, LinearReluEncoder<double>(weights)};
  Model by_hand = scheduled;
  JointTrainer({.steps = 2, .lambda = at(0.5, 0.1), .learning_rate = at(1, 0.25)}, descent)
      .fit(scheduled, Source(x));
  JointTrainer({.steps = 1, .lambda = 0.5}, descent).fit(by_hand, Source(x));
  JointTrainer({.steps = 1, .lambda = 0.1}, GradientDescent({.learning_rate = 0.025}))
      .fit(by_hand, Source(x));
  CHECK((scheduled.encoder.parameters() - by_hand.encoder.parameters()).norm() < 1e-15);
  CHECK((scheduled.dictionary.atoms() - by_hand.dictionary.atoms()).norm() < 1e-14);

  Model top{Identity{}, atoms, TopKEncoder<double>(weights, 7)};
  JointTrainer({.steps = 2, .lambda = 0, .k = at(6, 2)}).fit(top, Source(x));
  CHECK(top.encoder.k() == 2);
  CHECK(message_of([&] { JointTrainer({.k = 3}).fit(scheduled, Source(x)); }) ==
        "JointTrainer: a schedule of k, and an encoder that has no k");
  CHECK(message_of([&] {
          JointTrainer({.steps = 2, .lambda = at(1, -1)}).fit(by_hand, Source(x));
        }).starts_with("JointTrainer: lambda must be finite and at least 0, is -1"));
}

/// The same encoder, but for the gradient of max(a, 0): that is left to `backward`.
struct Unrectified : LinearReluEncoder<double> {
  using LinearReluEncoder::LinearReluEncoder;
  void backward_rectified() = delete;
};
static_assert(DifferentiableEncoderFor<Unrectified, UnitNorm>);
static_assert(not RectifiedEncoderFor<Unrectified, UnitNorm>);

TEST_CASE("a rectified encoder trains as through the gradient of its codes", "[joint]") {
  INFO("seeds 1 to 3");
  const double lambda = GENERATE(0.0, 0.3);
  CAPTURE(lambda);
  const Matrix<double> x = random_normal<double>(dim, 20, 1);
  const RandomWeights weights{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 2};
  const UnitNorm atoms(random_normal<double>(dim, num_atoms, 3));
  const JointTrainer trainer(
      {.steps = 30, .lambda = lambda, .loss = {.prefixes = {4, num_atoms}}},
      GradientDescent({.learning_rate = 0.1}));
  Model rectified{Identity{}, atoms, LinearReluEncoder<double>(weights)};
  Model free{Identity{}, atoms, Unrectified(weights)};
  const double loss = trainer.fit(rectified, Source(x)).loss;
  CHECK(trainer.fit(free, Source(x)).loss == Approx(loss).epsilon(1e-13));
  CHECK((rectified.dictionary.atoms() - atoms.atoms()).norm() > 0.01);
  CHECK((rectified.dictionary.atoms() - free.dictionary.atoms()).norm() < 1e-12);
  CHECK((rectified.encoder.parameters() - free.encoder.parameters()).norm() < 1e-12);
}

TEST_CASE("a linear-ReLU encoder that is truncated trains as a TopK encoder", "[joint]") {
  INFO("seeds 1 to 3");
  const Matrix<double> x = random_normal<double>(dim, 40, 1);
  const RandomWeights weights{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 2};
  const UnitNorm atoms(random_normal<double>(dim, num_atoms, 3));
  const JointTrainer trainer({.steps = 30, .lambda = 0.3}, Adam({.learning_rate = 1e-2}));
  Model cut{Identity{}, atoms, Truncated(LinearReluEncoder<double>(weights), 3)};
  Model top{Identity{}, atoms, TopKEncoder<double>(weights, 3)};
  const Vector<double> before = top.encoder.parameters();
  const Outcome of_cut = trainer.fit(cut, Source(x, {.batch_size = 10}));
  const Outcome of_top = trainer.fit(top, Source(x, {.batch_size = 10}));
  CHECK(of_cut.loss == Approx(of_top.loss).epsilon(1e-12));
  CHECK((top.encoder.parameters() - before).norm() > 0.5);
  const auto& of_cut_map = cut.encoder.encoder().affine();  // their weights lie in another order
  CHECK((of_cut_map.weights() - top.encoder.affine().weights()).norm() < 1e-10);
  CHECK((of_cut_map.bias() - top.encoder.affine().bias()).norm() < 1e-10);
  CHECK((cut.dictionary.atoms() - top.dictionary.atoms()).norm() < 1e-10);
}

TEST_CASE("a multilayer perceptron is trained with TopK", "[joint]") {
  INFO("seeds 1 to 3");
  const Matrix<float> x =
      SyntheticModel<float>({.dim = 8, .num_atoms = 12, .num_active = 2}, 1).sample(200, 2).signals;
  const RandomWeights init{.dim = 8, .num_atoms = 12, .seed = 3};
  Model model{Identity{}, UnitNormDictionary<float>(random_normal<float>(8, 12, 3)),
              Truncated(MlpEncoder<float>(init, {.hidden = {16}}), 6)};
  double first = -1, l0 = -1;
  const Outcome outcome = JointTrainer({.steps = 600, .lambda = 0, .k = Schedule::linear(6, 2)},
                                       Adam({.learning_rate = 1e-2}))
                              .fit(model, InMemorySource<float>(x), [&](const Progress& progress) {
                                if (progress.step == 1) first = progress.loss;
                                l0 = progress.mean_l0;
                                return true;
                              });
  CHECK(outcome.loss < 0.2 * first);
  CHECK(model.encoder.k() == 2);
  CHECK(l0 > 1);
  CHECK(l0 <= 2);
}

namespace {

/// Adam that takes no parts.
class AdamAtOnce {
 public:
  template <Real S>
  using State = AdamMoments<S>;

  template <Real S>
  [[nodiscard]] State<S> start(Index size) const {
    return adam_.start<S>(size);
  }
  template <Real S>
  void step(AdamMoments<S>& state, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
            double rate_factor = 1) const {
    adam_.step(state, parameters, gradient, rate_factor);
  }
  template <Real S>
  void reset(AdamMoments<S>& state, Index begin, Index count, Index stride = 1) const {
    adam_.reset(state, begin, count, stride);
  }
  [[nodiscard]] std::int64_t step_flops(Index size) const { return adam_.step_flops(size); }

 private:
  Adam adam_;
};
static_assert(Optimizer<AdamAtOnce, float> && !OptimizerByParts<AdamAtOnce, float>);

}  // namespace

TEST_CASE("steps that are made part by part have the bits of those made at once", "[joint]") {
  INFO("seeds 1 to 3");
  constexpr Index deep = 200, wide = 170;  // three blocks of atoms
  static_assert(detail::atoms_in_cache(deep) < wide / 2);
  const Matrix<float> x = random_normal<float>(deep, 40, 1);
  const RandomWeights init{.dim = deep, .num_atoms = wide, .bias = true, .seed = 2};
  const UnitNormDictionary<float> atoms(random_normal<float>(deep, wide, 3));
  const auto check = [&](const auto& dictionary, const auto& encoder, JointTrainerOptions options) {
    options.steps = 4;
    const auto train = [&](const auto& optimizer, Index threads) {
      Model model{Identity{}, dictionary, encoder};
      options.threads = threads;
      const JointTrainer trainer(options, optimizer);
      const Outcome outcome = trainer.fit(model, InMemorySource<float>(x));
      return std::pair(model, outcome);
    };
    const auto [expected, outcome] = train(AdamAtOnce(), 1);
    for (const Index threads : {1, 2}) {
      const auto [model, other] = train(Adam(), threads);
      CAPTURE(threads);
      CHECK(other.loss == outcome.loss);
      CHECK(other.flops == outcome.flops);
      CHECK((model.dictionary.atoms().array() == expected.dictionary.atoms().array()).all());
      CHECK((model.encoder.parameters().array() == expected.encoder.parameters().array()).all());
    }
  };
  const TopKEncoder<float> top(init, 5);
  check(atoms, top, {});
  check(atoms, TopKEncoder<float>(init, 5, {.threads = 2}), {});
  check(atoms, TopKEncoder<float>(RandomWeights{.dim = deep, .num_atoms = wide, .seed = 2}, 5), {});
  check(atoms, top, {.tangent_gradient = false});
  check(atoms, top, {.learn_dictionary = false});
  check(atoms, top, {.max_gradient_norm = 1e-3});
  check(atoms, top, {.loss = {.prefixes = {60, wide}}});
  check(DenseDictionary<float>(atoms.atoms()), top, {});
  check(atoms, BatchTopKEncoder<float>(init, 5), {});
  check(atoms, LinearReluEncoder<float>(init), {});
}

TEST_CASE("a gradient is cut to the length it may have", "[joint]") {
  INFO("seeds 1 to 4");
  const Matrix<double> x = 10 * random_normal<double>(dim, 20, 1);
  const Model start{
      LearnedBias<double>(random_normal<double>(dim, 1, 4)),
      DenseDictionary<double>(random_normal<double>(dim, num_atoms, 2)),
      LinearReluEncoder<double>(RandomWeights{.dim = dim, .num_atoms = num_atoms, .seed = 3})};
  const auto moved = [&](double most) {
    auto model = start;
    JointTrainer({.steps = 1, .max_gradient_norm = most}, GradientDescent({.learning_rate = 1}))
        .fit(model, Source(x));
    Vector<double> move(dim + num_atoms * dim * 2);
    move << model.transform.parameters() - start.transform.parameters(),
        (model.dictionary.atoms() - start.dictionary.atoms()).reshaped(),
        model.encoder.parameters() - start.encoder.parameters();
    return move;
  };
  const Vector<double> whole = moved(0);
  REQUIRE(whole.norm() > 1);
  CHECK((moved(0.5) - 0.5 * whole.normalized()).norm() < 1e-12);
  CHECK((moved(2 * whole.norm()) - whole).norm() == 0);
}

TEST_CASE("a training resumed has the bits of one that was not interrupted", "[joint]") {
  INFO("seeds 1 to 5");
  const Matrix<float> x = random_normal<float>(dim, 60, 1);
  const RandomWeights weights{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 2};
  const auto check = [&](const auto& encoder, const auto& revival) {
    const InMemorySource<float> source(x, {.batch_size = 16, .seed = 3});
    const JointTrainer trainer(
        {.steps = 40, .lambda = Schedule([](Index step, Index) { return 0.01 * double(step); })},
        Adam(), revival);
    const Model start{LearnedBias<float>(random_normal<float>(dim, 1, 4)),
                      UnitNormDictionary<float>(random_normal<float>(dim, num_atoms, 5)), encoder};
    auto whole = start;
    const Outcome expected = trainer.fit(whole, InMemorySource<float>(source));

    auto model = start;
    auto state = trainer.start(model);
    const auto stop_at_17 = [](const Progress& progress) { return progress.step != 17; };
    CHECK(trainer.resume(model, state, InMemorySource<float>(source), stop_at_17).status ==
          Status::stopped);
    CHECK(state.step == 17);
    // As a file would give them back.
    auto model_later = model;
    auto state_later = state;
    const Outcome outcome = trainer.resume(model_later, state_later, InMemorySource<float>(source));
    CHECK(outcome.steps == expected.steps);
    CHECK(outcome.loss == expected.loss);
    CHECK(outcome.flops == expected.flops);
    CHECK(outcome.status == Status::completed);
    CHECK((model_later.encoder.parameters().array() == whole.encoder.parameters().array()).all());
    CHECK((model_later.dictionary.atoms().array() == whole.dictionary.atoms().array()).all());
    CHECK((model_later.transform.bias().array() == whole.transform.bias().array()).all());
    if constexpr (EncoderWithStatistics<std::remove_cvref_t<decltype(encoder)>>)
      CHECK((model_later.encoder.statistics().array() == whole.encoder.statistics().array()).all());
  };
  // Two latents that nothing activates, and thresholds that grow with lambda: dead before and
  // after.
  Vector<float> bias = Vector<float>::Zero(num_atoms);
  bias[2] = bias[5] = -100;
  const Matrix<float> begin = random_normal<float>(num_atoms, dim, 6);
  check(JumpReluEncoder<float>(begin, bias, JumpReluOptions{}),
        Resample({.window = 5, .every = 7}));
  check(GatedEncoder<float>(weights), NoRevival());
  check(BatchTopKEncoder<float>(weights, 2), AuxiliaryK({.window = 3}));
}

TEMPLATE_TEST_CASE("a bias beside a scale follows the loss", "[joint]",
                   (Composed<Scale<double>, LearnedBias<double>>),
                   (Composed<LearnedBias<double>, Scale<double>>)) {
  INFO("seeds 1 to 4");
  const Matrix<double> x = random_normal<double>(dim, 6, 1);
  const auto with_bias = [](const Vector<double>& bias) {
    if constexpr (std::is_same_v<TestType, Composed<Scale<double>, LearnedBias<double>>>)
      return TestType(Scale<double>(5), LearnedBias<double>(bias));
    else
      return TestType(LearnedBias<double>(bias), Scale<double>(5));
  };
  const Vector<double> bias = random_normal<double>(dim, 1, 2);
  const DenseDictionary<double> d(random_normal<double>(dim, num_atoms, 3));
  // A positive bias of the encoder keeps every code away from its kink.
  const LinearReluEncoder<double> encoder(0.01 * random_normal<double>(num_atoms, dim, 4),
                                          Vector<double>::Ones(num_atoms));
  const auto loss = [&](const Vector<double>& b) {
    Model model{with_bias(b), d, encoder};
    return JointTrainer({.steps = 1, .lambda = 0.3}).fit(model, Source(x)).loss;
  };
  Model model{with_bias(bias), d, encoder};
  JointTrainer({.steps = 1, .lambda = 0.3}, GradientDescent({.learning_rate = 1e-3}))
      .fit(model, Source(x));
  const Vector<double> taken = (bias - Vector<double>(model.transform.parameters())) / 1e-3;
  CHECK(relative_error(taken, finite_differences(loss, bias)) < 1e-6);
}

TEST_CASE("own terms are priced in place of |s|", "[joint]") {
  INFO("seeds 1 to 3");
  // One step of descent on the thresholds alone shows what lambda did: the codes' |s| has no part.
  const Matrix<double> x = random_normal<double>(dim, 50, 1);
  const RandomWeights weights{.dim = dim, .num_atoms = num_atoms, .seed = 2};
  const Model start{Identity{}, UnitNorm(random_normal<double>(dim, num_atoms, 3)),
                    JumpReluEncoder<double>(weights, {.threshold = 0.5, .bandwidth = 0.5})};
  const auto after = [&](double lambda) {
    auto model = start;
    JointTrainer({.steps = 1, .lambda = lambda}, GradientDescent({.learning_rate = 0.1}))
        .fit(model, Source(x));
    return Vector<double>(model.encoder.parameters());
  };
  typename JumpReluEncoder<double>::Tape tape;
  start.encoder.forward(start.dictionary, x, tape);
  Vector<double> gradient = Vector<double>::Zero(start.encoder.parameters().size());
  start.encoder.own_terms(start.dictionary, x, tape, 0.7, gradient);
  REQUIRE(gradient.norm() > 0);
  CHECK((after(0.7) - after(0) + 0.1 * gradient).norm() < 1e-14);
}

TEST_CASE("distillation: an encoder learns what a solver finds, on the dictionary as it is",
          "[supervised]") {
  INFO("seeds 1 to 4");
  const SyntheticModel<double> truth(SyntheticOptions{.dim = 8, .num_atoms = 12, .num_active = 2},
                                     1);
  const auto sample = truth.sample(400, 2);
  const UnitNorm d(truth.atoms());
  const SparseCodes<double> solved = ActiveSet(NonnegativeL1(0.05)).encode(d, sample.signals);
  Model model{
      Identity{}, d,
      LinearReluEncoder<double>(RandomWeights{.dim = 8, .num_atoms = 12, .bias = true, .seed = 3})};
  const auto error = [&] {
    return (model.encode(sample.signals) - Matrix<double>(solved)).squaredNorm() /
           solved.squaredNorm();
  };
  const double before = error();
  const SupervisedTrainer<SquaredLoss> trainer({.steps = 600}, Adam({.learning_rate = 1e-2}));
  const LabelledInMemorySource<double> source(sample.signals, solved,
                                              {.batch_size = 100, .seed = 4});
  auto state = trainer.start(model);
  auto interrupted = model;
  auto state_of_interrupted = state;
  trainer.resume(model, state, LabelledInMemorySource<double>(source));
  CHECK(error() < 0.3);
  CHECK(before > 0.9);
  CHECK((model.dictionary.atoms().array() == d.atoms().array()).all());
  // Resumed, the same bits.
  const auto stop = [](const Progress& progress) { return progress.step != 250; };
  trainer.resume(interrupted, state_of_interrupted, LabelledInMemorySource<double>(source), stop);
  REQUIRE(state_of_interrupted.step == 250);
  trainer.resume(interrupted, state_of_interrupted, LabelledInMemorySource<double>(source));
  CHECK((interrupted.encoder.parameters().array() == model.encoder.parameters().array()).all());
}
