// SPDX-License-Identifier: MIT
// Where dictionary learning begins: atoms at signals, by lot or spread.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <lacuna/operator/initial_atoms.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using lacuna::test::message_of;

struct SignalAtoms {
  static constexpr const char* name = "signal_atoms";
  template <Real S>
  static Matrix<S> make(const Matrix<S>& signals, Index num_atoms,
                        const InitialAtomsOptions& options = {}) {
    return signal_atoms<S>(signals, num_atoms, options);
  }
};
struct SpreadAtoms {
  static constexpr const char* name = "spread_atoms";
  template <Real S>
  static Matrix<S> make(const Matrix<S>& signals, Index num_atoms,
                        const InitialAtomsOptions& options = {}) {
    return spread_atoms<S>(signals, num_atoms, options);
  }
};

template <Real S>
bool same_bits(const Matrix<S>& a, const Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

/// The signal that each atom has the direction of; -1 where there is none.
std::vector<Index> signals_of(const Matrix<double>& atoms, const Matrix<double>& signals) {
  std::vector<Index> found(static_cast<std::size_t>(atoms.cols()), -1);
  for (Index i = 0; i < atoms.cols(); ++i)
    for (Index j = 0; j < signals.cols(); ++j)
      if (signals.col(j).dot(atoms.col(i)) > (1 - 1e-12) * signals.col(j).norm())
        found[static_cast<std::size_t>(i)] = j;
  return found;
}

std::size_t num_distinct(const std::vector<Index>& values) {
  return std::set<Index>(values.begin(), values.end()).size();
}

}  // namespace

TEMPLATE_TEST_CASE("initial atoms have length 1 and follow the seed", "[initial_atoms]",
                   SignalAtoms, SpreadAtoms) {
  INFO("seed 1");
  // Signals of lengths from 1e-6 to 1e6.
  const Vector<double> lengths =
      Vector<double>::LinSpaced(40, -6, 6).unaryExpr([](double e) { return std::pow(10.0, e); });
  const Matrix<double> signals = random_normal<double>(7, 40, 1) * lengths.asDiagonal();
  for (const double noise : {0.0, 0.1, 10.0}) {
    CAPTURE(noise);
    const Matrix<double> atoms = TestType::make(signals, 30, {.noise = noise, .seed = 5});
    CHECK(atoms.rows() == 7);
    CHECK(atoms.cols() == 30);
    CHECK((atoms.colwise().norm().array() - 1).abs().maxCoeff() < 1e-15);
    CHECK(same_bits(TestType::make(signals, 30, {.noise = noise, .seed = 5}), atoms));
    CHECK_FALSE(same_bits(TestType::make(signals, 30, {.noise = noise, .seed = 6}), atoms));
    const Matrix<float> of_float =
        TestType::template make<float>(signals.cast<float>(), 30, {.noise = noise, .seed = 5});
    CHECK((of_float.colwise().norm().array() - 1).abs().maxCoeff() < 1e-6F);
  }
}

TEMPLATE_TEST_CASE("without noise initial atoms are directions of distinct signals",
                   "[initial_atoms]", SignalAtoms, SpreadAtoms) {
  INFO("signals of seed 2");
  // Zero signals are none, wherever they are.
  Matrix<double> signals = random_normal<double>(5, 20, 2);
  for (const Index zero : {0, 7, 19}) signals.col(zero).setZero();
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    const std::vector<Index> few =
        signals_of(TestType::make(signals, 4, {.noise = 0, .seed = seed}), signals);
    CHECK(num_distinct(few) == 4);
    CHECK(*std::min_element(few.begin(), few.end()) >= 1);
    // All that there are: each once.
    const std::vector<Index> all =
        signals_of(TestType::make(signals, 17, {.noise = 0, .seed = seed}), signals);
    CHECK(num_distinct(all) == 17);
    CHECK(*std::min_element(all.begin(), all.end()) == 1);
  }
}

TEMPLATE_TEST_CASE("noise has the length that it is given", "[initial_atoms]", SignalAtoms,
                   SpreadAtoms) {
  INFO("seed 3");
  // One signal: 500 directions of it and noise. With noise of length r their cosines with it are
  // 1 / sqrt(1 + r^2) but for a relative 1 / sqrt(dim).
  const Matrix<double> signal = 100 * Vector<double>::Unit(400, 3);
  for (const double noise : {0.1, 1.0}) {
    CAPTURE(noise);
    const Matrix<double> atoms = TestType::make(signal, 500, {.noise = noise, .seed = 3});
    const Vector<double> cosines = atoms.row(3);
    CHECK(cosines.mean() == Approx(1 / std::sqrt(1 + noise * noise)).epsilon(5e-3));
    CHECK(cosines.minCoeff() > 0.9 / std::sqrt(1 + noise * noise));
    // No two alike.
    const Matrix<double> gram = atoms.transpose() * atoms;
    CHECK((gram - Matrix<double>::Identity(500, 500)).maxCoeff() < 1 - 0.5 * noise * noise / 2);
  }
}

TEST_CASE("fewer signals than atoms are used in turn by signal_atoms", "[initial_atoms]") {
  // Orthogonal signals tell whose atom each is.
  Matrix<double> signals = Matrix<double>::Zero(6, 5);
  signals.leftCols(3) = 2 * Matrix<double>::Identity(6, 3);
  const Matrix<double> atoms = signal_atoms<double>(signals, 10, {.noise = 0.1, .seed = 4});
  std::vector<int> uses(3, 0);
  for (Index i = 0; i < 10; ++i) {
    Index nearest;
    CHECK(atoms.col(i).maxCoeff(&nearest) > 0.9);
    REQUIRE(nearest < 3);
    ++uses[static_cast<std::size_t>(nearest)];
  }
  std::sort(uses.begin(), uses.end());
  CHECK(uses == std::vector<int>{3, 3, 4});
}

