// SPDX-License-Identifier: MIT
// Dictionary updates: descent, fixed points, closed forms, and what they must leave alone.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/operator/spectral_norm.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/gradient.hpp>
#include <lacuna/update/ksvd.hpp>
#include <lacuna/update/least_squares.hpp>
#include <lacuna/update/refitted.hpp>
#include <lacuna/update/residual_mean.hpp>

#include "laws/update_laws.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using lacuna::test::message_of;
using Dense = DenseDictionary<double>;
using UnitNorm = UnitNormDictionary<double>;

bool same_bits(const Matrix<double>& a, const Matrix<double>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

double squared_error(const Matrix<double>& atoms, const Matrix<double>& x,
                     const Matrix<double>& codes) {
  return (x - atoms * codes).squaredNorm();
}

/// Signals, their codes, and a dictionary that is not the one that made them.
struct Problem {
  SyntheticModel<double> model{{.dim = 6, .num_atoms = 10, .num_active = 3, .signed_codes = true},
                               1};
  LabelledSignals<double> data = model.sample(80, 2);
  Matrix<double> codes = data.codes;
  Matrix<double> start = gaussian_dictionary<double>(6, 10, 3);
};

/// More atoms than the updates take in one go.
struct LargeProblem {
  SyntheticModel<double> model{{.dim = 12, .num_atoms = 70, .num_active = 4, .signed_codes = true},
                               21};
  LabelledSignals<double> data = model.sample(300, 22);
  Matrix<double> start = gaussian_dictionary<double>(12, 70, 23);
};

/// Gradient descent that is as quick as the other updates.
struct QuickGradient : GradientUpdate<> {
  QuickGradient() : GradientUpdate<>({}, GradientDescent({.learning_rate = 3})) {}
};

}  // namespace

TEST_CASE("CodeStatistics are the two products, from either form of codes", "[update]") {
  const Problem p;
  const CodeStatistics<double> dense("test", p.data.signals, p.codes),
      sparse("test", p.data.signals, p.data.codes);
  CHECK((dense.a - p.codes * p.codes.transpose()).norm() < 1e-12);
  CHECK((dense.b - p.data.signals * p.codes.transpose()).norm() < 1e-12);
  CHECK((dense.a - sparse.a).norm() < 1e-12);
  CHECK((dense.b - sparse.b).norm() < 1e-12);
  // 2 n (n + dim) a signal; 2 k (k + dim) of three active entries.
  CHECK(dense.flops == 80 * 2 * 10 * (10 + 6));
  CHECK(sparse.flops == 80 * 2 * 3 * (3 + 6));
}

TEST_CASE("every update keeps the laws of updates", "[update][laws]") {
  const Problem p;
  const Dense dense(p.start);
  const UnitNorm unit_norm(p.start);
  test::check_update_laws(BlockCoordinateUpdate(), unit_norm);
  test::check_update_laws(BlockCoordinateUpdate({.passes = 3, .unit_norm = false}), dense);
  test::check_update_laws(LeastSquaresUpdate(), unit_norm);
  test::check_update_laws(LeastSquaresUpdate(), dense);
  test::check_update_laws(KsvdUpdate(), unit_norm);
  test::check_update_laws(KsvdUpdate({.passes = 2}), dense);
  test::check_update_laws(ResidualMeanUpdate(), unit_norm);
  test::check_update_laws(RefittedUpdate(BlockCoordinateUpdate(), {.drop = 1}), unit_norm);
  test::check_update_laws(RefittedUpdate<LeastSquaresUpdate>(), dense);
  test::check_update_laws(QuickGradient(), dense);
  test::check_update_laws(GradientUpdate({.steps = 3}, Adam({.learning_rate = 0.1})), unit_norm);
}

TEST_CASE("every update that remembers keeps the laws of it", "[update][laws]") {
  const Problem p;
  const Dense dense(p.start);
  const UnitNorm unit_norm(p.start);
  test::check_remembering_update_laws(BlockCoordinateUpdate(), unit_norm, false);
  test::check_remembering_update_laws(BlockCoordinateUpdate({.memory = 30}), unit_norm, false);
  test::check_remembering_update_laws(BlockCoordinateUpdate({.memory = 100}), unit_norm, true);
  test::check_remembering_update_laws(BlockCoordinateUpdate({.unit_norm = false, .memory = 1e9}),
                                      dense, true);
  test::check_remembering_update_laws(BlockCoordinateUpdate({.memory = Schedule::linear(40, 400)}),
                                      UnitNormDictionary<float>(p.start.cast<float>()), true);
  test::check_remembering_update_laws(
      RefittedUpdate(BlockCoordinateUpdate({.memory = 100}), {.drop = 1, .nonnegative = false}),
      unit_norm, true);
  const GradientDescent heavy_ball({.learning_rate = 1, .momentum = 0.5});
  test::check_remembering_update_laws(QuickGradient(), dense, false);
  test::check_remembering_update_laws(GradientUpdate({}, heavy_ball), unit_norm, true);
  test::check_remembering_update_laws(
      GradientUpdate({.learning_rate = Schedule::linear(1, 0)}, Adam({.learning_rate = 0.1})),
      dense, true);
}

TEST_CASE("BlockCoordinateUpdate never raises the squared error", "[block_coordinate]") {
  const Problem p;
  const bool unit_norm = GENERATE(true, false);
  CAPTURE(unit_norm);
  const BlockCoordinateUpdate update({.unit_norm = unit_norm});
  const auto descend = [&](auto dictionary) {
    double before = squared_error(dictionary.atoms(), p.data.signals, p.codes);
    const double first = before;
    for (int round = 0; round < 100; ++round) {
      update.update(dictionary, p.data.signals, p.codes);
      const double after = squared_error(dictionary.atoms(), p.data.signals, p.codes);
      REQUIRE(after <= before * (1 + 1e-13) + 1e-20);
      before = after;
    }
    // The codes are the true ones, so the only minimum is the true dictionary.
    CHECK(before < 1e-6 * first);
    CHECK((dictionary.atoms() - p.model.atoms()).norm() < 1e-3);
  };
  if (unit_norm)
    descend(UnitNorm(p.start));
  else
    descend(Dense(p.start));
}

