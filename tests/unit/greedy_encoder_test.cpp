// SPDX-License-Identifier: MIT
// Greedy encoders, thresholds and local competition against their definitions, brute force and
// theory.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using Dense = DenseDictionary<double>;
using Prepared = PreparedDictionary<Dense>;
using Iht = IterativeHardThresholding;
using Support = std::vector<Index>;

double largest_entry(const Matrix<double>& difference) {
  return difference.size() > 0 ? difference.cwiseAbs().maxCoeff() : 0.0;
}

/// Unit atoms, or atoms of lengths from 0.5 to 2.
Dense gaussian(Index dim, Index num_atoms, std::uint64_t seed, bool unit = true) {
  Matrix<double> atoms = gaussian_dictionary<double>(dim, num_atoms, seed);
  if (!unit)
    for (Index j = 0; j < num_atoms; ++j)
      atoms.col(j) *= 0.5 + 1.5 * double(j) / double(std::max<Index>(1, num_atoms - 1));
  return Dense(atoms);
}

/// sqrt(size) times a Hadamard matrix, with the identity beside it: coherence 1/sqrt(size).
Dense spikes_and_waves(Index size) {
  Matrix<double> atoms = Matrix<double>::Identity(size, 2 * size);
  for (Index i = 0; i < size; ++i)
    for (Index j = 0; j < size; ++j)
      atoms(i, size + j) =
          (__builtin_popcountll(static_cast<unsigned long long>(i & j)) % 2 ? -1.0 : 1.0) /
          std::sqrt(double(size));
  return Dense(atoms);
}

Support support_of(const Vector<double>& code) {
  Support support;
  for (Index i = 0; i < code.size(); ++i)
    if (code[i] != 0) support.push_back(i);
  return support;
}

/// Least squares on a support by the normal equations; the weights are empty where it is dependent.
Vector<double> least_squares(const Matrix<double>& atoms, const Support& support,
                             const Vector<double>& x) {
  const Matrix<double> chosen = atoms(Eigen::all, support);
  const Matrix<double> gram = chosen.transpose() * chosen;
  const auto factor = gram.ldlt();
  if (!(factor.vectorD().minCoeff() > 1e-12)) return {};
  return factor.solve(chosen.transpose() * x);
}

/// The least ||x - D s||^2 / 2 over codes of at most k entries, by trying all masks of atoms.
double brute_force(const Matrix<double>& atoms, const Vector<double>& x, Index k,
                   bool nonnegative) {
  double best = 0.5 * x.squaredNorm();
  for (unsigned mask = 1; mask < 1U << atoms.cols(); ++mask) {
    if (__builtin_popcount(mask) > k) continue;
    Support support;
    for (Index i = 0; i < atoms.cols(); ++i)
      if (mask >> i & 1U) support.push_back(i);
    const Vector<double> weights = least_squares(atoms, support, x);
    if (weights.size() == 0 || (nonnegative && weights.minCoeff() < 0)) continue;
    best = std::min(best, 0.5 * (x - atoms(Eigen::all, support) * weights).squaredNorm());
  }
  return best;
}

/// An encoder behind one call, so that laws over many are compiled once.
struct Named {
  std::string name;
  std::function<Matrix<double>(const Dense&, const Matrix<double>&)> encode;
};
template <class E>
Named named(std::string name, E encoder) {
  return {std::move(name), [encoder](const Dense& d, const Matrix<double>& x) {
            return Matrix<double>(encoder.encode(d, x));
          }};
}

/// Every encoder of the library that gives codes of k entries.
std::vector<Named> sparse_encoders(Index k, bool nonnegative) {
  std::vector<Named> list{
      named("marginal", MarginalThreshold({.k = k, .nonnegative = nonnegative})),
      named("matching pursuit", MatchingPursuit({.k = k, .nonnegative = nonnegative})),
      named("hard thresholding", Iht({.k = k, .nonnegative = nonnegative})),
      named("cosamp", Cosamp({.k = k, .nonnegative = nonnegative})),
      named("exhaustive", ExhaustiveSearch({.k = k, .nonnegative = nonnegative}))};
  if (nonnegative) {
    const Truncated cut(Fista(NonnegativeL1(0.05)), k);
    list.push_back(named("truncated", cut));
    list.push_back(named("debiased", Debiased(cut, {.nonnegative = true})));
    list.push_back(
        named("debiased twice over",
              Debiased(Truncated(Debiased(Fista(NonnegativeL1(0.05))), k), {.nonnegative = true})));
  } else {
    const Truncated cut(Fista(L1(0.05)), k);
    list.push_back(named("pursuit", OrthogonalMatchingPursuit({.k = k})));
    list.push_back(named("truncated", cut));
    list.push_back(named("debiased", Debiased(cut)));
  }
  return list;
}

