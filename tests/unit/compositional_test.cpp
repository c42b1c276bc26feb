// SPDX-License-Identifier: MIT
// The compositional benchmark: its data are what it says, and its metrics agree with brute force.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/metric/code_mcc_floor.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/metric/feature_auc.hpp>
#include <lacuna/metric/logistic_regression.hpp>
#include <lacuna/metric/support_recovery.hpp>
#include <lacuna/operator/ridge_regression.hpp>
#include <lacuna/synthetic/compositional_model.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using test::says;

/// Entries from a few values, many of them 0 and some below: ties of every sort.
Matrix<double> tied_codes(Index rows, Index cols, std::uint64_t seed) {
  Matrix<double> codes(rows, cols);
  RandomStream random(seed);
  for (Index k = 0; k < codes.size(); ++k)
    codes.data()[k] = std::max(-1.0, 0.5 * (double(random.below(9)) - 5));
  return codes;
}

std::vector<bool> coin_labels(Index n, std::uint64_t seed) {
  std::vector<bool> labels;
  RandomStream random(seed);
  for (Index j = 0; j < n; ++j) labels.push_back(random.below(3) == 0);
  return labels;
}

std::vector<Index> support_of(const SparseCodes<double>& codes, Index j) {
  std::vector<Index> support;
  for (SparseCodes<double>::InnerIterator entry(codes, j); entry; ++entry)
    support.push_back(entry.row());
  return support;
}

/// Codes are the signals seen through the atoms: an encoder whose answers can be written down.
struct Correlations {
  template <Dictionary D>
  Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    return d.correlate(signals);
  }
};

}  // namespace

// ---- the data
// ------------------------------------------------------------------------------------

TEST_CASE("signals are as long as the benchmark has them", "[compositional]") {
  const std::vector<Index> latents{50, 100, 500, 1000, 5000, 10000};
  const std::vector<Index> lengths{33, 47, 79, 93, 125, 139};
  for (std::size_t i = 0; i < latents.size(); ++i)
    CHECK(compositional_dim(latents[i], 10) == lengths[i]);
  const std::vector<Index> active{2, 5, 20, 50, 100};
  const std::vector<Index> lengths_of_thousand{25, 53, 157, 300, 461};
  for (std::size_t i = 0; i < active.size(); ++i)
    CHECK(compositional_dim(1000, active[i]) == lengths_of_thousand[i]);
  CHECK(compositional_dim(5, 5) == 6);
  CHECK(says(message_of([] { (void)compositional_dim(5, 6); }), "6 of 5"));
}

TEST_CASE("supports are those of the settings", "[compositional]") {
  for (const Index num_atoms : {30, 31}) {
    const Index k = 4, n = 400;
    const CompositionalModel<double> model({.num_atoms = num_atoms, .num_active = k, .seed = 5});
    const LatentRange id = model.id_pool(), ood = model.ood_pool();
    REQUIRE(id.begin == 1);
    REQUIRE(ood.begin == id.begin + id.count);
    REQUIRE(ood.begin + ood.count == num_atoms);
    REQUIRE(ood.count == num_atoms / 2);
    CHECK(model.dim() == compositional_dim(num_atoms, k));
    CHECK(model.atoms() == gaussian_dictionary<double>(model.dim(), num_atoms, 5));
    Index with_concept = 0, mixed = 0;
    for (const auto& sample : {model.train(n), model.validation(n), model.test(n)}) {
      CHECK(sample.codes.isCompressed());
      CHECK((sample.signals - model.atoms() * sample.codes).cwiseAbs().maxCoeff() < 1e-14);
      REQUIRE(Index(sample.labels.size()) == n);
      for (Index j = 0; j < n; ++j) {
        const std::vector<Index> support = support_of(sample.codes, j);
        REQUIRE(Index(support.size()) == k);
        REQUIRE(std::is_sorted(support.begin(), support.end()));
        REQUIRE(std::adjacent_find(support.begin(), support.end()) == support.end());
        CHECK(sample.labels[std::size_t(j)] == (sample.codes.coeff(0, j) > 0.5));
        with_concept += support[0] == 0;
        mixed += support[0] != 0 && support[0] < ood.begin && support.back() >= ood.begin;
      }
    }
    // A coin in two splits, always in the third; five standard errors.
    CHECK(std::abs(double(with_concept) - 2 * n) < 5 * std::sqrt(2 * n / 4.0));
    CHECK(mixed > 0);  // setting B is drawn from both pools
    const auto train = model.train(n), test = model.test(n);
    for (Index j = 0; j < n; ++j) {
      const std::vector<Index> a = support_of(train.codes, j), c = support_of(test.codes, j);
      if (a[0] == 0) REQUIRE(a.back() < ood.begin);
      REQUIRE(c[0] == 0);
      REQUIRE(c[1] >= ood.begin);
    }
  }
}

