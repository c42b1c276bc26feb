// SPDX-License-Identifier: MIT
// The amortisation gap as theorems small enough to check: what sparse coding and a hidden layer can
// do exactly, no row of a linear-ReLU encoder can.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>

#include "support/catch.hpp"

namespace {

using namespace lacuna;
using Dense = DenseDictionary<double>;
using Linear = LinearReluEncoder<double>;
using Labelled = LabelledInMemorySource<double>;

// ---- the linear part ----------------------------------------------------------------------------

/// D^+ = D^T (D D^T)^-1 of a dictionary of full row rank, without a singular value decomposition.
Matrix<double> pseudo_inverse(const Matrix<double>& d) {
  const Matrix<double> gram = d * d.transpose();
  return gram.ldlt().solve(d).transpose();
}

/// ||W D - I||_F^2: what the latents say about each other when W reads them off the signal.
double cross_talk(const Matrix<double>& w, const Matrix<double>& d) {
  return (w * d - Matrix<double>::Identity(d.cols(), d.cols())).squaredNorm();
}

// ---- the Mercedes frame -------------------------------------------------------------------------

/// Three unit vectors in the plane at 90, 210 and 330 degrees: d1 + d2 + d3 = 0.
Matrix<double> mercedes() {
  Matrix<double> atoms(2, 3);
  for (Index j = 0; j < 3; ++j) {
    const double angle = std::numbers::pi * (0.5 + 2.0 * double(j) / 3);
    atoms.col(j) << std::cos(angle), std::sin(angle);
  }
  return atoms;
}

/// Half-normal codes with one of the three pairs of latents active.
LabelledSignals<double> mercedes_signals(Index n, std::uint64_t seed) {
  return SyntheticModel<double>(mercedes(), {.num_active = 2}).sample(n, seed);
}

/// u = (2/3) D^T x; the code is what u exceeds its least entry by.
Matrix<double> closed_form(const Matrix<double>& x) {
  const Matrix<double> u = 2.0 / 3 * mercedes().transpose() * x;
  return u.rowwise() - u.colwise().minCoeff();
}

/// A one-hidden-layer perceptron of six ReLUs, written out: the hidden units are the positive parts
/// of the differences u_i - u_j, and s_i = relu(relu(u_i - u_j) - relu(u_j - u_i) + relu(u_j -
/// u_k)).
Matrix<double> six_unit_perceptron(const Matrix<double>& x) {
  const auto next = [](Index i) { return (i + 1) % 3; };
  Matrix<double> difference = Matrix<double>::Zero(6, 3), output = Matrix<double>::Zero(3, 6);
  for (Index i = 0; i < 3; ++i) {
    // Unit 2 i is relu(u_i - u_next), unit 2 i + 1 its mirror.
    difference(2 * i, i) = difference(2 * i + 1, next(i)) = 1;
    difference(2 * i, next(i)) = difference(2 * i + 1, i) = -1;
    output(i, 2 * i) = 1;
    output(i, 2 * i + 1) = -1;
    output(i, 2 * next(i)) = 1;
  }
  const Matrix<double> first = 2.0 / 3 * difference * mercedes().transpose();
  const Matrix<double> hidden = (first * x).cwiseMax(0.0);
  return (output * hidden).cwiseMax(0.0);
}

/// Five codes of which no row gets one latent right, and what that latent is in each.
struct FivePoints {
  explicit FivePoints(Index which) : latent(which), codes(3, 5) {
    const Matrix<double> first{{1, 1, 1, 1, 2}, {1, 2, 0, 0, 1}, {0, 0, 1, 2, 0}};
    for (Index i = 0; i < 3; ++i) codes.row((i + latent) % 3) = first.row(i);
    signals = mercedes() * codes;
    targets = codes.row(latent).transpose();
  }

  /// Squared error of the latent over the five.
  [[nodiscard]] double squared_error(const Linear& encoder) const {
    return (encoder.encode(Dense(mercedes()), signals).row(latent).transpose() - targets)
        .squaredNorm();
  }