TEST_CASE("each step of BlockCoordinateUpdate is the best choice of its atom",
          "[block_coordinate]") {
  const Problem p;
  // With one atom in the dictionary a pass is that one choice.
  const Matrix<double> code = p.codes.row(0);
  const Matrix<double> start = p.start.leftCols(1);
  const Matrix<double> best = p.data.signals * code.transpose() / code.squaredNorm();
  Dense free(start);
  BlockCoordinateUpdate({.unit_norm = false}).update(free, p.data.signals, code);
  CHECK((free.atoms() - best).norm() < 1e-13);
  UnitNorm unit(start);
  BlockCoordinateUpdate().update(unit, p.data.signals, code);
  CHECK((unit.atoms() - best.normalized()).norm() < 1e-13);
}

TEST_CASE("passes of BlockCoordinateUpdate are updates one after another", "[block_coordinate]") {
  const Problem p;
  UnitNorm together(p.start), apart(p.start);
  const std::int64_t three =
      BlockCoordinateUpdate({.passes = 3}).update(together, p.data.signals, p.codes);
  std::int64_t ones = 0;
  for (int pass = 0; pass < 3; ++pass)
    ones += BlockCoordinateUpdate().update(apart, p.data.signals, p.codes);
  CHECK((together.atoms() - apart.atoms()).norm() < 1e-12);
  // The statistics are taken once instead of three times.
  CHECK(ones - three == 2 * CodeStatistics<double>("test", p.data.signals, p.codes).flops);
  CHECK(ones / 3 ==
        CodeStatistics<double>("test", p.data.signals, p.codes).flops + 10 * (2 * 6 * 10 + 6 * 10 + 36));
}

TEMPLATE_TEST_CASE("updates stay at the true dictionary", "[update]", BlockCoordinateUpdate,
                   LeastSquaresUpdate, KsvdUpdate, ResidualMeanUpdate, QuickGradient) {
  const Problem p;
  UnitNorm dictionary(p.model.atoms());
  for (int round = 0; round < 3; ++round)
    TestType().update(dictionary, p.data.signals, p.data.codes);
  CHECK((dictionary.atoms() - p.model.atoms()).norm() < 1e-12);
}

TEMPLATE_TEST_CASE("dense and sparse codes give the same atoms", "[update]", BlockCoordinateUpdate,
                   LeastSquaresUpdate, KsvdUpdate, ResidualMeanUpdate, QuickGradient) {
  const Problem p;
  UnitNorm dense(p.start), sparse(p.start);
  TestType().update(dense, p.data.signals, p.codes);
  TestType().update(sparse, p.data.signals, p.data.codes);
  CHECK((dense.atoms() - sparse.atoms()).norm() < 1e-12);
  CHECK((dense.atoms() - p.start).norm() > 0.1);
}

TEMPLATE_TEST_CASE("an atom that no code uses keeps its bits", "[update]", BlockCoordinateUpdate,
                   LeastSquaresUpdate, KsvdUpdate, ResidualMeanUpdate, QuickGradient) {
  Problem p;
  p.codes.row(4).setZero();
  const SparseCodes<double> sparse = p.codes.sparseView();
  Dense dictionary(2 * p.start);
  TestType().update(dictionary, p.data.signals, p.codes);
  CHECK(same_bits(dictionary.atoms().col(4), 2 * p.start.col(4)));
  TestType().update(dictionary, p.data.signals, sparse);
  CHECK(same_bits(dictionary.atoms().col(4), 2 * p.start.col(4)));
  CHECK_FALSE(same_bits(dictionary.atoms().col(3), 2 * p.start.col(3)));

  // Where lengths are restored, to rounding.
  UnitNorm unit(p.start);
  for (int round = 0; round < 20; ++round) TestType().update(unit, p.data.signals, p.codes);
  CHECK((unit.atoms().col(4) - p.start.col(4)).norm() < 1e-15);

  // No codes at all, no signals at all: everything stays.
  Dense untouched(p.start);
  TestType().update(untouched, p.data.signals, Matrix<double>(Matrix<double>::Zero(10, 80)));
  TestType().update(untouched, Matrix<double>(6, 0), Matrix<double>(10, 0));
  CHECK(same_bits(untouched.atoms(), p.start));
}

TEST_CASE("LeastSquaresUpdate solves the normal equations", "[least_squares]") {
  const Problem p;
  // Signals the codes cannot explain, so that the minimum is not 0.
  const Matrix<double> x = p.data.signals + random_normal<double>(6, 80, 5);
  Dense dictionary(p.start);
  const std::int64_t flops = LeastSquaresUpdate({.ridge = 1e-14}).update(dictionary, x, p.codes);
  const Matrix<double> a = p.codes * p.codes.transpose();
  const Matrix<double> expected = a.ldlt().solve(p.codes * x.transpose()).transpose();
  CHECK((dictionary.atoms() - expected).norm() < 1e-10);
  CHECK(((x - dictionary.atoms() * p.codes) * p.codes.transpose()).norm() < 1e-9);
  CHECK(flops == CodeStatistics<double>("test", x, p.codes).flops + 1000 / 3 + 4 * 6 * 100);

  // The ridge pulls towards the present atoms: (B + rho D)(A + rho I)^-1.
  Dense ridged(p.start);
  LeastSquaresUpdate({.ridge = 0.5}).update(ridged, x, p.codes);
  const double rho = 0.5 * a.trace() / 10;
  const Matrix<double> regular = a + rho * Matrix<double>::Identity(10, 10);
  const Matrix<double> right = p.codes * x.transpose() + rho * p.start.transpose();
  CHECK((ridged.atoms() - regular.ldlt().solve(right).transpose()).norm() < 1e-11);
  CHECK(squared_error(ridged.atoms(), x, p.codes) < squared_error(p.start, x, p.codes));
  CHECK(squared_error(ridged.atoms(), x, p.codes) > squared_error(expected, x, p.codes));
}