TEST_CASE("atoms fire as often as expected", "[compositional]") {
  const Index n = 20000;
  const CompositionalModel<double> model({.num_atoms = 41, .num_active = 5, .dim = 3, .seed = 6});
  const auto train = model.train(n, 2);
  std::vector<double> firings(41, 0.0);
  for (Index j = 0; j < n; ++j)
    for (const Index i : support_of(train.codes, j)) firings[std::size_t(i)] += 1;
  const auto as_expected = [&](Index i, double expected) {
    const double share = expected / double(n);
    return std::abs(firings[std::size_t(i)] - expected) <
           5 * std::sqrt(double(n) * share * (1 - share));
  };
  CHECK(as_expected(0, n / 2.0));
  const LatentRange id = model.id_pool(), ood = model.ood_pool();
  for (Index i = id.begin; i < id.begin + id.count; ++i)
    CHECK(as_expected(i, model.id_pool_firings(n)));
  for (Index i = ood.begin; i < ood.begin + ood.count; ++i)
    CHECK(as_expected(i, model.ood_pool_firings(n)));
  // All k entries of all signals are somewhere.
  CHECK(n / 2.0 + double(id.count) * model.id_pool_firings(n) +
            double(ood.count) * model.ood_pool_firings(n) ==
        Approx(5.0 * n));
  // Uniform on (0, 1]: mean 1/2, variance 1/12, variance of the square 4/45.
  const Eigen::Map<const Vector<double>> values(train.codes.valuePtr(), train.codes.nonZeros());
  CHECK(values.minCoeff() > 0);
  CHECK(values.maxCoeff() <= 1);
  CHECK(std::abs(values.mean() - 0.5) < 5 * std::sqrt(1.0 / 12 / (5.0 * n)));
  CHECK(std::abs(values.squaredNorm() / (5.0 * n) - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / (5.0 * n)));
  const auto share = [](const std::vector<bool>& labels) {
    return double(std::count(labels.begin(), labels.end(), true)) / double(labels.size());
  };
  CHECK(std::abs(share(train.labels) - 0.25) < 5 * std::sqrt(0.1875 / n));
  CHECK(std::abs(share(model.test(n).labels) - 0.5) < 5 * std::sqrt(0.25 / n));

  // The published cell: 2,500 signals of 93 numbers, 1,000 latents, 10 active.
  const CompositionalModel<float> published({.num_atoms = 1000, .num_active = 10});
  CHECK(published.counting_ratio(2500) == Approx(2500.0 * 93 / (93 * 1000 + 2500 * 10)));
  CHECK(published.ood_pool_firings(2500) == Approx(1250 * 10 / 999.0));
}

TEST_CASE("a signal is its own, by any number of threads", "[compositional]") {
  const CompositionalOptions options{.num_atoms = 20, .num_active = 3, .seed = 8};
  const CompositionalModel<double> model(options);
  const auto whole = model.train(700);
  for (const Index threads : {2, 3}) {
    const auto again = model.train(700, threads);
    CHECK(again.signals == whole.signals);
    CHECK(Matrix<double>(again.codes) == Matrix<double>(whole.codes));
    CHECK(again.labels == whole.labels);
  }
  CHECK(model.train(300).signals == whole.signals.leftCols(300));
  CHECK(model.validation(700).signals != whole.signals);
  CHECK(model.test(0).signals.cols() == 0);
  const CompositionalModel<float> single(options);
  CHECK(Matrix<float>(single.train(700).codes) == Matrix<double>(whole.codes).cast<float>());
  CompositionalOptions other = options;
  other.seed = 9;
  CHECK(CompositionalModel<double>(other).train(700).signals != whole.signals);
}

