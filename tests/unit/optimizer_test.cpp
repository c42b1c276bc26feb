// SPDX-License-Identifier: MIT
// Optimisers by the laws of their concept and by their formulas, and what they refuse.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/optimizer/adam.hpp>
#include <lacuna/optimizer/adam_w.hpp>
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
  check_optimizer_laws<S>(AdamW({.learning_rate = 1e-2, .weight_decay = 1e-3}), 4000, 2e-2, 5);
  check_optimizer_laws<S>(GradientDescent({.learning_rate = 0.2}), 400, 1e-5, 2);
  check_optimizer_laws<S>(
      GradientDescent({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}), 600, 1e-5, 6);
  check_optimizer_laws<S>(GradientDescent({.learning_rate = 0.1, .momentum = 0.9}), 600, 1e-5, 3);
  check_optimizer_laws<S>(MinimalOptimizer{}, 600, 1e-5, 4);
}

/// torch.optim.AdamW of one number, as its documentation writes it, in long double; without decay
/// it is torch.optim.Adam.
struct TorchAdam {
  long double rate, beta1, beta2, epsilon, decay = 0;
  long double m = 0, v = 0;
  int t = 0;

  long double step(long double p, long double g) {
    ++t;
    p -= rate * decay * p;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const long double m_hat = m / (1 - std::pow(beta1, static_cast<long double>(t)));
    const long double v_hat = v / (1 - std::pow(beta2, static_cast<long double>(t)));
    return p - rate * m_hat / (std::sqrt(v_hat) + epsilon);
  }
};

