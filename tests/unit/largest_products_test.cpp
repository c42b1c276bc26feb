// SPDX-License-Identifier: MIT
// The largest products, found by way of 16-bit integers, against all products; and the bounds that
// the integers go by.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/operator/candidates_for_largest.hpp>
#include <lacuna/operator/keep_largest.hpp>
#include <lacuna/operator/largest_products.hpp>
#include <lacuna/operator/quantised.hpp>
#include <lacuna/operator/transpose.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;
using detail::IntegerTile;
using detail::Quantised;

template <Real S>
SparseCodes<S> of_all(const Matrix<S>& weights, const Vector<S>& bias, const Matrix<S>& signals,
                      Index k) {
  Matrix<S> products = weights * signals;
  if (bias.size() > 0) products.colwise() += bias;
  SparseCodes<S> kept;
  keep_largest_positive(products, k, kept);
  return kept;
}

template <Real S>
SparseCodes<S> screened(const Matrix<S>& weights, const Vector<S>& bias, const Matrix<S>& signals,
                        Index k, Index threads = 1) {
  SparseCodes<S> kept;
  LargestProducts<S>()(Matrix<S>(weights.transpose()), bias, signals, k, kept, threads);
  return kept;
}

/// Whole numbers from -size to size: products of floats are exact, and ties are many.
template <Real S>
Matrix<S> whole_numbers(Index rows, Index cols, S size, std::uint64_t seed) {
  return (size / 2 * random_normal<S>(rows, cols, seed))
      .array()
      .round()
      .max(-size)
      .min(size)
      .matrix();
}

template <Real S>
bool same_pattern(const SparseCodes<S>& a, const SparseCodes<S>& b) {
  return a.nonZeros() == b.nonZeros() && a.cols() == b.cols() &&
         std::equal(a.outerIndexPtr(), a.outerIndexPtr() + a.cols() + 1, b.outerIndexPtr()) &&
         std::equal(a.innerIndexPtr(), a.innerIndexPtr() + a.nonZeros(), b.innerIndexPtr());
}

template <Real S>
bool same_codes(const SparseCodes<S>& a, const SparseCodes<S>& b) {
  return same_pattern(a, b) &&
         std::equal(a.valuePtr(), a.valuePtr() + a.nonZeros(), b.valuePtr());
}

// ---- the integers

TEST_CASE("a tile of integers has exact sums, up to the limits of 16 and 32 bits", "[operator]") {
  for (const Index pairs : {Index(0), Index(1), Index(7)}) {
    std::vector<std::int16_t> a, b;
    RandomStream random(5, 0);
    const auto draw = [&](Index count, std::vector<std::int16_t>& to) {
      for (Index i = 0; i < count; ++i)
        to.push_back(static_cast<std::int16_t>(16000 * (2 * random.uniform<double>() - 1)));
    };
    draw(2 * pairs * IntegerTile::rows, a);
    draw(2 * pairs * IntegerTile::cols, b);
    if (pairs == 1) {
      a[0] = b[0] = 32767;  // 2 * 32767^2 is 2^31 - 131070
      a[1] = b[1] = -32767;
    }
    const auto packed = [](const std::vector<std::int16_t>& from) {
      Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1> to(static_cast<Index>(from.size()) / 2);
      for (Index i = 0; i < to.size(); ++i) {
        const auto at = static_cast<std::size_t>(2 * i);
        to[i] = static_cast<std::int32_t>(static_cast<std::uint16_t>(from[at])) |
                static_cast<std::int32_t>(static_cast<std::uint32_t>(from[at + 1]) << 16U);
      }
      return to;
    };
    const auto left = packed(a), right = packed(b);
    std::int32_t sums[IntegerTile::rows * IntegerTile::cols];
    IntegerTile::multiply(pairs, left.data(), right.data(), sums);
    for (Index j = 0; j < IntegerTile::cols; ++j)
      for (Index i = 0; i < IntegerTile::rows; ++i) {
        std::int64_t expected = 0;
        for (Index p = 0; p < pairs; ++p)
          for (Index half = 0; half < 2; ++half)
            expected +=
                std::int64_t{a[static_cast<std::size_t>(2 * (p * IntegerTile::rows + i) + half)]} *
                b[static_cast<std::size_t>(2 * (p * IntegerTile::cols + j) + half)];
        INFO("pairs " << pairs << ", row " << i << ", column " << j);
        CHECK(sums[j * IntegerTile::rows + i] == expected);
      }
  }
}