  Index latent;
  Matrix<double> codes, signals;
  Vector<double> targets;
};

/// Least squares of an affine function on some of the points: its squared error.
double affine_squared_error(const Matrix<double>& x, const Vector<double>& t,
                            const std::vector<Index>& points) {
  if (points.empty()) return 0;
  Matrix<double> design(static_cast<Index>(points.size()), x.rows() + 1);
  design << x(Eigen::all, points).transpose(), Vector<double>::Ones(design.rows());
  const Vector<double> wanted = t(points);
  // The normal equations always have an answer; where there are many, any has the least error.
  const Vector<double> weights =
      (design.transpose() * design).ldlt().solve(design.transpose() * wanted);
  return (design * weights - wanted).squaredNorm();
}

/// A lower bound for every row max(w x + c, 0): on the points where it is active it is affine, on
/// the others 0, so its error is at least the best over all ways to divide the points.
double relu_row_bound(const Matrix<double>& x, const Vector<double>& t) {
  double best = std::numeric_limits<double>::infinity();
  for (unsigned active = 0; active < (1U << t.size()); ++active) {
    std::vector<Index> points;
    double silent = 0;
    for (Index j = 0; j < t.size(); ++j) {
      if ((active >> j) & 1U)
        points.push_back(j);
      else
        silent += t[j] * t[j];
    }
    best = std::min(best, silent + affine_squared_error(x, t, points));
  }
  return best;
}

template <class O>
Outcome train(Linear& encoder, const Matrix<double>& atoms, const Matrix<double>& signals,
              const Matrix<double>& codes, Index steps, O optimizer) {
  Model model{Identity{}, Dense(atoms), encoder};
  const Outcome outcome = SupervisedTrainer<SquaredLoss, O>({.steps = steps}, optimizer)
                              .fit(model, Labelled(signals, codes.sparseView()));
  encoder = model.encoder;
  return outcome;
}

}  // namespace

TEST_CASE("rank gap: no matrix reads N latents off M < N numbers", "[theory]") {
  struct Shape {
    Index m, n;
  };
  const auto shape = GENERATE(Shape{2, 3}, Shape{4, 5}, Shape{8, 16}, Shape{40, 120});
  const Matrix<double> d = gaussian_dictionary<double>(shape.m, shape.n, 1);
  const double bound = double(shape.n - shape.m);
  INFO(shape.m << " x " << shape.n << ", seed 1");
  // min ||W D - I||^2 = N - M, at the pseudo-inverse; row i contributes 1 - (D^+ D)_ii.
  const Matrix<double> best = pseudo_inverse(d);
  CHECK(std::abs(cross_talk(best, d) - bound) < 1e-9 * double(shape.n));
  CHECK(std::abs(double(shape.n) - (best * d).trace() - bound) < 1e-9 * double(shape.n));
  const Matrix<double> mercedes_atoms = mercedes();
  CHECK(std::abs(cross_talk(pseudo_inverse(mercedes_atoms), mercedes_atoms) - 1) < 1e-14);

  // None drawn goes below: anywhere, and near the best, where it exceeds the bound by ||E D||^2.
  const int draws = shape.n > 100 ? 20 : 250;
  for (int draw = 0; draw < draws; ++draw) {
    const Matrix<double> e = random_normal<double>(shape.n, shape.m, 100 + std::uint64_t(draw));
    const double size = std::pow(10.0, -double(draw % 5));
    REQUIRE(cross_talk(size * e, d) >= bound - 1e-9 * double(shape.n));
    REQUIRE(cross_talk(best + size * e, d) ==
            Approx(bound + size * size * (e * d).squaredNorm()).epsilon(1e-9));
  }
  // None trained does, and training arrives there.
  Matrix<double> w = Matrix<double>::Zero(shape.n, shape.m);
  const Matrix<double> gram = d * d.transpose();
  const double rate = 1 / gram.trace();
  double last = cross_talk(w, d);
  for (int step = 0; step < 2000 && shape.n < 100; ++step) {
    w -= rate * (w * gram - d.transpose());
    const double now = cross_talk(w, d);
    REQUIRE(now >= bound - 1e-9);
    REQUIRE(now <= last + 1e-12);
    last = now;
  }
  if (shape.n < 100) CHECK(last < 1.02 * bound);
}