template <Real S, class O = Adam>
void check_against_torch(const typename O::Options& options, double tolerance) {
  // More than one chunk of the implementation, and a rest.
  constexpr Index n = 1031;
  const Matrix<S> gradients = random_normal<S>(n, 12, 5);
  Vector<S> p = random_normal<S>(n, 1, 6);
  TorchAdam start{options.learning_rate, options.beta1, options.beta2, options.epsilon};
  if constexpr (std::is_same_v<O, AdamW>) start.decay = options.weight_decay;
  std::vector<TorchAdam> reference(n, start);
  std::vector<long double> expected(p.data(), p.data() + n);
  const O adam(options);
  auto state = adam.template start<S>(n);
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

TEST_CASE("AdamW is the published rule", "[optimizer]") {
  check_against_torch<double, AdamW>({}, 1e-14);
  check_against_torch<double, AdamW>({.learning_rate = 0.1, .weight_decay = 2, .epsilon = 0.3},
                                     1e-14);
  check_against_torch<float, AdamW>({.learning_rate = 0.1, .weight_decay = 2}, 1e-5);
}

TEST_CASE("AdamW without decay is Adam, and decays without a gradient", "[optimizer]") {
  const Matrix<float> gradients = random_normal<float>(40, 20, 8);
  const Adam adam({.learning_rate = 0.01});
  const AdamW none({.learning_rate = 0.01, .weight_decay = 0});
  auto state = adam.start<float>(40), same = none.start<float>(40);
  Vector<float> p = random_normal<float>(40, 1, 9), q = p;
  for (Index t = 0; t < gradients.cols(); ++t) {
    adam.step(state, p, gradients.col(t));
    none.step(same, q, gradients.col(t));
  }
  CHECK((p.array() == q.array()).all());
  // (1 - 1/2 1/2)^2, and at half the rate 1 - 1/8.
  const AdamW half({.learning_rate = 0.5, .weight_decay = 0.5});
  auto rest = half.start<double>(1);
  Vector<double> shrinks = Vector<double>::Ones(1);
  half.step(rest, shrinks, Vector<double>::Zero(1));
  half.step(rest, shrinks, Vector<double>::Zero(1));
  CHECK(shrinks[0] == 0.5625);
  half.step(rest, shrinks, Vector<double>::Zero(1), 0.5);
  CHECK(shrinks[0] == 0.5625 * 0.875);
  // At four times the rate nothing would be left.
  CHECK(message_of([&] { half.step(rest, shrinks, Vector<double>::Zero(1), 4); }) ==
        "AdamW::step: rate_factor * learning_rate * weight_decay must be below 1, is 1");
  CHECK((shrinks[0] == 0.5625 * 0.875 && rest.steps == 3));
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
  const GradientDescent ahead({.learning_rate = 0.25, .momentum = 0.5, .nesterov = true});
  p = one;
  state = ahead.start<double>(1);
  ahead.step(state, p, 2 * one);  // moves by .25 * (2 + .5 * 2)
  CHECK(p[0] == 0.25);
  ahead.step(state, p, one);  // and by .25 * (1 + .5 * (.5 * 2 + 1))
  CHECK(p[0] == -0.25);
  CHECK(ahead.step_flops(10) == 60);
}

TEST_CASE("what a reset Adam entry does next, by hand", "[optimizer]") {
  // After many steps of gradient 1 both means are 1 and the corrections gone; the reset entry has
  // m = .1 g and v = .001 g^2, so it moves by .1 / sqrt(.001) rates; a new state by one rate.
  const Adam adam({.learning_rate = 1e-3});
  auto state = adam.start<double>(2);
  Vector<double> p = Vector<double>::Zero(2);
  for (Index t = 0; t < 40000; ++t) adam.step(state, p, Vector<double>::Ones(2));
  adam.reset(state, 1, 1);
  CHECK(state.mean[0] == Approx(1).epsilon(1e-12));
  CHECK(state.mean[1] == 0);
  CHECK(state.mean_square[1] == 0);
  CHECK(state.steps == 40000);
  p.setZero();
  adam.step(state, p, Vector<double>::Constant(2, -5.0));
  CHECK(p[1] == Approx(1e-3 * 0.1 / std::sqrt(0.001)).epsilon(1e-6));
}

TEST_CASE("a reset of the rows of a matrix, and of a column", "[optimizer]") {
  // Latent 2 of 3 with weights 3 x 4: every third; its atom in 4 x 3: four side by side.
  const GradientDescent descent({.momentum = 0.5});
  auto rows = descent.start<float>(12), columns = rows;
  Vector<float> p = Vector<float>::Zero(12);
  descent.step(rows, p, Vector<float>::Ones(12));
  columns = rows;
  descent.reset(rows, 2, 4, 3);
  descent.reset(columns, 8, 4);
  const Matrix<float> weights = rows.velocity.reshaped(3, 4),
                      atoms = columns.velocity.reshaped(4, 3);
  CHECK((weights.topRows(2).array() == 1).all());
  CHECK(weights.row(2).isZero(0));
  CHECK((atoms.leftCols(2).array() == 1).all());
  CHECK(atoms.col(2).isZero(0));
}

TEST_CASE("optimisers give the same bits at any number of threads", "[optimizer]") {
  constexpr Index n = (1 << 18) + 77;  // three blocks
  const Matrix<float> gradients = random_normal<float>(n, 3, 10);
  const auto path = [&](const auto& optimizer) {
    auto state = optimizer.template start<float>(n);
    Vector<float> p = Vector<float>::Ones(n);
    for (Index t = 0; t < gradients.cols(); ++t) optimizer.step(state, p, gradients.col(t));
    return p;
  };
  for (const Index threads : {2, 3, 0}) {
    INFO("threads " << threads);
    CHECK((path(Adam({.threads = threads})).array() == path(Adam()).array()).all());
    CHECK((path(AdamW({.threads = threads})).array() == path(AdamW()).array()).all());
    CHECK((path(GradientDescent({.momentum = 0.5, .threads = threads})).array() ==
           path(GradientDescent({.momentum = 0.5})).array())
              .all());
  }
}

namespace {

/// The names of the fields, and a copy made of nothing but them.
template <class State>
std::vector<std::string> names_of(const State& state) {
  std::vector<std::string> names;
  State::fields(state, [&](std::string_view name, const auto&) { names.emplace_back(name); });
  return names;
}

}  // namespace

TEST_CASE("the state of an optimiser is its fields", "[optimizer]") {
  using Names = std::vector<std::string>;
  CHECK(names_of(Adam().start<float>(2)) == Names{"mean", "mean_square", "steps"});
  CHECK(names_of(AdamW().start<double>(2)) == Names{"mean", "mean_square", "steps"});
  CHECK(names_of(GradientDescent().start<float>(2)) == Names{"velocity"});
  Adam::State<double> state = Adam().start<double>(2);
  Adam::State<double>::fields(state, [](std::string_view, auto& field) {
    if constexpr (std::is_same_v<decltype(field), std::int64_t&>)
      field = 7;
    else
      field.setConstant(3);
  });
  CHECK(state.steps == 7);
  CHECK(state.mean[1] == 3);
  CHECK(state.mean_square[0] == 3);
}

TEST_CASE("optimisers refuse options out of range, by name", "[optimizer]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, -1.0, nan, infinity}) {
    INFO("rate " << bad);
    CHECK(message_of([&] { Adam({.learning_rate = bad}); }) ==
          "Adam: learning_rate must be positive and finite, is " + text_of(bad));
    CHECK(message_of([&] { GradientDescent({.learning_rate = bad}); }) ==
          "GradientDescent: learning_rate must be positive and finite, is " + text_of(bad));
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
  CHECK(says(message_of([&] { AdamW({.learning_rate = nan}); }), "AdamW: learning_rate"));
  for (const double bad : {-1e-9, nan, infinity, 1000.0})
    CHECK(message_of([&] { AdamW({.weight_decay = bad}); }) ==
          "AdamW: weight_decay must be at least 0 and below 1 / learning_rate, is " +
              text_of(bad));
  CHECK(message_of([] { GradientDescent({.nesterov = true}); }) ==
        "GradientDescent: nesterov needs a momentum above 0");
  CHECK(message_of([] { Adam({.threads = -1}); }) == "Adam: threads must be at least 0, is -1");
  CHECK(message_of([] { GradientDescent({.threads = -1}); }) ==
        "GradientDescent: threads must be at least 0, is -1");
}

TEST_CASE("optimisers refuse factors below 0 and entries that are not there", "[optimizer]") {
  const auto check = [](const auto& optimizer, const std::string& name) {
    auto state = optimizer.template start<double>(6);
    Vector<double> p = Vector<double>::Zero(6);
    for (const double bad :
         {-0.5, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
      CHECK(message_of([&] { optimizer.step(state, p, p, bad); }) ==
            name + "::step: rate_factor must be finite and at least 0, is " + text_of(bad));
    CHECK(message_of([&] { optimizer.reset(state, 2, 3, 2); }) ==
          name + "::reset: 3 entries from 2 by 2 are not all in a state of 6");
    optimizer.reset(state, 1, 3, 2);
    using Range = std::array<Index, 3>;
    for (const auto& [begin, count, stride] :
         {Range{-1, 1, 1}, Range{6, 1, 1}, Range{7, 0, 1}, Range{0, -1, 1}, Range{0, 2, 0},
          Range{0, 7, 1}, Range{1, std::numeric_limits<Index>::max(), 2}}) {
      INFO("from " << begin << ", " << count << " by " << stride);
      CHECK(says(
          message_of([&, b = begin, c = count, s = stride] { optimizer.reset(state, b, c, s); }),
          name + "::reset: "));
    }
  };
  check(Adam(), "Adam");
  check(AdamW(), "AdamW");
  check(GradientDescent(), "GradientDescent");
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
  check(AdamW(), "AdamW");
  check(GradientDescent(), "GradientDescent");
}
