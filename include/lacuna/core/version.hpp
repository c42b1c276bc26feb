// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_VERSION_HPP
#define LACUNA_CORE_VERSION_HPP

#include <string_view>

// The only place where the version is written: CMake reads these three lines. They are macros so
// that a consumer can choose by version in the preprocessor.
#define LACUNA_VERSION_MAJOR 0
#define LACUNA_VERSION_MINOR 1
#define LACUNA_VERSION_PATCH 0

// Two levels, so that the argument is expanded before it is quoted.
#define LACUNA_DETAIL_QUOTE(x) #x
#define LACUNA_DETAIL_QUOTE_VALUE(x) LACUNA_DETAIL_QUOTE(x)

namespace lacuna {

/// The version of these headers, "major.minor.patch".
inline constexpr std::string_view version =
    LACUNA_DETAIL_QUOTE_VALUE(LACUNA_VERSION_MAJOR) "." LACUNA_DETAIL_QUOTE_VALUE(
        LACUNA_VERSION_MINOR) "." LACUNA_DETAIL_QUOTE_VALUE(LACUNA_VERSION_PATCH);

}  // namespace lacuna

#undef LACUNA_DETAIL_QUOTE_VALUE
#undef LACUNA_DETAIL_QUOTE

#endif  // LACUNA_CORE_VERSION_HPP
