// SPDX-License-Identifier: MIT
//
// lambda_max, the path down from there, and the choice of lambda that sees no truth.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/operator/choose_lambda.hpp>
#include <lacuna/operator/lambda_max.hpp>
#include <lacuna/operator/lambda_path.hpp>
#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/weighted.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {
using namespace lacuna;
using lacuna::test::message_of;
using Dense = DenseDictionary<double>;
}  // namespace

TEST_CASE("at lambda_max the code is 0, just below it is not", "[lambda]") {
  INFO("seeds 1 and 2");
  const Dense d(random_normal<double>(5, 12, 1));
  const Matrix<double> x = random_normal<double>(5, 6, 2);
  const auto check = [&](const auto& penalty) {
    const Vector<double> largest = lambda_max(d, x, penalty);
    for (Index j = 0; j < x.cols(); ++j) {
      const auto entries = [&](double lambda) {
        return CoordinateDescent(penalty.with_lambda(lambda), {.tolerance = 0})
            .encode(d, x.col(j))
            .nonZeros();
      };
      CHECK(entries(largest[j] * (1 + 1e-12)) == 0);
      CHECK(entries(largest[j] * (1 - 1e-6)) == 1);
    }
  };
  const Vector<double> weights = Vector<double>::LinSpaced(12, 0.5, 4);
  check(L1(7));
  check(NonnegativeL1(0));
  check(Weighted(L1(1), weights));
  check(ElasticNet(Weighted(NonnegativeL1(1), weights), 0.5));
  // Nothing to explain, or nothing that may: 0.
  const Dense one(Matrix<double>::Ones(1, 1));
  CHECK(lambda_max(one, Matrix<double>::Zero(1, 1), L1(1))[0] == 0);
  CHECK(lambda_max(one, -Matrix<double>::Ones(1, 1), NonnegativeL1(1))[0] == 0);
  CHECK(lambda_max(one, Matrix<double>(1, 0), L1(1)).size() == 0);
}

