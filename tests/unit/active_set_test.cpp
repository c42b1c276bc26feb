// SPDX-License-Identifier: MIT
//
// ActiveSet: the conditions of optimality, the certificate, and the degenerate cases.

#include <algorithm>
#include <cmath>
#include <limits>

#include <lacuna/concepts/solver.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/catch.hpp"

namespace {

using namespace lacuna;
using Dense = DenseDictionary<double>;
using Prepared = PreparedDictionary<Dense>;

static_assert(SolverFor<ActiveSet<L1>, Dense>);
static_assert(SolverFor<ActiveSet<NonnegativeL1>, PreparedDictionary<UnitNormDictionary<float>>>);

/// The largest violation of the optimality conditions, in units of the largest correlation of x.
template <class P>
double violation(const Dense& d, const Matrix<double>& x, const Matrix<double>& s, double lambda) {
  const Matrix<double> c = d.correlate(x - d.decode(s));
  double worst = 0;
  for (Index j = 0; j < s.cols(); ++j)
    for (Index i = 0; i < s.rows(); ++i) {
      if (P::nonnegative && s(i, j) < 0) return std::numeric_limits<double>::infinity();
      if (s(i, j) != 0)
        worst = std::max(worst, std::abs(c(i, j) - (s(i, j) > 0 ? lambda : -lambda)));
      else
        worst = std::max(worst, (P::nonnegative ? c(i, j) : std::abs(c(i, j))) - lambda);
    }
  return worst / d.correlate(x).cwiseAbs().maxCoeff();
}

template <class P>
void check_optimal(const Dense& d, const Matrix<double>& x, double lambda) {
  CAPTURE(d.dim(), d.num_atoms(), lambda, P::nonnegative);
  const P penalty(lambda);
  const ActiveSet exact(penalty, {.tolerance = 0});
  const auto solution = exact.solve(d, x);
  CHECK(violation<P>(d, x, solution.codes, lambda) < 1e-11);
  CHECK(solution.relative_gap.maxCoeff() < 1e-11);
  CHECK(violation<P>(d, x, exact.encode(Prepared(d), x), lambda) < 1e-11);
  // One signal at a time makes no Gram matrix: the residual form, and its removals.
  const Matrix<double> first = x.leftCols(1);
  const Prepared no_gram(d, 0);
  CHECK(violation<P>(d, first, exact.encode(no_gram, first), lambda) < 1e-11);
  // Begun anywhere, it ends there.
  const Matrix<double> anywhere = random_normal<double>(d.num_atoms(), x.cols(), 5).cwiseAbs();
  CHECK(violation<P>(d, x, exact.encode(d, x, anywhere), lambda) < 1e-11);
}

}  // namespace

TEST_CASE("ActiveSet satisfies the conditions of optimality", "[active_set]") {
  INFO("seeds 1, 2 and 5");
  // Atoms of different lengths; more atoms than dimensions, and fewer; both chunk sizes and their
  // ends; as many chunks as come in at once, and more.
  const auto [dim, num_atoms] =
      GENERATE(table<Index, Index>({{8, 16}, {5, 3}, {10, 40}, {12, 64}, {12, 150}, {20, 400}}));
  Matrix<double> atoms = random_normal<double>(dim, num_atoms, 1);
  for (Index j = 0; j < num_atoms; ++j) atoms.col(j) *= 0.2 + 0.05 * static_cast<double>(j % 5);
  const Dense d(atoms);
  const Matrix<double> x = random_normal<double>(dim, num_atoms > 100 ? 8 : 30, 2);
  for (const double lambda : {1e-6, 0.01, 0.3}) {
    check_optimal<L1>(d, x, lambda);
    check_optimal<NonnegativeL1>(d, x, lambda);
  }
}

TEST_CASE("ActiveSet and Fista agree on the objective", "[active_set]") {
  INFO("seeds 1 and 2");
  const SyntheticModel<double> model(
      SyntheticOptions{.dim = 16, .num_atoms = 40, .num_active = 4, .noise = 0.05}, 1);
  const Matrix<double> x = model.sample(50, 2).signals;
  const Dense d(model.atoms());
  const auto exact = ActiveSet(NonnegativeL1(0.05)).solve(d, x);
  const auto iterative = Fista(NonnegativeL1(0.05), {.tolerance = 1e-12}).solve(d, x);
  for (Index j = 0; j < 50; ++j) {
    CHECK(exact.status[static_cast<std::size_t>(j)] == Status::converged);
    CHECK(exact.relative_gap[j] <= 1e-5);
    CHECK(exact.objective[j] >= iterative.objective[j] - iterative.gap[j] - 1e-13);
    CHECK(exact.objective[j] - iterative.objective[j] <= exact.gap[j] + 1e-13);
  }
  CHECK((Matrix<double>(exact.codes) - iterative.codes).cwiseAbs().maxCoeff() < 1e-2);
  const auto threads = ActiveSet(NonnegativeL1(0.05), {.threads = 2}).encode(d, x);
  CHECK((Matrix<double>(threads).array() == Matrix<double>(exact.codes).array()).all());
}

TEST_CASE("lambda 0 is non-negative least squares", "[active_set]") {
  // Two atoms at a right angle and one between: x lies outside their cone, and its projection is
  // known.
  Matrix<double> atoms(2, 3);
  atoms << 1, 0, std::sqrt(0.5), 0, 1, std::sqrt(0.5);
  const Matrix<double> x = (Matrix<double>(2, 2) << 3, -1, -2, 4).finished();
  const Matrix<double> s = ActiveSet(NonnegativeL1(0), {.tolerance = 0}).encode(Dense(atoms), x);
  const Matrix<double> expected = (Matrix<double>(3, 2) << 3, 0, 0, 4, 0, 0).finished();
  CHECK((s - expected).norm() < 1e-14);
}

