// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ACTIVE_SET_HPP
#define LACUNA_ENCODER_ACTIVE_SET_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/concepts/penalty.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/active_set_path.hpp>
#include <lacuna/encoder/forward_selection.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/gram_matrix.hpp>
#include <lacuna/operator/lasso_certificate.hpp>

namespace lacuna {

/// Options of `ActiveSet`.
struct ActiveSetOptions {
  double tolerance = 1e-5;    ///< stop at this relative duality gap; 0: go on to rounding
  Index max_changes = 10000;  ///< atoms taken in or out, a signal: the cap that always ends it
  Index threads = 1;          ///< 0 for all cores; the same bits at any number
};

namespace detail {
template <class P>
concept HasSignConstraint = requires {
  { P::nonnegative } -> std::convertible_to<bool>;
};
}  // namespace detail

/// The lasso by an active-set method: exact on its support, in a number of steps like the size of
/// the support. Solves min_s 1/2 ||x - D s||^2 + g(s) for `L1` and `NonnegativeL1`; sparse codes.
/// Models `SolverFor` every explicit dictionary.
///
/// The atom whose optimality condition is violated most comes into use, the equations
/// <d_i, x - D s> = lambda sign_i of the atoms in use are solved by an updated factorisation, and
/// atoms whose coefficient would change sign leave: feature-sign search for `L1`, and non-negative
/// least squares with a penalty for `NonnegativeL1`. `encode` stops by the duality gap that the
/// recursion knows; `solve` evaluates it anew, in double. Status: `converged`, `precision_limit`
/// where the element type cannot come closer, `max_iterations` at the cap. Cost: num_atoms k^2
/// flops a signal for k atoms in use, through the Gram matrix where the dictionary carries it or
/// making it pays; 2 dim num_atoms k otherwise. At most min(dim, num_atoms) atoms are in use.
///
/// Source: Lee, Battle, Raina & Ng, "Efficient sparse coding algorithms", 2007; Lawson & Hanson,
/// "Solving least squares problems", 1974, chapter 23; the recursion is that of Rebollo-Neira &
/// Lowe 2002.
///
/// @code
/// const SparseCodes<float> codes = ActiveSet(NonnegativeL1(0.05)).encode(prepared, signals);
/// @endcode
template <Penalty P>
requires detail::HasSignConstraint<P>
class ActiveSet {
 public:
  using Options = ActiveSetOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit ActiveSet(P penalty, ActiveSetOptions options = {})
      : penalty_(std::move(penalty)), options_(options) {
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), "ActiveSet",
            "tolerance must be finite and at least 0, is " + std::to_string(options.tolerance));
    require(options.max_changes >= 0, "ActiveSet",
            "max_changes must be at least 0, is " + std::to_string(options.max_changes));
    require(options.threads >= 0, "ActiveSet",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const P& penalty() const noexcept { return penalty_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding("ActiveSet", d, signals);
    return run(d, signals, nullptr, false).codes;
  }

  /// The same, begun from the support and coefficients of these codes, num_atoms x n.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding("ActiveSet", d, signals, initial_codes);
    return run(d, signals, &initial_codes, false).codes;
  }

  /// Codes with their certificate. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding("ActiveSet", d, signals);
    return run(d, signals, nullptr, true);
  }

  /// The same, begun from the support and coefficients of these codes, num_atoms x n.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding("ActiveSet", d, signals, initial_codes);
    return run(d, signals, &initial_codes, true);
  }

 private:
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(const D& d,
                                                       const MatrixArg<ScalarOf<D>>& signals,
                                                       const MatrixArg<ScalarOf<D>>* initial,
                                                       bool certify) const {
    using S = ScalarOf<D>;
    const Index num_atoms = d.num_atoms(), n = signals.cols();
    const Index most = std::min(num_atoms, d.dim());
    Solution<SparseCodes<S>> solution(num_atoms, n);
    // How many atoms will be in use is not known before; the Gram matrix pays from a few signals
    // on.
    const detail::GramForm<D> form("ActiveSet", d, n, most / 8 + 1, solution.setup_flops);
    detail::SelectedEntries<S> entries(most, n);
    const auto with_chunk = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
      const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024);
      for_each_block(n, block_size, options_.threads, [&](Block block, Index) {
        detail::ActiveSetPath<S, P::nonnegative, Chunk> path(
            d.atoms(), form.gram(), penalty_.lambda(), options_.tolerance, options_.max_changes);
        Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
        for (Index j = block.begin; j < block.begin + block.count; ++j) {
          const auto result = path.run(signals.col(j), correlations.col(j - block.begin),
                                       initial ? initial->col(j).data() : nullptr);
          const auto there = static_cast<std::size_t>(j);
          entries.set(j, path);
          solution.iterations[there] = result.changes;
          solution.status[there] = result.status;
          solution.flops[there] = result.flops;
        }
      });
    };
    if (num_atoms < 64)
      with_chunk(std::integral_constant<int, 16>());
    else
      with_chunk(std::integral_constant<int, 64>());
    entries.assemble(solution.codes);
    if (certify) certify_all(d, signals, solution);
    return solution;
  }

  template <class D>
  void certify_all(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                   Solution<SparseCodes<ScalarOf<D>>>& solution) const {
    using S = ScalarOf<D>;
    constexpr Index block_size = 256;  // so that codes are dense a block at a time only
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      LassoCertifier<D, P> certifier(d, penalty_);
      const Matrix<S> codes = solution.codes.middleCols(block.begin, block.count);
      certifier.for_each(
          signals.middleCols(block.begin, block.count), codes, [&](Index j, Certificate c) {
            const Index column = block.begin + j;
            const auto there = static_cast<std::size_t>(column);
            solution.objective[column] = c.objective;
            solution.gap[column] = c.gap;
            solution.relative_gap[column] = c.relative_gap;
            Status& status = solution.status[there];
            // The recursion's gap has the rounding of S; the certificate has the last word.
            if (options_.tolerance > 0 && status != Status::max_iterations)
              status = c.relative_gap <= options_.tolerance ? Status::converged
                                                            : Status::precision_limit;
          });
    });
  }

  P penalty_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ACTIVE_SET_HPP
