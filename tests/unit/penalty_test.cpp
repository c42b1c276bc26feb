// SPDX-License-Identifier: MIT
// Penalties by the laws of their concept, by their formulas, and what they refuse.
#include <cmath>
#include <limits>
#include <string>

#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/penalty/weighted.hpp>

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
  // Not of one size, and one as good as absent.
  const Vector<double> weights = (Vector<double>(6) << 1, 0.25, 3, 1e-6, 1, 40).finished();
  for (const double lambda : {0.0, 0.3}) {
    check_penalty_laws(Weighted(L1(lambda), weights), 4);
    check_penalty_laws(Weighted(NonnegativeL1(lambda), weights), 5);
    for (const double ridge : {0.0, 0.2}) {
      check_penalty_laws(ElasticNet(L1(lambda), ridge), 6);
      check_penalty_laws(ElasticNet(NonnegativeL1(lambda), ridge), 7);
      check_penalty_laws(ElasticNet(Weighted(NonnegativeL1(lambda), weights), ridge), 8);
    }
  }
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
    CHECK(of_l1 == "L1: lambda must be finite and at least 0, is " + text_of(bad));
    CHECK(of_nonnegative ==
          "NonnegativeL1: lambda must be finite and at least 0, is " + text_of(bad));
  }
}

TEST_CASE("weighted penalties and elastic nets by their formulas", "[penalty]") {
  const Vector<double> weights = (Vector<double>(3) << 1, 2, 4).finished();
  const Vector<double> s = (Vector<double>(3) << 1, -2, 0.5).finished();
  const Weighted weighted(L1(0.5), weights);
  CHECK(weighted.value(s) == 0.5 * (1 + 4 + 2));
  CHECK(weighted.threshold(2) == 2);
  CHECK(weighted.num_atoms() == 3);
  CHECK(weighted.dual_scale(s) == 0.5);  // |s_i| / w_i is 1, 1 and 1/8
  Matrix<double> v = s;
  weighted.prox(v, 1.0);
  CHECK((v.array() == (Matrix<double>(3, 1) << 0.5, -1, 0).finished().array()).all());
  const ElasticNet net(weighted, 2.0);
  CHECK(net.value(s) == 3.5 + 1 + 4 + 0.25);
  CHECK(net.ridge() == 2);
  CHECK(net.num_atoms() == 3);
  CHECK(net.dual_scale(s) == 0.5);
  v = s;
  net.prox(v, 1.0);
  CHECK((v - (Matrix<double>(3, 1) << 0.5 / 3, -1.0 / 3, 0).finished()).norm() < 1e-15);
  // A net of nets has both ridges.
  CHECK(ElasticNet(ElasticNet(L1(1), 0.25), 0.5).ridge() == 0.75);
  v = s;
  Matrix<double> twice = s;
  ElasticNet(ElasticNet(L1(0.1), 0.25), 0.5).prox(twice, 2.0);
  ElasticNet(L1(0.1), 0.75).prox(v, 2.0);
  CHECK((v - twice).norm() < 1e-15);
}

TEST_CASE("weights and ridges that are none are refused", "[penalty]") {
  Vector<double> weights = Vector<double>::Ones(3);
  for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    weights[1] = bad;
    CHECK(message_of([&] { Weighted(L1(1), weights); }) ==
          "Weighted: weight 1 must be finite and above 0, is " + text_of(bad));
    if (bad != 0)
      CHECK(message_of([&] { ElasticNet(L1(1), bad); }) ==
            "ElasticNet: ridge must be finite and at least 0, is " + text_of(bad));
  }
  CHECK(message_of([] { Weighted(L1(1), Vector<double>()); }) == "Weighted: no weights");
}
