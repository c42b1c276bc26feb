// SPDX-License-Identifier: MIT
//
// The solvers that are exact on a lasso, over every penalty of that kind: the conditions of
// optimality, the certificate, warm starts, and the degenerate cases.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <lacuna/concepts/solver.hpp>
#include <lacuna/concepts/warm_startable_encoder.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/weighted.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using lacuna::test::message_of;
using Dense = DenseDictionary<double>;
using Prepared = PreparedDictionary<Dense>;

static_assert(WarmStartableFor<CoordinateDescent<L1>, Dense>);
static_assert(SolverFor<CoordinateDescent<ElasticNet<Weighted<NonnegativeL1>>>, Prepared>);

/// The largest violation of the optimality conditions, in units of the largest correlation of x:
/// <d_i, r> - ridge s_i is threshold_i sign(s_i) in use, and no more than threshold_i out of it.
template <class P>
double violation(const Dense& d, const Matrix<double>& x, const Matrix<double>& s, const P& g) {
  const Matrix<double> c = d.correlate(x - d.decode(s)) - g.ridge() * s;
  double worst = 0;
  for (Index j = 0; j < s.cols(); ++j)
    for (Index i = 0; i < s.rows(); ++i) {
      const double t = g.threshold(i);
      if (P::nonnegative && s(i, j) < 0) return std::numeric_limits<double>::infinity();
      if (s(i, j) != 0)
        worst = std::max(worst, std::abs(c(i, j) - (s(i, j) > 0 ? t : -t)));
      else
        worst = std::max(worst, (P::nonnegative ? c(i, j) : std::abs(c(i, j))) - t);
    }
  return worst / d.correlate(x).cwiseAbs().maxCoeff();
}

/// A solver asked for all that its type can give, on the optimum from everywhere.
template <class Solver>
void check_optimal(const Solver& solver, const Dense& d, const Matrix<double>& x) {
  const auto& g = solver.penalty();
  CAPTURE(d.dim(), d.num_atoms(), g.lambda(), g.ridge());
  const auto solution = solver.solve(d, x);
  CHECK(violation(d, x, solution.codes, g) < 1e-10);
  CHECK(solution.relative_gap.maxCoeff() < 1e-10);
  CHECK(violation(d, x, solver.encode(Prepared(d), x), g) < 1e-10);
  // One signal at a time makes no Gram matrix: the residual form.
  const Matrix<double> first = x.leftCols(1);
  CHECK(violation(d, first, solver.encode(Prepared(d, 0), first), g) < 1e-10);
  // Begun anywhere, it ends there: dense, and sparse.
  Matrix<double> anywhere = random_normal<double>(d.num_atoms(), x.cols(), 5);
  CHECK(violation(d, x, solver.encode(d, x, anywhere), g) < 1e-10);
  const SparseCodes<double> sparse = anywhere.cwiseMax(0.7)
                                         .array()
                                         .unaryExpr([](double v) { return v > 0.7 ? v : 0.0; })
                                         .matrix()
                                         .sparseView();
  CHECK(violation(d, x, solver.encode(d, x, sparse), g) < 1e-10);
}

/// Coordinate by coordinate, far more atoms than dimensions or next to no price take minutes
/// without optimisation.
bool descends_soon(const Dense& d, double lambda) {
  return d.num_atoms() <= 16 || (d.num_atoms() <= 2 * d.dim() && lambda >= 0.1);
}

template <class P>
void check_solvers(const Dense& d, const Matrix<double>& x, const P& penalty) {
  check_optimal(ActiveSet<P>(penalty, {.tolerance = 0}), d, x);
  if (descends_soon(d, penalty.lambda()))
    check_optimal(CoordinateDescent<P>(penalty, {.tolerance = 0, .max_iterations = 1000000}), d, x);
}

/// Of lengths that differ.
Dense dictionary(Index dim, Index num_atoms) {
  Matrix<double> atoms = random_normal<double>(dim, num_atoms, 1);
  for (Index j = 0; j < num_atoms; ++j) atoms.col(j) *= 0.2 + 0.05 * static_cast<double>(j % 5);
  return Dense(atoms);
}

Vector<double> weights(Index num_atoms) {
  return Vector<double>::NullaryExpr(
      num_atoms, [](Index i) { return std::pow(10.0, 0.5 * static_cast<double>(i % 4 - 2)); });
}

}  // namespace

