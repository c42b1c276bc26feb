// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_EPILOGUE_HPP
#define LACUNA_OPERATOR_EPILOGUE_HPP

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/real.hpp>
#include <lacuna/operator/simd.hpp>

// Epilogues: what becomes of the entries of a product before they are stored. A small product makes
// them in registers, where a pass over its result would take half as long as the product. The name
// is that of NVIDIA's CUTLASS. Of an epilogue e, for entries of one column from `row` on:
//
// - e(value, row, column, count, total) makes what is stored of `count` entries, and adds to
//   `total` what they add to it. Lanes from `count` on are not stored; what is loaded there is 0.
// - E::has_total says whether there is a total.
// - e.from_column(begin) is the same for the columns from there on.

namespace lacuna {

/// What dense codes s are made of, and what a gradient is with respect to.
enum class CodeForm {
  free,        ///< s itself
  rectified,   ///< a, for s = max(a, 0); 0 at the kink
  exponential  ///< u, for s = exp(u)
};

namespace detail {

/// A matrix that an epilogue reads beside the product, column by column.
template <Real S>
struct Beside {
  const S* data;
  Index stride;

  template <class M>
  explicit Beside(const Eigen::DenseBase<M>& m)
      : data(m.derived().data()), stride(m.derived().outerStride()) {
    static_assert((M::Flags & Eigen::DirectAccessBit) != 0 && !M::IsRowMajor &&
                      M::InnerStrideAtCompileTime == 1,
                  "what an epilogue reads lies column by column");
  }

  template <class Register, class Count>
  [[gnu::always_inline]] void load(Index row, Index column, Count count, Register& value) const {
    Simd<S>::load(data + row + column * stride, count, value);
  }
  [[nodiscard]] Beside from_column(Index begin) const {
    Beside rest = *this;
    rest.data += begin * stride;
    return rest;
  }
};

/// The product as it is.
struct Assign {
  static constexpr bool has_total = false;

  template <class Register, class Count>
  [[gnu::always_inline]] void operator()(Register&, Index, Index, Count, Register&) const {}
  [[nodiscard]] Assign from_column(Index) const { return {}; }
};

/// before + product.
template <Real S>
struct AddTo {
  static constexpr bool has_total = false;
  Beside<S> before;

  template <class Register, class Count>
  [[gnu::always_inline]] void operator()(Register& value, Index row, Index column, Count count,
                                         Register&) const {
    Register there;
    before.load(row, column, count, there);
    value = there + value;
  }
  [[nodiscard]] AddTo from_column(Index begin) const { return {before.from_column(begin)}; }
};

/// max(product + bias, 0), NaN to 0.
template <Real S>
struct AddBiasAndRectify {
  static constexpr bool has_total = false;
  const S* bias;  ///< an entry a row, or null for none

  template <class Register, class Count>
  [[gnu::always_inline]] void operator()(Register& value, Index row, Index, Count count,
                                         Register&) const {
    if (bias != nullptr) {
      Register shift;
      Simd<S>::load(bias + row, count, shift);
      value += shift;
    }
    value = value > Register{} ? value : Register{};
  }
  [[nodiscard]] AddBiasAndRectify from_column(Index) const { return *this; }
};

/// The product where the code is above 0, and 0 elsewhere, the kink included.
template <Real S>
struct MaskByCodes {
  static constexpr bool has_total = false;
  Beside<S> codes;

  template <class Register, class Count>
  [[gnu::always_inline]] void operator()(Register& value, Index row, Index column, Count count,
                                         Register&) const {
    Register code;
    codes.load(row, column, count, code);
    value = code > Register{} ? value : Register{};
  }
  [[nodiscard]] MaskByCodes from_column(Index begin) const { return {codes.from_column(begin)}; }
};

/// product + factor times a matrix. The total is the sum of the squares.
template <Real S>
struct Residual {
  static constexpr bool has_total = true;
  S factor;
  Beside<S> matrix;

  template <class Register, class Count>
  [[gnu::always_inline]] void operator()(Register& value, Index row, Index column, Count count,
                                         Register& total) const {
    Register other;
    matrix.load(row, column, count, other);
    value += factor * other;
    total += value * value;
  }
  [[nodiscard]] Residual from_column(Index begin) const {
    return {factor, matrix.from_column(begin)};
  }
};

/// The gradient of codes with a price, of which the product is the part of the reconstruction:
/// product + slope sign(code), with respect to what the codes are made of. The total is the sum of
/// |code|.
template <Real S, CodeForm form>
struct PricedGradient {
  static constexpr bool has_total = true;
  S slope;
  Beside<S> codes;

  template <class Register, class Count>
  [[gnu::always_inline]] void operator()(Register& value, Index row, Index column, Count count,
                                         Register& total) const {
    using Bits = decltype(Register{} < Register{});
    Register code, zero = {};
    codes.load(row, column, count, code);
    if constexpr (form == CodeForm::rectified) {
      total += code;
      value = code > zero ? value + slope : zero;
    } else if constexpr (form == CodeForm::exponential) {
      total += code;
      value = (value + slope) * code;
    } else {
      const Bits sign = reinterpret_cast<Bits>(code) & reinterpret_cast<Bits>(-zero);
      const Bits up = reinterpret_cast<Bits>(slope - zero);
      total += reinterpret_cast<Register>(reinterpret_cast<Bits>(code) ^ sign);
      value += reinterpret_cast<Register>((sign ^ up) & (code != zero));
    }
  }
  [[nodiscard]] PricedGradient from_column(Index begin) const {
    return {slope, codes.from_column(begin)};
  }
};

/// The same in a pass over a product that is there, for those that are not made in registers.
/// Returns the total.
template <Real S, class Out, class Epilogue>
double apply_epilogue(Out& out, const Epilogue& epilogue) {
  constexpr typename Simd<S>::Whole whole;
  double total = 0;
  for (Index j = 0; j < out.cols(); ++j) {
    typename Simd<S>::Register part = {};
    const auto put = [&](Index row, auto count) {
      S* at = &out(row, j);
      typename Simd<S>::Register value;
      Simd<S>::load(at, count, value);
      epilogue(value, row, j, count, part);
      Simd<S>::store(value, at, count);
    };
    Index row = 0;
    for (; row + whole <= out.rows(); row += whole) put(row, whole);
    if (row < out.rows()) put(row, out.rows() - row);
    if constexpr (Epilogue::has_total) total += Simd<S>::sum(part);
  }
  return total;
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_EPILOGUE_HPP