TEST_CASE("products of integers stay in 32 bits, and within their bound of the vectors' own",
          "[operator]") {
  for (const Index dim : {Index(1), Index(2), Index(33), Index(500)}) {
    // Vectors that are long for their entries, short for them, and in between; tiny and huge ones.
    Matrix<double> vectors = random_normal<double>(dim, 20, 11);
    vectors.col(0).setOnes();
    vectors.col(1).setZero();
    vectors(dim / 2, 1) = -3;
    vectors.col(2) *= 1e-14;
    vectors.col(3) *= 1e14;
    vectors.col(4).setZero();
    vectors.col(5) = vectors.col(0) * -0.7;
    vectors.col(6) = vectors.col(0).array() + 1e-5;  // rounds one way
    vectors.col(7).setConstant(1e-30);
    Quantised left, right;
    left.set_columns<16, double>(vectors, 1);
    right.set_columns<6, double>(vectors, 1);
    const auto entry = [](std::int32_t pair, Index half) {
      return std::int64_t{static_cast<std::int16_t>(half == 0 ? pair & 0xffff : pair >> 16)};
    };
    for (Index i = 0; i < vectors.cols(); ++i)
      for (Index j = 0; j < vectors.cols(); ++j) {
        const std::int32_t* a = left.pairs(i / 16 * 16) + i % 16;
        const std::int32_t* b = right.pairs(j / 6 * 6) + j % 6;
        std::int64_t sum = 0;
        for (Index p = 0; p < left.num_pairs(); ++p)
          for (Index half = 0; half < 2; ++half)
            sum += entry(a[16 * p], half) * entry(b[6 * p], half);
        INFO("dim " << dim << ", " << i << " and " << j);
        REQUIRE(std::abs(sum) <= std::numeric_limits<std::int32_t>::max());
        const double scale =
            static_cast<double>(left.scale(i)) * static_cast<double>(right.scale(j));
        const double error = std::abs(vectors.col(i).dot(vectors.col(j)) - scale * double(sum));
        CHECK(error <= scale * static_cast<double>(Quantised::error_bound(dim)));
        // A bound that says nothing would be no bound: it is some part of the lengths.
        if (i != 7 && j != 7 && i != 4 && j != 4 && dim > 2)
          CHECK(scale * static_cast<double>(Quantised::error_bound(dim)) <=
                2e-4 * std::sqrt(static_cast<double>(dim)) * vectors.col(i).norm() *
                    vectors.col(j).norm());
      }
  }
}

TEST_CASE("vectors that no integers stand for have no finite scale", "[operator]") {
  Matrix<float> vectors = Matrix<float>::Ones(3, 4);
  vectors(1, 0) = 1e30F;
  vectors(1, 1) = std::numeric_limits<float>::infinity();
  vectors(2, 2) = std::numeric_limits<float>::quiet_NaN();
  Quantised columns, rows;
  columns.set_columns<6, float>(vectors, 1);
  rows.set_columns<16, float>(vectors, 1);
  for (Index j = 0; j < 4; ++j) {
    INFO("vector " << j);
    CHECK(std::isfinite(columns.scale(j)) == (j == 3));
    CHECK(std::isfinite(rows.scale(j)) == (j == 3));
  }
}

// ---- the largest products

TEMPLATE_TEST_CASE("the largest products are those of all, bit for bit where sums are exact",
                   "[operator]", float, double) {
  using S = TestType;
  struct Shape {
    Index num_atoms, dim, n;
  };
  // Whole tiles and parts of them, odd depths, fewer rows than are looked at together.
  for (const auto& [num_atoms, dim, n] : {Shape{1, 1, 1}, Shape{16, 2, 6}, Shape{40, 7, 11},
                                          Shape{300, 31, 200}, Shape{517, 8, 40}}) {
    const Matrix<S> weights = whole_numbers<S>(num_atoms, dim, 9, 21);
    const Matrix<S> signals = whole_numbers<S>(dim, n, 9, 22);
    for (const Vector<S>& bias : {Vector<S>(), Vector<S>(whole_numbers<S>(num_atoms, 1, 20, 23))})
      for (const Index k : {Index(0), Index(1), Index(5), Index(600)}) {
        INFO("seeds 21 to 23, " << num_atoms << " x " << dim << ", " << n << " signals, k " << k
                                << (bias.size() > 0 ? ", bias" : ""));
        const SparseCodes<S> expected = of_all(weights, bias, signals, k);
        for (const Index threads : {1, 2, 3})
          CHECK(same_codes(screened(weights, bias, signals, k, threads), expected));
      }
  }
}

