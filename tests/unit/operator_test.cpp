// SPDX-License-Identifier: MIT
// What is derived from a dictionary, and the small steps that encoders share, against brute force.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Eigenvalues>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/column_passes.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/epilogue.hpp>
#include <lacuna/operator/exponential.hpp>
#include <lacuna/operator/gram_matrix.hpp>
#include <lacuna/operator/keep_largest.hpp>
#include <lacuna/operator/lasso_certificate.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/sparse_decode.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/identity.hpp>

#include "laws/dictionary_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

/// The largest eigenvalue of D^T D, in double.
double squared_norm_of(const Matrix<double>& atoms) {
  const Matrix<double> gram = atoms.transpose() * atoms;
  return Eigen::SelfAdjointEigenSolver<Matrix<double>>(gram, Eigen::EigenvaluesOnly)
      .eigenvalues()
      .maxCoeff();
}

/// 1/2 ||x - D s||^2 + lambda ||s||_1, from its definition.
double lasso_objective(const Matrix<double>& atoms, const Vector<double>& x,
                       const Vector<double>& s, double lambda) {
  return 0.5 * (x - atoms * s).squaredNorm() + lambda * s.lpNorm<1>();
}

}  // namespace

// ---- squared_spectral_norm, mutual_coherence
// ------------------------------------------------------

TEST_CASE("the spectral norm is bounded from above, within two hundredths", "[operator]") {
  for (const auto& [m, n] :
       {std::pair<Index, Index>{1, 1}, {1, 9}, {9, 1}, {4, 9}, {9, 4}, {40, 60}})
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      INFO(m << " x " << n << ", seed " << seed);
      const Matrix<double> atoms = random_normal<double>(m, n, seed);
      const Matrix<float> rounded = atoms.cast<float>();
      const double exact = squared_norm_of(atoms);
      const double of_rounded = squared_norm_of(rounded.cast<double>());
      const double found = squared_spectral_norm(DenseDictionary<double>(atoms));
      CHECK(found >= exact);
      CHECK(found <= 1.02 * exact);
      const double found_of_rounded = squared_spectral_norm(MinimalDictionary<float>(rounded));
      CHECK(found_of_rounded >= of_rounded);
      CHECK(found_of_rounded <= 1.02 * of_rounded);
    }
}

TEST_CASE("the bound holds where eigenvalues are equal, far apart, tiny, huge or zero",
          "[operator]") {
  // All equal is where the bound is loosest: 32^(1/512).
  const Matrix<double> identity = Matrix<double>::Identity(32, 32);
  const double equal = squared_spectral_norm(DenseDictionary<double>(identity));
  CHECK(equal >= 1);
  CHECK(equal <= 1.0069);
  const double rank_one =
      squared_spectral_norm(DenseDictionary<double>(Matrix<double>::Ones(6, 8)));
  CHECK(rank_one >= 48);
  CHECK(rank_one <= 48.001);
  for (const double scale : {1e-100, 1e100}) {
    const double scaled = squared_spectral_norm(DenseDictionary<double>(scale * identity));
    CHECK(scaled / scale / scale == Approx(equal));
  }
  CHECK(squared_spectral_norm(DenseDictionary<double>(Matrix<double>::Zero(3, 4))) == 0);
  // Where the product itself overflows, infinity is still a bound.
  const Matrix<float> beyond = Matrix<float>::Constant(3, 4, 1e30F);
  CHECK(std::isinf(squared_spectral_norm(DenseDictionary<float>(beyond))));
}

TEST_CASE("coherence is the largest cosine between two atoms", "[operator]") {
  const auto coherence_of = [](const Matrix<double>& atoms) {
    return mutual_coherence<double>(atoms.transpose() * atoms);
  };
  CHECK(coherence_of(Matrix<double>::Identity(4, 4)) == 0);
  CHECK(coherence_of(Matrix<double>::Ones(4, 1)) == 0);
  Matrix<double> atoms(2, 3);
  atoms << 1, -3, 0, 0, 4, 0;  // cosine -.6 whatever the lengths; an atom of length 0 has none
  CHECK(coherence_of(atoms) == Approx(0.6));
  atoms.col(2) << 0, 5;
  CHECK(coherence_of(atoms) == Approx(0.8));
  atoms.col(2) << -2, 0;
  CHECK(coherence_of(atoms) == Approx(1));
}

// ---- PreparedDictionary
// ---------------------------------------------------------------------------