TEST_CASE("exact solvers satisfy the conditions of optimality", "[lasso]") {
  INFO("seeds 1, 2 and 5");
  const auto [dim, num_atoms] =
      GENERATE(table<Index, Index>({{8, 16}, {5, 3}, {60, 70}, {12, 70}}));
  const Dense d = dictionary(dim, num_atoms);
  const Matrix<double> x = random_normal<double>(dim, 6, 2);
  for (const double lambda : {0.01, 0.3}) {
    const L1 l1(lambda);
    const NonnegativeL1 nonnegative(lambda);
    if (descends_soon(d, lambda)) {
      check_optimal(CoordinateDescent(l1, {.tolerance = 0, .max_iterations = 1000000}), d, x);
      check_optimal(CoordinateDescent(nonnegative, {.tolerance = 0, .max_iterations = 1000000}), d,
                    x);
    }
    check_solvers(d, x, Weighted(l1, weights(num_atoms)));
    check_solvers(d, x, Weighted(nonnegative, weights(num_atoms)));
    check_solvers(d, x, ElasticNet(l1, 0.05));
    check_solvers(d, x, ElasticNet(nonnegative, 0.05));
    check_solvers(d, x, ElasticNet(Weighted(nonnegative, weights(num_atoms)), 0.4));
  }
}

TEST_CASE("an elastic net is the lasso of the atoms with a ridge beneath", "[lasso]") {
  INFO("seeds 1 and 2");
  const Dense d = dictionary(6, 15);
  const Matrix<double> x = random_normal<double>(6, 10, 2);
  constexpr double ridge = 0.3;
  Matrix<double> atoms(21, 15);
  atoms << d.atoms(), std::sqrt(ridge) * Matrix<double>::Identity(15, 15);
  Matrix<double> signals = Matrix<double>::Zero(21, 10);
  signals.topRows(6) = x;
  const Matrix<double> expected =
      ActiveSet(L1(0.1), {.tolerance = 0}).encode(Dense(atoms), signals);
  const ElasticNet net(L1(0.1), ridge);
  CHECK((Matrix<double>(ActiveSet(net, {.tolerance = 0}).encode(d, x)) - expected).norm() < 1e-12);
  CHECK((Matrix<double>(CoordinateDescent(net, {.tolerance = 0}).encode(d, x)) - expected).norm() <
        1e-10);
  CHECK((Fista(net, {.tolerance = 1e-14}).encode(d, x) - expected).norm() < 1e-6);
  // Fewer dimensions than atoms in use: with a ridge they may all be.
  const Matrix<double> all =
      ActiveSet(ElasticNet(L1(1e-6), ridge), {.tolerance = 0}).encode(d, x.leftCols(3));
  CHECK((all.array() != 0).count() > 3 * 6);
}

TEST_CASE("equal atoms share under an elastic net", "[lasso]") {
  // min 1/2 (1 - a - b)^2 + 0.1 (a + b) + 0.1 (a^2 + b^2): a = b = 0.9 / 2.2.
  const Dense d(Matrix<double>::Ones(1, 2));
  const Matrix<double> x = Matrix<double>::Ones(1, 1);
  const ElasticNet net(NonnegativeL1(0.1), 0.2);
  for (const Matrix<double>& s :
       {Matrix<double>(ActiveSet(net, {.tolerance = 0}).encode(d, x)),
        Matrix<double>(CoordinateDescent(net, {.tolerance = 0}).encode(d, x))})
    CHECK((s.array() - 0.9 / 2.2).abs().maxCoeff() < 1e-14);
}

TEST_CASE("weights are lengths of atoms", "[lasso]") {
  INFO("seeds 1 and 2");
  // With d_i / w_i in the place of d_i, w_i s_i in that of s_i: the same problem.
  const Dense d = dictionary(6, 15);
  const Vector<double> w = weights(15);
  const Matrix<double> x = random_normal<double>(6, 10, 2);
  const Matrix<double> scaled = ActiveSet(L1(0.1), {.tolerance = 0})
                                    .encode(Dense(d.atoms() * w.cwiseInverse().asDiagonal()), x);
  const Matrix<double> expected = w.cwiseInverse().asDiagonal() * scaled;
  const Weighted g(L1(0.1), w);
  CHECK((Matrix<double>(ActiveSet(g, {.tolerance = 0}).encode(d, x)) - expected).norm() < 1e-11);
  CHECK((Matrix<double>(CoordinateDescent(g, {.tolerance = 0}).encode(d, x)) - expected).norm() <
        1e-9);
  CHECK((Fista(g, {.tolerance = 1e-14}).encode(d, x) - expected).norm() < 1e-5);
}

