// SPDX-License-Identifier: MIT
// The paper's data sets and starts are those of NumPy 1.24 and PyTorch 1.13. The numbers below are
// what these print, with `numpy.random.seed(s)` and `torch.manual_seed(s)` before:
//   np.abs(np.random.normal(0, 1, N)), np.random.choice(N, K, replace=False[, p=weights]), in turns
//   torch.randn(N, M), rows scaled to unit norm
// and, with `torch.manual_seed(s + 42)` before, torch.nn.Linear's weight and bias, layer by layer,
// that of the decoder, and torch.randn(M, N).
//
// Also here: the choice of the k largest, which only the paper's experiments make so.
#include "reproduce/paper_data.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <lacuna/core/random.hpp>

#include "reproduce/keep_largest_of.hpp"
#include "reproduce/paper_random.hpp"
#include "support/catch.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::examples;

constexpr std::uint32_t seed = 20240926;

struct Entry {
  Index atom;
  float value;
};

void require_code(const SparseCodes<float>& codes, Index j, const std::vector<Entry>& expected) {
  std::vector<Entry> entries;
  for (SparseCodes<float>::InnerIterator it(codes, j); it; ++it)
    entries.push_back({it.index(), it.value()});
  REQUIRE(entries.size() == expected.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    REQUIRE(entries[i].atom == expected[i].atom);
    REQUIRE(entries[i].value == Approx(expected[i].value).epsilon(1e-7));
  }
}

/// PyTorch's logarithm and cosine have roundings of their own.
void require_near(const Vector<float>& values, const std::vector<float>& expected) {
  REQUIRE(values.size() == static_cast<Index>(expected.size()));
  for (Index i = 0; i < values.size(); ++i)
    REQUIRE(values[i] == Approx(expected[static_cast<std::size_t>(i)]).epsilon(1e-5).margin(1e-6));
}

}  // namespace

TEST_CASE("NumPy's numbers after numpy.random.seed(1)", "[paper]") {
  NumpyRandom numpy(1);
  REQUIRE(numpy.normal() == Approx(1.6243453636632417).epsilon(1e-15));
  REQUIRE(numpy.normal() == Approx(-0.6117564136500754).epsilon(1e-15));
  REQUIRE(numpy.normal() == Approx(-0.5281717522634557).epsilon(1e-15));
  REQUIRE(numpy.choice(Index{5}, 5) == std::vector<Index>{4, 3, 0, 2, 1});
  REQUIRE(numpy.uniform() == 0.3132735169322751);
  REQUIRE_THROWS_AS(numpy.choice(Index{5}, 6), std::invalid_argument);
  REQUIRE_THROWS_AS(numpy.choice(Index{5}, 0), std::invalid_argument);
}

TEST_CASE("PyTorch's torch.randn(3, 7) after torch.manual_seed(7), the last 16 anew", "[paper]") {
  const Matrix<float> values = TorchRandom(7).normal(3, 7);
  require_near(
      Vector<float>(values.reshaped<Eigen::RowMajor>()),
      {-0.820134521F, 0.395631164F,  0.898908496F,  -1.38840389F, -0.166996017F,  0.782072663F,
       1.03910768F,   -0.724510729F, -0.848908603F, -1.21692944F, -0.0810215846F, 1.36148512F,
       -1.3032167F,   0.674100697F,  -1.32334578F,  -1.35976899F, -0.866701603F,  -0.564006686F,
       -2.05646253F,  -0.356722534F, 1.09558046F});
  REQUIRE_THROWS_AS(TorchRandom(7).normal(3, 5), std::invalid_argument);
}

TEST_CASE("the paper's data set of 20240926 at 8 x 16, 3 active", "[paper]") {
  const SyntheticOptions options{.dim = 8, .num_atoms = 16, .num_active = 3};
  const PaperData data = paper_data(options, seed, 2048);
  const auto& [signals, codes] = data.signals;
  require_code(codes, 0, {{0, 0.932428777F}, {2, 1.69980013F}, {4, 0.50603801F}});
  require_code(codes, 2047, {{1, 0.412783742F}, {3, 1.97353446F}, {6, 0.182705358F}});
  REQUIRE(codes.cast<double>().sum() == Approx(4849.73517).epsilon(1e-8));
  require_near(data.atoms.col(0).head(3), {0.664065659F, -0.333203673F, -0.0998286754F});
  require_near(data.atoms.col(15).tail(3), {-0.365977585F, 0.462051898F, 0.0938490406F});
  require_near(signals.col(2047), {-0.269051641F, 0.033235535F, -0.624505877F, -0.115469798F,
                                   -1.71241617F, 0.493669927F, -0.696028352F, -0.394109428F});

  SyntheticOptions noisy = options;
  noisy.noise = 0.1;
  REQUIRE_THROWS_AS(paper_data(noisy, seed, 1), std::invalid_argument);

  const PaperData more = paper_data(options, seed, 3000);
  REQUIRE(more.atoms == data.atoms);
  REQUIRE(more.signals.signals.leftCols(2048) == signals);
}