TEST_CASE("a prepared dictionary obeys the Gram laws, explicit or hidden", "[operator][laws]") {
  for (const auto& [m, n] : {std::pair<Index, Index>{4, 9}, {9, 4}, {1, 3}}) {
    INFO(m << " x " << n);
    const Matrix<double> atoms = random_normal<double>(m, n, 5);
    const Matrix<float> rounded = atoms.cast<float>();
    const double norm = squared_norm_of(atoms),
                 of_rounded = squared_norm_of(rounded.cast<double>());
    check_gram_dictionary_laws(PreparedDictionary(DenseDictionary<double>(atoms)), norm, 31);
    check_gram_dictionary_laws(PreparedDictionary(MinimalDictionary<double>(atoms)), norm, 32);
    check_gram_dictionary_laws(PreparedDictionary(DenseDictionary<float>(rounded)), of_rounded, 33);
    check_gram_dictionary_laws(PreparedDictionary(MinimalDictionary<float>(rounded), 0), of_rounded,
                               34);
  }
  check_gram_dictionary_laws(MinimalGramDictionary<double>(Matrix<double>::Ones(3, 2)), 6, 35);
}

TEST_CASE("a Gram matrix is symmetric to the last bit, and the same at any number of threads",
          "[operator]") {
  for (const Index n : {1, 127, 128, 129, 300}) {
    CAPTURE(n);
    const Matrix<double> atoms = random_normal<double>(10, n, 5), gram = gram_matrix(atoms);
    CHECK((gram - atoms.transpose() * atoms).cwiseAbs().maxCoeff() <= 1e-12);
    CHECK((gram.array() == gram.transpose().array()).all());
    for (const Index threads : {2, 3})
      CHECK((gram_matrix(atoms, threads).array() == gram.array()).all());
  }
}

TEST_CASE("the Gram matrix is kept up to the limit, and asked for in vain above it", "[operator]") {
  const UnitNormDictionary<double> d(random_normal<double>(4, 6, 6));
  const PreparedDictionary at_limit(d, 6), above_limit(d, 5);
  CHECK(at_limit.has_gram());
  CHECK(at_limit.coherence() == Approx(mutual_coherence<double>(at_limit.gram())));
  CHECK_FALSE(above_limit.has_gram());
  CHECK(above_limit.squared_spectral_norm() == at_limit.squared_spectral_norm());
  CHECK(above_limit.setup_flops() > 0);
  CHECK(at_limit.setup_flops() - above_limit.setup_flops() == 2 * 4 * 6 * 6);
  for (const auto& [name, call] :
       {std::pair<std::string,
                  Matrix<double> (*)(const PreparedDictionary<UnitNormDictionary<double>>&)>{
            "gram",
            [](const PreparedDictionary<UnitNormDictionary<double>>& p) { return p.gram(); }},
        {"coherence", [](const PreparedDictionary<UnitNormDictionary<double>>& p) {
           return Matrix<double>(Matrix<double>::Constant(1, 1, p.coherence()));
         }}}) {
    std::string message;
    try {
      (void)call(above_limit);
    } catch (const std::logic_error& error) {
      message = error.what();
    }
    CHECK(message ==
          "PreparedDictionary::" + name + ": not kept for 6 atoms; raise max_gram_atoms");
  }
}

TEST_CASE("a prepared dictionary owns what it was made from", "[operator]") {
  UnitNormDictionary<double> d(random_normal<double>(4, 6, 8));
  const Matrix<double> before = d.atoms();
  const PreparedDictionary prepared(d);
  d.update_atoms([](Matrix<double>& atoms) { atoms.setOnes(); });
  CHECK(equal_bits<double>(prepared.atoms(), before));
  CHECK(equal_bits<double>(prepared.dictionary().atoms(), before));
}

// ---- sparse_decode, keep_largest_positive
// ---------------------------------------------------------

TEST_CASE("sparse codes decode as if they were dense", "[operator]") {
  Matrix<double> codes = random_normal<double>(7, 9, 41);
  codes = (codes.array().abs() > 1).select(codes, 0.0);
  codes.col(3).setZero();
  SparseCodes<double> sparse = codes.sparseView();
  const Matrix<double> atoms = random_normal<double>(4, 7, 42), dense = atoms * codes;
  CHECK(largest_difference<double>(sparse_decode<double>(atoms, sparse), dense) <= 1e-14);
  // Room left between the columns does not count.
  sparse.uncompress();
  CHECK(largest_difference<double>(sparse_decode<double>(atoms, sparse), dense) <= 1e-14);
  CHECK(sparse_decode<double>(atoms, SparseCodes<double>(7, 0)).cols() == 0);
}

