// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_CHECK_HPP
#define LACUNA_CORE_CHECK_HPP

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// "8 x 16": how every message of the library writes a shape.
[[nodiscard]] inline std::string shape_of(Index rows, Index cols) {
  return std::to_string(rows) + " x " + std::to_string(cols);
}

/// "1e-09": a number in a message, however small; std::to_string would write that one as 0.000000.
[[nodiscard]] inline std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

/// Throws std::invalid_argument with `where: what` unless `condition` holds.
inline void require(bool condition, std::string_view where, std::string_view what) {
  if (!condition) throw std::invalid_argument(std::string(where) + ": " + std::string(what));
}

/// Refuses an argument whose number of rows does not fit its partner; both shapes are in the message.
/// @param where    the function asked, e.g. "Fista::encode".
/// @param name     what has the wrong shape, e.g. "signals"; `partner` what it must fit.
/// @throws std::invalid_argument if `rows != expected_rows`.
inline void check_rows(std::string_view where, std::string_view name, Index rows, Index cols,
                       Index expected_rows, std::string_view partner, Index partner_rows,
                       Index partner_cols) {
  if (rows == expected_rows) return;
  throw std::invalid_argument(std::string(where) + ": " + std::string(name) + " are " +
                              shape_of(rows, cols) + ", the " + std::string(partner) + " is " +
                              shape_of(partner_rows, partner_cols) + ": expected " +
                              std::to_string(expected_rows) + " rows");
}

/// Refuses signals that do not have dim rows. @throws std::invalid_argument with both shapes.
template <class D, class X>
void check_signals(std::string_view where, const D& dictionary, const X& signals) {
  check_rows(where, "signals", signals.rows(), signals.cols(), dictionary.dim(), "dictionary",
             dictionary.dim(), dictionary.num_atoms());
}

/// Refuses codes that do not have num_atoms rows. @throws std::invalid_argument with both shapes.
template <class D, class C>
void check_codes(std::string_view where, const D& dictionary, const C& codes) {
  check_rows(where, "codes", codes.rows(), codes.cols(), dictionary.num_atoms(), "dictionary",
             dictionary.dim(), dictionary.num_atoms());
}

/// Refuses two matrices of different shape. @throws std::invalid_argument with both shapes.
template <class A, class B>
void check_same_shape(std::string_view where, std::string_view name_a, const A& a,
                      std::string_view name_b, const B& b) {
  if (a.rows() == b.rows() && a.cols() == b.cols()) return;
  throw std::invalid_argument(std::string(where) + ": " + std::string(name_a) + " are " +
                              shape_of(a.rows(), a.cols()) + ", " + std::string(name_b) + " are " +
                              shape_of(b.rows(), b.cols()) + ": expected one shape");
}

namespace detail {
[[noreturn]] inline void throw_not_finite(std::string_view where, std::string_view name,
                                          Index column) {
  throw std::invalid_argument(std::string(where) + ": " + std::string(name) + " column " +
                              std::to_string(column) + " holds a NaN or an infinity");
}
}  // namespace detail

/// Refuses NaN and infinities, naming the first column that holds one. Cost: one pass.
/// @throws std::invalid_argument.
template <class S>
void check_finite(std::string_view where, std::string_view name, const MatrixArg<S>& values) {
  // x - x is 0 for every finite x and NaN otherwise, so one vectorised sum answers for all of them.
  if (values.size() == 0) return;
  const auto is_finite = [](const auto& part) { return (part - part).sum() == S(0); };
  // Columns without gaps are one long one: short ones would go entry by entry.
  if (values.outerStride() == values.rows()
          ? is_finite(Eigen::Map<const Vector<S>>(values.data(), values.size()))
          : is_finite(values))
    return;
  for (Index j = 0; j < values.cols(); ++j)
    if (!values.col(j).allFinite()) detail::throw_not_finite(where, name, j);
}

/// The same for sparse codes.
template <class S>
void check_finite(std::string_view where, std::string_view name, const SparseCodes<S>& values) {
  for (Index j = 0; j < values.outerSize(); ++j)
    for (typename SparseCodes<S>::InnerIterator entry(values, j); entry; ++entry)
      if (!std::isfinite(entry.value())) detail::throw_not_finite(where, name, j);
}

}  // namespace lacuna

#endif  // LACUNA_CORE_CHECK_HPP
