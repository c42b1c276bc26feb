// SPDX-License-Identifier: MIT
// Encoders against answers that are known: optimality conditions, brute force, closed forms.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Cholesky>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "laws/differentiable_encoder_laws.hpp"
#include "support/archetypes.hpp"
#include <lacuna/synthetic/synthetic_model.hpp>

#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace {

using namespace lacuna;
using Dense = DenseDictionary<double>;
using Omp = OrthogonalMatchingPursuit;
/// A linear map with no matrix to show, as a transform or a convolution is.
using Implicit = test::MinimalDictionary<double>;

template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

// Owning arguments: an expression is evaluated once, and the comparison compiled once.
bool same_bits(const Matrix<double>& a, const Matrix<double>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

double largest_entry(const Matrix<double>& difference) { return difference.cwiseAbs().maxCoeff(); }

/// Unit atoms, or atoms of lengths from 0.5 to 2.
Dense gaussian(Index dim, Index num_atoms, std::uint64_t seed, bool unit = true) {
  Matrix<double> atoms = gaussian_dictionary<double>(dim, num_atoms, seed);
  if (!unit)
    for (Index j = 0; j < num_atoms; ++j)
      atoms.col(j) *= 0.5 + 1.5 * double(j) / double(std::max<Index>(1, num_atoms - 1));
  return Dense(atoms);
}

template <class P>
constexpr bool is_nonnegative = std::same_as<P, NonnegativeL1>;

/// The largest correlation that counts: from this lambda on, nothing is worth its price.
template <class P>
double lambda_max(const Dense& d, const MatrixArg<double>& x) {
  const Matrix<double> c = d.correlate(x);
  return is_nonnegative<P> ? c.maxCoeff() : c.cwiseAbs().maxCoeff();
}

/// 1/2 ||x - D s||^2 + lambda ||s||_1 of one signal, from its definition.
double objective(const Dense& d, const Vector<double>& x, const Vector<double>& s, double lambda) {
  return 0.5 * (x - d.atoms() * s).squaredNorm() + lambda * s.lpNorm<1>();
}

/// How far a code is from the conditions that only an optimum meets, with c = D^T (x - D s):
/// c_i = lambda sign(s_i) where the code is active, |c_i| <= lambda (c_i <= lambda for codes that
/// cannot be negative) everywhere.
template <class P>
double kkt_violation(const Dense& d, const Vector<double>& x, const Vector<double>& s,
                     double lambda, double active) {
  const Vector<double> c = d.atoms().transpose() * (x - d.atoms() * s);
  double violation = 0;
  for (Index i = 0; i < s.size(); ++i) {
    if (is_nonnegative<P> && s[i] < 0) return std::numeric_limits<double>::infinity();
    const double size = is_nonnegative<P> ? c[i] : std::abs(c[i]);
    violation = std::max(violation, size - lambda);
    if (std::abs(s[i]) > active)
      violation = std::max(violation, std::abs(c[i] - (s[i] > 0 ? lambda : -lambda)));
  }
  return violation;
}

template <class P>
void check_optimal(const Dense& d, const MatrixArg<double>& x, double lambda,
                   const Solution<Matrix<double>>& solution, double tolerance) {
  const double lipschitz = squared_spectral_norm(d);
  for (Index j = 0; j < x.cols(); ++j) {
    INFO("signal " << j);
    const auto here = static_cast<std::size_t>(j);
    REQUIRE(solution.status[here] == Status::converged);
    REQUIRE(solution.relative_gap[j] <= tolerance);
    const double value = objective(d, x.col(j), solution.codes.col(j), lambda);
    REQUIRE(solution.objective[j] == Approx(value).epsilon(1e-12).margin(1e-14));
    const double half_signal = 0.5 * x.col(j).squaredNorm();
    REQUIRE(solution.gap[j] ==
            Approx(solution.relative_gap[j] * half_signal).epsilon(1e-9).margin(1e-18));
    // A proximal step of 1/L from a code of gap g moves it by at most sqrt(2 g / L). The gap is a
    // difference of numbers of the signal's energy, and known to a few roundings of that.
    constexpr double rounding = 8 * std::numeric_limits<double>::epsilon();
    const double moved = std::sqrt(2 * (solution.gap[j] + rounding * half_signal) / lipschitz);
    REQUIRE(kkt_violation<P>(d, x.col(j), solution.codes.col(j), lambda, moved) <=
            lipschitz * moved);
  }
}

/// Least squares on a support by the normal equations, and what is left of x.
struct Fit {
  Vector<double> weights;
  Vector<double> residual;
};
Fit least_squares(const Matrix<double>& atoms, const std::vector<Index>& support,
                  const Vector<double>& x) {
  const Matrix<double> chosen = atoms(Eigen::all, support);
  const Vector<double> weights = (chosen.transpose() * chosen).ldlt().solve(chosen.transpose() * x);
  return {weights, x - chosen * weights};
}

/// The pursuit as its definition reads, without anything kept from one choice to the next.
std::vector<Index> naive_pursuit(const Matrix<double>& atoms, const Vector<double>& x, Index k) {
  std::vector<Index> support;
  Vector<double> residual = x;
  while (static_cast<Index>(support.size()) < k) {
    Index best = 0;
    double largest = -1;
    for (Index i = 0; i < atoms.cols(); ++i) {
      if (std::find(support.begin(), support.end(), i) != support.end()) continue;
      const double correlation = std::abs(atoms.col(i).dot(residual)) / atoms.col(i).norm();
      if (correlation > largest) {
        largest = correlation;
        best = i;
      }
    }
    support.push_back(best);
    residual = least_squares(atoms, support, x).residual;
  }
  return support;
}

std::vector<Index> support_of(const SparseCodes<double>& codes, Index j) {
  std::vector<Index> support;
  for (SparseCodes<double>::InnerIterator entry(codes, j); entry; ++entry)
    support.push_back(entry.row());
  return support;
}

/// sqrt(size) times a Hadamard matrix: an orthonormal basis whose entries are all +-1/sqrt(size).
Matrix<double> hadamard(Index size) {
  Matrix<double> h(size, size);
  for (Index i = 0; i < size; ++i)
    for (Index j = 0; j < size; ++j)
      h(i, j) = (__builtin_popcountll(static_cast<unsigned long long>(i & j)) % 2 ? -1.0 : 1.0) /
                std::sqrt(double(size));
  return h;
}

}  // namespace

// ---- amortised encoders -------------------------------------------------------------------------

TEST_CASE("LinearReluEncoder is max(W x + b, 0)", "[linear_relu]") {
  Matrix<double> weights(3, 2), x(2, 2), expected(3, 2);
  weights << 1, -1, 2, 0, 0, -3;
  x << 1, -2, 2, 0.5;
  const Dense d = gaussian(2, 3, 1);
  expected << 0, 0, 2, 0, 0, 0;
  CHECK(same_bits(LinearReluEncoder<double>(weights).encode(d, x), expected));
  const Vector<double> bias{{1.5, -1, 7}};
  expected << 0.5, 0, 1, 0, 1, 5.5;
  CHECK(same_bits(LinearReluEncoder<double>(weights, bias).encode(d, x), expected));
}