TEST_CASE("the k largest positive entries are kept, ties going to the lower row", "[operator]") {
  Matrix<double> values(5, 6);
  values.col(0) << 1, 5, 3, 2, 4;       // the plain case
  values.col(1) << -1, -5, 0, 2, -4;    // fewer above 0 than k
  values.col(2) << 2, 2, 2, 2, 2;       // all tied
  values.col(3) << 1, 3, 2, 2, 2;       // tied for the last place
  values.col(4) << 0, -0.0, 0, -1, -2;  // none
  values.col(5) << 1e-300, 7, 0, 0, 0;
  Matrix<double> two(5, 6);
  two.col(0) << 0, 5, 0, 0, 4;
  two.col(1) << 0, 0, 0, 2, 0;
  two.col(2) << 2, 2, 0, 0, 0;
  two.col(3) << 0, 3, 2, 0, 0;
  two.col(4).setZero();
  two.col(5) << 1e-300, 7, 0, 0, 0;
  SparseCodes<double> kept;
  keep_largest_positive(values, 2, kept);
  CHECK(equal_bits<double>(kept, two));
  CHECK(kept.nonZeros() == 9);
  CHECK(kept.isCompressed());

  for (const Index k : {Index(5), Index(6), Index(1000)}) {
    INFO("k " << k);
    keep_largest_positive(values, k, kept);
    CHECK(equal_bits<double>(kept, values.cwiseMax(0.0)));
  }
  keep_largest_positive(values, 0, kept);
  CHECK(kept.nonZeros() == 0);
  CHECK(kept.cols() == 6);
  keep_largest_positive(Matrix<double>(5, 0), 2, kept);
  CHECK(kept.rows() == 5);
  CHECK(kept.cols() == 0);
}

TEST_CASE("what is kept agrees with sorting, and a larger matrix may follow a smaller",
          "[operator]") {
  SparseCodes<float> kept;
  for (const Index n : {3, 40, 7}) {
    // Coarse values, so that ties are many.
    const Matrix<float> values = (2 * random_normal<float>(30, n, 43)).array().round().matrix();
    for (const Index k : {1, 4, 29}) {
      INFO("n " << n << ", k " << k);
      Matrix<float> expected = Matrix<float>::Zero(30, n);
      for (Index j = 0; j < n; ++j) {
        std::vector<Index> order(30);
        for (Index i = 0; i < 30; ++i) order[static_cast<std::size_t>(i)] = i;
        std::stable_sort(order.begin(), order.end(),
                         [&](Index a, Index b) { return values(a, j) > values(b, j); });
        for (Index i = 0; i < k; ++i) {
          const Index row = order[static_cast<std::size_t>(i)];
          expected(row, j) = std::max(values(row, j), 0.0F);
        }
      }
      keep_largest_positive(values, k, kept);
      CHECK(equal_bits<float>(kept, expected));
      CHECK(kept.nonZeros() == (expected.array() > 0).count());
      for (Index j = 0; j < n; ++j)
        for (Index entry = kept.outerIndexPtr()[j] + 1; entry < kept.outerIndexPtr()[j + 1];
             ++entry)
          REQUIRE(kept.innerIndexPtr()[entry - 1] < kept.innerIndexPtr()[entry]);
    }
  }
}

TEST_CASE("of long lists the largest are kept too: equal, infinite, tiny ones, and no NaN",
          "[operator]") {
  INFO("seeds 61 to 63");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Matrix<double> plain = random_normal<double>(4096, 1, 61);
  const Matrix<double> tied = (2 * random_normal<double>(4096, 1, 62)).array().round().matrix();
  Matrix<double> odd = 1e-310 * random_normal<double>(4096, 1, 63);
  for (Index i = 0; i < 4096; i += 29) odd(i) = i % 2 == 0 ? infinity : -infinity;
  for (Index i = 5; i < 4096; i += 37) odd(i) = std::numeric_limits<double>::quiet_NaN();
  for (const Matrix<double>& values : {plain, tied, odd})
    for (const Index k : {1, 31, 100, 500, 2000}) {
      INFO("k " << k);
      std::vector<Index> order;
      for (Index i = 0; i < 4096; ++i)
        if (values(i) > 0) order.push_back(i);
      std::stable_sort(order.begin(), order.end(),
                       [&](Index a, Index b) { return values(a) > values(b); });
      order.resize(std::min(order.size(), static_cast<std::size_t>(k)));
      std::sort(order.begin(), order.end());
      SelectLargest<double> select(4096);
      CHECK(select(values.col(0), k, true) == order);
    }
}

// ---- LassoCertifier
// -------------------------------------------------------------------------------