TEST_CASE("the paper's data set of the same seed under Zipf's law", "[paper]") {
  const PaperData data = paper_data({.dim = 8,
                                     .num_atoms = 16,
                                     .num_active = 3,
                                     .zipf_exponent = 1,
                                     .frequency_amplitudes = true},
                                    seed, 2048);
  const auto& [signals, codes] = data.signals;
  require_code(codes, 0, {{0, 0.369049907F}, {5, 0.0586249121F}, {9, 0.0308956318F}});
  require_code(codes, 2047, {{0, 0.00272363168F}, {2, 0.183341056F}, {3, 0.0497588702F}});
  REQUIRE(codes.cast<double>().sum() == Approx(1070.27749).epsilon(1e-8));
  require_near(signals.col(2047), {0.0438384041F, -0.0724808946F, 0.0181723963F, -0.059267737F,
                                   -0.0653324351F, -0.0780614093F, 0.0986288488F, 0.00983362179F});
}

TEST_CASE("the paper's starts of 20240926", "[paper]") {
  const Start mlp = paper_start({.hidden = 32, .bias = true}, 8, 16, seed);
  REQUIRE(mlp.weights.size() == 2);
  REQUIRE(mlp.biases.size() == 2);
  require_near(mlp.weights[0].row(0).head(2).transpose(), {0.200727984F, 0.120141357F});
  require_near(mlp.weights[0].row(31).tail(1).transpose(), {-0.00816118903F});
  require_near(mlp.biases[0].head(1), {-0.0351135917F});
  require_near(mlp.weights[1].row(15).tail(1).transpose(), {-0.0806793943F});
  require_near(mlp.biases[1].tail(1), {0.113001242F});
  require_near(mlp.decoder_bias.head(2), {-0.035890311F, -0.174232244F});
  require_near(mlp.decoder_bias.tail(1), {0.0628985763F});
  require_near(mlp.dictionary.atoms().row(7).tail(3).transpose(),
               {0.161728561F, 0.618229806F, -0.0203202385F});

  const Start sae = paper_start({}, 8, 16, seed);
  REQUIRE(sae.weights.size() == 1);
  REQUIRE(sae.biases.empty());
  REQUIRE(sae.decoder_bias.size() == 0);
  require_near(sae.weights[0].row(0).head(2).transpose(), {0.200727984F, 0.120141357F});

  require_near(paper_start(8, 16, seed).atoms().row(7).tail(3).transpose(),
               {0.00373637094F, -0.517344832F, 0.479856223F});
}

TEST_CASE("keep_largest_of keeps the k largest, and of equals the first", "[keep_largest_of]") {
  INFO("seed 5");
  for (const Index rows : {1, 5, 16})
    for (const Index n : {1, 16, 37})
      for (const bool whole : {false, true}) {  // whole numbers have ties
        Matrix<float> by = random_normal<float>(rows, n, 5);
        if (whole) by = (2 * by.array()).round();
        const Matrix<float> codes = Matrix<float>::Constant(rows, n, 1) + by.cwiseAbs();
        for (Index k = 1; k <= rows + 1; ++k) {
          CAPTURE(rows, n, whole, k);
          Matrix<float> kept = codes, expected = Matrix<float>::Zero(rows, n);
          keep_largest_of(by, k, kept);
          for (Index j = 0; j < n; ++j) {
            std::vector<Index> order(static_cast<std::size_t>(rows));
            std::iota(order.begin(), order.end(), Index{0});
            std::stable_sort(order.begin(), order.end(),
                             [&](Index a, Index b) { return by(a, j) > by(b, j); });
            order.resize(static_cast<std::size_t>(std::min(k, rows)));
            for (const Index i : order) expected(i, j) = codes(i, j);
          }
          CHECK((kept.array() == expected.array()).all());
          // Where equals at 0 have codes of 0, it does not matter which are kept.
          Matrix<float> rectified = by.cwiseMax(0.0f), all = rectified;
          keep_largest_of(rectified, k, rectified, 0.0f);  // in place
          keep_largest_of(Matrix<float>(all), k, all);
          CHECK((rectified.array() == all.array()).all());
        }
      }
  // What diverged shows.
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Matrix<float> diverged = Matrix<float>::Constant(4, 1, nan);
  keep_largest_of(Matrix<float>(diverged), 2, diverged);
  CHECK(diverged.array().isNaN().all());
  Matrix<float> codes(17, 1);
  CHECK_THROWS_AS(keep_largest_of(Matrix<float>(codes), 3, codes), std::invalid_argument);
  codes.resize(4, 1);
  CHECK_THROWS_AS(keep_largest_of(Matrix<float>(codes), 0, codes), std::invalid_argument);
}
