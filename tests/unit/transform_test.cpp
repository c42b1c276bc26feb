// SPDX-License-Identifier: MIT
// Transforms by the laws of their concept, the gradient of the learned one, and what they refuse.
#include <limits>
#include <string>

#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>

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
  check_transform_laws<S>(MinimalTransform<S>{}, 5, 4);
  check_transform_laws<S>(MinimalLearnableTransform<S>(S(0.5)), 5, 5);
}

/// <a, apply(x)> + <i, invert(x)>, whose gradients by apply(x) and invert(x) are a and i.
template <class T>
double loss(const T& transform, const Matrix<double>& x, const Matrix<double>& a,
            const Matrix<double>& i) {
  return a.cwiseProduct(transform.apply(x)).sum() + i.cwiseProduct(transform.invert(x)).sum();
}

template <class T>
void check_gradient(T transform) {
  const Matrix<double> x = random_normal<double>(5, 7, 11), a = random_normal<double>(5, 7, 12),
                       i = random_normal<double>(5, 7, 13);
  Vector<double> gradient;
  transform.backward(x, a, i, gradient);
  REQUIRE(gradient.size() == transform.parameters().size());
  for (Index k = 0; k < gradient.size(); ++k) {
    INFO("parameter " << k);
    // The loss is linear in the parameters, so the step may be large.
    const double before = loss(transform, x, a, i);
    transform.parameters()[k] += 1;
    CHECK(loss(transform, x, a, i) - before == Approx(gradient[k]).margin(1e-11));
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
        message_of([&] { bias.backward(tall, tall, tall, gradient); })}) {
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
  Matrix<double> holed = tall;
  holed(1, 2) = nan;
  CHECK(says(message_of([&] { (void)Centre<double>::of(holed); }), "Centre::of: signals column 2"));
}
