// SPDX-License-Identifier: MIT
// Every metric against answers that are known: by brute force, in closed form, or published.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/metric/amortisation_gap.hpp>
#include <lacuna/metric/assignment.hpp>
#include <lacuna/metric/code_correlation.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/dead_atoms.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/metric/mean_l0.hpp>
#include <lacuna/metric/published_flops.hpp>
#include <lacuna/metric/reconstruction.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using test::says;

Matrix<double> random_uniform(Index rows, Index cols, std::uint64_t seed) {
  Matrix<double> values(rows, cols);
  RandomStream random(seed);
  for (Index k = 0; k < values.size(); ++k) values.data()[k] = random.uniform<double>();
  return values;
}

/// Codes of which each row is active on its own share of the columns, from rare to always.
Matrix<double> random_codes(Index rows, Index cols, std::uint64_t seed) {
  Matrix<double> codes = Matrix<double>::Zero(rows, cols);
  for (Index j = 0; j < cols; ++j) {
    RandomStream random(seed, static_cast<std::uint64_t>(j));
    for (Index i = 0; i < rows; ++i) {
      const double value = random.normal<double>();
      const double share = double(i + 1) / double(rows);
      if (random.uniform<double>() < share) codes(i, j) = value + share;
    }
  }
  return codes;
}

/// The best total over all ways to match the shorter side, one by one.
double best_by_enumeration(const Matrix<double>& weights) {
  if (weights.rows() > weights.cols()) return best_by_enumeration(weights.transpose());
  std::vector<Index> columns(static_cast<std::size_t>(weights.cols()));
  std::iota(columns.begin(), columns.end(), Index(0));
  double best = -std::numeric_limits<double>::infinity();
  do {
    double total = 0;
    for (Index i = 0; i < weights.rows(); ++i)
      total += weights(i, columns[static_cast<std::size_t>(i)]);
    best = std::max(best, total);
  } while (std::next_permutation(columns.begin(), columns.end()));
  return best;
}

/// The same for more columns than can be permuted, rows <= cols: the best total of the first rows
/// for every set of columns in turn.
double best_by_subsets(const Matrix<double>& weights) {
  const std::size_t sets = std::size_t{1} << weights.cols();
  std::vector<double> best(sets, -std::numeric_limits<double>::infinity());
  best[0] = 0;
  double total = -std::numeric_limits<double>::infinity();
  for (std::size_t set = 0; set < sets; ++set) {
    const Index row = std::popcount(set);
    if (row == weights.rows()) total = std::max(total, best[set]);
    if (row >= weights.rows()) continue;
    for (Index j = 0; j < weights.cols(); ++j) {
      const std::size_t with = set | (std::size_t{1} << j);
      if (with != set) best[with] = std::max(best[with], best[set] + weights(row, j));
    }
  }
  return total;
}

/// The textbook formula, with long double means: what the accumulator must agree with.
Matrix<double> pearson_by_definition(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(a.rows(), b.rows());
  const auto n = static_cast<long double>(a.cols());
  for (Index i = 0; i < a.rows(); ++i)
    for (Index k = 0; k < b.rows(); ++k) {
      long double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
      for (Index j = 0; j < a.cols(); ++j) {
        ma += a(i, j) / n;
        mb += b(k, j) / n;
      }
      for (Index j = 0; j < a.cols(); ++j) {
        ab += (a(i, j) - ma) * (b(k, j) - mb);
        aa += (a(i, j) - ma) * (a(i, j) - ma);
        bb += (b(k, j) - mb) * (b(k, j) - mb);
      }
      c(i, k) = aa < 1e-12L * n || bb < 1e-12L * n ? 0.0 : double(ab / std::sqrt(aa * bb));
    }
  return c;
}

template <class T, class C>
Matrix<double> correlation_of(const T& truth, const C& codes) {
  CodeCorrelation correlation(truth.rows(), codes.rows());
  correlation.add(truth, codes);
  REQUIRE(correlation.count() == truth.cols());
  return correlation.matrix();
}

double worst(const Matrix<double>& difference) {
  return difference.size() == 0 ? 0.0 : difference.cwiseAbs().maxCoeff();
}

std::vector<Index> shuffled(Index n, std::uint64_t seed) { return RandomStream(seed).choose(n, n); }

}  // namespace

// ---- assignment
// ----------------------------------------------------------------------------------