TEST_CASE("the derivative of max(., 0) at 0 is taken as 0", "[linear_relu]") {
  const Dense d(Matrix<double>::Identity(1, 1));
  const LinearReluEncoder<double> encoder(Matrix<double>::Ones(1, 1));
  const Matrix<double> x = Matrix<double>::Zero(1, 1), one = Matrix<double>::Ones(1, 1);
  LinearReluEncoder<double>::Tape tape;
  encoder.forward(d, x, tape);
  Vector<double> gradient;
  encoder.backward(d, x, tape, one, gradient);
  CHECK(gradient[0] == 0);
  CHECK(encoder.signal_gradient(d, tape, one)(0, 0) == 0);
}

TEST_CASE("random weights are uniform in +-1/sqrt(dim), and a function of the seed",
          "[affine_map]") {
  const RandomWeights init{.dim = 9, .num_atoms = 400, .bias = true, .seed = 5};
  const AffineMap<double> map(init);
  const double bound = 1.0 / 3;
  REQUIRE(map.parameters().size() == 4000);
  CHECK(map.bias().size() == 400);
  CHECK(largest_entry(map.parameters()) <= bound);
  CHECK(map.parameters().maxCoeff() > 0.99 * bound);
  CHECK(map.parameters().minCoeff() < -0.99 * bound);
  // Mean and variance of the uniform law, within five standard errors of 4000 draws.
  CHECK(std::abs(map.parameters().mean()) < 5 * bound / std::sqrt(3.0 * 4000));
  CHECK(map.parameters().squaredNorm() / 4000 == Approx(bound * bound / 3).epsilon(0.08));

  CHECK(same_bits(map.parameters(), AffineMap<double>(init).parameters()));
  CHECK_FALSE(same_bits(
      map.parameters(),
      AffineMap<double>(RandomWeights{.dim = 9, .num_atoms = 400, .bias = true, .seed = 6})
          .parameters()));
  const AffineMap<double> unbiased(RandomWeights{.dim = 9, .num_atoms = 400, .seed = 5});
  CHECK(unbiased.bias().size() == 0);
  CHECK(same_bits(map.weights(), unbiased.weights()));
  const AffineMap<float> narrow(init);
  for (Index k = 0; k < map.parameters().size(); ++k)
    REQUIRE(narrow.parameters()[k] == static_cast<float>(map.parameters()[k]));
}

TEST_CASE("an affine map is the same in either order of its weights", "[affine_map]") {
  const bool bias = GENERATE(false, true);
  CAPTURE(bias);
  INFO("seeds 4 to 6");
  const RandomWeights init{.dim = 3, .num_atoms = 5, .bias = bias, .seed = 4};
  const Vector<double> others = Vector<double>::LinSpaced(10, 1, 2);
  const AffineMap<double> by_input(init, others);
  const AffineMap<double, WeightOrder::by_atom> by_atom(init, others);
  const Matrix<double> weights = by_input.weights();
  CHECK(same_bits(Matrix<double>(by_atom.weights()), weights));
  CHECK(same_bits(Matrix<double>(by_atom.directions()), Matrix<double>(weights.transpose())));
  CHECK(same_bits(Vector<double>(by_atom.bias()), Vector<double>(by_input.bias())));
  CHECK(same_bits(Vector<double>(by_atom.others()), others));
  CHECK(by_atom.num_affine() == by_input.num_affine());
  CHECK(same_bits(by_atom.parameters(), AffineMap<double, WeightOrder::by_atom>(
                                            weights, Vector<double>(by_input.bias()), others)
                                            .parameters()));

  const Matrix<double> x = random_normal<double>(3, 7, 5);
  Matrix<double> expected, values;
  by_input.apply(x, expected);
  by_atom.apply(x, values);
  CHECK((values - expected).cwiseAbs().maxCoeff() < 1e-15);

  // What is an atom's, wherever it lies: its weights, then its bias and two others.
  for (Index i = 0; i < 5; ++i) {
    const auto check = [&](const auto& map) {
      auto parameters = map.parameters();
      const auto [weights_of, others_of] = map.entries_of(i);
      CHECK(same_bits(Vector<double>(map.view(parameters, weights_of)),
                      Vector<double>(weights.row(i).transpose())));
      Vector<double> rest(bias ? 3 : 2);
      if (bias) rest[0] = map.bias()[i];
      rest.tail(2) << others[i], others[5 + i];
      CHECK(same_bits(Vector<double>(map.view(parameters, others_of)), rest));
    };
    check(by_input);
    check(by_atom);
  }

  Matrix<double> dense = random_normal<double>(5, 7, 6);
  dense = (dense.array() > 0).select(dense, 0.0);
  const SparseCodes<double> sparse = dense.sparseView();
  Vector<double> dense_gradient, gradient;
  SparseOuterProduct<double> product;
  by_input.backward(x, dense, dense_gradient);
  by_atom.backward(x, sparse, gradient, product);
  for (Index i = 0; i < 5; ++i)
    for (const std::size_t part : {0U, 1U})
      CHECK((by_atom.view(gradient, by_atom.entries_of(i)[part]) -
             by_input.view(dense_gradient, by_input.entries_of(i)[part]))
                .cwiseAbs()
                .maxCoeff() < 1e-14);
  CHECK((by_atom.transpose_times(sparse) - by_input.transpose_times(dense)).cwiseAbs().maxCoeff() <
        1e-15);
}

TEST_CASE("amortised encoders keep the laws of differentiable ones", "[laws]") {
  const Dense d = gaussian(4, 7, 2);
  const bool bias = GENERATE(false, true);
  CAPTURE(bias);
  const RandomWeights init{.dim = 4, .num_atoms = 7, .bias = bias, .seed = 3};
  const AffineMap<double> map(init);
  const auto preactivation = [&](const Matrix<double>& x) {
    Matrix<double> values;
    map.apply(x, values);
    return values;
  };
  test::check_differentiable_encoder(
      LinearReluEncoder<double>(init), d, 11,
      [&](const Matrix<double>& x) { return test::distance_to_relu_kink(preactivation(x)); });
  for (const Index k : {1, 2, 4, 7, 20}) {
    CAPTURE(k);
    test::check_differentiable_encoder(
        TopKEncoder<double>(init, k), d, 12,
        [&](const Matrix<double>& x) { return test::distance_to_top_k_kink(preactivation(x), k); });
  }
}