TEST_CASE("LeastSquaresUpdate recovers the dictionary from true codes at once", "[least_squares]") {
  const Problem p;
  UnitNorm dictionary(p.start);
  LeastSquaresUpdate({.ridge = 1e-12}).update(dictionary, p.data.signals, p.data.codes);
  CHECK((dictionary.atoms() - p.model.atoms()).norm() < 1e-9);
  // Codes that always come together have no single answer, and get one all the same.
  Matrix<double> tied = p.codes;
  tied.row(1) = tied.row(0);
  Dense together(p.start);
  const double before = squared_error(p.start, p.data.signals, tied);
  LeastSquaresUpdate().update(together, p.data.signals, tied);
  CHECK(squared_error(together.atoms(), p.data.signals, tied) < before);
}

TEST_CASE("in float the statistics keep the descent", "[update]") {
  const Problem p;
  const Matrix<float> x = p.data.signals.cast<float>(), codes = p.codes.cast<float>();
  UnitNormDictionary<float> block(p.start.cast<float>()), squares(p.start.cast<float>());
  for (int round = 0; round < 60; ++round) BlockCoordinateUpdate().update(block, x, codes);
  LeastSquaresUpdate().update(squares, x, codes);
  CHECK((block.atoms() - p.model.atoms().cast<float>()).norm() < 1e-2F);
  CHECK((squares.atoms() - p.model.atoms().cast<float>()).norm() < 1e-4F);
}

TEST_CASE("updates refuse options and shapes by name", "[update]") {
  CHECK(message_of([] { BlockCoordinateUpdate({.passes = 0}); }) ==
        "BlockCoordinateUpdate: passes must be at least 1, is 0");
  CHECK(message_of([] { LeastSquaresUpdate({.ridge = 0}); }) ==
        "LeastSquaresUpdate: ridge must be positive and finite, is 0");
  CHECK(message_of([] {
          LeastSquaresUpdate({.ridge = std::numeric_limits<double>::infinity()});
        }) == "LeastSquaresUpdate: ridge must be positive and finite, is inf");
  Problem p;
  Dense dictionary(p.start);
  CHECK(message_of([&] {
          BlockCoordinateUpdate().update(dictionary, Matrix<double>::Ones(5, 80), p.codes);
        }) ==
        "BlockCoordinateUpdate: signals are 5 x 80, the dictionary is 6 x 10: expected 6 rows");
  CHECK(message_of([&] {
          LeastSquaresUpdate().update(dictionary, p.data.signals,
                                      Matrix<double>(Matrix<double>::Ones(9, 80)));
        }) == "LeastSquaresUpdate: codes are 9 x 80, the dictionary is 6 x 10: expected 10 rows");
  CHECK(message_of([&] {
          BlockCoordinateUpdate().update(dictionary, p.data.signals,
                                         Matrix<double>(Matrix<double>::Ones(10, 7)));
        }) ==
        "BlockCoordinateUpdate: signals are 6 x 80, codes are 10 x 7: expected as many columns");
  CHECK(same_bits(dictionary.atoms(), p.start));
}

// ---- memory
// -------------------------------------------------------------------------------------

TEST_CASE("CodeStatistics add up, fade and forget", "[update][memory]") {
  const Problem p;
  const Matrix<double> x1 = p.data.signals.leftCols(30), x2 = p.data.signals.rightCols(50);
  const Matrix<double> s1 = p.codes.leftCols(30), s2 = p.codes.rightCols(50);
  const SparseCodes<double> sparse1 = s1.sparseView(), sparse2 = s2.sparseView();
  const double keep = GENERATE(0.0, 0.25, 1.0);
  CAPTURE(keep);
  const Matrix<double> a = keep * (s1 * s1.transpose()) + s2 * s2.transpose();
  const Matrix<double> b = keep * (x1 * s1.transpose()) + x2 * s2.transpose();
  CodeStatistics<double> dense(6, 10), sparse(6, 10);
  CHECK((dense.a.isZero(0) && dense.b.isZero(0) && dense.flops == 0));
  dense.add("test", x1, s1, 1);
  dense.add("test", x2, s2, keep);
  sparse.add("test", x1, sparse1, 1);
  sparse.add("test", x2, sparse2, keep);
  for (const auto* statistics : {&dense, &sparse}) {
    CHECK((statistics->a - a).norm() <= 1e-13 * a.norm());
    CHECK((statistics->b - b).norm() <= 1e-13 * b.norm());
  }
  CHECK(dense.flops == 80 * 2 * 10 * (10 + 6));
  CHECK(sparse.flops == 80 * 2 * 3 * (3 + 6));

  // Forgotten is what was never there.
  sparse.forget(4);
  SparseCodes<double> without1 = sparse1, without2 = sparse2;
  for (SparseCodes<double>* codes : {&without1, &without2})
    codes->prune([](Index row, Index, double) { return row != 4; });
  CodeStatistics<double> never(6, 10);
  never.add("test", x1, without1, 1);
  never.add("test", x2, without2, keep);
  CHECK(same_bits(sparse.a, never.a));
  CHECK(same_bits(sparse.b, never.b));

  CHECK(message_of([&] { sparse.add("test", x1.topRows(5), sparse1, keep); }) ==
        "test: signals are 5 x 30, codes are 10 x 30: expected rows as those before, 6 x 10");
  CHECK(message_of([&] { sparse.add("test", x1, sparse2, keep); }) ==
        "test: signals are 6 x 30, codes are 10 x 50: expected as many columns");
  CHECK(same_bits(sparse.a, never.a));
}

