// SPDX-License-Identifier: MIT
// Transforms by the laws of their concept, the gradient of the learned one, where it may begin,
// what folding leaves unchanged, and what they refuse.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/operator/geometric_median.hpp>
#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/composed.hpp>
#include <lacuna/transform/fold.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

#include "laws/transform_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

template <Real S>
void check_all() {
  INFO("size of an element " << sizeof(S));
  const Vector<S> offset = 3 * random_normal<S>(5, 1, 4);
  check_transform_laws<S>(Identity{}, 5, 1);
  check_transform_laws<S>(Centre<S>(offset), 5, 2);
  check_transform_laws<S>(LearnedBias<S>(offset), 5, 3);
  check_transform_laws<S>(Scale<S>(S(0.3)), 5, 6);
  check_transform_laws<S>(Composed(Centre<S>(offset), Scale<S>(S(7))), 5, 7);
  check_transform_laws<S>(Composed(Scale<S>(S(0.1)), Composed(Identity{}, Centre<S>(offset))), 5,
                          8);
  check_transform_laws<S>(MinimalTransform<S>{}, 5, 4);
  check_transform_laws<S>(MinimalLearnableTransform<S>(S(0.5)), 5, 5);
}

/// <a, apply(x)>, whose gradient by apply(x) is a.
template <class T>
double loss(const T& transform, const Matrix<double>& x, const Matrix<double>& a) {
  return a.cwiseProduct(transform.apply(x)).sum();
}

template <class T>
void check_gradient(T transform) {
  const Matrix<double> x = random_normal<double>(5, 7, 11), a = random_normal<double>(5, 7, 12);
  Vector<double> gradient;
  transform.backward(x, a, gradient);
  REQUIRE(gradient.size() == transform.parameters().size());
  for (Index k = 0; k < gradient.size(); ++k) {
    INFO("parameter " << k);
    // The loss is linear in the parameters, so the step may be large.
    const double before = loss(transform, x, a);
    transform.parameters()[k] += 1;
    CHECK(loss(transform, x, a) - before == Approx(gradient[k]).margin(1e-11));
    transform.parameters()[k] -= 1;
  }
}

}  // namespace

TEST_CASE("every transform obeys the transform laws", "[transform][laws]") {
  check_all<float>();
  check_all<double>();
}

TEST_CASE("a learned transform's gradient is the derivative", "[transform][laws]") {
  check_gradient(LearnedBias<double>(random_normal<double>(5, 1, 14)));
  check_gradient(MinimalLearnableTransform<double>(0.3));
  const LearnedBias<double> bias(random_normal<double>(5, 1, 14));
  check_gradient(Composed(Scale<double>(3), bias));
  check_gradient(Composed(bias, Scale<double>(3)));
  check_gradient(
      Composed(Composed(Scale<double>(3), bias), Composed(Identity{}, Scale<double>(0.7))));
}

TEST_CASE("centring takes the mean away", "[transform]") {
  Matrix<float> x(2, 3);
  x << 1, 2, 6, -1, 0, 1;
  const Centre<float> centre = Centre<float>::of(x);
  CHECK(centre.mean()[0] == 3);
  CHECK(centre.mean()[1] == 0);
  CHECK(centre.apply(x).rowwise().sum().isZero());
  // Summed in double: a million ones and 2^24 are one too many for float.
  Matrix<float> many = Matrix<float>::Ones(1, 1000001);
  many(0, 0) = 16777216;
  CHECK(Centre<float>::of(many).mean()[0] ==
        static_cast<float>((16777216.0 + 1000000.0) / 1000001.0));
}

TEST_CASE("a learned bias is subtracted, added, and moved through its view", "[transform]") {
  Vector<double> bias(2);
  bias << 1, -2;
  LearnedBias<double> transform(bias);
  const Matrix<double> zero = Matrix<double>::Zero(2, 1);
  CHECK(transform.apply(zero)(1, 0) == 2);
  CHECK(transform.invert(zero)(1, 0) == -2);
  transform.parameters()[1] = 5;
  CHECK(transform.bias()[1] == 5);
  CHECK(transform.invert(zero)(1, 0) == 5);
}