TEST_CASE("TopKEncoder keeps the k largest that are above 0", "[top_k]") {
  const Dense d(Matrix<double>::Identity(4, 4));
  const Matrix<double> identity = Matrix<double>::Identity(4, 4);
  Matrix<double> x(4, 3);
  x << 1, -1, -3,  //
      2, 4, -1,    //
      2, 3, 0,     //
      0.5, -2, -2;
  const auto encode = [&](Index k) { return TopKEncoder<double>(identity, k).encode(d, x); };

  const SparseCodes<double> one = encode(1);
  CHECK(support_of(one, 0) == std::vector<Index>{1});  // of equals, the lower atom
  CHECK(support_of(one, 1) == std::vector<Index>{1});
  CHECK(support_of(one, 2).empty());
  CHECK(one.coeff(1, 0) == 2);

  CHECK(support_of(encode(2), 0) == std::vector<Index>{1, 2});
  CHECK(support_of(encode(3), 0) == std::vector<Index>{0, 1, 2});
  CHECK(support_of(encode(3), 1) == std::vector<Index>{1, 2});
  CHECK(same_bits(Matrix<double>(encode(40)), Matrix<double>(x.cwiseMax(0.0))));
  CHECK(encode(4).isCompressed());

  const Vector<double> bias{{0, 0, 0.25, 0}};
  CHECK(support_of(TopKEncoder<double>(identity, 1, bias).encode(d, x), 0) ==
        std::vector<Index>{2});
}

TEST_CASE("TopKEncoder agrees with sorting", "[top_k]") {
  const Index k = GENERATE(1, 3, 10);
  const Dense d = gaussian(5, 30, 4);
  const Matrix<double> weights = random_normal<double>(30, 5, 8);
  const Matrix<double> x = random_normal<double>(5, 50, 9);
  const SparseCodes<double> codes = TopKEncoder<double>(weights, k).encode(d, x);
  const Matrix<double> values = (weights * x).cwiseMax(0.0);
  for (Index j = 0; j < x.cols(); ++j) {
    std::vector<double> sorted(values.col(j).begin(), values.col(j).end());
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    Vector<double> expected = values.col(j);
    for (double& value : expected)
      if (value < sorted[static_cast<std::size_t>(k - 1)]) value = 0;
    REQUIRE(Matrix<double>(codes).col(j).isApprox(expected, 1e-14));
    REQUIRE(static_cast<Index>(support_of(codes, j).size()) <= k);
  }
}

TEST_CASE("amortised encoders refuse what does not fit", "[linear_relu][top_k]") {
  const Matrix<double> weights = random_normal<double>(3, 2, 1);
  const Dense d = gaussian(2, 3, 1);
  const Matrix<double> x = Matrix<double>::Ones(2, 4);
  using Linear = LinearReluEncoder<double>;
  using TopK = TopKEncoder<double>;
  CHECK(refusal([] { Linear(Matrix<double>(0, 2)); }) == "AffineMap: no weights (0 x 2)");
  CHECK(refusal([&] { Linear(weights, Vector<double>::Zero(2)); }) ==
        "AffineMap: biases are 2 x 1, the weight matrix is 3 x 2: expected 3 rows");
  CHECK(refusal([&] { Linear(weights * std::numeric_limits<double>::quiet_NaN()); }) ==
        "AffineMap: weights column 0 holds a NaN or an infinity");
  CHECK(refusal([] { Linear(RandomWeights{.dim = 0, .num_atoms = 4}); }) ==
        "RandomWeights: dim and num_atoms must be at least 1, are 0 and 4");
  CHECK(refusal([&] { TopK(weights, 0); }) == "TopKEncoder: k must be at least 1, is 0");
  CHECK(refusal([] { TopK(RandomWeights{.dim = 2, .num_atoms = 3}, -2); }) ==
        "TopKEncoder: k must be at least 1, is -2");
  CHECK(refusal([&] { (void)Linear(weights).encode(gaussian(2, 5, 1), x); }) ==
        "LinearReluEncoder::encode: the encoder is for a dictionary of 2 x 3, the dictionary is "
        "2 x 5");
  CHECK(refusal([&] { (void)TopK(weights, 1).encode(d, Matrix<double>::Ones(5, 4)); }) ==
        "TopKEncoder::encode: signals are 5 x 4, the dictionary is 2 x 3: expected 2 rows");
  Matrix<double> bad = x;
  bad(1, 2) = std::numeric_limits<double>::infinity();
  CHECK(refusal([&] { (void)TopK(weights, 1).encode(d, bad); }) ==
        "TopKEncoder::encode: signals column 2 holds a NaN or an infinity");
  // A gradient of another shape is refused by both ways back, not read past its end.
  const auto refuses_gradients = [&](const auto& encoder, const auto& narrow,
                                     const std::string& name) {
    typename std::remove_cvref_t<decltype(encoder)>::Tape tape;
    Vector<double> gradient;
    encoder.forward(d, x, tape);
    const std::string shapes = ": codes are 3 x 4, code gradients are 3 x 2: expected one shape";
    CHECK(refusal([&] { encoder.backward(d, x, tape, narrow, gradient); }) ==
          name + "::backward" + shapes);
    CHECK(refusal([&] { (void)encoder.signal_gradient(d, tape, narrow); }) ==
          name + "::signal_gradient" + shapes);
  };
  refuses_gradients(Linear(weights), Matrix<double>(Matrix<double>::Ones(3, 2)),
                    "LinearReluEncoder");
  refuses_gradients(TopK(weights, 2), SparseCodes<double>(3, 2), "TopKEncoder");
}

// ---- convex solvers -----------------------------------------------------------------------------

TEMPLATE_TEST_CASE("Fista and Ista meet the optimality conditions", "[fista][ista]", L1,
                   NonnegativeL1) {
  using P = TestType;
  struct Shape {
    Index dim, num_atoms;
    bool unit;
  };
  // Both forms of the gradient (residual above twice as many atoms as dimensions), wide, square and
  // tall dictionaries, atoms of any length.
  const auto shape =
      GENERATE(Shape{8, 16, true}, Shape{5, 14, true}, Shape{6, 8, false}, Shape{9, 4, true},
               Shape{7, 7, false}, Shape{4, 40, false}, Shape{1, 1, false});
  const double share = GENERATE(0.05, 0.4);
  const Dense d = gaussian(shape.dim, shape.num_atoms, 21, shape.unit);
  const Matrix<double> x = random_normal<double>(shape.dim, 8, 22);
  const double lambda = share * lambda_max<P>(d, x);
  INFO(shape.dim << " x " << shape.num_atoms << ", unit atoms: " << shape.unit << ", lambda "
                 << lambda << ", seeds 21 and 22");
  REQUIRE(lambda > 0);

  const ProximalGradientOptions options{.tolerance = 1e-12, .max_iterations = 100000};
  const auto fast = Fista<P>(P(lambda), options).solve(d, x);
  check_optimal<P>(d, x, lambda, fast, options.tolerance);
  CHECK(same_bits(fast.codes, Fista<P>(P(lambda), options).encode(d, x)));

  // At 1e-9 the plain iteration is quick enough to be asked for every shape.
  const ProximalGradientOptions loose{.tolerance = 1e-9, .max_iterations = 1000000};
  const auto slow = Ista<P>(P(lambda), loose).solve(d, x);
  check_optimal<P>(d, x, lambda, slow, loose.tolerance);
  for (Index j = 0; j < x.cols(); ++j) {
    // Either gap bounds the distance of the two objectives.
    CHECK(slow.objective[j] - fast.objective[j] <= slow.gap[j] + 1e-13);
    CHECK(fast.objective[j] - slow.objective[j] <= fast.gap[j] + 1e-13);
  }
}

