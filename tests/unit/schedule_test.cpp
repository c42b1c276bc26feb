// SPDX-License-Identifier: MIT
// Schedules: their ends, their shapes by hand, that they remember nothing, and what they refuse.
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/core/schedule.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

std::vector<double> values_of(const Schedule& schedule, Index total_steps) {
  std::vector<double> values;
  for (Index step = 0; step <= total_steps; ++step) values.push_back(schedule(step, total_steps));
  return values;
}

void check_values(const Schedule& schedule, const std::vector<double>& expected) {
  const Index total_steps = static_cast<Index>(expected.size()) - 1;
  for (Index step = 0; step <= total_steps; ++step) {
    INFO("step " << step << " of " << total_steps);
    CHECK(schedule(step, total_steps) ==
          Approx(expected[static_cast<std::size_t>(step)]).epsilon(1e-14));
  }
}

struct Options {
  Schedule rate = 1e-3;
  Schedule k = 0;
};

static_assert(std::copyable<Schedule>);
static_assert(std::convertible_to<double, Schedule> && std::convertible_to<int, Schedule>);
static_assert(std::convertible_to<double (*)(Index, Index), Schedule>);
static_assert(not std::convertible_to<double (*)(Index), Schedule>);
static_assert(not std::convertible_to<std::string, Schedule>);

double reciprocal(Index step, Index) { return 1 / (1.0 + static_cast<double>(step)); }

}  // namespace

TEST_CASE("a number is a constant schedule, a function any other", "[schedule]") {
  const Options defaults;
  CHECK(defaults.rate(0, 10) == 1e-3);
  CHECK(defaults.rate(10, 10) == 1e-3);
  CHECK(defaults.k(3, 10) == 0);
  const double two = 2;
  Options options{.rate = two,
                  .k = [](Index step, Index total) { return step < total / 2 ? 8 : 4; }};
  CHECK(options.rate(7, 10) == 2);
  check_values(options.k, {8, 8, 4, 4, 4});
  options.rate = reciprocal;
  CHECK(options.rate(3, 10) == 0.25);
  options.rate = &reciprocal;
  CHECK(options.rate(1, 10) == 0.5);
  options.rate = Schedule(std::function<double(Index, Index)>(reciprocal));
  CHECK(options.rate(0, 10) == 1);
}

TEST_CASE("shapes by hand", "[schedule]") {
  check_values(Schedule::linear(1, 3), {1, 1.5, 2, 2.5, 3});
  const Schedule geometric = Schedule::geometric(8, 0.5);
  for (Index step = 0; step <= 4; ++step)
    CHECK(geometric(step, 4) == Approx(std::ldexp(8.0, -static_cast<int>(step))).epsilon(1e-14));
  const Schedule cosine = Schedule::cosine(3, 1);
  CHECK(cosine(0, 6) == 3);
  CHECK(cosine(2, 6) == Approx(2.5).epsilon(1e-14));  // cos 60 degrees is 1/2
  CHECK(cosine(3, 6) == Approx(2).epsilon(1e-14));
  CHECK(cosine(4, 6) == Approx(1.5).epsilon(1e-14));
  CHECK(cosine(6, 6) == 1);
  const Schedule warm = Schedule::warmup(4, Schedule::linear(10, 0));
  check_values(warm, {0.25 * 10, 0.5 * 9, 0.75 * 8, 7, 6, 5, 4, 3, 2, 1, 0});
  check_values(Schedule::warmup(0, 5), {5, 5, 5});
  // A training shorter than its warm-up ends below the rate.
  check_values(Schedule::warmup(4, 8), {2, 4, 6});
  CHECK(Schedule::warmup(1, 5)(0, 10) == 5);
}

TEST_CASE("every shape keeps its ends and goes one way", "[schedule]") {
  using Shape = Schedule (*)(double, double);
  for (const Shape shape :
       {Shape(&Schedule::linear), Shape(&Schedule::cosine), Shape(&Schedule::geometric)})
    for (const auto& [from, to] : {std::pair(0.1, 0.003), std::pair(1e-4, 2.0)})
      for (const Index total : {1, 2, 7, 1000}) {
        const Schedule schedule = shape(from, to);
        const std::vector<double> values = values_of(schedule, total);
        INFO("from " << from << " to " << to << " in " << total);
        CHECK(values.front() == from);
        CHECK(values.back() == to);
        for (std::size_t i = 1; i < values.size(); ++i)
          REQUIRE((to < from ? values[i] < values[i - 1] : values[i] > values[i - 1]));
        CHECK(schedule(total + 5, total) == values.back());
        CHECK(schedule(0, 0) == values.back());
      }
}

