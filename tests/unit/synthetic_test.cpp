// SPDX-License-Identifier: MIT
// What is drawn has the distribution that it says, and the same bits however it is drawn.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/concepts/labelled_source.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/synthetic/synthetic_source.hpp>
#include <lacuna/synthetic/weighted_support.hpp>

#include "laws/source_laws.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using test::says;

static_assert(LabelledSource<SyntheticSource<float>>);
static_assert(LabelledSource<SyntheticSource<double>>);

template <class S>
bool same_bits(const LabelledSignals<S>& a, const LabelledSignals<S>& b) {
  return a.signals == b.signals && a.codes.rows() == b.codes.rows() &&
         a.codes.nonZeros() == b.codes.nonZeros() && Matrix<S>(a.codes) == Matrix<S>(b.codes);
}

}  // namespace

TEMPLATE_TEST_CASE("atoms have unit norm and directions without preference", "[dictionary]", float,
                   double) {
  using S = TestType;
  const Matrix<S> atoms = gaussian_dictionary<S>(5, 4000, 1);
  const double tolerance = std::is_same_v<S, float> ? 2e-7 : 1e-15;
  const Matrix<double> exact = atoms.template cast<double>();
  CHECK((exact.colwise().norm().array() - 1).abs().maxCoeff() < tolerance);
  // E a_i = 0, E a_i a_k = delta / 5; five standard errors: var(a_i) = 1/5, var(a_i a_k) <= 2/35.
  CHECK(exact.rowwise().mean().cwiseAbs().maxCoeff() < 5 * std::sqrt(0.2 / 4000));
  const Matrix<double> second = exact * exact.transpose() / 4000;
  CHECK((second - Matrix<double>::Identity(5, 5) / 5).cwiseAbs().maxCoeff() <
        5 * std::sqrt(2.0 / 35 / 4000));
}

TEST_CASE("float atoms are the double ones rounded, and each is its own", "[dictionary]") {
  const Matrix<double> atoms = gaussian_dictionary<double>(8, 16, 2);
  CHECK(gaussian_dictionary<float>(8, 16, 2) == Matrix<float>(atoms.cast<float>()));
  CHECK(gaussian_dictionary<double>(8, 9, 2) == atoms.leftCols(9));
  CHECK(gaussian_dictionary<double>(8, 16, 3) != atoms);
  CHECK(says(message_of([] { (void)gaussian_dictionary<float>(0, 4, 1); }), "0 x 4"));
  CHECK(says(message_of([] { (void)gaussian_dictionary<float>(3, 0, 1); }), "3 x 0"));
}

TEMPLATE_TEST_CASE("a sample is its codes times the dictionary", "[synthetic]", float, double) {
  using S = TestType;
  const SyntheticModel<S> model({.dim = 8, .num_atoms = 16, .num_active = 3}, 7);
  CHECK(model.atoms() == gaussian_dictionary<S>(8, 16, 7));
  const LabelledSignals<S> sample = model.sample(600, 1);
  CHECK(sample.signals.rows() == 8);
  CHECK(sample.signals.cols() == 600);
  CHECK(sample.codes.rows() == 16);
  CHECK(sample.codes.cols() == 600);
  CHECK(sample.codes.isCompressed());
  const Matrix<S> product = model.atoms() * Matrix<S>(sample.codes);
  const double tolerance = std::is_same_v<S, float> ? 2e-6 : 1e-14;
  CHECK((sample.signals - product).cwiseAbs().maxCoeff() < tolerance);
  for (Index j = 0; j < 600; ++j) {
    Index active = 0, last = -1;
    for (typename SparseCodes<S>::InnerIterator entry(sample.codes, j); entry; ++entry) {
      ++active;
      REQUIRE(entry.row() > last);  // in order, none twice
      REQUIRE(entry.row() < 16);
      REQUIRE(entry.value() > 0);
      last = entry.row();
    }
    REQUIRE(active == 3);
  }
}

TEST_CASE("float codes are the double ones rounded", "[synthetic]") {
  const SyntheticOptions options{.dim = 4, .num_atoms = 9, .num_active = 2, .signed_codes = true};
  const auto twice = SyntheticModel<double>(options, 7).sample(50, 3);
  const auto single = SyntheticModel<float>(options, 7).sample(50, 3);
  CHECK(Matrix<float>(single.codes) == Matrix<float>(Matrix<double>(twice.codes).cast<float>()));
}

