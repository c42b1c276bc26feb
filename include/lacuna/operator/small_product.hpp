// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SMALL_PRODUCT_HPP
#define LACUNA_OPERATOR_SMALL_PRODUCT_HPP

#include <algorithm>
#include <type_traits>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// Up to this many rows and columns of the left factor, `small_product` is the faster one: a
/// BLAS spends more on packing and on half-empty registers than on the product.
inline constexpr Index small_product_size = 32;

/// out's rows [0, count) += or = a b for a of `rows` rows, of which those from `count` on are 0, in
/// registers: four columns at a time, whose sums do not wait for each other.
template <int rows, bool assign, Real S>
void small_product_rows(const S* a, Index stride, Index depth, const S* b, Index b_stride, S* out,
                        Index out_stride, Index n, Index count) {
  using Rows = Eigen::Array<S, rows, 1>;
  const auto store = [&](Index j, const Rows& sum) {
    S* to = out + j * out_stride;
    if (count == rows) {
      Eigen::Map<Rows> whole(to);
      if constexpr (assign)
        whole = sum;
      else
        whole += sum;
    } else {
      for (Index i = 0; i < count; ++i) to[i] = assign ? sum[i] : to[i] + sum[i];
    }
  };
  Index j = 0;
  for (; j + 4 <= n; j += 4) {
    Rows sum0 = Rows::Zero(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    const S* from = b + j * b_stride;
    for (Index k = 0; k < depth; ++k) {
      const Rows column = Eigen::Map<const Rows>(a + k * stride);
      sum0 += column * from[k];
      sum1 += column * from[k + b_stride];
      sum2 += column * from[k + 2 * b_stride];
      sum3 += column * from[k + 3 * b_stride];
    }
    store(j, sum0);
    store(j + 1, sum1);
    store(j + 2, sum2);
    store(j + 3, sum3);
  }
  for (; j < n; ++j) {
    Rows sum = Rows::Zero();
    for (Index k = 0; k < depth; ++k)
      sum += Eigen::Map<const Rows>(a + k * stride) * b[k + j * b_stride];
    store(j, sum);
  }
}

/// out += a b, or out = a b where `assign`, for a of at most `small_product_size` rows and columns,
/// and b and out whose columns are contiguous. The bits of a column depend on that column alone.
template <bool assign, class A, class B, class Out>
void small_product(const A& a, const B& b, Out& out) {
  using S = typename Out::Scalar;
  constexpr int most = small_product_size;
  // Whole registers of rows, the last ones 0 where there are no more.
  S left[most * most] = {};
  Eigen::Map<Eigen::Matrix<S, most, Eigen::Dynamic>>(left, most, a.cols()).topRows(a.rows()) = a;
  for (Index top = 0; top < a.rows();) {
    const Index rest = a.rows() - top;
    const auto run = [&](auto rows) {
      small_product_rows<rows(), assign>(left + top, Index{most}, a.cols(), b.data(),
                                         b.outerStride(), out.data() + top, out.outerStride(),
                                         out.cols(), std::min<Index>(rest, rows()));
      top += rows();
    };
    if (rest > 8)
      run(std::integral_constant<int, 16>());
    else
      run(std::integral_constant<int, 8>());
  }
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_SMALL_PRODUCT_HPP