TEST_CASE("BlockCoordinateUpdate keeps 1 - n / memory of the batches before", "[memory]") {
  const Problem p;
  // 30 and 50 signals: of the first .2 is kept beside the second where 62.5 count, none where 50.
  const Matrix<double> x1 = p.data.signals.leftCols(30), x2 = p.data.signals.rightCols(50);
  const SparseCodes<double> s1 = p.codes.leftCols(30).sparseView(),
                            s2 = p.codes.rightCols(50).sparseView();
  const auto keeps = [&](const BlockCoordinateUpdate& update, double keep) {
    UnitNorm d(p.start);
    auto state = update.start(d);
    update.update(d, state, x1, s1, 0, 10);
    const UnitNorm after_one = d;
    update.update(d, state, x2, s2, 4, 10);
    const Matrix<double> dense1 = s1, dense2 = s2;
    const Matrix<double> a = keep * (dense1 * dense1.transpose()) + dense2 * dense2.transpose();
    const Matrix<double> b = keep * (x1 * dense1.transpose()) + x2 * dense2.transpose();
    CHECK((state.a - a).norm() <= 1e-13 * a.norm());
    CHECK((state.b - b).norm() <= 1e-13 * b.norm());
    // And moves the atoms by the error of both, each as much as it counts.
    const double root = std::sqrt(keep);
    Matrix<double> x(6, 80), s(10, 80);
    x << root * x1, x2;
    s << root * dense1, dense2;
    UnitNorm expected = after_one;
    BlockCoordinateUpdate({.passes = update.options().passes}).update(expected, x, s);
    CHECK((d.atoms() - expected.atoms()).norm() < 1e-12);
    CHECK((d.atoms() - after_one.atoms()).norm() > 0.1);
  };
  keeps(BlockCoordinateUpdate({.memory = 62.5}), 0.2);
  keeps(BlockCoordinateUpdate({.passes = 2, .memory = 62.5}), 0.2);
  keeps(BlockCoordinateUpdate({.memory = 50}), 0);
  keeps(BlockCoordinateUpdate({.memory = 49}), 0);
  keeps(BlockCoordinateUpdate(), 0);
  keeps(BlockCoordinateUpdate({.memory = 1e18}), 1);
  // 40 at the fourth of ten rounds of 0 to 100, and 1000 / 3 of 0 to 2500 / 3.
  keeps(BlockCoordinateUpdate({.memory = Schedule::linear(0, 100)}), 0);
  keeps(BlockCoordinateUpdate({.memory = Schedule::linear(0, 2500.0 / 3)}), 0.85);

  UnitNorm d(p.start);
  const BlockCoordinateUpdate negative({.memory = -1});
  auto state = negative.start(d);
  CHECK(message_of([&] { negative.update(d, state, x1, s1, 0, 1); }) ==
        "BlockCoordinateUpdate: memory must be at least 0, is -1");
}

TEST_CASE("a batch that comes again and again is the batch alone, at any memory", "[memory]") {
  const Problem p;
  const double memory = GENERATE(100.0, 1e9);
  CAPTURE(memory);
  const BlockCoordinateUpdate update({.memory = memory});
  UnitNorm remembering(p.start), alone(p.start);
  auto state = update.start(remembering);
  for (Index round = 0; round < 5; ++round) {
    update.update(remembering, state, p.data.signals, p.data.codes, round, 5);
    update.update(alone, p.data.signals, p.data.codes);
    CHECK((remembering.atoms() - alone.atoms()).norm() < 1e-11);
  }
}

TEST_CASE("a memory of all makes minibatches descend as the full batch does", "[memory]") {
  const Problem p;
  const BlockCoordinateUpdate update({.memory = 1e18});
  UnitNorm d(p.start);
  auto state = update.start(d);
  for (Index part = 0; part < 4; ++part) {
    const SparseCodes<double> codes = p.data.codes.middleCols(20 * part, 20);
    update.update(d, state, p.data.signals.middleCols(20 * part, 20), codes, part, 4);
  }
  // All 80 signals are in the statistics now: empty batches go on with them.
  double before = squared_error(d.atoms(), p.data.signals, p.codes);
  for (Index round = 0; round < 100; ++round) {
    UnitNorm full = d;
    update.update(d, state, Matrix<double>(6, 0), SparseCodes<double>(10, 0), round, 100);
    BlockCoordinateUpdate().update(full, p.data.signals, p.data.codes);
    REQUIRE((d.atoms() - full.atoms()).norm() < 1e-11);
    const double after = squared_error(d.atoms(), p.data.signals, p.codes);
    REQUIRE(after <= before * (1 + 1e-12) + 1e-18);
    before = after;
  }
  CHECK((d.atoms() - p.model.atoms()).norm() < 1e-3);
}