/// Codes of k entries between 0.1 and 1.1 in size.
Matrix<double> planted(Index num_atoms, Index k, Index n, std::uint64_t seed, bool nonnegative) {
  Matrix<double> codes = Matrix<double>::Zero(num_atoms, n);
  for (Index j = 0; j < n; ++j) {
    RandomStream random(seed, static_cast<std::uint64_t>(j));
    for (const Index i : random.choose(num_atoms, k))
      codes(i, j) = (!nonnegative && random.uniform<double>() < 0.5 ? -1 : 1) *
                    (0.1 + random.uniform<double>());
  }
  return codes;
}

}  // namespace

// ---- laws of all of them ------------------------------------------------------------------------

TEST_CASE("ExhaustiveSearch is never beaten at its own number of entries", "[greedy][exhaustive]") {
  const bool nonnegative = GENERATE(false, true);
  std::vector<Index> beaten(16, 0);
  Index problems = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Index dim = 2 + Index(seed % 5), num_atoms = dim + Index(seed % 4),
                k = 1 + Index(seed % 3);
    CAPTURE(nonnegative, seed, dim, num_atoms, k);
    const Dense d = gaussian(dim, num_atoms, 1000 + seed, seed % 2 == 0);
    const Matrix<double> x = random_normal<double>(dim, 10, 2000 + seed);
    const auto best = ExhaustiveSearch({.k = k, .nonnegative = nonnegative}).solve(d, x);
    const std::vector<Named> all = sparse_encoders(k, nonnegative);
    for (std::size_t e = 0; e < all.size(); ++e) {
      INFO(all[e].name);
      const Matrix<double> codes = all[e].encode(d, x);
      for (Index j = 0; j < x.cols(); ++j) {
        REQUIRE(static_cast<Index>(support_of(codes.col(j)).size()) <= k);
        if (nonnegative) REQUIRE(codes.col(j).minCoeff() >= 0);
        const double energy = 0.5 * x.col(j).squaredNorm();
        const double objective = 0.5 * (x.col(j) - d.atoms() * codes.col(j)).squaredNorm();
        REQUIRE(objective >= best.objective[j] - 1e-13 * energy);
        beaten[e] += objective > best.objective[j] + 1e-6 * energy;
      }
    }
    problems += x.cols();
  }
  // It does beat them: each but itself was worse on some, and none on all but that which a penalty
  // biases everywhere.
  const std::vector<Named> all = sparse_encoders(1, nonnegative);
  for (std::size_t e = 0; e < all.size(); ++e) {
    INFO(all[e].name);
    if (all[e].name == "exhaustive")
      CHECK(beaten[e] == 0);
    else
      CHECK((beaten[e] > 0 && (beaten[e] < problems || all[e].name == "truncated")));
  }
}

TEST_CASE("greedy codes follow a permutation of the atoms and a scale of the signal", "[greedy]") {
  const bool nonnegative = GENERATE(false, true);
  const Index dim = 10, num_atoms = 16, k = 3;
  const Dense d = gaussian(dim, num_atoms, 31, false);
  const Matrix<double> x = random_normal<double>(dim, 40, 32);
  RandomStream random(33);
  const std::vector<Index> order = random.choose(num_atoms, num_atoms);
  const Dense permuted(Matrix<double>(d.atoms()(Eigen::all, order)));
  for (const Named& encoder : sparse_encoders(k, nonnegative)) {
    CAPTURE(encoder.name, nonnegative);
    const Matrix<double> codes = encoder.encode(d, x);
    const Matrix<double> elsewhere = encoder.encode(permuted, x);
    CHECK(largest_entry(elsewhere - Matrix<double>(codes(order, Eigen::all))) < 1e-9);
    // A penalty has a scale of its own; every other encoder has none.
    if (encoder.name.starts_with("truncated") || encoder.name.starts_with("debiased")) continue;
    CHECK(largest_entry(encoder.encode(d, 1024.0 * x) - 1024.0 * codes) < 1e-9);
    CHECK(largest_entry(encoder.encode(d, 0x1p-60 * x) - 0x1p-60 * codes) < 0x1p-60 * 1e-9);
    // Longer atoms, shorter codes: but for what keeps the largest entries of a code, where the
    // length of an atom counts.
    const Dense longer(Matrix<double>(8.0 * d.atoms()));
    if (encoder.name != "marginal")
      CHECK(largest_entry(encoder.encode(longer, x) - codes / 8.0) < 1e-9);
    if (!nonnegative) CHECK(largest_entry(encoder.encode(d, -x) + codes) < 1e-9);
  }
}

