// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_GREEDY_PAIRS_HPP
#define LACUNA_TESTS_SUPPORT_GREEDY_PAIRS_HPP

/// @file
/// The second list of pairs.hpp: greedy encoders, local competition, thresholds and combinators.

#include <algorithm>
#include <concepts>
#include <tuple>

#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/best_of.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/truncated.hpp>

#include "laws/pair_laws.hpp"
#include "support/pairs.hpp"

namespace lacuna::test {

/// Encoders that are told k and the number of threads.
template <class E>
requires std::same_as<E, MarginalThreshold> || std::same_as<E, MatchingPursuit> ||
    std::same_as<E, IterativeHardThresholding> || std::same_as<E, Cosamp> ||
    std::same_as<E, ExhaustiveSearch>
struct Maker<E> {
  static constexpr bool has_threads = true;
  static E make(const EncoderSettings& to) {
    typename E::Options options{.k = 2};
    options.threads = to.threads;
    // Few steps: when the residual no longer falls is for rounding to say, and a step more or less
    // is more than rounding.
    if constexpr (requires { options.max_iterations; })
      options.max_iterations = std::min<Index>(to.steps, 5);
    return E(options);
  }
};
template <>
struct Maker<OrthogonalLeastSquares> {
  static constexpr bool has_threads = true;
  static OrthogonalLeastSquares make(const EncoderSettings& to) {
    return OrthogonalLeastSquares({.k = 2, .threads = to.threads});
  }
};
template <class P>
struct Maker<ActiveSet<P>> {
  static constexpr bool has_threads = true;
  static ActiveSet<P> make(const EncoderSettings& to) {
    return ActiveSet<P>(
        P{pair_lambda},
        {.tolerance = to.tolerance, .max_changes = to.steps, .threads = to.threads});
  }
};
template <class P>
struct Maker<CoordinateDescent<P>> {
  static constexpr bool has_threads = true;
  static CoordinateDescent<P> make(const EncoderSettings& to) {
    return CoordinateDescent<P>(
        P{pair_lambda},
        {.tolerance = to.tolerance, .max_iterations = to.steps, .threads = to.threads});
  }
};
template <class T>
struct Maker<LocallyCompetitive<T>> {
  static constexpr bool has_threads = true;
  static LocallyCompetitive<T> make(const EncoderSettings& to) {
    return LocallyCompetitive<T>(
        T{pair_lambda},
        {.tolerance = to.tolerance, .max_iterations = to.steps, .threads = to.threads});
  }
};
template <class E>
struct Maker<Truncated<E>> {
  static constexpr bool has_threads = true;
  static Truncated<E> make(const EncoderSettings& to) {
    return Truncated<E>(Maker<E>::make(to), 2, {.threads = to.threads});
  }
};
template <class E>
struct Maker<Debiased<E>> {
  static constexpr bool has_threads = true;
  static Debiased<E> make(const EncoderSettings& to) {
    return Debiased<E>(Maker<E>::make(to), {.nonnegative = true, .threads = to.threads});
  }
};
template <class... E>
struct Maker<BestOf<E...>> {
  static constexpr bool has_threads = true;
  static BestOf<E...> make(const EncoderSettings& to) {
    return BestOf<E...>({.threads = to.threads}, Maker<E>::make(to)...);
  }
};

namespace detail {
template <Penalty P>
constexpr bool stops_on_gap<LocallyCompetitive<P>> = true;
template <Penalty P>
struct PenaltyOf<LocallyCompetitive<P>> : CertifiedBy<P> {};
template <Penalty P>
constexpr bool stops_on_gap<ActiveSet<P>> = true;
template <Penalty P>
struct PenaltyOf<ActiveSet<P>> : CertifiedBy<P> {};
template <Penalty P>
constexpr bool stops_on_gap<CoordinateDescent<P>> = true;
template <Penalty P>
struct PenaltyOf<CoordinateDescent<P>> : CertifiedBy<P> {};
}  // namespace detail

using GreedyEncoders =
    std::tuple<MarginalThreshold, LocallyCompetitive<L1>, LocallyCompetitive<NonnegativeL1>,
               Truncated<Fista<L1>>, Truncated<LinearReluEncoder<float>>,
               Truncated<LinearReluEncoder<double>>, MatchingPursuit, IterativeHardThresholding,
               Cosamp, ExhaustiveSearch, Debiased<Truncated<Fista<L1>>>,
               Debiased<OrthogonalMatchingPursuit>, OrthogonalLeastSquares, ActiveSet<L1>,
               ActiveSet<NonnegativeL1>, CoordinateDescent<L1>, CoordinateDescent<NonnegativeL1>,
               BestOf<OrthogonalLeastSquares, Truncated<Fista<L1>>>>;

// Five fit every dictionary of an element type, twelve those that show their atoms: four of five.
// All of them account for their codes, an amortised encoder cut to k by its own count.
static_assert(std::tuple_size_v<PairsOf<float, GreedyEncoders>> == 5 * 5 + 12 * 4);
static_assert(std::tuple_size_v<PairsOf<double, GreedyEncoders>> == 5 * 5 + 12 * 4);
static_assert(std::tuple_size_v<SolverPairsOf<float, GreedyEncoders>> == 5 * 5 + 12 * 4);
static_assert(std::tuple_size_v<SolverPairsOf<double, GreedyEncoders>> == 5 * 5 + 12 * 4);

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_GREEDY_PAIRS_HPP
