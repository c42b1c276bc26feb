// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_PENALTY_HPP
#define LACUNA_CONCEPTS_PENALTY_HPP

#include <concepts>
#include <string>
#include <string_view>

#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>

namespace lacuna {

namespace detail {

template <class P>
concept HasLambda = requires(const P& p) {
  { p.lambda() } -> std::same_as<double>;
};

template <class P>
concept HasValue = requires(const P& p, const Vector<double>& code) {
  { p.value(code) } -> std::same_as<double>;
};

/// Some columns of a matrix: solvers pass those that are still active.
template <class S>
using ColumnsRef = Eigen::Ref<Matrix<S>, 0, Eigen::OuterStride<>>;

template <class P, class S>
concept HasProxOf = requires(const P& p, Matrix<S>& whole, ColumnsRef<S>& columns, double step) {
  p.prox(whole, step);
  p.prox(columns, step);
};

template <class P>
concept HasProx = HasProxOf<P, float> && HasProxOf<P, double>;

template <class P>
concept HasDualScale = requires(const P& p, const Vector<double>& correlations) {
  { p.dual_scale(correlations) } -> std::same_as<double>;
};

}  // namespace detail

/// A convex penalty g(s) = h(s) + ridge/2 ||s||^2 on codes, h positively homogeneous: what a
/// proximal solver needs of it.
///
/// | expression           | meaning                                                                 |
/// |----------------------|-------------------------------------------------------------------------|
/// | `p.lambda()`         | the weight of h, at least 0                                             |
/// | `p.value(s)`         | g(s) in double; infinity where s is not allowed                         |
/// | `p.prox(v, t)`       | v <- argmin_s 1/2 ||s - v||^2 + t g(s), in place, for a `Matrix` of     |
/// |                      | either element type or an `Eigen::Ref` to some of its columns           |
/// | `p.dual_scale(c)`    | the largest a >= 0, perhaps infinite, for which a c is dual feasible:   |
/// |                      | <a c, s> <= h(s) for all s                                              |
/// | `p.ridge()`          | optional, 0 where it is missing                                         |
/// | `p.num_atoms()`      | optional: the length of the codes it is for, where that is fixed        |
///
/// Laws (tests/laws/penalty_laws.hpp): prox is the minimiser; h(a s) == a h(s) for a >= 0; dual_scale
/// is the largest.
template <class P>
concept Penalty = std::copyable<P> && detail::HasLambda<P> && detail::HasValue<P> &&
                  detail::HasProx<P> && detail::HasDualScale<P>;

namespace detail {

template <Penalty P>
[[nodiscard]] double ridge_of(const P& p) {
  if constexpr (requires {
                  { p.ridge() } -> std::same_as<double>;
                })
    return p.ridge();
  else
    return 0;
}

/// @throws std::invalid_argument if the penalty is for codes of another length.
template <Penalty P>
void check_penalty(std::string_view where, const P& p, Index num_atoms) {
  if constexpr (requires {
                  { p.num_atoms() } -> std::same_as<Index>;
                })
    require(p.num_atoms() == num_atoms, where,
            "the penalty has a weight for each of " + std::to_string(p.num_atoms()) +
                " atoms, the dictionary has " + std::to_string(num_atoms));
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_PENALTY_HPP