TEST_CASE("scaling brings signals to the size asked for", "[transform]") {
  // Squared norms 25 and 75, 50 on average.
  Matrix<float> x(2, 2);
  x << 3, 5, 4, std::sqrt(50.0F);
  CHECK(Scale<float>::of(x).scale() == Approx(5));
  CHECK(Scale<float>::of(x, 1).scale() == Approx(std::sqrt(50.0)));
  const Matrix<double> y = 1e-3 * random_normal<double>(6, 40, 15);
  CHECK(Scale<double>::of(y).apply(y).squaredNorm() == Approx(6 * 40).epsilon(1e-12));
  CHECK(Scale<double>::of(y, 1).apply(y).squaredNorm() == Approx(40).epsilon(1e-12));
  CHECK(Scale<double>(4).apply(y) == y / 4);
  CHECK(Scale<double>(4).invert(y) == 4 * y);
}

TEST_CASE("composed transforms go forth in order and back in reverse", "[transform]") {
  const Vector<double> one = Vector<double>::Ones(1);
  const Composed first_less(Centre<double>(one), Scale<double>(2));
  CHECK(first_less.apply(5 * one)(0) == 2);   // (5 - 1) / 2
  CHECK(first_less.invert(2 * one)(0) == 5);  // 2 2 + 1
  const Composed first_half(Scale<double>(2), Centre<double>(one));
  CHECK(first_half.apply(5 * one)(0) == 1.5);  // 5 / 2 - 1
  CHECK(first_half.first().scale() == 2);
  CHECK(first_half.second().mean()[0] == 1);
}

TEST_CASE("a learned bias begins at the mean or the geometric median", "[transform]") {
  // One signal far away draws the mean, and not the median, of a majority.
  Matrix<float> x(2, 5);
  x << 1, 1, 1, 2, 1000, -2, -2, -2, 0, 1000;
  CHECK(LearnedBias<float>::at_mean(x).bias()[0] == 201);
  const Vector<float> median = LearnedBias<float>::at_geometric_median(x).bias();
  CHECK(median[0] == 1);
  CHECK(median[1] == -2);
  CHECK(message_of([] { (void)LearnedBias<float>::at_mean(Matrix<float>(2, 0)); }) ==
        "LearnedBias::at_mean: no signals");
}

// ---- the geometric median

namespace {

Vector<double> sum_of_unit_vectors(const Matrix<double>& x, const Vector<double>& from) {
  Vector<double> sum = Vector<double>::Zero(from.size());
  for (Index j = 0; j < x.cols(); ++j) sum += (x.col(j) - from).normalized();
  return sum;
}

double sum_of_distances(const Matrix<double>& x, const Vector<double>& from) {
  return (x.colwise() - from).colwise().norm().sum();
}

}  // namespace

TEST_CASE("the unit vectors from a geometric median add up to nothing", "[transform][median]") {
  for (const std::uint64_t seed : {21U, 22U, 23U}) {
    INFO("seed " << seed);
    const Matrix<double> x = random_normal<double>(4, 41, seed).cwiseAbs2();
    const GeometricMedian median = geometric_median<double>(x, {.tolerance = 1e-10});
    REQUIRE(median.status == Status::converged);
    CHECK(median.relative_gap <= 1e-10);
    CHECK(sum_of_unit_vectors(x, median.point).norm() <= 0.5e-10 * 41 * 1.01);
    CHECK(median.objective == Approx(sum_of_distances(x, median.point)).epsilon(1e-13));
    // Moved, shortened and turned with the signals.
    const Vector<double> offset = random_normal<double>(4, 1, seed + 10);
    const Matrix<double> y = (-0.01 * x).colwise() + offset;
    const GeometricMedian moved = geometric_median<double>(y, {.tolerance = 1e-10});
    CHECK((moved.point - (-0.01 * median.point + offset)).norm() <= 1e-8);
    const GeometricMedian single = geometric_median<float>(x.cast<float>());
    CHECK(single.status == Status::converged);
    CHECK((single.point - median.point).norm() <= 1e-2);
  }
}

