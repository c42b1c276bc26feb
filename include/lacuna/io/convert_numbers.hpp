// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_CONVERT_NUMBERS_HPP
#define LACUNA_IO_CONVERT_NUMBERS_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

#include <Eigen/Core>
#include <lacuna/core/real.hpp>

namespace lacuna::detail {

/// A bool of a file: a byte, of which every value but 0 is true.
struct ByteBool {
  unsigned char byte;
};

/// Turns `count` numbers T as a file holds them into S, rounded to the nearest. The bytes need no
/// alignment.
template <class T, Real S>
void convert_numbers(const unsigned char* raw, bool swap_bytes, std::size_t count, S* to) {
  for (std::size_t i = 0; i < count; ++i, raw += sizeof(T)) {
    std::array<unsigned char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), raw, sizeof(T));
    if (swap_bytes) std::reverse(bytes.begin(), bytes.end());
    const T value = std::bit_cast<T>(bytes);
    if constexpr (std::same_as<T, Eigen::half> || std::same_as<T, Eigen::bfloat16>)
      to[i] = static_cast<S>(static_cast<float>(value));
    else if constexpr (std::same_as<T, ByteBool>)
      to[i] = static_cast<S>(value.byte != 0);
    else
      to[i] = static_cast<S>(value);
  }
}

}  // namespace lacuna::detail

#endif  // LACUNA_IO_CONVERT_NUMBERS_HPP
