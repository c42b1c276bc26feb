// SPDX-License-Identifier: MIT
// Optimisers by the laws of their concept and by their formulas, and what they refuse.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/optimizer/adam.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>

#include "laws/optimizer_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

template <Real S>
void check_all() {
  INFO("size of an element " << sizeof(S));
  // A constant rate leaves Adam within some rates of the minimum; gradient descent goes on to
  // rounding.
  check_optimizer_laws<S>(Adam({.learning_rate = 1e-2}), 4000, 2e-2, 1);
  check_optimizer_laws<S>(GradientDescent({.learning_rate = 0.2}), 400, 1e-5, 2);
  check_optimizer_laws<S>(GradientDescent({.learning_rate = 0.1, .momentum = 0.9}), 600, 1e-5, 3);
  check_optimizer_laws<S>(MinimalOptimizer{}, 600, 1e-5, 4);
}

/// torch.optim.Adam of one number, as its documentation writes it, in long double.
struct TorchAdam {
  long double rate, beta1, beta2, epsilon;
  long double m = 0, v = 0;
  int t = 0;

  long double step(long double p, long double g) {
    ++t;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const long double m_hat = m / (1 - std::pow(beta1, static_cast<long double>(t)));
    const long double v_hat = v / (1 - std::pow(beta2, static_cast<long double>(t)));
    return p - rate * m_hat / (std::sqrt(v_hat) + epsilon);
  }
};

template <Real S>
void check_against_torch(const AdamOptions& options, double tolerance) {
  // More than one chunk of the implementation, and a rest.
  constexpr Index n = 1031;
  const Matrix<S> gradients = random_normal<S>(n, 12, 5);
  Vector<S> p = random_normal<S>(n, 1, 6);
  std::vector<TorchAdam> reference(
      n, TorchAdam{options.learning_rate, options.beta1, options.beta2, options.epsilon});
  std::vector<long double> expected(p.data(), p.data() + n);
  const Adam adam(options);
  auto state = adam.start<S>(n);
  double worst = 0;
  for (Index t = 0; t < gradients.cols(); ++t) {
    adam.step(state, p, gradients.col(t));
    for (Index i = 0; i < n; ++i) {
      const auto here = static_cast<std::size_t>(i);
      expected[here] = reference[here].step(expected[here], gradients(i, t));
      worst = std::max(worst, std::abs(static_cast<double>(p[i] - expected[here])));
    }
  }
  CHECK(state.steps == 12);
  CHECK(worst <= tolerance);
}

}  // namespace

TEST_CASE("every optimiser obeys the optimiser laws", "[optimizer][laws]") {
  check_all<float>();
  check_all<double>();
}

TEST_CASE("Adam is the published rule", "[optimizer]") {
  check_against_torch<double>({}, 1e-14);
  check_against_torch<double>({.learning_rate = 0.1, .beta1 = 0.5, .beta2 = 0.7, .epsilon = 0.3},
                              1e-14);
  check_against_torch<double>({.learning_rate = 0.1, .beta1 = 0, .beta2 = 0, .epsilon = 1e-8},
                              1e-14);
  check_against_torch<float>({.learning_rate = 0.1}, 1e-5);
}

TEST_CASE("Adam by hand", "[optimizer]") {
  // The first step is the rate against the sign; then m = .9 (.2) + .1 (-1) = .08, over 1 - .81;
  // and v = .999 (.004) + .001 = .004996, over 1 - .998001.
  const Adam adam({.learning_rate = 0.5, .epsilon = 0});
  Vector<double> p = Vector<double>::Constant(1, 1.0);
  auto state = adam.start<double>(1);
  adam.step(state, p, Vector<double>::Constant(1, 2.0));
  CHECK(p[0] == Approx(0.5).epsilon(1e-14));
  adam.step(state, p, Vector<double>::Constant(1, -1.0));
  CHECK(p[0] == Approx(0.5 - 0.5 * (0.08 / 0.19) / std::sqrt(0.004996 / 0.001999)).epsilon(1e-13));
}

TEST_CASE("Adam does not change when gradient and epsilon are scaled together", "[optimizer]") {
  const Matrix<double> gradients = random_normal<double>(7, 30, 7);
  // Powers of two, so that equal means equal bits.
  const auto path = [&](double scale) {
    const Adam adam({.learning_rate = 0.01, .epsilon = 1e-3 * scale});
    auto state = adam.start<double>(7);
    Vector<double> p = Vector<double>::Zero(7);
    for (Index t = 0; t < gradients.cols(); ++t) adam.step(state, p, scale * gradients.col(t));
    return p;
  };
  const Vector<double> plain = path(1);
  CHECK((path(1024).array() == plain.array()).all());
  CHECK((path(std::ldexp(1.0, -20)).array() == plain.array()).all());
}

TEST_CASE("gradient descent by hand, with and without momentum", "[optimizer]") {
  const Vector<double> one = Vector<double>::Ones(1);
  Vector<double> p = one;
  const GradientDescent plain({.learning_rate = 0.25});
  auto state = plain.start<double>(1);
  plain.step(state, p, 2 * one);
  plain.step(state, p, one);
  CHECK(p[0] == 0.25);
  const GradientDescent heavy({.learning_rate = 0.25, .momentum = 0.5});
  p = one;
  state = heavy.start<double>(1);
  heavy.step(state, p, 2 * one);  // moves by .25 * 2
  heavy.step(state, p, one);      // and by .25 * (.5 * 2 + 1)
  CHECK(p[0] == 0);
}

TEST_CASE("optimisers refuse options out of range, by name", "[optimizer]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, -1.0, nan, infinity}) {
    INFO("rate " << bad);
    CHECK(message_of([&] { Adam({.learning_rate = bad}); }) ==
          "Adam: learning_rate must be positive and finite, is " + std::to_string(bad));
    CHECK(message_of([&] { GradientDescent({.learning_rate = bad}); }) ==
          "GradientDescent: learning_rate must be positive and finite, is " + std::to_string(bad));
  }
  for (const double bad : {1.0, -0.1, nan}) {
    INFO("decay " << bad);
    CHECK(says(message_of([&] { Adam({.beta1 = bad}); }), "Adam: beta1 must be in [0, 1)"));
    CHECK(says(message_of([&] { Adam({.beta2 = bad}); }), "Adam: beta2 must be in [0, 1)"));
    CHECK(says(message_of([&] { GradientDescent({.momentum = bad}); }),
               "GradientDescent: momentum must be in [0, 1)"));
  }
  for (const double bad : {-1e-9, nan, infinity})
    CHECK(says(message_of([&] { Adam({.epsilon = bad}); }),
               "Adam: epsilon must be finite and at least 0"));
}

TEST_CASE("optimisers refuse lengths that differ", "[optimizer]") {
  const auto check = [](const auto& optimizer, const std::string& name) {
    auto state = optimizer.template start<double>(3);
    Vector<double> three(3), two(2);
    CHECK(message_of([&] { optimizer.step(state, two, two); }) ==
          name + "::step: state of 3, parameters 2, gradient 2");
    CHECK(message_of([&] { optimizer.step(state, three, two); }) ==
          name + "::step: state of 3, parameters 3, gradient 2");
    CHECK(message_of([&] { optimizer.step(state, two, three); }) ==
          name + "::step: state of 3, parameters 2, gradient 3");
  };
  check(Adam(), "Adam");
  check(GradientDescent(), "GradientDescent");
}
