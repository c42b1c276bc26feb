// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SMALL_TILE_HPP
#define LACUNA_OPERATOR_SMALL_TILE_HPP

#include <cstring>
#include <type_traits>
#include <utility>

#ifdef __FMA__
#include <immintrin.h>
#endif

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/real.hpp>
#include <lacuna/operator/simd.hpp>

namespace lacuna::detail {

/// g++ 12 would load a register anew for each product that it is in, and loading would be what
/// takes the time. Of a pointer, it would keep a sum for every entry that is read, and have no
/// registers for so many.
template <class Register>
[[gnu::always_inline]] inline void keep_in_register([[maybe_unused]] Register& a) {
#if defined(__GNUC__) && defined(__AVX__)
  if constexpr (std::is_pointer_v<Register> || std::is_same_v<Register, Index>)
    asm("" : "+r"(a));
  else
    asm("" : "+x"(a));
#endif
}

/// Up to twelve columns of a matrix, by two pointers and three distances: a pointer a column would
/// be more than there are registers for.
template <Real S>
class FewColumns {
 public:
  FewColumns(const S* first, Index stride)
      : first_(reinterpret_cast<const char*>(first)),
        seventh_(reinterpret_cast<const char*>(first + 6 * stride)),
        once_(stride * static_cast<Index>(sizeof(S))),
        thrice_(3 * once_),
        five_times_(5 * once_) {
    keep_in_register(first_);
    keep_in_register(seventh_);
  }

  /// Entry k of column c, counted from where `advance` came to.
  [[gnu::always_inline]] S operator()(Index k, int c) const {
    const char* from = (c < 6 ? first_ : seventh_) + k * static_cast<Index>(sizeof(S));
    const int within = c % 6;
    from += within == 3 ? thrice_ : within == 5 ? five_times_ : within * once_;
    S value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
  /// After each k: else the compiler would keep the address of every entry, and not make it in the
  /// load that it is for.
  [[gnu::always_inline]] void next() {
    keep_in_register(once_);
    keep_in_register(thrice_);
    keep_in_register(five_times_);
  }
  [[gnu::always_inline]] void advance(Index count) {
    first_ += count * static_cast<Index>(sizeof(S));
    seventh_ += count * static_cast<Index>(sizeof(S));
    keep_in_register(first_);
    keep_in_register(seventh_);
  }

 private:
  const char *first_, *seventh_;
  Index once_, thrice_, five_times_;  // bytes
};

/// A few rows of a matrix as if they were columns: its transpose.
template <Real S>
struct FewRows {
  const S* first;
  Index stride;

  /// Entry c of the row that `next` came to.
  [[gnu::always_inline]] S operator()(Index, int c) const { return first[c]; }
  [[gnu::always_inline]] void next() { first += stride; }
  void advance(Index) const {}
};

/// Sums in registers: `rows` entries of each of a few columns.
template <Real S>
struct SmallTile {
  using Register = typename Simd<S>::Register;
  static constexpr int lanes = Simd<S>::lanes;
  static constexpr int wide = 2 * lanes;  // rows of a tile, `lanes` for a rest
  /// Eight sums are what it takes for none to wait for the one before. Twelve take fewer loads a
  /// product, and leave four registers for its factors, where a register is what it is here.
#ifdef __AVX__
  static constexpr int most_sums = 12;
#else
  static constexpr int most_sums = 8;
#endif
  static constexpr int columns(int sums, int rows) { return sums * lanes / rows; }

  /// sum += a b, rounded once where the processor does that: left to itself, g++ 12 makes it so in
  /// some loops and not in others, and the bits of a column would depend on its tile.
  static void add_product(const Register& a, const Register& b, Register& sum) {
#ifdef __FMA__
    if constexpr (std::is_same_v<S, float>)
      sum = _mm256_fmadd_ps(a, b, sum);
    else
      sum = _mm256_fmadd_pd(a, b, sum);
#else
    sum += a * b;
#endif
  }

  /// sum[c][r] = sum over k < depth of a[k][r] b(k, c), a's entries k a_stride apart. `at(k, c)`
  /// reads b, and is told of every k by `next()` and, where depth is no constant, of every few by
  /// `advance(count)`, from where k counts; `store(c, low, high)` is given a column of the sums, of
  /// which `high` is meant where `rows` is `wide`. A depth that is a constant is gone through
  /// without a loop, whose start and end show where it is as short as 8. All of it is inlined by
  /// force: beyond some size g++ would call the products one by one.
  template <int rows, int cols, class Depth, class At, class Store>
  [[gnu::always_inline]] static void run(const S* a, Index a_stride, Depth depth, const At& at,
                                         const Store& store) {
    [&]<int... c>(std::integer_sequence<int, c...>) __attribute__((always_inline)) {
      // Copies: clang++ does not keep in registers what a closure refers to.
      const S* left = a;
      const Index left_stride = a_stride;
      At right = at;
      Register low_sum[cols] = {}, high_sum[cols] = {};
      const auto add_outer_product = [&](Index k) __attribute__((always_inline)) {
        Register low, high = {};
        std::memcpy(&low, left, sizeof(low));
        keep_in_register(low);
        if constexpr (rows == wide) {
          std::memcpy(&high, left + lanes, sizeof(high));
          keep_in_register(high);
        }
        const auto add = [&](int column) __attribute__((always_inline)) {
          const Register factor = right(k, column) - Register{};  // in every lane
          add_product(low, factor, low_sum[column]);
          if constexpr (rows == wide) add_product(high, factor, high_sum[column]);
        };
        (add(c), ...);
        left += left_stride;
        right.next();
      };
      if constexpr (std::is_same_v<Depth, Index>) {
        Index k = 0;
        for (; k + 4 <= depth; k += 4) {
          add_outer_product(0);
          add_outer_product(1);
          add_outer_product(2);
          add_outer_product(3);
          right.advance(4);
        }
        for (; k < depth; ++k) {
          add_outer_product(0);
          right.advance(1);
        }
      } else {
        [&]<Index... k>(std::integer_sequence<Index, k...>) __attribute__((always_inline)) {
          (add_outer_product(k), ...);
        }
        (std::make_integer_sequence<Index, Depth::value>());
      }
      (store(c, low_sum[c], high_sum[c]), ...);
    }
    (std::make_integer_sequence<int, cols>());
  }

  /// Calls `put(row, sum, count)` for each register of a column of sums, of which `count` rows are
  /// meant, the constant `rows` or a number of them.
  template <int rows, class Count, class Put>
  [[gnu::always_inline]] static void for_each_register(const Register& low, const Register& high,
                                                       Count count, const Put& put) {
    constexpr typename Simd<S>::Whole whole;
    if constexpr (std::is_same_v<Count, std::integral_constant<int, rows>>) {
      put(0, low, whole);
      if constexpr (rows == wide) put(lanes, high, whole);
    } else if constexpr (rows == wide) {
      put(0, low, whole);
      put(lanes, high, count - lanes);
    } else {
      put(0, low, count);
    }
  }
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_SMALL_TILE_HPP