TEST_CASE("BlockCoordinateUpdate by blocks of atoms is a sweep atom by atom",
          "[block_coordinate]") {
  // A group of 256 atoms, and one of a block and 12 atoms.
  const SyntheticModel<double> model(
      {.dim = 12, .num_atoms = 300, .num_active = 4, .signed_codes = true}, 21);
  const LabelledSignals<double> data = model.sample(900, 22);
  const Matrix<double> start = gaussian_dictionary<double>(12, 300, 23);
  const Matrix<double> codes = data.codes, a = codes * codes.transpose(),
                       b = data.signals * codes.transpose();
  const bool unit_norm = GENERATE(true, false);
  CAPTURE(unit_norm);
  Matrix<double> atoms = start;
  for (int pass = 0; pass < 2; ++pass)
    for (Index j = 0; j < 300; ++j) {
      const Vector<double> best = (b.col(j) - atoms * a.col(j)) / a(j, j) + atoms.col(j);
      atoms.col(j) = unit_norm ? Vector<double>(best.normalized()) : best;
    }
  const BlockCoordinateUpdate update({.passes = 2, .unit_norm = unit_norm});
  Dense d(start);
  update.update(d, data.signals, data.codes);
  CHECK((d.atoms() - atoms).norm() <= 1e-11 * atoms.norm());
  CHECK((d.atoms() - start).norm() > 1);
}

TEST_CASE("updates have the same bits at any number of threads", "[update]") {
  // Codes as they come from 300 and then 600 signals; 300 atoms are two groups, of which the first
  // is enough work for several threads.
  const SyntheticModel<double> model({.dim = 30, .num_atoms = 300, .num_active = 5}, 31);
  const LabelledSignals<double> first = model.sample(300, 32), second = model.sample(600, 33);
  const Matrix<double> start = gaussian_dictionary<double>(30, 300, 34);
  const auto learned = [&](const auto& update) {
    UnitNorm d(start);
    auto state = update.start(d);
    update.update(d, state, first.signals, first.codes, 0, 2);
    update.update(d, state, second.signals, second.codes, 1, 2);
    return Matrix<double>(d.atoms());
  };
  const auto block = [&](Index threads) {
    return learned(BlockCoordinateUpdate({.memory = 2000, .threads = threads}));
  };
  const auto gradient = [&](Index threads) {
    return learned(
        GradientUpdate({.steps = 2, .threads = threads}, GradientDescent({.learning_rate = 5})));
  };
  const auto mean = [&](Index threads) {
    UnitNorm d(start);
    ResidualMeanUpdate({.threads = threads}).update(d, first.signals, first.codes);
    return Matrix<double>(d.atoms());
  };
  for (const Index threads : {2, 3}) {
    CAPTURE(threads);
    CHECK(same_bits(block(threads), block(1)));
    CHECK(same_bits(gradient(threads), gradient(1)));
    CHECK(same_bits(mean(threads), mean(1)));
  }
}

// ---- KsvdUpdate
// -------------------------------------------------------------------------------------

TEST_CASE("KsvdUpdate by hand: two atoms, two signals", "[ksvd]") {
  Matrix<double> x(2, 2), codes(2, 2);
  x << 3, 2, 4, 1;
  codes << 1, 0, 1, 2;
  // Atom 0 has x_0 - e_1 = (3, 3), and from there the code 3 sqrt(2). That leaves (0, 1) of x_0 to
  // atom 1, beside x_1 = (2, 1): E g = (0, 1) + 2 (2, 1) = (4, 3), whose codes are .6 and 2.2.
  Matrix<double> atoms(2, 2), expected_codes(2, 2);
  atoms << std::sqrt(0.5), 0.8, std::sqrt(0.5), 0.6;
  expected_codes << std::sqrt(18), 0, 0.6, 2.2;
  const auto check = [&](auto dictionary) {
    SparseCodes<double> fitted = codes.sparseView();
    auto plain = dictionary;
    const std::int64_t flops = KsvdUpdate().update_with_codes(dictionary, x, fitted);
    CHECK((dictionary.atoms() - atoms).norm() < 1e-15);
    CHECK((Matrix<double>(fitted) - expected_codes).norm() < 1e-14);
    CHECK(fitted.nonZeros() == 3);
    // Three entries: the residual, and the pass; two atoms that moved.
    CHECK(flops == 3 * 2 * 2 + 2 * 2 + 3 * 8 * 2 + 2 * 7 * 2);
    CHECK(KsvdUpdate().update(plain, x, codes) == flops);
    CHECK(same_bits(plain.atoms(), dictionary.atoms()));
  };
  check(Dense(Matrix<double>::Identity(2, 2)));
  check(UnitNorm(Matrix<double>::Identity(2, 2)));
}

TEST_CASE("KsvdUpdate keeps non-negative codes so, and refuses others", "[ksvd]") {
  Matrix<double> x(2, 2), codes(1, 2), atom(2, 1);
  x << 1, -3, 0, 0;
  codes << 2, 0.5;
  atom << 0.6, 0.8;
  // E g = 2 (1, 0) + .5 (-3, 0): the direction of the first signal, which the second opposes.
  SparseCodes<double> free = codes.sparseView(), nonnegative = free;
  UnitNorm by_free(atom), by_nonnegative(atom);
  KsvdUpdate().update_with_codes(by_free, x, free);
  KsvdUpdate({.nonnegative = true}).update_with_codes(by_nonnegative, x, nonnegative);
  CHECK((by_free.atoms() - Vector<double>::Unit(2, 0)).norm() < 1e-15);
  CHECK((by_nonnegative.atoms() - Vector<double>::Unit(2, 0)).norm() < 1e-15);
  CHECK(free.coeff(0, 1) == Approx(-3));
  CHECK(nonnegative.coeff(0, 0) == Approx(1));
  CHECK(nonnegative.nonZeros() == 1);

  UnitNorm untouched(atom);
  const Matrix<double> mixed = -codes;
  CHECK(message_of([&] { KsvdUpdate({.nonnegative = true}).update(untouched, x, mixed); }) ==
        "KsvdUpdate: codes must be at least 0, column 0 holds -2");
  CHECK(same_bits(untouched.atoms(), atom));
}

