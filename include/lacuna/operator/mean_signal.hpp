// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_MEAN_SIGNAL_HPP
#define LACUNA_OPERATOR_MEAN_SIGNAL_HPP

#include <lacuna/core/check.hpp>

namespace lacuna {

/// The mean of signals, dim x n with n at least 1, summed in double. `where` stands in the
/// messages.
/// @throws std::invalid_argument if there are none, or one is not finite.
template <Real S>
[[nodiscard]] Vector<S> mean_signal(const char* where, const MatrixArg<S>& signals) {
  require(signals.cols() > 0, where, "no signals");
  check_finite<S>(where, "signals", signals);
  return signals.template cast<double>().rowwise().mean().template cast<S>();
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_MEAN_SIGNAL_HPP
