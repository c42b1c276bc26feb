// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_RESIDUAL_MEAN_HPP
#define LACUNA_UPDATE_RESIDUAL_MEAN_HPP

#include <cmath>
#include <cstdint>
#include <string>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/update/active_codes.hpp>

namespace lacuna {

/// Options of `ResidualMeanUpdate`.
struct ResidualMeanOptions {
  Index threads = 1;  ///< 0 for all cores; the same bits at any number
};

/// The dictionary step of iterative thresholding and K residual means (ITKrM): all atoms at once,
/// each the mean of what the others leave of the signals that use it. Models `UpdateFor`.
///
///   d_j <- u_j / ||u_j||,   u_j = sum over signals x whose code s uses atom j of
///          sign(<d_j, x>) (x - D s + d_j <d_j, x>)
///
/// It expects atoms of length 1 and, of codes, the least squares fit on a support, where x - D s is
/// what is left of x at a right angle to the atoms in use: what `Debiased` gives. With the k atoms
/// that correlate best with the signal for a support, that is the published algorithm:
/// `Debiased(MarginalThreshold({.k = k, .nonnegative = false}))`. Codes that shrink leave a part of
/// the atoms in use in every residual, and it is learned. Of the codes' values nothing else counts.
///
/// True atoms and codes of signals without noise are a fixed point; descent is not promised. An
/// atom that no code uses stays, the others come out with length 1. Each signal counts as much as
/// its length: an outlier moves an atom linearly and not, as in least squares, by its square. Cost:
/// 6 dim flops an active entry.
///
/// Source: Schnass, "Convergence radius and sample complexity of ITKM algorithms for dictionary
/// learning", 2018.
///
/// @code
/// const Debiased encoder(MarginalThreshold({.k = 4, .nonnegative = false}));
/// Model model{Identity{}, UnitNormDictionary<float>(start), encoder};
/// AlternatingTrainer({.rounds = 100}, ResidualMeanUpdate()).fit(model, source);
/// @endcode
class ResidualMeanUpdate {
 public:
  using Options = ResidualMeanOptions;

  /// @throws std::invalid_argument for a negative number of threads.
  explicit ResidualMeanUpdate(ResidualMeanOptions options = {}) : options_(options) {
    require(options.threads >= 0, "ResidualMeanUpdate",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Moves the atoms; returns audited flops. @param codes  num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument: shapes, NaN.
  template <LearnableDictionary D, CodesOf<ScalarOf<D>> Codes>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>& signals, const Codes& codes) const {
    using S = ScalarOf<D>;
    using Entry = typename SparseCodes<S>::InnerIterator;
    detail::check_update("ResidualMeanUpdate", d, signals, codes);
    const SparseCodes<S> active = detail::active_codes(codes), by_atom = active.transpose();
    const Matrix<S> residual = signals - d.decode(active);
    d.update_atoms([&](Matrix<S>& atoms) {
      for_each_block(atoms.cols(), 64, options_.threads, [&](Block block, Index) {
        Vector<S> sum(atoms.rows());
        for (Index j = block.begin; j < block.begin + block.count; ++j) {
          S along = 0;
          sum.setZero();
          for (Entry use(by_atom, j); use; ++use) {
            const S correlation = atoms.col(j).dot(signals.col(use.row()));
            along += std::abs(correlation);
            if (correlation > S(0)) sum += residual.col(use.row());
            if (correlation < S(0)) sum -= residual.col(use.row());
          }
          sum += along * atoms.col(j);
          const S length = sum.norm();
          if (length > S(0)) atoms.col(j) = sum / length;
        }
      });
    });
    const std::int64_t m = d.dim();
    return 6 * m * active.nonZeros() + m * signals.cols() + 5 * m * d.num_atoms();
  }

 private:
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_RESIDUAL_MEAN_HPP
