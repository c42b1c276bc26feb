// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_EXPONENTIAL_HPP
#define LACUNA_OPERATOR_EXPONENTIAL_HPP

#include <cstdint>
#include <limits>
#include <type_traits>

#include <lacuna/core/matrix.hpp>
#include <lacuna/operator/simd.hpp>

namespace lacuna::detail {

/// x = exp(x) for the numbers of a register, within 2 units in the last place; 0 where it would be
/// below the least normal number, infinite from the largest on, NaN of NaN. Half of what Eigen's
/// takes, which scales by several factors for the sake of subnormal results.
///
/// x = n ln 2 + r with n whole and |r| <= ln 2 / 2; exp r is Moshier's polynomial (Cephes, expf.c,
/// 1989), and n goes into the bits of its exponent.
[[gnu::always_inline]] inline void exponential(Simd<float>::Register& x) {
  using Register = Simd<float>::Register;
  using Bits [[gnu::vector_size(32)]] = std::uint32_t;  // whose sums wrap around
  constexpr float to_whole = 12582912.0f;  // 1.5 * 2^23: what is added to it is rounded to whole
  const Register zero = {};
  const Register shifted = x * 1.44269504f + to_whole;
  const Register n = shifted - to_whole;
  const Register r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Register y = 1.9875691500e-4f * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + (r + 1.0f);
  // The whole number is in the last bits of the shifted one; all others leave.
  const Register scaled = reinterpret_cast<Register>(reinterpret_cast<Bits>(y) +
                                                     (reinterpret_cast<Bits>(shifted) << 23));
  const Register infinite = std::numeric_limits<float>::infinity() - zero;
  const Register least = -87.3365448f - zero;  // exp of it is the least normal number, nearly
  // x - x is what makes a NaN of one: its bits have been added to.
  const Register bounded = reinterpret_cast<Register>(reinterpret_cast<Bits>(scaled + (x - x)) &
                                                      ~reinterpret_cast<Bits>(x <= least));
  x = x >= 88.7228394f - zero ? infinite : bounded;
}

/// values = exp(logarithms), entry by entry. For doubles it is Eigen's.
template <Real S>
void exponential(const Matrix<S>& logarithms, Matrix<S>& values) {
  values.resize(logarithms.rows(), logarithms.cols());
  if constexpr (std::is_same_v<S, float>) {
    constexpr Simd<float>::Whole whole;
    const float* from = logarithms.data();
    float* to = values.data();
    Index i = 0;
    const auto put = [&](auto count) {
      Simd<float>::Register value;
      Simd<float>::load(from + i, count, value);
      exponential(value);
      Simd<float>::store(value, to + i, count);
    };
    for (; i + whole <= logarithms.size(); i += whole) put(whole);
    put(logarithms.size() - i);
  } else {
    values = logarithms.array().exp();
  }
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_EXPONENTIAL_HPP