TEST_CASE("CoordinateDescent stops on its gap, warm or cold", "[lasso]") {
  INFO("seeds 1 and 2");
  const SyntheticModel<float> model(
      SyntheticOptions{.dim = 32, .num_atoms = 96, .num_active = 4, .noise = 0.05}, 1);
  const Matrix<float> x = model.sample(100, 2).signals;
  const PreparedDictionary d(UnitNormDictionary<float>(model.atoms()));
  const CoordinateDescent solver(NonnegativeL1(0.05), {.tolerance = 1e-4});
  const auto cold = solver.solve(d, x);
  const auto warm = solver.solve(d, x, cold.codes);
  for (std::size_t j = 0; j < 100; ++j) {
    CHECK(cold.status[j] == Status::converged);
    CHECK(cold.relative_gap[static_cast<Index>(j)] <= 1e-4);
    // Nothing to do but to see that: no sweep, and the code as it was.
    CHECK(warm.iterations[j] == 0);
    CHECK(warm.flops[j] < cold.flops[j]);
  }
  CHECK((Matrix<float>(warm.codes).array() == Matrix<float>(cold.codes).array()).all());
  const auto threads = CoordinateDescent(NonnegativeL1(0.05), {.tolerance = 1e-4, .threads = 2});
  CHECK((Matrix<float>(threads.encode(d, x)).array() == Matrix<float>(cold.codes).array()).all());

  const auto strict = CoordinateDescent(NonnegativeL1(0.05), {.tolerance = 1e-13}).solve(d, x);
  const auto capped = CoordinateDescent(NonnegativeL1(0.05), {.max_iterations = 1}).solve(d, x);
  Index limited = 0, capped_out = 0;
  for (std::size_t j = 0; j < 100; ++j) {
    limited += strict.status[j] == Status::precision_limit;
    capped_out += capped.status[j] == Status::max_iterations;
  }
  CHECK(limited > 95);
  CHECK(capped_out > 95);
  CHECK(strict.relative_gap.maxCoeff() < 1e-5);
  // A step downhill each: more steps, a lower objective.
  double last = std::numeric_limits<double>::infinity();
  for (const Index steps : {0, 1, 3, 10, 100}) {
    const auto solution = solver.with_steps(steps).solve(d, x);
    CHECK(solution.objective.sum() <= last);
    // No tolerance was asked for.
    CHECK(std::count(solution.status.begin(), solution.status.end(), Status::max_iterations) == 0);
    last = solution.objective.sum();
    CHECK(*std::max_element(solution.iterations.begin(), solution.iterations.end()) <= steps);
  }
}

TEST_CASE("exact solvers have an answer where atoms repeat, vanish, or nothing is to be done",
          "[lasso]") {
  INFO("seeds 3 and 4");
  Matrix<double> atoms = Matrix<double>::Zero(4, 9);
  const Matrix<double> four = random_normal<double>(4, 4, 3);
  atoms.leftCols(4) = four;
  atoms.middleCols(4, 4) = four;  // duplicates; the last atom is zero
  const Dense d(atoms);
  const Matrix<double> x = random_normal<double>(4, 20, 4);
  check_solvers(d, x, ElasticNet(NonnegativeL1(0.1), 0.2));
  check_optimal(CoordinateDescent(L1(0.1), {.tolerance = 0}), d, x);
  const CoordinateDescent solver(L1(0.1));
  CHECK(solver.encode(d, Matrix<double>::Zero(4, 3)).nonZeros() == 0);
  CHECK(solver.solve(d, Matrix<double>::Zero(4, 3)).status[2] == Status::converged);
  CHECK(solver.encode(d, Matrix<double>::Zero(4, 3), Matrix<double>::Ones(9, 3)).nonZeros() == 0);
  CHECK(solver.encode(d, Matrix<double>(4, 0)).cols() == 0);
}

