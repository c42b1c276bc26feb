// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP
#define LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP

#include <algorithm>

#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/packed_product.hpp>
#include <lacuna/operator/small_product.hpp>

namespace lacuna {

namespace detail {

template <class M>
inline constexpr bool has_direct_access = (M::Flags & Eigen::DirectAccessBit) != 0;
template <class M>
inline constexpr bool has_contiguous_columns = !M::IsRowMajor && has_direct_access<M>;

/// out += alpha a b, or out = alpha a b where `assign`, on one thread.
template <bool assign, class A, class B, class Out>
void product(typename Out::Scalar alpha, const A& a, const B& b, Out& out) {
  if constexpr (has_packed_product && has_direct_access<A> && has_direct_access<B> &&
                has_contiguous_columns<Out>)
    if (std::min({out.rows(), out.cols(), a.cols()}) > small_product_size)
      return PackedProduct<typename Out::Scalar>::template run<assign>(alpha, a, b, out);
  if constexpr (assign) out.setZero();
  out.noalias() += alpha * a * b;
}

/// The same, by parts.
template <bool assign, class A, class B, class Out>
void blocked_product(typename Out::Scalar alpha, const A& a, const B& b, Out& out, Index threads) {
  using S = typename Out::Scalar;
  constexpr Index least_products = Index{1} << 29;  // of a part
  if constexpr (has_contiguous_columns<B> && has_contiguous_columns<Out>)
    if (std::min(a.rows(), a.cols()) <= small_product_size && a.size() > 0 &&
        a.size() <= small_factor_size)
      return for_each_block(out.cols(), std::max<Index>(512, least_products / a.size()), threads,
                            [&](Block block, Index) {
                              auto columns = out.middleCols(block.begin, block.count);
                              small_product<assign>(
                                  alpha, a, b.middleCols(block.begin, block.count), columns);
                            });
  if constexpr (has_contiguous_columns<A> && B::IsRowMajor && has_direct_access<B> &&
                has_contiguous_columns<Out>)
    if (std::min(out.rows(), out.cols()) <= small_product_size &&
        out.size() <= small_outer_product_size && out.rows() % SmallTile<S>::lanes == 0)
      return small_outer_product<assign>(alpha, a, b.data(), b.outerStride(), out);
  // Each part packs the other factor anew: 2048 columns of its own make up for it, and half of what
  // there is where that is less, for a second thread.
  const bool by_rows = out.rows() > out.cols();
  const Index length = by_rows ? out.rows() : out.cols();
  const Index across = std::max<Index>(1, a.cols() * (by_rows ? out.cols() : out.rows()));
  const Index part =
      std::max(least_products / across, std::clamp<Index>((length + 1) / 2, 512, 2048));
  for_each_block(length, part, threads, [&](Block block, Index) {
    if (by_rows) {
      auto rows = out.middleRows(block.begin, block.count);
      product<assign>(alpha, a.middleRows(block.begin, block.count), b, rows);
    } else {
      auto columns = out.middleCols(block.begin, block.count);
      product<assign>(alpha, a, b.middleCols(block.begin, block.count), columns);
    }
  });
}

}  // namespace detail

/// out += alpha a b, a dense product of which several threads take a part each. out has its shape
/// already.
///
/// The longer side of out is cut into parts that depend on the shapes alone, so the bits are the
/// same at any number of threads. A part has some ten milliseconds of work; a product of less is
/// one part, and runs on the caller.
/// @param threads  0 for all cores.
template <class A, class B, class Out>
void add_blocked_product(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                         const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out,
                         Index threads) {
  detail::blocked_product<false>(alpha, a.derived(), b.derived(), out.derived(), threads);
}

/// out = alpha a b, by the same parts.
template <class A, class B, class Out>
void blocked_product(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                     const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out, Index threads) {
  detail::blocked_product<true>(alpha, a.derived(), b.derived(), out.derived(), threads);
}

/// out = a b.
template <class A, class B, class Out>
void blocked_product(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
                     Eigen::MatrixBase<Out>& out, Index threads) {
  blocked_product(typename Out::Scalar(1), a, b, out, threads);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP
