// SPDX-License-Identifier: MIT
// Combinators and what they are made of: selection, least squares on supports, non-negative too;
// and the codes of AdamInference that they clean up.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/operator/nonnegative_least_squares.hpp>
#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/penalty/weighted.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "laws/encoder_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using Dense = DenseDictionary<double>;
using Prepared = PreparedDictionary<Dense>;
using Support = std::vector<Index>;

double largest_entry(const Matrix<double>& difference) {
  return difference.size() > 0 ? difference.cwiseAbs().maxCoeff() : 0.0;
}

Dense gaussian(Index dim, Index num_atoms, std::uint64_t seed) {
  return Dense(gaussian_dictionary<double>(dim, num_atoms, seed));
}

Support support_of(const Vector<double>& code) {
  Support support;
  for (Index i = 0; i < code.size(); ++i)
    if (code[i] != 0) support.push_back(i);
  return support;
}

/// What is left of the conditions that only the best w >= 0 meets.
double kkt_violation(const Matrix<double>& atoms, const Vector<double>& x,
                     const Vector<double>& w) {
  const Vector<double> c = atoms.transpose() * (x - atoms * w);
  double violation = std::max(0.0, -w.minCoeff());
  for (Index i = 0; i < w.size(); ++i)
    violation = std::max(violation, w[i] > 0 ? std::abs(c[i]) : c[i]);
  return violation;
}

// Who fits whom, and who does not.
using Hidden = test::MinimalDictionary<double>;
static_assert(SolverFor<Truncated<Fista<L1>>, Hidden> && SolverFor<MarginalThreshold, Hidden>);
static_assert(SolverFor<Debiased<Truncated<Fista<L1>>>, Dense>);
static_assert(not EncoderFor<Debiased<Fista<L1>>, Hidden>);
static_assert(not EncoderFor<MatchingPursuit, Hidden> && not EncoderFor<Cosamp, Hidden>);
static_assert(not EncoderFor<Truncated<MatchingPursuit>, Hidden>);
// What cannot say what its codes cost is encoded with, and not solved.
static_assert(EncoderFor<Truncated<test::ZeroEncoder>, Hidden>);
static_assert(not SolverFor<Truncated<test::ZeroEncoder>, Hidden>);
static_assert(EncoderFor<Debiased<test::ZeroEncoder>, Dense>);
static_assert(not SolverFor<Debiased<test::ZeroEncoder>, Dense>);
static_assert(SolverFor<Truncated<test::MinimalSolver>, Hidden>);
static_assert(not EncoderFor<Truncated<TopKEncoder<float>>, Hidden>);

/// Says what it is told to, as the first of a combinator.
struct Fixed {
  Matrix<double> codes;
  Matrix<double> encode(const Dense&, const MatrixArg<double>&) const { return codes; }
};

struct FixedSparse {
  SparseCodes<double> codes;
  SparseCodes<double> encode(const Dense&, const MatrixArg<double>&) const { return codes; }
};

}  // namespace

// ---- selection ----------------------------------------------------------------------------------

TEST_CASE("SelectLargest agrees with sorting", "[select_largest]") {
  SelectLargest<double> select(40);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomStream random(seed);
    const Index size = 1 + Index(random.below(40)), k = Index(random.below(44));
    Vector<double> values(size);
    // Few different values, zeros among them: many ties.
    for (double& value : values) value = double(random.below(7)) - 3;
    for (const bool positive : {false, true}) {
      CAPTURE(seed, size, k, positive);
      Support expected;
      for (Index i = 0; i < size; ++i)
        if ((positive ? values[i] : std::abs(values[i])) > 0) expected.push_back(i);
      std::stable_sort(expected.begin(), expected.end(), [&](Index a, Index b) {
        return positive ? values[a] > values[b] : std::abs(values[a]) > std::abs(values[b]);
      });
      if (static_cast<Index>(expected.size()) > k) expected.resize(static_cast<std::size_t>(k));
      std::sort(expected.begin(), expected.end());
      REQUIRE(select(values, k, positive) == expected);
    }
  }
}

TEST_CASE("SparseBlocks puts columns together in order", "[sparse_blocks]") {
  SparseBlocks<double> blocks(5, 4, 3);
  blocks.part(1).push(2, 7.0);
  blocks.part(1).end_column();
  blocks.part(0).push(4, 1.0);
  blocks.part(0).push(0, 2.0);
  blocks.part(0).push(3, 0.0);
  blocks.part(0).push(1, -3.0);
  blocks.part(0).end_column();
  blocks.part(0).end_column();
  blocks.part(0).push(1, 5.0);
  blocks.part(0).end_column();
  const SparseCodes<double> codes = blocks.assemble("test");
  test::check_sparse_form(codes);
  Matrix<double> expected = Matrix<double>::Zero(5, 4);
  expected.col(0) << 2, -3, 0, 0, 1;
  expected(1, 2) = 5;
  expected(2, 3) = 7;
  CHECK(Matrix<double>(codes) == expected);
  CHECK(codes.nonZeros() == 5);
  CHECK(SparseBlocks<double>(5, 0, 3).assemble("test").cols() == 0);
}

// ---- least squares ------------------------------------------------------------------------------

TEST_CASE("NonnegativeLeastSquares finds what trying all supports finds",
          "[nonnegative_least_squares]") {
  NonnegativeLeastSquares<double> nnls(2);  // it grows
  Index left_again = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Index dim = 1 + Index(seed % 7), n = 1 + Index(seed / 7 % 8);
    CAPTURE(seed, dim, n);
    Matrix<double> atoms = random_normal<double>(dim, n, 3000 + seed);
    // Positive atoms crowd, so that what entered has to leave again.
    if (seed % 3 == 0) atoms = atoms.cwiseAbs();
    if (seed % 5 == 4 && n > 2) atoms.col(n - 1) = atoms.col(0);
    if (seed % 5 == 3 && n > 2) atoms.col(1).setZero();
    if (seed % 2 == 1) atoms.col(0) *= 1e3;
    const Vector<double> x = random_normal<double>(dim, 1, 4000 + seed);
    const Matrix<double> gram = atoms.transpose() * atoms;
    REQUIRE(nnls.solve(gram, atoms.transpose() * x) == Status::converged);
    const Vector<double> w = nnls.weights();
    REQUIRE(w.size() == n);
    const Vector<double> lengths = atoms.colwise().norm();
    REQUIRE(kkt_violation(atoms, x, w) <= 1e-11 * x.norm() * lengths.maxCoeff());
    const auto active = static_cast<Index>(support_of(w).size());
    REQUIRE(active <= std::min(dim, n));
    left_again += nnls.iterations() > active;
    double best = 0.5 * x.squaredNorm();
    for (unsigned mask = 1; mask < 1U << n; ++mask) {
      Support support;
      for (Index i = 0; i < n; ++i)
        if (mask >> i & 1U) support.push_back(i);
      const Matrix<double> chosen = atoms(Eigen::all, support);
      const Matrix<double> inner = chosen.transpose() * chosen;
      const auto factor = inner.ldlt();
      if (!(factor.vectorD().minCoeff() > 1e-10)) continue;
      const Vector<double> weights = factor.solve(chosen.transpose() * x);
      if (weights.minCoeff() >= 0)
        best = std::min(best, 0.5 * (x - chosen * weights).squaredNorm());
    }
    REQUIRE(0.5 * (x - atoms * w).squaredNorm() == Approx(best).epsilon(1e-9).margin(1e-12));
  }
  CHECK(left_again > 5);
}

TEST_CASE("NonnegativeLeastSquares in float, and where there is nothing to do",
          "[nonnegative_least_squares]") {
  NonnegativeLeastSquares<float> nnls(30);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    const Matrix<float> atoms = random_normal<float>(20, 30, 5000 + seed).cwiseAbs();
    const Vector<float> x = random_normal<float>(20, 1, 6000 + seed).cwiseAbs();
    REQUIRE(nnls.solve(atoms.transpose() * atoms, atoms.transpose() * x) == Status::converged);
    const Vector<float> w = nnls.weights();
    REQUIRE(kkt_violation(atoms.cast<double>(), x.cast<double>(), w.cast<double>()) <
            1e-4 * static_cast<double>(x.norm() * atoms.colwise().norm().maxCoeff()));
  }
  NonnegativeLeastSquares<double> small;
  CHECK(small.solve(Matrix<double>(0, 0), Vector<double>(0)) == Status::converged);
  CHECK(small.weights().size() == 0);
  CHECK(small.solve(Matrix<double>::Zero(2, 2), Vector<double>::Zero(2)) == Status::converged);
  CHECK(Vector<double>(small.weights()).isZero(0));
  CHECK(small.iterations() == 0);
  // One variable: b / G. Its flops: length, gradient, a look, the entry, two solves, the update, a
  // look.
  small.solve(Matrix<double>::Constant(1, 1, 4), Vector<double>::Constant(1, 2));
  CHECK(small.weights()[0] == Approx(0.5));
  CHECK(small.flops() == 2 + 1 + 1 + 4 + 2 + 1);
  CHECK(small.iterations() == 1);
}

