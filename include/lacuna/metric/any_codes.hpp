// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_ANY_CODES_HPP
#define LACUNA_METRIC_ANY_CODES_HPP

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/check.hpp>

namespace lacuna {

namespace detail {
template <class C>
concept DenseExpression = std::derived_from<C, Eigen::MatrixBase<C>> && Real<typename C::Scalar>;
}  // namespace detail

/// Codes as metrics take them: a Matrix, a MatrixArg or any other dense expression of float or
/// double, or SparseCodes. The two sides of a comparison need not have the same form or element
/// type.
template <class C>
concept AnyCodes = detail::DenseExpression<C> || is_sparse_codes<C>;

namespace detail {

/// Dense expressions as MatrixArg, without a copy where the columns lie in memory; sparse codes as
/// they are. Hold the answer by `decltype(auto)`.
template <DenseExpression C>
[[nodiscard]] MatrixArg<typename C::Scalar> as_argument(const C& codes) {
  return MatrixArg<typename C::Scalar>(codes);
}
template <class S>
[[nodiscard]] const SparseCodes<S>& as_argument(const SparseCodes<S>& codes) noexcept {
  return codes;
}

template <class A>
inline constexpr bool is_sparse_argument = is_sparse_codes<std::remove_cvref_t<A>>;

/// check_finite for what as_argument gives.
template <class A>
void check_finite_argument(std::string_view where, std::string_view name, const A& codes) {
  check_finite<typename A::Scalar>(where, name, codes);
}

/// Calls visit(row) for every entry of a column with |entry| > threshold, from the top.
template <class A, class Visit>
void for_each_active(const A& codes, Index column, double threshold, Visit&& visit) {
  if constexpr (is_sparse_argument<A>) {
    for (typename A::InnerIterator entry(codes, column); entry; ++entry)
      if (std::abs(static_cast<double>(entry.value())) > threshold)
        visit(static_cast<Index>(entry.row()));
  } else {
    for (Index i = 0; i < codes.rows(); ++i)
      if (std::abs(static_cast<double>(codes(i, column))) > threshold) visit(i);
  }
}

inline void check_threshold(std::string_view where, double threshold) {
  require(threshold >= 0, where,
          "the threshold of activity must be at least 0, got " + text_of(threshold));
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_METRIC_ANY_CODES_HPP