TEST_CASE("a grid of lambdas falls by equal factors", "[lambda]") {
  const std::vector<double> grid = lambda_grid(8, 1, 4);
  REQUIRE(grid.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(grid[i] == Approx(8 / std::pow(2.0, double(i))));
  CHECK(lambda_grid(3, 1, 1) == std::vector<double>{3});
  CHECK(message_of([] { (void)lambda_grid(1, 2, 3); }) ==
        "lambda_grid: needs largest >= smallest > 0, has 1 and 2");
  CHECK(message_of([] { (void)lambda_grid(1e-8, 1e-7, 3); }) ==
        "lambda_grid: needs largest >= smallest > 0, has 1e-08 and 1e-07");
  CHECK_THROWS_AS(lambda_grid(1, 0, 3), std::invalid_argument);
  CHECK_THROWS_AS(lambda_grid(1, 0.5, 0), std::invalid_argument);
}

TEST_CASE("a path has the solutions of its lambdas, for less", "[lambda]") {
  INFO("seeds 1 and 2");
  const SyntheticModel<double> model(
      SyntheticOptions{.dim = 20, .num_atoms = 50, .num_active = 4, .noise = 0.05}, 1);
  const Matrix<double> x = model.sample(30, 2).signals;
  const Dense d(model.atoms());
  const auto check = [&](const auto& solver) {
    const double largest = lambda_max(d, x, solver.penalty()).maxCoeff();
    const std::vector<double> grid = lambda_grid(largest, 0.02 * largest, 12);
    std::vector<double> seen;
    std::int64_t warm = 0, cold = 0;
    follow_lambdas(solver, d, x, grid, [&](double lambda, const auto& solution) {
      seen.push_back(lambda);
      const auto alone = solver.with_penalty(solver.penalty().with_lambda(lambda)).solve(d, x);
      for (Index j = 0; j < x.cols(); ++j) {
        CHECK(solution.relative_gap[j] <= 1e-6);
        CHECK(std::abs(solution.objective[j] - alone.objective[j]) <=
              std::max(solution.gap[j], alone.gap[j]) + 1e-14);
      }
      warm += solution.total_flops() - solution.setup_flops;
      cold += alone.total_flops() - alone.setup_flops;
    });
    CHECK(seen == grid);
    CHECK(warm < cold);
  };
  check(CoordinateDescent(NonnegativeL1(0), {.tolerance = 1e-6}));
  check(Fista(L1(0), {.tolerance = 1e-6}));
  const Fista solver(L1(0));
  CHECK(message_of([&] { follow_lambdas(solver, d, x, {-1.0}, [](double, const auto&) {}); }) ==
        "L1: lambda must be finite and at least 0, is -1");
  CHECK(message_of([] { NonnegativeL1(-1e-9); }) ==
        "NonnegativeL1: lambda must be finite and at least 0, is -1e-09");
}

TEST_CASE("cross-validation measures what it says", "[lambda]") {
  INFO("seeds 1, 2 and 9");
  // As many folds as rows: each row is left out once, whatever the deal.
  const Index dim = 6;
  const Dense d(random_normal<double>(dim, 10, 1));
  const Matrix<double> x = random_normal<double>(dim, 4, 2);
  const std::vector<double> lambdas{0.8, 0.1};
  const CoordinateDescent solver(L1(0), {.tolerance = 1e-13});
  const LambdaChoice choice = choose_lambda(solver, d, x, lambdas, {.folds = dim, .seed = 9});
  for (std::size_t i = 0; i < 2; ++i) {
    double error = 0;
    for (Index row = 0; row < dim; ++row) {
      std::vector<Index> others;
      for (Index r = 0; r < dim; ++r)
        if (r != row) others.push_back(r);
      const Matrix<double> signals = x(others, Eigen::all);
      const Matrix<double> codes = CoordinateDescent(L1(lambdas[i] * 5 / 6), {.tolerance = 1e-13})
                                       .encode(Dense(d.atoms()(others, Eigen::all)), signals);
      error += (x.row(row) - d.atoms().row(row) * codes).squaredNorm();
    }
    CHECK(choice.errors[i] == Approx(error / x.squaredNorm()).epsilon(1e-5));
  }
  CHECK(choice.lambda == lambdas[choice.errors[0] <= choice.errors[1] ? 0 : 1]);
  CHECK(choice.lambdas == lambdas);
}

TEST_CASE("the lambda that is chosen is near the one the truth would choose", "[lambda]") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    INFO("seed " << seed);
    const SyntheticModel<float> model(
        SyntheticOptions{.dim = 24, .num_atoms = 40, .num_active = 3, .noise = 0.1}, seed);
    const auto sample = model.sample(40, seed + 10);
    const DenseDictionary<float> d(model.atoms());
    const CoordinateDescent solver(NonnegativeL1(0), {.tolerance = 1e-4});
    const double largest = lambda_max(d, sample.signals, solver.penalty()).maxCoeff();
    const std::vector<double> grid = lambda_grid(largest, 1e-2 * largest, 12);
    const LambdaChoice choice = choose_lambda(solver, d, sample.signals, grid);
    double least = std::numeric_limits<double>::infinity(), chosen = least;
    follow_lambdas(solver, d, sample.signals, grid, [&](double lambda, const auto& solution) {
      const double error = static_cast<double>(
          (Matrix<float>(solution.codes) - Matrix<float>(sample.codes)).squaredNorm());
      least = std::min(least, error);
      if (lambda == choice.lambda) chosen = error;
    });
    // The two ends of the grid are worse than the best by far more.
    CHECK(chosen <= 1.25 * least);
  }
}

TEST_CASE("cross-validation refuses what it cannot do", "[lambda]") {
  const Dense d(Matrix<double>::Identity(3, 3));
  const Matrix<double> x = Matrix<double>::Ones(3, 2);
  const CoordinateDescent solver(L1(0));
  CHECK(message_of([&] { (void)choose_lambda(solver, d, x, {}); }) ==
        "choose_lambda: no lambdas to choose from");
  CHECK(message_of([&] { (void)choose_lambda(solver, d, x, {1.0}, {.folds = 4}); }) ==
        "choose_lambda: folds must be at least 2 and at most dim = 3, are 4");
  CHECK(message_of([&] { (void)choose_lambda(solver, d, 0 * x, {1.0}, {.folds = 2}); }) ==
        "choose_lambda: there is no signal other than 0");
}