TEST_CASE("the two forms of the gradient, and a dictionary without a matrix, agree",
          "[fista][ista]") {
  const Index num_atoms = GENERATE(6, 16, 30);
  const Dense d = gaussian(8, num_atoms, 31, false);
  const Matrix<double> x = random_normal<double>(8, 6, 32);
  const PreparedDictionary<Dense> with_gram(d), without_gram(d, 0);
  REQUIRE(with_gram.has_gram());
  REQUIRE_FALSE(without_gram.has_gram());
  const auto compare = [&](const auto& solver) {
    const Matrix<double> expected = solver.encode(without_gram, x);
    CHECK(largest_entry(solver.encode(with_gram, x) - expected) < 1e-10);
    CHECK(largest_entry(solver.encode(d, x) - expected) < 1e-10);
    CHECK(largest_entry(solver.encode(Implicit(d.atoms()), x) - expected) < 1e-10);
  };
  compare(Fista(L1(0.1)).with_steps(40));
  compare(Ista(NonnegativeL1(0.1)).with_steps(40));
  const auto implicit = Fista(L1(0.1), {.tolerance = 1e-10}).solve(Implicit(d.atoms()), x);
  check_optimal<L1>(d, x, 0.1, implicit, 1e-10);
}

TEMPLATE_TEST_CASE("from lambda_max on the code is exactly zero", "[fista]", L1, NonnegativeL1) {
  using P = TestType;
  const Dense d = gaussian(6, 12, 41);
  const Matrix<double> x = random_normal<double>(6, 1, 42);
  const double most = lambda_max<P>(d, x);
  const auto above = Fista<P>(P(1.0000001 * most)).solve(d, x);
  CHECK(above.codes.isZero(0));
  CHECK(above.status[0] == Status::converged);
  CHECK(above.relative_gap[0] < 1e-12);
  const auto below = Fista<P>(P(0.999 * most), {.tolerance = 1e-12}).solve(d, x);
  CHECK((below.codes.array() != 0).count() == 1);
}

TEST_CASE("lambda = 0 fits", "[fista]") {
  const Dense d = gaussian(5, 12, 43);
  const Matrix<double> x = random_normal<double>(5, 4, 44);
  const auto free = Fista(L1(0), {.tolerance = 1e-12}).solve(d, x);
  for (const Status status : free.status) CHECK(status == Status::converged);
  CHECK((d.decode(free.codes) - x).norm() <= 1e-6 * x.norm());

  // Non-negative least squares, on signals that non-negative codes made.
  const Matrix<double> made =
      d.decode(Matrix<double>(random_normal<double>(12, 4, 45).cwiseMax(0.0)));
  const auto nonnegative = Fista(NonnegativeL1(0), {.tolerance = 1e-12}).solve(d, made);
  CHECK(nonnegative.codes.minCoeff() >= 0);
  CHECK((d.decode(nonnegative.codes) - made).norm() <= 1e-6 * made.norm());
}

TEST_CASE("a gap is a bound on the true suboptimality at every step", "[fista][ista]") {
  const Dense d = gaussian(6, 10, 51);
  const Matrix<double> x = random_normal<double>(6, 12, 52);
  const auto best = Fista(L1(0.2), {.tolerance = 1e-13}).solve(d, x);
  for (const Index steps : {0, 1, 2, 5, 20, 100}) {
    CAPTURE(steps);
    const auto fast = Fista(L1(0.2)).with_steps(steps).solve(d, x);
    const auto slow = Ista(L1(0.2)).with_steps(steps).solve(d, x);
    for (Index j = 0; j < x.cols(); ++j) {
      REQUIRE(fast.gap[j] >= fast.objective[j] - best.objective[j]);
      REQUIRE(slow.gap[j] >= slow.objective[j] - best.objective[j]);
      REQUIRE(fast.status[static_cast<std::size_t>(j)] == Status::completed);
      REQUIRE(fast.iterations[static_cast<std::size_t>(j)] == steps);
    }
    CHECK(same_bits(fast.codes, Fista(L1(0.2)).with_steps(steps).encode(d, x)));
  }
}

TEST_CASE("one step of Ista is a soft threshold of a gradient step", "[ista]") {
  const Dense d = gaussian(3, 5, 53, false);
  const Matrix<double> x = random_normal<double>(3, 2, 54);
  const Matrix<double> start = random_normal<double>(5, 2, 55);
  const double lipschitz = squared_spectral_norm(d);
  const Matrix<double> moved = start + d.atoms().transpose() * (x - d.atoms() * start) / lipschitz;
  Matrix<double> expected(5, 2);
  for (Index k = 0; k < expected.size(); ++k) {
    const double v = moved.data()[k];
    expected.data()[k] = std::copysign(std::max(std::abs(v) - 0.3 / lipschitz, 0.0), v);
  }
  CHECK((Ista(L1(0.3)).with_steps(1).encode(d, x, start) - expected).norm() < 1e-14);
  // The first step of Fista is the same: it has no momentum yet.
  CHECK((Fista(L1(0.3)).with_steps(1).encode(d, x, start) - expected).norm() < 1e-14);
}

TEST_CASE("statuses say how the iteration ended", "[fista][ista]") {
  const Matrix<double> atoms = gaussian_dictionary<double>(8, 16, 61);
  const Dense d(atoms);
  const Matrix<double> x = random_normal<double>(8, 6, 62);
  const auto capped =
      Fista(NonnegativeL1(0.01), {.tolerance = 1e-12, .max_iterations = 3}).solve(d, x);
  for (const Status status : capped.status) CHECK(status == Status::max_iterations);
  for (const Index iterations : capped.iterations) CHECK(iterations == 3);

  const DenseDictionary<float> narrow(atoms.cast<float>());
  const Matrix<float> y = x.cast<float>();
  const ProximalGradientOptions tight{.tolerance = 1e-12, .max_iterations = 20000};
  const auto limited = Fista(NonnegativeL1(0.1), tight).solve(narrow, y);
  for (Index j = 0; j < y.cols(); ++j) {
    CHECK(limited.status[static_cast<std::size_t>(j)] == Status::precision_limit);
    CHECK(limited.relative_gap[j] > tight.tolerance);
    CHECK(limited.relative_gap[j] < 100 * std::numeric_limits<float>::epsilon());
  }
  // The same signals in double reach what was asked for.
  for (const Status status : Fista(NonnegativeL1(0.1), tight).solve(d, x).status)
    CHECK(status == Status::converged);

  const Fista steps = Fista(NonnegativeL1(0.1), tight).with_steps(7);
  CHECK(steps.options().tolerance == 0);
  CHECK(steps.options().max_iterations == 7);
}