TEST_CASE("atoms and codes of KsvdUpdate never raise the squared error", "[ksvd]") {
  const LargeProblem p;
  const bool nonnegative = GENERATE(true, false), unit_norm = GENERATE(true, false);
  CAPTURE(nonnegative, unit_norm);
  // Supports of the truth, values that are not, and signals that no codes explain.
  const Matrix<double> x = p.data.signals + 0.3 * random_normal<double>(12, 300, 24);
  SparseCodes<double> codes = p.data.codes;
  if (nonnegative) codes.coeffs() = codes.coeffs().abs();
  const SparseCodes<double> supports = codes;
  const auto descend = [&](auto d) {
    const KsvdUpdate update({.nonnegative = nonnegative});
    double before = squared_error(d.atoms(), x, codes);
    const double first = before;
    for (int round = 0; round < 30; ++round) {
      update.update_with_codes(d, x, codes);
      const double after = squared_error(d.atoms(), x, codes);
      REQUIRE(after <= before * (1 + 1e-13));
      before = after;
      REQUIRE((d.atoms().colwise().norm().array() - 1).abs().maxCoeff() < 1e-14);
    }
    CHECK(before < 0.5 * first);
    if (nonnegative) CHECK(codes.coeffs().minCoeff() > 0);
    // On the supports they began with.
    for (Index j = 0; j < 300; ++j)
      for (SparseCodes<double>::InnerIterator entry(codes, j); entry; ++entry)
        REQUIRE(supports.coeff(entry.row(), j) != 0);
  };
  if (unit_norm)
    descend(UnitNorm(p.start));
  else
    // Of lengths from .1 to 3, which no code was made for.
    descend(Dense(p.start * Vector<double>::LinSpaced(70, 0.1, 3).asDiagonal()));
}

TEST_CASE("one atom of all signals goes to their first principal direction", "[ksvd]") {
  // X X^T = [5 4; 4 5]: the direction (1, 1) / sqrt(2) has 9 of its energy, and a step leaves a
  // ninth of what lies across.
  Matrix<double> x(2, 2);
  x << 2, 1, 1, 2;
  UnitNorm d(Matrix<double>(Vector<double>::Unit(2, 0)));
  SparseCodes<double> codes = d.correlate(x).sparseView();
  KsvdUpdate({.passes = 20}).update_with_codes(d, x, codes);
  CHECK((d.atoms() - Vector<double>::Constant(2, std::sqrt(0.5))).norm() < 1e-15);
  CHECK(squared_error(d.atoms(), x, codes) == Approx(1).epsilon(1e-14));
  // Passes are updates one after another, with the codes.
  UnitNorm by_ones(Matrix<double>(Vector<double>::Unit(2, 0))), by_passes = by_ones;
  codes = by_ones.correlate(x).sparseView();
  SparseCodes<double> same_codes = codes;
  for (int pass = 0; pass < 3; ++pass) KsvdUpdate().update_with_codes(by_ones, x, codes);
  KsvdUpdate({.passes = 3}).update_with_codes(by_passes, x, same_codes);
  CHECK((by_ones.atoms() - by_passes.atoms()).norm() < 1e-15);
  CHECK((Matrix<double>(codes) - Matrix<double>(same_codes)).norm() < 1e-15);
}

// ---- ResidualMeanUpdate
// -----------------------------------------------------------------------------

TEST_CASE("ResidualMeanUpdate by hand: two atoms, three signals", "[residual_mean]") {
  Matrix<double> x(2, 3), codes(2, 3), expected(2, 2);
  x << 3, -1, 1, 1, 2, -2;
  codes << 3, -1, 1, 0, 0, -2;
  // Atom 0: (3, 1), less (-1, 2), and (1, 0) of the third, of which nothing is left: (5, -1).
  expected << 5 / std::sqrt(26), 0, -1 / std::sqrt(26), 1;
  UnitNorm unit(Matrix<double>::Identity(2, 2));
  Dense free(Matrix<double>::Identity(2, 2));
  const std::int64_t flops = ResidualMeanUpdate().update(unit, x, codes);
  ResidualMeanUpdate().update(free, x, codes);
  CHECK((unit.atoms() - expected).norm() < 1e-15);
  CHECK((free.atoms() - expected).norm() < 1e-15);
  CHECK(flops == 4 * 6 * 2 + 3 * 2 + 2 * 5 * 2);
}

TEST_CASE("with thresholded least squares codes ResidualMeanUpdate is the published algorithm",
          "[residual_mean]") {
  const LargeProblem p;
  constexpr Index k = 4;
  const Matrix<double> x = p.data.signals + 0.1 * random_normal<double>(12, 300, 25);
  UnitNorm d(p.start);
  const Debiased encoder(MarginalThreshold({.k = k, .nonnegative = false}));
  // y - P_I y + P_j y by the definition of the projections.
  const Matrix<double> atoms = d.atoms(), correlations = atoms.transpose() * x;
  Matrix<double> means = Matrix<double>::Zero(12, 70);
  for (Index n = 0; n < 300; ++n) {
    std::vector<Index> support(70);
    for (Index i = 0; i < 70; ++i) support[static_cast<std::size_t>(i)] = i;
    std::sort(support.begin(), support.end(), [&](Index i, Index j) {
      return std::abs(correlations(i, n)) > std::abs(correlations(j, n));
    });
    support.resize(k);
    const Matrix<double> of_support = atoms(Eigen::all, support);
    const Matrix<double> gram = of_support.transpose() * of_support;
    const Vector<double> fit = gram.ldlt().solve(of_support.transpose() * x.col(n));
    for (const Index j : support)
      means.col(j) += (correlations(j, n) > 0 ? 1.0 : -1.0) *
                      (x.col(n) - of_support * fit + correlations(j, n) * atoms.col(j));
  }
  ResidualMeanUpdate().update(d, x, encoder.encode(d, x));
  CHECK((d.atoms() - means.colwise().normalized()).norm() < 1e-12);
  CHECK((d.atoms() - atoms).norm() > 0.1);
}

