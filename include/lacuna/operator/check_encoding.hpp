// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_CHECK_ENCODING_HPP
#define LACUNA_OPERATOR_CHECK_ENCODING_HPP

#include <string_view>

#include <lacuna/concepts/dictionary.hpp>
#include <lacuna/core/check.hpp>

namespace lacuna {

/// What every `encode` asks of its signals: dim rows, all finite.
/// @throws std::invalid_argument with both shapes, or naming the column.
template <Dictionary D>
void check_encoding(std::string_view where, const D& d, const MatrixArg<ScalarOf<D>>& signals) {
  check_signals(where, d, signals);
  check_finite<ScalarOf<D>>(where, "signals", signals);
}

/// The same for a warm start: initial codes num_atoms x n, all finite.
template <Dictionary D>
void check_encoding(std::string_view where, const D& d, const MatrixArg<ScalarOf<D>>& signals,
                    const MatrixArg<ScalarOf<D>>& initial_codes) {
  check_encoding(where, d, signals);
  check_codes(where, d, initial_codes);
  require(initial_codes.cols() == signals.cols(), where,
          "initial codes are " + shape_of(initial_codes.rows(), initial_codes.cols()) +
              ", signals are " + shape_of(signals.rows(), signals.cols()) +
              ": expected as many columns");
  check_finite<ScalarOf<D>>(where, "initial codes", initial_codes);
}

/// The same for a warm start from sparse codes.
template <Dictionary D>
void check_encoding(std::string_view where, const D& d, const MatrixArg<ScalarOf<D>>& signals,
                    const SparseCodes<ScalarOf<D>>& initial_codes) {
  check_encoding(where, d, signals);
  check_codes(where, d, initial_codes);
  require(initial_codes.cols() == signals.cols(), where,
          "initial codes are " + shape_of(initial_codes.rows(), initial_codes.cols()) +
              ", signals are " + shape_of(signals.rows(), signals.cols()) +
              ": expected as many columns");
  check_finite<ScalarOf<D>>(where, "initial codes", initial_codes);
}

namespace detail {

/// Calls `use(row, value)` for the entries of column j: all of a dense one, the stored ones of a sparse.
template <Real S, class Use>
void for_each_entry(const MatrixArg<S>& codes, Index j, Use&& use) {
  for (Index i = 0; i < codes.rows(); ++i) use(i, codes(i, j));
}
template <Real S, class Use>
void for_each_entry(const SparseCodes<S>& codes, Index j, Use&& use) {
  for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
    use(entry.row(), entry.value());
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_CHECK_ENCODING_HPP