TEST_CASE("signal_atoms chooses every signal as often as any other", "[initial_atoms]") {
  // 3 of 6 in 2000 draws: 1000 each, with a standard deviation of 22.
  const Matrix<double> signals = Matrix<double>::Identity(6, 6);
  Vector<double> counts = Vector<double>::Zero(6);
  for (std::uint64_t seed = 0; seed < 2000; ++seed)
    counts += signal_atoms<double>(signals, 3, {.noise = 0, .seed = seed}).rowwise().sum();
  CHECK(counts.minCoeff() > 1000 - 5 * 22);
  CHECK(counts.maxCoeff() < 1000 + 5 * 22);
}

TEST_CASE("spread_atoms takes every orthogonal cluster once", "[initial_atoms]") {
  // Eight directions of 1 to 128 signals each, of different lengths and signs. A direction that has
  // an atom has nothing left, so no draw can take it twice; signals by lot would take the last one
  // every other time.
  Matrix<double> signals = Matrix<double>::Zero(8, 255);
  Index column = 0;
  for (Index cluster = 0; cluster < 8; ++cluster)
    for (Index i = 0; i < (Index{1} << cluster); ++i, ++column)
      signals(cluster, column) = (i % 2 == 0 ? 1 : -1) * (1 + static_cast<double>(i % 5));
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    const Matrix<double> atoms = spread_atoms<double>(signals, 8, {.noise = 0, .seed = seed});
    const Matrix<float> of_float =
        spread_atoms<float>(signals.cast<float>(), 8, {.noise = 0, .seed = seed});
    REQUIRE((atoms.cwiseAbs().rowwise().sum().array() == 1).all());
    REQUIRE((of_float.cwiseAbs().rowwise().sum().array() == 1).all());
  }
  // By lot they collide: the chance that none do is 7e-7.
  const Matrix<double> by_lot = signal_atoms<double>(signals, 8, {.noise = 0, .seed = 1});
  CHECK((by_lot.cwiseAbs().rowwise().sum().array() > 1).any());

  // Clusters of some width: their signals lie a squared angle of .0044 apart, which is what an atom
  // at one leaves of the others.
  Matrix<double> thick = 4 * Matrix<double>::Identity(8, 8).replicate(1, 30);
  thick += 4 * 0.05 / std::sqrt(8.0) * random_normal<double>(8, 240, 7);
  int complete = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Matrix<double> atoms = spread_atoms<double>(thick, 8, {.noise = 0.01, .seed = seed});
    if (((atoms.cwiseAbs().array() > 0.9).cast<int>().rowwise().sum() == 1).all()) ++complete;
  }
  // With l clusters left the next atom goes to one of them with probability
  // l / (l + .0044 (8 - l)), to all with .94: 47 of 50 seeds, with a standard deviation of 1.7.
  CHECK(complete >= 41);
}

TEST_CASE("spread_atoms draws by the energy that is left", "[initial_atoms]") {
  // The first atom is e_0 with probability 9 / 10; the second is the other.
  Matrix<double> signals(2, 2);
  signals << 3, 0, 0, 1;
  int long_first = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Matrix<double> atoms = spread_atoms<double>(signals, 2, {.noise = 0, .seed = seed});
    REQUIRE((atoms.rowwise().sum().array() == 1).all());
    if (atoms(0, 0) == 1) ++long_first;
  }
  // 1800, with a standard deviation of 13.4.
  CHECK(std::abs(long_first - 1800) < 5 * 13.4);
  // Where nothing is left signals go by lot: all four atoms are one of the two.
  const Matrix<double> more = spread_atoms<double>(signals, 4, {.noise = 1e-9, .seed = 1});
  CHECK((more.colwise().maxCoeff().array() > 1 - 1e-15).all());
}

TEMPLATE_TEST_CASE("initial atoms refuse by name what has no answer", "[initial_atoms]",
                   SignalAtoms, SpreadAtoms) {
  const std::string where = TestType::name;
  const Matrix<double> signals = Matrix<double>::Identity(4, 3);
  const auto refusal = [](const Matrix<double>& x, Index num_atoms, double noise) {
    return message_of([&] { (void)TestType::make(x, num_atoms, {.noise = noise}); });
  };
  CHECK(refusal(signals, 0, 0.1) == where + ": num_atoms must be at least 1, is 0");
  CHECK(refusal(signals, 2, -0.5) == where + ": noise must be finite and at least 0, is -0.5");
  CHECK(refusal(signals, 2, std::numeric_limits<double>::infinity()) ==
        where + ": noise must be finite and at least 0, is inf");
  CHECK(refusal(Matrix<double>::Zero(4, 3), 2, 0.1) == where + ": every signal is 0");
  CHECK(refusal(Matrix<double>(4, 0), 2, 0.1) == where + ": every signal is 0");
  CHECK(refusal(signals, 4, 0) ==
        where + ": without noise 4 atoms need as many signals that are not 0, there are 3");
  Matrix<double> spoilt = signals;
  spoilt(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK(refusal(spoilt, 2, 0.1) == where + ": signals column 2 holds a NaN or an infinity");
  CHECK(refusal(signals, 3, 0).empty());
}
