// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP
#define LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP

#include <algorithm>

#include <lacuna/core/parallel.hpp>

namespace lacuna {

/// out += alpha a b, a dense product of which several threads take a part each. out has its shape
/// already.
///
/// The longer side of out is cut into parts that depend on the shapes alone, so the bits are the
/// same at any number of threads. A part has at least a millisecond of work; a product of less is
/// one part, and runs on the caller.
/// @param threads  0 for all cores.
template <class A, class B, class Out>
void add_blocked_product(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                         const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out,
                         Index threads) {
  // Each part packs the other factor anew, which 1024 columns of its own make up for.
  constexpr Index least_length = 1024, least_products = Index{1} << 25;
  const bool by_rows = out.rows() > out.cols();
  const Index length = by_rows ? out.rows() : out.cols();
  const Index across = std::max<Index>(1, a.cols() * (by_rows ? out.cols() : out.rows()));
  const Index part = std::max(least_length, least_products / across);
  if (length <= part) {
    out.noalias() += alpha * a.derived() * b.derived();
    return;
  }
  for_each_block(length, part, threads, [&](Block block, Index) {
    if (by_rows)
      out.middleRows(block.begin, block.count).noalias() +=
          alpha * a.derived().middleRows(block.begin, block.count) * b.derived();
    else
      out.middleCols(block.begin, block.count).noalias() +=
          alpha * a.derived() * b.derived().middleCols(block.begin, block.count);
  });
}

/// out = a b, by `add_blocked_product`.
template <class A, class B, class Out>
void blocked_product(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b,
                     Eigen::MatrixBase<Out>& out, Index threads) {
  out.setZero();
  add_blocked_product(typename Out::Scalar(1), a, b, out, threads);
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_BLOCKED_PRODUCT_HPP