TEST_CASE("the geometric median of a triangle is its Fermat point", "[transform][median]") {
  // It sees every side at 120 degrees: on the axis, at 1 / sqrt 3 above a base of length 2.
  Matrix<double> x(2, 3);
  x << -1, 1, 0, 0, 0, 5;
  const double least = std::sqrt(3.0) + 5;
  for (const Index most : {0, 1, 2, 5, 10}) {
    INFO("iterations " << most);
    const GeometricMedian early =
        geometric_median<double>(x, {.tolerance = 1e-14, .max_iterations = most});
    CHECK(early.status == Status::max_iterations);
    CHECK(early.iterations == most);
    // The certificate holds at any time.
    CHECK(early.objective - least <= early.relative_gap * early.objective);
  }
  const GeometricMedian median = geometric_median<double>(x, {.tolerance = 1e-12});
  CHECK(median.status == Status::converged);
  CHECK(median.objective == Approx(least).epsilon(1e-12));
  CHECK(median.point[0] == Approx(0).margin(1e-8));
  CHECK(median.point[1] == Approx(1 / std::sqrt(3.0)).epsilon(1e-8));
}

TEST_CASE("a signal that is the geometric median is found, to the bit", "[transform][median]") {
  Matrix<double> obtuse(2, 3);  // an angle above 120 degrees at the first
  obtuse << 0.1, 1, -1, 0.2, 0, 0.25;
  const GeometricMedian corner = geometric_median<double>(obtuse);
  CHECK(corner.status == Status::converged);
  CHECK(corner.point == obtuse.col(0));
  CHECK(corner.relative_gap == 0);
  // Half of the signals at one place hold it against any others.
  Matrix<double> half = random_normal<double>(3, 10, 31);
  half.leftCols(5).colwise() = Vector<double>{{5, -7, 0.3}};
  CHECK(geometric_median<double>(half).point == half.col(0));
  // The mean, where it begins, is a signal and not the median: Weiszfeld alone would stay there.
  Matrix<double> line(1, 5);
  line << -6, 0, 1, 2, 3;
  CHECK(geometric_median<double>(line).point[0] == 1);
  Matrix<double> plane(2, 5);
  plane << 0, 1, 1, 1, -3, 0, 1, 0, -1, 0;
  REQUIRE(plane.rowwise().mean().isZero(0));
  const GeometricMedian away = geometric_median<double>(plane, {.tolerance = 1e-10});
  CHECK(away.status == Status::converged);
  CHECK(away.objective < sum_of_distances(plane, plane.col(0)) - 0.05);
  // All alike, one alone, and an even number on a line, where the median is a whole interval.
  CHECK(geometric_median<double>(Matrix<double>::Constant(3, 4, 0.1)).point ==
        Vector<double>::Constant(3, 0.1));
  CHECK(geometric_median<double>(line.col(2)).point[0] == 1);
  const GeometricMedian interval = geometric_median<double>(line.leftCols(4));
  CHECK(interval.status == Status::converged);
  CHECK(interval.objective == Approx(9));
}

TEST_CASE("the geometric median refuses what has none", "[transform][median]") {
  CHECK(message_of([] { (void)geometric_median<double>(Matrix<double>(3, 0)); }) ==
        "geometric_median: no signals");
  Matrix<double> holed = Matrix<double>::Zero(2, 3);
  holed(1, 2) = std::numeric_limits<double>::infinity();
  CHECK(says(message_of([&] { (void)geometric_median<double>(holed); }),
             "geometric_median: signals column 2"));
  const Matrix<double> x = Matrix<double>::Zero(2, 3);
  CHECK(message_of([&] { (void)geometric_median<double>(x, {.tolerance = 0}); }) ==
        "geometric_median: tolerance must be above 0, is 0");
  CHECK(message_of([&] { (void)geometric_median<double>(x, {.max_iterations = -1}); }) ==
        "geometric_median: max_iterations must be at least 0, is -1");
}