TEST_CASE("SupportLeastSquares leaves nothing on its support", "[support_least_squares]") {
  const Dense d = gaussian(9, 20, 11);
  const Prepared prepared(d);
  const DenseDictionary<float> narrow(d.atoms().cast<float>());
  SupportLeastSquares fit(d, 1);
  SupportLeastSquares with_gram(prepared, 9);
  SupportLeastSquares in_float(narrow, 9);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomStream random(seed, 12);
    const Support support = random.choose(20, 1 + Index(seed % 9));
    const Vector<double> x = random_normal<double>(9, 1, 100 + seed);
    const Matrix<double> chosen = d.atoms()(Eigen::all, support);
    fit.fit(x, support, false);
    with_gram.fit(x, support, false);
    in_float.fit(x.cast<float>().eval(), support, false);
    CAPTURE(seed, support.size());
    REQUIRE(largest_entry(chosen.transpose() * fit.residual()) < 1e-11);
    REQUIRE(largest_entry(fit.residual() - with_gram.residual()) < 1e-10);
    // Corrected once by its residual: to the precision of float though the factor squares the
    // condition.
    REQUIRE(largest_entry(chosen.transpose() * in_float.residual().cast<double>()) < 2e-5);
    Vector<double> weights(chosen.cols());
    for (std::size_t i = 0; i < support.size(); ++i) weights[static_cast<Index>(i)] = fit.weight(i);
    REQUIRE(largest_entry(x - chosen * weights - fit.residual()) < 1e-12);
    if (support.size() > 3) CHECK(fit.flops() > with_gram.flops());
  }
  // More atoms than dimensions: those after the ninth independent one are passed over.
  Support all(20);
  for (std::size_t i = 0; i < 20; ++i) all[i] = Index(i);
  fit.fit(Vector<double>::Ones(9), all, false);
  CHECK(fit.residual().norm() < 1e-10);
  for (std::size_t i = 9; i < 20; ++i) CHECK(fit.weight(i) == 0);
}

// ---- Truncated and Debiased ---------------------------------------------------------------------

TEST_CASE("Truncated keeps the largest entries as they are", "[truncated]") {
  const Dense d = gaussian(7, 15, 21);
  const Matrix<double> x = random_normal<double>(7, 90, 22);
  const Fista fista(L1(0.02));
  const TopKEncoder<double> top(RandomWeights{.dim = 7, .num_atoms = 15, .seed = 3}, 6);
  for (const Index k : {1, 3, 15, 99}) {
    CAPTURE(k);
    const auto check = [&](const Matrix<double>& whole, const SparseCodes<double>& cut) {
      test::check_sparse_form(cut);
      for (Index j = 0; j < x.cols(); ++j) {
        Vector<double> sizes = whole.col(j).cwiseAbs();
        std::sort(sizes.begin(), sizes.end(), std::greater<>());
        const double least = k < 15 ? sizes[k - 1] : 0;
        const Vector<double> expected = whole.col(j).unaryExpr(
            [&](double value) { return std::abs(value) >= least ? value : 0.0; });
        REQUIRE(Vector<double>(cut.col(j)) == expected);
      }
    };
    check(fista.encode(d, x), Truncated(fista, k).encode(d, x));
    check(top.encode(d, x), Truncated(top, k).encode(d, x));
  }
  // Dense and sparse of the same values give the same.
  const Matrix<double> dense = top.encode(d, x);
  CHECK(Matrix<double>(Truncated(Fixed{dense}, 2).encode(d, x)) ==
        Matrix<double>(Truncated(top, 2).encode(d, x)));
  // Of equals the lower; nothing from nothing.
  Matrix<double> ties = Matrix<double>::Zero(15, 90);
  ties(3, 0) = ties(9, 0) = 2;
  ties(5, 0) = -2;
  const auto cut = Truncated(Fixed{ties}, 2).encode(d, x);
  CHECK(support_of(Vector<double>(cut.col(0))) == Support{3, 5});
  CHECK(cut.nonZeros() == 2);

  const auto first = fista.solve(d, x);
  const auto solution = Truncated(fista, 3).solve(d, x);
  CHECK(solution.flops == first.flops);
  CHECK(solution.setup_flops == first.setup_flops);
  CHECK(solution.status == first.status);
  CHECK(solution.iterations == first.iterations);
  CHECK(std::isnan(solution.gap[0]));
  const Matrix<double> residual = x - d.decode(solution.codes);
  for (Index j = 0; j < x.cols(); ++j)
    REQUIRE(solution.objective[j] == Approx(0.5 * residual.col(j).squaredNorm()).epsilon(1e-12));
  CHECK(Truncated(top, 2).solve(d, x).flops[4] == top.forward_flops(d));
  // Through a dictionary that hides its atoms.
  const auto hidden = Truncated(fista, 3).solve(test::MinimalDictionary<double>(d.atoms()), x);
  CHECK(hidden.objective.isApprox(solution.objective, 1e-6));
  CHECK(message_of([&] { Truncated(fista, 0); }) == "Truncated: k must be at least 1, is 0");
  CHECK(message_of([&] { (void)Truncated(fista, 1).encode(d, Matrix<double>(4, 2)); }) ==
        "Fista: signals are 4 x 2, the dictionary is 7 x 15: expected 7 rows");
}

