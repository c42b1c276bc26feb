// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_BLOCK_COORDINATE_HPP
#define LACUNA_UPDATE_BLOCK_COORDINATE_HPP

#include <cstdint>
#include <string>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/update/code_statistics.hpp>

namespace lacuna {

/// Options of `BlockCoordinateUpdate`.
struct BlockCoordinateOptions {
  Index passes = 1;       ///< over all atoms, at least 1
  bool unit_norm = true;  ///< each atom on the unit sphere; false: each atom free
};

/// One atom after another, each at its optimum given codes and other atoms. Models `UpdateFor`.
///
///   u_j = d_j + (B - D A)_j / A_jj,  A = S S^T, B = X S^T;  d_j <- u_j / ||u_j||, or u_j where free
///
/// Both are exact minimisers over the atom, so ||X - D S||^2 never rises on a dictionary whose atoms
/// have unit norm, or are free, accordingly. An atom that no code uses, or whose optimum is 0, stays.
/// Cost: the statistics, and 2 dim num_atoms^2 flops a pass.
///
/// Source: Mairal, Bach, Ponce & Sapiro 2010, algorithm 2, with the sphere for the ball.
class BlockCoordinateUpdate {
 public:
  using Options = BlockCoordinateOptions;

  /// @throws std::invalid_argument for passes below 1.
  explicit BlockCoordinateUpdate(BlockCoordinateOptions options = {}) : options_(options) {
    require(options.passes >= 1, "BlockCoordinateUpdate",
            "passes must be at least 1, is " + std::to_string(options.passes));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Moves the atoms; returns audited flops. @param codes  num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument: shapes.
  template <LearnableDictionary D, class Codes>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>& signals, const Codes& codes) const {
    using S = ScalarOf<D>;
    check_signals("BlockCoordinateUpdate", d, signals);
    check_codes("BlockCoordinateUpdate", d, codes);
    const CodeStatistics<S> statistics("BlockCoordinateUpdate", signals, codes);
    d.update_atoms([&](Matrix<S>& atoms) {
      Vector<S> target(atoms.rows());
      for (Index pass = 0; pass < options_.passes; ++pass)
        for (Index j = 0; j < atoms.cols(); ++j) {
          const S use = statistics.a(j, j);
          if (!(use > S(0))) continue;
          target = statistics.b.col(j) + use * atoms.col(j);
          target.noalias() -= atoms * statistics.a.col(j);
          const S length = options_.unit_norm ? target.norm() : use;
          if (length > S(0)) atoms.col(j) = target / length;
        }
    });
    const std::int64_t m = d.dim(), n = d.num_atoms();
    return statistics.flops + options_.passes * n * (2 * m * n + 6 * m);
  }

 private:
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_BLOCK_COORDINATE_HPP