TEST_CASE("a warm start is where the iteration begins", "[fista][ista]") {
  const Dense d = gaussian(6, 12, 71);
  const Matrix<double> x = random_normal<double>(6, 5, 72);
  const auto from_solution = [&](const auto& solver) {
    const auto cold = solver.solve(d, x);
    const auto warm = solver.solve(d, x, cold.codes);
    for (const Index iterations : cold.iterations) CHECK(iterations > 0);
    for (const Index iterations : warm.iterations) CHECK(iterations == 0);
    for (const Status status : warm.status) CHECK(status == Status::converged);
    CHECK(same_bits(warm.codes, cold.codes));
  };
  from_solution(Fista(L1(0.1)));
  from_solution(Ista(NonnegativeL1(0.1)));
  // What the penalty does not allow is moved to where it does, before the first step.
  const Matrix<double> start = random_normal<double>(12, 5, 73);
  CHECK(
      same_bits(Fista(NonnegativeL1(0.1)).with_steps(0).encode(d, x, start), start.cwiseMax(0.0)));
}

TEST_CASE("each signal leaves the block when it is done, and takes its own answer along",
          "[fista]") {
  const Dense d = gaussian(5, 9, 74);
  // Lengths over four decades under one lambda: some are done at once, some after hundreds of
  // steps.
  Matrix<double> x = random_normal<double>(5, 40, 75);
  for (Index j = 0; j < x.cols(); ++j) x.col(j) *= std::pow(10.0, double(j % 5) - 2.0);
  const Fista solver(L1(0.1), {.tolerance = 1e-10});
  const auto together = solver.solve(d, x);
  Index least = together.iterations[0], most = least;
  for (Index j = 0; j < x.cols(); ++j) {
    const auto here = static_cast<std::size_t>(j);
    least = std::min(least, together.iterations[here]);
    most = std::max(most, together.iterations[here]);
    const auto alone = solver.solve(d, Matrix<double>(x.col(j)));
    REQUIRE((together.codes.col(j) - alone.codes).norm() <= 1e-3 * (1e-4 + x.col(j).norm()));
    REQUIRE(std::abs(together.objective[j] - alone.objective[0]) <=
            1e-10 * x.col(j).squaredNorm() + 1e-14);
    REQUIRE(together.iterations[here] == alone.iterations[0]);
    REQUIRE(together.flops[here] == alone.flops[0]);
  }
  CHECK(least == 0);
  CHECK(most > 50);
}

TEST_CASE("flops are those of the steps taken", "[fista][ista]") {
  const Matrix<double> x = random_normal<double>(4, 3, 76);
  const Dense d = gaussian(4, 8, 77), wide = gaussian(4, 9, 77);
  const auto fast = Fista(L1(0.1)).with_steps(5).solve(d, x);
  // Gram form: D^T x once; a step is G y - c (2 n^2 + n), the move (2 n), the prox (n) and the
  // momentum (7 n + 6).
  for (const std::int64_t flops : fast.flops)
    CHECK(flops == 2 * 4 * 8 + 5 * (2 * 64 + 8 + 3 * 8 + 7 * 8 + 6));
  CHECK(fast.total_flops() == fast.setup_flops + 3 * fast.flops[0]);
  CHECK(fast.setup_flops == PreparedDictionary<Dense>(d).setup_flops());
  // Residual form: 4 dim n + dim for the gradient.
  for (const std::int64_t flops : Ista(L1(0.1)).with_steps(5).solve(wide, x).flops)
    CHECK(flops == 5 * (4 * 4 * 9 + 4 + 3 * 9));
  // What is prepared already is not paid for again.
  CHECK(Fista(L1(0.1)).with_steps(5).solve(PreparedDictionary<Dense>(d), x).setup_flops == 0);
}

TEST_CASE("zero signals, duplicate atoms and empty batches have answers", "[fista][ista]") {
  const Dense d = gaussian(4, 6, 81);
  const auto zero = Fista(L1(0.1)).solve(d, Matrix<double>::Zero(4, 3));
  CHECK(zero.codes.isZero(0));
  for (const Status status : zero.status) CHECK(status == Status::converged);
  CHECK(zero.objective.isZero(0));
  CHECK(zero.relative_gap.isZero(0));

  const auto nothing = Ista(NonnegativeL1(0.1)).solve(d, Matrix<double>(4, 0));
  CHECK(nothing.codes.rows() == 6);
  CHECK(nothing.codes.cols() == 0);
  CHECK(nothing.flops.empty());

  // Two copies of every atom share what one would have had.
  Matrix<double> twice(4, 12);
  twice << d.atoms(), d.atoms();
  const Matrix<double> x = random_normal<double>(4, 5, 82);
  const ProximalGradientOptions tight{.tolerance = 1e-12};
  const auto single = Fista(L1(0.1), tight).solve(d, x);
  const auto shared = Fista(L1(0.1), tight).solve(Dense(twice), x);
  for (const Status status : shared.status) CHECK(status == Status::converged);
  CHECK((shared.objective - single.objective).norm() < 1e-10);
  CHECK((shared.codes.topRows(6) + shared.codes.bottomRows(6) - single.codes).norm() < 1e-4);

  // A dictionary of zeros cannot say anything, and says so at once.
  const auto mute = Fista(L1(0.1)).solve(Dense(Matrix<double>::Zero(4, 3)), x);
  CHECK(mute.codes.isZero(0));
  for (const Status status : mute.status) CHECK(status == Status::converged);
}

