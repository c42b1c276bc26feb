// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_COLUMN_PASSES_HPP
#define LACUNA_OPERATOR_COLUMN_PASSES_HPP

#include <algorithm>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/real.hpp>

// What goes once over the entries of dense codes, signal by signal: plain loops, since Eigen's go
// entry by entry over short columns.

namespace lacuna::detail {

/// Calls `work(block)` for blocks of columns that are each worth a thread. What `work` does is
/// elementwise.
template <class Work>
void for_each_columns(Index rows, Index cols, Index threads, Work&& work) {
  const Index block = std::max<Index>(1, (Index{1} << 20) / std::max<Index>(1, rows));
  for_each_block(cols, block, threads, [&](Block columns, Index) { work(columns); });
}

/// How many columns of so few rows are taken as one, so that loops over a column are worth their
/// start.
[[nodiscard]] inline Index columns_as_one(Index rows) noexcept {
  return std::max<Index>(1, 64 / std::max<Index>(1, rows));
}

/// sum += the columns of values, four at a time: else as much time would go into reading and
/// writing the sum.
template <class Sum, class Values>
void add_columns(Sum&& sum, const Values& values) {
  Index j = 0;
  for (; j + 4 <= values.cols(); j += 4)
    sum += (values.col(j) + values.col(j + 1)) + (values.col(j + 2) + values.col(j + 3));
  for (; j < values.cols(); ++j) sum += values.col(j);
}

/// sums += row sums of values, in an order that depends on the shape and the gaps between columns
/// alone: a part of the rows at a time, which stays in the cache.
template <Real S, class Sums>
void add_row_sums(const MatrixArg<S>& values, Sums&& sums, Index threads) {
  constexpr Index part = 1024;
  const Index together = columns_as_one(values.rows());
  if (together > 1 && values.outerStride() == values.rows()) {
    const Index long_rows = together * values.rows(), long_cols = values.cols() / together;
    Vector<S> long_sums = Vector<S>::Zero(long_rows);
    add_columns(long_sums, Eigen::Map<const Matrix<S>>(values.data(), long_rows, long_cols));
    sums += long_sums.reshaped(values.rows(), together).rowwise().sum() +
            values.rightCols(values.cols() - long_cols * together).rowwise().sum();
    return;
  }
  for_each_block(values.rows(), part, values.size() < (Index{1} << 20) ? 1 : threads,
                 [&](Block rows, Index) {
                   add_columns(sums.segment(rows.begin, rows.count),
                               values.middleRows(rows.begin, rows.count));
                 });
}

/// sums = row sums of values.
template <Real S, class Sums>
void row_sums(const Matrix<S>& values, Sums&& sums, Index threads) {
  sums.setZero();
  add_row_sums<S>(values, sums, threads);
}

/// out = the gradient where the code is above 0, and 0 elsewhere, the kink included, as in the
/// seed's framework. out may be the gradient.
template <Real S>
void mask_by_codes(const Matrix<S>& codes, const Matrix<S>& gradient, Matrix<S>& out,
                   Index threads) {
  out.resize(codes.rows(), codes.cols());
  for_each_columns(codes.rows(), codes.cols(), threads, [&](Block block) {
    const Index begin = block.begin * codes.rows(), end = begin + block.count * codes.rows();
    const S* code = codes.data();
    const S* from = gradient.data();
    S* to = out.data();
    for (Index i = begin; i < end; ++i) to[i] = code[i] > S(0) ? from[i] : S(0);
  });
}

/// values = max(values + bias, 0), without a bias where that is empty.
template <Real S>
void add_bias_and_rectify(ConstParameterView<S> bias, Matrix<S>& values, Index threads) {
  const Index rows = values.rows(), together = columns_as_one(rows);
  const Vector<S> repeated = bias.size() > 0 ? Vector<S>(bias.replicate(together, 1)) : Vector<S>();
  const S* shift = repeated.data();
  for_each_columns(rows, values.cols(), threads, [&](Block block) {
    for (Index j = 0; j < block.count; j += together) {
      S* value = values.col(block.begin + j).data();
      const Index size = std::min(together, block.count - j) * rows;
      if (shift == nullptr)
        for (Index i = 0; i < size; ++i) value[i] = value[i] > S(0) ? value[i] : S(0);
      else
        for (Index i = 0; i < size; ++i) {
          const S sum = value[i] + shift[i];
          value[i] = sum > S(0) ? sum : S(0);
        }
    }
  });
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_COLUMN_PASSES_HPP
