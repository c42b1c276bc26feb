// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SPARSE_BLOCKS_HPP
#define LACUNA_OPERATOR_SPARSE_BLOCKS_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>

namespace lacuna {

/// Sparse codes that several threads write at once, a block of columns each: every block collects
/// the entries of its own columns, and `assemble` puts the blocks together in their order.
///
/// @code
/// SparseBlocks<float> codes(num_atoms, n, 64);
/// for_each_block(n, 64, threads, [&](Block block, Index) {
///   auto& part = codes.part(block.index);
///   for (Index j = 0; j < block.count; ++j) { part.push(3, 0.5F); part.end_column(); }
/// });
/// const SparseCodes<float> result = codes.assemble("MyEncoder");
/// @endcode
template <Real S>
class SparseBlocks {
 public:
  using StorageIndex = typename SparseCodes<S>::StorageIndex;

  /// The columns of one block, in order.
  class Part {
   public:
    /// Room for so many columns and entries, so that writing them allocates nothing.
    void reserve(Index columns, Index entries) {
      ends_.reserve(static_cast<std::size_t>(columns));
      rows_.reserve(static_cast<std::size_t>(entries));
      values_.reserve(static_cast<std::size_t>(entries));
    }

    /// An entry of the current column, in any order of rows, none twice. A value of 0 is left out.
    void push(Index row, S value) {
      if (value == S(0)) return;
      rows_.push_back(static_cast<StorageIndex>(row));
      values_.push_back(value);
    }

    /// Ends the current column and puts its entries in order of their rows.
    void end_column() {
      const std::size_t begin = ends_.empty() ? 0 : ends_.back();
      // By insertion: most writers give the rows in order, or few of them.
      for (std::size_t i = begin + 1; i < rows_.size(); ++i)
        for (std::size_t at = i; at > begin && rows_[at] < rows_[at - 1]; --at) {
          std::swap(rows_[at], rows_[at - 1]);
          std::swap(values_[at], values_[at - 1]);
        }
      ends_.push_back(rows_.size());
    }

   private:
    friend class SparseBlocks;
    std::vector<StorageIndex> rows_;
    std::vector<S> values_;
    std::vector<std::size_t> ends_;
  };

  SparseBlocks(Index rows, Index cols, Index block_size)
      : rows_(rows), cols_(cols), parts_(static_cast<std::size_t>(num_blocks(cols, block_size))) {}

  [[nodiscard]] Part& part(Index block) { return parts_[static_cast<std::size_t>(block)]; }

  /// The codes, compressed. Every column of every block has been ended.
  /// @throws std::invalid_argument, in the name of `where`, for 2^31 entries or more.
  [[nodiscard]] SparseCodes<S> assemble(std::string_view where) const {
    std::size_t entries = 0;
    for (const Part& part : parts_) entries += part.rows_.size();
    require(entries <= static_cast<std::size_t>(std::numeric_limits<StorageIndex>::max()), where,
            std::to_string(entries) +
                " entries are too many for one sparse matrix: encode in ranges of columns");
    SparseCodes<S> codes(rows_, cols_);
    codes.resizeNonZeros(static_cast<Index>(entries));
    std::size_t begin = 0;
    Index column = 0;
    for (const Part& part : parts_) {
      std::copy(part.rows_.begin(), part.rows_.end(), codes.innerIndexPtr() + begin);
      std::copy(part.values_.begin(), part.values_.end(), codes.valuePtr() + begin);
      for (const std::size_t end : part.ends_)
        codes.outerIndexPtr()[++column] = static_cast<StorageIndex>(begin + end);
      begin += part.rows_.size();
    }
    return codes;
  }

 private:
  Index rows_, cols_;
  std::vector<Part> parts_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_SPARSE_BLOCKS_HPP
