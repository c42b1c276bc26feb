// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_BLOCK_COORDINATE_HPP
#define LACUNA_UPDATE_BLOCK_COORDINATE_HPP

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/core/schedule.hpp>
#include <lacuna/update/code_statistics.hpp>

namespace lacuna {

/// Options of `BlockCoordinateUpdate`.
struct BlockCoordinateOptions {
  Index passes = 1;       ///< over all atoms, at least 1
  bool unit_norm = true;  ///< each atom on the unit sphere; false: each atom free
  /// Signals that count, of this batch and those before it: of former ones a share of
  /// 1 - n / memory is kept at a batch of n. 0, or less than n: the batch alone. A trainer with
  /// state asks it; `update(d, signals, codes)` is the batch alone.
  Schedule memory = 0.0;
  Index threads = 1;  ///< of sparse codes' statistics and of products; 0 for all cores, same bits
};

/// One atom after another, each at its optimum given codes and other atoms. Models
/// `RememberingUpdateFor`.
///
///   u_j = d_j + (B - D A)_j / A_jj,  A = S S^T, B = X S^T;  d_j <- u_j / ||u_j||, or u_j where
///   free
///
/// Both are exact minimisers over the atom, so ||X - D S||^2 never rises on a dictionary whose
/// atoms have unit norm, or are free, accordingly. An atom that no code uses, or whose optimum is
/// 0, stays. With memory A and B are those of the batches so far, the older the less: minibatches
/// then learn as all signals together would, and little memory shakes a training out of poor
/// optima. Cost: the statistics, and 2 dim num_atoms^2 flops a pass, with at most 256 dim num_atoms
/// for what the moves of atoms change for those after them.
///
/// Source: Mairal, Bach, Ponce & Sapiro 2010, algorithm 2 and section 3.4.2 (forgetting), with the
/// sphere for the ball.
///
/// @code
/// BlockCoordinateUpdate update({.memory = 10000});
/// auto state = update.start(dictionary);
/// update.update(dictionary, state, signals, codes, step, total_steps);
/// @endcode
class BlockCoordinateUpdate {
 public:
  using Options = BlockCoordinateOptions;
  template <Real S>
  using State = CodeStatistics<S>;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit BlockCoordinateUpdate(BlockCoordinateOptions options = {})
      : options_(std::move(options)) {
    require(options_.passes >= 1, "BlockCoordinateUpdate",
            "passes must be at least 1, is " + std::to_string(options_.passes));
    require(options_.threads >= 0, "BlockCoordinateUpdate",
            "threads must be at least 0, is " + std::to_string(options_.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  template <LearnableDictionary D>
  [[nodiscard]] State<ScalarOf<D>> start(const D& d) const {
    return {d.dim(), d.num_atoms()};
  }

  /// Moves the atoms by this batch alone; returns audited flops.
  /// @param codes  num_atoms x n, dense or sparse. @throws std::invalid_argument: shapes.
  template <LearnableDictionary D, class Codes>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>& signals, const Codes& codes) const {
    auto state = start(d);
    return add(d, state, signals, codes, 0.0);
  }

  /// Moves the atoms by this batch and what is remembered of those before.
  /// @throws std::invalid_argument: shapes, negative memory.
  template <LearnableDictionary D, class Codes>
  std::int64_t update(D& d, State<ScalarOf<D>>& state, const MatrixArg<ScalarOf<D>>& signals,
                      const Codes& codes, Index step, Index total_steps) const {
    const double memory = options_.memory(step, total_steps);
    require(memory >= 0, "BlockCoordinateUpdate",
            "memory must be at least 0, is " + text_of(memory));
    const double keep =
        memory > 0 ? std::max(0.0, 1 - static_cast<double>(signals.cols()) / memory) : 0.0;
    return add(d, state, signals, codes, keep);
  }

  template <Real S>
  void forget(State<S>& state, Index atom) const {
    state.forget(atom);
  }

 private:
  /// Atoms whose gradients are made in one product, by threads, and those of them that move
  /// together.
  static constexpr Index atoms_per_group = 256, atoms_per_block = 32;

  template <class D, class Codes>
  std::int64_t add(D& d, State<ScalarOf<D>>& state, const MatrixArg<ScalarOf<D>>& signals,
                   const Codes& codes, double keep) const {
    using S = ScalarOf<D>;
    check_signals("BlockCoordinateUpdate", d, signals);
    check_codes("BlockCoordinateUpdate", d, codes);
    const std::int64_t before = state.flops;
    state.add("BlockCoordinateUpdate", signals, codes, keep, options_.threads);
    d.update_atoms([&](Matrix<S>& atoms) {
      for (Index pass = 0; pass < options_.passes; ++pass)
        for (Index begin = 0; begin < atoms.cols(); begin += atoms_per_group)
          move_group(atoms, state, begin, std::min(atoms_per_group, atoms.cols() - begin));
    });
    const std::int64_t m = d.dim(), n = d.num_atoms();
    return state.flops - before +
           options_.passes * n * (2 * m * n + m * std::min<Index>(n, atoms_per_group) + 6 * m);
  }

  /// Moves `count` atoms, each of which sees the moves before it.
  template <Real S>
  void move_group(Matrix<S>& atoms, const State<S>& state, Index begin, Index count) const {
    Matrix<S> descent = state.b.middleCols(begin, count);
    // Below that a thread costs more than it takes.
    const bool pays = atoms.size() * count > (Index{1} << 21);
    for_each_block(count, 64, pays ? options_.threads : 1, [&](Block part, Index) {
      descent.middleCols(part.begin, part.count).noalias() -=
          atoms * state.a.middleCols(begin + part.begin, part.count);
    });
    for (Index first = 0; first < count; first += atoms_per_block) {
      const Index size = std::min(atoms_per_block, count - first), rest = count - first - size;
      const Matrix<S> before = atoms.middleCols(begin + first, size);
      for (Index j = first; j < first + size; ++j)
        move_atom(atoms, state, begin, j, first + size, descent);
      if (rest == 0) continue;
      const Matrix<S> moves = atoms.middleCols(begin + first, size) - before;
      descent.rightCols(rest).noalias() -=
          moves * state.a.block(begin + first, begin + first + size, size, rest);
    }
  }

  /// Moves atom begin + j, and tells those of its block that come after, up to `end`.
  template <Real S>
  void move_atom(Matrix<S>& atoms, const State<S>& state, Index begin, Index j, Index end,
                 Matrix<S>& descent) const {
    const Index atom = begin + j;
    const S use = state.a(atom, atom);
    if (!(use > S(0))) return;
    Vector<S> target = descent.col(j) + use * atoms.col(atom);
    const S length = options_.unit_norm ? target.norm() : use;
    if (!(length > S(0))) return;
    target = target / length - atoms.col(atom);
    atoms.col(atom) += target;
    for (Index i = j + 1; i < end; ++i) descent.col(i) -= state.a(atom, begin + i) * target;
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_BLOCK_COORDINATE_HPP
