// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ORTHOGONAL_LEAST_SQUARES_HPP
#define LACUNA_ENCODER_ORTHOGONAL_LEAST_SQUARES_HPP

#include <lacuna/encoder/forward_selection.hpp>
#include <lacuna/encoder/nonnegative_selection.hpp>

namespace lacuna {

/// Options of `OrthogonalLeastSquares`.
struct OrthogonalLeastSquaresOptions {
  Index k;  ///< atoms to choose, at least 1; above what the dictionary can give, all of it
  double tolerance = 0;      ///< stop earlier once ||x - D s|| <= tolerance ||x||
  bool nonnegative = false;  ///< codes >= 0, by non-negative least squares on the support
  Index threads = 1;         ///< 0 for all cores; the same bits at any number
};

/// Orthogonal least squares: chooses, k times, the atom that lowers the error most when all chosen
/// atoms are fitted anew. Sparse codes of either sign, or, with `.nonnegative`, none below 0.
/// Models `SolverFor` every explicit dictionary.
///
///   i <- argmin_i min_s ||x - D_{I + i} s||;   I <- I + i
///
/// That is the atom of the largest |<d_i, r>| over the length of its part orthogonal to those
/// chosen: orthogonal matching pursuit divides by the whole length, and so differs from the second
/// choice on. What SPAMS calls OMP is this. Everything else is as in `OrthogonalMatchingPursuit`,
/// cost included but for a few flops an atom and choice.
///
/// With `.nonnegative` the fit is non-negative least squares: of the atoms with <d_i, r> > 0 the
/// one of that same largest score is chosen, which lowers the error most as long as no coefficient
/// has to be held at 0; a coefficient that would go below 0 then leaves the support, and the code
/// is the optimum on what stays (Yaghoobi & Davies, "Fast non-negative orthogonal least squares",
/// 2015). The error falls with each choice. Some slower than the signed form.
///
/// Source: Chen, Billings & Luo, "Orthogonal least squares methods and their application to
/// non-linear system identification", 1989; Rebollo-Neira & Lowe, "Optimized orthogonal matching
/// pursuit approach", 2002.
///
/// @code
/// const SparseCodes<float> codes = OrthogonalLeastSquares({.k = 3}).encode(prepared, signals);
/// @endcode
class OrthogonalLeastSquares {
 public:
  using Options = OrthogonalLeastSquaresOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit OrthogonalLeastSquares(Options options) : options_(options) {
    detail::check_selection_options("OrthogonalLeastSquares", options);
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
    check_encoding("OrthogonalLeastSquares", d, signals);
    const detail::SelectionRequest request{"OrthogonalLeastSquares", options_.k, options_.tolerance,
                                           options_.threads, certify};
    if (!options_.nonnegative)
      return detail::select_forward<detail::SelectionRule::error_decrease>(d, signals, request);
    using S = ScalarOf<D>;
    return detail::select_where_squares_fit(request.where, d, [&](const auto& fitting) {
      return detail::select_each(fitting, signals, request, [&](const Matrix<S>* gram, Index most) {
        return detail::NonnegativeSelection<S>(fitting.atoms(), gram, most);
      });
    });
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ORTHOGONAL_LEAST_SQUARES_HPP
