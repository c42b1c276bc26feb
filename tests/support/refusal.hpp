// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_REFUSAL_HPP
#define LACUNA_TESTS_SUPPORT_REFUSAL_HPP

#include <stdexcept>
#include <string>

namespace lacuna::test {

/// What a refusal says; empty if nothing was refused.
template <class Call>
[[nodiscard]] std::string message_of(Call&& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

[[nodiscard]] inline bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_REFUSAL_HPP
