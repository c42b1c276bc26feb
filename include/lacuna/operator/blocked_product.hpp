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

/// Whether a b is one for `small_product`.
template <Real S>
[[nodiscard]] bool is_small_product(const StridedMatrix<S>& a, const StridedMatrix<S>& b) {
  return !b.by_rows && std::min(a.rows, a.cols) <= small_product_size && a.size() > 0 &&
         a.size() <= small_factor_size;
}

/// Whether a b^T of this shape is one for `small_outer_product`, for a and b whose columns lie so
/// far apart.
template <Real S>
[[nodiscard]] constexpr bool is_small_outer_product(Index rows, Index cols, Index a_stride,
                                                    Index b_stride) noexcept {
  return rows * cols > 0 && rows * cols <= small_outer_product_size &&
         std::min(rows, cols) <= small_product_size && rows % SmallTile<S>::lanes == 0 &&
         !columns_collide<S>(a_stride) && !columns_collide<S>(b_stride);
}

inline constexpr Index least_products = Index{1} << 29;  // of a part that is worth a thread

/// The sum of `work(block)` over blocks of `size` columns, in their order.
template <class Work>
[[nodiscard]] double total_over_blocks(Index cols, Index size, Index threads, const Work& work) {
  if (cols <= size) return work(Block{0, cols, 0});
  Vector<double> totals(num_blocks(cols, size));
  for_each_block(cols, size, threads,
                 [&](Block block, Index) { totals[block.index] = work(block); });
  return totals.sum();
}

template <Real S>
[[nodiscard]] StridedResult<S> columns_of(StridedResult<S>& out, Block block) {
  return StridedResult<S>(out.data() + block.begin * out.outerStride(), out.rows(), block.count,
                          Eigen::OuterStride<>(out.outerStride()));
}

/// out = epilogue(alpha a b) by parts, for a small product. Returns the total of the epilogue.
template <Real S, class Epilogue>
double small_product_by_parts(S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                              StridedResult<S> out, const Epilogue& epilogue, Index threads) {
  const Index size = std::max<Index>(512, least_products / a.size());
  return total_over_blocks(out.cols(), size, threads, [&](Block block) {
    return small_product(alpha, a, b.middle_cols(block.begin, block.count), columns_of(out, block),
                         epilogue.from_column(block.begin));
  });
}

/// The same, by parts.
template <Real S>
void blocked_product(bool assign, S alpha, const StridedMatrix<S>& a, const StridedMatrix<S>& b,
                     StridedResult<S> out, Index threads) {
  if (is_small_product(a, b)) {
    if (assign)
      small_product_by_parts(alpha, a, b, out, Assign(), threads);
    else
      small_product_by_parts(alpha, a, b, out, AddTo<S>{Beside<S>(out)}, threads);
    return;
  }
  if (!a.by_rows && b.by_rows &&
      is_small_outer_product<S>(out.rows(), out.cols(), a.stride, b.stride))
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
      product(assign, alpha, a, b.middle_cols(block.begin, block.count), columns_of(out, block));
  });
}

/// `apply_epilogue` by parts.
template <Real S, class Epilogue>
double apply_epilogue_by_parts(StridedResult<S>& out, const Epilogue& epilogue, Index threads) {
  const Index size = std::max<Index>(1, (Index{1} << 20) / std::max<Index>(1, out.rows()));
  return total_over_blocks(out.cols(), size, threads, [&](Block block) {
    StridedResult<S> columns = columns_of(out, block);
    return apply_epilogue<S>(columns, epilogue.from_column(block.begin));
  });
}

/// out = epilogue(alpha a b): in registers where the product is small, in a pass after it
/// elsewhere. Returns the total of the epilogue, which is the same at any number of threads. out
/// has its shape already, and is not what the epilogue reads.
template <class A, class B, class Out, class Epilogue>
double blocked_product_then(typename Out::Scalar alpha, const Eigen::MatrixBase<A>& a,
                            const Eigen::MatrixBase<B>& b, Eigen::MatrixBase<Out>& out,
                            const Epilogue& epilogue, Index threads) {
  using S = typename Out::Scalar;
  const StridedMatrix<S> left(a), right(b);
  StridedResult<S> result = strided_result(out);
  if (is_small_product(left, right))
    return small_product_by_parts(alpha, left, right, result, epilogue, threads);
  blocked_product(true, alpha, left, right, result, threads);
  return apply_epilogue_by_parts<S>(result, epilogue, threads);
}

}  // namespace detail

/// out += alpha a b, a dense product of which several threads take a part each. a and b are dense
/// matrices, parts of them, or transposes of those; out is a matrix or a part of one, has its shape
/// already, and is neither a nor b.
///
/// The longer side of out is cut into parts that depend on the shapes alone, so the bits are the
/// same at any number of threads. A part has some ten milliseconds of work; a product of less is
/// one part, and runs on the caller; so does a sum of outer products for an out of few rows or
/// columns.
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