TEST_CASE("compositions that cannot be are refused", "[compositional]") {
  const auto refusal = [](CompositionalOptions options) {
    return message_of([&] { CompositionalModel<double>{options}; });
  };
  CHECK(says(refusal({.num_atoms = 2, .num_active = 1}), "[3, 2^31), got 2"));
  // The concept and 4 others of the ID pool is the most of 10 latents.
  CHECK(refusal({.num_atoms = 10, .num_active = 5}).empty());
  CHECK(says(refusal({.num_atoms = 10, .num_active = 6}), "[1, 5] for 10 atoms, got 6"));
  CHECK(says(refusal({.num_atoms = 10, .num_active = 0}), "got 0"));
  CHECK(says(refusal({.num_atoms = 10, .num_active = 2, .dim = -1}), "got -1"));
  const CompositionalModel<double> model({.num_atoms = 10, .num_active = 2});
  CHECK(says(message_of([&] { (void)model.test(-1); }), "CompositionalModel::test"));
}

// ---- MCC of the active latents, its floor, and pools of atoms
// ------------------------------------

TEST_CASE("the active kinds of MCC ask about active latents alone", "[mcc]") {
  constexpr Index n = 50;
  const Matrix<double> draws = random_normal<double>(4, n, 11);
  Matrix<double> truth(4, n);
  truth << draws.row(0), Matrix<double>::Zero(1, n), draws.row(1), draws.row(2) * 1e-5;
  // Stands for latents 2, 0 and none; the best for latent 0 is of the least variance.
  Matrix<double> codes(5, n);
  codes << -3 * draws.row(1), 1e-3 * draws.row(0), draws.row(3), Matrix<double>::Zero(2, n);

  const CodeMcc active = code_mcc(truth, codes, MccKind::active);
  CHECK(active.kind == MccKind::active);
  CHECK(active.value == Approx(1));
  CHECK(active.match == std::vector<Index>{1, -1, 0, -1});
  // Two pairs of 1, divided by the five that padding makes of them.
  CHECK(code_mcc(truth, codes, MccKind::active_padded).value == Approx(2.0 / 5));
  // Two active latents: codes 0 and 2 remain, and code 1 with them.
  CodeCorrelation correlation(4, 5);
  correlation.add(truth, codes);
  const CodeMcc top = code_mcc(correlation, MccKind::active_top_variance);
  CHECK(top.value == Approx((1 + std::abs(correlation.matrix()(0, 2))) / 2));
  CHECK(top.match == std::vector<Index>{2, -1, 0, -1});
  // Fewer codes than active latents: the pair that is missing counts as 0.
  CHECK(code_mcc(truth, codes.topRows(1), MccKind::active_top_variance).value == Approx(0.5));
  CHECK(code_mcc(Matrix<double>::Zero(2, n), codes, MccKind::active).value == 0);

  CHECK(correlation.true_variances()[3] < 1e-8);
  CHECK(correlation.code_variances()[0] ==
        Approx(9 * (draws.row(1).array() - draws.row(1).mean()).square().mean()));
  CHECK(says(message_of([&] { (void)code_mcc(correlation.matrix(), MccKind::active); }),
             "active needs the variances"));
  CHECK(to_string(MccKind::active_padded) == "active_padded");
  CHECK(to_string(MccKind::active_top_variance) == "active_top_variance");
}

TEST_CASE("the floor of the code MCC is that of random atoms", "[mcc]") {
  const CompositionalModel<float> model({.num_atoms = 30, .num_active = 3, .seed = 12});
  const auto sample = model.validation(200);
  const UnitNormDictionary<float> truth(model.atoms());
  double sum = 0;
  for (std::uint64_t draw = 0; draw < 2; ++draw) {
    const UnitNormDictionary<float> chance(
        random_normal<double>(model.dim(), 30, derive_seed(13, draw)).cast<float>());
    sum += code_mcc(sample.codes, chance.correlate(sample.signals)).value;
  }
  const double floor =
      code_mcc_floor(Correlations{}, truth, sample.signals, sample.codes, {.draws = 2, .seed = 13});
  // Scaled in double there and in float here: some correlations differ in their last bits.
  CHECK(floor == Approx(sum / 2).epsilon(1e-5));
  CHECK(floor < code_mcc(sample.codes, truth.correlate(sample.signals)).value - 0.1);
  CHECK(says(message_of([&] {
               (void)code_mcc_floor(Correlations{}, truth, sample.signals, sample.codes,
                                    {.draws = 0});
             }),
             "draws must be at least 1"));
}

TEST_CASE("supports are scored over all entries, or signal by signal", "[support]") {
  Matrix<double> truth(3, 3), codes(3, 3);
  truth << 1, 1, 0, 1, 0, 0, 0, 0, 0;
  codes << 1, 1, 0, 2, 1, 0, 1e-5, 1, 0;  // 2 of 2 and 2, 1 of 3 and 1, none of none
  const SupportRecovery all = support_recovery(truth, codes, {.threshold = 1e-4});
  CHECK(all.precision == Approx(3.0 / 5));
  CHECK(all.recall == 1);
  CHECK(all.f1 == Approx(6.0 / 8));
  const SupportRecovery mean =
      support_recovery(truth, codes, {.threshold = 1e-4, .per_signal = true});
  CHECK(mean.precision == Approx((1 + 1.0 / 3 + 1) / 3));
  CHECK(mean.recall == Approx(1));
  CHECK(mean.f1 == Approx((1 + 0.5 + 1) / 3));
  const Matrix<double> none(3, 0);
  CHECK(support_recovery(none, none, {.per_signal = true}).f1 == 1);
}

TEST_CASE("pools of atoms are scored apart", "[dictionary]") {
  // Partner of each axis at a known angle; the third has none.
  Matrix<double> learned(3, 2);
  learned << 0.6, 0, 0.8, 0, 0, -2;
  const Matrix<double> truth = Matrix<double>::Identity(3, 3);
  const DictionaryRecovery recovery = dictionary_recovery(truth, learned);
  REQUIRE(recovery.match == std::vector<Index>{-1, 0, 1});
  CHECK(recovery.atom_cosines[0] == 0);
  CHECK(recovery.atom_cosines[1] == Approx(0.8));
  CHECK(recovery.atom_cosines[2] == Approx(1));
  const AtomRecovery pair = recovery_of_atoms(recovery, 1, 2);
  CHECK(pair.cosine == Approx(0.9));
  CHECK(pair.share_above == 0.5);
  CHECK(recovery_of_atoms(recovery, 0, 3, 0.7).share_above == Approx(2.0 / 3));
  CHECK(recovery_of_atoms(recovery, 0, 3).share_above == recovery.share_above);
  CHECK(recovery_of_atoms(recovery, 0, 1).cosine == 0);
  CHECK(recovery_of_atoms(recovery, 3, 0).cosine == 0);
  CHECK(says(message_of([&] { (void)recovery_of_atoms(recovery, 2, 2); }), "3 true atoms"));
}

// ---- area under the curve
// ------------------------------------------------------------------------

TEST_CASE("the area is the share of pairs in order, for every form of codes", "[auc]") {
  constexpr Index n = 60, rows = 300;  // more than a range of dense latents
  Matrix<double> codes = tied_codes(rows, n, 20);
  codes.row(0).setZero();
  codes.row(1) = codes.row(1).cwiseMax(0.0);
  codes.row(2) = codes.row(2).cwiseMin(0.0);
  codes.row(3) = codes.row(3).array() + 2;  // nothing is 0
  const std::vector<bool> labels = coin_labels(n, 21);
  Vector<double> expected(rows);
  for (Index i = 0; i < rows; ++i) {
    double pairs = 0, ordered = 0;
    for (Index a = 0; a < n; ++a)
      for (Index b = 0; b < n; ++b) {
        if (!labels[std::size_t(a)] || labels[std::size_t(b)]) continue;
        pairs += 1;
        ordered += codes(i, a) > codes(i, b) ? 1 : codes(i, a) == codes(i, b) ? 0.5 : 0;
      }
    expected[i] = ordered / pairs;
  }
  CHECK(expected[0] == 0.5);
  const SparseCodes<double> sparse = codes.sparseView();
  CHECK((feature_auc(codes, labels) - expected).cwiseAbs().maxCoeff() < 1e-14);
  CHECK((feature_auc(sparse, labels) - expected).cwiseAbs().maxCoeff() < 1e-14);
  CHECK((feature_auc(codes.cast<float>(), labels) - expected).cwiseAbs().maxCoeff() < 1e-14);
  CHECK(
      (feature_auc(-codes, labels) + expected - Vector<double>::Ones(rows)).cwiseAbs().maxCoeff() <
      1e-14);
  // A stored 0 is a 0.
  SparseCodes<double> stored(1, n);
  for (Index j = 0; j < n; ++j) stored.insert(0, j) = codes(1, j);
  CHECK(stored.nonZeros() == n);
  CHECK(feature_auc(stored, labels)[0] == Approx(expected[1]).epsilon(1e-14));

  CHECK(feature_auc(codes, std::vector<bool>(n, true)) == Vector<double>::Constant(rows, 0.5));
  CHECK(feature_auc(Matrix<double>(2, 0), {}) == Vector<double>::Constant(2, 0.5));
  CHECK(says(message_of([&] { (void)feature_auc(codes, coin_labels(3, 1)); }), "300 x 60"));
  codes(0, 7) = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { (void)feature_auc(codes, labels); }), "column 7"));
}

TEST_CASE("the best feature is chosen on the first codes and asked about the others", "[auc]") {
  const std::vector<bool> labels{true, false, true, false}, others{true, false};
  Matrix<double> codes(3, 4), elsewhere(3, 2);
  codes << 2, 1, 1, 0,  // 1 of 4 pairs equal: 7/8
      0, 3, 0, 4,       // always against: 1
      1, 0, 1, 0;       // always for, but the second of equals
  elsewhere << 1, 0, 5, 5, 1, 0;
  const BestFeature best = best_feature_auc(codes, labels, elsewhere, others);
  CHECK(best.latent == 1);
  CHECK(best.auc == 1);
  CHECK(best.auc_elsewhere == 0.5);
  CHECK(best_feature_auc(codes.topRows(1), labels, elsewhere.topRows(1), others).auc == 0.875);
  CHECK(best_feature_auc(Matrix<double>(0, 4), labels, Matrix<double>(0, 2), others).latent == -1);
  CHECK(
      says(message_of([&] { (void)best_feature_auc(codes, labels, elsewhere.topRows(2), others); }),
           "as many rows"));
}

// ---- logistic regression
// -------------------------------------------------------------------------

TEST_CASE("logistic regression has a closed form for one bit", "[logistic]") {
  // 3 of 8 signals without the bit have the label, 5 of 6 with it.
  Matrix<double> bit(1, 14);
  std::vector<bool> labels;
  for (Index j = 0; j < 14; ++j) {
    bit(0, j) = j < 8 ? 0 : 1;
    labels.push_back(j < 8 ? j < 3 : j < 13);
  }
  const LogisticRegression probe(bit, labels, {.tolerance = 1e-12});
  CHECK(probe.status() == Status::converged);
  CHECK(probe.intercept() == Approx(std::log(3.0 / 5)).epsilon(1e-10));
  CHECK(probe.weights()[0] == Approx(std::log(5.0) - std::log(3.0 / 5)).epsilon(1e-10));
  CHECK(probe.accuracy(bit, labels) == Approx(10.0 / 14));
  // Without features the intercept is the log odds, and the loss the entropy.
  const LogisticRegression alone(Matrix<double>(0, 14), labels, {.tolerance = 1e-12});
  CHECK(std::abs(alone.intercept() - std::log(8.0 / 6)) < 1e-10);
  CHECK(alone.loss() ==
        Approx(-(8 * std::log(8.0 / 14) + 6 * std::log(6.0 / 14)) / 14).epsilon(1e-12));
}