TEMPLATE_TEST_CASE("the largest products are those of all products, for signals as they come",
                   "[operator]", float, double) {
  using S = TestType;
  const Matrix<S> weights = random_normal<S>(700, 96, 31), signals = random_normal<S>(96, 150, 32);
  const Matrix<S> directions = weights.transpose();
  const Vector<S> bias = random_normal<S>(700, 1, 33);
  LargestProducts<S> largest;
  SparseCodes<S> kept;
  for (const Index k : {Index(3), Index(20)}) {
    const SparseCodes<S> expected = of_all(weights, bias, signals, k);
    largest(directions, bias, signals, k, kept, 2);
    INFO("seeds 31 to 33, k " << k);
    REQUIRE(same_pattern(kept, expected));
    CHECK(Matrix<S>(kept - expected).cwiseAbs().maxCoeff() <=
          500 * std::numeric_limits<S>::epsilon());
    // A signal's entries do not depend on the others; and a smaller batch may follow a larger one.
    SparseCodes<S> alone;
    largest(directions, bias, signals.middleCols(70, 1), k, alone, 1);
    CHECK(same_codes(alone, SparseCodes<S>(kept.middleCols(70, 1))));
  }
}

TEST_CASE("signals with too many candidates are gone through as a whole", "[operator]") {
  Matrix<float> weights = whole_numbers<float>(400, 12, 9, 41);
  weights.bottomRows(390) = weights.row(0).replicate(390, 1);  // most entries are equal
  Matrix<float> signals = whole_numbers<float>(12, 30, 9, 42);
  signals.col(3).setZero();
  signals.col(4) *= 0x1p110F;  // its length is no float
  Vector<float> bias = Vector<float>::Constant(400, 2);
  for (const Index k : {Index(1), Index(4)}) {
    INFO("seeds 41 and 42, k " << k);
    CHECK(same_codes(screened(weights, bias, signals, k), of_all(weights, bias, signals, k)));
    CHECK(screened(weights, Vector<float>(), signals, k).col(3).nonZeros() == 0);
  }
}

TEST_CASE("few entries are candidates, and equal ones are given up", "[operator]") {
  Matrix<float> weights = random_normal<float>(1000, 200, 91);
  Matrix<float> signals = random_normal<float>(200, 60, 92);
  signals.col(5).setZero();
  detail::CandidatesForLargest candidates;
  const auto find = [&](const Vector<float>& bias, Index k) -> const detail::SampledEntries& {
    candidates.set_rows<float>(Matrix<float>(weights.transpose()), bias, 1);
    return candidates.find<float>(signals, k, 1);
  };
  const detail::SampledEntries& found = find(Vector<float>(), 20);
  INFO("seeds 91 and 92");
  CHECK(candidates.given_up().empty());
  for (Index j = 0; j < 60; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const Index size = found.begin[at + 1] - found.begin[at];
    INFO("signal " << j << " has " << size << " candidates");
    CHECK((j == 5 ? size == 0 : size >= 20 && size <= 30));
  }
  static_cast<void>(find(Vector<float>::Ones(1000), 20));
  CHECK(candidates.given_up() == std::vector<Index>{5});  // of whose entries all are 1
  weights.bottomRows(900) = weights.row(0).replicate(900, 1);
  static_cast<void>(find(Vector<float>(), 20));
  CHECK(!candidates.given_up().empty());
  CHECK(candidates.given_up().size() < 60);
}

TEST_CASE("what is gone through as a whole does not depend on the other signals", "[operator]") {
  Matrix<float> weights = random_normal<float>(600, 70, 95);
  for (Index i = 1; i < 600; ++i)
    weights.row(i) = weights.row(0) + 3e-6F * weights.row(i);  // all entries are nearly equal
  const Matrix<float> signals = random_normal<float>(70, 40, 96);
  const SparseCodes<float> kept = screened(weights, Vector<float>(), signals, 8, 2);
  REQUIRE(kept.nonZeros() > 0);
  for (Index j = 0; j < 40; ++j) {
    INFO("seeds 95 and 96, signal " << j);
    CHECK(same_codes(screened(weights, Vector<float>(), Matrix<float>(signals.col(j)), 8),
                     SparseCodes<float>(kept.middleCols(j, 1))));
  }
}

TEST_CASE("a large bias is rounded to a float, and its entry not lost", "[operator]") {
  const Matrix<double> weights = 1e-2 * random_normal<double>(200, 16, 97);
  const Matrix<double> signals = 1e-2 * random_normal<double>(16, 50, 98);
  const Vector<double> bias = 1e4 + 1e-3 * random_normal<double>(200, 1, 99).array();
  INFO("seeds 97 to 99");
  CHECK(same_pattern(screened(weights, bias, signals, 2), of_all(weights, bias, signals, 2)));
}