TEST_CASE("solvers refuse options and shapes by name", "[fista][ista]") {
  const L1 penalty(0.1);
  CHECK(refusal([&] { (void)Fista(penalty, {.tolerance = -1}); }) ==
        "Fista: tolerance must be finite and at least 0, is -1");
  CHECK(refusal([&] { (void)Ista(penalty, {.max_iterations = -3}); }) ==
        "Ista: max_iterations must be at least 0, is -3");
  CHECK(refusal([&] { (void)Fista(penalty, {.check_every = 0}); }) ==
        "Fista: check_every must be at least 1, is 0");
  CHECK(refusal([&] { (void)Ista(penalty, {.threads = -1}); }) ==
        "Ista: threads must be at least 0, is -1");
  CHECK(refusal([&] {
          (void)Fista(penalty, {.tolerance = std::numeric_limits<double>::quiet_NaN()});
        }).starts_with("Fista: tolerance must be finite"));
  const Dense d = gaussian(4, 6, 1);
  const Matrix<double> x = Matrix<double>::Ones(4, 2);
  CHECK(refusal([&] { (void)Fista(penalty).encode(d, Matrix<double>::Ones(3, 2)); }) ==
        "Fista: signals are 3 x 2, the dictionary is 4 x 6: expected 4 rows");
  CHECK(refusal([&] { (void)Fista(penalty).solve(d, x, Matrix<double>::Ones(6, 3)); }) ==
        "Fista: initial codes are 6 x 3, signals are 4 x 2: expected as many columns");
  CHECK(refusal([&] { (void)Fista(penalty).encode(d, x, Matrix<double>::Ones(5, 2)); }) ==
        "Fista: codes are 5 x 2, the dictionary is 4 x 6: expected 6 rows");
  Matrix<double> bad = x;
  bad(0, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(refusal([&] { (void)Ista(penalty).solve(d, bad); }) ==
        "Ista: signals column 1 holds a NaN or an infinity");
}

// ---- greedy -------------------------------------------------------------------------------------

TEST_CASE("OrthogonalMatchingPursuit chooses and fits as its definition reads", "[omp]") {
  const bool unit = GENERATE(true, false);
  const Index k = GENERATE(1, 2, 3, 5);
  CAPTURE(unit, k);
  const Dense d = gaussian(8, 16, 91, unit);
  const PreparedDictionary<Dense> prepared(d);
  const Matrix<double> x = random_normal<double>(8, 70, 92);
  const Omp omp({.k = k});
  const auto solution = omp.solve(d, x);
  const SparseCodes<double> again = omp.encode(prepared, x);
  for (Index j = 0; j < x.cols(); ++j) {
    CAPTURE(j);
    const auto here = static_cast<std::size_t>(j);
    std::vector<Index> expected = naive_pursuit(d.atoms(), x.col(j), k);
    std::sort(expected.begin(), expected.end());
    REQUIRE(support_of(solution.codes, j) == expected);
    REQUIRE(support_of(again, j) == expected);
    const Fit fit = least_squares(d.atoms(), expected, x.col(j));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double weight = fit.weights[static_cast<Index>(i)];
      REQUIRE(std::abs(solution.codes.coeff(expected[i], j) - weight) < 1e-10);
      REQUIRE(std::abs(again.coeff(expected[i], j) - weight) < 1e-10);
    }
    const Vector<double> residual = x.col(j) - d.decode(solution.codes).col(j);
    const Vector<double> left = d.atoms()(Eigen::all, expected).transpose() * residual;
    REQUIRE(left.cwiseAbs().maxCoeff() < 1e-10);
    REQUIRE(solution.objective[j] == Approx(0.5 * residual.squaredNorm()).epsilon(1e-12));
    REQUIRE(std::isnan(solution.gap[j]));
    REQUIRE(solution.status[here] == Status::completed);
    REQUIRE(solution.iterations[here] == k);
  }
}

TEST_CASE("OrthogonalMatchingPursuit recovers where theory says it must", "[omp]") {
  // An orthonormal basis; and a basis with the identity beside it, of coherence 1/4, where every
  // k < (1 + 4) / 2 is recovered (Tropp 2004).
  const Matrix<double> basis = hadamard(16);
  Matrix<double> pair(16, 32);
  pair << Matrix<double>::Identity(16, 16), basis;
  const auto recovers = [](const Matrix<double>& atoms, Index k) {
    const Dense d(atoms);
    Matrix<double> codes = Matrix<double>::Zero(atoms.cols(), 60);
    for (Index j = 0; j < codes.cols(); ++j) {
      RandomStream random(93, static_cast<std::uint64_t>(j));
      for (const Index i : random.choose(atoms.cols(), k))
        codes(i, j) = (random.uniform<double>() < 0.5 ? -1 : 1) * (0.1 + random.uniform<double>());
    }
    const auto found = Omp({.k = k}).solve(d, d.decode(codes));
    CHECK(largest_entry(Matrix<double>(found.codes) - codes) < 1e-13);
    for (const Status status : found.status) CHECK(status == Status::converged);
  };
  recovers(basis, 5);
  CHECK(PreparedDictionary<Dense>(Dense(pair)).coherence() == Approx(0.25));
  recovers(pair, 1);
  recovers(pair, 2);
}

TEST_CASE("OrthogonalMatchingPursuit never beats exhaustive search, and equals it at k = 1",
          "[omp]") {
  const Matrix<double> x = random_normal<double>(4, 60, 94);
  const Dense d = gaussian(4, 6, 95);
  const auto one = Omp({.k = 1}).solve(d, x), two = Omp({.k = 2}).solve(d, x);
  Index worse = 0;
  for (Index j = 0; j < x.cols(); ++j) {
    double best_one = std::numeric_limits<double>::infinity(), best_two = best_one;
    for (Index a = 0; a < 6; ++a) {
      best_one =
          std::min(best_one, 0.5 * least_squares(d.atoms(), {a}, x.col(j)).residual.squaredNorm());
      for (Index b = 0; b < a; ++b)
        best_two = std::min(
            best_two, 0.5 * least_squares(d.atoms(), {a, b}, x.col(j)).residual.squaredNorm());
    }
    REQUIRE(one.objective[j] == Approx(best_one).epsilon(1e-10));
    REQUIRE(two.objective[j] >= best_two - 1e-12);
    worse += two.objective[j] > best_two + 1e-6;
  }
  // Greedy is not exact: on some of these signals its first choice was the wrong one.
  CHECK(worse > 0);
  CHECK(worse < x.cols());
}

TEST_CASE("OrthogonalMatchingPursuit stops at its tolerance", "[omp]") {
  const Dense d = gaussian(8, 20, 96);
  const Matrix<double> x = random_normal<double>(8, 20, 97);
  const auto stopped = Omp({.k = 8, .tolerance = 0.3}).solve(d, x);
  for (Index j = 0; j < x.cols(); ++j) {
    const std::vector<Index> order = naive_pursuit(d.atoms(), x.col(j), 8);
    std::vector<Index> support;
    while (support.empty() ||
           least_squares(d.atoms(), support, x.col(j)).residual.norm() > 0.3 * x.col(j).norm())
      support.push_back(order[support.size()]);
    const auto here = static_cast<std::size_t>(j);
    REQUIRE(stopped.iterations[here] == static_cast<Index>(support.size()));
    REQUIRE(stopped.status[here] == Status::converged);
  }
}