TEST_CASE("greedy encoders answer where there is little to choose", "[greedy]") {
  const bool nonnegative = GENERATE(false, true);
  CAPTURE(nonnegative);
  Matrix<double> atoms(3, 5);
  atoms << 0, 1, 1, 0, 0,  //
      0, 0, 0, 1, 0,       //
      0, 0, 0, 0, 0;
  const Dense degenerate(atoms);  // a zero, a pair of copies, and atoms that miss a dimension
  Matrix<double> x(3, 2);
  x << 1, 0,  //
      2, 0,   //
      3, 0;
  for (const Index k : {2, 5, 50}) {
    for (const Named& encoder : sparse_encoders(k, nonnegative)) {
      CAPTURE(k, encoder.name);
      const Matrix<double> codes = encoder.encode(degenerate, x);
      REQUIRE(codes.allFinite());
      CHECK(codes.col(1).isZero(0));
      CHECK(codes.row(0).isZero(0));
      CHECK(codes.row(4).isZero(0));
      // The marginal one sees two signals where the copies are, and a penalty shares it among them.
      const double error = (x.col(0) - atoms * codes.col(0)).head(2).norm();
      if (encoder.name != "marginal" && encoder.name != "truncated") CHECK(error < 1e-3);
      const Matrix<double> nothing = encoder.encode(degenerate, Matrix<double>(3, 0));
      CHECK((nothing.rows() == 5 && nothing.cols() == 0));
    }
  }
  // The code that needs fewest entries, and of equal ones the lower atom.
  const auto best = ExhaustiveSearch({.k = 4, .nonnegative = nonnegative}).encode(degenerate, x);
  CHECK(support_of(Matrix<double>(best).col(0)) == Support{1, 3});
}

TEST_CASE("codes are found where the coherence is low", "[greedy]") {
  const bool nonnegative = GENERATE(false, true);
  // Coherence 1/8 and k = 3 < (1 + 8) / 2.
  const Dense d = spikes_and_waves(64);
  const Matrix<double> codes = planted(128, 3, 40, 41, nonnegative);
  const Matrix<double> x = d.decode(codes);
  const auto error = [&](const SparseCodes<double>& found) {
    return largest_entry(Matrix<double>(found) - codes);
  };
  CHECK(error(Iht({.k = 3, .tolerance = 0, .nonnegative = nonnegative}).encode(d, x)) < 1e-12);
  CHECK(error(Cosamp({.k = 3, .nonnegative = nonnegative}).encode(d, x)) < 1e-12);
  // A non-negative pursuit cannot take back what it gave an atom too much.
  if (!nonnegative) CHECK(error(MatchingPursuit({.k = 2000}).encode(d, x)) < 1e-12);
  for (const Status status : Cosamp({.k = 3}).solve(d, x).status)
    CHECK(status == Status::converged);
  for (const Status status : Iht({.k = 3}).solve(d, x).status) CHECK(status == Status::converged);
}

// ---- marginal threshold -------------------------------------------------------------------------

TEST_CASE("MarginalThreshold is D^T x, shrunk and cut", "[marginal_threshold]") {
  const Dense d = gaussian(6, 11, 51, false);
  const Matrix<double> x = random_normal<double>(6, 300, 52);
  const Matrix<double> c = d.correlate(x);
  for (const bool nonnegative : {false, true})
    for (const double threshold : {0.0, 0.4})
      for (const Index k : {0, 1, 3, 40}) {
        CAPTURE(nonnegative, threshold, k);
        const MarginalThreshold encoder(
            {.threshold = threshold, .k = k, .nonnegative = nonnegative});
        const auto solution = encoder.solve(d, x);
        const Matrix<double> codes = solution.codes;
        for (Index j = 0; j < x.cols(); ++j) {
          Vector<double> expected(11);
          for (Index i = 0; i < 11; ++i) {
            const double left = (nonnegative ? c(i, j) : std::abs(c(i, j))) - threshold;
            expected[i] = left > 0 ? std::copysign(left, c(i, j)) : 0.0;
          }
          Vector<double> sizes = expected.cwiseAbs();
          std::sort(sizes.begin(), sizes.end(), std::greater<>());
          if (k > 0 && k < 11)
            for (double& value : expected)
              if (std::abs(value) < sizes[k - 1]) value = 0;
          REQUIRE(largest_entry(codes.col(j) - expected) < 1e-14);
        }
        CHECK(solution.flops[7] == 2 * 6 * 11 + (threshold > 0 ? 11 : 0));
        CHECK(solution.setup_flops == 0);
      }
  CHECK(message_of([] { MarginalThreshold({.threshold = -1}); }) ==
        "MarginalThreshold: threshold must be finite and at least 0, is -1");
  CHECK(message_of([] { MarginalThreshold({.k = -1}); }) ==
        "MarginalThreshold: k must be at least 0, is -1");
  CHECK(message_of([] { MarginalThreshold({.threads = -1}); }) ==
        "MarginalThreshold: threads must be at least 0, is -1");
}