TEST_CASE("the assignment is the best of all", "[assignment]") {
  std::uint64_t seed = 100;
  for (Index rows = 1; rows <= 7; ++rows)
    for (Index cols = 1; cols <= 7; ++cols)
      for (const int levels : {0, 2, 5}) {
        // 0: no ties; else weights from few values, some negative: many ties.
        Matrix<double> weights = random_uniform(rows, cols, ++seed).array() - 0.4;
        if (levels > 0) weights = (weights * levels).array().round().matrix();
        INFO("seed " << seed << ", " << rows << " x " << cols << ", levels " << levels);
        const Assignment found = maximum_assignment(weights);
        CHECK(std::abs(found.total - best_by_enumeration(weights)) < 1e-12);

        REQUIRE(Index(found.column_of_row.size()) == rows);
        std::vector<int> used(static_cast<std::size_t>(cols), 0);
        Index pairs = 0;
        double total = 0;
        for (Index i = 0; i < rows; ++i) {
          const Index column = found.column_of_row[static_cast<std::size_t>(i)];
          if (column == -1) continue;
          REQUIRE(column >= 0);
          REQUIRE(column < cols);
          REQUIRE(++used[static_cast<std::size_t>(column)] == 1);
          total += weights(i, column);
          ++pairs;
        }
        CHECK(pairs == std::min(rows, cols));
        CHECK(std::abs(total - found.total) < 1e-12);
      }
}

TEST_CASE("the assignment is the best of all where paths are long", "[assignment]") {
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    for (const Index rows : {9, 13})
      for (const int levels : {0, 4, 20}) {
        Matrix<double> weights = random_uniform(rows, 13, 200 + seed);
        // Products of a row and a column effect: everybody wants the same columns.
        weights.array() *= 1 + 2 * weights.col(0).replicate(1, 13).array() *
                                   weights.row(0).replicate(rows, 1).array();
        if (levels > 0) weights = (weights * levels).array().round().matrix();
        INFO("seed " << seed << ", rows " << rows << ", levels " << levels);
        CHECK(std::abs(maximum_assignment(weights).total - best_by_subsets(weights)) < 1e-12);
      }
}

TEST_CASE("a hidden matching is found at larger sizes", "[assignment]") {
  // Weights below 1 but for one of exactly 1 + 1e-9 in each row: the optimum is known. 600 columns
  // span several chunks of the search.
  for (const Index cols : {300, 600}) {
    Matrix<double> weights = random_uniform(300, cols, 7);
    const std::vector<Index> hidden = RandomStream(8).choose(cols, 300);
    for (Index i = 0; i < 300; ++i) weights(i, hidden[static_cast<std::size_t>(i)]) = 1 + 1e-9;
    CHECK(maximum_assignment(weights).column_of_row == hidden);
    std::vector<Index> inverse(static_cast<std::size_t>(cols), -1);
    for (Index i = 0; i < 300; ++i)
      inverse[static_cast<std::size_t>(hidden[static_cast<std::size_t>(i)])] = i;
    CHECK(maximum_assignment(weights.transpose()).column_of_row == inverse);
  }
  // The classic hard case: -(i + 1)(j + 1) is best matched in opposite order.
  constexpr Index n = 300;
  Matrix<double> product(n, n);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < n; ++i) product(i, j) = -double((i + 1) * (j + 1));
  const Assignment opposite = maximum_assignment(product);
  for (Index i = 0; i < n; ++i)
    CHECK(opposite.column_of_row[static_cast<std::size_t>(i)] == n - 1 - i);
}

TEST_CASE("rows and columns that are all alike are matched all the same", "[assignment]") {
  const Assignment zero = maximum_assignment(Matrix<double>::Zero(400, 500));
  std::vector<Index> columns = zero.column_of_row;
  std::sort(columns.begin(), columns.end());
  CHECK(columns.front() >= 0);
  CHECK(std::adjacent_find(columns.begin(), columns.end()) == columns.end());
  CHECK(zero.total == 0);
}

TEST_CASE("the assignment of nothing, and of what is no number", "[assignment]") {
  CHECK(maximum_assignment(Matrix<double>(0, 0)).column_of_row.empty());
  CHECK(maximum_assignment(Matrix<double>(0, 3)).column_of_row.empty());
  CHECK(maximum_assignment(Matrix<double>(2, 0)).column_of_row == std::vector<Index>{-1, -1});
  Matrix<double> weights = Matrix<double>::Zero(3, 4);
  weights(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { (void)maximum_assignment(weights); }), "weights column 2"));
  weights(1, 2) = 1e301;
  CHECK(says(message_of([&] { (void)maximum_assignment(weights); }), "1e300"));
}

// ---- correlation and MCC
// -------------------------------------------------------------------------