TEST_CASE("Truncated gives the same at any number of threads", "[truncated]") {
  const Dense d = gaussian(5, 9, 31);
  const Matrix<double> x = random_normal<double>(5, 1100, 32);
  const Matrix<double> whole = random_normal<double>(9, 1100, 33);
  const auto same = [](const SparseCodes<double>& a, const SparseCodes<double>& b) {
    test::check_sparse_form(a);
    return a.nonZeros() == b.nonZeros() && Matrix<double>(a) == Matrix<double>(b);
  };
  const SparseCodes<double> alone = Truncated(Fixed{whole}, 4).encode(d, x);
  CHECK(alone.nonZeros() == 4 * 1100);
  for (const Index threads : {2, 3, 0})
    CHECK(same(Truncated(Fixed{whole}, 4, {.threads = threads}).encode(d, x), alone));
  // From sparse codes, compressed or with room between the columns.
  SparseCodes<double> sparse = alone;
  for (const bool compressed : {true, false}) {
    CAPTURE(compressed);
    if (!compressed) sparse.reserve(Eigen::VectorXi::Constant(1100, 3));
    REQUIRE(sparse.isCompressed() == compressed);
    for (const Index threads : {1, 2})
      CHECK(same(Truncated(FixedSparse{sparse}, 2, {.threads = threads}).encode(d, x),
                 Truncated(Fixed{whole}, 2).encode(d, x)));
  }
  const Truncated cut(Fista(L1(0.1)), 2);
  const Truncated threaded(Fista(L1(0.1)), 2, {.threads = 2});
  CHECK(cut.solve(d, x).objective == threaded.solve(d, x).objective);
  CHECK(message_of([&] { Truncated(Fista(L1(0.1)), 2, {.threads = -1}); }) ==
        "Truncated: threads must be at least 0, is -1");
}

