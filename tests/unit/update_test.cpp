// SPDX-License-Identifier: MIT
// Dictionary updates: descent, fixed points, closed forms, and what they must leave alone.
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/least_squares.hpp>

#include "laws/update_laws.hpp"
#include "support/catch.hpp"

namespace {

using namespace lacuna;
using Dense = DenseDictionary<double>;
using UnitNorm = UnitNormDictionary<double>;

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
  CHECK(ones / 3 == CodeStatistics<double>("test", p.data.signals, p.codes).flops + 10 * (2 * 6 * 10 + 36));
}

TEMPLATE_TEST_CASE("updates stay at the true dictionary", "[update]", BlockCoordinateUpdate,
                   LeastSquaresUpdate) {
  const Problem p;
  UnitNorm dictionary(p.model.atoms());
  for (int round = 0; round < 3; ++round)
    TestType().update(dictionary, p.data.signals, p.data.codes);
  CHECK((dictionary.atoms() - p.model.atoms()).norm() < 1e-12);
}

TEMPLATE_TEST_CASE("dense and sparse codes give the same atoms", "[update]", BlockCoordinateUpdate,
                   LeastSquaresUpdate) {
  const Problem p;
  UnitNorm dense(p.start), sparse(p.start);
  TestType().update(dense, p.data.signals, p.codes);
  TestType().update(sparse, p.data.signals, p.data.codes);
  CHECK((dense.atoms() - sparse.atoms()).norm() < 1e-12);
  CHECK((dense.atoms() - p.start).norm() > 0.1);
}

TEMPLATE_TEST_CASE("an atom that no code uses keeps its bits", "[update]", BlockCoordinateUpdate,
                   LeastSquaresUpdate) {
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
  CHECK(refusal([] { BlockCoordinateUpdate({.passes = 0}); }) ==
        "BlockCoordinateUpdate: passes must be at least 1, is 0");
  CHECK(refusal([] { LeastSquaresUpdate({.ridge = 0}); }) ==
        "LeastSquaresUpdate: ridge must be positive and finite, is 0.000000");
  CHECK(refusal([] { LeastSquaresUpdate({.ridge = std::numeric_limits<double>::infinity()}); }) ==
        "LeastSquaresUpdate: ridge must be positive and finite, is inf");
  Problem p;
  Dense dictionary(p.start);
  CHECK(refusal([&] {
          BlockCoordinateUpdate().update(dictionary, Matrix<double>::Ones(5, 80), p.codes);
        }) ==
        "BlockCoordinateUpdate: signals are 5 x 80, the dictionary is 6 x 10: expected 6 rows");
  CHECK(refusal([&] {
          LeastSquaresUpdate().update(dictionary, p.data.signals,
                                      Matrix<double>(Matrix<double>::Ones(9, 80)));
        }) == "LeastSquaresUpdate: codes are 9 x 80, the dictionary is 6 x 10: expected 10 rows");
  CHECK(refusal([&] {
          BlockCoordinateUpdate().update(dictionary, p.data.signals,
                                         Matrix<double>(Matrix<double>::Ones(10, 7)));
        }) == "BlockCoordinateUpdate: signals are 6 x 80, codes are 10 x 7: expected as many columns");
  CHECK(same_bits(dictionary.atoms(), p.start));
}
