// SPDX-License-Identifier: MIT
//
// OrthogonalMatchingPursuit and OrthogonalLeastSquares against their definitions, carried out the
// slow way.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/catch.hpp"

namespace {

using namespace lacuna;

/// min_s ||x - D_I s||^2 by the normal equations.
double best_error(const Matrix<double>& atoms, const std::vector<Index>& support,
                  const Vector<double>& x) {
  Matrix<double> chosen(atoms.rows(), static_cast<Index>(support.size()));
  for (std::size_t i = 0; i < support.size(); ++i)
    chosen.col(static_cast<Index>(i)) = atoms.col(support[i]);
  const Matrix<double> gram = chosen.transpose() * chosen;
  const Vector<double> s = gram.ldlt().solve(chosen.transpose() * x);
  return (x - chosen * s).squaredNorm();
}

/// The definition of OrthogonalLeastSquares: try every atom, keep the one with the smallest error.
std::vector<Index> least_squares_selection(const Matrix<double>& atoms, const Vector<double>& x,
                                           Index k) {
  std::vector<Index> support;
  for (Index step = 0; step < k; ++step) {
    Index best = -1;
    double smallest = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < atoms.cols(); ++i) {
      if (std::find(support.begin(), support.end(), i) != support.end()) continue;
      auto candidate = support;
      candidate.push_back(i);
      const double error = best_error(atoms, candidate, x);
      if (error < smallest) {
        smallest = error;
        best = i;
      }
    }
    support.push_back(best);
  }
  std::sort(support.begin(), support.end());
  return support;
}

std::vector<Index> support_of(const SparseCodes<double>& codes, Index column) {
  std::vector<Index> support;
  for (SparseCodes<double>::InnerIterator entry(codes, column); entry; ++entry)
    support.push_back(entry.row());
  return support;
}

/// Atoms of different lengths, so that the rules have something to divide by.
Matrix<double> uneven_atoms(Index dim, Index num_atoms) {
  Matrix<double> atoms = random_normal<double>(dim, num_atoms, 11);
  for (Index j = 0; j < num_atoms; ++j) atoms.col(j) *= 0.5 + 0.1 * static_cast<double>(j % 7);
  return atoms;
}

}  // namespace

TEST_CASE("OrthogonalLeastSquares chooses what lowers the error most", "[ols]") {
  INFO("seeds 11 and 12");
  // 20 atoms take the path of few atoms, 70 that of many, with a last chunk that is not full.
  const Index num_atoms = GENERATE(20, 70);
  const DenseDictionary<double> d(uneven_atoms(10, num_atoms));
  const Matrix<double> x = random_normal<double>(10, 30, 12);
  const OrthogonalLeastSquares encoder({.k = 4});
  const auto plain = encoder.solve(d, x);
  const auto prepared = encoder.solve(PreparedDictionary<DenseDictionary<double>>(d), x);
  const auto residual_form =
      encoder.solve(PreparedDictionary<DenseDictionary<double>>(d, 0), x.leftCols(1));
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j, num_atoms);
    const auto expected = least_squares_selection(d.atoms(), x.col(j), 4);
    CHECK(support_of(plain.codes, j) == expected);
    CHECK(support_of(prepared.codes, j) == expected);
    const double error = best_error(d.atoms(), expected, x.col(j));
    CHECK(std::abs(2 * plain.objective[j] - error) < 1e-10);
  }
  CHECK((Matrix<double>(residual_form.codes) - Matrix<double>(plain.codes.leftCols(1))).norm() <
        1e-10);
}

TEST_CASE("what is chosen is fitted: the residual is orthogonal to it", "[ols][omp]") {
  INFO("seeds 11 and 12");
  const Index num_atoms = GENERATE(20, 150);
  const DenseDictionary<double> d(uneven_atoms(12, num_atoms));
  const PreparedDictionary<DenseDictionary<double>> prepared(d);
  const Matrix<double> x = random_normal<double>(12, 40, 12);
  const auto check = [&](const SparseCodes<double>& codes) {
    const Matrix<double> correlations = d.correlate(x - d.decode(codes));
    for (Index j = 0; j < x.cols(); ++j)
      for (const Index i : support_of(codes, j)) CHECK(std::abs(correlations(i, j)) < 1e-10);
  };
  check(OrthogonalLeastSquares({.k = 6}).encode(d, x));
  check(OrthogonalLeastSquares({.k = 6}).encode(prepared, x));
  check(OrthogonalMatchingPursuit({.k = 6}).encode(d, x));
  check(OrthogonalMatchingPursuit({.k = 6}).encode(prepared, x));
}