TEST_CASE("a certificate is the best that the ray of the residual gives", "[operator]") {
  const Matrix<double> atoms = random_normal<double>(3, 5, 51);
  const Matrix<double> x = random_normal<double>(3, 8, 52);
  Matrix<double> codes = 0.3 * random_normal<double>(5, 8, 53);
  codes.col(0).setZero();
  const double lambda = 0.4;
  const DenseDictionary<double> d(atoms);
  LassoCertifier certifier(d, L1(lambda));
  std::vector<Certificate> found(8);
  certifier.for_each(x, codes,
                     [&](Index j, Certificate c) { found[static_cast<std::size_t>(j)] = c; });
  for (Index j = 0; j < 8; ++j) {
    INFO("signal " << j);
    const Certificate& c = found[static_cast<std::size_t>(j)];
    const Vector<double> signal = x.col(j), residual = signal - atoms * codes.col(j);
    const double energy = 0.5 * signal.squaredNorm();
    CHECK(c.objective == Approx(lasso_objective(atoms, signal, codes.col(j), lambda)));
    CHECK(c.relative_gap == Approx(c.gap / energy));
    // Every feasible point of a fine grid on the ray, by the definition of the dual.
    const double steepest = (atoms.transpose() * residual).cwiseAbs().maxCoeff();
    double best = 0;
    for (int i = 0; i <= 100000; ++i) {
      const double scale = 2e-5 * i * lambda / steepest;
      if (scale * steepest > lambda * (1 + 1e-12)) break;
      best = std::max(best, energy - 0.5 * (signal - scale * residual).squaredNorm());
    }
    CHECK(c.gap <= c.objective - best + 1e-12);
    CHECK(c.gap >= c.objective - best - 1e-6);
  }
}

TEST_CASE("the gap is never less than what a code lacks, and vanishes at the optimum",
          "[operator]") {
  // Orthonormal atoms: the optimum is the soft threshold of D^T x.
  const double cosine = std::cos(0.7), sine = std::sin(0.7), lambda = 0.5;
  Matrix<double> atoms(2, 2);
  atoms << cosine, -sine, sine, cosine;
  const DenseDictionary<double> d(atoms);
  const Matrix<double> x = 2 * random_normal<double>(2, 30, 54);
  Matrix<double> optimum = d.correlate(x), feasible;
  const Matrix<double> away = optimum + 0.4 * random_normal<double>(2, 30, 55);
  L1(lambda).prox(optimum, 1.0);
  const MinimalDictionary<double> hidden(atoms);
  const auto each = [&](auto& certifier, const Matrix<double>& s, auto&& check) {
    certifier.for_each(x, s, [&](Index j, Certificate c) {
      INFO("signal " << j);
      check(j, c);
    });
  };
  LassoCertifier certifier(d, L1(lambda));
  LassoCertifier certifier_of_hidden(hidden, L1(lambda));
  const auto at_optimum = [](Index, Certificate c) { REQUIRE(c.gap <= 1e-14); };
  each(certifier, optimum, at_optimum);
  each(certifier_of_hidden, optimum, at_optimum);
  const auto far = [&](Index j, Certificate c) {
    const double lacking = lasso_objective(atoms, x.col(j), away.col(j), lambda) -
                           lasso_objective(atoms, x.col(j), optimum.col(j), lambda);
    REQUIRE(lacking > 0);
    REQUIRE(c.gap >= lacking);
  };
  each(certifier, away, far);
  each(certifier_of_hidden, away, far);

  feasible = away.cwiseAbs();
  LassoCertifier nonnegative(d, NonnegativeL1(lambda));
  Matrix<double> nonnegative_optimum = d.correlate(x);
  NonnegativeL1(lambda).prox(nonnegative_optimum, 1.0);
  each(nonnegative, nonnegative_optimum, at_optimum);
  each(nonnegative, feasible, [&](Index j, Certificate c) {
    REQUIRE(c.gap >= lasso_objective(atoms, x.col(j), feasible.col(j), lambda) -
                         lasso_objective(atoms, x.col(j), nonnegative_optimum.col(j), lambda));
  });
  each(nonnegative, -feasible, [](Index, Certificate c) {
    REQUIRE(c.objective == std::numeric_limits<double>::infinity());
  });
}

TEST_CASE("the zero signal is certified by the zero code alone", "[operator]") {
  const DenseDictionary<float> d(Matrix<float>::Identity(2, 2));
  LassoCertifier certifier(d, L1(1));
  Matrix<float> codes = Matrix<float>::Zero(2, 2);
  codes(0, 1) = 1;
  std::vector<Certificate> found;
  certifier.for_each(Matrix<float>::Zero(2, 2), codes,
                     [&](Index, Certificate c) { found.push_back(c); });
  REQUIRE(found.size() == 2);
  CHECK(found[0].objective == 0);
  CHECK(found[0].relative_gap == 0);
  CHECK(found[1].objective == 1.5);
  CHECK(found[1].gap == 1.5);
  CHECK(std::isinf(found[1].relative_gap));
}