TEST_CASE("ResidualMeanUpdate alternated with its codes finds an orthonormal dictionary near by",
          "[residual_mean]") {
  INFO("seeds 41 to 43");
  // Codes of two entries of magnitude 1 to 2; atoms at a cosine of .89 with the true ones.
  Matrix<double> codes = Matrix<double>::Zero(16, 600);
  for (Index j = 0; j < 600; ++j) {
    RandomStream random(41, static_cast<std::uint64_t>(j));
    for (const Index i : random.choose(16, 2))
      codes(i, j) = (random.uniform<double>() < 0.5 ? -1 : 1) * (1 + random.uniform<double>());
  }
  const Matrix<double> truth = Matrix<double>::Identity(16, 16), x = truth * codes;
  UnitNorm d(truth + 0.5 * UnitNorm(random_normal<double>(16, 16, 42)).atoms());
  const double before = (d.atoms() - truth).norm();
  const Debiased encoder(MarginalThreshold({.k = 2, .nonnegative = false}));
  for (int round = 0; round < 30; ++round) ResidualMeanUpdate().update(d, x, encoder.encode(d, x));
  CHECK(before > 1);
  CHECK((d.atoms() - truth).norm() < 1e-6);
}

// ---- GradientUpdate
// ---------------------------------------------------------------------------------

TEST_CASE("GradientUpdate steps against the derivative of the mean squared error", "[gradient]") {
  const Problem p;
  const auto mean_error = [&](const Matrix<double>& atoms) {
    return squared_error(atoms, p.data.signals, p.codes) / (6 * 80);
  };
  Matrix<double> slope(6, 10);
  for (Index j = 0; j < 10; ++j)
    for (Index i = 0; i < 6; ++i) {
      // The error is quadratic: central differences are exact but for rounding.
      Matrix<double> up = p.start, down = p.start;
      up(i, j) += 0.01;
      down(i, j) -= 0.01;
      slope(i, j) = (mean_error(up) - mean_error(down)) / 0.02;
    }
  const double rate = 0.25;
  const GradientUpdate update({}, GradientDescent({.learning_rate = rate}));
  Dense dense(p.start), sparse(p.start);
  const std::int64_t flops = update.update(dense, p.data.signals, p.codes);
  CHECK((p.start - dense.atoms() - rate * slope).norm() < 1e-10 * slope.norm());
  CHECK(flops == 4 * 6 * 10 * 80 + 6 * 80 + 4 * 60);
  CHECK(update.update(sparse, p.data.signals, p.data.codes) == 4 * 6 * 3 * 80 + 6 * 80 + 4 * 60);

  // On the sphere: what turns the atoms, and back to length 1.
  UnitNorm unit(p.start);
  CHECK(update.update(unit, p.data.signals, p.codes) == flops + 7 * 60);
  Matrix<double> turned = p.start;
  for (Index j = 0; j < 10; ++j)
    turned.col(j) -= rate * (slope.col(j) - slope.col(j).dot(p.start.col(j)) * p.start.col(j));
  CHECK((unit.atoms() - turned.colwise().normalized()).norm() < 1e-11);
}

TEST_CASE("at the rate of its curvature one step of GradientUpdate is the best of a free atom",
          "[gradient]") {
  const Problem p;
  const Matrix<double> code = p.codes.row(0);
  Dense d(p.start.leftCols(1));
  GradientUpdate({}, GradientDescent({.learning_rate = 6 * 80 / (2 * code.squaredNorm())}))
      .update(d, p.data.signals, code);
  CHECK((d.atoms() - p.data.signals * code.transpose() / code.squaredNorm()).norm() < 1e-13);
}

TEST_CASE("GradientUpdate by gradient descent never raises the squared error", "[gradient]") {
  const Problem p;
  const double size = 6 * 80;
  // Within two hundredths from above.
  const double curvature = 2 / size * squared_spectral_norm(Dense(p.codes));
  const auto descend = [&](auto d, const auto& rate_of) {
    double before = squared_error(d.atoms(), p.data.signals, p.codes);
    const double first = before;
    for (int round = 0; round < 2000; ++round) {
      GradientUpdate({}, GradientDescent({.learning_rate = rate_of(d.atoms())}))
          .update(d, p.data.signals, p.data.codes);
      const double after = squared_error(d.atoms(), p.data.signals, p.codes);
      REQUIRE(after <= before * (1 + 1e-13) + 1e-20);
      before = after;
    }
    CHECK(before < 1e-6 * first);
    CHECK((d.atoms() - p.model.atoms()).norm() < 1e-2);
  };
  descend(Dense(p.start), [&](const Matrix<double>&) { return 1.9 / curvature; });
  descend(UnitNorm(p.start), [&](const Matrix<double>& atoms) {
    const Matrix<double> gradient =
        -2 / size * (p.data.signals - atoms * p.codes) * p.codes.transpose();
    const double along = gradient.cwiseProduct(atoms).colwise().sum().cwiseAbs().maxCoeff();
    return 1 / (curvature + along);
  });
}