TEST_CASE("Debiased leaves nothing on its support", "[debiased]") {
  const Dense d = gaussian(7, 15, 23);
  const Prepared prepared(d);
  const Matrix<double> x = random_normal<double>(7, 150, 24);
  const Fista fista(L1(0.1), {.tolerance = 1e-8});
  const Matrix<double> lasso = fista.encode(d, x);
  const auto solution = Debiased(fista).solve(d, x);
  const Matrix<double> codes = solution.codes;
  test::check_sparse_form(solution.codes);
  CHECK(largest_entry(codes - Matrix<double>(Debiased(fista).encode(prepared, x))) < 1e-9);
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j);
    const Support support = support_of(lasso.col(j));
    REQUIRE(support_of(codes.col(j)) == support);
    const Vector<double> r = x.col(j) - d.atoms() * codes.col(j);
    REQUIRE(largest_entry(d.atoms()(Eigen::all, support).transpose() * r) < 1e-11);
    REQUIRE(r.norm() <= (x.col(j) - d.atoms() * lasso.col(j)).norm());
    REQUIRE(solution.objective[j] ==
            Approx(0.5 * r.squaredNorm()).epsilon(1e-12).margin(1e-15 * x.col(j).squaredNorm()));
  }
  // Non-negative on a signed support: its conditions hold on the support.
  const Matrix<double> positive = Debiased(fista, {.nonnegative = true}).encode(d, x);
  Index smaller = 0;
  for (Index j = 0; j < x.cols(); ++j) {
    const Support support = support_of(lasso.col(j)), kept = support_of(positive.col(j));
    REQUIRE(std::includes(support.begin(), support.end(), kept.begin(), kept.end()));
    if (support.empty()) continue;
    const Vector<double> weights = positive.col(j)(support);
    REQUIRE(kkt_violation(d.atoms()(Eigen::all, support), x.col(j), weights) < 1e-11);
    smaller += kept.size() < support.size();
  }
  CHECK(smaller > 0);

  // A support larger than dim: its dim largest.
  const Matrix<double> wide = random_normal<double>(15, 150, 25);
  CHECK(Matrix<double>(Debiased(Fixed{wide}).encode(d, x)) ==
        Matrix<double>(Debiased(Truncated(Fixed{wide}, 7)).encode(d, x)));
  Matrix<double> one_too_many = wide;
  one_too_many.bottomRows(7).setZero();
  one_too_many.row(2).setConstant(1e-3);
  const auto cut = Debiased(Fixed{one_too_many}).encode(d, x);
  CHECK(support_of(Vector<double>(cut.col(0))) == Support{0, 1, 3, 4, 5, 6, 7});
  // A threshold of what is active.
  CHECK(Matrix<double>(Debiased(Fixed{wide}, {.active = 1.2}).encode(d, x)) ==
        Matrix<double>(Debiased(Fixed{(wide.array().abs() > 1.2).select(wide, 0.0)}).encode(d, x)));
  // On the best support it is the best code.
  const ExhaustiveSearch best({.k = 3});
  CHECK(largest_entry(Matrix<double>(Debiased(best).encode(d, x)) -
                      Matrix<double>(best.encode(d, x))) < 1e-10);
  // Copies of an atom: the lower is fitted.
  Matrix<double> copies = d.atoms();
  copies.col(4) = copies.col(2);
  Matrix<double> both = Matrix<double>::Zero(15, 150);
  both.row(2).setOnes();
  both.row(4).setOnes();
  const Matrix<double> fitted = Debiased(Fixed{both}).encode(Dense(copies), x);
  CHECK(fitted.row(4).isZero(0));
  CHECK(largest_entry(fitted.row(2) - copies.col(2).transpose() * x) < 1e-12);
  // Nothing active, nothing fitted.
  CHECK(Debiased(Fixed{Matrix<double>::Zero(15, 150)}).encode(d, x).nonZeros() == 0);

  const auto first = fista.solve(d, x);
  CHECK(solution.status == first.status);
  CHECK(solution.iterations == first.iterations);
  CHECK(solution.setup_flops == first.setup_flops);
  // One atom: right side twice, its length, the factor, two solves, and the residual twice.
  Matrix<double> one = Matrix<double>::Zero(15, 150);
  one.row(3).setOnes();
  const TopKEncoder<double> top(one.leftCols(7) * 0.0, 1, Vector<double>::Unit(15, 3));
  CHECK(Debiased(top).solve(d, x).flops[0] ==
        top.forward_flops(d) + 2 * 7 + 2 * 7 + 1 + 2 * 5 + 2 * 7 + 2 * 7 + 2 * 7);
  CHECK(message_of([&] { Debiased(fista, {.active = -1}); }) ==
        "Debiased: active must be finite and at least 0, is -1");
  CHECK(message_of([&] { Debiased(fista, {.threads = -1}); }) ==
        "Debiased: threads must be at least 0, is -1");
}

TEST_CASE("combinators nest, and stay non-negative", "[truncated][debiased]") {
  const Dense d = gaussian(8, 16, 26);
  const Matrix<double> x = random_normal<double>(8, 40, 27);
  const Fista fista(NonnegativeL1(0.05));
  const Debiased nested(Truncated(Debiased(fista, {.nonnegative = true}), 3),
                        {.nonnegative = true});
  const auto solution = nested.solve(d, x);
  test::check_sparse_form(solution.codes);
  const Matrix<double> codes = solution.codes;
  CHECK(codes.minCoeff() >= 0);
  CHECK(codes == Matrix<double>(nested.encode(d, x)));
  const Matrix<double> step = Truncated(Debiased(fista, {.nonnegative = true}), 3).encode(d, x);
  CHECK(codes == Matrix<double>(Debiased(Fixed{step}, {.nonnegative = true}).encode(d, x)));
  for (Index j = 0; j < x.cols(); ++j) REQUIRE(support_of(codes.col(j)).size() <= 3);
  CHECK(solution.total_flops() > Debiased(fista, {.nonnegative = true}).solve(d, x).total_flops());
  const test::SomeEncoder<double> some(nested, d);
  test::check_encoder_laws<double>(some, x.leftCols(7), 1e-10);
  const Debiased threaded(Truncated(fista, 3), {.nonnegative = true, .threads = 2});
  const Debiased alone(Truncated(fista, 3), {.nonnegative = true});
  const Matrix<double> many = random_normal<double>(8, 300, 28);
  CHECK(Matrix<double>(threaded.encode(d, many)) == Matrix<double>(alone.encode(d, many)));
}