TEST_CASE("correlation agrees with its definition for every form of codes", "[correlation]") {
  constexpr Index n = 1300;  // more than a block
  const Matrix<double> truth = random_codes(6, n, 20);
  Matrix<double> codes = random_codes(9, n, 21);
  codes.topRows(6) += 0.7 * truth;
  codes.row(8).setConstant(3);  // no variance
  const Matrix<double> expected = pearson_by_definition(truth, codes);
  CHECK(expected.col(8).isZero(0));
  const SparseCodes<double> sparse_truth = truth.sparseView();
  const SparseCodes<double> sparse_codes = codes.sparseView();
  CHECK(worst(correlation_of(truth, codes) - expected) < 1e-13);
  CHECK(worst(correlation_of(sparse_truth, codes) - expected) < 1e-13);
  CHECK(worst(correlation_of(truth, sparse_codes) - expected) < 1e-13);
  CHECK(worst(correlation_of(sparse_truth, sparse_codes) - expected) < 1e-13);
  CHECK(worst(correlation_of(MatrixArg<double>(truth), codes.leftCols(n)) - expected) < 1e-13);

  const Matrix<float> single = codes.cast<float>();
  const Matrix<double> of_single = pearson_by_definition(truth, single.cast<double>());
  CHECK(worst(correlation_of(truth, single) - of_single) < 1e-13);
  CHECK(worst(correlation_of(sparse_truth, SparseCodes<float>(single.sparseView())) - of_single) <
        1e-13);

  // Rare latents only: the path that multiplies entries and nothing else.
  const Matrix<double> rare = (truth.array().abs() > 1.5).select(truth, 0.0);
  const Matrix<double> rare_codes =
      (codes.topRows(8).array().abs() > 2).select(codes.topRows(8), 0.0);
  CHECK(worst(correlation_of(SparseCodes<double>(rare.sparseView()),
                             SparseCodes<double>(rare_codes.sparseView())) -
              pearson_by_definition(rare, rare_codes)) < 1e-13);
}

TEST_CASE("batches may be split anywhere", "[correlation]") {
  const Matrix<double> truth = random_codes(5, 700, 22);
  const Matrix<double> codes = random_codes(4, 700, 23);
  const Matrix<double> expected = pearson_by_definition(truth, codes);
  CodeCorrelation pieces(5, 4);
  CHECK(pieces.matrix().isZero(0));
  Index begin = 0;
  for (const Index size : {0, 1, 1, 98, 600}) {
    const Matrix<double> part = truth.middleCols(begin, size);
    if (size % 2 == 0) {
      pieces.add(part, codes.middleCols(begin, size));
    } else {
      pieces.add(SparseCodes<double>(part.sparseView()), codes.middleCols(begin, size));
    }
    begin += size;
  }
  CHECK(pieces.count() == 700);
  CHECK(worst(pieces.matrix() - expected) < 1e-13);
}

TEST_CASE("a mean a million times the spread leaves the correlation as it was", "[correlation]") {
  const Matrix<double> truth = random_codes(3, 2000, 24);
  const Matrix<double> codes = truth + random_codes(3, 2000, 25);
  const Matrix<double> far_truth = truth.array() + 1e6;
  const Matrix<double> far_codes = codes.array() - 1e6;
  const Matrix<double> expected = pearson_by_definition(truth, codes);
  // The shifted entries are themselves rounded to 1e-10: that, and not more, may show.
  const SparseCodes<double> sparse_truth = far_truth.sparseView();
  const SparseCodes<double> sparse_codes = far_codes.sparseView();
  CHECK(worst(correlation_of(far_truth, far_codes) - expected) < 1e-9);
  CHECK(worst(correlation_of(sparse_truth, far_codes) - expected) < 1e-9);
  CHECK(worst(correlation_of(far_truth, sparse_codes) - expected) < 1e-9);
  CHECK(worst(correlation_of(sparse_truth, sparse_codes) - expected) < 1e-9);
}

TEST_CASE("correlation refuses what does not fit, and forgets nothing by it", "[correlation]") {
  CodeCorrelation correlation(2, 3);
  const Matrix<double> truth = random_codes(2, 10, 26);
  Matrix<double> codes = random_codes(3, 10, 27);
  correlation.add(truth, codes);
  const Matrix<double> before = correlation.matrix();
  const std::string shapes = message_of([&] { correlation.add(truth.leftCols(9), codes); });
  CHECK(says(shapes, "2 x 9"));
  CHECK(says(shapes, "3 x 10"));
  CHECK(says(message_of([&] { correlation.add(codes, truth); }), "expected 2 and 3 rows"));
  codes(0, 4) = std::numeric_limits<double>::infinity();
  CHECK(says(message_of([&] { correlation.add(truth, codes); }), "codes column 4"));
  CHECK(correlation.matrix() == before);
  CHECK(says(message_of([] { CodeCorrelation(-1, 2); }), "-1"));
}

