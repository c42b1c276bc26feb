// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_RANDOM_HPP
#define LACUNA_CORE_RANDOM_HPP

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// Philox 4x32-10: ten keyed rounds that turn a 128-bit counter into 128 random bits (Salmon, Moraes,
/// Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A pure function: any word of
/// any stream is reached directly, so what is drawn does not depend on who draws it or when.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(
    std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// A stream of random numbers named by (seed, stream): 2^64 streams of 2^66 words a seed.
///
/// Give each column, run or purpose a stream of its own and the numbers are the same whatever the
/// order or the number of threads. The words are identical on every platform; `normal` goes through
/// the standard library's log and cosine, so its last bit is fixed within a build only. A value type:
/// a copy continues where the original stood.
///
/// @code
/// RandomStream random(seed, column);
/// float amplitude = std::abs(random.normal<float>());
/// @endcode
class RandomStream {
 public:
  explicit constexpr RandomStream(std::uint64_t seed, std::uint64_t stream = 0) noexcept
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        stream_(stream) {}

  /// The next 32 random bits.
  [[nodiscard]] constexpr std::uint32_t word() noexcept {
    const auto lane = static_cast<std::size_t>(position_ & 3U);
    if (lane == 0) {
      const std::uint64_t block = position_ >> 2;
      words_ = philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                           static_cast<std::uint32_t>(stream_),
                           static_cast<std::uint32_t>(stream_ >> 32)},
                          key_);
    }
    ++position_;
    return words_[lane];
  }

  /// Uniform on [0, 1): a multiple of 2^-24 for float (one word), of 2^-53 for double (two).
  template <Real S>
  [[nodiscard]] constexpr S uniform() noexcept {
    if constexpr (std::same_as<S, float>) {
      return static_cast<float>(word() >> 8) * 0x1p-24F;
    } else {
      const std::uint64_t high = word();
      const std::uint64_t bits = (high << 32) | word();
      return static_cast<double>(bits >> 11) * 0x1p-53;
    }
  }

  /// Standard normal, by the transform of Box & Muller (1958); one of each pair is kept for the next
  /// call. Computed in double for both types, so float and double draws agree to rounding.
  template <Real S>
  [[nodiscard]] S normal() noexcept {
    if (has_spare_) {
      has_spare_ = false;
      return static_cast<S>(spare_);
    }
    const double radius = std::sqrt(-2.0 * std::log1p(-uniform<double>()));
    const double angle = 2.0 * std::numbers::pi * uniform<double>();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return static_cast<S>(radius * std::cos(angle));
  }

  /// Uniform on {0, ..., bound - 1}, without bias (Lemire, "Fast random integer generation in an
  /// interval", 2019). @param bound  at least 1.
  [[nodiscard]] constexpr std::uint32_t below(std::uint32_t bound) noexcept {
    std::uint64_t product = std::uint64_t{word()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t threshold = (0U - bound) % bound;
      while (static_cast<std::uint32_t>(product) < threshold)
        product = std::uint64_t{word()} * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// k different members of {0, ..., n - 1}, every subset and every order equally likely, by the first
  /// k exchanges of a Fisher-Yates shuffle. Cost: O(n) memory and time.
  /// @throws std::invalid_argument unless 0 <= k <= n < 2^32.
  [[nodiscard]] std::vector<Index> choose(Index n, Index k) {
    require(k >= 0 && k <= n && n < (Index{1} << 32), "RandomStream::choose",
            "cannot choose " + std::to_string(k) + " of " + std::to_string(n));
    std::vector<Index> items(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) items[static_cast<std::size_t>(i)] = i;
    for (Index i = 0; i < k; ++i) {
      const auto j = i + static_cast<Index>(below(static_cast<std::uint32_t>(n - i)));
      std::swap(items[static_cast<std::size_t>(i)], items[static_cast<std::size_t>(j)]);
    }
    items.resize(static_cast<std::size_t>(k));
    return items;
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t stream_;
  std::uint64_t position_ = 0;
  std::array<std::uint32_t, 4> words_{};
  double spare_ = 0;
  bool has_spare_ = false;
};

/// A seed for one purpose among many that share a seed: different (seed, purpose) pairs give unrelated
/// seeds, and adding a purpose changes no other's numbers.
[[nodiscard]] constexpr std::uint64_t derive_seed(std::uint64_t seed,
                                                  std::uint64_t purpose) noexcept {
  // The counter of a stream that no RandomStream is likely to be given: its number ends in 0x5EED.
  const auto words = philox4x32({static_cast<std::uint32_t>(purpose),
                                 static_cast<std::uint32_t>(purpose >> 32), 0x5EEDU, 0xFFFFFFFFU},
                                {static_cast<std::uint32_t>(seed),
                                 static_cast<std::uint32_t>(seed >> 32)});
  return (std::uint64_t{words[1]} << 32) | words[0];
}

/// `rows x cols` independent standard normals; column j is drawn from stream j.
template <Real S>
[[nodiscard]] Matrix<S> random_normal(Index rows, Index cols, std::uint64_t seed) {
  Matrix<S> values(rows, cols);
  for (Index j = 0; j < cols; ++j) {
    RandomStream random(seed, static_cast<std::uint64_t>(j));
    for (Index i = 0; i < rows; ++i) values(i, j) = random.normal<S>();
  }
  return values;
}

}  // namespace lacuna

#endif  // LACUNA_CORE_RANDOM_HPP
