// SPDX-License-Identifier: MIT
// What a dictionary lets anyone recover: against definitions, closed forms, and the pursuits
// themselves.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/operator/coherence.hpp>
#include <lacuna/operator/recoverability.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using Support = std::vector<Index>;

Matrix<double> gram_of(const Matrix<double>& atoms) { return atoms.transpose() * atoms; }

/// The identity beside a Hadamard matrix, of coherence 1/sqrt(size).
Matrix<double> spikes_and_waves(Index size) {
  Matrix<double> atoms = Matrix<double>::Identity(size, 2 * size);
  for (Index i = 0; i < size; ++i)
    for (Index j = 0; j < size; ++j)
      atoms(i, size + j) =
          (__builtin_popcountll(static_cast<unsigned long long>(i & j)) % 2 ? -1.0 : 1.0) /
          std::sqrt(double(size));
  return atoms;
}

/// Equiangular: num_atoms unit vectors of R^(num_atoms - 1) with inner products -1/(num_atoms - 1).
Matrix<double> simplex(Index num_atoms) {
  const double n = double(num_atoms);
  Matrix<double> gram = Matrix<double>::Constant(num_atoms, num_atoms, -1 / (n - 1));
  gram.diagonal().setOnes();
  return gram;
}

}  // namespace

TEST_CASE("the Babel function is the worst sum of correlations", "[recoverability]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // Lengths do not count.
    Matrix<double> atoms = gaussian_dictionary<double>(4, 7, seed);
    for (Index j = 0; j < 7; ++j) atoms.col(j) *= double(j + 1);
    const Matrix<double> gram = gram_of(atoms);
    for (Index k = 0; k < 7; ++k) {
      CAPTURE(seed, k);
      double worst = 0;
      for (unsigned mask = 0; mask < 128; ++mask) {
        if (__builtin_popcount(mask) != k) continue;
        for (Index i = 0; i < 7; ++i) {
          if (mask >> i & 1U) continue;
          double sum = 0;
          for (Index j = 0; j < 7; ++j)
            if (mask >> j & 1U)
              sum += std::abs(atoms.col(i).normalized().dot(atoms.col(j).normalized()));
          worst = std::max(worst, sum);
        }
      }
      REQUIRE(babel_function(gram, k) == Approx(worst).epsilon(1e-12).margin(1e-15));
      REQUIRE(babel_function(gram, k) <= double(k) * mutual_coherence(gram) * (1 + 1e-12));
    }
    REQUIRE(babel_function(gram, 1) == Approx(mutual_coherence(gram)));
    REQUIRE(babel_function(gram, 60) == babel_function(gram, 6));
    REQUIRE(babel_bound(gram) >= coherence_bound(mutual_coherence(gram)));
  }
  // Equiangular: mu_1(k) = k mu.
  CHECK(babel_function(simplex(11), 4) == Approx(0.4));
  CHECK(babel_bound(simplex(11)) == 5);  // 2 k - 1 < 10
  CHECK(babel_bound(gram_of(spikes_and_waves(16))) == 2);
  CHECK(babel_bound(Matrix<double>(Matrix<double>::Identity(5, 5))) == 5);
  Matrix<double> copies = Matrix<double>::Identity(3, 4);
  copies.col(3) = -2 * copies.col(1);
  CHECK(babel_bound(gram_of(copies)) == 0);
  copies.col(3).setZero();
  CHECK(babel_function(gram_of(copies), 3) == 0);
  const Matrix<float> narrow = simplex(11).cast<float>();
  CHECK(babel_function(narrow, 2) == Approx(0.2));
  CHECK(message_of([] { (void)babel_function(Matrix<double>(2, 3), 1); }) ==
        "babel_function: the Gram matrix is 2 x 3: expected a square one, not empty");
  CHECK(message_of([] { (void)babel_function(simplex(3), -1); }) ==
        "babel_function: k must be at least 0, is -1");
  CHECK(message_of([] { (void)babel_bound(Matrix<double>(0, 0)); }) ==
        "babel_bound: the Gram matrix is 0 x 0: expected a square one, not empty");
}

TEST_CASE("the coherence bound is strict", "[recoverability]") {
  CHECK(coherence_bound(1) == 0);      // k < 1
  CHECK(coherence_bound(0.25) == 2);   // k < 2.5
  CHECK(coherence_bound(0.2) == 2);    // k < 3, not 3
  CHECK(coherence_bound(0.19) == 3);   // k < 3.13
  CHECK(coherence_bound(0.125) == 4);  // k < 4.5
  CHECK(coherence_bound(0) == std::numeric_limits<Index>::max());
  CHECK(message_of([] { (void)coherence_bound(1.5); }) ==
        "coherence_bound: coherence must be in [0, 1], is 1.500000");
}