TEST_CASE("a share of the steps, then held; and one part after the other", "[schedule]") {
  const Schedule anneal = Schedule::over(0.6, Schedule::linear(6, 0));
  check_values(anneal, {6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0});
  check_values(Schedule::over(1, Schedule::linear(4, 0)), {4, 3, 2, 1, 0});
  const Schedule parts =
      Schedule::piecewise({{0.4, Schedule::linear(8, 0)}, {0.2, 7}, {0.2, Schedule::linear(4, 2)}});
  check_values(parts, {8, 6, 4, 2, 7, 7, 4, 3, 2, 2, 2});
  // Annealed again to a lower value, without a jump; and within a part.
  const Schedule again =
      Schedule::piecewise({{0.6, Schedule::geometric(1, 0.25)},
                           {0.4, Schedule::over(0.5, Schedule::geometric(0.25, 0.0625))}});
  CHECK(again(0, 10) == 1);
  CHECK(again(3, 10) == Approx(0.5).epsilon(1e-14));
  CHECK(again(6, 10) == 0.25);
  CHECK(again(7, 10) == Approx(0.125).epsilon(1e-14));
  CHECK(again(8, 10) == Approx(0.0625).epsilon(1e-14));
  CHECK(again(9, 10) == again(8, 10));
  // A training too short for its parts leaves some out; without a step there is only the end.
  CHECK(parts(0, 1) == 7);  // 0.4 steps round to none, 0.6 and 0.8 to one
  CHECK(parts(0, 0) == 2);
  // Shares that add up to 1 but for a rounding.
  CHECK(Schedule::piecewise({{0.7, 1}, {0.2, 2}, {0.1, 3}})(10, 10) == 3);
}

TEST_CASE("a schedule remembers nothing", "[schedule]") {
  const Schedule schedule =
      Schedule::warmup(10, Schedule::piecewise({{0.5, Schedule::cosine(1, 0.1)}, {0.5, 0.1}}));
  const std::vector<double> forwards = values_of(schedule, 50);
  const Schedule copy = schedule;
  for (Index step = 50; step >= 0; --step) {
    CHECK(copy(step, 50) == forwards[static_cast<std::size_t>(step)]);
    (void)copy(step / 2, 90);
  }
}

TEST_CASE("schedules refuse what is no schedule, by name", "[schedule]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(message_of([&] { Schedule{nan}; }) == "Schedule: the value must be finite, is nan");
  CHECK(message_of([] { Schedule{std::function<double(Index, Index)>()}; }) ==
        "Schedule: the function is empty");
  CHECK(message_of([&] { (void)Schedule::linear(1, nan); }) ==
        "Schedule::linear: to must be finite, is nan");
  CHECK(message_of([&] { (void)Schedule::cosine(infinity, 1); }) ==
        "Schedule::cosine: from must be finite, is inf");
  CHECK(message_of([] { (void)Schedule::geometric(0, 1); }) ==
        "Schedule::geometric: the ends must be positive, are 0 and 1");
  CHECK(message_of([] { (void)Schedule::warmup(-1, 1); }) ==
        "Schedule::warmup: steps must be at least 0, is -1");
  for (const double bad : {0.0, -0.5, 1.5, nan}) {
    CHECK(message_of([&] { (void)Schedule::over(bad, 1); }) ==
          "Schedule::over: share must be in (0, 1], is " + text_of(bad));
    CHECK(message_of([&] {
            (void)Schedule::piecewise({{bad, 1}});
          }) == "Schedule::piecewise: a share must be in (0, 1], is " + text_of(bad));
  }
  CHECK(message_of([] { (void)Schedule::piecewise({}); }) == "Schedule::piecewise: no parts");
  CHECK(message_of([] {
          (void)Schedule::piecewise({{0.7, 1}, {0.4, 2}});
        }) == "Schedule::piecewise: the shares must add up to 1 at most, are 1.1");
  CHECK(message_of([] { (void)Schedule(1)(-1, 10); }) ==
        "Schedule: steps must be at least 0, are -1 of 10");
  const Schedule pole = [](Index step, Index) { return 1.0 / static_cast<double>(step - 2); };
  CHECK(pole(1, 4) == -1);
  CHECK(message_of([&] { (void)pole(2, 4); }) == "Schedule: the value at step 2 of 4 is inf");
}