TEST_CASE("weights beyond float keep their atom out, or let it in", "[lasso]") {
  INFO("seeds 1 and 2");
  const DenseDictionary<float> d(random_normal<float>(6, 12, 1));
  const Dense same(d.atoms().cast<double>());
  const Matrix<float> x = random_normal<float>(6, 5, 2);
  const Matrix<double> signals = x.cast<double>();
  Vector<double> w = Vector<double>::Ones(12);
  // In double all of them are numbers as any other.
  for (const double weight : {1e30, 1e40, 1e-30, 1e-40, 1e-46}) {
    CAPTURE(weight);
    w[3] = weight;
    const Weighted g(L1(0.1), w);
    const auto expected = ActiveSet(g, {.tolerance = 1e-10}).solve(same, signals);
    // The dual of a threshold that is nearly 0 is feasible to rounding only: no gap is seen there.
    if (weight > 1) REQUIRE(expected.relative_gap.maxCoeff() <= 1e-10);
    const auto check = [&](const SparseCodes<float>& codes) {
      const Matrix<double> s = Matrix<float>(codes).cast<double>();
      for (Index j = 0; j < x.cols(); ++j)
        CHECK(0.5 * (signals.col(j) - same.atoms() * s.col(j)).squaredNorm() + g.value(s.col(j)) <=
              expected.objective[j] + 1e-5 * signals.col(j).squaredNorm());
      CHECK((s.row(3).array() != 0).any() == (weight < 1));
    };
    const Matrix<float> everywhere = Matrix<float>::Ones(12, 5);
    check(ActiveSet(g).encode(d, x));
    check(ActiveSet(g).encode(d, x, everywhere));
    check(CoordinateDescent(g).encode(d, x));
    check(CoordinateDescent(g).encode(d, x, everywhere));
  }
}

TEST_CASE("CoordinateDescent sees that float moves no further", "[lasso]") {
  // Of two atoms that are nearly one, a sweep moves by less than the rounding of x long before the
  // coefficients stand still.
  for (const float angle : {2.7e-3F, 2e-3F, 1e-3F}) {
    Matrix<float> atoms(2, 2);
    atoms << 1, std::cos(angle), 0, std::sin(angle);
    const Matrix<float> x = atoms.rowwise().sum();
    for (const double tolerance : {1e-8, 0.0}) {
      CAPTURE(angle, tolerance);
      const auto solution = CoordinateDescent(NonnegativeL1(1e-6), {.tolerance = tolerance})
                                .solve(DenseDictionary<float>(atoms), x);
      CHECK(solution.iterations[0] < 1000);
      CHECK(solution.status[0] == (tolerance > 0 ? Status::precision_limit : Status::completed));
      CHECK(solution.relative_gap[0] < 1e-5);
    }
  }
}

TEST_CASE("exact solvers refuse what does not fit", "[lasso]") {
  const Dense d = dictionary(4, 6);
  const Matrix<double> x = Matrix<double>::Ones(4, 2);
  const Weighted five(L1(1), Vector<double>::Ones(5));
  const std::string complaint =
      "the penalty has a weight for each of 5 atoms, the dictionary has 6";
  CHECK(message_of([&] { (void)ActiveSet(five).encode(d, x); }) == "ActiveSet: " + complaint);
  CHECK(message_of([&] { (void)CoordinateDescent(ElasticNet(five, 1)).encode(d, x); }) ==
        "CoordinateDescent: " + complaint);
  CHECK(message_of([&] { (void)Fista(five).encode(d, x); }) == "Fista: " + complaint);
  CHECK(message_of([&] { (void)LocallyCompetitive(five).encode(d, x); }) ==
        "LocallyCompetitive: " + complaint);
  const SparseCodes<double> initial(6, 3);
  CHECK(message_of([&] { (void)CoordinateDescent(L1(1)).encode(d, x, initial); }) ==
        "CoordinateDescent: initial codes are 6 x 3, signals are 4 x 2: expected as many columns");
  CHECK(message_of([] { CoordinateDescent(L1(1), {.max_iterations = -1}); }) ==
        "CoordinateDescent: max_iterations must be at least 0, is -1");
  CHECK_THROWS_AS(CoordinateDescent(L1(1), {.tolerance = -1}), std::invalid_argument);
  CHECK_THROWS_AS(CoordinateDescent(L1(1), {.threads = -1}), std::invalid_argument);
}