TEST_CASE("the exact recovery coefficient is by its definition", "[recoverability]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Matrix<double> atoms = gaussian_dictionary<double>(6, 11, 100 + seed);
    RandomStream random(seed);
    const Support support = random.choose(11, 1 + Index(seed % 4));
    double worst = 0;
    const Matrix<double> chosen = atoms(Eigen::all, support);
    const Matrix<double> gram = gram_of(chosen);
    for (Index j = 0; j < 11; ++j) {
      if (std::find(support.begin(), support.end(), j) != support.end()) continue;
      const Vector<double> weights = gram.ldlt().solve(chosen.transpose() * atoms.col(j));
      worst = std::max(worst, weights.lpNorm<1>());
    }
    CAPTURE(seed);
    REQUIRE(exact_recovery_coefficient(atoms, support) == Approx(worst).epsilon(1e-10));
    // Lengths do not count, nor does the order of the support.
    Support other(support.rbegin(), support.rend());
    Matrix<double> longer = atoms;
    for (Index j = 0; j < 11; ++j) longer.col(j) *= double(j + 1);
    REQUIRE(exact_recovery_coefficient(longer, other) == Approx(worst).epsilon(1e-10));
    // Tropp's bound by the Babel function (2004, theorem 3.5).
    const Matrix<double> all = gram_of(atoms);
    const double k = double(support.size());
    const double below = babel_function(all, Index(k) - 1), at = babel_function(all, Index(k));
    if (below < 1) REQUIRE(worst <= at / (1 - below) * (1 + 1e-12));
  }
  const Matrix<double> pair = spikes_and_waves(16);
  // One spike: every wave correlates 1/4 with it, every other spike not at all.
  CHECK(exact_recovery_coefficient(pair, {5}) == Approx(0.25));
  CHECK(exact_recovery_coefficient(pair, {}) == 0);
  CHECK(exact_recovery_coefficient(Matrix<double>(Matrix<double>::Identity(3, 3)), {0, 1, 2}) == 0);
  Matrix<double> copies = Matrix<double>::Identity(3, 4);
  copies.col(3) = copies.col(1);
  CHECK(exact_recovery_coefficient(copies, {0, 1}) == Approx(1));
  CHECK(exact_recovery_coefficient(copies, {1, 3}) == std::numeric_limits<double>::infinity());
  CHECK(exact_recovery_coefficient(Matrix<float>(copies.cast<float>()), {0, 2}) == 0);
  CHECK(message_of([&] {
          (void)exact_recovery_coefficient(copies, {0, 4});
        }) == "exact_recovery_coefficient: atom 4 of the support is not one of 4");
  CHECK(message_of([&] {
          (void)exact_recovery_coefficient(copies, {2, 2});
        }) == "exact_recovery_coefficient: atom 2 is twice in the support");
}

TEST_CASE("below 1 the pursuit recovers, above 1 some code misleads it", "[recoverability]") {
  Index below = 0, above = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Matrix<double> atoms = gaussian_dictionary<double>(12, 18, 200 + seed);
    const DenseDictionary<double> d(atoms);
    RandomStream random(seed, 1);
    Support support = random.choose(18, 2);
    std::sort(support.begin(), support.end());
    const double coefficient = exact_recovery_coefficient(atoms, support);
    const OrthogonalMatchingPursuit pursuit({.k = 2});
    if (coefficient < 1) {
      ++below;
      Matrix<double> codes = Matrix<double>::Zero(18, 20);
      for (Index j = 0; j < 20; ++j)
        for (const Index i : support) codes(i, j) = random.normal<double>();
      const Matrix<double> found = pursuit.encode(d, d.decode(codes));
      REQUIRE((found - codes).cwiseAbs().maxCoeff() < 1e-9);
    } else if (coefficient > 1) {
      ++above;
      // Tropp's proof: with D_S^T x the signs of D_S^+ d, the atom d outside correlates more than
      // any inside.
      const Matrix<double> chosen = atoms(Eigen::all, support);
      const Matrix<double> gram = gram_of(chosen);
      bool misled = false;
      for (Index j = 0; j < 18 && !misled; ++j) {
        if (std::find(support.begin(), support.end(), j) != support.end()) continue;
        const Vector<double> weights = gram.ldlt().solve(chosen.transpose() * atoms.col(j));
        const Vector<double> x = chosen * gram.ldlt().solve(weights.cwiseSign());
        const SparseCodes<double> one = OrthogonalMatchingPursuit({.k = 1}).encode(d, x);
        misled = std::find(support.begin(), support.end(), Index(one.innerIndexPtr()[0])) ==
                 support.end();
      }
      REQUIRE(misled);
    }
  }
  CHECK(below > 5);
  CHECK(above > 0);
}

TEST_CASE("the recovery boundary in both directions", "[recoverability]") {
  CHECK(recovery_boundary(16, 3) == Approx(2 * 3 * std::log(16.0 / 3)));
  CHECK(recovery_boundary(16, 16) == 0);
  CHECK(recovery_boundary(1000, 20) == Approx(156.48).epsilon(1e-4));
  for (const Index n : {2, 16, 1000})
    for (const Index m : {Index(1), n / 4, n / 2, n}) {
      if (m < 1) continue;
      const double k = recovery_sparsity(n, m), top = double(n) / std::exp(1.0);
      CAPTURE(n, m, k);
      CHECK(k <= top * (1 + 1e-12));
      if (double(m) < 2 * top)
        CHECK(2 * k * std::log(double(n) / k) == Approx(double(m)));
      else
        CHECK(k == Approx(top));
    }
  // There and back.
  for (Index k = 1; k < 300; k += 23)
    CHECK(recovery_sparsity(1000, Index(std::ceil(recovery_boundary(1000, k)))) >=
          double(k) - 1e-9);
  CHECK(message_of([] { (void)recovery_boundary(16, 0); }) ==
        "recovery_boundary: expected 1 <= num_active <= num_atoms, got 0 and 16");
  CHECK(message_of([] { (void)recovery_boundary(16, 17); }) ==
        "recovery_boundary: expected 1 <= num_active <= num_atoms, got 17 and 16");
  CHECK(message_of([] { (void)recovery_sparsity(16, 0); }) ==
        "recovery_sparsity: expected num_atoms >= 1 and dim >= 1, got 16 and 0");
}
