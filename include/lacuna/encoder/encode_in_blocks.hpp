// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ENCODE_IN_BLOCKS_HPP
#define LACUNA_ENCODER_ENCODE_IN_BLOCKS_HPP

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna::detail {

/// Sparse codes of W x + b, a block of signals at a time, so that no pre-activations num_atoms x n
/// come to be. `sparsify(preactivation, codes)` makes those of a block.
template <Real S, WeightOrder order, class Sparsify>
[[nodiscard]] SparseCodes<S> encode_in_blocks(const char* where, const AffineMap<S, order>& map,
                                              const MatrixArg<S>& signals, Index threads,
                                              const Sparsify& sparsify) {
  const Index num_atoms = map.num_atoms(), n = signals.cols();
  const Index block_size = std::clamp<Index>((Index{1} << 20) / num_atoms, 128, 1024);
  SparseBlocks<S> codes(num_atoms, n, block_size);
  struct Workspace {
    Matrix<S> preactivation;
    SparseCodes<S> codes;
  };
  std::vector<Workspace> workspaces(static_cast<std::size_t>(resolve_threads(threads)));
  for_each_block(n, block_size, threads, [&](Block block, Index worker) {
    auto& [preactivation, sparse] = workspaces[static_cast<std::size_t>(worker)];
    map.apply(signals.middleCols(block.begin, block.count), preactivation);
    sparsify(std::as_const(preactivation), sparse);
    auto& part = codes.part(block.index);
    part.reserve(block.count, sparse.nonZeros());
    for (Index j = 0; j < block.count; ++j) {
      for (typename SparseCodes<S>::InnerIterator entry(sparse, j); entry; ++entry)
        part.push(entry.row(), entry.value());
      part.end_column();
    }
  });
  return codes.assemble(where);
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_ENCODE_IN_BLOCKS_HPP
