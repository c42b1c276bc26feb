// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP
#define LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP

#include <algorithm>

#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/packed_product.hpp>
#include <lacuna/operator/small_product.hpp>
#include <lacuna/operator/strided_matrix.hpp>

namespace lacuna {

namespace detail {

/// out += alpha a b, or out = alpha a b where `assign`, on one thread.
template <Real S>
void product(bool assign, S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
             StridedResult<S> out) {
  a.visit([&](const auto& left) {
    b.visit([&](const auto& right) {
      if constexpr (has_packed_product)
        if (std::min({out.rows(), out.cols(), a.cols}) > small_product_size)
          return PackedProduct<S>::run(assign, alpha, left, right, out);
      if (assign) out.setZero();
      out.noalias() += alpha * left * right;
    });
  });
}

/// The same, by parts.
template <Real S>
void blocked_product(bool assign, S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                     StridedResult<S> out, Index threads) {
  constexpr Index least_products = Index{1} << 29;  // of a part
  const auto columns = [&](Block block) {
    return StridedResult<S>(out.data() + block.begin * out.outerStride(), out.rows(), block.count,
                            Eigen::OuterStride<>(out.outerStride()));
  };
  if (!b.by_rows && std::min(a.rows, a.cols) <= small_product_size && a.size() > 0 &&
      a.size() <= small_factor_size)
    return for_each_block(out.cols(), std::max<Index>(512, least_products / a.size()), threads,
                          [&](Block block, Index) {
                            const auto part = b.middle_cols(block.begin, block.count);
                            if (assign)
                              small_product<true>(alpha, a, part, columns(block));
                            else
                              small_product<false>(alpha, a, part, columns(block));
                          });
  if (!a.by_rows && b.by_rows && out.size() > 0 &&
      std::min(out.rows(), out.cols()) <= small_product_size &&
      std::max(out.rows(), out.cols()) <= small_outer_product_side<S> &&
      out.size() <= small_outer_product_size && out.rows() % SmallTile<S>::lanes == 0)
    return small_outer_product(assign, alpha, a, b, out);
  // Each part packs the other factor anew: 2048 columns of its own make up for it, and half of what
  // there is where that is less, for a second thread.
  const bool by_rows = out.rows() > out.cols();
  const Index length = by_rows ? out.rows() : out.cols();
  const Index across = std::max<Index>(1, a.cols * (by_rows ? out.cols() : out.rows()));
  const Index part =
      std::max(least_products / across, std::clamp<Index>((length + 1) / 2, 512, 2048));
  for_each_block(length, part, threads, [&](Block block, Index) {
    if (by_rows)
      product(assign, alpha, a.middle_rows(block.begin, block.count), b,
              StridedResult<S>(out.data() + block.begin, block.count, out.cols(),
                               Eigen::OuterStride<>(out.outerStride())));
    else
      product(assign, alpha, a, b.middle_cols(block.begin, block.count), columns(block));
  });
}

}  // namespace detail

/// out += alpha a b, a dense product of which several threads take a part each. a and b are dense
/// matrices, parts of them, or transposes of those; out is a matrix or a part of one, has its shape
/// already, and is neither a nor b.
///
/// The longer side of out is cut into parts that depend on the shapes alone, so the bits are the
/// same at any number of threads. A part has some ten milliseconds of work; a product of less is
/// one part, and runs on the caller.
/// @param threads  0 for all cores.
template <class A, class B, class Out>
void add_blocked_product(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                         const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out,
                         Index threads) {
  using S = typename Out::Scalar;
  detail::blocked_product<S>(false, alpha, detail::StridedMatrix<S>(a), detail::StridedMatrix<S>(b),
                             detail::strided_result(out), threads);
}

/// out = alpha a b, by the same parts.
template <class A, class B, class Out>
void blocked_product(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                     const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out, Index threads) {
  using S = typename Out::Scalar;
  detail::blocked_product<S>(true, alpha, detail::StridedMatrix<S>(a), detail::StridedMatrix<S>(b),
                             detail::strided_result(out), threads);
}

/// out = a b.
template <class A, class B, class Out>
void blocked_product(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
                     Eigen::MatrixBase<Out>& out, Index threads) {
  blocked_product(typename Out::Scalar(1), a, b, out, threads);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP
