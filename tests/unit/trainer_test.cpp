// SPDX-License-Identifier: MIT
// Trainers: their gradients against finite differences, their steps against steps by hand.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/concepts/trainer.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/sparse_coding.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/least_squares.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace {

using namespace lacuna;
using test::finite_differences;
using test::relative_error;
using Dense = DenseDictionary<double>;
using UnitNorm = UnitNormDictionary<double>;
using Linear = LinearReluEncoder<double>;
using TopK = TopKEncoder<double>;
using Bias = LearnedBias<double>;
using Source = InMemorySource<double>;
using Labelled = LabelledInMemorySource<double>;
using Omp = OrthogonalMatchingPursuit;

template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

bool same_bits(const Matrix<double>& a, const Matrix<double>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

SyntheticModel<double> synthetic(Index dim, Index num_atoms, Index num_active, std::uint64_t seed) {
  return {{.dim = dim, .num_atoms = num_atoms, .num_active = num_active}, seed};
}

/// A number of random places of a matrix, with values that are not near the kink of |s|.
SparseCodes<double> random_sparse(Index rows, Index cols, double share, std::uint64_t seed) {
  RandomStream random(seed);
  Matrix<double> codes = Matrix<double>::Zero(rows, cols);
  for (Index k = 0; k < codes.size(); ++k)
    if (random.uniform<double>() < share)
      codes.data()[k] = std::copysign(0.1 + random.uniform<double>(), random.normal<double>());
  return codes.sparseView();
}

Vector<double> values_of(const SparseCodes<double>& codes) {
  return Eigen::Map<const Vector<double>>(codes.valuePtr(), codes.nonZeros());
}

SparseCodes<double> with_values(SparseCodes<double> codes, const Vector<double>& values) {
  Eigen::Map<Vector<double>>(codes.valuePtr(), codes.nonZeros()) = values;
  return codes;
}

/// The loss as it is written: mean (x - x^)^2 + lambda mean |s|.
double loss_of(const Matrix<double>& x, const Matrix<double>& reconstruction,
               const Matrix<double>& codes, double lambda) {
  return (x - reconstruction).squaredNorm() / double(x.size()) +
         lambda * codes.cwiseAbs().sum() / double(codes.size());
}

template <class T, class D, class E>
double loss_of(const Model<T, D, E>& model, const Matrix<double>& x, double lambda) {
  const Matrix<double> codes = model.encode(x);
  return loss_of(x, model.decode(codes), codes, lambda);
}

constexpr double step_size = 1e-3;
const GradientDescent plain({.learning_rate = step_size});

/// The gradient that a step of plain descent took.
Vector<double> gradient_taken(const Matrix<double>& before, const Matrix<double>& after) {
  return ((before - after) / step_size).reshaped();
}

}  // namespace

// ---- what fits ----------------------------------------------------------------------------------

static_assert(TrainerFor<JointTrainer<>, Model<Identity, UnitNorm, Linear>, Source>);
static_assert(TrainerFor<JointTrainer<GradientDescent>, Model<Bias, Dense, TopK>, Labelled>);
static_assert(
    TrainerFor<JointTrainer<>, Model<Identity, test::MinimalDictionary<double>, Linear>, Source>);
static_assert(TrainerFor<SupervisedTrainer<>, Model<Identity, UnitNorm, TopK>, Labelled>);
static_assert(
    TrainerFor<AlternatingTrainer<LeastSquaresUpdate>, Model<Identity, UnitNorm, Omp>, Source>);
static_assert(TrainerFor<SparseCodingTrainer<>, Model<Identity, UnitNorm, Linear>, Source>);
static_assert(TrainerFor<SparseCodingTrainer<>, Model<Bias, UnitNorm, Linear>, Source>);
// A solver has no gradient, a source of signals no labels, an implicit dictionary no atoms to move.
static_assert(
    not TrainerFor<JointTrainer<>, Model<Identity, UnitNorm, Fista<NonnegativeL1>>, Source>);
static_assert(not TrainerFor<SupervisedTrainer<>, Model<Identity, UnitNorm, Linear>, Source>);
static_assert(not TrainerFor<AlternatingTrainer<BlockCoordinateUpdate>,
                             Model<Identity, test::MinimalDictionary<double>, Omp>, Source>);

// ---- the reconstruction loss --------------------------------------------------------------------

TEST_CASE("ReconstructionGradient agrees with finite differences", "[reconstruction_gradient]") {
  const double lambda = GENERATE(0.0, 0.7);
  const Dense d(random_normal<double>(4, 6, 1));
  const Matrix<double> x = random_normal<double>(4, 5, 2);
  const SparseCodes<double> sparse = random_sparse(6, 5, 0.5, 3);
  const Matrix<double> scattered = sparse;
  // Dense codes without a zero: |s| has no derivative there.
  const Matrix<double> dense = random_sparse(6, 5, 2.0, 4);
  REQUIRE(dense.cwiseAbs().minCoeff() >= 0.1);
  CAPTURE(lambda);

  ReconstructionGradient<double, Matrix<double>> by_matrix;
  CHECK(by_matrix.evaluate(d, x, dense, lambda) ==
        Approx(loss_of(x, d.atoms() * dense, dense, lambda)).epsilon(1e-13));
  const auto by_codes = [&](const Vector<double>& s) {
    const Matrix<double> codes = s.reshaped(6, 5);
    return loss_of(x, d.atoms() * codes, codes, lambda);
  };
  CHECK(relative_error(by_matrix.code_gradient().reshaped(),
                       finite_differences(by_codes, dense.reshaped())) < 1e-6);
  Vector<double> gradient;
  by_matrix.atom_gradient(dense, gradient);
  const auto by_atoms = [&](const Matrix<double>& codes) {
    return finite_differences(
        [&](const Vector<double>& atoms) {
          return loss_of(x, Matrix<double>(atoms.reshaped(4, 6)) * codes, codes, lambda);
        },
        d.atoms().reshaped());
  };
  CHECK(relative_error(gradient, by_atoms(dense)) < 1e-6);
  // Codes made of others.
  const Matrix<double> logarithms = random_normal<double>(6, 5, 5);
  const Matrix<double> exponentials = logarithms.array().exp();
  by_matrix.evaluate<CodeForm::exponential>(d, x, exponentials, lambda);
  CHECK(relative_error(
            by_matrix.code_gradient().reshaped(),
            finite_differences([&](const Vector<double>& u) { return by_codes(u.array().exp()); },
                               logarithms.reshaped())) < 1e-6);
  by_matrix.evaluate<CodeForm::rectified>(d, x, dense.cwiseMax(0), lambda);
  CHECK(relative_error(
            by_matrix.code_gradient().reshaped(),
            finite_differences([&](const Vector<double>& a) { return by_codes(a.cwiseMax(0)); },
                               dense.reshaped())) < 1e-6);
  by_matrix.evaluate(d, x, dense, lambda);
  CHECK((by_matrix.residual() - (d.atoms() * dense - x)).norm() < 1e-13);
  CHECK((by_matrix.reconstruction_gradient() - 2.0 / 20 * (d.atoms() * dense - x)).norm() < 1e-13);
  CHECK(by_matrix.evaluate_flops(4, dense) == 4 * 4 * 30 + 3 * 20 + 3 * 30);
  CHECK(by_matrix.atom_gradient_flops(4, dense) == 2 * 4 * 30);

  ReconstructionGradient<double, SparseCodes<double>> by_entries;
  CHECK(by_entries.evaluate(d, x, sparse, lambda) ==
        Approx(loss_of(x, d.atoms() * scattered, scattered, lambda)).epsilon(1e-13));
  const auto by_values = [&](const Vector<double>& values) {
    const Matrix<double> codes = with_values(sparse, values);
    return loss_of(x, d.atoms() * codes, codes, lambda);
  };
  REQUIRE(by_entries.code_gradient().nonZeros() == sparse.nonZeros());
  CHECK(relative_error(values_of(by_entries.code_gradient()),
                       finite_differences(by_values, values_of(sparse))) < 1e-6);
  by_entries.atom_gradient(sparse, gradient);
  CHECK(relative_error(gradient, by_atoms(scattered)) < 1e-6);
  CHECK(by_entries.atom_gradient_flops(4, sparse) == 2 * 4 * sparse.nonZeros());

  // A code of 0 is no price: there the gradient is that of the squared error.
  by_matrix.evaluate(d, x, scattered, lambda);
  const Matrix<double> squares = 2.0 / 20 * d.atoms().transpose() * (d.atoms() * scattered - x);
  for (Index k = 0; k < scattered.size(); ++k)
    if (scattered.data()[k] == 0)
      REQUIRE(by_matrix.code_gradient().data()[k] == Approx(squares.data()[k]).margin(1e-14));

  // A dictionary without a matrix gives the same, by decode and correlate.
  const test::MinimalDictionary<double> hidden(d.atoms());
  const Matrix<double> expected = by_matrix.code_gradient();
  const double value = by_matrix.evaluate(hidden, x, scattered, lambda);
  CHECK((by_matrix.code_gradient() - expected).norm() < 1e-13);
  CHECK(by_entries.evaluate(hidden, x, sparse, lambda) == Approx(value).epsilon(1e-13));
  CHECK(by_entries.code_gradient().nonZeros() == sparse.nonZeros());
}

// ---- losses on known codes ----------------------------------------------------------------------

TEMPLATE_TEST_CASE("losses on known codes agree with finite differences", "[code_loss]", CosineLoss,
                   SquaredLoss) {
  const SparseCodes<double> targets = random_sparse(5, 8, 0.4, 11);
  const Matrix<double> dense = random_normal<double>(5, 8, 12);
  const auto by_codes = [&](const Vector<double>& s) {
    Matrix<double> unused;
    return TestType::template evaluate<double>(Matrix<double>(s.reshaped(5, 8)), targets, unused);
  };
  Matrix<double> gradient;
  TestType::template evaluate<double>(dense, targets, gradient);
  CHECK(relative_error(gradient.reshaped(), finite_differences(by_codes, dense.reshaped())) < 1e-6);

  const SparseCodes<double> sparse = random_sparse(5, 8, 0.5, 13);
  SparseCodes<double> entries;
  const double loss = TestType::template evaluate<double>(sparse, targets, entries);
  CHECK(loss ==
        Approx(TestType::template evaluate<double>(Matrix<double>(sparse), targets, gradient))
            .epsilon(1e-13));
  REQUIRE(entries.nonZeros() == sparse.nonZeros());
  const auto by_values = [&](const Vector<double>& values) {
    SparseCodes<double> unused;
    return TestType::template evaluate<double>(with_values(sparse, values), targets, unused);
  };
  CHECK(relative_error(values_of(entries), finite_differences(by_values, values_of(sparse))) <
        1e-6);
  CHECK(refusal([&] {
          Matrix<double> unused;
          TestType::template evaluate<double>(Matrix<double>(5, 7), targets, unused);
        }).ends_with("codes are 5 x 7, known codes are 5 x 8: expected one shape"));
}

TEST_CASE("SquaredLoss is the mean square, CosineLoss the mean cosine", "[code_loss]") {
  Matrix<double> codes(2, 3), known(2, 3), gradient;
  codes << 1, 0, 2,  //
      3, 4, 0;
  known << 2, 0, 0,  //
      0, 2, 0;
  const SparseCodes<double> targets = known.sparseView();
  CHECK(SquaredLoss::evaluate<double>(codes, targets, gradient) == Approx((1.0 + 4 + 9 + 4) / 6));
  CHECK((gradient - 2.0 / 6 * (codes - known)).norm() < 1e-15);
  CHECK(CosineLoss::evaluate<double>(codes, targets, gradient) ==
        Approx(-0.5 * (1 / std::sqrt(5.0) + 0.8)));
}

TEST_CASE("CosineLoss is blind to the scale of a latent and to latents that are dead",
          "[code_loss]") {
  const SparseCodes<double> targets = random_sparse(4, 9, 0.5, 14);
  Matrix<double> codes = random_normal<double>(4, 9, 15), gradient, unused;
  const double loss = CosineLoss::evaluate<double>(codes, targets, gradient);
  // No slope along the scale of a row, and the same loss at another one.
  CHECK(codes.cwiseProduct(gradient).rowwise().sum().cwiseAbs().maxCoeff() < 1e-15);
  Matrix<double> scaled = codes;
  scaled.row(0) *= 1e-3;
  scaled.row(1) *= 1e4;
  CHECK(CosineLoss::evaluate<double>(scaled, targets, unused) == Approx(loss).epsilon(1e-13));
  // Codes that are the known ones up to scale cannot be better.
  const Matrix<double> perfect = 3 * Matrix<double>(targets);
  CHECK(CosineLoss::evaluate<double>(perfect, targets, unused) == Approx(-1).epsilon(1e-14));
  CHECK(unused.cwiseAbs().maxCoeff() < 1e-14);

  // A row that is not active has cosine 0 and counts in the mean; so does one never asked for.
  const double length = codes.row(2).norm(), known = Matrix<double>(targets).row(2).norm();
  const double cosine = codes.row(2).dot(Matrix<double>(targets).row(2)) / (length * known);
  codes.row(2).setZero();
  const double without = CosineLoss::evaluate<double>(codes, targets, unused);
  CHECK(without == Approx(loss + cosine / 4).epsilon(1e-13));
  CHECK(unused.allFinite());
  // Up to 1e-8 the row counts as that long, and the loss is linear in it.
  const Matrix<double> linear = -Matrix<double>(targets).row(2) / (1e-8 * known * 4);
  CHECK((unused.row(2) - linear).norm() < 1e-12 * linear.norm());
  Matrix<double> silent = targets;
  silent.row(1).setZero();
  CosineLoss::evaluate<double>(codes, SparseCodes<double>(silent.sparseView()), unused);
  CHECK(unused.row(1).isZero(0));
}

// ---- joint training -----------------------------------------------------------------------------

TEST_CASE("a step of JointTrainer is the step by hand", "[joint]") {
  // x = 2, w = 0.5, d = 3: s = 1, residual 1. dloss/dd = 2 * 1 * 1, dloss/ds = 2 * 3 * 1 + 0.5,
  // dloss/dw = 2 dloss/ds.
  const Matrix<double> x{{2}}, weight{{0.5}}, atom{{3}};
  Model model{Identity{}, Dense(atom), Linear(weight)};
  const JointTrainer trainer({.steps = 1, .lambda = 0.5}, GradientDescent({.learning_rate = 0.01}));
  const Outcome outcome = trainer.fit(model, Source(x));
  CHECK(outcome.loss == Approx(1.5));
  CHECK(outcome.steps == 1);
  CHECK(outcome.status == Status::completed);
  CHECK(model.dictionary.atoms()(0, 0) == Approx(3 - 0.01 * 2).epsilon(1e-14));
  CHECK(model.encoder.parameters()[0] == Approx(0.5 - 0.01 * 13).epsilon(1e-14));
}

TEST_CASE("steps of JointTrainer follow the gradient of the whole loss", "[joint]") {
  // From several places, all three parts of the model at once.
  const std::uint64_t seed = GENERATE(21U, 22U, 23U);
  const double lambda = 0.3;
  INFO("seed " << seed);
  const auto check = [&](const auto& encoder, const auto& distance) {
    const Vector<double> bias = random_normal<double>(3, 1, derive_seed(seed, 1));
    const auto preactivation = [&](const Matrix<double>& x) {
      Matrix<double> values;
      encoder.affine().apply(Matrix<double>(x.colwise() - bias), values);
      return values;
    };
    const auto clear = [&](const Matrix<double>& x) { return distance(preactivation(x)); };
    const Matrix<double> x = test::signals_clear_of_kinks(3, 6, seed, 1e-2, clear);
    REQUIRE(clear(x) > 1e-2);
    Model model{Bias(bias), Dense(random_normal<double>(3, 5, derive_seed(seed, 2))), encoder};
    const auto before = model;
    const Outcome outcome =
        JointTrainer({.steps = 1, .lambda = lambda}, plain).fit(model, Source(x));
    CHECK(outcome.loss == Approx(loss_of(before, x, lambda)).epsilon(1e-13));

    const auto by = [&](const Vector<double>& at, auto&& set) {
      return finite_differences(
          [&](const Vector<double>& values) {
            auto moved = before;
            set(moved, values);
            return loss_of(moved, x, lambda);
          },
          at);
    };
    const Vector<double> by_encoder =
        by(before.encoder.parameters(),
           [](auto& m, const Vector<double>& v) { m.encoder.parameters() = v; });
    const Vector<double> by_atoms =
        by(before.dictionary.atoms().reshaped(), [](auto& m, const Vector<double>& v) {
          m.dictionary = Dense(Matrix<double>(v.reshaped(3, 5)));
        });
    const Vector<double> by_bias =
        by(bias, [](auto& m, const Vector<double>& v) { m.transform.parameters() = v; });
    REQUIRE(std::min({by_encoder.norm(), by_atoms.norm(), by_bias.norm()}) > 1e-3);
    CHECK(relative_error(gradient_taken(before.encoder.parameters(), model.encoder.parameters()),
                         by_encoder) < 1e-6);
    CHECK(relative_error(gradient_taken(before.dictionary.atoms(), model.dictionary.atoms()),
                         by_atoms) < 1e-6);
    CHECK(relative_error(gradient_taken(bias, model.transform.bias()), by_bias) < 1e-6);
  };
  const RandomWeights init{.dim = 3, .num_atoms = 5, .bias = true, .seed = derive_seed(seed, 3)};
  check(Linear(init), [](const Matrix<double>& v) { return test::distance_to_relu_kink(v); });
  check(TopK(init, 2), [](const Matrix<double>& v) { return test::distance_to_top_k_kink(v, 2); });
}

TEST_CASE("JointTrainer restores unit norm after each step, outside the gradient", "[joint]") {
  const Matrix<double> x = random_normal<double>(4, 20, 31);
  const Matrix<double> atoms = gaussian_dictionary<double>(4, 6, 32);
  const Linear encoder(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 33});
  Model free{Identity{}, Dense(atoms), encoder};
  Model unit{Identity{}, UnitNorm(atoms), encoder};
  Model turned = unit;
  const GradientDescent descent({.learning_rate = 0.5});
  const JointTrainer one({.steps = 1, .tangent_gradient = false}, descent);
  one.fit(free, Source(x));
  one.fit(unit, Source(x));
  CHECK((unit.dictionary.atoms() - free.dictionary.atoms().colwise().normalized()).norm() < 1e-14);
  // Without the part of the gradient along the atom, a step is at a right angle to it.
  JointTrainer({.steps = 1}, descent).fit(turned, Source(x));
  for (Index i = 0; i < 6; ++i) {
    const Vector<double> atom = atoms.col(i), move = free.dictionary.atoms().col(i) - atom;
    const Vector<double> expected = atom + move - move.dot(atom) * atom;
    CHECK((turned.dictionary.atoms().col(i) - expected.normalized()).norm() < 1e-14);
  }
  CHECK((free.dictionary.atoms() - unit.dictionary.atoms()).norm() > 1e-3);
  JointTrainer({.steps = 200}).fit(unit, Source(x));
  CHECK((unit.dictionary.atoms().colwise().norm().array() - 1).abs().maxCoeff() < 1e-14);
}

TEMPLATE_TEST_CASE("JointTrainer lowers the loss, and the dictionary only where it is asked to",
                   "[joint]", float, double) {
  using S = TestType;
  const auto data =
      SyntheticModel<S>({.dim = 6, .num_atoms = 9, .num_active = 2}, 41).sample(200, 42);
  const Matrix<S> atoms = gaussian_dictionary<S>(6, 9, 43);
  const bool learn = GENERATE(true, false);
  const JointTrainer trainer({.steps = 400, .lambda = 0.01, .learn_dictionary = learn},
                             Adam({.learning_rate = 1e-2}));
  const auto train = [&](auto encoder) {
    Model model{Identity{}, UnitNormDictionary<S>(atoms), encoder};
    const Matrix<S> before = model.dictionary.atoms();
    double first = -1;
    const Outcome outcome =
        trainer.fit(model, InMemorySource<S>(data.signals), [&](const Progress& progress) {
          if (progress.step == 1) first = progress.loss;
          return true;
        });
    CHECK(outcome.loss < 0.7 * first);
    CHECK(((model.dictionary.atoms().array() == before.array()).all()) == !learn);
    return outcome.loss;
  };
  train(LinearReluEncoder<S>(RandomWeights{.dim = 6, .num_atoms = 9, .bias = true, .seed = 44}));
  train(TopKEncoder<S>(RandomWeights{.dim = 6, .num_atoms = 9, .seed = 44}, 2));
}

TEST_CASE("LearnedBias learns the mean", "[joint]") {
  Matrix<double> x = synthetic(4, 6, 2, 51).sample(100, 52).signals;
  const Vector<double> offset{{5, -3, 0, 8}};
  x.colwise() += offset;
  const Vector<double> mean = x.rowwise().mean();
  // With an encoder that is silent, the loss is mean (x - b)^2: descent at rate dim / 2 is one
  // step.
  const Vector<double> never = Vector<double>::Constant(6, -1000);
  Model silent{Bias(Vector<double>::Zero(4)), UnitNorm(gaussian_dictionary<double>(4, 6, 53)),
               Linear(random_normal<double>(6, 4, 54), never)};
  JointTrainer({.steps = 1}, GradientDescent({.learning_rate = 2})).fit(silent, Source(x));
  CHECK((silent.transform.bias() - mean).norm() < 1e-12);

  // Codes that cost more than anything in these signals is worth: training takes the offset, which
  // they carry at first, out of them and into the bias.
  Model model{Bias(Vector<double>::Zero(4)), UnitNorm(gaussian_dictionary<double>(4, 6, 53)),
              Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 55})};
  REQUIRE(model.encode(x).maxCoeff() > 4);
  JointTrainer({.steps = 1500, .lambda = 5}, Adam({.learning_rate = 2e-2})).fit(model, Source(x));
  CHECK((model.transform.bias() - mean).norm() < 0.05 * mean.norm());
  CHECK(model.encode(x).maxCoeff() < 0.5);
}

TEST_CASE("an observer may look on and may stop", "[joint]") {
  const auto data = synthetic(4, 6, 2, 61).sample(40, 62);
  const auto model_at_start = [&] {
    return Model{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 6, 63)),
                 Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 64})};
  };
  const JointTrainer trainer({.steps = 10});
  std::vector<Progress> seen;
  auto stopped = model_at_start();
  const Outcome outcome = trainer.fit(stopped, Source(data.signals), [&](const Progress& progress) {
    seen.push_back(progress);
    return progress.step < 3;
  });
  CHECK(outcome.status == Status::stopped);
  CHECK(outcome.steps == 3);
  REQUIRE(seen.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(seen[i].step == static_cast<Index>(i) + 1);
    CHECK(seen[i].total_steps == 10);
  }
  CHECK(seen[2].loss == outcome.loss);
  auto three = model_at_start();
  JointTrainer({.steps = 3}).fit(three, Source(data.signals));
  CHECK(same_bits(stopped.encoder.parameters(), three.encoder.parameters()));
  CHECK(same_bits(stopped.dictionary.atoms(), three.dictionary.atoms()));

  auto alone = model_at_start(), watched = model_at_start();
  trainer.fit(alone, Source(data.signals));
  const Outcome all =
      trainer.fit(watched, Source(data.signals), [](const Progress&) { return true; });
  CHECK(all.status == Status::completed);
  CHECK(same_bits(alone.encoder.parameters(), watched.encoder.parameters()));
}

TEST_CASE("JointTrainer takes a batch a step, and equal seeds give equal bits", "[joint]") {
  const auto data = synthetic(4, 6, 2, 71).sample(50, 72);
  const auto fit = [&](std::uint64_t seed) {
    Model model{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 6, 73)),
                Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = seed})};
    JointTrainer({.steps = 30}).fit(model, Source(data.signals, {.batch_size = 8, .seed = seed}));
    return model;
  };
  const auto a = fit(74), b = fit(74), c = fit(75);
  CHECK(same_bits(a.encoder.parameters(), b.encoder.parameters()));
  CHECK(same_bits(a.dictionary.atoms(), b.dictionary.atoms()));
  CHECK_FALSE(same_bits(a.dictionary.atoms(), c.dictionary.atoms()));

  // Descent remembers nothing, so steps on batches are fits of one step on each.
  Model together{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 6, 73)),
                 Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 76})};
  auto apart = together;
  Source source(data.signals, {.batch_size = 8, .seed = 77});
  JointTrainer({.steps = 9}, plain).fit(together, source);
  for (Index step = 0; step < 9; ++step)
    JointTrainer({.steps = 1}, plain).fit(apart, Source(source.batch(step)));
  CHECK(same_bits(together.encoder.parameters(), apart.encoder.parameters()));
  CHECK(same_bits(together.dictionary.atoms(), apart.dictionary.atoms()));
}

TEST_CASE("JointTrainer counts its flops", "[joint]") {
  const Index dim = 4, num_atoms = 6, n = 10;
  const Matrix<double> x = random_normal<double>(dim, n, 81);
  const auto flops = [&](bool learn) {
    Model model{Identity{}, UnitNorm(gaussian_dictionary<double>(dim, num_atoms, 82)),
                Linear(RandomWeights{.dim = dim, .num_atoms = num_atoms, .seed = 83})};
    return JointTrainer({.steps = 3, .learn_dictionary = learn, .tangent_gradient = false}, plain)
        .fit(model, Source(x))
        .flops;
  };
  // Encoder 2 + 2, decoder and its transpose 2 + 2 dim num_atoms a signal; residual, |s| and its
  // slope 3 an entry; descent 4 a weight. The dictionary: 2 dim num_atoms a signal, descent 4 and
  // norm 3 an entry.
  const Index fixed = 8 * dim * num_atoms * n + 3 * (dim + num_atoms) * n + 4 * dim * num_atoms;
  CHECK(flops(false) == 3 * fixed);
  CHECK(flops(true) == 3 * (fixed + 2 * dim * num_atoms * n + 7 * dim * num_atoms));
}

TEST_CASE("JointTrainer refuses what it cannot do, by name", "[joint]") {
  CHECK(refusal([] { JointTrainer({.steps = -1}); }) ==
        "JointTrainer: steps must be at least 0, is -1");
  CHECK(refusal([] { JointTrainer({.lambda = -0.5}); }) ==
        "JointTrainer: lambda must be finite and at least 0, is -0.5");
  CHECK(refusal([] { JointTrainer({.lambda = std::numeric_limits<double>::infinity()}); }) ==
        "Schedule: the value must be finite, is inf");

  const Matrix<double> x = random_normal<double>(4, 10, 91);
  const Matrix<double> atoms = gaussian_dictionary<double>(4, 6, 92);
  Model fixed{Identity{}, test::MinimalDictionary<double>(atoms),
              Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 93})};
  CHECK(refusal([&] { JointTrainer({.steps = 1}).fit(fixed, Source(x)); }) ==
        "JointTrainer::fit: the dictionary cannot be learned: set learn_dictionary to false");
  const Vector<double> before = fixed.encoder.parameters();
  CHECK(JointTrainer({.steps = 1, .learn_dictionary = false}).fit(fixed, Source(x)).steps == 1);
  CHECK_FALSE(same_bits(fixed.encoder.parameters(), before));

  Model model{Identity{}, Dense(atoms),
              Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 93})};
  const auto start = model;
  CHECK(refusal([&] {
          JointTrainer({}).fit(model, Source(Matrix<double>::Ones(5, 10)));
        }).starts_with("JointTrainer::fit: the source has signals of dimension 5, "));
  Model misfit{Identity{}, Dense(atoms),
               Linear(RandomWeights{.dim = 4, .num_atoms = 7, .seed = 93})};
  CHECK(refusal([&] { JointTrainer({}).fit(misfit, Source(x)); }) ==
        "LinearReluEncoder::forward: the encoder is for a dictionary of 4 x 7, the dictionary is 4 "
        "x 6");
  CHECK(JointTrainer({.steps = 0}).fit(model, Source(x)).steps == 0);
  CHECK(same_bits(model.encoder.parameters(), start.encoder.parameters()));
}

// ---- supervised training ------------------------------------------------------------------------

TEMPLATE_TEST_CASE("SupervisedTrainer follows the gradient of its loss, and lowers it",
                   "[supervised]", CosineLoss, SquaredLoss) {
  const auto data = synthetic(4, 6, 2, 101).sample(60, 102);
  const auto check = [&](const auto& encoder, const auto& distance) {
    using E = std::remove_cvref_t<decltype(encoder)>;
    // Signals near a kink leave, with their codes.
    std::vector<Index> kept;
    for (Index j = 0; j < 60; ++j) {
      Matrix<double> values;
      encoder.affine().apply(data.signals.col(j), values);
      if (distance(values) > 1e-3) kept.push_back(j);
    }
    REQUIRE(kept.size() > 30);
    const Matrix<double> x = data.signals(Eigen::all, kept);
    const Matrix<double> known = Matrix<double>(data.codes)(Eigen::all, kept);
    const SparseCodes<double> targets = known.sparseView();
    Model model{Identity{}, UnitNorm(synthetic(4, 6, 2, 101).atoms()), encoder};
    const auto loss = [&](const Vector<double>& parameters) {
      E moved = encoder;
      moved.parameters() = parameters;
      auto codes = moved.encode(model.dictionary, x), gradient = codes;
      return TestType::template evaluate<double>(codes, targets, gradient);
    };
    const Vector<double> before = encoder.parameters();
    const auto one = SupervisedTrainer<TestType, GradientDescent>({.steps = 1}, plain)
                         .fit(model, Labelled(x, targets));
    CHECK(one.loss == Approx(loss(before)).epsilon(1e-13));
    CHECK(relative_error(gradient_taken(before, model.encoder.parameters()),
                         finite_differences(loss, before)) < 1e-6);

    const Matrix<double> atoms = model.dictionary.atoms();
    const auto outcome = SupervisedTrainer<TestType>({.steps = 300}, Adam({.learning_rate = 1e-2}))
                             .fit(model, Labelled(x, targets));
    const double improvement = one.loss - outcome.loss;
    CHECK(improvement > 0.2 * std::abs(one.loss));
    CHECK(outcome.steps == 300);
    CHECK(same_bits(model.dictionary.atoms(), atoms));
  };
  const RandomWeights init{.dim = 4, .num_atoms = 6, .bias = true, .seed = 103};
  check(Linear(init), [](const Matrix<double>& v) { return test::distance_to_relu_kink(v); });
  check(TopK(init, 3), [](const Matrix<double>& v) { return test::distance_to_top_k_kink(v, 3); });
}

TEST_CASE("SupervisedTrainer takes minibatches, stops, counts and refuses", "[supervised]") {
  const auto data = synthetic(4, 6, 2, 111).sample(30, 112);
  Model together{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 6, 113)),
                 Linear(RandomWeights{.dim = 4, .num_atoms = 6, .seed = 114})};
  auto apart = together;
  Labelled source(data.signals, data.codes, {.batch_size = 7, .seed = 115});
  const auto steps = [](Index n) {
    return SupervisedTrainer<SquaredLoss, GradientDescent>({.steps = n}, plain);
  };
  steps(6).fit(together, source);
  for (Index step = 0; step < 6; ++step)
    steps(1).fit(apart, Labelled(source.batch(step), source.batch_codes(step)));
  CHECK(same_bits(together.encoder.parameters(), apart.encoder.parameters()));

  const Outcome stopped =
      steps(6).fit(together, source, [](const Progress& p) { return p.step < 2; });
  CHECK(stopped.status == Status::stopped);
  CHECK(stopped.steps == 2);
  // Encoder 2 + 2 dim num_atoms a signal; 3 an entry and 6 a known one for the loss; descent 4 a
  // weight.
  CHECK(stopped.flops == 2 * (4 * 4 * 6 * 7 + 3 * 6 * 7 + 6 * 2 * 7 + 4 * 4 * 6));

  CHECK(refusal([] { SupervisedTrainer<>({.steps = -1}); }) ==
        "SupervisedTrainer: steps must be at least 0, is -1");
  Model other{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 5, 113)),
              Linear(RandomWeights{.dim = 4, .num_atoms = 5, .seed = 114})};
  CHECK(refusal([&] { steps(1).fit(other, source); }) ==
        "SupervisedTrainer::fit: the source is for a dictionary of 4 x 6, the dictionary is 4 x 5");
}

// ---- alternating training -----------------------------------------------------------------------

TEST_CASE("a round of AlternatingTrainer is an inference and an update", "[alternating]") {
  const auto data = synthetic(5, 8, 2, 121).sample(40, 122);
  const Fista fista(NonnegativeL1(0.05));
  Model model{Identity{}, UnitNorm(gaussian_dictionary<double>(5, 8, 123)), fista};
  UnitNorm expected = model.dictionary;
  const Outcome outcome =
      AlternatingTrainer({.rounds = 2}, BlockCoordinateUpdate()).fit(model, Source(data.signals));
  std::int64_t flops = 0;
  double loss = 0;
  for (int round = 0; round < 2; ++round) {
    const PreparedDictionary<UnitNorm> prepared(expected);
    const auto solution = fista.solve(prepared, data.signals);
    loss = (data.signals - expected.atoms() * solution.codes).squaredNorm() / (5 * 40);
    flops += prepared.setup_flops() + solution.total_flops();
    flops += BlockCoordinateUpdate().update(expected, data.signals, solution.codes);
  }
  CHECK(same_bits(model.dictionary.atoms(), expected.atoms()));
  CHECK(outcome.loss == Approx(loss).epsilon(1e-12));
  CHECK(outcome.flops == flops);
  CHECK(outcome.steps == 2);
}

TEMPLATE_TEST_CASE("AlternatingTrainer comes closer to the true dictionary", "[alternating]",
                   BlockCoordinateUpdate, LeastSquaresUpdate) {
  const auto truth = synthetic(8, 16, 2, 131);
  const auto data = truth.sample(400, 132);
  Model model{Identity{}, UnitNorm(truth.atoms() + 0.15 * random_normal<double>(8, 16, 133)),
              Omp({.k = 2})};
  const double before = dictionary_recovery(truth.atoms(), model.dictionary.atoms()).cosine;
  double first = -1;
  const Outcome outcome = AlternatingTrainer<TestType>({.rounds = 30})
                              .fit(model, Source(data.signals), [&](const Progress& p) {
                                if (p.step == 1) first = p.loss;
                                return true;
                              });
  const double after = dictionary_recovery(truth.atoms(), model.dictionary.atoms()).cosine;
  CAPTURE(before, after, first, outcome.loss);
  CHECK(before < 0.96);
  CHECK(after > 0.99);
  CHECK(outcome.loss < 0.1 * first);
  CHECK(outcome.flops > 0);
}