TEST_CASE("the gradient vanishes at the optimum, whatever form the codes have", "[logistic]") {
  constexpr Index n = 300, rows = 8;
  Matrix<double> codes = random_normal<double>(rows, n, 30);
  codes = (codes.array() > 0.8).select(codes, 0.0);  // 4 in 5 are 0: held sparse
  RandomStream random(31);
  std::vector<bool> labels;
  for (Index j = 0; j < n; ++j)
    labels.push_back(codes(0, j) - codes(1, j) + random.normal<double>() > 0.3);
  const LogisticRegression probe(codes, labels, {.tolerance = 1e-11});
  REQUIRE(probe.status() == Status::converged);
  Vector<double> gradient = Vector<double>::Zero(rows + 1);
  double loss = 0;
  const Vector<double> margins = probe.decision(codes);
  for (Index j = 0; j < n; ++j) {
    const double sign = labels[std::size_t(j)] ? 1 : -1;
    loss += std::log(1 + std::exp(-sign * margins[j])) / n;
    const double slope = -sign / (1 + std::exp(sign * margins[j])) / n;
    gradient.head(rows) += slope * codes.col(j);
    gradient[rows] += slope;
  }
  CHECK(gradient.cwiseAbs().maxCoeff() < 2e-11);
  CHECK(probe.gradient() <= 1e-11);
  CHECK(probe.loss() == Approx(loss).epsilon(1e-13));

  const SparseCodes<double> sparse = codes.sparseView();
  const LogisticRegression from_sparse(sparse, labels, {.tolerance = 1e-11});
  CHECK(from_sparse.weights() == probe.weights());
  CHECK(from_sparse.accuracy(codes, labels) == probe.accuracy(sparse, labels));
  // Shifted, they are dense, and the intercept takes up the shift.
  const LogisticRegression dense(Matrix<double>(codes.array() + 1), labels, {.tolerance = 1e-11});
  CHECK((dense.weights() - probe.weights()).cwiseAbs().maxCoeff() < 1e-8);
  CHECK(std::abs(dense.intercept() + dense.weights().sum() - probe.intercept()) < 1e-8);
}

TEST_CASE("labels that a plane parts end with an answer", "[logistic]") {
  constexpr Index n = 40, rows = 60;  // more latents than signals: parted, whatever the labels
  const Matrix<double> codes = random_normal<double>(rows, n, 32);
  const std::vector<bool> labels = coin_labels(n, 33);
  const LogisticRegression probe(codes, labels);
  CHECK(probe.status() == Status::converged);
  CHECK(probe.accuracy(codes, labels) == 1);
  CHECK(probe.weights().allFinite());
  // No tolerance at all: the cap, or the end of what double can tell; finite in any case.
  const LogisticRegression endless(codes, labels, {.tolerance = 0, .max_iterations = 2000});
  CHECK(endless.accuracy(codes, labels) == 1);
  CHECK(endless.weights().allFinite());
  CHECK(endless.iterations() <= 2000);
  CHECK(LogisticRegression(codes, labels, {.tolerance = 1e-12, .max_iterations = 2}).status() ==
        Status::max_iterations);
  CHECK(LogisticRegression(codes, labels, {.tolerance = 0, .max_iterations = 2}).status() ==
        Status::completed);
  // One label only.
  const std::vector<bool> all(n, true);
  CHECK(LogisticRegression(codes, all).accuracy(codes, all) == 1);
}

TEST_CASE("logistic regression refuses what it cannot fit", "[logistic]") {
  Matrix<double> codes = Matrix<double>::Ones(2, 3);
  const std::vector<bool> labels(3, true);
  CHECK(says(message_of([&] { LogisticRegression(codes, std::vector<bool>(2)); }), "2 labels"));
  CHECK(says(message_of([&] { LogisticRegression(Matrix<double>(2, 0), {}); }), "no signal"));
  CHECK(says(message_of([&] { LogisticRegression(codes, labels, {.tolerance = -1}); }), "-1"));
  CHECK(says(message_of([&] { LogisticRegression(codes, labels, {.max_iterations = -2}); }), "-2"));
  const LogisticRegression probe(codes, labels);
  CHECK(says(message_of([&] { (void)probe.decision(codes.topRows(1)); }), "expected 2 rows"));
  codes(1, 2) = std::numeric_limits<double>::infinity();
  CHECK(says(message_of([&] { LogisticRegression(codes, labels); }), "column 2"));
}