TEST_CASE("OrthogonalMatchingPursuit answers where there is nothing more to choose", "[omp]") {
  const Matrix<double> x = random_normal<double>(3, 10, 98);
  // More atoms asked for than dimensions: x is reached, and no code is longer than dim.
  const auto wide = Omp({.k = 10}).solve(gaussian(3, 7, 99), x);
  CHECK((gaussian(3, 7, 99).decode(wide.codes) - x).norm() < 1e-10);
  for (const Index iterations : wide.iterations) CHECK(iterations <= 3);
  for (const Status status : wide.status) CHECK(status == Status::converged);
  // More than atoms: all of them.
  const auto tall = Omp({.k = 10}).solve(gaussian(3, 2, 99), x);
  for (const Index iterations : tall.iterations) CHECK(iterations == 2);

  const auto zero = Omp({.k = 2}).solve(gaussian(3, 7, 99), Matrix<double>::Zero(3, 2));
  CHECK(zero.codes.nonZeros() == 0);
  CHECK(zero.status[1] == Status::converged);
  CHECK(zero.objective.isZero(0));
  const auto nothing = Omp({.k = 2}).encode(gaussian(3, 7, 99), Matrix<double>(3, 0));
  CHECK(nothing.rows() == 7);
  CHECK(nothing.cols() == 0);

  // The copy of an atom adds nothing; the lower of the two is taken. Nor does an atom of length 0.
  Matrix<double> atoms(3, 4);
  atoms << 0, 1, 1, 0,  //
      0, 0, 0, 1,       //
      0, 0, 0, 0;
  const Matrix<double> signal{{1}, {2}, {3}};
  const auto copies = Omp({.k = 4}).solve(Dense(atoms), signal);
  CHECK(Vector<double>(copies.codes.col(0)) == Vector<double>{{0, 1, 0, 2}});
  CHECK(support_of(copies.codes, 0) == std::vector<Index>{1, 3});
  CHECK(copies.objective[0] == Approx(4.5));

  // An atom within rounding of the span of those chosen still correlates with what is left, and is
  // passed over: fitting it would take a weight of 1e7.
  Matrix<double> near(2, 2);
  near << 1, 1,  //
      0, 5e-8;
  const auto passed = Omp({.k = 2}).solve(Dense(near), Matrix<double>{{1}, {0.5}});
  CHECK(passed.iterations[0] == 1);
  CHECK(largest_entry(passed.codes) == Approx(1));
}

TEST_CASE("OrthogonalMatchingPursuit refuses options and shapes by name", "[omp]") {
  CHECK(refusal([] { Omp({.k = 0}); }) == "OrthogonalMatchingPursuit: k must be at least 1, is 0");
  CHECK(refusal([] { Omp({.k = 1, .tolerance = -0.5}); }) ==
        "OrthogonalMatchingPursuit: tolerance must be finite and at least 0, is -0.5");
  CHECK(refusal([] { Omp({.k = 1, .threads = -2}); }) ==
        "OrthogonalMatchingPursuit: threads must be at least 0, is -2");
  CHECK(
      refusal([] { (void)Omp({.k = 1}).encode(gaussian(3, 4, 1), Matrix<double>::Ones(2, 5)); }) ==
      "OrthogonalMatchingPursuit: signals are 2 x 5, the dictionary is 3 x 4: expected 3 rows");
}

// ---- inference by Adam --------------------------------------------------------------------------

TEST_CASE("AdamInference takes the steps of Adam on log-codes", "[adam_inference]") {
  const Dense d = gaussian(3, 5, 101);
  const Matrix<double> x = random_normal<double>(3, 2, 102);
  const AdamInferenceOptions options{.learning_rate = 0.1, .steps = 1, .start = -1};
  const AdamInference infer(NonnegativeL1(0.05), options);
  const auto start = infer.with_steps(0).encode(d, x);
  CHECK(largest_entry(start - Matrix<double>::Constant(5, 2, std::exp(-1.0))) < 1e-16);
  // The first step of Adam is rate g / (|g| + epsilon).
  const Matrix<double> s = Matrix<double>::Constant(5, 2, std::exp(-1.0));
  const Matrix<double> c = d.atoms().transpose() * (d.atoms() * s - x);
  Matrix<double> expected(5, 2);
  for (Index k = 0; k < 10; ++k) {
    const double gradient = (c.data()[k] + 0.05) * std::exp(-1.0);
    expected.data()[k] = std::exp(-1 - 0.1 * gradient / (std::abs(gradient) + options.epsilon));
  }
  CHECK(largest_entry(infer.encode(d, x) - expected) < 1e-12);
  CHECK(largest_entry(infer.encode(Implicit(d.atoms()), x) - expected) < 1e-12);
  CHECK(largest_entry(infer.encode(PreparedDictionary<Dense>(d, 0), x) - expected) < 1e-12);
  CHECK(same_bits(infer.solve(d, x).codes, infer.encode(d, x)));

  // A warm start begins at its logarithm, but not below exp(start).
  Matrix<double> warm = Matrix<double>::Constant(5, 2, 0.7);
  warm(1, 1) = 0;
  warm(2, 0) = -3;
  const Matrix<double> begun = infer.with_steps(0).encode(d, x, warm);
  CHECK(largest_entry(begun - warm.cwiseMax(std::exp(-1.0))) < 1e-15);
}

TEST_CASE("AdamInference comes to the optimum that Fista finds", "[adam_inference]") {
  const bool gram_form = GENERATE(true, false);
  const Dense d = gram_form ? gaussian(4, 6, 103) : gaussian(3, 8, 103);
  const Matrix<double> x = random_normal<double>(d.dim(), 4, 104);
  const NonnegativeL1 penalty(0.05);
  const auto best = Fista(penalty, {.tolerance = 1e-12}).solve(d, x);
  double last = std::numeric_limits<double>::infinity();
  for (const Index steps : {10, 100, 2000}) {
    CAPTURE(steps);
    const auto found =
        AdamInference(penalty, {.learning_rate = 0.03, .start = -3}).with_steps(steps).solve(d, x);
    CHECK(found.codes.minCoeff() > 0);
    double furthest = 0;
    for (Index j = 0; j < x.cols(); ++j) {
      const auto here = static_cast<std::size_t>(j);
      const double above = found.objective[j] - best.objective[j];
      const double half_signal = 0.5 * x.col(j).squaredNorm();
      REQUIRE(above >= -1e-12 * half_signal);
      REQUIRE(found.gap[j] >= above);
      REQUIRE(found.objective[j] ==
              Approx(objective(d, x.col(j), found.codes.col(j), 0.05)).epsilon(1e-12));
      REQUIRE(found.status[here] == Status::completed);
      REQUIRE(found.iterations[here] == steps);
      furthest = std::max(furthest, above / half_signal);
    }
    CHECK(furthest < last);
    last = furthest;
  }
  CHECK(last < 1e-3);
}

