// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_AMORTISED_PAIRS_HPP
#define LACUNA_TESTS_SUPPORT_AMORTISED_PAIRS_HPP

/// @file
/// The third list of pairs.hpp: amortised encoders beyond the linear ones.

#include <concepts>
#include <tuple>

#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>

#include "laws/pair_laws.hpp"
#include "support/pairs.hpp"

namespace lacuna::test {

/// Encoders of these tests begin at random, but for LISTA, which begins at a dictionary of its own.
inline RandomWeights amortised_start(const EncoderSettings& to) {
  return {.dim = to.dim, .num_atoms = to.num_atoms, .bias = true, .seed = 4};
}

template <Real S>
struct Maker<BatchTopKEncoder<S>> {
  static constexpr bool has_threads = true;
  static BatchTopKEncoder<S> make(const EncoderSettings& to) {
    BatchTopKEncoder<S> encoder(amortised_start(to), 2, {.threads = to.threads});
    encoder.set_statistics(Vector<double>{{0.3, 5}});
    return encoder;
  }
};
template <Real S>
struct Maker<JumpReluEncoder<S>> {
  static constexpr bool has_threads = true;
  static JumpReluEncoder<S> make(const EncoderSettings& to) {
    return JumpReluEncoder<S>(amortised_start(to), {.threshold = 0.3, .threads = to.threads});
  }
};
template <Real S>
struct Maker<GatedEncoder<S>> {
  static constexpr bool has_threads = true;
  static GatedEncoder<S> make(const EncoderSettings& to) {
    return GatedEncoder<S>(amortised_start(to), {.threads = to.threads});
  }
};
template <Real S>
struct Maker<MlpEncoder<S>> {
  static constexpr bool has_threads = true;
  static MlpEncoder<S> make(const EncoderSettings& to) {
    return MlpEncoder<S>(amortised_start(to), {.hidden = {6}, .threads = to.threads});
  }
};
template <Real S>
struct Maker<ListaEncoder<S>> {
  static constexpr bool has_threads = true;
  static ListaEncoder<S> make(const EncoderSettings& to) {
    const DenseDictionary<S> d(random_normal<S>(to.dim, to.num_atoms, 5));
    return ListaEncoder<S>(d, {.layers = 4, .momentum = true, .threads = to.threads});
  }
};

template <Real S>
using AmortisedEncoders = std::tuple<BatchTopKEncoder<S>, JumpReluEncoder<S>, GatedEncoder<S>,
                                     MlpEncoder<S>, ListaEncoder<S>>;

// All five fit every dictionary of their element type, none of the other, and none accounts for its
// codes.
static_assert(std::tuple_size_v<PairsOf<float, AmortisedEncoders<float>>> == 5 * 5);
static_assert(std::tuple_size_v<PairsOf<double, AmortisedEncoders<double>>> == 5 * 5);
static_assert(std::tuple_size_v<PairsOf<double, AmortisedEncoders<float>>> == 0);
static_assert(std::tuple_size_v<SolverPairsOf<float, AmortisedEncoders<float>>> == 0);

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_AMORTISED_PAIRS_HPP