// ---- ridge regression
// ----------------------------------------------------------------------------

TEST_CASE("leave-one-out needs no refits", "[ridge]") {
  constexpr Index n = 300, dim = 3, rows = 4;  // more than a block
  const Matrix<double> x = random_normal<double>(dim, n, 40);
  const Matrix<double> noisy =
      random_normal<double>(rows, dim, 41) * x + 0.5 * random_normal<double>(rows, n, 42);
  const Matrix<double> codes = (noisy.array().abs() > 0.4).select(noisy, 0.0);
  const std::vector<double> ridges{1e-3, 1.0, 30.0, 1e4};
  const RidgeRegression<double> fit(x, codes.sparseView(), {.ridges = ridges});
  std::vector<double> errors;
  for (const double ridge : ridges) {
    double sum = 0;
    for (Index j = 0; j < n; ++j) {
      Matrix<double> kept = x, known = codes;
      kept.col(j).setZero();  // a signal of 0 says nothing
      known.col(j).setZero();
      const Matrix<double> gram =
          kept * kept.transpose() + ridge * Matrix<double>::Identity(dim, dim);
      const Matrix<double> map = gram.llt().solve(kept * known.transpose()).transpose();
      sum += (codes.col(j) - map * x.col(j)).squaredNorm();
    }
    errors.push_back(sum / double(n * rows));
  }
  for (std::size_t i = 0; i < ridges.size(); ++i)
    CHECK(fit.errors()[i] == Approx(errors[i]).epsilon(1e-12));
  const auto best = std::size_t(std::min_element(errors.begin(), errors.end()) - errors.begin());
  CHECK(fit.ridge() == ridges[best]);
  // The gradient of the loss is 0 at the map.
  const Matrix<double> gradient = (fit.map() * x - codes) * x.transpose() + fit.ridge() * fit.map();
  CHECK(gradient.cwiseAbs().maxCoeff() < 1e-10);
  CHECK(fit.predict(x) == fit.map() * x);
}

TEMPLATE_TEST_CASE("codes that are linear in the signals are found", "[ridge]", float, double) {
  using S = TestType;
  const Matrix<S> x = random_normal<double>(5, 200, 43).cast<S>();
  const Matrix<S> map = random_normal<double>(7, 5, 44).cast<S>();
  const Matrix<S> codes = map * x;
  const RidgeRegression<S> fit(x, codes.sparseView());
  CHECK(fit.ridge() == 1e-6);
  CHECK(fit.dim() == 5);
  CHECK(fit.num_atoms() == 7);
  CHECK(fit.ridges().size() == 5);
  CHECK((fit.map() - map).cwiseAbs().maxCoeff() < (std::is_same_v<S, float> ? 1e-6 : 1e-7));
}

TEST_CASE("ridge regression refuses what it cannot fit", "[ridge]") {
  const Matrix<double> x = Matrix<double>::Ones(2, 3);
  const SparseCodes<double> codes(4, 3);
  using Fit = RidgeRegression<double>;
  CHECK(says(message_of([&] { Fit(x.leftCols(2), codes); }), "4 x 3"));
  CHECK(
      says(message_of([&] { Fit(Matrix<double>(2, 0), SparseCodes<double>(4, 0)); }), "no signal"));
  CHECK(says(message_of([&] { Fit(x, codes, {.ridges = {}}); }), "no ridges"));
  CHECK(says(message_of([&] { Fit(x, codes, {.ridges = {0.0}}); }), "got 0"));
  CHECK(says(message_of([&] { (void)Fit(x, codes).predict(x.topRows(1)); }), "1 x 3"));
  Matrix<double> bad = x;
  bad(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { Fit(bad, codes); }), "column 1"));
  // Two equal rows beside which the ridge is nothing.
  CHECK_THROWS_AS(Fit(x * 1e12, codes, {.ridges = {1e-6}}), std::runtime_error);
}
