// SPDX-License-Identifier: MIT
// Products that go by the entries other than 0 of a dense matrix, against products of all.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/operator/masked_product.hpp>
#include <lacuna/operator/zero_skipping_product.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/reconstruction_gradient.hpp>
#include <lacuna/transform/identity.hpp>

#include "support/catch.hpp"

namespace {

using namespace lacuna;
using detail::StridedMatrix;
using detail::TileEntries;

/// Whole numbers from -8 to 8, of which sums of products are exact.
template <Real S>
Matrix<S> whole_numbers(Index rows, Index cols, std::uint64_t seed) {
  return (3 * random_normal<S>(rows, cols, seed)).array().round().max(S(-8)).min(S(8)).matrix();
}

/// The same, but about so many of them are kept, and the others 0.
template <Real S>
Matrix<S> with_zeros(Index rows, Index cols, double share, std::uint64_t seed) {
  Matrix<S> values = whole_numbers<S>(rows, cols, seed);
  RandomStream random(seed, std::uint64_t{1} << 32);
  for (S& value : values.reshaped())
    if (random.uniform<double>() >= share) value = S(0);
  return values;
}

/// max(numbers - shift, 0), as codes are.
template <Real S>
Matrix<S> rectified(Index rows, Index cols, S shift, std::uint64_t seed) {
  return (random_normal<S>(rows, cols, seed).array() - shift).max(S(0)).matrix();
}

/// Whether the first and last rows and columns are all 7, as they were.
template <Real S>
bool is_framed(const Matrix<S>& m) {
  return (m.row(0).array() == S(7)).all() && (m.row(m.rows() - 1).array() == S(7)).all() &&
         (m.col(0).array() == S(7)).all() && (m.col(m.cols() - 1).array() == S(7)).all();
}

// ---- the entries of tiles

TEMPLATE_TEST_CASE("tiles give the entries other than 0, column by column, in order", "[operator]",
                   float, double) {
  using S = TestType;
  INFO("seed 1");
  for (const Index rows : {1, 7, 64, 65, 200})
    for (const Index cols : {1, 5, 70})
      for (const std::size_t padding : {std::size_t{1}, std::size_t{4}}) {
        CAPTURE(rows, cols, padding);
        Matrix<S> values = with_zeros<S>(rows + 3, cols + 2, 0.4, 1);
        values(1, 1) = S(-0.0);
        values(rows, cols) = std::numeric_limits<S>::quiet_NaN();
        const auto part = values.block(1, 1, rows, cols);
        const Matrix<S> turned = values.transpose();
        TileEntries<S> entries;
        for (const auto& layout : {StridedMatrix<S>(part),
                                   StridedMatrix<S>(turned.block(1, 1, cols, rows).transpose())}) {
          entries.gather(layout, padding);
          bool right = true;
          Matrix<S> back = Matrix<S>::Zero(rows, cols);
          for (Index tile = 0; tile < num_blocks(rows, TileEntries<S>::rows_of_tile); ++tile)
            for (Index j = 0; j < cols; ++j) {
              const auto column = entries.column(tile, j);
              right = right && column.count % padding == 0;
              Index before = -1;
              for (std::size_t e = 0; e < column.count; ++e) {
                const Index row = column.rows[e];
                if (row == TileEntries<S>::rows_of_tile) {
                  right = right && column.values[e] == S(0);  // makes up the number
                  continue;
                }
                right = right && row > before && column.values[e] != S(0);
                before = row;
                back(tile * TileEntries<S>::rows_of_tile + row, j) = column.values[e];
              }
            }
          CHECK(right);
          CHECK(std::isnan(back(rows - 1, cols - 1)));
          back(rows - 1, cols - 1) = S(0);
          Matrix<S> expected = part;
          expected(rows - 1, cols - 1) = S(0);
          CHECK(back == expected);
          entries.clear_values();
          CHECK(entries.column(0, 0).values[0] == S(0));
        }
      }
}

// ---- products

TEMPLATE_TEST_CASE("products that skip zeros are exact on whole numbers, at every edge",
                   "[operator]", float, double) {
  using S = TestType;
  INFO("seeds 1 and 2");
  // Strips of seven to twelve registers, whole and cut; tiles, parts of 512 rows, and blocks of
  // 512 columns, likewise.
  const Index shapes[][3] = {{1, 1, 1},     {27, 64, 30},  {28, 65, 3},     {32, 63, 17},
                             {37, 130, 9},  {40, 20, 40},  {44, 600, 5},    {56, 512, 33},
                             {64, 513, 12}, {73, 64, 80},  {88, 100, 1030}, {96, 70, 20},
                             {97, 65, 21},  {200, 90, 40}, {203, 33, 19}};
  for (const auto& [rows, depth, cols] : shapes)
    for (const double share : {0.0, 0.3, 1.0}) {
      CAPTURE(rows, depth, cols, share);
      const Matrix<S> a = whole_numbers<S>(rows + 2, depth + 1, 1);
      const Matrix<S> b = with_zeros<S>(depth, cols, share, 2);
      const Matrix<S> b_turned = b.transpose();
      const auto part = a.block(1, 1, rows, depth);
      const Matrix<S> expected = S(2) * (part * b);
      for (const Index threads : {1, 3}) {
        Matrix<S> around = Matrix<S>::Constant(rows + 2, cols + 2, S(7));
        auto out = around.block(1, 1, rows, cols);
        detail::zero_skipping_product(S(2), StridedMatrix<S>(part), StridedMatrix<S>(b),
                                      detail::strided_result(out), false, threads);
        CHECK(out == expected);
        CHECK(is_framed(around));
        Matrix<S> around_turned = Matrix<S>::Constant(cols + 2, rows + 2, S(7));
        auto turned = around_turned.block(1, 1, cols, rows);
        detail::zero_skipping_product(S(2), StridedMatrix<S>(part),
                                      StridedMatrix<S>(b_turned.transpose()),
                                      detail::strided_result(turned), true, threads);
        CHECK(turned == expected.transpose());
        CHECK(is_framed(around_turned));
      }
    }
}

TEMPLATE_TEST_CASE("masked products are exact on whole numbers, and go through their epilogue",
                   "[operator]", float, double) {
  using S = TestType;
  INFO("seeds 1 to 3");
  const Index shapes[][3] = {{1, 1, 1},    {27, 64, 30},   {32, 63, 17}, {37, 130, 9},
                             {44, 600, 5}, {56, 513, 33},  {73, 64, 80}, {88, 100, 1030},
                             {97, 65, 21}, {200, 300, 40}, {203, 33, 19}};
  for (const auto& [length, rows, cols] : shapes)
    for (const double share : {0.0, 0.3, 1.0}) {
      CAPTURE(length, rows, cols, share);
      const Matrix<S> a = whole_numbers<S>(length + 2, rows + 1, 1);
      const Matrix<S> b = whole_numbers<S>(length + 3, cols + 1, 2);
      const Matrix<S> masks = with_zeros<S>(rows + 5, cols + 1, share, 3).cwiseAbs();
      const auto part = a.block(1, 1, length, rows);
      const auto vectors = b.block(2, 1, length, cols);
      const auto mask = masks.block(3, 1, rows, cols);
      const detail::PricedGradient<S, CodeForm::rectified> price{S(3), detail::Beside<S>(mask)};
      const Matrix<S> expected = (mask.array() > S(0))
                                     .select((S(2) * (part.transpose() * vectors)).array() + S(3),
                                             Matrix<S>::Zero(rows, cols));
      for (const Index threads : {1, 3}) {
        Matrix<S> around = Matrix<S>::Constant(rows + 2, cols + 2, S(7));
        auto out = around.block(1, 1, rows, cols);
        CHECK(detail::masked_product_then(S(2), StridedMatrix<S>(part), StridedMatrix<S>(vectors),
                                          StridedMatrix<S>(mask), detail::strided_result(out),
                                          price, threads) == static_cast<double>(mask.sum()));
        CHECK(out == expected);
        CHECK(is_framed(around));
      }
    }
}

TEST_CASE("zeros are skipped where they are half of a factor that is large enough", "[operator]") {
  INFO("seeds 1 to 3");
  const Matrix<float> sparse = with_zeros<float>(512, 700, 0.3, 1);
  const Matrix<float> dense = with_zeros<float>(512, 700, 0.9, 2);
  CHECK(detail::skips_zeros(64, StridedMatrix<float>(sparse)) == detail::has_zero_skipping);
  CHECK(detail::skips_zeros(64, StridedMatrix<float>(sparse.transpose())) ==
        detail::has_zero_skipping);
  CHECK_FALSE(detail::skips_zeros(64, StridedMatrix<float>(dense)));
  for (const double share : {0.45, 0.55}) {
    const Matrix<float> near = with_zeros<float>(512, 700, share / 0.868, 3);  // 13 % are 0
    CHECK(detail::skips_zeros(64, StridedMatrix<float>(near)) ==
          (share < 0.5 && detail::has_zero_skipping));
  }
  // What begins with zeros, or ends with them, is not judged by where it begins.
  for (const Index zeros : {300, 400}) {
    Matrix<float> first = Matrix<float>::Ones(512, 700), last = first;
    first.leftCols(zeros).setZero();
    last.rightCols(zeros).setZero();
    for (const Matrix<float>* m : {&first, &last})
      CHECK(detail::skips_zeros(64, StridedMatrix<float>(*m)) ==
            (zeros == 400 && detail::has_zero_skipping));
  }
  CHECK_FALSE(detail::skips_zeros(32, StridedMatrix<float>(sparse)));  // sums too short
  CHECK_FALSE(detail::skips_zeros(700, StridedMatrix<float>(sparse.topRows(255))));
  CHECK_FALSE(detail::skips_zeros(700, StridedMatrix<float>(sparse.leftCols(255))));
  CHECK_FALSE(detail::skips_zeros(56, StridedMatrix<float>(sparse.topLeftCorner(500, 500))));
  CHECK_FALSE(detail::skips_zeros(700, StridedMatrix<float>(Matrix<float>())));
}

TEST_CASE("0 times NaN is left out where zeros are skipped", "[operator]") {
  INFO("seeds 1 and 2");
  Matrix<float> a = whole_numbers<float>(64, 600, 1), b = with_zeros<float>(600, 500, 0.4, 2);
  b.row(17).setZero();
  const Matrix<float> expected = a * b;
  a.col(17).setConstant(std::numeric_limits<float>::quiet_NaN());
  Matrix<float> out(64, 500);
  const auto is_right = [&] {
    return detail::has_zero_skipping ? out == expected : out.array().isNaN().all();
  };
  detail::product_with_zeros(1.0F, a, b, out, 1);
  CHECK(is_right());
  out.setZero();
  CHECK(detail::product_with_zeros_then(1.0F, a, b, out, detail::Assign(), 1) == 0);
  CHECK(is_right());
}

// ---- what is made of them

TEST_CASE("loss and gradients of codes with many zeros are those of their definition",
          "[operator][joint]") {
  using S = float;
  const double tolerance = 2e-5;
  INFO("seeds 1 to 3");
  const Index dim = 131, num_atoms = 700, n = 1030;
  const DenseDictionary<S> d(random_normal<S>(dim, num_atoms, 1));
  const Matrix<S> x = random_normal<S>(dim, n, 2);
  const Matrix<S> codes = rectified<S>(num_atoms, n, S(0.5), 3);
  for (const Index count : {300, 400, 700})  // of the groups of prefixes too
    REQUIRE(detail::skips_zeros(dim, StridedMatrix<S>(codes.topRows(count))) ==
            detail::has_zero_skipping);
  const Matrix<double> atoms = d.atoms().cast<double>();
  const Matrix<double> s = codes.cast<double>();
  const auto apart = [](const auto& a, const Matrix<double>& b) {
    return (a.template cast<double>() - b).norm() / b.norm();
  };
  for (const std::vector<Index>& prefixes : {std::vector<Index>{}, std::vector<Index>{300, 700}}) {
    CAPTURE(prefixes.size());
    std::vector<Index> ends = prefixes;
    if (ends.empty()) ends.push_back(num_atoms);
    const double scale = 2.0 / static_cast<double>(dim * n),
                 slope = 0.1 / static_cast<double>(codes.size());
    double loss = slope * s.sum();
    Matrix<double> code_gradient = Matrix<double>::Zero(num_atoms, n);
    Matrix<double> atom_gradient = Matrix<double>::Zero(dim, num_atoms);
    for (const Index end : ends) {
      const Matrix<double> residual = atoms.leftCols(end) * s.topRows(end) - x.cast<double>();
      loss += scale / 2 * residual.squaredNorm();
      code_gradient.topRows(end) += scale * (atoms.leftCols(end).transpose() * residual);
      atom_gradient.leftCols(end) += scale * (residual * s.topRows(end).transpose());
    }
    const Matrix<double> of_preactivations =
        (s.array() > 0).select(code_gradient.array() + slope, 0.0);
    Matrix<S> first_codes;
    Vector<S> first_atoms;
    for (const Index threads : {1, 2, 3}) {
      CAPTURE(threads);
      ReconstructionGradient<S, Matrix<S>> gradient;
      const double value =
          gradient.evaluate<CodeForm::rectified>(d, x, codes, 0.1, {.prefixes = prefixes}, threads);
      CHECK(std::abs(value / loss - 1) < tolerance);
      CHECK(apart(gradient.code_gradient(), of_preactivations) < tolerance);
      Vector<S> flat;
      gradient.atom_gradient(codes, flat);
      CHECK(apart(flat.reshaped(dim, num_atoms), atom_gradient) < tolerance);
      if (threads == 1) {
        first_codes = gradient.code_gradient();
        first_atoms = flat;
      }
      CHECK(first_codes == gradient.code_gradient());
      CHECK(first_atoms == flat);
    }
  }
}

TEST_CASE("the gradient of atoms is not that of signals without a code", "[operator][joint]") {
  INFO("seeds 1 to 3");
  const DenseDictionary<float> d(random_normal<float>(64, 600, 1));
  Matrix<float> x = random_normal<float>(64, 500, 2), codes = rectified<float>(600, 500, 0.5F, 3);
  codes.col(7).setZero();
  x.col(7).setConstant(std::numeric_limits<float>::quiet_NaN());
  ReconstructionGradient<float, Matrix<float>> gradient;
  CHECK(std::isnan(gradient.evaluate<CodeForm::rectified>(d, x, codes, 0.1)));
  Vector<float> atoms;
  gradient.atom_gradient(codes, atoms);
  CHECK(atoms.array().isNaN().any() != detail::has_zero_skipping);
}

TEST_CASE("an affine map's gradient goes by the entries other than 0", "[operator]") {
  INFO("seeds 1 to 3");
  const Index dim = 70, num_atoms = 600, n = 500;
  const AffineMap<float> map(
      RandomWeights{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 1},
      Vector<float>::Ones(num_atoms));
  Matrix<float> x = random_normal<float>(dim, n, 2);
  Matrix<float> g = with_zeros<float>(num_atoms, n, 0.4, 3);
  g.col(11).setZero();
  Vector<float> gradient = Vector<float>::Constant(3, 5.0F);
  for (const Index threads : {1, 2}) {
    map.backward(x, g, gradient, threads);
    REQUIRE(gradient.size() == map.parameters().size());
    const Matrix<float> weights = gradient.head(num_atoms * dim).reshaped(num_atoms, dim);
    CHECK((weights - g * x.transpose()).norm() < 1e-6 * weights.norm());
    CHECK(gradient.segment(num_atoms * dim, num_atoms) == g.rowwise().sum());  // whole numbers
    CHECK(gradient.tail(num_atoms).norm() == 0);
  }
  x.col(11).setConstant(std::numeric_limits<float>::quiet_NaN());
  map.backward(x, g, gradient);
  CHECK(gradient.array().isNaN().any() != detail::has_zero_skipping);
}

TEST_CASE(
    "trainings whose codes have many zeros have the same bits at any number of threads, and "
    "resumed",
    "[operator][joint]") {
  INFO("seeds 1 and 2");
  const Index dim = 64, num_atoms = 512, n = 1040;
  const Matrix<float> x = random_normal<float>(dim, n, 1);
  const UnitNormDictionary<float> d(random_normal<float>(dim, num_atoms, 2));
  // Their biases leave about a third of the codes on.
  const Vector<float> bias = Vector<float>::Constant(num_atoms, -0.4F);
  Vector<float> first;
  for (const Index threads : {1, 2, 3}) {
    Model model{Identity{}, d,
                LinearReluEncoder<float>(tied_weights(d), bias, {.threads = threads})};
    const Matrix<float> codes = model.encoder.encode(d, x);
    REQUIRE(detail::skips_zeros(dim, StridedMatrix<float>(codes)) == detail::has_zero_skipping);
    const auto outcome = JointTrainer({.steps = 3, .threads = threads}, Adam({.threads = threads}))
                             .fit(model, InMemorySource<float>(x));
    CHECK(std::isfinite(outcome.loss));
    Vector<float> all(model.encoder.parameters().size() + d.dim() * d.num_atoms());
    all << model.encoder.parameters(), model.dictionary.atoms().reshaped();
    if (threads == 1) first = all;
    CHECK(first == all);
  }
  // Stopped after a step, and resumed.
  const JointTrainer trainer({.steps = 3, .threads = 2}, Adam());
  Model model{Identity{}, d, LinearReluEncoder<float>(tied_weights(d), bias)};
  auto state = trainer.start(model);
  InMemorySource<float> source(x);
  CHECK(trainer.resume(model, state, source, [](const Progress&) { return false; }).steps == 1);
  CHECK(trainer.resume(model, state, source).steps == 3);
  CHECK(first.head(model.encoder.parameters().size()) == model.encoder.parameters());
  CHECK(first.tail(dim * num_atoms) == model.dictionary.atoms().reshaped());
}

}  // namespace
