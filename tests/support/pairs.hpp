// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_PAIRS_HPP
#define LACUNA_TESTS_SUPPORT_PAIRS_HPP

/// @file
/// Encoders of the library with every dictionary that they fit, as one list of types for
/// TEMPLATE_LIST_TEST_CASE, and how to make one of each. A second list is in greedy_pairs.hpp: one
/// file of both takes the compiler too long.

#include <tuple>
#include <type_traits>
#include <utility>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

#include "support/archetypes.hpp"

namespace lacuna::test {

/// How an encoder of the lists is made: for which shape, with how many threads where it has that
/// option.
struct EncoderSettings {
  Index dim;
  Index num_atoms;
  Index threads = 1;
  double tolerance = 0;  ///< of a solver that stops on its gap: 0 for a stated number of steps, so
                         ///< that codes are told apart to rounding
  Index steps = 25;
};

/// An encoder that takes part has a specialisation here, with
///   static E make(const EncoderSettings&);
///   static constexpr bool has_threads;
template <class E>
struct Maker;

constexpr double pair_lambda = 0.1;

template <Real S>
struct Maker<LinearReluEncoder<S>> {
  static constexpr bool has_threads = false;
  static LinearReluEncoder<S> make(const EncoderSettings& to) {
    return LinearReluEncoder<S>(
        RandomWeights{.dim = to.dim, .num_atoms = to.num_atoms, .bias = true, .seed = 1});
  }
};
template <Real S>
struct Maker<TopKEncoder<S>> {
  static constexpr bool has_threads = false;
  static TopKEncoder<S> make(const EncoderSettings& to) {
    return TopKEncoder<S>(RandomWeights{.dim = to.dim, .num_atoms = to.num_atoms, .seed = 2}, 2);
  }
};
template <class P>
struct Maker<Ista<P>> {
  static constexpr bool has_threads = true;
  static Ista<P> make(const EncoderSettings& to) {
    return Ista<P>(P(pair_lambda),
                   {.tolerance = to.tolerance, .max_iterations = to.steps, .threads = to.threads});
  }
};
template <class P>
struct Maker<Fista<P>> {
  static constexpr bool has_threads = true;
  static Fista<P> make(const EncoderSettings& to) {
    return Fista<P>(P(pair_lambda),
                    {.tolerance = to.tolerance, .max_iterations = to.steps, .threads = to.threads});
  }
};
template <>
struct Maker<OrthogonalMatchingPursuit> {
  static constexpr bool has_threads = true;
  static OrthogonalMatchingPursuit make(const EncoderSettings& to) {
    return OrthogonalMatchingPursuit({.k = 2, .threads = to.threads});
  }
};
template <>
struct Maker<AdamInference> {
  static constexpr bool has_threads = true;
  static AdamInference make(const EncoderSettings& to) {
    return AdamInference(
        NonnegativeL1(pair_lambda),
        {.learning_rate = 0.1, .steps = to.steps, .start = -3, .threads = to.threads});
  }
};
template <class First, class Second>
struct Maker<Refined<First, Second>> {
  static constexpr bool has_threads = Maker<First>::has_threads || Maker<Second>::has_threads;
  static Refined<First, Second> make(const EncoderSettings& to) {
    return Refined<First, Second>(Maker<First>::make(to), Maker<Second>::make(to), 5);
  }
};
template <>
struct Maker<ZeroEncoder> {
  static constexpr bool has_threads = false;
  static ZeroEncoder make(const EncoderSettings&) { return {}; }
};
template <>
struct Maker<SparseZeroEncoder> {
  static constexpr bool has_threads = false;
  static SparseZeroEncoder make(const EncoderSettings&) { return {}; }
};
template <Real S>
struct Maker<MinimalDifferentiableEncoder<S>> {
  static constexpr bool has_threads = false;
  static MinimalDifferentiableEncoder<S> make(const EncoderSettings& to) {
    return MinimalDifferentiableEncoder<S>(Vector<S>::LinSpaced(to.num_atoms, S(-1), S(2)));
  }
};

template <class E>
[[nodiscard]] E make_encoder(const EncoderSettings& settings) {
  return Maker<E>::make(settings);
}

namespace detail {
template <class D>
struct DictionaryMaker {
  static D make(const Matrix<ScalarOf<D>>& atoms) { return D(atoms); }
};
template <class D>
struct DictionaryMaker<PreparedDictionary<D>> {
  static PreparedDictionary<D> make(const Matrix<ScalarOf<D>>& atoms) {
    return PreparedDictionary<D>(D(atoms));
  }
};
}  // namespace detail

template <Dictionary D>
[[nodiscard]] D make_dictionary(const Matrix<ScalarOf<D>>& atoms) {
  return detail::DictionaryMaker<D>::make(atoms);
}

// ---- the two lists, and their product
// ------------------------------------------------------------

template <Real S>
using DictionariesOf =
    std::tuple<DenseDictionary<S>, UnitNormDictionary<S>, PreparedDictionary<DenseDictionary<S>>,
               PreparedDictionary<UnitNormDictionary<S>>, MinimalDictionary<S>>;

using AllEncoders = std::tuple<
    LinearReluEncoder<float>, LinearReluEncoder<double>, TopKEncoder<float>, TopKEncoder<double>,
    Ista<L1>, Ista<NonnegativeL1>, Fista<L1>, Fista<NonnegativeL1>, OrthogonalMatchingPursuit,
    AdamInference, Refined<LinearReluEncoder<float>, Fista<NonnegativeL1>>,
    Refined<LinearReluEncoder<double>, Fista<NonnegativeL1>>, ZeroEncoder, SparseZeroEncoder,
    MinimalDifferentiableEncoder<float>, MinimalDifferentiableEncoder<double>>;

template <class E, class D>
struct Pair {
  using Encoder = E;
  using Dictionary = D;
};

namespace detail {
template <class E, class D>
using FittingPair = std::conditional_t<EncoderFor<E, D>, std::tuple<Pair<E, D>>, std::tuple<>>;

template <class D, class Encoders>
struct PairsWith;
template <class D, class... E>
struct PairsWith<D, std::tuple<E...>> {
  using type = decltype(std::tuple_cat(std::declval<FittingPair<E, D>>()...));
};

template <class Pairs>
struct SolversAmong;
template <class... P>
struct SolversAmong<std::tuple<P...>> {
  template <class E, class D>
  static std::conditional_t<SolverFor<E, D>, std::tuple<Pair<E, D>>, std::tuple<>> keep(Pair<E, D>);
  using type = decltype(std::tuple_cat(keep(P())...));
};

template <class Dictionaries, class Encoders>
struct ProductOf;
template <class... D, class Encoders>
struct ProductOf<std::tuple<D...>, Encoders> {
  using type = decltype(std::tuple_cat(std::declval<typename PairsWith<D, Encoders>::type>()...));
};
}  // namespace detail

/// All pairs of one element type, and those among them whose encoder accounts for its codes.
template <Real S, class Encoders = AllEncoders>
using PairsOf = typename detail::ProductOf<DictionariesOf<S>, Encoders>::type;
template <Real S, class Encoders = AllEncoders>
using SolverPairsOf = typename detail::SolversAmong<PairsOf<S, Encoders>>::type;

// A concept grown too strict would drop pairs without a word. Of the encoders four fit one element
// type alone, and eight fit both; the pursuit does not fit the one dictionary of five that hides
// its atoms.
static_assert(std::tuple_size_v<PairsOf<float>> == 5 * (4 + 8) - 1);
static_assert(std::tuple_size_v<PairsOf<double>> == 5 * (4 + 8) - 1);
// Neither an amortised encoder nor an archetype of one accounts for its codes.
static_assert(std::tuple_size_v<SolverPairsOf<float>> == 5 * (1 + 6) - 1);
static_assert(std::tuple_size_v<SolverPairsOf<double>> == 5 * (1 + 6) - 1);

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_PAIRS_HPP
