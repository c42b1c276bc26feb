// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_STATUS_HPP
#define LACUNA_CORE_STATUS_HPP

#include <string_view>

namespace lacuna {

/// How an iteration ended. Every iteration ends: there is always a cap.
enum class Status {
  converged,        ///< the stated tolerance was reached, and the certificate says so
  completed,        ///< no tolerance was asked for: the stated steps were taken, or no more could be
  max_iterations,   ///< the cap came before the tolerance, which was above 0
  precision_limit,  ///< the element type cannot come closer: use `double`, or a larger tolerance
  stopped,          ///< an observer asked for the end
};

/// The status in the words of the enumeration, for tables and messages.
[[nodiscard]] constexpr std::string_view to_string(Status status) noexcept {
  switch (status) {
    case Status::converged: return "converged";
    case Status::completed: return "completed";
    case Status::max_iterations: return "max_iterations";
    case Status::precision_limit: return "precision_limit";
    case Status::stopped: return "stopped";
  }
  return "unknown";
}

}  // namespace lacuna

#endif  // LACUNA_CORE_STATUS_HPP