TEST_CASE("selection passes over what is in the span of the chosen, and ends", "[ols][omp]") {
  // Two copies of each of three atoms, and one of length 0.
  Matrix<double> atoms = Matrix<double>::Zero(5, 7);
  const Matrix<double> three = random_normal<double>(5, 3, 21);
  atoms.leftCols(3) = three;
  atoms.middleCols(3, 3) = three;
  const DenseDictionary<double> d(atoms);
  const Matrix<double> x = random_normal<double>(5, 4, 22);
  const auto check = [&](const auto& encoder) {
    const auto solution = encoder.solve(d, x);
    for (Index j = 0; j < x.cols(); ++j) {
      CHECK(solution.iterations[static_cast<std::size_t>(j)] == 3);
      CHECK(solution.status[static_cast<std::size_t>(j)] == Status::completed);  // none is left
      CHECK(std::abs(2 * solution.objective[j] - best_error(atoms, {0, 1, 2}, x.col(j))) < 1e-10);
    }
    CHECK(encoder.encode(d, Matrix<double>::Zero(5, 2)).nonZeros() == 0);
    CHECK(encoder.encode(d, Matrix<double>(5, 0)).cols() == 0);
  };
  check(OrthogonalLeastSquares({.k = 5}));
  check(OrthogonalMatchingPursuit({.k = 5}));
}

TEST_CASE("K-sparse signals end at K atoms, in float too", "[ols][omp]") {
  INFO("seeds 31 and 32");
  const SyntheticModel<float> model(
      SyntheticOptions{.dim = 64, .num_atoms = 128, .num_active = 4, .signed_codes = true}, 31);
  const auto data = model.sample(200, 32);
  const UnitNormDictionary<float> d(model.atoms());
  const auto solution = OrthogonalLeastSquares({.k = 20, .threads = 2}).solve(d, data.signals);
  Index at_truth = 0;
  for (Index j = 0; j < 200; ++j) {
    const auto there = static_cast<std::size_t>(j);
    CHECK(solution.status[there] == Status::converged);
    if (solution.iterations[there] == 4) ++at_truth;
  }
  // Where the greedy choice is right, which is nearly always here, nothing is added to it.
  CHECK(at_truth > 180);
  CHECK(solution.objective.maxCoeff() < 1e-8);
}

TEST_CASE("non-negative OMP is non-negative least squares on its support", "[omp]") {
  INFO("seeds 11 and 12");
  const Index num_atoms = GENERATE(20, 70);
  const DenseDictionary<double> d(uneven_atoms(10, num_atoms));
  const PreparedDictionary<DenseDictionary<double>> prepared(d);
  const Matrix<double> x = random_normal<double>(10, 60, 12);
  const OrthogonalMatchingPursuit encoder({.k = 6, .nonnegative = true});
  const auto solution = encoder.solve(d, x);
  const SparseCodes<double> from_prepared = encoder.encode(prepared, x);
  CHECK((solution.codes - from_prepared).norm() < 1e-10);
  const Matrix<double> correlations = d.correlate(x - d.decode(solution.codes));
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j, num_atoms);
    const auto support = support_of(solution.codes, j);
    CHECK(support.size() <= 6);
    // Stationary on the support and above 0 there: the least squares of those atoms, unconstrained.
    for (SparseCodes<double>::InnerIterator entry(solution.codes, j); entry; ++entry) {
      CHECK(entry.value() > 0);
      CHECK(std::abs(correlations(entry.row(), j)) < 1e-10);
    }
    CHECK(std::abs(2 * solution.objective[j] - best_error(d.atoms(), support, x.col(j))) < 1e-10);
    // The first choice is the largest positive correlation over the length.
    const auto one =
        support_of(OrthogonalMatchingPursuit({.k = 1, .nonnegative = true}).encode(d, x.col(j)), 0);
    const Vector<double> scores =
        d.correlate(x.col(j)).array() / d.atoms().colwise().norm().transpose().array();
    Index best = 0;
    scores.maxCoeff(&best);
    REQUIRE(one.size() == 1);
    CHECK(one[0] == best);
  }
}