TEST_CASE("AdamInference counts its flops and refuses by name", "[adam_inference]") {
  const Matrix<double> x = random_normal<double>(4, 3, 105);
  const auto flops = [&](Index num_atoms, Index steps) {
    return AdamInference(NonnegativeL1(0.05), {.steps = steps})
        .solve(gaussian(4, num_atoms, 106), x)
        .flops;
  };
  // Exponential, lambda and chain rule 3 n, Adam 13 n; the last exponential n.
  for (const std::int64_t f : flops(8, 7)) CHECK(f == 2 * 4 * 8 + 7 * (2 * 64 + 8 + 16 * 8) + 8);
  for (const std::int64_t f : flops(9, 7)) CHECK(f == 7 * (4 * 4 * 9 + 4 + 16 * 9) + 9);
  CHECK(AdamInference(NonnegativeL1(0.05)).encode(gaussian(4, 8, 1), Matrix<double>(4, 0)).rows() ==
        8);

  const auto options = [](AdamInferenceOptions o) {
    return refusal([&] { AdamInference(NonnegativeL1(0.1), o); });
  };
  CHECK(options({.steps = -1}) == "AdamInference: steps must be at least 0, is -1");
  CHECK(options({.start = 90}) == "AdamInference: start must be in [-40, 20], is 90");
  CHECK(options({.threads = -1}) == "AdamInference: threads must be at least 0, is -1");
  CHECK(options({.learning_rate = 0}) ==
        "Adam: learning_rate must be positive and finite, is 0");
  CHECK(options({.epsilon = -1}) == "Adam: epsilon must be finite and at least 0, is -1");
  CHECK(refusal([] {
          (void)AdamInference(NonnegativeL1(0.1)).encode(gaussian(3, 4, 1), Matrix<double>(2, 5));
        }) == "AdamInference::encode: signals are 2 x 5, the dictionary is 3 x 4: expected 3 rows");
}

// ---- combinators --------------------------------------------------------------------------------

TEST_CASE("Refined improves a guess by the steps it is given", "[refined]") {
  const Dense d = gaussian(6, 10, 111);
  const Matrix<double> x = random_normal<double>(6, 7, 112);
  const NonnegativeL1 penalty(0.1);
  const Fista fista(penalty, {.tolerance = 1e-12});
  const LinearReluEncoder<double> guess(RandomWeights{.dim = 6, .num_atoms = 10, .seed = 113});
  const Matrix<double> guessed = guess.encode(d, x);

  CHECK(same_bits(Refined(guess, fista, 0).encode(d, x), guessed));
  // Codes that the penalty does not allow are moved to where it does; sparse guesses are taken too.
  const Omp omp({.k = 3});
  const Matrix<double> pursued = omp.encode(d, x);
  REQUIRE(pursued.minCoeff() < 0);
  CHECK(same_bits(Refined(omp, fista, 0).encode(d, x), pursued.cwiseMax(0.0)));

  const auto best = fista.solve(d, x);
  const Vector<double> reached = Refined(guess, fista, 2000).solve(d, x).objective;
  CHECK(largest_entry(reached - best.objective) < 1e-11);
  CHECK(
      same_bits(Refined(guess, fista, 4).encode(d, x), fista.with_steps(4).encode(d, x, guessed)));

  const auto refined = Refined(guess, fista, 4).solve(d, x);
  const auto second = fista.with_steps(4).solve(d, x, guessed);
  CHECK(refined.total_flops() == second.total_flops() + guess.forward_flops(d) * x.cols());
  CHECK(same_bits(refined.codes, second.codes));
  CHECK(same_bits(refined.gap, second.gap));
  // The first's flops need not divide by the signals: what is left over is kept, with the set-up.
  const Fista loose(penalty, {.tolerance = 1e-2});
  const auto first = loose.solve(d, x);
  REQUIRE(first.total_flops() % x.cols() != 0);
  CHECK(Refined(loose, fista, 4).solve(d, x).total_flops() ==
        first.total_flops() + fista.with_steps(4).solve(d, x, first.codes).total_flops());

  CHECK(Refined(guess, fista, 4).solve(d, Matrix<double>(6, 0)).codes.rows() == 10);
  CHECK(refusal([&] { Refined(guess, fista, -1); }) == "Refined: steps must be at least 0, is -1");
}

TEST_CASE("the same bits at any number of threads", "[fista][omp][adam_inference]") {
  const Dense d = gaussian(6, 12, 121);
  const Matrix<double> x = random_normal<double>(6, 1100, 122);
  const auto fista = [&](Index threads) {
    return Fista(L1(0.1), {.tolerance = 0, .max_iterations = 5, .threads = threads}).encode(d, x);
  };
  CHECK(same_bits(fista(1), fista(3)));
  const auto omp = [&](Index threads) {
    return Matrix<double>(Omp({.k = 2, .threads = threads}).encode(d, x.leftCols(200)));
  };
  CHECK(same_bits(omp(1), omp(3)));
  const auto adam = [&](Index threads) {
    return AdamInference(NonnegativeL1(0.1), {.steps = 3, .threads = threads}).encode(d, x);
  };
  CHECK(same_bits(adam(1), adam(3)));
}

TEST_CASE("what overflows is refused or certified as nothing, never as optimal", "[fista][adam]") {
  INFO("seeds 51 and 52");
  const Matrix<float> atoms = random_normal<float>(8, 16, 51), x = random_normal<float>(8, 3, 52);
  const DenseDictionary<float> long_atoms(1e20F * atoms);
  CHECK_THROWS_AS(Fista(L1(0.05)).solve(long_atoms, x), std::invalid_argument);
  const auto solution = AdamInference(NonnegativeL1(0.05), {.steps = 50})
                            .solve(DenseDictionary<float>(atoms), 1e20F * x);
  for (Index j = 0; j < 3; ++j) CHECK(!(solution.relative_gap[j] < 0.5));
}

TEST_CASE("precision_limit means that more steps do not help", "[fista]") {
  INFO("seeds 1, 2, 7 and 8");
  // Slow and swinging, but on its way: every signal reaches the tolerance in float.
  const SyntheticModel<float> model(
      SyntheticOptions{.dim = 8, .num_atoms = 16, .num_active = 3}, 1);
  const DenseDictionary<float> d(model.atoms());
  const Matrix<float> x = model.sample(128, 2).signals;
  const Index check_every = GENERATE(1, 10);
  const auto slow = Fista(NonnegativeL1(5e-5), {.max_iterations = 20000, .check_every = check_every})
                        .solve(d, x);
  for (const Status status : slow.status) CHECK(status == Status::converged);

  // Out of reach: the gap of a tiny lambda on noise is all rounding. It says so long before the cap.
  const DenseDictionary<float> tall(0.2F * random_normal<float>(20, 10, 7));
  const auto noise = Fista(L1(1e-5)).solve(tall, random_normal<float>(20, 50, 8));
  Index limited = 0;
  for (std::size_t j = 0; j < 50; ++j) {
    CHECK(noise.status[j] != Status::max_iterations);
    CHECK(noise.iterations[j] < 1000);
    if (noise.status[j] == Status::precision_limit) ++limited;
  }
  CHECK(limited > 25);
}
