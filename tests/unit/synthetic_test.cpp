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
  const SyntheticModel<S> model({.dim = 7, .num_atoms = 40, .num_active = 5, .noise = 0.1}, 7);
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
  }
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