TEST_CASE("AlternatingTrainer stops and refuses", "[alternating]") {
  const auto data = synthetic(4, 6, 2, 141).sample(20, 142);
  Model model{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 6, 143)), Omp({.k = 2})};
  const AlternatingTrainer trainer({.rounds = 5}, BlockCoordinateUpdate());
  const Outcome stopped =
      trainer.fit(model, Source(data.signals), [](const Progress& p) { return p.step < 4; });
  CHECK(stopped.status == Status::stopped);
  CHECK(stopped.steps == 4);
  CHECK(refusal([] { AlternatingTrainer({.rounds = -2}, BlockCoordinateUpdate()); }) ==
        "AlternatingTrainer: rounds must be at least 0, is -2");
  CHECK(refusal([&] {
          trainer.fit(model, Source(Matrix<double>::Ones(3, 2)));
        }).starts_with("AlternatingTrainer::fit: the source has signals of dimension 3, "));
}

// ---- sparse coding ------------------------------------------------------------------------------

TEST_CASE("SparseCodingTrainer descends on log-codes and atoms together", "[sparse_coding]") {
  const Matrix<double> x = random_normal<double>(3, 7, 151);
  const Matrix<double> start = gaussian_dictionary<double>(3, 5, 152);
  Model model{Identity{}, UnitNorm(start),
              Linear(RandomWeights{.dim = 3, .num_atoms = 5, .seed = 153})};
  const auto untouched = model.encoder;
  const double rate = 0.5, lambda = 0.2;
  const Outcome outcome = SparseCodingTrainer({.steps = 4, .lambda = lambda, .start = -1},
                                              GradientDescent({.learning_rate = rate}))
                              .fit(model, Source(x));
  Matrix<double> atoms = start, u = Matrix<double>::Constant(5, 7, -1);
  double loss = 0;
  for (int step = 0; step < 4; ++step) {
    const Matrix<double> s = u.array().exp();
    const Matrix<double> residual = atoms * s - x;
    loss = loss_of(x, atoms * s, s, lambda);
    const Matrix<double> by_codes = (2.0 / 21 * atoms.transpose() * residual).array() + lambda / 35;
    u -= rate * by_codes.cwiseProduct(s);
    atoms -= rate * 2.0 / 21 * residual * s.transpose();
    atoms.colwise().normalize();
  }
  CHECK((model.dictionary.atoms() - atoms).norm() < 1e-13);
  CHECK((atoms - start).norm() > 0.01);
  CHECK(outcome.loss == Approx(loss).epsilon(1e-12));
  CHECK(same_bits(model.encoder.parameters(), untouched.parameters()));
  // Decode, correlate and atom gradient 6 dim num_atoms a signal; 3 an entry of residual and codes,
  // 2 a code for the exponential and the chain rule; descent 4 a parameter, norm 3 an entry.
  CHECK(outcome.flops == 4 * (6 * 3 * 5 * 7 + 3 * 3 * 7 + 5 * 5 * 7 + 4 * 5 * 7 + 7 * 3 * 5));
}

TEST_CASE("SparseCodingTrainer learns a bias beside log-codes and atoms", "[sparse_coding]") {
  const Matrix<double> x = random_normal<double>(3, 7, 154);
  const Matrix<double> start = random_normal<double>(3, 5, 155);
  const Vector<double> offset = random_normal<double>(3, 1, 156);
  const double rate = 0.5, lambda = 0.2, first = -1;
  const auto train = [&](Index steps) {
    Model model{Bias(offset), Dense(start),
                Linear(RandomWeights{.dim = 3, .num_atoms = 5, .seed = 157})};
    const Outcome outcome = SparseCodingTrainer({.steps = steps, .lambda = lambda, .start = first},
                                                GradientDescent({.learning_rate = rate}))
                                .fit(model, Source(x));
    return std::pair{model, outcome};
  };
  // The first step follows the gradient of x ~ D exp(u) + c, by every parameter.
  const auto loss_at = [&](const Vector<double>& c, const Matrix<double>& atoms,
                           const Matrix<double>& s) {
    return loss_of(x, Matrix<double>((atoms * s).colwise() + c), s, lambda);
  };
  const Matrix<double> constant = Matrix<double>::Constant(5, 7, std::exp(first));
  const auto [once, after_one] = train(1);
  CHECK(after_one.loss == Approx(loss_at(offset, start, constant)).epsilon(1e-13));
  const Vector<double> by_bias = finite_differences(
      [&](const Vector<double>& c) { return loss_at(c, start, constant); }, offset);
  const Vector<double> by_atoms = finite_differences(
      [&](const Vector<double>& a) { return loss_at(offset, a.reshaped(3, 5), constant); },
      start.reshaped());
  REQUIRE(std::min(by_bias.norm(), by_atoms.norm()) > 0.1);
  CHECK(relative_error((offset - once.transform.bias()) / rate, by_bias) < 1e-6);
  CHECK(relative_error((start - once.dictionary.atoms()).reshaped() / rate, by_atoms) < 1e-6);

  // So do the next: by hand.
  const auto [model, outcome] = train(4);
  Vector<double> c = offset;
  Matrix<double> atoms = start, u = Matrix<double>::Constant(5, 7, first);
  double loss = 0;
  for (int step = 0; step < 4; ++step) {
    const Matrix<double> s = u.array().exp();
    const Matrix<double> residual = (atoms * s - x).colwise() + c;
    loss = loss_at(c, atoms, s);
    const Matrix<double> by_codes = (2.0 / 21 * atoms.transpose() * residual).array() + lambda / 35;
    u -= rate * by_codes.cwiseProduct(s);
    atoms -= rate * 2.0 / 21 * residual * s.transpose();
    c -= rate * 2.0 / 21 * residual.rowwise().sum();
  }
  CHECK((model.transform.bias() - c).norm() < 1e-13);
  CHECK((model.dictionary.atoms() - atoms).norm() < 1e-13);
  CHECK(outcome.loss == Approx(loss).epsilon(1e-12));
  // As without a bias, and an entry of x three; descent 4 a parameter.
  CHECK(outcome.flops ==
        4 * (6 * 3 * 5 * 7 + 3 * 3 * 7 + 5 * 5 * 7 + 4 * 5 * 7 + 7 * 3 * 5 + 3 * 3 * 7 + 4 * 3));
}