TEST_CASE("MarginalThreshold is exact on an orthonormal dictionary", "[marginal_threshold]") {
  const Dense d(Matrix<double>(spikes_and_waves(16).atoms().rightCols(16)));
  const Matrix<double> x = random_normal<double>(16, 30, 53);
  const auto close = [](const Matrix<double>& a, const Matrix<double>& b) {
    return largest_entry(a - b) < 1e-7;
  };
  CHECK(close(MarginalThreshold({.threshold = 0.3, .nonnegative = false}).encode(d, x),
              Fista(L1(0.3), {.tolerance = 1e-15}).encode(d, x)));
  CHECK(close(MarginalThreshold({.threshold = 0.3}).encode(d, x),
              Fista(NonnegativeL1(0.3), {.tolerance = 1e-15}).encode(d, x)));
  CHECK(close(MarginalThreshold({.k = 3}).encode(d, x),
              ExhaustiveSearch({.k = 3, .nonnegative = true}).encode(d, x)));
  CHECK(close(MarginalThreshold({.k = 3, .nonnegative = false}).encode(d, x),
              ExhaustiveSearch({.k = 3}).encode(d, x)));
}

// ---- matching pursuit ---------------------------------------------------------------------------

TEST_CASE("MatchingPursuit chooses as its definition reads", "[matching_pursuit]") {
  const bool nonnegative = GENERATE(false, true), unit = GENERATE(true, false);
  CAPTURE(nonnegative, unit);
  const Dense d = gaussian(6, 14, 61, unit);
  const Prepared prepared(d);
  const Matrix<double> x = random_normal<double>(6, 70, 62);
  Matrix<double> s = Matrix<double>::Zero(14, 70), r = x;
  bool twice = false;
  for (Index k = 1; k <= 12; ++k) {
    CAPTURE(k);
    const Matrix<double> before = r;
    for (Index j = 0; j < x.cols(); ++j) {
      const Vector<double> along =
          (d.atoms().transpose() * r.col(j)).cwiseQuotient(d.atoms().colwise().norm().transpose());
      Index best = 0;
      const double most = nonnegative ? along.maxCoeff(&best) : along.cwiseAbs().maxCoeff(&best);
      if (!(most > 0)) continue;
      const double weight = along[best] / d.atoms().col(best).norm();
      twice = twice || s(best, j) != 0;
      s(best, j) += weight;
      r.col(j) -= weight * d.atoms().col(best);
      // Each choice lowers the energy by the square of the correlation.
      REQUIRE(before.col(j).squaredNorm() - r.col(j).squaredNorm() ==
              Approx(most * most).margin(1e-13));
    }
    const MatchingPursuit pursuit({.k = k, .nonnegative = nonnegative});
    const auto solution = pursuit.solve(d, x);
    CHECK(largest_entry(Matrix<double>(solution.codes) - s) < 1e-12);
    CHECK(largest_entry(Matrix<double>(pursuit.encode(prepared, x)) - s) < 1e-12);
    for (Index j = 0; j < x.cols(); ++j)
      REQUIRE(solution.objective[j] == Approx(0.5 * r.col(j).squaredNorm()).epsilon(1e-10));
    if (!nonnegative) {
      CHECK(solution.iterations[3] == k);
      CHECK(solution.status[3] == Status::completed);
      CHECK(solution.flops[3] == k * (2 * 6 * 14 + 14 + 3 + 2 * 6));
      CHECK(pursuit.solve(prepared, x).flops[3] == 2 * 6 * 14 + k * (14 + 3) + (k - 1) * 2 * 14);
      CHECK(solution.setup_flops == 14 * (2 * 6 + 2));
    }
  }
  CHECK(twice);  // of these signals, one chose an atom again
}

TEST_CASE("MatchingPursuit stops where nothing is left", "[matching_pursuit]") {
  const Dense d = gaussian(4, 9, 63);
  const Prepared prepared(d);
  const Matrix<double> x = random_normal<double>(4, 20, 64);
  const auto check = [&](const auto& dictionary) {
    // Geometric decay: x is in the span.
    const auto far = MatchingPursuit({.k = 5000, .tolerance = 1e-9}).solve(dictionary, x);
    const auto near = MatchingPursuit({.k = 5000, .tolerance = 0.1}).solve(dictionary, x);
    for (Index j = 0; j < x.cols(); ++j) {
      const auto here = static_cast<std::size_t>(j);
      REQUIRE(far.status[here] == Status::converged);
      REQUIRE(near.status[here] == Status::converged);
      const double energy = 0.5 * x.col(j).squaredNorm();
      REQUIRE(far.objective[j] <= 1.01e-18 * energy);
      REQUIRE(near.objective[j] <= 0.01 * energy);
      // One choice fewer was not enough.
      if (near.iterations[here] == 1) continue;
      const auto before =
          MatchingPursuit({.k = near.iterations[here] - 1}).solve(dictionary, x.col(j));
      REQUIRE(before.objective[0] > 0.01 * energy);
    }
    // Non-negative: it ends where every correlation is at most 0.
    const auto nonnegative = MatchingPursuit({.k = 5000, .nonnegative = true}).solve(dictionary, x);
    for (Index j = 0; j < x.cols(); ++j) {
      const Vector<double> c =
          d.atoms().transpose() * (x.col(j) - d.decode(nonnegative.codes).col(j));
      REQUIRE(c.maxCoeff() <= 1e-13 * x.col(j).norm());
    }
  };
  check(d);
  check(prepared);
  const auto zero = MatchingPursuit({.k = 3}).solve(d, Matrix<double>::Zero(4, 1));
  CHECK(zero.status[0] == Status::converged);
  CHECK(zero.iterations[0] == 0);
  CHECK(message_of([] { MatchingPursuit({.k = 0}); }) ==
        "MatchingPursuit: k must be at least 1, is 0");
  CHECK(message_of([] { MatchingPursuit({.k = 1, .tolerance = -1}); }) ==
        "MatchingPursuit: tolerance must be finite and at least 0, is -1");
  CHECK(message_of([] { MatchingPursuit({.k = 1, .threads = -1}); }) ==
        "MatchingPursuit: threads must be at least 0, is -1");
}