TEST_CASE("MCC sees neither order nor sign nor positive scale", "[mcc]") {
  constexpr Index latents = 12;
  const Matrix<double> truth = random_codes(latents, 400, 30);
  const Matrix<double> codes = truth + 2 * random_codes(latents, 400, 31);
  const CodeMcc plain = code_mcc(truth, codes);
  CHECK(plain.kind == MccKind::assigned);
  CHECK(plain.value > 0.1);
  CHECK(plain.value < 0.9);

  const std::vector<Index> order = shuffled(latents, 32);
  Matrix<double> changed(latents, 400);
  for (Index i = 0; i < latents; ++i)
    changed.row(i) = (i % 2 == 0 ? -1.0 : 1.0) * std::pow(3.0, double(i) - 5) *
                     codes.row(order[static_cast<std::size_t>(i)]);
  const CodeMcc moved = code_mcc(truth, changed);
  CHECK(std::abs(moved.value - plain.value) < 1e-12);
  for (std::size_t i = 0; i < plain.match.size(); ++i)
    CHECK(order[static_cast<std::size_t>(moved.match[i])] == plain.match[i]);
  // The unpermuted kind sees all of it.
  CHECK(code_mcc(truth, -truth, MccKind::signed_unpermuted).value == Approx(-1));

  Matrix<double> permuted(latents, 400);
  for (Index i = 0; i < latents; ++i)
    permuted.row(i) = -0.5 * double(i + 1) * truth.row(order[static_cast<std::size_t>(i)]);
  const CodeMcc perfect = code_mcc(truth, permuted);
  CHECK(std::abs(perfect.value - 1) < 1e-12);
  for (std::size_t i = 0; i < perfect.match.size(); ++i)
    CHECK(order[static_cast<std::size_t>(perfect.match[i])] == Index(i));
}

TEST_CASE("a latent that never varies adds exactly nothing", "[mcc]") {
  Matrix<double> truth = random_codes(4, 300, 33);
  Matrix<double> codes = truth;
  codes.row(2).setConstant(7);
  CHECK(code_mcc(truth, codes).value == Approx(0.75).margin(1e-12));
  codes.row(2).setZero();
  CHECK(code_mcc(truth, codes, MccKind::signed_unpermuted).value == Approx(0.75).margin(1e-12));
}

TEST_CASE("the kinds of MCC on a matrix small enough to see", "[mcc]") {
  Matrix<double> c(2, 2);
  c << -0.9, 0.8,  //
      0.8, 0.1;
  // Best sum: 0.8 + 0.8; the greedy order is 0.9 then 0.1, but all columns take part, so it ends
  // there too.
  CHECK(code_mcc(c).value == Approx(0.8));
  CHECK(code_mcc(c).match == std::vector<Index>{1, 0});
  CHECK(code_mcc(c, MccKind::greedy).value == Approx(0.8));
  CHECK(code_mcc(c, MccKind::signed_unpermuted).value == Approx(-0.4));
  CHECK(code_mcc(c, MccKind::signed_unpermuted).match == std::vector<Index>{0, 1});

  Matrix<double> wide(2, 3);
  wide << 0.9, 0.8, 0.0,  //
      0.8, 0.1, 0.3;
  // Greedy takes 0.9 and then 0.3 = columns 0 and 2, best of these 0.9 + 0.3; assigned 0.8 + 0.8.
  CHECK(code_mcc(wide).value == Approx(0.8));
  CHECK(code_mcc(wide, MccKind::greedy).value == Approx(0.6));
  CHECK(code_mcc(wide, MccKind::greedy).match == std::vector<Index>{0, 2});
  CHECK(code_mcc(wide, MccKind::padded).value == Approx(1.6 / 3));
  CHECK(code_mcc(wide, MccKind::padded).kind == MccKind::padded);
  CHECK(code_mcc(wide, MccKind::signed_unpermuted).value == Approx(0.5));

  const Matrix<double> tall = wide.transpose();
  CHECK(code_mcc(tall).value == Approx(0.8));
  CHECK(code_mcc(tall).match == std::vector<Index>{1, 0, -1});
  CHECK(code_mcc(tall, MccKind::greedy).match == std::vector<Index>{0, -1, 1});
  CHECK(code_mcc(tall, MccKind::padded).value == Approx(1.6 / 3));
  CHECK(code_mcc(tall, MccKind::signed_unpermuted).match == std::vector<Index>{0, 1, -1});
}

TEST_CASE("greedy is never above assigned, and equal where widths are", "[mcc]") {
  for (std::uint64_t seed = 40; seed < 60; ++seed) {
    INFO("seed " << seed);
    const Matrix<double> square = random_uniform(9, 9, seed);
    CHECK(code_mcc(square, MccKind::greedy).value == Approx(code_mcc(square).value));
    CHECK(code_mcc(square, MccKind::padded).value == Approx(code_mcc(square).value));
    const Matrix<double> wide = random_uniform(9, 20, seed);
    CHECK(code_mcc(wide, MccKind::greedy).value <= code_mcc(wide).value + 1e-12);
    // Padding the narrow side with zeros by hand is what padded means.
    Matrix<double> padded = Matrix<double>::Zero(20, 20);
    padded.topRows(9) = wide;
    CHECK(code_mcc(wide, MccKind::padded).value == Approx(code_mcc(padded).value));
    CHECK(code_mcc(wide, MccKind::padded).value == Approx(code_mcc(wide).value * 9 / 20));
  }
  // With dead latents nobody is chosen twice.
  Matrix<double> dead = Matrix<double>::Zero(3, 4);
  dead(1, 1) = 0.5;
  const CodeMcc greedy = code_mcc(dead, MccKind::greedy);
  CHECK(greedy.value == Approx(0.5 / 3));
  std::vector<Index> match = greedy.match;
  std::sort(match.begin(), match.end());
  CHECK(std::adjacent_find(match.begin(), match.end()) == match.end());
}