TEST_CASE("every support is equally likely", "[synthetic]") {
  const SyntheticModel<double> model({.dim = 1, .num_atoms = 6, .num_active = 3}, 7);
  constexpr Index n = 20000;
  const auto sample = model.sample(n, 21);
  std::map<std::vector<Index>, int> counts;
  for (Index j = 0; j < n; ++j) {
    std::vector<Index> support;
    for (SparseCodes<double>::InnerIterator entry(sample.codes, j); entry; ++entry)
      support.push_back(entry.row());
    ++counts[support];
  }
  REQUIRE(counts.size() == 20);
  double chi_square = 0;
  for (const auto& [support, count] : counts)
    chi_square += (count - n / 20.0) * (count - n / 20.0) / (n / 20.0);
  // 19 degrees of freedom: above 50.8 with probability 1e-4.
  CHECK(chi_square < 50.8);
}

TEST_CASE("amplitudes are half-normal, or normal", "[synthetic]") {
  constexpr Index n = 20000;
  for (const bool with_sign : {false, true}) {
    INFO("signed " << with_sign);
    const SyntheticModel<double> model(
        {.dim = 1, .num_atoms = 5, .num_active = 2, .signed_codes = with_sign}, 7);
    const auto sample = model.sample(n, 22);
    double sum = 0, squares = 0, fourth = 0;
    for (Index k = 0; k < sample.codes.nonZeros(); ++k) {
      const double a = sample.codes.valuePtr()[k];
      sum += a;
      squares += a * a;
      fourth += a * a * a * a;
    }
    const double count = 2.0 * n;
    const double mean = with_sign ? 0 : std::sqrt(2 / std::acos(-1.0));
    CHECK(std::abs(sum / count - mean) < 5 * std::sqrt((1 - mean * mean) / count));
    CHECK(std::abs(squares / count - 1) < 5 * std::sqrt(2 / count));
    CHECK(std::abs(fourth / count - 3) < 5 * std::sqrt(96 / count));
  }
}

TEST_CASE("noise is white, of the size asked for, and changes no code", "[synthetic]") {
  const SyntheticOptions clean{.dim = 6, .num_atoms = 10, .num_active = 2};
  SyntheticOptions noisy = clean;
  noisy.noise = 0.3;
  const auto without = SyntheticModel<double>(clean, 7).sample(4000, 23);
  const auto with = SyntheticModel<double>(noisy, 7).sample(4000, 23);
  CHECK(Matrix<double>(with.codes) == Matrix<double>(without.codes));
  const Matrix<double> noise = (with.signals - without.signals) / 0.3;
  const Matrix<double> covariance = noise * noise.transpose() / 4000;
  CHECK(noise.rowwise().mean().cwiseAbs().maxCoeff() < 5 / std::sqrt(4000.0));
  CHECK((covariance - Matrix<double>::Identity(6, 6)).cwiseAbs().maxCoeff() <
        5 * std::sqrt(2.0 / 4000));
}

TEMPLATE_TEST_CASE("the same bits by any number of threads and in any ranges", "[synthetic]", float,
                   double) {
  using S = TestType;
  const double exponent = GENERATE(0.0, 1.0);
  const SyntheticModel<S> model({.dim = 7,
                                 .num_atoms = 40,
                                 .num_active = 5,
                                 .noise = 0.1,
                                 .zipf_exponent = exponent,
                                 .frequency_amplitudes = exponent > 0},
                                7);
  const auto whole = model.sample(700, 24);
  CHECK(same_bits(model.sample(700, 24, 0, 2), whole));
  CHECK(same_bits(model.sample(700, 24, 0, 3), whole));
  Index begin = 0;
  for (const Index size : {0, 1, 255, 257, 187}) {
    const auto part = model.sample(size, 24, begin, 2);
    CHECK(part.signals == whole.signals.middleCols(begin, size));
    CHECK(Matrix<S>(part.codes) == Matrix<S>(whole.codes).middleCols(begin, size));
    begin += size;
  }
  REQUIRE(begin == 700);
  CHECK(!same_bits(model.sample(700, 25), whole));
}

TEST_CASE("draws are those of the signal's own stream: a support, then its amplitudes",
          "[synthetic]") {
  const SyntheticModel<float> model({.dim = 3, .num_atoms = 9, .num_active = 4}, 7);
  const auto sample = model.sample(20, 26, 5);
  RandomSupport support(9);
  for (Index j = 0; j < 20; ++j) {
    RandomStream random(26, static_cast<std::uint64_t>(5 + j));
    int rows[4];
    support.choose(random, 0, 9, 4, rows);
    SparseCodes<float>::InnerIterator entry(sample.codes, j);
    for (const int row : rows) {
      REQUIRE(entry.row() == row);
      REQUIRE(entry.value() == std::abs(random.normal<float>()));
      ++entry;
    }
  }
}

namespace {

/// 1 / (i + 1)^a over their sum.
Vector<double> zipf(Index n, double exponent) {
  Vector<double> p(n);
  for (Index i = 0; i < n; ++i) p[i] = 1 / std::pow(double(i + 1), exponent);
  return p / p.sum();
}

/// Whether a share of n draws is within four standard errors of its probability.
bool is_share(Index count, Index n, double probability) {
  const double error = std::sqrt(probability * (1 - probability) / double(n));
  return std::abs(double(count) / double(n) - probability) < 4 * error;
}

}  // namespace

