// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ORTHOGONAL_MATCHING_PURSUIT_HPP
#define LACUNA_ENCODER_ORTHOGONAL_MATCHING_PURSUIT_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include <lacuna/encoder/active_set_path.hpp>
#include <lacuna/encoder/forward_selection.hpp>

namespace lacuna {

/// Options of `OrthogonalMatchingPursuit`.
struct OrthogonalMatchingPursuitOptions {
  Index k;  ///< atoms to choose, at least 1; above what the dictionary can give, all of it
  double tolerance = 0;      ///< stop earlier once ||x - D s|| <= tolerance ||x||
  bool nonnegative = false;  ///< codes >= 0, by non-negative least squares on the support
  Index threads = 1;         ///< 0 for all cores; the same bits at any number
};

/// Orthogonal matching pursuit: chooses, k times, the atom that correlates most with what is left
/// of x, and fits the chosen atoms anew by least squares. Sparse codes of either sign, or, with
/// `.nonnegative`, none below 0. Models `SolverFor` every explicit dictionary.
///
///   i <- argmax_i |<d_i, r>| / ||d_i||;   s <- argmin ||x - D_I s||;   r <- x - D_I s
///
/// The residual is orthogonal to the chosen atoms. An atom within rounding of the span of those
/// chosen (a duplicate, say) is passed over; the pursuit ends before k atoms when the residual is
/// at rounding, or when no atom is left that could be chosen, so a zero signal has an empty code.
/// Of equal correlations the lower atom wins. Correlations go through the Gram matrix, at num_atoms
/// k^2 flops a signal, where the dictionary carries it or making it pays; else through the
/// residual, at 2 dim num_atoms k. The problem is not convex: `gap` is NaN. Status: `converged`
/// where the tolerance (or rounding) was reached, `completed` at k atoms or where no atom was left
/// to choose. Atoms with squared lengths outside (1e-7, 1e15) are chosen from an evenly scaled copy
/// of the dictionary.
///
/// With `.nonnegative` the atom of the largest positive correlation is chosen, and the fit is
/// non-negative least squares: a coefficient that would go below 0 leaves the support, and the code
/// is the optimum on what stays (Yaghoobi, Wu & Davies, "Fast non-negative orthogonal matching
/// pursuit", 2015).
///
/// Source: Pati, Rezaiifar & Krishnaprasad, "Orthogonal matching pursuit", 1993; the
/// order-recursive form of Rebollo-Neira & Lowe 2002, over the Gram matrix as in Rubinstein,
/// Zibulevsky & Elad 2008.
///
/// @code
/// const SparseCodes<float> codes = OrthogonalMatchingPursuit({.k = 3}).encode(prepared, signals);
/// @endcode
class OrthogonalMatchingPursuit {
 public:
  using Options = OrthogonalMatchingPursuitOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit OrthogonalMatchingPursuit(Options options) : options_(options) {
    detail::check_selection_options("OrthogonalMatchingPursuit", options);
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals, false).codes;
  }

  /// Codes with objective 1/2 ||x - D s||^2, iterations (atoms chosen) and status.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals, true);
  }

 private:
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(const D& d,
                                                       const MatrixArg<ScalarOf<D>>& signals,
                                                       bool certify) const {
    check_encoding("OrthogonalMatchingPursuit", d, signals);
    if (options_.nonnegative) return run_nonnegative(d, signals, certify);
    return detail::select_forward<detail::SelectionRule::correlation>(
        d, signals,
        {"OrthogonalMatchingPursuit", options_.k, options_.tolerance, options_.threads, certify});
  }

  /// k choices of the atom with the largest positive <d_i, r> / ||d_i||, each followed by
  /// non-negative least squares on those chosen: the active-set method at lambda = 0, stopped after
  /// k.
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run_nonnegative(
      const D& d, const MatrixArg<ScalarOf<D>>& signals, bool certify) const {
    using S = ScalarOf<D>;
    const Index num_atoms = d.num_atoms(), n = signals.cols();
    const Index most = std::min({options_.k, num_atoms, d.dim()});
    detail::SelectedEntries<S> entries("OrthogonalMatchingPursuit", most, n);
    Solution<SparseCodes<S>> solution(num_atoms, n);
    const detail::GramForm<D> form("OrthogonalMatchingPursuit", d, n, most, options_.threads,
                                   solution.setup_flops);
    const auto with_chunk = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
      using Path = detail::ActiveSetPath<S, true, Chunk>;
      const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024);
      for_each_block(n, block_size, options_.threads, [&](Block block, Index) {
        Path path(d.atoms(), form.gram(), 0.0, options_.tolerance, 0,
                  Path::Choice::violation_over_length);
        Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
        for (Index j = block.begin; j < block.begin + block.count; ++j) {
          const auto result = path.select(signals.col(j), correlations.col(j - block.begin), most);
          const auto there = static_cast<std::size_t>(j);
          entries.set(j, path);
          solution.iterations[there] = static_cast<Index>(path.support().size());
          solution.status[there] = result.status;
          solution.flops[there] = result.flops;
          solution.gap[j] = solution.relative_gap[j] = std::numeric_limits<double>::quiet_NaN();
          if (certify) solution.objective[j] = path.half_squared_error(signals.col(j));
        }
      });
    };
    if (num_atoms < 64)
      with_chunk(std::integral_constant<int, 16>());
    else
      with_chunk(std::integral_constant<int, 64>());
    entries.assemble(solution.codes);
    return solution;
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ORTHOGONAL_MATCHING_PURSUIT_HPP