TEST_CASE("MCC of nothing", "[mcc]") {
  for (const MccKind kind :
       {MccKind::assigned, MccKind::signed_unpermuted, MccKind::greedy, MccKind::padded}) {
    INFO(to_string(kind));
    CHECK(code_mcc(Matrix<double>(0, 4), kind).value == 0);
    CHECK(code_mcc(Matrix<double>(2, 0), kind).value == 0);
    CHECK(code_mcc(Matrix<double>(2, 0), kind).match == std::vector<Index>{-1, -1});
    CHECK(code_mcc(Matrix<float>(3, 0), SparseCodes<double>(4, 0), kind).value == 0);
  }
  CHECK(to_string(MccKind::assigned) == "assigned");
  CHECK(to_string(MccKind::signed_unpermuted) == "signed_unpermuted");
  CHECK(to_string(MccKind::greedy) == "greedy");
  CHECK(to_string(MccKind::padded) == "padded");
}

// ---- dictionary
// ----------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("a dictionary is recovered up to order, sign and length",
                   "[dictionary_recovery]", float, double) {
  using S = TestType;
  const double tolerance = std::is_same_v<S, float> ? 1e-6 : 1e-14;
  const Matrix<S> truth = random_normal<S>(8, 12, 50);
  const std::vector<Index> order = shuffled(12, 51);
  Matrix<S> learned(8, 14);
  learned.rightCols(2) = random_normal<S>(8, 2, 52) * S(1e-3);
  for (Index j = 0; j < 12; ++j)
    learned.col(j) = S(j % 3 == 0 ? -2 : 5) * truth.col(order[static_cast<std::size_t>(j)]);
  const DictionaryRecovery same = dictionary_recovery(truth, learned);
  CHECK(std::abs(same.mcc - 1) < tolerance);
  CHECK(std::abs(same.cosine - 1) < tolerance);
  CHECK(same.share_above == 1);
  for (Index i = 0; i < 12; ++i)
    CHECK(order[static_cast<std::size_t>(same.match[static_cast<std::size_t>(i)])] == i);
}

TEST_CASE("cosine, Pearson and the share above the threshold tell cases apart",
          "[dictionary_recovery]") {
  // Adding a constant changes the cosine and not Pearson's correlation.
  Matrix<double> truth(4, 2);
  truth << 1, 1,  //
      -1, 1,      //
      1, -1,      //
      -1, -1;
  Matrix<double> learned = truth;
  learned.col(0).array() += 1;  // (2, 0, 2, 0): cosine with (1, -1, 1, -1) is 4 / (2 sqrt 8)
  const DictionaryRecovery shifted = dictionary_recovery(truth, learned);
  CHECK(shifted.mcc == Approx(1));
  CHECK(shifted.cosine == Approx((1 + std::sqrt(0.5)) / 2));
  CHECK(shifted.share_above == Approx(0.5));
  CHECK(dictionary_recovery(truth, learned, 0.7).share_above == Approx(1));
  CHECK(dictionary_recovery(truth, learned.cast<float>()).cosine == Approx(shifted.cosine));

  // One learned atom for two true ones: the means are over the pair, the share over the truth.
  const DictionaryRecovery narrow = dictionary_recovery(truth, truth.col(1));
  CHECK(narrow.mcc == Approx(1));
  CHECK(narrow.cosine == Approx(1));
  CHECK(narrow.share_above == Approx(0.5));
  CHECK(narrow.match == std::vector<Index>{-1, 0});

  CHECK(dictionary_recovery(truth, Matrix<double>::Zero(4, 2)).cosine == 0);
  CHECK(dictionary_recovery(truth, Matrix<double>::Constant(4, 2, 3)).mcc == 0);
  CHECK(dictionary_recovery(truth, Matrix<double>(4, 0)).share_above == 0);
  const std::string shapes =
      message_of([&] { (void)dictionary_recovery(truth, Matrix<double>(5, 3)); });
  CHECK(says(shapes, "5 x 3"));
  CHECK(says(shapes, "4 x 2"));
  learned(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { (void)dictionary_recovery(truth, learned); }), "atoms column 1"));
}

TEST_CASE("the chance floor is the published one", "[dictionary_recovery]") {
  // Mean and sd over pairs of independent Gaussian dictionaries, computed elsewhere.
  struct Row {
    Index dim, num_atoms;
    double mean, sd;
  };
  for (const Row& row : {Row{8, 16, 0.670, 0.018}, Row{16, 32, 0.535, 0.014}}) {
    INFO(row.dim << " x " << row.num_atoms);
    constexpr Index draws = 8;
    const Matrix<double> truth = random_normal<double>(row.dim, row.num_atoms, 60);
    const double floor = dictionary_mcc_floor(truth, row.num_atoms, draws, 61);
    // One truth for all draws, so its own share of the sd does not average out.
    CHECK(std::abs(floor - row.mean) < 3 * row.sd);
    const double single = dictionary_mcc_floor(truth, row.num_atoms, 1, 61);
    CHECK(std::abs(single - row.mean) < 3 * row.sd);
    CHECK(single != floor);
    CHECK(dictionary_mcc_floor(truth, row.num_atoms, draws, 61) == floor);
    CHECK(dictionary_mcc_floor(truth.cast<float>(), row.num_atoms, draws, 61) ==
          Approx(floor).margin(1e-5));
  }
  CHECK(says(message_of([] { (void)dictionary_mcc_floor(Matrix<float>::Ones(2, 2), 2, 0); }),
             "draws must be at least 1, got 0"));
}

