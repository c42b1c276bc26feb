// SPDX-License-Identifier: MIT
// Greedy encoders, local competition and combinators with every dictionary of float that they fit,
// by the laws of encoders and solvers.
#include "support/greedy_pairs.hpp"

namespace {
using namespace lacuna;
using namespace lacuna::test;
using GreedyPairs = PairsOf<float, GreedyEncoders>;
using GreedySolverPairs = SolverPairsOf<float, GreedyEncoders>;
}  // namespace

TEMPLATE_LIST_TEST_CASE("every fitting greedy pair of float obeys the encoder laws",
                        "[pairs][laws]", GreedyPairs) {
  check_encoder_of_pair<TestType>();
}

TEMPLATE_LIST_TEST_CASE("every greedy solver of float accounts for its codes", "[pairs][laws]",
                        GreedySolverPairs) {
  check_solver_of_pair<TestType>();
}
