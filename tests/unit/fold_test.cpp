// SPDX-License-Identifier: MIT
// Folding a transform into encoders that have more than an affine map: a learned threshold, and one
// that `encode` takes from the statistics of training.
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/transform/composed.hpp>
#include <lacuna/transform/fold.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;

constexpr Index dim = 6, num_atoms = 12, num_signals = 40;
constexpr double tolerance = 200 * std::numeric_limits<double>::epsilon();

DenseDictionary<double> some_dictionary() {
  return DenseDictionary<double>(random_normal<double>(dim, num_atoms, 1));
}

/// Signals far from 0 and of another unit.
auto some_transform() {
  return Composed(Scale<double>(0.02), LearnedBias<double>(3 * random_normal<double>(dim, 1, 2)));
}

/// encode, decode, and what a training step sees, unchanged by folding.
template <class E>
void check_fold(const E& encoder) {
  INFO("seeds 1 to 3");
  const auto transform = some_transform();
  const Model model{transform, some_dictionary(), encoder};
  const Matrix<double> z = random_normal<double>(dim, num_signals, 3);
  const Matrix<double> x = transform.invert(z);
  const auto folded = fold(model);
  const auto check_same = [](const Matrix<double>& a, const Matrix<double>& b) {
    REQUIRE(b.cwiseAbs().maxCoeff() > 0.5);
    CHECK((a - b).cwiseAbs().maxCoeff() <= tolerance * b.cwiseAbs().maxCoeff());
    CHECK(((a.array() != 0) == (b.array() != 0)).all());
  };
  const Matrix<double> codes = model.encode(x);
  CHECK((codes.array() != 0).count() < codes.size() / 2);  // more than a ReLU would leave out
  check_same(folded.encode(x), codes);
  check_same(folded.decode(folded.encode(x)), model.decode(model.encode(x)));
  typename E::Tape tape, folded_tape;
  check_same(folded.encoder.forward(model.dictionary, x, folded_tape),
             encoder.forward(model.dictionary, z, tape));
}

/// With a bias, and with none.
std::vector<Vector<double>> biases() { return {random_normal<double>(num_atoms, 1, 4), {}}; }
Matrix<double> weights() { return random_normal<double>(num_atoms, dim, 5); }

}  // namespace

TEST_CASE("folding keeps each threshold of a JumpReLU", "[transform][fold]") {
  // All different, so that one in another's place would show.
  const Vector<double> thresholds = Vector<double>::LinSpaced(num_atoms, 0.1, 4);
  for (const Vector<double>& bias : biases()) {
    const JumpReluEncoder<double> encoder(weights(), bias, thresholds,
                                          {.threshold = 0.7, .bandwidth = 0.3});
    check_fold(encoder);
    const auto folded = fold(some_transform(), encoder);
    CHECK((folded.thresholds().array() == encoder.thresholds().array()).all());
    CHECK(folded.options().bandwidth == 0.3);
  }
}

TEST_CASE("folding keeps the k, the threshold and the batches of a BatchTopK",
          "[transform][fold]") {
  for (const Vector<double>& bias : biases()) {
    BatchTopKEncoder<double> encoder(weights(), 3, bias, {.decay = 0.9});
    encoder.set_statistics(Vector<double>{{1.5, 7}});
    check_fold(encoder);
    const auto folded = fold(some_transform(), encoder);
    CHECK(folded.k() == 3);
    CHECK(folded.threshold() == 1.5);
    CHECK((folded.statistics().array() == encoder.statistics().array()).all());
    CHECK(folded.options().decay == 0.9);
  }
}

TEST_CASE("folding refuses an encoder with a second affine map", "[transform][fold]") {
  const GatedEncoder<double> encoder(RandomWeights{.dim = dim, .num_atoms = num_atoms, .seed = 6});
  CHECK(message_of([&] { (void)fold(some_transform(), encoder); }) ==
        "fold: the encoder learns more than the weights and the bias of one affine map");
}