TEST_CASE("Zipf: the first draw has the frequencies, the next those of what is left",
          "[synthetic]") {
  constexpr Index n = 20000;
  INFO("seed 27");
  const double exponent = GENERATE(0.5, 1.0, 2.0);
  CAPTURE(exponent);
  const auto sample_of = [&](Index num_atoms, Index num_active) {
    return SyntheticModel<double>({.dim = 1,
                                   .num_atoms = num_atoms,
                                   .num_active = num_active,
                                   .zipf_exponent = exponent},
                                  7)
        .sample(n, 27)
        .codes;
  };
  // One active: its atom is the first draw. 11 is no power of 2.
  const Vector<double> p = zipf(11, exponent);
  const SparseCodes<double> singles = sample_of(11, 1);
  Vector<double> counts = Vector<double>::Zero(11);
  for (Index e = 0; e < n; ++e) ++counts[singles.innerIndexPtr()[e]];
  for (Index i = 0; i < 11; ++i) {
    CAPTURE(i);
    CHECK(is_share(Index(counts[i]), n, p[i]));
  }

  // Two of five: each pair in either order, and with them how often each atom is there at all.
  const Vector<double> q = zipf(5, exponent);
  std::map<std::pair<Index, Index>, Index> pairs;
  const SparseCodes<double> doubles = sample_of(5, 2);
  Vector<double> uses = Vector<double>::Zero(5);
  for (Index j = 0; j < n; ++j) {
    const Index a = doubles.innerIndexPtr()[2 * j], b = doubles.innerIndexPtr()[2 * j + 1];
    REQUIRE(a < b);
    ++pairs[{a, b}];
    ++uses[a];
    ++uses[b];
  }
  for (Index a = 0; a < 5; ++a)
    for (Index b = a + 1; b < 5; ++b) {
      CAPTURE(a, b);
      CHECK(is_share(pairs[{a, b}], n, q[a] * q[b] * (1 / (1 - q[a]) + 1 / (1 - q[b]))));
    }
  for (Index i = 1; i < 5; ++i) CHECK(uses[i] < uses[i - 1]);
}

TEST_CASE("Zipf: every atom can be active, and weights of any ratio", "[synthetic]") {
  for (const double exponent : {1.0, 40.0, 250.0}) {
    CAPTURE(exponent);
    const SyntheticModel<float> full(
        {.dim = 3, .num_atoms = 16, .num_active = 16, .zipf_exponent = exponent}, 7);
    CHECK((Matrix<float>(full.sample(50, 28).codes).array() > 0).all());
  }
  // 2^-40 of the draws, and (2/3)^40 and (3/4)^40 of the next two, fall elsewhere.
  const SyntheticModel<float> steep(
      {.dim = 3, .num_atoms = 13, .num_active = 3, .zipf_exponent = 40}, 7);
  const SparseCodes<float> codes = steep.sample(200, 28).codes;
  for (Index e = 0; e < codes.nonZeros(); ++e) CHECK(codes.innerIndexPtr()[e] == e % 3);
}

TEST_CASE("Zipf: rare atoms are faint where asked", "[synthetic]") {
  constexpr Index n = 20000;
  INFO("seed 29");
  const double exponent = GENERATE(0.0, 1.0);
  CAPTURE(exponent);
  SyntheticOptions options{.dim = 1, .num_atoms = 8, .num_active = 3, .zipf_exponent = exponent};
  const auto plain = SyntheticModel<double>(options, 7).sample(n, 29).codes;
  options.frequency_amplitudes = true;
  const auto scaled = SyntheticModel<double>(options, 7).sample(n, 29).codes;
  const Vector<double> p = zipf(8, exponent);
  Vector<double> sums = Vector<double>::Zero(8), counts = sums;
  REQUIRE(scaled.nonZeros() == 3 * n);
  for (Index e = 0; e < 3 * n; ++e) {
    const Index i = scaled.innerIndexPtr()[e];
    REQUIRE(i == plain.innerIndexPtr()[e]);
    REQUIRE(scaled.valuePtr()[e] == Approx(plain.valuePtr()[e] * (p[i] + 0.1)).epsilon(1e-14));
    sums[i] += scaled.valuePtr()[e];
    ++counts[i];
  }
  // |z| has mean sqrt(2 / pi) and variance 1 - 2 / pi.
  const double mean = std::sqrt(2 / std::acos(-1.0));
  for (Index i = 0; i < 8; ++i)
    CHECK(std::abs(sums[i] / counts[i] - mean * (p[i] + 0.1)) <
          4 * (p[i] + 0.1) * std::sqrt((1 - mean * mean) / counts[i]));
}