TEST_CASE("Mercedes: the code has a closed form, and six hidden units compute it", "[theory]") {
  const auto data = mercedes_signals(20000, 2);
  const Matrix<double> codes = data.codes;
  CHECK(mercedes().rowwise().sum().norm() < 1e-15);
  CHECK((closed_form(data.signals) - codes).cwiseAbs().maxCoeff() < 1e-12);
  CHECK((six_unit_perceptron(data.signals) - codes).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("Mercedes: sparse inference returns the code as its price vanishes", "[theory]") {
  const auto data = mercedes_signals(300, 3);
  const Matrix<double> codes = data.codes;
  const Dense d(mercedes());
  for (const double lambda : {1e-2, 1e-3, 1e-4}) {
    CAPTURE(lambda);
    const auto found = Fista(NonnegativeL1(lambda), {.tolerance = 1e-12, .max_iterations = 100000})
                           .solve(d, data.signals);
    for (Index j = 0; j < codes.cols(); ++j) {
      REQUIRE(found.status[static_cast<std::size_t>(j)] == Status::converged);
      // The optimum is within 2 lambda of the code (s - lambda G^-1 1 on its pair). The objective
      // rises from there with curvature 3/2 in the plane, and with slope 3 lambda along the frame's
      // one dependence, so a gap g leaves at most this much of an error.
      const double g = found.gap[j] + 1e-15 * data.signals.col(j).squaredNorm();
      const double slack = 2 * std::sqrt(4 * g / 3) + g / (3 * lambda);
      REQUIRE(slack < 1e-4);
      REQUIRE((found.codes.col(j) - codes.col(j)).cwiseAbs().maxCoeff() <= 2 * lambda + slack);
    }
  }
}

TEST_CASE("Mercedes: why a row must fail", "[theory]") {
  // On (1,1,0), (1,2,0), (1,0,1), (1,0,2) the first latent is 1, so w d2 = w d3 = 0; (2,1,0) less
  // (1,1,0) asks for w d1 = 1. But w d1 = -w d2 - w d3 for every w. The least squares of the three
  // demands is what the rank gap leaves the row, 1 - (D^+ D)_11 = 1/3.
  const Matrix<double> d = mercedes();
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    const Matrix<double> demands = random_normal<double>(1, 2, draw) * d;
    REQUIRE(std::abs(demands.sum()) < 1e-14);
    REQUIRE((demands - Matrix<double>{{1, 0, 0}}).squaredNorm() >= 1.0 / 3);
  }
  CHECK((pseudo_inverse(d) * d - Matrix<double>::Identity(3, 3)).row(0).squaredNorm() ==
        Approx(1.0 / 3).epsilon(1e-14));
  // It takes two active latents: codes with one are read exactly by the atoms themselves.
  const Matrix<double> single = SyntheticModel<double>(d, {.num_active = 1}).sample(200, 4).codes;
  CHECK((Linear(d.transpose()).encode(Dense(d), d * single) - single).cwiseAbs().maxCoeff() <
        1e-14);
}

TEST_CASE("Mercedes: on five points every linear-ReLU row errs by 5/38", "[theory]") {
  const double bound = 5.0 / 38;
  const Dense d(mercedes());
  // By the symmetry of the frame each latent has five such points of its own.
  std::vector<FivePoints> latents;
  for (Index latent = 0; latent < 3; ++latent) latents.emplace_back(latent);
  Matrix<double> all_codes(3, 15);
  for (Index latent = 0; latent < 3; ++latent) {
    const FivePoints& five = latents[static_cast<std::size_t>(latent)];
    CHECK(std::abs(relu_row_bound(five.signals, five.targets) - bound) < 1e-12);
    CHECK((closed_form(five.signals) - five.codes).cwiseAbs().maxCoeff() < 1e-14);
    CHECK((six_unit_perceptron(five.signals) - five.codes).cwiseAbs().maxCoeff() < 1e-14);
    all_codes.middleCols(5 * latent, 5) = five.codes;
  }
  const FivePoints& five = latents[0];

  // No start ends below, nor passes below on its way.
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    Linear encoder(RandomWeights{.dim = 2, .num_atoms = 3, .bias = true, .seed = seed});
    for (int leg = 0; leg < 8; ++leg) {
      REQUIRE(five.squared_error(encoder) >= bound - 1e-9);
      train(encoder, d.atoms(), five.signals, five.codes, 25, Adam({.learning_rate = 0.1}));
    }
    REQUIRE(five.squared_error(encoder) >= bound - 1e-9);
  }

  // Training from rows along the atoms arrives, with all five points active.
  const Vector<double> bias = Vector<double>::Constant(3, 0.4);
  Linear encoder(0.9 * mercedes().transpose(), bias);
  train(encoder, d.atoms(), five.signals, five.codes, 3000,
        GradientDescent({.learning_rate = 0.5}));
  CHECK(five.squared_error(encoder) >= bound - 1e-9);
  CHECK(five.squared_error(encoder) <= bound + 1e-6);

  // All rows at once, on the points of all three.
  Linear all(0.9 * mercedes().transpose(), bias);
  const Outcome outcome =
      train(all, d.atoms(), d.atoms() * all_codes, all_codes, 2000, Adam({.learning_rate = 1e-2}));
  for (const FivePoints& own : latents) CHECK(own.squared_error(all) >= bound - 1e-9);
  CHECK(outcome.loss >= 3 * bound / 45);
}

