// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_CATCH_HPP
#define LACUNA_TESTS_SUPPORT_CATCH_HPP

// Debian 12 ships Catch2 2.13 and newer systems ship 3; the macros that the tests use are the same.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // LACUNA_TESTS_SUPPORT_CATCH_HPP