TEST_CASE("nothing active, everything active, nothing asked for", "[synthetic]") {
  const SyntheticModel<float> silent({.dim = 3, .num_atoms = 4, .num_active = 0}, 7);
  CHECK(silent.sample(5, 1).signals.isZero(0));
  CHECK(silent.sample(5, 1).codes.nonZeros() == 0);
  const SyntheticModel<float> full({.dim = 3, .num_atoms = 4, .num_active = 4}, 7);
  CHECK((Matrix<float>(full.sample(5, 1).codes).array() > 0).all());
  const auto none = full.sample(0, 1);
  CHECK(none.signals.rows() == 3);
  CHECK(none.signals.cols() == 0);
  CHECK(none.codes.rows() == 4);
  CHECK(none.codes.cols() == 0);
}

TEST_CASE("a model may be given its atoms", "[synthetic]") {
  const Matrix<double> atoms = 3 * gaussian_dictionary<double>(4, 6, 9);
  const SyntheticModel<double> model(atoms, {.num_active = 2});
  CHECK(model.options().dim == 4);
  CHECK(model.options().num_atoms == 6);
  const auto sample = model.sample(20, 1);
  CHECK((sample.signals - atoms * Matrix<double>(sample.codes)).cwiseAbs().maxCoeff() < 1e-14);
  const std::string shapes = message_of(
      [&] { SyntheticModel<double>(atoms, {.dim = 4, .num_atoms = 7, .num_active = 2}); });
  CHECK(says(shapes, "4 x 6"));
  CHECK(says(shapes, "4 x 7"));
  Matrix<double> broken = atoms;
  broken(1, 3) = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { SyntheticModel<double>(broken, {.num_active = 2}); }),
             "atoms column 3"));
  CHECK(says(message_of([] { SyntheticModel<double>(Matrix<double>(3, 0), {.num_active = 0}); }),
             "num_atoms must be in [1, 2^31), got 0"));
}

TEST_CASE("settings without a meaning are refused with their numbers", "[synthetic]") {
  const auto message = [](SyntheticOptions options) {
    return message_of([&] { SyntheticModel<float>(options, 7); });
  };
  const SyntheticOptions good{.dim = 4, .num_atoms = 6, .num_active = 2};
  CHECK(message(good).empty());
  SyntheticOptions bad = good;
  bad.num_active = 7;
  CHECK(says(message(bad), "got 7 of 6"));
  bad.num_active = -1;
  CHECK(says(message(bad), "got -1 of 6"));
  bad = good;
  bad.num_atoms = 0;
  CHECK(says(message(bad), "num_atoms"));
  bad = good;
  bad.dim = 0;
  CHECK(says(message(bad), "dim must be at least 1, got 0"));
  bad.dim = -2;
  CHECK(says(message(bad), "got -2"));
  for (const double noise : {-0.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    bad = good;
    bad.noise = noise;
    CHECK(says(message(bad), "noise must be finite and at least 0"));
    CHECK(!says(message(bad), "\n"));
    bad = good;
    bad.zipf_exponent = noise;
    CHECK(says(message(bad), "zipf_exponent must be finite and at least 0, got "));
  }
  bad.zipf_exponent = 400;
  CHECK(message(bad) == "SyntheticModel: zipf_exponent 400 leaves atom 5 no weight");
  CHECK(message_of([] {
          WeightedSupport(Vector<double>{{1, 0, 2}});
        }) == "WeightedSupport: weights must be above 0 and have a finite sum");
  const SyntheticModel<float> model(good, 7);
  CHECK(says(message_of([&] { (void)model.sample(-1, 1); }), "got -1 and 0"));
  CHECK(says(message_of([&] { (void)model.sample(1, 1, -4); }), "got 1 and -4"));
  CHECK(says(message_of([&] { (void)model.sample(Index{1} << 31, 1); }), "too many"));
}

TEMPLATE_TEST_CASE("a synthetic source is the model's endless sequence", "[synthetic][laws]", float,
                   double) {
  using S = TestType;
  const SyntheticModel<S> model({.dim = 6, .num_atoms = 11, .num_active = 3}, 7);
  SyntheticSource<S> source(model, {.batch_size = 30, .seed = 5});
  CHECK(source.batch(4) == model.sample(30, 5, 120).signals);
  const SyntheticSource<S> threaded(model, {.batch_size = 300, .seed = 5, .threads = 2});
  const auto decode = [&](const SparseCodes<S>& codes) { return Matrix<S>(model.atoms() * codes); };
  const double tolerance = std::is_same_v<S, float> ? 2e-6 : 1e-14;
  test::check_labelled_source_laws(source, decode, tolerance);
  test::check_labelled_source_laws(threaded, decode, tolerance);
  CHECK(says(message_of([&] { SyntheticSource<S>(model, {.batch_size = 0}); }), "got 0"));
}