TEMPLATE_TEST_CASE("non-negative OLS is non-negative least squares on its support", "[ols]", float,
                   double) {
  using S = TestType;
  INFO("seeds 11 and 12");
  const double tolerance = std::is_same_v<S, float> ? 1e-4 : 1e-10;
  const Index num_atoms = GENERATE(20, 70);
  // Atoms that share a direction, so that some push others below 0.
  const Matrix<double> coherent = uneven_atoms(10, num_atoms).array() + 0.7;
  const DenseDictionary<S> d(coherent.template cast<S>());
  const Matrix<double> atoms = d.atoms().template cast<double>();
  const Matrix<S> x = random_normal<S>(10, 60, 12);
  const Matrix<double> signals = x.template cast<double>();
  const PreparedDictionary<DenseDictionary<S>> prepared(d), without_gram(d, 0);
  const Index most = 6;
  Vector<double> before = 0.5 * signals.colwise().squaredNorm().transpose();
  Vector<double> ahead = (atoms.transpose() * signals).colwise().maxCoeff().transpose();
  std::vector<std::vector<Index>> supports(60);
  Index left_the_support = 0;
  for (Index k = 1; k <= most; ++k) {
    const OrthogonalLeastSquares encoder({.k = k, .nonnegative = true, .threads = 2});
    const auto solution = encoder.solve(prepared, x);
    const Matrix<double> codes = Matrix<S>(solution.codes).template cast<double>();
    CHECK((codes - Matrix<S>(encoder.encode(d, x)).template cast<double>()).norm() <
          10 * tolerance * codes.norm());
    // One at a time, without a Gram matrix: in residual form.
    for (Index j = 0; j < 5; ++j)
      CHECK(
          (codes.col(j) - Matrix<S>(encoder.encode(without_gram, x.col(j))).template cast<double>())
              .norm() < 10 * tolerance * codes.norm());
    const Matrix<double> correlations = atoms.transpose() * (signals - atoms * codes);
    for (Index j = 0; j < x.cols(); ++j) {
      CAPTURE(k, j, num_atoms);
      std::vector<Index> support;
      for (Index i = 0; i < num_atoms; ++i)
        if (codes(i, j) != 0) support.push_back(i);
      // The optimum of its atoms: above 0, and stationary.
      for (const Index i : support) {
        CHECK(codes(i, j) > 0);
        CHECK(std::abs(correlations(i, j)) < 10 * tolerance);
      }
      CHECK(std::abs(2 * solution.objective[j] - best_error(atoms, support, signals.col(j))) <
            10 * tolerance);
      // Each choice lowers the error while a correlation is above 0.
      if (ahead[j] > 1e-3)
        CHECK(solution.objective[j] < before[j]);
      else
        CHECK(solution.objective[j] < before[j] + tolerance);
      before[j] = solution.objective[j];
      ahead[j] = correlations.col(j).maxCoeff();
      for (const Index i : supports[static_cast<std::size_t>(j)])
        if (codes(i, j) == 0) ++left_the_support;
      supports[static_cast<std::size_t>(j)] = support;
    }
  }
  CHECK(left_the_support > 0);  // or the rule of who leaves was not tried
}

TEST_CASE("a choice of non-negative OLS lowers the error most", "[ols]") {
  INFO("seeds 11 and 12");
  const DenseDictionary<double> d(uneven_atoms(10, 20));
  const Matrix<double> x = random_normal<double>(10, 60, 12);
  const auto encode = [&](Index k, bool nonnegative) {
    return OrthogonalLeastSquares({.k = k, .nonnegative = nonnegative}).encode(d, x);
  };
  const auto one = encode(1, true), two = encode(2, true);
  Index compared = 0;
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j);
    const auto first = support_of(one, j), both = support_of(two, j);
    REQUIRE(first.size() == 1);
    // Every atom with positive correlation alone, then every second one whose free fit is >= 0.
    double smallest = x.col(j).squaredNorm(), smallest_of_two = smallest;
    bool all_free = true;
    for (Index i = 0; i < d.num_atoms(); ++i) {
      if (d.atoms().col(i).dot(x.col(j)) > 0)
        smallest = std::min(smallest, best_error(d.atoms(), {i}, x.col(j)));
      if (i == first[0]) continue;
      Matrix<double> pair(10, 2);
      pair << d.atoms().col(first[0]), d.atoms().col(i);
      const Vector<double> s = (pair.transpose() * pair).ldlt().solve(pair.transpose() * x.col(j));
      if (s[1] <= 0) continue;
      if (s[0] <= 0) all_free = false;
      smallest_of_two = std::min(smallest_of_two, (x.col(j) - pair * s).squaredNorm());
    }
    CHECK(std::abs(best_error(d.atoms(), first, x.col(j)) - smallest) < 1e-10);
    if (!all_free) continue;
    ++compared;
    CHECK(std::abs(best_error(d.atoms(), both, x.col(j)) - smallest_of_two) < 1e-10);
  }
  CHECK(compared > 10);
}