// ---- support, L0, dead atoms
// ---------------------------------------------------------------------

TEST_CASE("support recovery by hand", "[support]") {
  Matrix<double> truth(3, 3), codes(3, 3);
  truth << 1, 0, 2,  //
      0, 0, -3,      //
      4, 0, 0;
  codes << 0.5, 0, 0.05,  //
      0, 1, 1,            //
      0, 0, -2;
  // True entries 4, found 5, hits (0,0), (0,2), (1,2).
  const auto check = [&](const auto& t, const auto& c) {
    const SupportRecovery exact = support_recovery(t, c);
    CHECK(exact.precision == Approx(3.0 / 5));
    CHECK(exact.recall == Approx(3.0 / 4));
    CHECK(exact.f1 == Approx(2 * 0.6 * 0.75 / 1.35));
    const SupportRecovery above = support_recovery(t, c, {.threshold = 0.1});
    CHECK(above.precision == Approx(2.0 / 4));
    CHECK(above.recall == Approx(2.0 / 4));
    // Latent 0 stands for true latent 1, and 2 for 0; latent 1 for nobody. Hits: (2 for 0, column
    // 2) and (0 for 1, column 2).
    const SupportRecovery matched = support_recovery(t, c, {.match = {2, 0, -1}});
    CHECK(matched.precision == Approx(2.0 / 5));
    CHECK(matched.recall == Approx(2.0 / 4));
  };
  const SparseCodes<double> sparse_truth = truth.sparseView();
  const SparseCodes<float> sparse_codes = Matrix<float>(codes.cast<float>()).sparseView();
  check(truth, codes);
  check(sparse_truth, codes);
  check(truth, sparse_codes);
  check(sparse_truth, sparse_codes);
}

TEST_CASE("the match of an MCC scores permuted codes in full", "[support]") {
  const Matrix<double> truth = (random_codes(10, 500, 70).array().abs() > 1).cast<double>() *
                               random_codes(10, 500, 70).array();
  const std::vector<Index> order = shuffled(10, 71);
  Matrix<double> codes(11, 500);
  codes.row(10).setZero();
  for (Index i = 0; i < 10; ++i) codes.row(i) = 2 * truth.row(order[static_cast<std::size_t>(i)]);
  const CodeMcc mcc = code_mcc(truth, codes);
  const SupportRecovery all = support_recovery(truth, codes, {.match = mcc.match});
  CHECK(all.precision == 1);
  CHECK(all.recall == 1);
  CHECK(all.f1 == 1);
  CHECK(support_recovery(truth, codes.topRows(10)).f1 < 0.9);
}

TEST_CASE("support recovery of empty supports and of what does not fit", "[support]") {
  const Matrix<double> none = Matrix<double>::Zero(2, 3), all = Matrix<double>::Ones(2, 3);
  CHECK(support_recovery(none, none).f1 == 1);
  CHECK(support_recovery(none, all).precision == 0);
  CHECK(support_recovery(none, all).recall == 0);
  CHECK(support_recovery(all, none).precision == 0);
  CHECK(support_recovery(all, none).f1 == 0);
  CHECK(says(message_of([&] { (void)support_recovery(all, all.leftCols(2)); }), "2 x 2"));
  CHECK(says(message_of([&] { (void)support_recovery(all, all.topRows(1)); }), "need a match"));
  CHECK(says(message_of([&] {
               (void)support_recovery(all, all, {.match = {1, 1}});
             }),
             "both 0 and 1"));
  CHECK(says(message_of([&] {
               (void)support_recovery(all, all, {.match = {0, 2}});
             }),
             "match[1] is 2"));
  CHECK(says(message_of([&] { (void)support_recovery(all, all, {.match = {0}}); }),
             "1 entries for 2"));
  CHECK(
      says(message_of([&] { (void)support_recovery(all, all, {.threshold = -1}); }), "threshold"));
  Matrix<double> nan = all;
  nan(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { (void)support_recovery(all, nan); }), "codes column 2"));
}