// ---- LocallyCompetitive, begun from codes -------------------------------------------------------

TEST_CASE("LocallyCompetitive begins where it is told", "[lca][refined]") {
  // Both forms of the drive, and atoms that it sees only through decode and correlate.
  const Index num_atoms = GENERATE(9, 14);
  CAPTURE(num_atoms);
  const Dense d = gaussian(6, num_atoms, 61);
  const test::MinimalDictionary<double> hidden(d.atoms());
  const Matrix<double> x = random_normal<double>(6, 70, 62);
  Matrix<double> start = random_normal<double>(num_atoms, 70, 63);
  start = (start.array().abs() > 0.8).select(start, 0.0);
  const LocallyCompetitive signed_codes(L1(0.2));
  const LocallyCompetitive positive(NonnegativeL1(0.2));
  const LocallyCompetitive hard(HardThreshold{1.0});
  const Matrix<double> above = (start.array().abs() > 1.0).select(start, 0.0);
  // Nothing done is nothing changed, but for what T cannot give.
  CHECK(signed_codes.with_steps(0).encode(d, x, start) == start);
  CHECK(positive.with_steps(0).encode(d, x, start) == start.cwiseMax(0.0));
  CHECK(hard.with_steps(0).encode(d, x, start) == above);
  CHECK(LocallyCompetitive(HardThreshold{1.0, true}).with_steps(0).encode(d, x, start) ==
        above.cwiseMax(0.0));
  // From no codes is from the beginning.
  const Matrix<double> none = Matrix<double>::Zero(num_atoms, 70);
  CHECK(signed_codes.with_steps(7).encode(d, x, none) == signed_codes.with_steps(7).encode(d, x));
  CHECK(hard.with_steps(7).encode(d, x, none) == hard.with_steps(7).encode(d, x));

  // One step of the equation, by hand.
  const auto soft = [](double v) { return std::copysign(std::max(std::abs(v) - 0.2, 0.0), v); };
  const LocallyCompetitiveOptions one{.step = 0.05, .tolerance = 0, .max_iterations = 1};
  const Matrix<double> drive = d.atoms().transpose() * (x - d.atoms() * start);
  const Matrix<double> u = start + 0.2 * start.cwiseSign();
  const Matrix<double> expected = (u + 0.05 * (drive + start - u)).unaryExpr(soft);
  CHECK(largest_entry(LocallyCompetitive(L1(0.2), one).encode(d, x, start) - expected) < 1e-13);
  CHECK(largest_entry(LocallyCompetitive(L1(0.2), one).encode(hidden, x, start) - expected) < 1e-13);
  const Matrix<double> drive_above = d.atoms().transpose() * (x - d.atoms() * above);
  const Matrix<double> moved = above + 0.05 * drive_above;
  CHECK(largest_entry(LocallyCompetitive(HardThreshold{1.0}, one).encode(d, x, start) -
                      Matrix<double>((moved.array().abs() > 1.0).select(moved, 0.0))) < 1e-13);
  // A weight of its own for each atom, and a ridge: T has another slope there.
  const ElasticNet net(
      Weighted(L1(0.2), Vector<double>(Vector<double>::LinSpaced(num_atoms, 0.5, 2.0))), 0.3);
  Matrix<double> shrunk = 1.3 * start, sum;
  for (Index i = 0; i < num_atoms; ++i) shrunk.row(i) += net.threshold(i) * start.row(i).cwiseSign();
  sum = shrunk + 0.05 * (drive + start - shrunk);
  net.prox(sum, 1.0);
  CHECK(largest_entry(LocallyCompetitive(net, one).encode(d, x, start) - sum) < 1e-13);

  // A solution stays, is recognised at once, and is left only by as much as it is not one.
  const auto settled = LocallyCompetitive(L1(0.2), {.tolerance = 1e-9, .max_iterations = 200000})
                           .solve(d, x);
  const auto again = LocallyCompetitive(L1(0.2), {.tolerance = 1e-8}).solve(d, x, settled.codes);
  for (const Index iterations : again.iterations) REQUIRE(iterations == 0);
  for (const Status status : again.status) REQUIRE(status == Status::converged);
  CHECK(again.codes == settled.codes);
  const auto later = signed_codes.with_steps(50).solve(d, x, settled.codes);
  for (Index j = 0; j < x.cols(); ++j)
    REQUIRE(later.objective[j] <= settled.objective[j] + 1e-14 * x.col(j).squaredNorm());
  const LocallyCompetitive slow(HardThreshold{0.3}, {.tolerance = 1e-9, .max_iterations = 100000});
  const auto quiet = slow.solve(d, x);
  const auto still = slow.solve(d, x, quiet.codes);
  for (Index j = 0; j < x.cols(); ++j) {
    const auto here = static_cast<std::size_t>(j);
    REQUIRE(quiet.status[here] == Status::converged);
    REQUIRE(still.iterations[here] < quiet.iterations[here]);
  }

  const Refined refined(Fista(L1(0.2)).with_steps(3), signed_codes, 4);
  CHECK(refined.encode(d, x) ==
        signed_codes.with_steps(4).encode(d, x, Fista(L1(0.2)).with_steps(3).encode(d, x)));
  const auto flops = [&](const auto& lca, Index steps) {
    return lca.with_steps(steps).solve(d, x, start).flops[0];
  };
  CHECK(flops(signed_codes, 0) == 2 * 6 * num_atoms + 2 * num_atoms);
  CHECK(flops(hard, 0) == 2 * 6 * num_atoms);
  CHECK(flops(signed_codes, 3) - flops(signed_codes, 0) ==
        signed_codes.with_steps(3).solve(d, x).flops[0] - 2 * 6 * num_atoms);
  CHECK(message_of([&] { (void)signed_codes.encode(d, x, start.leftCols(3)); }) ==
        "LocallyCompetitive: initial codes are " + std::to_string(num_atoms) +
            " x 3, signals are 6 x 70: expected as many columns");
}

