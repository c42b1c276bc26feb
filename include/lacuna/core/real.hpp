// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_REAL_HPP
#define LACUNA_CORE_REAL_HPP

#include <concepts>

namespace lacuna {

/// An element type: `float`, the working type, or `double`, the type of proofs and statistics.
template <class S>
concept Real = std::same_as<S, float> || std::same_as<S, double>;

}  // namespace lacuna

#endif  // LACUNA_CORE_REAL_HPP