TEST_CASE("mean L0 counts entries above the threshold", "[l0]") {
  Matrix<float> codes(4, 2);
  codes << 1, 0,     //
      -2, 0,         //
      1e-5F, 1e-3F,  //
      0, 0;
  const SparseCodes<float> sparse = codes.sparseView();
  CHECK(mean_l0(codes) == 2);
  CHECK(mean_l0(sparse) == 2);
  CHECK(mean_l0(codes, 1e-4) == 1.5);
  CHECK(mean_l0(sparse, 1e-4) == 1.5);
  // An entry that is stored and zero is not active.
  SparseCodes<double> stored(2, 1);
  stored.insert(0, 0) = 0;
  stored.insert(1, 0) = 1;
  CHECK(mean_l0(stored) == 1);
  CHECK(std::isnan(mean_l0(Matrix<float>(4, 0))));
  CHECK(says(message_of([&] { (void)mean_l0(codes, std::nan("")); }), "threshold"));
}

TEST_CASE("dead atoms are those that no batch used", "[dead_atoms]") {
  DeadAtoms dead(4, 0.1);
  CHECK(dead.share() == 1);
  Matrix<double> codes = Matrix<double>::Zero(4, 3);
  codes(0, 1) = 0.05;
  codes(2, 1) = -1;
  dead.add(codes);
  CHECK(dead.count() == 3);
  CHECK(dead.indices() == std::vector<Index>{0, 1, 3});
  codes.setZero();
  codes(3, 0) = 2;
  codes(2, 2) = 2;
  dead.add(SparseCodes<float>(Matrix<float>(codes.cast<float>()).sparseView()));
  CHECK(dead.share() == 0.5);
  CHECK(dead.times_active() == std::vector<std::int64_t>{0, 0, 2, 1});
  CHECK(says(message_of([&] { dead.add(Matrix<double>(5, 1)); }), "5 x 1"));
  CHECK(std::isnan(DeadAtoms(0).share()));
}

// ---- reconstruction
// ------------------------------------------------------------------------------

TEST_CASE("explained variance is about the mean", "[reconstruction]") {
  // Signals with mean 5 and a reconstruction x^ = mean + (x - mean) / 2: the error is a quarter of
  // the variance exactly, 0.75 explained. About 0 instead of the mean it would be 0.99.
  const Matrix<double> x = random_normal<double>(6, 900, 80).array() + 5;
  const Vector<double> mean = x.rowwise().mean();
  const Matrix<double> half = (0.5 * x).colwise() + 0.5 * mean;
  ReconstructionError error(6);
  error.add(x, half);
  CHECK(std::abs(error.explained_variance() - 0.75) < 1e-12);
  CHECK(std::abs(error.mse() - (x - half).squaredNorm() / (6 * 900)) < 1e-12);
  CHECK(error.count() == 900);

  // In pieces, the mean moving from piece to piece, the answer is the same.
  ReconstructionError pieces(6);
  Index begin = 0;
  for (const Index size : {1, 0, 9, 390, 500}) {
    pieces.add(x.middleCols(begin, size), half.middleCols(begin, size));
    begin += size;
  }
  CHECK(std::abs(pieces.explained_variance() - 0.75) < 1e-12);
  CHECK(std::abs(pieces.mse() - error.mse()) < 1e-12);

  // Whoever always answers the mean explains nothing; the signal itself, all.
  ReconstructionError nothing(6), all(6);
  nothing.add(x, mean.replicate(1, 900));
  CHECK(std::abs(nothing.explained_variance()) < 1e-12);
  all.add(x, x);
  CHECK(all.explained_variance() == 1);
  CHECK(all.mse() == 0);
}

TEST_CASE("a large mean does not drown the variance", "[reconstruction]") {
  const Matrix<double> x = random_normal<double>(3, 1000, 81).array() + 1e7;
  const Vector<double> mean = x.rowwise().mean();
  const Matrix<double> half = x - 0.5 * (x.colwise() - mean);
  ReconstructionError error(3);
  error.add(x, half);
  CHECK(std::abs(error.explained_variance() - 0.75) < 1e-7);
}

TEST_CASE("float and double mix; nothing, and what does not fit", "[reconstruction]") {
  const Matrix<double> x = random_normal<double>(4, 50, 82);
  ReconstructionError error(4);
  CHECK(std::isnan(error.mse()));
  CHECK(std::isnan(error.explained_variance()));
  error.add(x, x.cast<float>());
  CHECK(error.mse() < 1e-14);
  CHECK(error.mse() > 0);
  CHECK(says(message_of([&] { error.add(x, x.leftCols(3)); }), "4 x 3"));
  CHECK(says(message_of([&] { error.add(x.topRows(3), x.topRows(3)); }), "3 x 50"));
  Matrix<double> broken = x;
  broken(0, 7) = std::numeric_limits<double>::infinity();
  CHECK(says(message_of([&] { error.add(x, broken); }), "reconstruction column 7"));
  CHECK(error.count() == 50);
  CHECK(says(message_of([] { ReconstructionError(0); }), "got 0"));
  ReconstructionError constant(4);
  constant.add(Matrix<double>::Ones(4, 3), Matrix<double>::Zero(4, 3));
  CHECK(std::isnan(constant.explained_variance()));
  CHECK(constant.mse() == 1);
}