// ---- iterative hard thresholding ----------------------------------------------------------------

TEST_CASE("IterativeHardThresholding descends to a fixed point", "[iht]") {
  const bool nonnegative = GENERATE(false, true);
  const double scale = GENERATE(1.0, 50.0, 0.01);
  CAPTURE(nonnegative, scale);
  const Dense d(Matrix<double>(scale * gaussian(8, 20, 71, false).atoms()));
  const Matrix<double> x = random_normal<double>(8, 60, 72);
  Vector<double> last = Vector<double>::Constant(60, std::numeric_limits<double>::infinity());
  for (Index steps = 0; steps <= 30; ++steps) {
    const auto solution =
        Iht({.k = 4, .tolerance = 0, .max_iterations = steps, .nonnegative = nonnegative})
            .solve(d, x);
    for (Index j = 0; j < 60; ++j)
      REQUIRE(solution.objective[j] <= last[j] + 1e-14 * x.col(j).squaredNorm());
    if (steps == 0) {
      CHECK(solution.codes.nonZeros() == 0);
      CHECK(solution.status[5] == Status::max_iterations);
    }
    last = solution.objective;
  }
  const auto end =
      Iht({.k = 4, .tolerance = 0, .max_iterations = 100000, .nonnegative = nonnegative})
          .solve(d, x);
  const Matrix<double> codes = end.codes;
  for (Index j = 0; j < 60; ++j) {
    CAPTURE(j);
    REQUIRE(end.status[static_cast<std::size_t>(j)] == Status::converged);
    // On the support nothing is left; elsewhere a step of the least curvature there would not get
    // in.
    const Vector<double> c = d.atoms().transpose() * (x.col(j) - d.atoms() * codes.col(j));
    for (const Index i : support_of(codes.col(j)))
      REQUIRE(std::abs(c[i]) < 1e-6 * d.atoms().col(i).norm() * x.col(j).norm());
  }
  // The tolerance is on the fall of the residual.
  const auto loose = Iht({.k = 4, .tolerance = 0.01, .nonnegative = nonnegative}).solve(d, x);
  for (Index j = 0; j < 60; ++j) {
    const auto here = static_cast<std::size_t>(j);
    REQUIRE(loose.status[here] == Status::converged);
    REQUIRE(loose.iterations[here] >= 1);
    const auto fewer = Iht({.k = 4,
                            .tolerance = 0,
                            .max_iterations = loose.iterations[here] - 1,
                            .nonnegative = nonnegative})
                           .solve(d, x.col(j));
    const double fall = std::sqrt(2 * fewer.objective[0]) - std::sqrt(2 * loose.objective[j]);
    REQUIRE(fall <= 0.01 * x.col(j).norm());
  }
}

TEST_CASE("the first step of IterativeHardThresholding is as published", "[iht]") {
  const Dense d = gaussian(8, 20, 73, false);
  const Matrix<double> x = random_normal<double>(8, 30, 74);
  const Matrix<double> c = d.correlate(x);
  const auto solution = Iht({.k = 3, .max_iterations = 1}).solve(d, x);
  const Matrix<double> largest = MarginalThreshold({.k = 3, .nonnegative = false}).encode(d, x);
  for (Index j = 0; j < x.cols(); ++j) {
    const Vector<double> g = largest.col(j);
    const double step = g.squaredNorm() / (d.atoms() * g).squaredNorm();
    REQUIRE(largest_entry(Matrix<double>(solution.codes).col(j) - step * g) < 1e-12);
    // D^T x and D^T r; spreading on three atoms, and the residual of three.
    REQUIRE(solution.flops[static_cast<std::size_t>(j)] ==
            2 * (2 * 8 * 20) + (2 * (8 + 1) * 3 + 2 * 8 + 1) + (20 + 2 * 8 * 3) + 2 * 8);
  }
  CHECK(message_of([] { Iht({.k = 0}); }) ==
        "IterativeHardThresholding: k must be at least 1, is 0");
  CHECK(message_of([] { Iht({.k = 1, .tolerance = -1}); }) ==
        "IterativeHardThresholding: tolerance must be finite and at least 0, is -1");
  CHECK(message_of([] { Iht({.k = 1, .max_iterations = -1}); }) ==
        "IterativeHardThresholding: max_iterations must be at least 0, is -1");
  CHECK(message_of([] { Iht({.k = 1, .threads = -1}); }) ==
        "IterativeHardThresholding: threads must be at least 0, is -1");
}

// ---- CoSaMP -------------------------------------------------------------------------------------

TEST_CASE("Cosamp fits its support and its residual falls", "[cosamp]") {
  const bool nonnegative = GENERATE(false, true);
  const Index k = GENERATE(1, 3, 5);
  CAPTURE(nonnegative, k);
  const Dense d = gaussian(12, 30, 81, false);
  const Matrix<double> x = random_normal<double>(12, 60, 82);
  Vector<double> last = 0.5 * x.colwise().squaredNorm().transpose();
  for (const Index iterations : {0, 1, 2, 3, 100}) {
    const auto solution =
        Cosamp({.k = k, .max_iterations = iterations, .nonnegative = nonnegative}).solve(d, x);
    const Matrix<double> codes = solution.codes;
    for (Index j = 0; j < x.cols(); ++j) {
      REQUIRE(solution.objective[j] <= last[j] * (1 + 1e-12));
      const Vector<double> c = d.atoms().transpose() * (x.col(j) - d.atoms() * codes.col(j));
      for (const Index i : support_of(codes.col(j))) REQUIRE(std::abs(c[i]) < 1e-12);
      if (iterations == 0) REQUIRE(codes.col(j).isZero(0));
      if (iterations == 100)
        REQUIRE(solution.status[static_cast<std::size_t>(j)] == Status::converged);
    }
    last = solution.objective;
  }
  // The first iteration by the definition: 2k atoms, fitted, cut to k, fitted again.
  if (!nonnegative) {
    const Matrix<double> c = d.correlate(x);
    const auto first = Cosamp({.k = k, .max_iterations = 1}).solve(d, x);
    for (Index j = 0; j < x.cols(); ++j) {
      const auto largest = [](const Vector<double>& values, Index count) {
        Support order(static_cast<std::size_t>(values.size()));
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = Index(i);
        std::sort(order.begin(), order.end(),
                  [&](Index a, Index b) { return std::abs(values[a]) > std::abs(values[b]); });
        order.resize(static_cast<std::size_t>(count));
        return order;
      };
      const Support wide = largest(c.col(j), 2 * k);
      Support narrow;
      for (const Index i : largest(least_squares(d.atoms(), wide, x.col(j)), k))
        narrow.push_back(wide[static_cast<std::size_t>(i)]);
      std::sort(narrow.begin(), narrow.end());
      REQUIRE(support_of(Matrix<double>(first.codes).col(j)) == narrow);
    }
  }
  const auto tolerant = Cosamp({.k = 5, .tolerance = 0.9}).solve(d, x);
  for (Index j = 0; j < x.cols(); ++j) REQUIRE(tolerant.iterations[std::size_t(j)] <= 1);
  CHECK(message_of([] { Cosamp({.k = 0}); }) == "Cosamp: k must be at least 1, is 0");
  CHECK(message_of([] { Cosamp({.k = 1, .tolerance = -1}); }) ==
        "Cosamp: tolerance must be finite and at least 0, is -1");
  CHECK(message_of([] { Cosamp({.k = 1, .max_iterations = -1}); }) ==
        "Cosamp: max_iterations must be at least 0, is -1");
  CHECK(message_of([] { Cosamp({.k = 1, .threads = -1}); }) ==
        "Cosamp: threads must be at least 0, is -1");
}

// ---- exhaustive search --------------------------------------------------------------------------

TEST_CASE("ExhaustiveSearch finds what trying all masks finds", "[exhaustive]") {
  const bool nonnegative = GENERATE(false, true);
  const Index k = GENERATE(1, 2, 3, 4);
  CAPTURE(nonnegative, k);
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    Matrix<double> atoms = gaussian(4, 7, 100 + seed, false).atoms();
    if (seed % 2 == 1) atoms.col(5) = -2.0 * atoms.col(1);  // a dependent pair
    if (seed == 5) atoms.row(3) = atoms.row(2);             // rank 3
    const Dense d(atoms);
    const Matrix<double> x = random_normal<double>(4, 20, 200 + seed);
    const auto best = ExhaustiveSearch({.k = k, .nonnegative = nonnegative}).solve(d, x);
    for (Index j = 0; j < x.cols(); ++j) {
      CAPTURE(seed, j);
      REQUIRE(best.objective[j] ==
              Approx(brute_force(atoms, x.col(j), k, nonnegative)).epsilon(1e-10).margin(1e-13));
    }
  }
}