// ---- check_encoding, encode_counted, Model
// ---------------------------------------------------------

TEST_CASE("an encoding is refused for its shape or its first column that is not finite",
          "[operator]") {
  const MinimalDictionary<float> d(Matrix<float>::Ones(2, 3));
  Matrix<float> x = Matrix<float>::Ones(2, 4), s = Matrix<float>::Ones(3, 4);
  CHECK(message_of([&] { check_encoding("here", d, x, s); }).empty());
  CHECK(message_of([&] { check_encoding("here", d, Matrix<float>(2, 0)); }).empty());
  CHECK(message_of([&] { check_encoding("here", d, s); }) ==
        "here: signals are 3 x 4, the dictionary is 2 x 3: expected 2 rows");
  CHECK(message_of([&] { check_encoding("here", d, x, x); }) ==
        "here: codes are 2 x 4, the dictionary is 2 x 3: expected 3 rows");
  CHECK(message_of([&] { check_encoding("here", d, x, s.leftCols(3)); }) ==
        "here: initial codes are 3 x 3, signals are 2 x 4: expected as many columns");
  s(2, 1) = std::numeric_limits<float>::infinity();
  CHECK(message_of([&] { check_encoding("here", d, x, s); }) ==
        "here: initial codes column 1 holds a NaN or an infinity");
  x(1, 3) = std::numeric_limits<float>::quiet_NaN();
  x(0, 2) = -std::numeric_limits<float>::infinity();
  CHECK(message_of([&] { check_encoding("here", d, x); }) ==
        "here: signals column 2 holds a NaN or an infinity");
}

namespace {
/// Charges 10 a signal and 1 for the set-up.
struct Charging : MinimalSolver {
  template <Dictionary D>
  Solution<Matrix<ScalarOf<D>>> solve(const D& d, const MatrixArg<ScalarOf<D>>& x) const {
    auto solution = MinimalSolver::solve(d, x);
    std::fill(solution.flops.begin(), solution.flops.end(), 10);
    solution.setup_flops = 1;
    return solution;
  }
};
}  // namespace

TEST_CASE("codes are counted from a solver's steps or an encoder's shape", "[operator]") {
  const MinimalDictionary<double> d(Matrix<double>::Ones(2, 3));
  const Matrix<double> x = random_normal<double>(2, 4, 61);
  const auto solved = encode_counted(Charging{}, d, x);
  CHECK(solved.flops == 41);
  CHECK(equal_bits<double>(solved.codes, Matrix<double>::Zero(3, 4)));
  const MinimalDifferentiableEncoder<double> encoder(Vector<double>::Ones(3));
  const auto encoded = encode_counted(encoder, d, x);
  CHECK(encoded.flops == 4 * encoder.forward_flops(d));
  CHECK(equal_bits<double>(encoded.codes, encoder.encode(d, x)));
  CHECK(encode_counted(encoder, d, Matrix<double>(2, 0)).flops == 0);
}

TEST_CASE("a model transforms, encodes, decodes and transforms back", "[operator]") {
  Vector<double> mean(2), ones = Vector<double>::Ones(2);
  mean << 3, -1;
  // With the identity for atoms this encoder gives its signals back, so all that is left is exact.
  const Model model{Centre<double>(mean), DenseDictionary<double>(Matrix<double>::Identity(2, 2)),
                    MinimalDifferentiableEncoder<double>(ones)};
  const Matrix<double> x = random_normal<double>(2, 5, 62).array().round();
  const Matrix<double> codes = model.encode(x);
  CHECK(equal_bits<double>(codes, x.colwise() - mean));
  CHECK(equal_bits<double>(model.decode(codes), x));
  const SparseCodes<double> sparse = codes.sparseView();
  CHECK(equal_bits<double>(model.decode(sparse), x));
  const Model plain{Identity{}, model.dictionary, model.encoder};
  CHECK(equal_bits<double>(plain.encode(x), x));
}

