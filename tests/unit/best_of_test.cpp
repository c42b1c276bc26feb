// SPDX-License-Identifier: MIT
// BestOf: of several codes the one that explains the signal best.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/best_of.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "laws/encoder_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using Dense = DenseDictionary<double>;
using Hidden = test::MinimalDictionary<double>;
// What is quick to compile of those that fail on different signals.
using Pursuit = Debiased<MatchingPursuit>;
using Thresholding = Debiased<IterativeHardThresholding>;
using Members = BestOf<Pursuit, Cosamp, Thresholding>;

constexpr Index dim = 8, num_atoms = 16, k = 3;

Members three(Index threads = 1) {
  const DebiasedOptions fit{.nonnegative = true, .threads = threads};
  return {{.k = k, .threads = threads},
          Pursuit(MatchingPursuit({.k = k, .nonnegative = true, .threads = threads}), fit),
          Cosamp({.k = k, .nonnegative = true, .threads = threads}),
          Thresholding(IterativeHardThresholding({.k = k, .nonnegative = true, .threads = threads}),
                       fit)};
}

SyntheticModel<double> model(std::uint64_t seed, double noise) {
  return {{.dim = dim, .num_atoms = num_atoms, .num_active = k, .noise = noise}, seed};
}

Vector<double> objectives(const Dense& d, const Matrix<double>& x, const Matrix<double>& codes) {
  return 0.5 * (x - d.atoms() * codes).colwise().squaredNorm().transpose();
}

/// A solver that says what it is told to.
struct Told {
  Matrix<double> codes;
  Status status = Status::completed;
  Index iterations = 0;
  std::int64_t flops = 0, setup_flops = 0;

  Matrix<double> encode(const Dense&, const MatrixArg<double>&) const { return codes; }
  Solution<Matrix<double>> solve(const Dense&, const MatrixArg<double>&) const {
    Solution<Matrix<double>> solution(codes.rows(), codes.cols());
    solution.codes = codes;
    std::fill(solution.status.begin(), solution.status.end(), status);
    std::fill(solution.iterations.begin(), solution.iterations.end(), iterations);
    std::fill(solution.flops.begin(), solution.flops.end(), flops);
    solution.setup_flops = setup_flops;
    return solution;
  }
};

struct ToldSparse {
  SparseCodes<double> codes;
  SparseCodes<double> encode(const Dense&, const MatrixArg<double>&) const { return codes; }
};

// Who fits whom: what all of them fit, and solved where all of them can be counted.
static_assert(SolverFor<Members, Dense> && not EncoderFor<Members, Hidden>);
static_assert(SolverFor<BestOf<MarginalThreshold, test::MinimalSolver>, Hidden>);
static_assert(SolverFor<BestOf<MarginalThreshold, LinearReluEncoder<double>>, Hidden>);
static_assert(EncoderFor<BestOf<MarginalThreshold, test::ZeroEncoder>, Hidden>);
static_assert(not SolverFor<BestOf<MarginalThreshold, test::ZeroEncoder>, Hidden>);
static_assert(not EncoderFor<BestOf<MarginalThreshold, LinearReluEncoder<float>>, Hidden>);
static_assert(std::same_as<CodesFor<BestOf<test::ZeroEncoder>, Hidden>, SparseCodes<double>>);

}  // namespace

TEST_CASE("BestOf gives each signal the code of the least objective", "[best_of]") {
  const auto source = model(3, 0.1);
  const Dense d(source.atoms());
  const Matrix<double> x = source.sample(300, 4).signals;
  const Members best = three();
  const SparseCodes<double> codes = best.encode(d, x);
  test::check_sparse_form(codes);
  const std::array<Matrix<double>, 3> all = {std::get<0>(best.encoders()).encode(d, x),
                                             std::get<1>(best.encoders()).encode(d, x),
                                             std::get<2>(best.encoders()).encode(d, x)};
  std::array<Vector<double>, 3> objective;
  for (std::size_t e = 0; e < 3; ++e) objective[e] = objectives(d, x, all[e]);
  std::array<Index, 3> alone{};
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j);
    const double least = std::min({objective[0][j], objective[1][j], objective[2][j]});
    bool found = false;
    for (std::size_t e = 0; e < 3; ++e) {
      const bool is_it = Vector<double>(codes.col(j)) == all[e].col(j);
      // Equal codes are summed in another order here.
      if (is_it) REQUIRE(objective[e][j] <= least + 1e-14);
      found = found || is_it;
      // Better than both others, by more than rounding.
      if (objective[e][j] + 1e-9 < std::min(objective[(e + 1) % 3][j], objective[(e + 2) % 3][j]))
        ++alone[e];
    }
    REQUIRE(found);
  }
  for (const Index signals : alone) CHECK(signals > 0);

  const auto solution = best.solve(d, x);
  CHECK(Matrix<double>(solution.codes) == Matrix<double>(codes));
  CHECK((solution.objective - objectives(d, x, codes)).cwiseAbs().maxCoeff() < 1e-14);
  CHECK((solution.gap.array().isNaN().all() && solution.relative_gap.array().isNaN().all()));
}

TEST_CASE("BestOf obeys the laws of encoders", "[best_of][laws]") {
  const auto source = model(5, 0.1);
  const Dense d(source.atoms());
  const Members one = three(), two = three(2);
  test::check_encoder_laws<double>({one, d}, source.sample(9, 6).signals, 1e-12);
  const Matrix<double> x = source.sample(600, 7).signals;
  test::check_thread_law<double>({one, d}, {two, d}, x, 1e-12);
  CHECK(one.solve(d, x).objective == two.solve(d, x).objective);
}

TEST_CASE("BestOf recovers every support that one of its encoders recovers", "[best_of]") {
  const auto source = model(11, 0);
  const Dense d(source.atoms());
  const auto sample = source.sample(200, 12);
  const Members best = three();
  const auto exact = [&](const Matrix<double>& codes) {
    std::vector<bool> is_exact;
    for (Index j = 0; j < codes.cols(); ++j)
      is_exact.push_back(
          ((codes.col(j).array() != 0) == (Matrix<double>(sample.codes).col(j).array() != 0))
              .all());
    return is_exact;
  };
  const auto recovered = exact(best.encode(d, sample.signals));
  std::vector<bool> by_any(200, false);
  std::ptrdiff_t most = 0;
  std::apply(
      [&](const auto&... encoder) {
        for (const auto& one : {exact(encoder.encode(d, sample.signals))...}) {
          most = std::max(most, std::count(one.begin(), one.end(), true));
          for (std::size_t j = 0; j < one.size(); ++j) by_any[j] = by_any[j] || one[j];
        }
      },
      best.encoders());
  // A residual of 0 is certain, so no code of another support is taken in its place.
  CHECK(recovered == by_any);
  CHECK(std::count(recovered.begin(), recovered.end(), true) > most);
}

TEST_CASE("BestOf knows ties and the bound on the entries", "[best_of]") {
  const Dense d(Matrix<double>::Identity(3, 3));
  Matrix<double> x(3, 3);
  x << 3, 1, 4,  //
      2, 1, 4,   //
      1, 0, 4;
  Matrix<double> one = Matrix<double>::Zero(3, 3), two = one, whole = x;
  one.row(0) = x.row(0);
  two.topRows(2) = x.topRows(2);
  // Without a bound, the densest; signal 1 is explained by two of them alike.
  const BestOf unbounded(Told{one, Status::converged}, Told{two, Status::max_iterations},
                         Told{whole, Status::precision_limit});
  auto solution = unbounded.solve(d, x);
  CHECK(Matrix<double>(solution.codes) == whole);
  CHECK(solution.status ==
        std::vector{Status::precision_limit, Status::max_iterations, Status::precision_limit});
  const auto bounded = [&](Index most) {
    return BestOf({.k = most}, unbounded, Told{one}, ToldSparse{whole.sparseView()}, Told{two})
        .encode(d, x);
  };
  // The inner one has 3, 2 and 3 entries: of at most 2 it has one.
  CHECK(Matrix<double>(bounded(0)) == whole);
  CHECK(Matrix<double>(bounded(2)) == two);
  CHECK(Matrix<double>(bounded(1)) == one);
  // Where every code has more, the best of all, whatever its place.
  const BestOf none({.k = 1}, Told{two}, Told{whole});
  CHECK(Matrix<double>(none.encode(d, x)) == whole);
  // Stored zeros are no entries, and leave no trace.
  SparseCodes<double> stored = whole.sparseView();
  for (Index j = 0; j < 3; ++j) stored.coeffRef(2, j) = 0;
  const auto cut = BestOf({.k = 2}, Told{one}, ToldSparse{stored}).encode(d, x);
  test::check_sparse_form(cut);
  CHECK(Matrix<double>(cut) == two);
}

TEST_CASE("BestOf accounts for all of its encoders and for choosing", "[best_of]") {
  const Dense d(Matrix<double>::Identity(4, 4));
  const Matrix<double> x = Matrix<double>::Ones(4, 2);
  Matrix<double> one = Matrix<double>::Zero(4, 2);
  one.row(0).setOnes();
  const LinearReluEncoder<double> linear(RandomWeights{.dim = 4, .num_atoms = 4, .seed = 1});
  const Index entries = (linear.encode(d, x).col(0).array() != 0).count();
  const auto solution =
      BestOf(Told{.codes = one, .iterations = 5, .flops = 70, .setup_flops = 900}, linear,
             Told{.codes = x, .iterations = 6, .flops = 80, .setup_flops = 1000})
          .solve(d, x);
  // The residuals: 2 dim an entry and 2 dim for their lengths.
  const std::int64_t choosing = 2 * 4 * ((1 + 1) + (entries + 1) + (4 + 1));
  CHECK(solution.flops ==
        std::vector<std::int64_t>(2, 70 + linear.forward_flops(d) + 80 + choosing));
  CHECK(solution.iterations == std::vector<Index>{11, 11});
  CHECK(solution.setup_flops == 1900);
  CHECK(BestOf(linear).solve(d, x).status == std::vector(2, Status::completed));
}

TEST_CASE("BestOf through a dictionary that hides its atoms, and what it refuses", "[best_of]") {
  const auto source = model(21, 0.1);
  const Matrix<double> x = source.sample(40, 22).signals;
  const BestOf encoder(MarginalThreshold({.k = 2}), MarginalThreshold({.k = 3}));
  CHECK(Matrix<double>(encoder.encode(Hidden(source.atoms()), x)) ==
        Matrix<double>(encoder.encode(Dense(source.atoms()), x)));

  const BestOfOptions options{.k = 2};
  using Inner = BestOf<MarginalThreshold, MarginalThreshold>;
  static_assert(std::same_as<decltype(BestOf(options, encoder, encoder)), BestOf<Inner, Inner>>);
  CHECK(BestOf(options, encoder, encoder).options().k == 2);
  const auto refusal = [&](BestOfOptions bad) {
    return message_of([&] { BestOf(bad, MarginalThreshold({.k = 2})); });
  };
  CHECK(refusal({.k = -1}) == "BestOf: k must be at least 0, is -1");
  CHECK(refusal({.threads = -2}) == "BestOf: threads must be at least 0, is -2");
  CHECK(message_of([&] { (void)three().encode(Dense(source.atoms()), Matrix<double>(4, 2)); }) ==
        "MatchingPursuit: signals are 4 x 2, the dictionary is 8 x 16: expected 8 rows");
}
