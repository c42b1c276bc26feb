// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_ACTIVE_CODES_HPP
#define LACUNA_UPDATE_ACTIVE_CODES_HPP

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/check.hpp>

/// What the updates that go from entry to entry share.
namespace lacuna::detail {

/// Refuses signals and codes that do not fit the dictionary or each other, and NaN.
/// @throws std::invalid_argument with the shapes, or naming the column.
template <class D, class Codes>
void check_update(const char* where, const D& d, const MatrixArg<ScalarOf<D>>& signals,
                  const Codes& codes) {
  using S = ScalarOf<D>;
  check_signals(where, d, signals);
  check_codes(where, d, codes);
  require(signals.cols() == codes.cols(), where,
          "signals are " + shape_of(signals.rows(), signals.cols()) + ", codes are " +
              shape_of(codes.rows(), codes.cols()) + ": expected as many columns");
  check_finite<S>(where, "signals", signals);
  check_finite<S>(where, "codes", codes);
}

/// The entries that are not 0, whatever the form of the codes.
template <Real S>
[[nodiscard]] SparseCodes<S> active_codes(const Matrix<S>& codes) {
  return codes.sparseView();
}
template <Real S>
[[nodiscard]] SparseCodes<S> active_codes(const SparseCodes<S>& codes) {
  SparseCodes<S> active = codes;
  active.prune([](Index, Index, S value) { return value != S(0); });
  return active;
}

}  // namespace lacuna::detail

#endif  // LACUNA_UPDATE_ACTIVE_CODES_HPP