TEST_CASE("non-negative OLS is OLS where that is non-negative", "[ols]") {
  INFO("seeds 51 and 52");
  const SyntheticModel<double> model(SyntheticOptions{.dim = 64, .num_atoms = 128, .num_active = 4},
                                     51);
  const auto data = model.sample(100, 52);
  const UnitNormDictionary<double> d(model.atoms());
  Index same = 0;
  std::vector<SparseCodes<double>> free;
  for (Index k = 1; k <= 4; ++k)
    free.push_back(OrthogonalLeastSquares({.k = k}).encode(d, data.signals));
  const auto codes = OrthogonalLeastSquares({.k = 4, .nonnegative = true}).encode(d, data.signals);
  CHECK(OrthogonalLeastSquares({.k = 4, .nonnegative = true})
            .encode(d, Matrix<double>::Zero(64, 2))
            .nonZeros() == 0);
  for (Index j = 0; j < 100; ++j) {
    bool nonnegative = true;
    for (const auto& of_k : free)
      for (SparseCodes<double>::InnerIterator entry(of_k, j); entry; ++entry)
        nonnegative = nonnegative && entry.value() > 0;
    if (!nonnegative) continue;
    ++same;
    CHECK((Matrix<double>(codes.col(j)) - Matrix<double>(free.back().col(j))).norm() < 1e-10);
  }
  CHECK(same > 50);
}

TEST_CASE("signals of any scale are fitted alike, and atoms that cannot be are named",
          "[ols][omp]") {
  INFO("seeds 41 and 42");
  const Matrix<float> atoms = random_normal<float>(6, 12, 41), x = random_normal<float>(6, 5, 42);
  const DenseDictionary<float> d(atoms);
  const SparseCodes<float> codes = OrthogonalMatchingPursuit({.k = 3}).encode(d, x);
  for (const float scale : {1e20F, 1e-24F}) {
    const SparseCodes<float> scaled = OrthogonalMatchingPursuit({.k = 3}).encode(d, scale * x);
    REQUIRE(scaled.nonZeros() == codes.nonZeros());
    CHECK((Matrix<float>(scaled) / scale - Matrix<float>(codes)).norm() <
          1e-4F * Matrix<float>(codes).norm());
    CHECK_THROWS_WITH(
        OrthogonalMatchingPursuit({.k = 3}).encode(DenseDictionary<float>(scale * atoms), x),
        "OrthogonalMatchingPursuit: the squared length of atom 0 does not fit the element type: "
        "rescale the atoms");
  }
}

TEST_CASE("atoms of any length are chosen alike, with signals of any", "[ols][omp]") {
  INFO("seeds 41 and 42");
  // 20 atoms take the road of lanes, 40 and 70 those of one signal at a time; one of length 0.
  // Their lengths are moved by a power of two each, which must not change a bit but for the codes'.
  const Index num_atoms = GENERATE(20, 40, 70);
  const bool apart = GENERATE(false, true);
  Matrix<float> atoms = random_normal<float>(6, num_atoms, 41);
  atoms.col(1).setZero();
  const Matrix<float> x = random_normal<float>(6, 35, 42);
  const auto check = [&](const auto& encoder, int atom_exponent, int signal_exponent) {
    CAPTURE(num_atoms, apart, atom_exponent, signal_exponent);
    const auto expected = encoder.solve(DenseDictionary<float>(atoms), x);
    Matrix<float> scaled = atoms;
    Vector<double> scales(num_atoms);
    for (Index i = 0; i < num_atoms; ++i) {
      scales[i] = std::ldexp(1.0, apart && i % 2 == 0 ? -atom_exponent : atom_exponent);
      scaled.col(i) *= static_cast<float>(scales[i]);
    }
    const double length = std::ldexp(1.0, signal_exponent);
    const auto solution =
        encoder.solve(DenseDictionary<float>(scaled), static_cast<float>(length) * x);
    REQUIRE(solution.codes.nonZeros() == expected.codes.nonZeros());
    const Matrix<double> codes = Matrix<float>(solution.codes).cast<double>() / length;
    const Matrix<double> wanted = Matrix<float>(expected.codes).cast<double>();
    CHECK((scales.asDiagonal() * codes - wanted).norm() < 1e-4 * wanted.norm());
    CHECK((solution.objective / (length * length) - expected.objective).norm() <
          1e-5 * expected.objective.norm());
  };
  for (const auto& [of_atoms, of_signals] :
       {std::pair{-50, -30}, std::pair{-40, -36}, std::pair{-44, -33}, std::pair{50, 33},
        std::pair{-61, -60}, std::pair{60, 57}}) {
    if (apart && of_atoms * of_signals > 3000) continue;  // such codes do not fit float
    for (const bool nonnegative : {false, true}) {
      check(OrthogonalMatchingPursuit({.k = 3, .nonnegative = nonnegative}), of_atoms, of_signals);
      check(OrthogonalLeastSquares({.k = 3, .nonnegative = nonnegative}), of_atoms, of_signals);
    }
  }
}