TEST_CASE("ActiveSet has an answer where atoms repeat, vanish, or there is nothing to do",
          "[active_set]") {
  INFO("seeds 3 and 4");
  Matrix<double> atoms = Matrix<double>::Zero(4, 9);
  const Matrix<double> four = random_normal<double>(4, 4, 3);
  atoms.leftCols(4) = four;
  atoms.middleCols(4, 4) = four;  // duplicates; the last atom is zero
  const Dense d(atoms);
  const Matrix<double> x = random_normal<double>(4, 20, 4);
  check_optimal<L1>(d, x, 0.1);
  check_optimal<NonnegativeL1>(d, x, 0.1);

  const ActiveSet solver(L1(0.1));
  CHECK(solver.encode(d, Matrix<double>::Zero(4, 3)).nonZeros() == 0);
  CHECK(solver.solve(d, Matrix<double>::Zero(4, 3)).status[2] == Status::converged);
  CHECK(solver.encode(d, Matrix<double>(4, 0)).cols() == 0);
  // At lambda_max nothing comes in; just below, one atom does.
  const double lambda_max = d.correlate(x.leftCols(1)).cwiseAbs().maxCoeff();
  CHECK(ActiveSet(L1(lambda_max)).encode(d, x.leftCols(1)).nonZeros() == 0);
  CHECK(ActiveSet(L1(0.99 * lambda_max), {.tolerance = 0}).encode(d, x.leftCols(1)).nonZeros() ==
        1);
}

TEST_CASE("atoms that the span's tolerance takes for one do not take turns", "[active_set]") {
  // Of x = d_1 + d_2 both atoms alone explain all but 1 - cos a, some 1e-6.
  for (const float angle : {2.7e-3F, 2.5e-3F, 2e-3F, 1e-3F}) {
    Matrix<float> atoms(2, 2);
    atoms << 1, std::cos(angle), 0, std::sin(angle);
    const Matrix<float> x = atoms.rowwise().sum();
    for (const double tolerance : {1e-5, 1e-7, 0.0}) {
      CAPTURE(angle, tolerance);
      const auto solution = ActiveSet(NonnegativeL1(1e-6), {.tolerance = tolerance})
                                .solve(DenseDictionary<float>(atoms), x);
      CHECK(solution.iterations[0] < 10);
      CHECK(solution.status[0] != Status::max_iterations);
      CHECK(solution.relative_gap[0] < 1e-4);
    }
  }
}

TEST_CASE("ActiveSet ends at the optimum where neighbours are nearly one, begun anywhere",
          "[active_set]") {
  INFO("seeds 1 and 2");
  // Overlapping bumps, of a rank far below 60 to float. A start far off has coordinates of 1e6 and
  // more, of which nothing may stay; and what was in the span of others must be looked at again
  // when those have left. Where neither is seen to, gaps are 5e3 and 5e-4.
  Matrix<float> bumps(60, 200);
  for (Index j = 0; j < bumps.cols(); ++j)
    for (Index i = 0; i < bumps.rows(); ++i) {
      const double away = static_cast<double>(i) / 60 - static_cast<double>(j) / 200;
      bumps(i, j) = static_cast<float>(std::exp(-200 * away * away));
    }
  const UnitNormDictionary<float> d(bumps);
  const Matrix<float> x = random_normal<float>(60, 16, 1).cwiseAbs();
  const Matrix<float> anywhere = random_normal<float>(200, 16, 2);
  CHECK(ActiveSet(L1(0.05), {.tolerance = 0}).solve(d, x, anywhere).relative_gap.maxCoeff() < 1e-4);
  CHECK(ActiveSet(NonnegativeL1(1e-3), {.tolerance = 0}).solve(d, x).relative_gap.maxCoeff() <
        1e-4);
}

TEST_CASE("ActiveSet says how it ended", "[active_set]") {
  INFO("seeds 1 and 2");
  const SyntheticModel<float> model(
      SyntheticOptions{.dim = 16, .num_atoms = 40, .num_active = 4, .noise = 0.05}, 1);
  const Matrix<float> x = model.sample(50, 2).signals;
  const UnitNormDictionary<float> d(model.atoms());
  const auto capped = ActiveSet(NonnegativeL1(0.05), {.max_changes = 1}).solve(d, x);
  const auto strict = ActiveSet(NonnegativeL1(0.05), {.tolerance = 1e-12}).solve(d, x);
  Index capped_out = 0;
  for (std::size_t j = 0; j < 50; ++j) {
    if (capped.status[j] == Status::max_iterations) ++capped_out;
    CHECK(strict.status[j] == Status::precision_limit);
  }
  CHECK(capped_out > 40);
  CHECK(strict.relative_gap.maxCoeff() < 1e-5);
  // Without a tolerance a cap is what was asked for.
  const auto steps = ActiveSet(NonnegativeL1(0.05), {.tolerance = 0, .max_changes = 1}).solve(d, x);
  CHECK(std::count(steps.status.begin(), steps.status.end(), Status::completed) > 40);
  CHECK(std::count(steps.status.begin(), steps.status.end(), Status::max_iterations) == 0);
  CHECK_THROWS_WITH(ActiveSet(L1(1), {.max_changes = -1}),
                    "ActiveSet: max_changes must be at least 0, is -1");
  CHECK_THROWS_AS(ActiveSet(L1(1), {.tolerance = -1}), std::invalid_argument);
  CHECK_THROWS_AS(ActiveSet(L1(1), {.threads = -1}), std::invalid_argument);
}