TEST_CASE("GradientUpdate is its optimiser, step by step", "[gradient]") {
  const Problem p;
  const Adam adam({.learning_rate = 0.05});
  const GradientUpdate update({.steps = 2, .learning_rate = Schedule::linear(1, 0)}, adam);
  Dense d(p.start);
  auto state = update.start(d);
  Matrix<double> atoms = p.start;
  auto moments = adam.start<double>(60);
  for (Index round = 0; round < 4; ++round) {
    const Matrix<double> x = p.data.signals.middleCols(20 * round, 20);
    const SparseCodes<double> codes = p.data.codes.middleCols(20 * round, 20);
    update.update(d, state, x, codes, round, 4);
    for (int step = 0; step < 2; ++step) {
      const Matrix<double> gradient = -2.0 / (6 * 20) * (x - atoms * codes) * codes.transpose();
      adam.step(moments, atoms.reshaped(), gradient.reshaped(),
                1 - 0.25 * static_cast<double>(round));
    }
    CHECK((d.atoms() - atoms).norm() < 1e-12);
  }
  CHECK(state.optimizer.steps == 8);
  // The atom's own entries are forgotten, and no others.
  update.forget(state, 3);
  moments.mean.segment(18, 6).setZero();
  moments.mean_square.segment(18, 6).setZero();
  CHECK((state.optimizer.mean - moments.mean).norm() < 1e-12);
  CHECK((state.optimizer.mean_square - moments.mean_square).norm() < 1e-12);
  CHECK(state.optimizer.mean.segment(18, 6).isZero(0));

  // A state of another dictionary.
  Dense fewer(p.start.leftCols(9));
  CHECK_THROWS_AS(
      update.update(fewer, state, p.data.signals, Matrix<double>(p.codes.topRows(9)), 0, 1),
      std::invalid_argument);
}

TEST_CASE("the newer updates refuse options and shapes by name", "[update]") {
  CHECK(message_of([] { KsvdUpdate({.passes = 0}); }) ==
        "KsvdUpdate: passes must be at least 1, is 0");
  CHECK(message_of([] { ResidualMeanUpdate({.threads = -1}); }) ==
        "ResidualMeanUpdate: threads must be at least 0, is -1");
  CHECK(message_of([] { GradientUpdate({.steps = 0}); }) ==
        "GradientUpdate: steps must be at least 1, is 0");
  CHECK(message_of([] { GradientUpdate({.threads = -2}, Adam()); }) ==
        "GradientUpdate: threads must be at least 0, is -2");
  const Problem p;
  Dense d(p.start);
  CHECK(message_of([&] { KsvdUpdate().update(d, Matrix<double>::Ones(5, 80), p.codes); }) ==
        "KsvdUpdate: signals are 5 x 80, the dictionary is 6 x 10: expected 6 rows");
  CHECK(message_of([&] {
          ResidualMeanUpdate().update(d, p.data.signals,
                                      Matrix<double>(Matrix<double>::Ones(9, 80)));
        }) == "ResidualMeanUpdate: codes are 9 x 80, the dictionary is 6 x 10: expected 10 rows");
  CHECK(message_of([&] {
          GradientUpdate().update(d, p.data.signals, SparseCodes<double>(10, 7));
        }) == "GradientUpdate: signals are 6 x 80, codes are 10 x 7: expected as many columns");
  Matrix<double> spoilt = p.data.signals;
  spoilt(2, 7) = std::numeric_limits<double>::infinity();
  CHECK(message_of([&] { KsvdUpdate().update(d, spoilt, p.codes); }) ==
        "KsvdUpdate: signals column 7 holds a NaN or an infinity");
  CHECK(same_bits(d.atoms(), p.start));
}

TEST_CASE("at refitted codes the true atoms stay, at shrunken ones they do not", "[refitted]") {
  const SyntheticModel<double> model({.dim = 12, .num_atoms = 16, .num_active = 3}, 41);
  const LabelledSignals<double> data = model.sample(200, 42);
  SparseCodes<double> shrunken = data.codes;
  shrunken.coeffs() *= 0.9;
  UnitNorm bare(model.atoms()), refitted = bare;
  BlockCoordinateUpdate().update(bare, data.signals, shrunken);
  RefittedUpdate<BlockCoordinateUpdate>().update(refitted, data.signals, shrunken);
  CHECK((bare.atoms() - model.atoms()).norm() > 1e-3);
  CHECK((refitted.atoms() - model.atoms()).norm() < 1e-12);
}

TEST_CASE("RefittedUpdate drops small codes as far as there is noise", "[refitted]") {
  // Atom 1 comes once, at .02, with something that would move it.
  const double noise = GENERATE(0.0, 0.02);
  CAPTURE(noise);
  Matrix<double> signals = Matrix<double>::Zero(4, 20), codes = signals;
  signals.row(0).setOnes();
  signals.row(3).setConstant(noise);
  codes.row(0).setConstant(0.9);
  signals(1, 7) = codes(1, 7) = 0.02;
  signals(2, 7) = 0.01;
  const auto moves = [&](RefittedOptions options) {
    UnitNorm d(Matrix<double>::Identity(4, 4));
    RefittedUpdate(BlockCoordinateUpdate(), options).update(d, signals, codes);
    return (d.atoms().col(1) - Vector<double>::Unit(4, 1)).norm() > 0.1;
  };
  CHECK(moves({.drop = 0.05}) == (noise == 0));
  CHECK(moves({.drop = 0}));
  CHECK_FALSE(moves({.drop = 0.05, .noise = std::numeric_limits<double>::infinity()}));

  CHECK(message_of([] {
          (void)RefittedUpdate(BlockCoordinateUpdate(), {.drop = -1});
        }).find("drop must be") != std::string::npos);
  CHECK(message_of([] {
          (void)RefittedUpdate(BlockCoordinateUpdate(), {.noise = -1});
        }).find("noise must be") != std::string::npos);
}