// ---- other codes of AdamInference ---------------------------------------------------------------

TEST_CASE("AdamInference goes down the gradient of each kind of code", "[adam_inference]") {
  const AdamCodes kind = GENERATE(AdamCodes::exp, AdamCodes::softplus, AdamCodes::relu);
  const Index num_atoms = GENERATE(6, 12);  // both forms
  CAPTURE(static_cast<int>(kind), num_atoms);
  const Dense d = gaussian(5, num_atoms, 41);
  const Matrix<double> x = random_normal<double>(5, 1, 42);
  const double lambda = 0.05, rate = 1e-3, epsilon = 10;
  const auto link = [&](const Vector<double>& u) -> Vector<double> {
    return u.unaryExpr([&](double v) {
      if (kind == AdamCodes::exp) return std::exp(v);
      return kind == AdamCodes::softplus ? std::log1p(std::exp(v)) : std::max(v, 0.0);
    });
  };
  const auto inverse = [&](const Vector<double>& s) -> Vector<double> {
    return s.unaryExpr([&](double v) {
      if (kind == AdamCodes::exp) return std::log(v);
      return kind == AdamCodes::softplus ? std::log(std::expm1(v)) : v;
    });
  };
  const auto objective = [&](const Vector<double>& u) {
    const Vector<double> s = link(u);
    return 0.5 * (x.col(0) - d.atoms() * s).squaredNorm() + lambda * s.sum();
  };
  const AdamInference infer(NonnegativeL1(lambda),
                            {.learning_rate = rate, .steps = 1, .epsilon = epsilon, .codes = kind});
  RandomStream random(43);
  Matrix<double> begun(num_atoms, 1);
  for (double& value : begun.reshaped()) value = 0.2 + random.uniform<double>();
  const Vector<double> u = inverse(begun.col(0));
  // The first step of Adam is rate g / (|g| + epsilon): g is read off the move.
  const Vector<double> moved = inverse(infer.encode(d, x, begun).col(0)) - u;
  for (Index i = 0; i < num_atoms; ++i) {
    const double gradient = -moved[i] * epsilon / (rate - std::abs(moved[i]));
    Vector<double> up = u, down = u;
    const double h = 1e-5;
    up[i] += h;
    down[i] -= h;
    CHECK(gradient ==
          Approx((objective(up) - objective(down)) / (2 * h)).epsilon(1e-5).margin(1e-6));
  }
}

