// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_PAIR_LAWS_HPP
#define LACUNA_TESTS_LAWS_PAIR_LAWS_HPP

#include <concepts>
#include <cstdint>
#include <limits>
#include <typeinfo>

#include "laws/encoder_laws.hpp"
#include "laws/solver_laws.hpp"
#include "support/catch.hpp"
#include "support/pairs.hpp"

namespace lacuna::test {

namespace detail {

constexpr Index dim = 5, num_atoms = 8;
constexpr std::uint64_t seed = 3;

/// Of unit norm, so that every dictionary of the lists holds the same, to rounding.
inline const Matrix<double>& atoms() {
  static const Matrix<double> result = [] {
    Matrix<double> normal = random_normal<double>(dim, num_atoms, seed);
    normal.colwise().normalize();
    return normal;
  }();
  return result;
}

template <Real S>
Matrix<S> signals(Index n) {
  return random_normal<S>(dim, n, seed + 1);
}

/// Signals for solvers: one of them is zero.
template <Real S>
Matrix<S> signals_and_zero() {
  Matrix<S> x = signals<S>(7);
  x.col(4).setZero();
  return x;
}

template <class E>
constexpr bool stops_on_gap = false;
template <class P>
constexpr bool stops_on_gap<Ista<P>> = true;
template <class P>
constexpr bool stops_on_gap<Fista<P>> = true;

/// The penalty that a solver's objective has, or none.
template <class E>
struct PenaltyOf {
  static double value(const Vector<double>&) { return 0; }
  template <Real S>
  static Vector<double> optimum() {
    return {};
  }
};

/// The least objective by 20,000 steps of FISTA in double, whatever its certificate says of them,
/// and measured by the definition.
template <class P>
struct CertifiedBy {
  static double value(const Vector<double>& code) { return P(pair_lambda).value(code); }
  template <Real S>
  static const Vector<double>& optimum() {
    static const Vector<double> result = [] {
      const Matrix<double> d = atoms().cast<S>().template cast<double>();
      const Matrix<double> x = signals_and_zero<S>().template cast<double>();
      const Fista<P> exact(P(pair_lambda), {.tolerance = 0, .max_iterations = 20000});
      const Matrix<double> codes = exact.encode(DenseDictionary<double>(d), x);
      Vector<double> objective(x.cols());
      for (Index j = 0; j < x.cols(); ++j)
        objective[j] = 0.5 * (x.col(j) - d * codes.col(j)).squaredNorm() + value(codes.col(j));
      return objective;
    }();
    return result;
  }
};
template <class P>
struct PenaltyOf<Ista<P>> : CertifiedBy<P> {};
template <class P>
struct PenaltyOf<Fista<P>> : CertifiedBy<P> {};
template <>
struct PenaltyOf<AdamInference> : CertifiedBy<NonnegativeL1> {};
template <class First, class Second>
struct PenaltyOf<Refined<First, Second>> : PenaltyOf<Second> {};

}  // namespace detail

/// The encoder laws, of one `Pair<E, D>`.
template <class Pair>
void check_encoder_of_pair() {
  using namespace detail;
  using E = typename Pair::Encoder;
  using D = typename Pair::Dictionary;
  using S = ScalarOf<D>;
  INFO(typeid(Pair).name() << ", seed " << seed);
  const D d = make_dictionary<D>(atoms().cast<S>());
  const E e = make_encoder<E>({.dim = dim, .num_atoms = num_atoms});
  // 25 steps of a solver, or two least squares, amplify the rounding of a product by this much at
  // most.
  const double tolerance = 2e3 * static_cast<double>(std::numeric_limits<S>::epsilon());
  check_encoder_laws<S>(SomeEncoder<S>(e, d), signals<S>(7), tolerance);
  if constexpr (is_sparse_codes<CodesFor<E, D>>) check_sparse_form(e.encode(d, signals<S>(7)));
  if constexpr (Maker<E>::has_threads) {
    const E two = make_encoder<E>({.dim = dim, .num_atoms = num_atoms, .threads = 2});
    check_thread_law<S>(SomeEncoder<S>(e, d), SomeEncoder<S>(two, d), signals<S>(1100), tolerance);
  }
}

/// The solver laws, of one `Pair<E, D>`.
template <class Pair>
void check_solver_of_pair() {
  using namespace detail;
  using E = typename Pair::Encoder;
  using D = typename Pair::Dictionary;
  using S = ScalarOf<D>;
  INFO(typeid(Pair).name() << ", seed " << seed);
  const D d = make_dictionary<D>(atoms().cast<S>());
  const Matrix<S> x = signals_and_zero<S>();
  SolverTruth truth{
      .atoms = d.decode(Matrix<S>::Identity(num_atoms, num_atoms)).template cast<double>(),
      .penalty = PenaltyOf<E>::value,
      .optimum = PenaltyOf<E>::template optimum<S>(),
      .tolerance = 1e-3};
  for (const Index steps : {0, 3, 2000}) {
    INFO("at most " << steps << " steps");
    const E e = make_encoder<E>(
        {.dim = dim, .num_atoms = num_atoms, .tolerance = truth.tolerance, .steps = steps});
    const Matrix<S> encoded = e.encode(d, x);
    const auto solution = e.solve(d, x);
    const Index converged = check_solver_laws<S>(with_dense_codes<S>(solution), encoded, x, truth);
    // The laws of what converged are not kept by converging never.
    if constexpr (stops_on_gap<E>) {
      if (steps == 0) CHECK(converged == 1);  // the zero signal
      if (steps == 2000) CHECK(converged == x.cols());
    }
  }
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_PAIR_LAWS_HPP