TEMPLATE_TEST_CASE("packed products of whole numbers are exact, in either order and at the edges",
                   "[operator]", float, double) {
  INFO("seeds 71 to 73");
  using M = Matrix<TestType>;
  const auto whole_numbers = [](Index rows, Index cols, std::uint64_t seed) {
    return M((3 * random_normal<TestType>(rows, cols, seed).array()).round());
  };
  for (const Index rows : {35, 48, 350})
    for (const Index depth : {33, 400})
      for (const Index n : {34, 64, 2060}) {
        INFO(rows << " x " << depth << " times " << n << " columns");
        const M a = whole_numbers(rows, depth, 71), b = whole_numbers(depth, n, 72);
        const M before = whole_numbers(rows, n, 73), a_turned = a.transpose(),
                b_turned = b.transpose(), expected = a * b;
        M out = before;
        add_blocked_product(TestType(2), a, b, out, 1);
        CHECK(equal_bits<TestType>(out, before + 2 * expected));
        add_blocked_product(TestType(-2), a_turned.transpose(), b_turned.transpose(), out, 1);
        CHECK(equal_bits<TestType>(out, before));
        out.setConstant(std::numeric_limits<TestType>::quiet_NaN());  // not looked at
        blocked_product(a, b_turned.transpose(), out, 1);
        CHECK(equal_bits<TestType>(out, expected));
        M taller = M::Ones(rows + 2, n);
        auto middle = taller.middleRows(1, rows);
        blocked_product(a_turned.transpose(), b, middle, 1);
        CHECK(equal_bits<TestType>(taller.middleRows(1, rows), expected));
        CHECK(taller.row(0).isOnes());
        CHECK(taller.row(rows + 1).isOnes());
      }
}

TEMPLATE_TEST_CASE("small products of whole numbers are exact, at every edge", "[operator]", float,
                   double) {
  INFO("seeds 63 to 65");
  // Sums of products of whole numbers below 2^24: any order of summation gives the same bits.
  using M = Matrix<TestType>;
  const auto whole_numbers = [](Index rows, Index cols, std::uint64_t seed) {
    return M((3 * random_normal<TestType>(rows, cols, seed).array()).round());
  };
  for (const Index rows : {1, 3, 8, 9, 16, 25, 32, 33, 72})
    for (const Index depth : {1, 7, 8, 16, 32, 33, 300})  // 8 and 16: without a loop
      for (const Index n : {1, 4, 6, 11, 13, 29}) {
        INFO(rows << " x " << depth << " times " << n << " columns");
        const M a = whole_numbers(rows, depth, 63), b = whole_numbers(depth, n, 64);
        const M turned = a.transpose(), b_turned = b.transpose(),
                before = whole_numbers(rows, n, 65), expected = a.lazyProduct(b);
        M out = before;
        add_blocked_product(TestType(2), a, b, out, 1);
        CHECK(equal_bits<TestType>(out, before + 2 * expected));
        blocked_product(turned.transpose(), b, out, 1);
        CHECK(equal_bits<TestType>(out, expected));
        // The sum of outer products.
        out.setConstant(std::numeric_limits<TestType>::quiet_NaN());  // not looked at
        blocked_product(a, b_turned.transpose(), out, 1);
        CHECK(equal_bits<TestType>(out, expected));
        add_blocked_product(TestType(-2), a, b_turned.transpose(), out, 1);
        CHECK(equal_bits<TestType>(out, -expected));
        // A range of rows: the columns of out, and then of the factors, have gaps.
        M taller = M::Ones(rows + 2, n), taller_a = M::Ones(rows + 2, depth);
        auto middle = taller.middleRows(1, rows);
        blocked_product(a, b, middle, 1);
        CHECK(equal_bits<TestType>(taller.middleRows(1, rows), expected));
        taller_a.middleRows(1, rows) = a;
        blocked_product(taller_a.middleRows(1, rows), b_turned.transpose(), middle, 1);
        CHECK(equal_bits<TestType>(taller.middleRows(1, rows), expected));
        CHECK(taller.row(0).isOnes());
        CHECK(taller.row(rows + 1).isOnes());
      }
}

TEMPLATE_TEST_CASE(
    "sums of outer products of whole numbers are exact, by parts and up to every limit",
    "[operator]", float, double) {
  INFO("seeds 70 and 71");
  using M = Matrix<TestType>;
  const auto whole_numbers = [](Index rows, Index cols, std::uint64_t seed) {
    return M((3 * random_normal<TestType>(rows, cols, seed).array()).round());
  };
  for (const auto& [rows, cols] : {std::pair<Index, Index>{512, 16},
                                   {16, 512},
                                   {256, 32},
                                   {520, 8},
                                   {8, 1040},
                                   {1040, 24},
                                   {24, 1040},
                                   {1016, 32},
                                   {32, 1016},
                                   {1024, 16},
                                   {16, 1024},
                                   {8, 48},
                                   {4, 64},
                                   {0, 0},
                                   {0, 8},
                                   {8, 0}}) {
    INFO(rows << " x " << cols);
    const M a = whole_numbers(rows, 300, 70), b = whole_numbers(cols, 300, 71);
    M out = M::Ones(rows, cols);
    add_blocked_product(TestType(1), a, b.transpose(), out, 1);
    CHECK(equal_bits<TestType>(out, M::Ones(rows, cols) + a.lazyProduct(b.transpose())));
  }
}

