// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_CATCH_HPP
#define LACUNA_TESTS_SUPPORT_CATCH_HPP

// Debian 12 ships Catch2 2.13 and newer systems ship 3. Their macros are the same; of the names,
// Approx is spelt as in 2.13.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#endif  // LACUNA_TESTS_SUPPORT_CATCH_HPP