TEST_CASE("more entries than sparse codes can hold are refused before they are made",
          "[ols][omp]") {
  CHECK_THROWS_WITH(
      detail::SelectedEntries<float>("Pursuit", Index{1} << 20, Index{1} << 11),
      "Pursuit: 2048 signals of up to 1048576 entries exceed the 2^31 of sparse codes: encode them "
      "in parts");
}

TEST_CASE("OrthogonalLeastSquares refuses options out of range", "[ols]") {
  CHECK_THROWS_WITH(OrthogonalLeastSquares({.k = 0}),
                    "OrthogonalLeastSquares: k must be at least 1, is 0");
  CHECK_THROWS_AS(OrthogonalLeastSquares({.k = 1, .tolerance = -1}), std::invalid_argument);
  CHECK_THROWS_AS(OrthogonalLeastSquares({.k = 1, .threads = -1}), std::invalid_argument);
}

TEMPLATE_TEST_CASE("many signals of few atoms at once are each done as alone", "[pursuit]", float,
                   double) {
  using S = TestType;
  INFO("seeds 1 to 3");
  const auto [dim, num_atoms, k] =
      GENERATE(table<Index, Index, Index>({{8, 16, 3}, {11, 32, 5}, {12, 9, 4}, {3, 20, 1}}));
  CAPTURE(dim, num_atoms, k);
  Matrix<S> atoms = random_normal<S>(dim, num_atoms, 1);
  atoms.col(1) = S(-2) * atoms.col(0);  // in the span of another
  atoms.col(2).setZero();
  // Not a whole number of lanes; some that leave the plain course: zero, too few atoms in them, and
  // lengths whose squares do not fit.
  Matrix<S> x = random_normal<S>(dim, 77, 2);
  x.col(5).setZero();
  x.col(17) = 3 * atoms.col(3);
  x.col(18) = atoms.col(3) + atoms.col(4);
  x.col(33) *= S(1e-16);
  x.col(34) *= S(1e16);
  const PreparedDictionary d{DenseDictionary<S>(atoms)};
  const auto check = [&](const auto& together, const auto& alone) {
    // A tolerance, however small, is the road of one signal at a time.
    const auto lanes = together.solve(d, x), one = alone.solve(d, x);
    const Matrix<S> a = lanes.codes, b = one.codes;
    for (Index j = 0; j < x.cols(); ++j) {
      const auto there = static_cast<std::size_t>(j);
      CAPTURE(j);
      CHECK(((a.col(j).array() != S(0)) == (b.col(j).array() != S(0))).all());
      // A few coherent atoms: rounding, times the condition of their Gram matrix.
      CHECK((a.col(j) - b.col(j)).norm() <=
            S(2e4) * std::numeric_limits<S>::epsilon() * (b.col(j).norm()));
      CHECK(lanes.iterations[there] == one.iterations[there]);
      const double energy = 0.5 * x.col(j).template cast<double>().squaredNorm();
      CHECK(std::abs(lanes.objective[j] - one.objective[j]) <=
            1e4 * double(std::numeric_limits<S>::epsilon()) * energy);
      CHECK(lanes.status[there] == one.status[there]);
      // A residual at rounding is measured for its status, which the one road counts.
      if (one.status[there] == Status::completed) CHECK(lanes.flops[there] == one.flops[there]);
    }
    const Matrix<S> encoded = together.encode(d, x);
    CHECK((encoded.array() == a.array()).all());
  };
  check(OrthogonalMatchingPursuit({.k = k}),
        OrthogonalMatchingPursuit({.k = k, .tolerance = 1e-30}));
  check(OrthogonalLeastSquares({.k = k}), OrthogonalLeastSquares({.k = k, .tolerance = 1e-30}));
}