TEMPLATE_TEST_CASE("a column of a small product depends on that column alone", "[operator]", float,
                   double) {
  INFO("seeds 68 and 69");
  using M = Matrix<TestType>;
  constexpr Index n = 29;  // two strips of twelve columns, and five
  for (const Index depth : {8, 16, 30})
    for (const Index rows : {1, 5, 8, 16, 25, 72}) {
      INFO(rows << " x " << depth);
      const M a = random_normal<TestType>(rows, depth, 68),
              b = random_normal<TestType>(depth, n, 69);
      M all(rows, n), one(rows, 1);
      blocked_product(a, b, all, 1);
      for (Index j = 0; j < n; ++j) {
        blocked_product(a, b.middleCols(j, 1), one, 1);
        CHECK(equal_bits<TestType>(all.col(j), one));
      }
    }
}

TEMPLATE_TEST_CASE("epilogues of products of whole numbers are exact, in registers and in a pass",
                   "[operator]", float, double) {
  INFO("seeds 75 to 78");
  using M = Matrix<TestType>;
  using detail::Beside;
  const auto whole_numbers = [](Index rows, Index cols, std::uint64_t seed) {
    return M((3 * random_normal<TestType>(rows, cols, seed).array()).round());
  };
  for (const Index rows : {1, 8, 11, 16, 24, 37, 48})
    for (const Index depth :
         {8, 16, 17, 40})  // 37 and 48 x 40: a BLAS's product, where there is one
      for (const Index n : {0, 1, 11, 12, 29, 400})
        for (const Index threads : {1, 2}) {
          INFO(rows << " x " << depth << " times " << n << " columns");
          const M a = whole_numbers(rows, depth, 75), b = whole_numbers(depth, n, 76);
          const M beside = whole_numbers(rows, n, 77), product = 2 * M(a.lazyProduct(b));
          const Vector<TestType> bias = whole_numbers(rows, 1, 78);
          const M zero = M::Zero(rows, n);
          M tall(rows + 3, n);
          // What is stored, and the total.
          const auto check = [&](const auto& epilogue, const M& expected, double total) {
            tall.setConstant(9);
            auto out = tall.middleRows(2, rows);
            CHECK(detail::blocked_product_then(TestType(2), a, b, out, epilogue, threads) == total);
            CHECK(equal_bits<TestType>(out, expected));
            CHECK((tall.topRows(2).array() == 9).all());
            CHECK((tall.bottomRows(1).array() == 9).all());
          };
          check(detail::AddBiasAndRectify<TestType>{bias.data()},
                (product.colwise() + bias).cwiseMax(0), 0);
          check(detail::AddBiasAndRectify<TestType>{nullptr}, product.cwiseMax(0), 0);
          check(detail::MaskByCodes<TestType>{Beside<TestType>(beside)},
                (beside.array() > 0).select(product, zero), 0);
          const M residual = product - 3 * beside;
          check(detail::Residual<TestType>{-3, Beside<TestType>(beside)}, residual,
                residual.template cast<double>().squaredNorm());
          const double l1 = beside.template cast<double>().template lpNorm<1>();
          check(detail::PricedGradient<TestType, CodeForm::free>{5, Beside<TestType>(beside)},
                product + 5 * beside.cwiseSign(), l1);
          const M codes = beside.cwiseMax(0);
          const double sum = codes.template cast<double>().sum();
          check(detail::PricedGradient<TestType, CodeForm::rectified>{5, Beside<TestType>(codes)},
                (codes.array() > 0).select(M(product.array() + 5), zero), sum);
          check(detail::PricedGradient<TestType, CodeForm::exponential>{5, Beside<TestType>(codes)},
                (product.array() + 5) * codes.array(), sum);
        }
}

TEST_CASE("the total of an epilogue is that of all parts, at any number of threads", "[operator]") {
  INFO("seeds 79 to 81");
  const auto whole_numbers = [](Index rows, Index cols, std::uint64_t seed) {
    return Matrix<float>((3 * random_normal<float>(rows, cols, seed).array()).round());
  };
  const Matrix<float> a = whole_numbers(1100, 40, 79), b = whole_numbers(40, 1000, 80);
  const Matrix<float> beside = whole_numbers(1100, 1000, 81), expected = a * b - beside;
  Matrix<float> out(1100, 1000);
  for (const Index threads : {1, 2, 3}) {
    out.setConstant(9);
    const detail::Residual<float> residual{-1, detail::Beside<float>(beside)};
    CHECK(detail::blocked_product_then(1.0F, a, b, out, residual, threads) ==
          expected.cast<double>().squaredNorm());
    CHECK(equal_bits<float>(out, expected));
  }
}

