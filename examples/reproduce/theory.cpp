// SPDX-License-Identifier: MIT
//
// The amortisation gap as theorems small enough to compute: what no linear-nonlinear encoder can do,
// and what sparse coding and one hidden layer do exactly. tests/unit/theory_test.cpp holds them to it.

#include <algorithm>
#include <cmath>
#include <numbers>

#include <Eigen/Cholesky>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>

#include "reproduce/experiment.hpp"
#include "support/interrupt.hpp"

namespace lacuna::examples {

namespace {

using S = double;
using Dense = DenseDictionary<S>;

[[nodiscard]] Row claim(const std::string& text, double value, double expected, bool holds) {
  return {{"protocol", "corrected"}, {"claim", text},   {"method", nullptr}, {"run", 0},
          {"value", value},          {"expected", expected}, {"holds", holds}};
}

/// ||D^+ D - I||^2, the least cross-talk of any linear read-out.
[[nodiscard]] double cross_talk(Index dim, Index num_atoms, std::uint64_t seed) {
  const Matrix<S> d = gaussian_dictionary<S>(dim, num_atoms, seed);
  const Matrix<S> inverse = Matrix<S>(d * d.transpose()).ldlt().solve(d).transpose();
  return (inverse * d - Matrix<S>::Identity(num_atoms, num_atoms)).squaredNorm();
}

/// Three unit vectors in the plane that sum to 0, at 90, 210 and 330 degrees.
[[nodiscard]] Matrix<S> mercedes() {
  Matrix<S> atoms(2, 3);
  for (Index j = 0; j < 3; ++j) {
    const double angle = std::numbers::pi * (0.5 + 2.0 * static_cast<double>(j) / 3);
    atoms.col(j) << std::cos(angle), std::sin(angle);
  }
  return atoms;
}

/// The least squared error of max(w x + c, 0) on points with targets: over all ways to divide them
/// into those where the row is active, on which it is affine, and the silent ones.
[[nodiscard]] double best_row(const Matrix<S>& x, const Vector<S>& targets) {
  double best = targets.squaredNorm();
  const auto n = static_cast<unsigned>(targets.size());
  for (unsigned active = 1; active < (1U << n); ++active) {
    std::vector<Index> points;
    double silent = 0;
    for (unsigned j = 0; j < n; ++j) {
      if ((active >> j) & 1U)
        points.push_back(static_cast<Index>(j));
      else
        silent += targets[static_cast<Index>(j)] * targets[static_cast<Index>(j)];
    }
    Matrix<S> design(static_cast<Index>(points.size()), x.rows() + 1);
    design << x(Eigen::all, points).transpose(), Vector<S>::Ones(design.rows());
    const Vector<S> wanted = targets(points);
    const Vector<S> weights =
        Matrix<S>(design.transpose() * design).ldlt().solve(design.transpose() * wanted);
    best = std::min(best, silent + (design * weights - wanted).squaredNorm());
  }
  return best;
}

template <class E>
[[nodiscard]] double trained_mcc(E encoder, const LabelledSignals<S>& train,
                                 const LabelledSignals<S>& test, Index steps) {
  Model model{Identity{}, Dense(mercedes()), std::move(encoder)};
  SupervisedTrainer<SquaredLoss>({.steps = steps}, Adam({.learning_rate = 1e-2}))
      .fit(model, LabelledInMemorySource<S>(train.signals, train.codes),
           [](const Progress&) { return !Interrupt::requested(); });
  if (Interrupt::requested()) throw Interrupted{};
  return code_mcc(test.codes, model.encode(test.signals), MccKind::signed_unpermuted).value;
}

[[nodiscard]] std::vector<Row> exact_rows(const Setting& setting) {
  std::vector<Row> rows;
  for (const auto& [dim, atoms] : {std::pair<Index, Index>{8, 16}, {200, 1000}, {4, 5}, {2, 3}}) {
    const double value = cross_talk(dim, atoms, derive_seed(setting.common.seed, 7));
    const auto expected = static_cast<double>(atoms - dim);
    rows.push_back(claim("least cross-talk of a linear encoder, " + std::to_string(dim) + " x " +
                             std::to_string(atoms) + ": atoms - dim",
                         value, expected,
                         std::abs(value - expected) < 1e-9 * static_cast<double>(atoms)));
  }

  const Matrix<S> codes{{1, 1, 1, 1, 2}, {1, 2, 0, 0, 1}, {0, 0, 1, 2, 0}};
  const double bound = best_row(mercedes() * codes, codes.row(0).transpose());
  rows.push_back(claim("three atoms in the plane: least squared error of any linear-ReLU row on five "
                       "codes, 5/38",
                       bound, 5.0 / 38, std::abs(bound - 5.0 / 38) < 1e-9));

  const SyntheticModel<S> plane(mercedes(), {.num_active = 2});
  const auto test = plane.sample(5000, derive_seed(setting.common.seed, 8));
  const Matrix<S> truth(test.codes);
  const Matrix<S> u = 2.0 / 3 * mercedes().transpose() * test.signals;
  const double closed = (u.rowwise() - u.colwise().minCoeff() - truth).cwiseAbs().maxCoeff();
  rows.push_back(claim("the same atoms: largest error of the closed form that six hidden ReLUs compute",
                       closed, 0, closed < 1e-12));
  const auto sparse = ActiveSet(NonnegativeL1(1e-9), {.tolerance = 1e-12})
                          .encode(Dense(mercedes()), test.signals);
  const double coded = (Matrix<S>(sparse) - truth).cwiseAbs().maxCoeff();
  rows.push_back(claim("the same atoms: largest error of sparse coding with lambda 1e-9", coded, 0,
                       coded < 1e-6));

  const SyntheticModel<S> generic({.dim = 4, .num_atoms = 5, .num_active = 2},
                                  derive_seed(setting.common.seed, 9));
  const auto small = generic.sample(500, derive_seed(setting.common.seed, 10));
  const auto found = ExhaustiveSearch({.k = 2, .nonnegative = true})
                         .encode(Dense(generic.atoms()), small.signals);
  const double missed = (Matrix<S>(found) - Matrix<S>(small.codes)).cwiseAbs().maxCoeff();
  rows.push_back(claim("4 x 5, two active: largest error of trying all supports", missed, 0,
                       missed < 1e-9));

  for (const auto& [atoms, active] : {std::pair<double, double>{16, 3}, {1000, 20}})
    for (const double factor : {1.0, 2.0}) {
      const double value = factor * active * std::log(atoms / active);
      rows.push_back(claim((factor == 1 ? "K ln(N/K), " : "2 K ln(N/K), ") +
                               std::to_string(static_cast<int>(atoms)) + " latents, " +
                               std::to_string(static_cast<int>(active)) + " active",
                           value, value, true));
    }
  return rows;
}

[[nodiscard]] std::vector<Row> trained_rows(const Setting& setting) {
  const SyntheticModel<S> plane(mercedes(), {.num_active = 2});
  const std::uint64_t seed = derive_seed(setting.common.seed, 11);
  const auto train = plane.sample(setting.signals(6000), seed);
  const auto test = plane.sample(setting.signals(6000), seed, 6000);
  const RandomWeights init{.dim = 2, .num_atoms = 3, .bias = true, .seed = seed};
  const Index steps = setting.quick() ? 100 : 5000;
  const double linear = trained_mcc(LinearReluEncoder<S>(init), train, test, steps);
  const double hidden = trained_mcc(MlpEncoder<S>(init, {.hidden = {64}}), train, test, steps);
  return {claim("three atoms in the plane: MCC of a trained linear-ReLU encoder (paper's side: .938)",
                linear, 0.938, setting.quick() || std::abs(linear - 0.938) < 0.01),
          claim("the same: MCC of a trained MLP with 64 hidden units", hidden, 1,
                setting.quick() || hidden > 0.995)};
}

}  // namespace

Experiment theory(const Setting& setting) {
  return {"theory",
          {{"element_type", "double"}},
          {},
          {{"exact", 1, [setting] { return exact_rows(setting); }},
           {"trained", 20, [setting] { return trained_rows(setting); }}}};
}

}  // namespace lacuna::examples