TEST_CASE("AdamInference begins all kinds of codes where it says", "[adam_inference]") {
  const Dense d = gaussian(5, 8, 44);
  const Matrix<double> x = random_normal<double>(5, 6, 45);
  const auto begin = [&](AdamCodes kind, double start) {
    return AdamInference(NonnegativeL1(0.1), {.steps = 0, .start = start, .codes = kind});
  };
  for (const double start : {-30.0, -10.0, 0.0, 4.0}) {
    CAPTURE(start);
    const Matrix<double> constant = Matrix<double>::Constant(8, 6, std::exp(start));
    const auto close = [](const Matrix<double>& a, const Matrix<double>& b) {
      return ((a - b).array().abs() <= 1e-12 * b.array()).all();
    };
    CHECK(close(begin(AdamCodes::softplus, start).encode(d, x), constant));
    CHECK(close(begin(AdamCodes::relu, start).encode(d, x), d.correlate(x).cwiseMax(constant)));
    Matrix<double> warm = random_normal<double>(8, 6, 46);
    for (const AdamCodes kind : {AdamCodes::exp, AdamCodes::softplus, AdamCodes::relu})
      CHECK(close(begin(kind, start).encode(d, x, warm), warm.cwiseMax(constant)));
  }
  // float, far from 1 on either side.
  const DenseDictionary<float> narrow(d.atoms().cast<float>());
  const Matrix<float> far =
      begin(AdamCodes::softplus, -30)
          .encode(narrow, x.cast<float>(), Matrix<float>::Constant(8, 6, 300.0F));
  CHECK(far.isApproxToConstant(300.0F, 1e-5F));
  CHECK(begin(AdamCodes::softplus, -30).encode(narrow, x.cast<float>()).minCoeff() > 0.9e-13F);
}

TEST_CASE("all kinds of codes of AdamInference come near the optimum", "[adam_inference]") {
  const Dense d = gaussian(6, 10, 47);
  const Matrix<double> x = random_normal<double>(6, 12, 48);
  const NonnegativeL1 penalty(0.05);
  const auto best = Fista(penalty, {.tolerance = 1e-12}).solve(d, x);
  const auto excess = [&](AdamCodes kind) {
    const auto found =
        AdamInference(penalty, {.learning_rate = 0.01, .steps = 4000, .start = -3, .codes = kind})
            .solve(d, x);
    double furthest = 0;
    for (Index j = 0; j < x.cols(); ++j) {
      const double above = found.objective[j] - best.objective[j];
      const double energy = 0.5 * x.col(j).squaredNorm();
      REQUIRE(above >= -1e-12 * energy);
      REQUIRE(found.gap[j] >= above);
      furthest = std::max(furthest, above / energy);
    }
    const bool zeros = (found.codes.array() == 0).any();
    CHECK(zeros == (kind == AdamCodes::relu));
    CHECK(found.codes.minCoeff() >= 0);
    return furthest;
  };
  CHECK(excess(AdamCodes::exp) < 1e-3);
  CHECK(excess(AdamCodes::softplus) < 1e-3);
  // What has come to 0 stays: near, not at the optimum.
  CHECK(excess(AdamCodes::relu) < 0.05);

  const auto flops = [&](Index num_atoms, AdamCodes kind) {
    return AdamInference(penalty, {.steps = 7, .codes = kind})
        .solve(gaussian(6, num_atoms, 49), x)
        .flops[0];
  };
  CHECK(flops(8, AdamCodes::softplus) == 2 * 6 * 8 + 7 * (2 * 64 + 8 + (8 + 13) * 8) + 4 * 8);
  CHECK(flops(8, AdamCodes::relu) == 2 * 6 * 8 + 7 * (2 * 64 + 8 + (1 + 13) * 8));
  CHECK(flops(13, AdamCodes::softplus) == 7 * (4 * 6 * 13 + 6 + (8 + 13) * 13) + 4 * 13);
  CHECK(flops(13, AdamCodes::relu) == 2 * 6 * 13 + 7 * (4 * 6 * 13 + 6 + (1 + 13) * 13));
  // The support of codes that are never 0, cleaned up.
  const AdamInference exp(penalty, {.learning_rate = 0.01, .steps = 4000});
  const auto cleaned = Debiased(exp, {.nonnegative = true, .active = 1e-4}).encode(d, x);
  for (Index j = 0; j < x.cols(); ++j)
    REQUIRE(support_of(Vector<double>(cleaned.col(j))).size() <= 6);
}