TEST_CASE("ExhaustiveSearch recovers every code that is the sparsest", "[exhaustive]") {
  // Any 2 k atoms of a Gaussian dictionary of dim >= 2 k are independent: no other code fits.
  const SyntheticModel<float> model({.dim = 8, .num_atoms = 16, .num_active = 3}, 7);
  const auto data = model.sample(2000, 8);
  const DenseDictionary<float> d(model.atoms());
  for (const bool nonnegative : {false, true}) {
    const auto solution =
        ExhaustiveSearch({.k = 3, .nonnegative = nonnegative}).solve(d, data.signals);
    Index wrong = 0;
    for (Index j = 0; j < 2000; ++j) {
      const Vector<float> error =
          Vector<float>(solution.codes.col(j)) - Vector<float>(data.codes.col(j));
      wrong += error.cwiseAbs().maxCoeff() > 1e-4F;
    }
    // In float a code can be within rounding of another.
    CHECK(wrong <= 2);
    CHECK(solution.iterations[0] == 16 + 120 + 560);
    CHECK(solution.flops[0] ==
          // Every size walks its prefixes again.
          2 * 8 * 16 + 16 * 3 + (15 * 3 + 120 * 5) + (14 * 3 + 105 * 5 + 560 * 7) +
              (nonnegative ? 16 * 1 + 120 * 4 + 560 * 9 : 0));
  }
  // A signal of one atom gets one entry, not three.
  const auto one = ExhaustiveSearch({.k = 3}).encode(d, d.atoms());
  CHECK(one.nonZeros() == 16);
  CHECK((Matrix<float>(one) - Matrix<float>::Identity(16, 16)).cwiseAbs().maxCoeff() < 1e-6F);
}

TEST_CASE("ExhaustiveSearch refuses what would not end", "[exhaustive]") {
  CHECK(message_of([] { ExhaustiveSearch({.k = 0}); }) ==
        "ExhaustiveSearch: k must be at least 1, is 0");
  CHECK(message_of([] { ExhaustiveSearch({.k = 1, .threads = -1}); }) ==
        "ExhaustiveSearch: threads must be at least 0, is -1");
  const Matrix<double> x = Matrix<double>::Ones(64, 1);
  CHECK(
      message_of([&] { (void)ExhaustiveSearch({.k = 8}).encode(gaussian(64, 256, 1), x); }) ==
      "ExhaustiveSearch: k = 8 of 256 atoms has 2763520 supports of 3 atoms, more than the 1000000 "
      "that are tried");
  // The limit is on what is tried: choose(22, 22) = 1, but on the way there are 705,432.
  const Index tried = ExhaustiveSearch({.k = 64}).solve(gaussian(64, 10, 1), x).iterations[0];
  CHECK(tried == 1023);
}

// ---- local competition --------------------------------------------------------------------------

TEMPLATE_TEST_CASE("LocallyCompetitive settles where Fista ends", "[lca]", L1, NonnegativeL1) {
  struct Shape {
    Index dim, num_atoms;
    bool unit;
  };
  // Both forms of the drive; atoms longer and shorter than 1; a dictionary that needs a small step.
  const Shape shape = GENERATE(Shape{6, 10, true}, Shape{6, 10, false}, Shape{3, 12, false});
  const double lambda = GENERATE(0.05, 0.5);
  CAPTURE(shape.dim, shape.num_atoms, shape.unit, lambda);
  const Dense d = gaussian(shape.dim, shape.num_atoms, 91, shape.unit);
  const Matrix<double> x = random_normal<double>(shape.dim, 25, 92);
  const TestType penalty(lambda);
  const auto best = Fista(penalty, {.tolerance = 1e-12}).solve(d, x);
  const LocallyCompetitive lca(penalty, {.tolerance = 1e-9, .max_iterations = 200000});
  const auto settled = lca.solve(d, x);
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j);
    REQUIRE(settled.status[static_cast<std::size_t>(j)] == Status::converged);
    const double energy = 0.5 * x.col(j).squaredNorm();
    REQUIRE(settled.relative_gap[j] <= 1e-9);
    REQUIRE(settled.objective[j] - best.objective[j] >= -1e-12 * energy);
    REQUIRE(settled.objective[j] - best.objective[j] <= settled.gap[j] + 1e-12 * energy);
  }
  // Where the solution is unique, so are the codes; a gap g leaves them sqrt(g) away.
  if (shape.dim * 2 >= shape.num_atoms) CHECK(largest_entry(settled.codes - best.codes) < 1e-3);
  CHECK(largest_entry(settled.codes - lca.encode(d, x)) == 0);
  const test::MinimalDictionary<double> hidden(d.atoms());
  CHECK(largest_entry(settled.codes - lca.encode(hidden, x)) < 1e-6);

  // Downhill all the way, and sparse on the way.
  Vector<double> last = Vector<double>::Constant(25, std::numeric_limits<double>::infinity());
  for (Index steps = 0; steps < 60; ++steps) {
    const auto there =
        LocallyCompetitive(penalty, {.tolerance = 0, .max_iterations = steps}).solve(d, x);
    for (Index j = 0; j < 25; ++j) REQUIRE(there.objective[j] <= last[j] * (1 + 1e-13));
    REQUIRE(there.status[0] == Status::completed);
    REQUIRE(there.iterations[0] == steps);
    last = there.objective;
  }
}