TEST_CASE("weights that no integers stand for are candidates, and NaN is not", "[operator]") {
  Matrix<float> weights = whole_numbers<float>(100, 8, 9, 51);
  const Matrix<float> signals = whole_numbers<float>(8, 20, 9, 52).array() + 0.5F;
  weights.row(17) *= 1e25F;
  weights(40, 3) = std::numeric_limits<float>::quiet_NaN();
  weights(70, 3) = std::numeric_limits<float>::infinity();
  const SparseCodes<float> kept = screened(weights, Vector<float>(), signals, 3);
  const SparseCodes<float> expected = of_all(weights, Vector<float>(), signals, 3);
  REQUIRE(same_pattern(kept, expected));
  for (Index e = 0; e < kept.nonZeros(); ++e) {
    const float value = kept.valuePtr()[e], other = expected.valuePtr()[e];
    CHECK((value == other || std::abs(value - other) <= 1e-6F * std::abs(other)));
  }
}

TEST_CASE("a bias that is not finite is that of its own entry alone", "[operator]") {
  const Matrix<float> weights = whole_numbers<float>(64, 8, 9, 55);
  const Matrix<float> signals = whole_numbers<float>(8, 20, 9, 56);
  for (const Index at : {Index(0), Index(7), Index(63)})
    for (const float value : {std::numeric_limits<float>::quiet_NaN(),
                              -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::infinity()}) {
      Vector<float> bias = whole_numbers<float>(64, 1, 9, 57);
      bias[at] = value;
      INFO("seeds 55 to 57, " << value << " at " << at);
      const SparseCodes<float> kept = screened(weights, bias, signals, 3);
      CHECK(kept.nonZeros() > 0);
      CHECK(same_codes(kept, of_all(weights, bias, signals, 3)));
    }
}

TEST_CASE("more signals than are integers at a time", "[operator]") {
  const Matrix<float> weights = whole_numbers<float>(33, 3, 9, 61);
  const Matrix<float> signals = whole_numbers<float>(3, 8192 + 70, 9, 62);
  CHECK(same_codes(screened(weights, Vector<float>(), signals, 2, 2),
                   of_all(weights, Vector<float>(), signals, 2)));
}

TEST_CASE(
    "largest products of vectors that do not fit, or are too long for the bounds, are refused",
    "[operator]") {
  SparseCodes<float> kept;
  const std::string message = message_of([&] {
    LargestProducts<float>()(Matrix<float>::Ones(Quantised::most_dim + 1, 1), Vector<float>(),
                             Matrix<float>::Ones(Quantised::most_dim + 1, 1), 1, kept);
  });
  CHECK(message == "LargestProducts: dim is 16385, above 16384");
  const auto of_shapes = [&](Index dim, Index biases) {
    return message_of([&] {
      LargestProducts<float>()(Matrix<float>::Ones(3, 5), Vector<float>::Ones(biases),
                               Matrix<float>::Ones(dim, 2), 1, kept);
    });
  };
  CHECK(of_shapes(3, 0).empty());
  CHECK(of_shapes(5, 0) ==
        "LargestProducts: signals are 5 x 2, the direction matrix is 3 x 5: expected 3 rows");
  CHECK(of_shapes(3, 3) ==
        "LargestProducts: biases are 3 x 1, the direction matrix is 3 x 5: expected 5 rows");
}

TEST_CASE("a TopK encoder that goes by integers keeps what it would keep without", "[encoder]") {
  constexpr Index dim = 64, num_atoms = 512, n = 260, k = 8;
  const UnitNormDictionary<float> dictionary(random_normal<float>(dim, num_atoms, 71));
  const Matrix<float> signals = random_normal<float>(dim, n, 72);
  const TopKEncoder<float> encoder(RandomWeights{dim, num_atoms, true, 73}, k);
  const SparseCodes<float> expected =
      of_all<float>(Matrix<float>(encoder.affine().weights()), encoder.affine().bias(), signals, k);
  const SparseCodes<float> codes = encoder.encode(dictionary, signals);
  INFO("seeds 71 to 73");
  REQUIRE(same_pattern(codes, expected));
  CHECK(Matrix<float>(codes - expected).cwiseAbs().maxCoeff() <= 1e-5F);
  TopKEncoder<float>::Tape tape;
  CHECK(same_codes(encoder.forward(dictionary, signals, tape), codes));
}

// ---- transpose

TEMPLATE_TEST_CASE("a transpose turns whole squares, and what is left of them", "[operator]", float,
                   double) {
  using S = TestType;
  for (const Index rows : {1, 16, 37, 64})
    for (const Index cols : {1, 16, 50}) {
      const Matrix<S> from = random_normal<S>(rows + 3, cols, 81);
      Matrix<S> to = Matrix<S>::Constant(cols + 2, rows, 7);
      detail::transpose(from.data(), rows, cols, from.outerStride(), to.data(), to.outerStride());
      INFO("seed 81, " << rows << " x " << cols);
      CHECK((to.topRows(cols).array() == from.topRows(rows).transpose().array()).all());
      CHECK((to.bottomRows(2).array() == S(7)).all());
    }
}

}  // namespace