// ---- published flops
// -----------------------------------------------------------------------------

TEST_CASE("the published flop counts, to the last digit", "[flops]") {
  using namespace published_flops;
  constexpr Training known_dictionary{.samples = 1024, .steps = 101, .learn_dictionary = false};
  constexpr Training first_step{.samples = 1024, .steps = 1};

  // A test pass over 1024 samples.
  CHECK(1024 * sae_inference(8, 16) == 540'672);
  CHECK(1024 * mlp_inference(8, 16, 32) == 1'884'160);
  CHECK(1024 * mlp_inference(8, 16, 256) == 13'123'584);
  CHECK(1024 * code_optimisation(8, 16, 10'000) == 7'209'107'456);

  // Known dictionary, log at step 100: training so far and one test pass.
  CHECK(sae_training(8, 16, known_dictionary) + 540'672 == 141'197'312);
  CHECK(mlp_training(8, 16, 32, known_dictionary) + 1'884'160 == 556'236'800);
  CHECK(mlp_training(8, 16, 256, known_dictionary) + 13'123'584 == 4'019'355'648);
  CHECK(1024 * code_optimisation(8, 16, 101) == 72'957'952);

  // Unknown codes and dictionary, step 0.
  CHECK(sae_training(8, 16, first_step) == 1'785'856);
  CHECK(mlp_training(8, 16, 32, first_step) == 5'881'856);
  CHECK(mlp_training(8, 16, 256, first_step) == 40'058'880);
  CHECK(sparse_coding_training(8, 16, first_step) == 52'477'952);
  CHECK(sparse_coding_training_recosted(8, 16, first_step) == 886'016);

  // Known codes, encoder alone, step 10; the MLP's with its test pass.
  constexpr Training known_codes{.samples = 1024, .steps = 11};
  CHECK(known_codes_sae_training(8, 16, known_codes) == 9'551'872);
  CHECK(known_codes_mlp_training(8, 16, 32, known_codes) +
            1024 * known_codes_mlp_inference(8, 16, 32) ==
        56'229'888);

  // One sample, one step.
  constexpr Training once{.samples = 1, .steps = 1};
  constexpr Training once_fixed{.samples = 1, .steps = 1, .learn_dictionary = false};
  static_assert(sae_training(8, 16, once_fixed) == 1360);
  static_assert(sae_training(8, 16, once) == 1744);
  static_assert(mlp_training(8, 16, 32, once_fixed) == 5360);
  static_assert(mlp_training(8, 16, 256, once) == 39120);
  static_assert(known_codes_sae_training(8, 16, once) == 848);
  static_assert(code_optimisation(8, 16, 1) == 144 + 704);
  // By its formula with the dictionary fixed: 3 (N + 2MN) + 2M + N + N.
  static_assert(sparse_coding_training(8, 16, once_fixed) == 3 * 272 + 32 + 16);
  static_assert(sparse_coding_training_recosted(8, 16, once_fixed) == 3 * 272 + 32 + 16);
  CHECK(sparse_coding_training(8, 16, {.samples = 2048, .steps = 1}) >
        3 * sparse_coding_training(8, 16, first_step));

  CHECK_THROWS_AS(sparse_coding_training(1000, 1000, {.samples = 1'000'000'000, .steps = 10}),
                  std::overflow_error);
}

TEST_CASE("amortisation gap: an orthonormal dictionary, where the optimum is a soft threshold",
          "[amortisation_gap]") {
  const DenseDictionary<double> d(Matrix<double>::Identity(2, 2));
  const NonnegativeL1 penalty(0.5);
  Matrix<double> signals(2, 4), codes(2, 4);
  signals << 2, 1, 1, 0,  //
      0, 0, 0, 0;
  codes << 2, 0.5, -1, 0,  //
      0, 0, 0, 0;
  // s = max(x - 1/2, 0): P = 1/8 + s / 2. The codes' own are 1, 3/8 (the optimum), infinite and 0.
  Solution<Matrix<double>> optimum(2, 4);
  optimum.objective << 0.875, 0.375, 0.375, 0;
  optimum.relative_gap << 0.25, 0.5, 0.5, 0;

  const AmortisationGap dense = amortisation_gap(d, signals, codes, penalty, optimum);
  CHECK(dense.feasible == 3);
  CHECK(dense.infeasible_share == 0.25);
  CHECK(dense.absolute == Approx(0.125 / 3));
  CHECK(dense.relative == Approx(0.125 / 2 / 2));  // over the two signals that are not zero
  CHECK(dense.uncertainty == Approx(0.75 / 2));
  const SparseCodes<double> stored = codes.sparseView();
  CHECK(amortisation_gap(d, signals, stored, penalty, optimum).relative == dense.relative);

  optimum.objective.conservativeResize(3);
  CHECK(says(message_of([&] {
               static_cast<void>(amortisation_gap(d, signals, codes, penalty, optimum));
             }),
             "known of 3 signals, expected 4"));
}