TEST_CASE("LocallyCompetitive takes the steps of its equation", "[lca]") {
  const Dense d = gaussian(4, 6, 93, false);
  const Matrix<double> x = random_normal<double>(4, 5, 94);
  const Matrix<double> gram = d.atoms().transpose() * d.atoms();
  const auto soft = [](double v) { return std::copysign(std::max(std::abs(v) - 0.2, 0.0), v); };
  const auto hard = [](double v) { return std::abs(v) > 0.2 ? v : 0.0; };
  Matrix<double> u = Matrix<double>::Zero(6, 5), v = u;
  for (Index steps = 0; steps < 8; ++steps) {
    const LocallyCompetitiveOptions options{.step = 0.05, .tolerance = 0, .max_iterations = steps};
    const Matrix<double> s = u.unaryExpr(soft), h = v.unaryExpr(hard);
    CHECK(largest_entry(LocallyCompetitive(L1(0.2), options).encode(d, x) - s) < 1e-13);
    CHECK(largest_entry(LocallyCompetitive(HardThreshold{0.2}, options).encode(d, x) - h) < 1e-13);
    const Matrix<double> inhibition = gram - Matrix<double>::Identity(6, 6);
    u += 0.05 * (d.correlate(x) - u - inhibition * s);
    v += 0.05 * (d.correlate(x) - v - inhibition * h);
  }
  const auto flops = [&](Index num_atoms, auto threshold, Index steps) {
    return LocallyCompetitive(threshold, {.tolerance = 0, .max_iterations = steps})
        .solve(gaussian(4, num_atoms, 95), x)
        .flops[2];
  };
  CHECK(flops(8, L1(0.1), 7) == 2 * 4 * 8 + 7 * (2 * 64 + 8 + 6 * 8));
  CHECK(flops(9, HardThreshold{0.1}, 7) == 2 * 4 * 9 + 7 * (4 * 4 * 9 + 4 + 4 * 9));
}

TEST_CASE("LocallyCompetitive with a hard threshold settles where no atom speaks out of turn",
          "[lca]") {
  const bool nonnegative = GENERATE(false, true);
  CAPTURE(nonnegative);
  const Dense d = gaussian(8, 14, 96);
  const Matrix<double> x = random_normal<double>(8, 40, 97);
  const LocallyCompetitive lca(HardThreshold{.threshold = 0.3, .nonnegative = nonnegative},
                               {.tolerance = 1e-10, .max_iterations = 100000});
  const auto settled = lca.solve(d, x);
  Index converged = 0;
  for (Index j = 0; j < x.cols(); ++j) {
    const Vector<double> s = settled.codes.col(j);
    const Vector<double> r = x.col(j) - d.atoms() * s, c = d.atoms().transpose() * r;
    REQUIRE(std::isnan(settled.gap[j]));
    REQUIRE(settled.objective[j] ==
            Approx(0.5 * r.squaredNorm() + 0.045 * double(support_of(s).size())).epsilon(1e-12));
    if (settled.status[static_cast<std::size_t>(j)] != Status::converged) continue;
    ++converged;
    for (Index i = 0; i < s.size(); ++i) {
      if (s[i] != 0) {
        REQUIRE(std::abs(c[i]) < 1e-8);
        REQUIRE((nonnegative ? s[i] : std::abs(s[i])) > 0.3);
      } else {
        REQUIRE((nonnegative ? c[i] : std::abs(c[i])) < 0.3 + 1e-8);
      }
    }
  }
  CHECK(converged == x.cols());
  CHECK(largest_entry(settled.codes - lca.encode(d, x)) == 0);
  const auto zero = lca.solve(d, Matrix<double>::Zero(8, 1));
  CHECK(zero.status[0] == Status::converged);
  CHECK(zero.iterations[0] == 0);
  CHECK(zero.objective[0] == 0);
}

TEST_CASE("LocallyCompetitive refuses by name", "[lca]") {
  const auto refusal = [](LocallyCompetitiveOptions o) {
    return message_of([&] { LocallyCompetitive(L1(0.1), o); });
  };
  CHECK(refusal({.step = 1.5}) == "LocallyCompetitive: step must be in [0, 1], is 1.5");
  CHECK(refusal({.tolerance = -1}) ==
        "LocallyCompetitive: tolerance must be finite and at least 0, is -1");
  CHECK(refusal({.max_iterations = -1}) ==
        "LocallyCompetitive: max_iterations must be at least 0, is -1");
  CHECK(refusal({.check_every = 0}) == "LocallyCompetitive: check_every must be at least 1, is 0");
  CHECK(refusal({.threads = -1}) == "LocallyCompetitive: threads must be at least 0, is -1");
  CHECK(message_of([] { LocallyCompetitive(HardThreshold{-1}); }) ==
        "LocallyCompetitive: threshold must be finite and at least 0, is -1");
}
