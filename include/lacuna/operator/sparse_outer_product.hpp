// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SPARSE_OUTER_PRODUCT_HPP
#define LACUNA_OPERATOR_SPARSE_OUTER_PRODUCT_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lacuna/core/parallel.hpp>

namespace lacuna {

namespace detail {
/// So many atoms stay in the second-level cache with their gradient and what an optimiser knows.
[[nodiscard]] constexpr Index atoms_in_cache(Index dim) noexcept {
  return std::max<Index>(1, (Index{1} << 14) / dim);
}
}  // namespace detail

/// The outer product of signals with sparse codes, sum_j x_j s_j^T, which is the gradient of a
/// dictionary, and of an encoder's weights that lie as atoms do. Keeps its work space from call to
/// call.
///
/// The entries are first sorted by their atom, so that each atom's sum is made in one go and
/// written once: taken column by column, every entry would fetch an atom that has long left the
/// cache. Cost: 2 dim flops an active entry. The bits are the same at any number of threads.
///
/// @code
/// SparseOuterProduct<float> product;
/// product(signals, codes, gradient, 2);  // gradient = signals * codes^T, dim x num_atoms
/// @endcode
template <Real S>
class SparseOuterProduct {
 public:
  /// out = scale x s^T, dim x num_atoms. @param x  dim x n; @param s  num_atoms x n; @param threads
  /// 0: all.
  void operator()(const MatrixArg<S>& x, const SparseCodes<S>& s, Eigen::Ref<Matrix<S>> out,
                  Index threads, S scale = S(1)) {
    sort_by_atom(s, scale);
    for_each_block(s.rows(), atoms_per_block, threads, [&](Block block, Index) {
      for (Index i = block.begin; i < block.begin + block.count; ++i) sum(x, i, out.col(i));
    });
  }

  /// The same, some columns after the others: begins, and then gives those of a block of atoms as
  /// often as it is asked, in the work space of a worker (below `threads`, 0 for all cores), which
  /// several may do at once.
  void begin(const SparseCodes<S>& s, Index threads, S scale = S(1)) {
    sort_by_atom(s, scale);
    columns_.resize(to_size(resolve_threads(threads)));
  }
  [[nodiscard]] Eigen::Map<Matrix<S>> columns(const MatrixArg<S>& x, Block atoms, Index worker) {
    Vector<S>& memory = columns_[to_size(worker)];
    if (memory.size() < x.rows() * atoms.count) memory.resize(x.rows() * atoms.count);
    Eigen::Map<Matrix<S>> columns(memory.data(), x.rows(), atoms.count);
    for (Index i = 0; i < atoms.count; ++i) sum(x, atoms.begin + i, columns.col(i));
    return columns;
  }

  /// Row sums of the codes of the last call, num_atoms.
  void row_sums(Eigen::Ref<Vector<S>> sums) const {
    for (Index i = 0; i < sums.size(); ++i) {
      S total = 0;
      for (Index e = begin_[to_size(i)]; e < begin_[to_size(i + 1)]; ++e)
        total += value_[to_size(e)];
      sums[i] = total;
    }
  }

 private:
  /// Some hundred blocks at the sizes where threads pay: atoms are not equally active.
  static constexpr Index atoms_per_block = 64;

  static std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }

  /// Of each atom the columns where it is active, in order, and `scale` times its values there.
  void sort_by_atom(const SparseCodes<S>& s, S scale) {
    begin_.assign(to_size(s.rows() + 2), 0);
    column_.resize(to_size(s.nonZeros()));
    value_.resize(to_size(s.nonZeros()));
    for (Index j = 0; j < s.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(s, j); entry; ++entry)
        ++begin_[to_size(entry.row() + 2)];
    for (std::size_t i = 2; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    for (Index j = 0; j < s.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(s, j); entry; ++entry) {
        const std::size_t at = to_size(begin_[to_size(entry.row() + 1)]++);
        column_[at] = j;
        value_[at] = scale * entry.value();
      }
  }

  /// to = sum of value * column of x over the entries of atom i, in order; four at a time, to go
  /// through `to` a quarter as often and to wait for four columns at once.
  template <class To>
  void sum(const MatrixArg<S>& x, Index i, To&& to) const {
    std::size_t e = to_size(begin_[to_size(i)]);
    const std::size_t end = to_size(begin_[to_size(i + 1)]);
    const auto term = [&](std::size_t at) { return value_[at] * x.col(column_[at]); };
    if (e + 4 <= end) {
      to = term(e) + term(e + 1) + term(e + 2) + term(e + 3);
      e += 4;
    } else {
      to.setZero();
    }
    for (; e + 4 <= end; e += 4) to += term(e) + term(e + 1) + term(e + 2) + term(e + 3);
    for (; e < end; ++e) to += term(e);
  }

  std::vector<Index> begin_, column_;
  std::vector<S> value_;
  std::vector<Vector<S>> columns_;  // of each worker
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SPARSE_OUTER_PRODUCT_HPP
