// SPDX-License-Identifier: MIT
// Amortised encoders with every dictionary of float that they fit, by the laws of encoders.
#include "support/amortised_pairs.hpp"

namespace {
using namespace lacuna;
using namespace lacuna::test;
using AmortisedPairs = PairsOf<float, AmortisedEncoders<float>>;
}  // namespace

TEMPLATE_LIST_TEST_CASE("every fitting amortised pair of float obeys the encoder laws",
                        "[pairs][laws]", AmortisedPairs) {
  check_encoder_of_pair<TestType>();
}