TEST_CASE("the total of a small product is that of all parts, at any number of threads",
          "[operator]") {
  // A part has 16,384 columns of so large a factor.
  constexpr Index rows = 32, depth = 1024, n = 16400;
  const Matrix<float> a = Matrix<float>::NullaryExpr(
      rows, depth, [](Index i, Index k) { return static_cast<float>((3 * i + k) % 5 - 2); });
  const Matrix<float> b = Matrix<float>::NullaryExpr(
      depth, n, [](Index k, Index j) { return static_cast<float>((k / 5 + j) % 3 - 1); });
  const Matrix<float> beside = Matrix<float>::NullaryExpr(
      rows, n, [](Index i, Index j) { return static_cast<float>((i + j) % 7 - 3); });
  const Matrix<float> expected = a * b - beside;
  REQUIRE(expected.rightCols(16).norm() > 0);
  Matrix<float> out(rows, n);
  for (const Index threads : {1, 2}) {
    out.setConstant(9);
    const detail::Residual<float> residual{-1, detail::Beside<float>(beside)};
    CHECK(detail::blocked_product_then(1.0F, a, b, out, residual, threads) ==
          expected.cast<double>().squaredNorm());
    CHECK(equal_bits<float>(out, expected));
  }
}

TEST_CASE("exponential is within two units in the last place, and knows its limits", "[operator]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const Matrix<float> x = Matrix<float>(Vector<float>::LinSpaced(100003, -87.3F, 88.7F));
  Matrix<float> y;
  detail::exponential(x, y);
  REQUIRE(y.rows() == x.rows());
  double worst = 0;
  for (Index i = 0; i < x.size(); ++i) {
    const double exact = std::exp(static_cast<double>(x(i)));
    const float nearest = static_cast<float>(exact);
    const double unit =
        static_cast<double>(std::nextafter(nearest, infinity)) - static_cast<double>(nearest);
    worst = std::max(worst, std::abs(static_cast<double>(y(i)) - exact) / unit);
  }
  CHECK(worst < 2);
  Matrix<float> limits(3, 3);
  limits << 0, -0.0F, infinity, -infinity, nan, 100, -100, 89, 1e30F;
  detail::exponential(limits, limits);
  Matrix<float> expected(3, 3);
  expected << 1, 1, infinity, 0, nan, infinity, 0, infinity, infinity;
  CHECK(std::isnan(limits(1, 1)));
  // The last numbers before the limits, and the limits.
  Matrix<float> edge(4, 1);
  edge << std::nextafter(-87.3365448F, 0.0F), -87.3365448F, std::nextafter(88.7228394F, 0.0F),
      88.7228394F;
  detail::exponential(edge, edge);
  CHECK(edge(0) > 0);
  CHECK(edge(1) == 0);
  CHECK(std::isfinite(edge(2)));
  CHECK(edge(3) == infinity);
  limits(1, 1) = expected(1, 1) = 7;
  CHECK(equal_bits<float>(limits, expected));
}

TEST_CASE("row sums of whole numbers are exact, of short and long columns", "[operator]") {
  INFO("seed 74");
  for (const Index rows : {1, 5, 16, 63, 64, 70, 1030})
    for (const Index cols : {0, 1, 3, 4, 7, 130, 1100}) {
      INFO(rows << " x " << cols);
      const Matrix<float> values = (3 * random_normal<float>(rows, cols, 74).array()).round();
      Vector<double> expected = Vector<double>::Zero(rows);
      for (Index j = 0; j < cols; ++j) expected += values.col(j).cast<double>();
      for (const Index threads : {1, 2}) {
        Vector<float> sums = Vector<float>::Constant(rows, 9);  // not looked at
        detail::row_sums(values, sums, threads);
        CHECK(equal_bits<float>(sums, expected.cast<float>()));
      }
    }
}

TEST_CASE("blocked products of whole numbers are exact, whatever the parts", "[operator]") {
  const auto whole_numbers = [](Index rows, Index cols, std::uint64_t seed) {
    return Matrix<float>((3 * random_normal<float>(rows, cols, seed).array()).round());
  };
  // Parts by columns and by rows, which threads share.
  const Matrix<float> a = whole_numbers(700, 800, 66), b = whole_numbers(800, 1100, 67);
  Matrix<float> out(700, 1100), turned(1100, 700);
  const Matrix<float> expected = a * b;
  for (const Index threads : {1, 2, 3}) {
    out.setConstant(7);
    blocked_product(a, b, out, threads);
    CHECK(equal_bits<float>(out, expected));
    turned.setConstant(7);
    blocked_product(b.transpose(), a.transpose(), turned, threads);
    CHECK(equal_bits<float>(turned, expected.transpose()));
  }
}