// ---- folding

namespace {

/// encode, then decode, unchanged by folding, for signals far from 0 and of another unit.
template <Real S, class T, class E>
void check_fold(const T& transform, const E& encoder) {
  const Index dim = encoder.affine().dim(), num_atoms = encoder.affine().num_atoms();
  const Model model{transform, DenseDictionary<S>(random_normal<S>(dim, num_atoms, 41)), encoder};
  const Matrix<S> x = transform.invert(random_normal<S>(dim, 30, 42));
  const auto folded = fold(model);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(folded.encoder)>, E>);
  const Matrix<S> expected = model.encode(x), codes = folded.encode(x);
  REQUIRE(expected.cwiseAbs().maxCoeff() > S(0.5));
  const S tolerance = 200 * std::numeric_limits<S>::epsilon();
  CHECK((codes - expected).cwiseAbs().maxCoeff() <= tolerance * expected.cwiseAbs().maxCoeff());
  CHECK(((codes.array() > 0) == (expected.array() > 0)).all());
  const Matrix<S> expected_again = model.decode(model.encode(x)),
                  again = folded.decode(folded.encode(x));
  CHECK((again - expected_again).cwiseAbs().maxCoeff() <=
        tolerance * expected_again.cwiseAbs().maxCoeff());
  // The encoder on its own is the same, and goes with any dictionary of the shape.
  CHECK(Matrix<S>(fold(transform, encoder).encode(model.dictionary, x)) == codes);
}

template <Real S>
void check_folds() {
  INFO("size of an element " << sizeof(S));
  const Matrix<S> weights = random_normal<S>(12, 6, 43);
  const Vector<S> bias = random_normal<S>(12, 1, 44), offset = 3 * random_normal<S>(6, 1, 45);
  const Centre<S> centre(offset);
  const Scale<S> scale(S(0.02));
  const auto check_encoders = [&](const auto& transform) {
    for (const Vector<S>& b : {bias, Vector<S>()}) {
      check_fold<S>(transform, LinearReluEncoder<S>(weights, b));
      check_fold<S>(transform, TopKEncoder<S>(weights, 3, b, {.threads = 2}));
    }
  };
  check_encoders(LearnedBias<S>(offset));
  check_encoders(scale);
  check_encoders(Composed(Centre<S>(S(0.02) * offset), scale));
  check_encoders(Composed(scale, LearnedBias<S>(offset)));
  check_encoders(Composed(Composed(scale, centre), Composed(Identity{}, Centre<S>(offset))));
}

/// Has a second map behind the first, as a gated encoder has.
struct TwoMaps {
  using Scalar = double;
  AffineMap<double> map;

  TwoMaps(const Matrix<double>& weights, const Vector<double>& bias, AmortisedOptions)
      : map(weights, bias, Vector<double>::Ones(2)) {}
  const AffineMap<double>& affine() const { return map; }
  AmortisedOptions options() const { return {}; }
  ParameterView<double> parameters() { return map.parameters(); }
};

}  // namespace

TEST_CASE("a transform folded into the weights changes no code and no reconstruction",
          "[transform][fold]") {
  check_folds<float>();
  check_folds<double>();
}

