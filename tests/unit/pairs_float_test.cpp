// SPDX-License-Identifier: MIT
// Every encoder with every dictionary of float that it fits, by the laws of encoders and solvers.
// One file an element type: together they take the compiler twice the memory.
#include "laws/pair_laws.hpp"

namespace {
using namespace lacuna;
using namespace lacuna::test;
}  // namespace

TEMPLATE_LIST_TEST_CASE("every fitting pair of float obeys the encoder laws", "[pairs][laws]",
                        PairsOf<float>) {
  check_encoder_of_pair<TestType>();
}

TEMPLATE_LIST_TEST_CASE("every solver of float accounts for its codes", "[pairs][laws]",
                        SolverPairsOf<float>) {
  check_solver_of_pair<TestType>();
}
