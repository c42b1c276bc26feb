// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_DICTIONARY_HPP
#define LACUNA_CONCEPTS_DICTIONARY_HPP

#include <concepts>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// The element type of a dictionary, encoder or transform. Unconstrained on purpose: clang 14
/// substitutes a signature before it checks the constraints, and a constrained alias there would turn
/// "does not satisfy CanCorrelate" into "substitution failure".
template <class T>
using ScalarOf = typename T::Scalar;

namespace detail {

// One named concept a requirement: a failed check then names the clause, on g++ and on clang++.
template <class T>
concept HasScalar = requires { typename T::Scalar; } && Real<typename T::Scalar>;

template <class D>
concept HasShape = requires(const D& d) {
  { d.dim() } -> std::same_as<Index>;
  { d.num_atoms() } -> std::same_as<Index>;
};

template <class D>
concept CanDecode = requires(const D& d, const MatrixArg<typename D::Scalar>& codes) {
  { d.decode(codes) } -> std::same_as<Matrix<typename D::Scalar>>;
};

template <class D>
concept CanDecodeSparse = requires(const D& d, const SparseCodes<typename D::Scalar>& codes) {
  { d.decode(codes) } -> std::same_as<Matrix<typename D::Scalar>>;
};

template <class D>
concept CanCorrelate = requires(const D& d, const MatrixArg<typename D::Scalar>& signals) {
  { d.correlate(signals) } -> std::same_as<Matrix<typename D::Scalar>>;
};

}  // namespace detail

/// A linear map from codes to signals, D : R^num_atoms -> R^dim, seen only through what it does.
///
/// | expression       | type     | meaning                                                   |
/// |------------------|----------|-----------------------------------------------------------|
/// | `D::Scalar`      | `Real`   | element type                                              |
/// | `d.dim()`        | `Index`  | length of a signal                                        |
/// | `d.num_atoms()`  | `Index`  | length of a code                                          |
/// | `d.decode(s)`    | `Matrix` | D s, num_atoms x n -> dim x n, for dense and sparse codes |
/// | `d.correlate(x)` | `Matrix` | D^T x, dim x n -> num_atoms x n                           |
///
/// A model is also copyable. Laws that the compiler cannot see (tests/laws/dictionary_laws.hpp runs
/// them over every model):
///  - linear:  decode(a A + b B) == a decode(A) + b decode(B);
///  - adjoint: <decode(A), X> == <A, correlate(X)>;
///  - sparse and dense codes of the same value decode to the same signal;
///  - a shape that does not fit throws std::invalid_argument with both shapes;
///  - const calls change nothing and may run at once.
///
/// The maps return an owning Matrix, never a lazy Eigen expression: an expression would keep
/// references to its arguments, and they may be temporaries.
template <class D>
concept Dictionary = std::copyable<D> && detail::HasScalar<D> && detail::HasShape<D> &&
                     detail::CanDecode<D> && detail::CanDecodeSparse<D> && detail::CanCorrelate<D>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_DICTIONARY_HPP