TEST_CASE("folding by hand", "[transform][fold]") {
  // (x - (1, 2)) / 4 through (8, 4) + 1 is (2, 1) x + 1 - (2 + 2).
  const Composed standard(Centre<double>(Vector<double>{{1, 2}}), Scale<double>(4));
  const LinearReluEncoder<double> encoder(Matrix<double>{{8, 4}}, Vector<double>{{1}});
  const LinearReluEncoder<double> folded = fold(standard, encoder);
  CHECK(folded.affine().weights() == Matrix<double>{{2, 1}});
  CHECK(folded.affine().bias()[0] == -3);
  const auto model =
      fold(Model{standard, DenseDictionary<double>(Matrix<double>::Ones(2, 1)), encoder});
  CHECK(model.scale == 4);
  CHECK(model.shift == Vector<double>{{1, 2}});
  // Without a shift no bias comes to be, and what else there is stays.
  const TopKEncoder<double> plain(Matrix<double>{{8, 4}}, 5, {}, {.threads = 3});
  const TopKEncoder<double> halved = fold(Scale<double>(2), plain);
  CHECK_FALSE(halved.affine().has_bias());
  CHECK(halved.k() == 5);
  CHECK(halved.options().threads == 3);
  CHECK(fold(Centre<double>(Vector<double>{{1, 2}}), plain).affine().bias()[0] == -16);
}

TEST_CASE("folding refuses what it would change", "[transform][fold]") {
  const Centre<double> three(Vector<double>::Ones(3));
  const LinearReluEncoder<double> encoder(Matrix<double>::Ones(4, 2));
  CHECK(says(message_of([&] { (void)fold(three, encoder); }), "fold: weights are"));
  const TwoMaps two(Matrix<double>::Ones(4, 3), {}, {});
  CHECK(message_of([&] { (void)fold(three, two); }) ==
        "fold: the encoder learns more than the weights and the bias of one affine map");
}

TEST_CASE("transforms refuse shapes and numbers that do not fit", "[transform]") {
  const Centre<double> centre(Vector<double>::Zero(2));
  const LearnedBias<double> bias(Vector<double>::Zero(2));
  const Matrix<double> tall = Matrix<double>::Zero(3, 4);
  Vector<double> gradient;
  for (const std::string& message : {message_of([&] { (void)centre.apply(tall); }),
                                     message_of([&] { (void)centre.invert(tall); })}) {
    INFO(message);
    CHECK(says(message, "signals are 3 x 4, the mean is 2 x 1: expected 2 rows"));
  }
  for (const std::string& message :
       {message_of([&] { (void)bias.apply(tall); }), message_of([&] { (void)bias.invert(tall); }),
        message_of([&] { bias.backward(tall, tall, gradient); })}) {
    INFO(message);
    CHECK(says(message, "signals are 3 x 4, the bias is 2 x 1: expected 2 rows"));
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(says(message_of([&] { Centre<double>{Vector<double>::Constant(2, nan)}; }),
             "Centre: mean column 0"));
  CHECK(says(message_of([&] { LearnedBias<double>{Vector<double>::Constant(2, nan)}; }),
             "LearnedBias: bias column 0"));
  CHECK(message_of([] { (void)Centre<double>::of(Matrix<double>(2, 0)); }) ==
        "Centre::of: no signals");
  for (const double bad : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
    CHECK(message_of([&] { Scale<double>{bad}; }) ==
          "Scale: scale must be positive and finite, is " + text_of(bad));
    CHECK(message_of([&] { (void)Scale<double>::of(Matrix<double>::Ones(2, 2), bad); }) ==
          "Scale::of: mean_squared_norm must be positive and finite, is " + text_of(bad));
  }
  CHECK(message_of([&] { (void)Scale<double>::of(tall); }) == "Scale::of: all signals are 0");
  CHECK(message_of([] { (void)Scale<double>::of(Matrix<double>(2, 0)); }) ==
        "Scale::of: no signals");
  Matrix<double> holed = tall;
  holed(1, 2) = nan;
  CHECK(says(message_of([&] { (void)Centre<double>::of(holed); }), "Centre::of: signals column 2"));
  CHECK(says(message_of([&] { (void)Scale<double>::of(holed); }), "Scale::of: signals column 2"));
}