TEST_CASE("SparseCodingTrainer finds an offset of all signals", "[sparse_coding]") {
  INFO("seeds 158 to 160");
  const auto data = synthetic(4, 6, 2, 158).sample(60, 159);
  const Vector<double> offset{{5, -3, 0, 8}};
  const Matrix<double> shifted = data.signals.colwise() + offset;
  Model model{Bias(Vector<double>::Zero(4)), UnitNorm(gaussian_dictionary<double>(4, 6, 160)),
              Omp({.k = 2})};
  double first = -1;
  const Outcome outcome =
      SparseCodingTrainer({.steps = 2000, .lambda = 1, .start = -3}, Adam({.learning_rate = 0.02}))
          .fit(model, Source(shifted), [&](const Progress& p) {
            if (p.step == 1) first = p.loss;
            return true;
          });
  // At this price codes still pay for what varies, and for the offset no more.
  CHECK(outcome.loss < 0.02 * first);
  CHECK((model.transform.bias() - offset).norm() < 0.1 * offset.norm());
}

TEST_CASE("SparseCodingTrainer lowers the loss, stops and refuses", "[sparse_coding]") {
  const auto data = synthetic(4, 6, 2, 161).sample(30, 162);
  Model model{Identity{}, UnitNorm(gaussian_dictionary<double>(4, 6, 163)), Omp({.k = 2})};
  double first = -1;
  const SparseCodingTrainer trainer({.steps = 600, .start = -3}, Adam({.learning_rate = 0.02}));
  const Outcome outcome = trainer.fit(model, Source(data.signals), [&](const Progress& p) {
    if (p.step == 1) first = p.loss;
    return true;
  });
  CHECK(outcome.loss < 0.1 * first);
  CHECK((model.dictionary.atoms().colwise().norm().array() - 1).abs().maxCoeff() < 1e-14);
  const Outcome stopped =
      trainer.fit(model, Source(data.signals), [](const Progress& p) { return p.step < 5; });
  CHECK(stopped.status == Status::stopped);
  CHECK(stopped.steps == 5);

  const auto options = [](SparseCodingTrainerOptions o) {
    return refusal([&] { SparseCodingTrainer<>{o}; });
  };
  CHECK(options({.steps = -1}) == "SparseCodingTrainer: steps must be at least 0, is -1");
  CHECK(options({.lambda = -1}) ==
        "SparseCodingTrainer: lambda must be finite and at least 0, is -1");
  CHECK(options({.start = 100}) == "SparseCodingTrainer: start must be in [-40, 20], is 100");
  CHECK(refusal([&] {
          trainer.fit(model, Source(Matrix<double>::Ones(3, 2)));
        }).starts_with("SparseCodingTrainer::fit: the source has signals of dimension 3, "));
}

namespace {

/// A source that breaks the law of sources: its batches are what they should not be.
struct BadSource {
  using Scalar = double;
  Matrix<double> signals;
  Index dim() const { return 4; }
  MatrixArg<double> batch(Index) { return signals; }
};

}  // namespace

TEST_CASE("trainers refuse batches that a source should not give, by name", "[trainer]") {
  const UnitNormDictionary<double> d(random_normal<double>(4, 6, 1));
  const auto message = [&](const Matrix<double>& signals, auto trainer, auto encoder) {
    Model model{Identity{}, d, encoder};
    return refusal([&] { trainer.fit(model, BadSource{signals}); });
  };
  const Matrix<double> none(4, 0), shorter = Matrix<double>::Ones(3, 5);
  Matrix<double> bad = Matrix<double>::Ones(4, 5);
  bad(2, 3) = std::numeric_limits<double>::quiet_NaN();
  const LinearReluEncoder<double> relu(RandomWeights{.dim = 4, .num_atoms = 6});
  const Fista fista(NonnegativeL1(0.1));
  const SparseCodingTrainer sparse_coding({.steps = 2});
  const JointTrainer joint({.steps = 2});
  const AlternatingTrainer alternating({.rounds = 2}, BlockCoordinateUpdate());

  CHECK(message(none, sparse_coding, fista) ==
        "SparseCodingTrainer::fit: the source gave no signals");
  CHECK(message(none, joint, relu) == "JointTrainer::fit: the source gave no signals");
  CHECK(message(none, alternating, fista) == "AlternatingTrainer::fit: the source gave no signals");
  CHECK(message(shorter, sparse_coding, fista) ==
        "SparseCodingTrainer::fit: signals are 3 x 5, the dictionary is 4 x 6: expected 4 rows");
  CHECK(message(bad, sparse_coding, fista) ==
        "SparseCodingTrainer::fit: signals column 3 holds a NaN or an infinity");
  CHECK(message(bad, joint, relu).find("signals column 3") != std::string::npos);
  CHECK(message(bad, alternating, fista).find("signals column 3") != std::string::npos);
}