TEST_CASE("Mercedes: over all codes a trained linear-ReLU encoder stops short", "[theory]") {
  const auto data = mercedes_signals(3000, 5);
  const Matrix<double> codes = data.codes;
  Linear encoder(0.5 * mercedes().transpose(), Vector<double>::Zero(3));
  train(encoder, mercedes(), data.signals, codes, 600, Adam({.learning_rate = 2e-2}));
  const Matrix<double> found = encoder.encode(Dense(mercedes()), data.signals);
  // Where training stops: an eighth of the variance is left, rows are the atoms shrunk, biases
  // positive.
  CHECK((found - codes).squaredNorm() / double(codes.size()) == Approx(0.046).epsilon(0.1));
  for (Index i = 0; i < 3; ++i) {
    const Vector<double> a = codes.row(i).array() - codes.row(i).mean();
    const Vector<double> b = found.row(i).array() - found.row(i).mean();
    CHECK(a.dot(b) / (a.norm() * b.norm()) == Approx(0.938).epsilon(0.01));
    CHECK(encoder.affine().bias()[i] == Approx(0.38).epsilon(0.1));
    CHECK((encoder.affine().weights().row(i).transpose() - 0.91 * mercedes().col(i)).norm() < 0.1);
  }
}

TEST_CASE("generic 4 x 5: exhaustive search is exact, a linear-ReLU encoder is not", "[theory]") {
  // Any four atoms are independent, so codes with two active are the only ones of their signals.
  const auto model = SyntheticModel<double>({.dim = 4, .num_atoms = 5, .num_active = 2}, 6);
  const Matrix<double>& d = model.atoms();
  const auto data = model.sample(200, 7);
  const Matrix<double> codes = data.codes;
  double furthest = 0;
  for (Index j = 0; j < codes.cols(); ++j) {
    double least = std::numeric_limits<double>::infinity();
    Vector<double> best;
    for (Index a = 0; a < 5; ++a)
      for (Index b = 0; b < a; ++b) {
        const Matrix<double> pair = d(Eigen::all, std::vector<Index>{a, b});
        const Matrix<double> gram = pair.transpose() * pair;
        const Vector<double> weights = gram.ldlt().solve(pair.transpose() * data.signals.col(j));
        const double left = (data.signals.col(j) - pair * weights).squaredNorm();
        if (left >= least) continue;
        least = left;
        best = Vector<double>::Zero(5);
        best[a] = weights[0];
        best[b] = weights[1];
      }
    furthest = std::max(furthest, (best - codes.col(j)).cwiseAbs().maxCoeff());
  }
  CHECK(furthest < 1e-10);

  // What a linear encoder cannot help: the rows' residuals sum to N - M.
  const Matrix<double> d_plus_d = pseudo_inverse(d) * d;
  const Vector<double> residuals = Vector<double>::Ones(5) - d_plus_d.diagonal();
  CHECK(residuals.minCoeff() > 0);
  CHECK(std::abs(residuals.sum() - 1) < 1e-12);

  // Nine points for the first latent: with each other atom twice, so that its weight on them is 0,
  // and once doubled, so that its weight on its own atom is 1. The others span the space, and no
  // row is both.
  Matrix<double> points = Matrix<double>::Zero(5, 9);
  points.row(0).setOnes();
  for (Index other = 1; other < 5; ++other) {
    points(other, 2 * other - 2) = 1;
    points(other, 2 * other - 1) = 2;
  }
  points(0, 8) = 2;
  points(1, 8) = 1;
  const Vector<double> targets = points.row(0).transpose();
  const double bound = relu_row_bound(d * points, targets);
  CHECK(bound > 1e-3);
  const Dense dictionary(d);
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    INFO("seed " << seed);
    Linear encoder(RandomWeights{.dim = 4, .num_atoms = 5, .bias = true, .seed = seed});
    const Outcome on_points =
        train(encoder, d, d * points, points, 200, Adam({.learning_rate = 0.05}));
    const Matrix<double> found = encoder.encode(dictionary, d * points);
    CHECK((found.row(0).transpose() - targets).squaredNorm() >= bound - 1e-9);
    CHECK(on_points.loss * 45 >= bound);
  }
  Linear encoder(d.transpose(), Vector<double>::Zero(5));
  const Outcome outcome =
      train(encoder, d, data.signals, codes, 1500, Adam({.learning_rate = 1e-2}));
  CHECK(outcome.loss > 0.01);
}
