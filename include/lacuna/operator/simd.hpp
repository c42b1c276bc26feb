// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SIMD_HPP
#define LACUNA_OPERATOR_SIMD_HPP

#include <cstring>
#include <type_traits>

#ifdef __AVX__
#include <immintrin.h>
#endif

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/real.hpp>

namespace lacuna::detail {

/// A register of numbers: + - * < and ?: go entry by entry.
template <Real S>
struct Simd {
  using Register [[gnu::vector_size(32)]] = S;
  static constexpr int lanes = 32 / sizeof(S);
  using Whole = std::integral_constant<int, lanes>;

  // Registers are handed on by reference: by value their ABI is that of the processor at hand.

  /// `count` numbers, and 0 after them.
  template <class Count>
  [[gnu::always_inline]] static void load(const S* from, Count count, Register& value) {
    if (count == lanes) {
      std::memcpy(&value, from, sizeof(value));
    } else {
      value = Register{};
      for (Index i = 0; i < count; ++i) value[i] = from[i];
    }
  }
  template <class Count>
  [[gnu::always_inline]] static void store(const Register& value, S* to, Count count) {
    if (count == lanes)
      std::memcpy(to, &value, sizeof(value));
    else
      for (Index i = 0; i < count; ++i) to[i] = value[i];
  }
  /// Of a comparison bit l for lane l.
  template <class Truth>
  [[nodiscard, gnu::always_inline]] static unsigned mask_of(const Truth& truth) {
#ifdef __AVX__
    if constexpr (lanes == 8)
      return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(truth)));
#endif
    unsigned mask = 0;
    for (int l = 0; l < lanes; ++l) mask |= truth[l] != 0 ? 1U << l : 0U;
    return mask;
  }
  [[nodiscard]] static double sum(const Register& values) {
    double sum = 0;
    for (int i = 0; i < lanes; ++i) sum += static_cast<double>(values[i]);
    return sum;
  }
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_SIMD_HPP
