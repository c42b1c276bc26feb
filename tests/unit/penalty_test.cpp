// SPDX-License-Identifier: MIT
// Penalties by the laws of their concept, by their formulas, and what they refuse.
#include <cmath>
#include <limits>
#include <string>

#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

#include "laws/penalty_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {
using namespace lacuna;
using namespace lacuna::test;
}  // namespace

TEST_CASE("every penalty obeys the penalty laws", "[penalty][laws]") {
  for (const double lambda : {0.0, 0.1, 1.0, 3.0}) {
    check_penalty_laws(L1(lambda), 1);
    check_penalty_laws(NonnegativeL1(lambda), 2);
  }
  check_penalty_laws(MinimalPenalty(0.7), 3);
}

TEST_CASE("the L1 norm by its formulas", "[penalty]") {
  const L1 g(0.5);
  CHECK(g.lambda() == 0.5);
  Vector<double> s(4);
  s << 1, -2, 0, 0.25;
  CHECK(g.value(s) == 1.625);
  CHECK(g.dual_scale(s) == 0.25);
  CHECK(std::isinf(g.dual_scale(Vector<double>::Zero(4))));
  CHECK(g.value(Vector<double>()) == 0);
  Matrix<double> v = s, expected(4, 1);
  g.prox(v, 2.0);
  expected << 0, -1, 0, 0;
  CHECK((v.array() == expected.array()).all());
  // The entries that are gone are exact zeros: they count as inactive.
  CHECK((v.array() != 0).count() == 1);
}

TEST_CASE("the non-negative L1 norm by its formulas", "[penalty]") {
  const NonnegativeL1 g(0.5);
  Vector<double> s(4);
  s << 1, 2, 0, 0.25;
  CHECK(g.value(s) == 1.625);
  s[1] = -1e-300;
  CHECK(g.value(s) == std::numeric_limits<double>::infinity());
  s << -8, 2, 0, 1;
  CHECK(g.dual_scale(s) == 0.25);
  CHECK(std::isinf(g.dual_scale(-s.cwiseAbs())));
  CHECK(std::isinf(g.dual_scale(Vector<double>())));
  Matrix<double> v = s, expected(4, 1);
  g.prox(v, 2.0);
  expected << 0, 1, 0, 0;
  CHECK((v.array() == expected.array()).all());
  CHECK((v.array() != 0).count() == 1);
}

TEST_CASE("penalties refuse a weight that is no weight", "[penalty]") {
  for (const double bad :
       {-1.0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    INFO("lambda " << bad);
    const std::string of_l1 = message_of([&] { L1{bad}; });
    const std::string of_nonnegative = message_of([&] { NonnegativeL1{bad}; });
    CHECK(of_l1 == "L1: lambda must be finite and at least 0, is " + std::to_string(bad));
    CHECK(of_nonnegative ==
          "NonnegativeL1: lambda must be finite and at least 0, is " + std::to_string(bad));
  }
}
