// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ACTIVE_SET_HPP
#define LACUNA_ENCODER_ACTIVE_SET_HPP

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/concepts/lasso_penalty.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/active_set_path.hpp>
#include <lacuna/encoder/forward_selection.hpp>
#include <lacuna/encoder/sparse_lasso_solver.hpp>
#include <lacuna/operator/gram_matrix.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `ActiveSet`.
struct ActiveSetOptions {
  double tolerance = 1e-5;    ///< stop at this relative duality gap; 0: go on to rounding
  Index max_changes = 10000;  ///< atoms taken in or out, a signal: the cap that always ends it
  Index threads = 1;          ///< 0 for all cores; the same bits at any number
};

namespace detail {

/// `ActiveSet` on thresholds and a ridge: what kind of penalty they come from is not compiled in.
/// @param begin  called as `begin(path, j)` before signal j, for a warm start.
template <bool Nonnegative, ExplicitDictionary D, class Begin>
[[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> follow_active_set(
    const D& d, const MatrixArg<ScalarOf<D>>& signals, const Vector<ScalarOf<D>>& thresholds,
    double ridge, const ActiveSetOptions& options, const Begin& begin) {
  using S = ScalarOf<D>;
  const Index num_atoms = d.num_atoms(), n = signals.cols();
  Solution<SparseCodes<S>> solution(num_atoms, n);
  // How many atoms will be in use is not known before; the Gram matrix pays from a few signals on.
  const GramForm<D> form("ActiveSet", d, n, std::min(num_atoms, d.dim()) / 8 + 1, options.threads,
                         solution.setup_flops);
  const Matrix<S>* gram = form.gram();
  Matrix<S> gram_with_ridge;
  if (ridge > 0) {
    if (!gram) solution.setup_flops += std::int64_t{d.dim()} * num_atoms * num_atoms;
    gram_with_ridge = gram ? *gram : gram_matrix(d.atoms(), options.threads);
    gram_with_ridge.diagonal().array() += static_cast<S>(ridge);
    gram = &gram_with_ridge;
  }
  // Small enough for a block's correlations to fit a cache, and for threads to end together.
  const Index block_size = std::min(std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024),
                                    std::max<Index>(32, n / 16));
  SparseBlocks<S> codes(num_atoms, n, block_size);
  const auto with_chunk = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
    for_each_block(n, block_size, options.threads, [&](Block block, Index) {
      ActiveSetPath<S, Nonnegative, Chunk> path(d.atoms(), gram, thresholds, ridge,
                                                options.tolerance, options.max_changes);
      Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
      auto& part = codes.part(block.index);
      part.reserve(block.count, 0);
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        begin(path, j);
        const auto result = path.run(signals.col(j), correlations.col(j - block.begin));
        for (std::size_t k = 0; k < path.support().size(); ++k)
          part.push(path.support()[k], path.coefficient(static_cast<Index>(k)));
        part.end_column();
        const auto there = static_cast<std::size_t>(j);
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
  solution.codes = codes.assemble("ActiveSet");
  return solution;
}

}  // namespace detail

/// The lasso by an active-set method: exact on its support, in a number of steps like the size of
/// the support. Solves min_s 1/2 ||x - D s||^2 + g(s) for every `LassoPenalty`; sparse codes.
/// Models `SolverFor` every explicit dictionary.
///
/// The atom whose optimality condition is violated most comes into use, the equations
/// <d_i, x - D s> - ridge s_i = threshold_i sign_i of the atoms in use are solved by an updated
/// factorisation, and atoms whose coefficient would change sign leave: feature-sign search for
/// `L1`, and non-negative least squares with a penalty for `NonnegativeL1`. Up to eight atoms come
/// in before the correlations of all atoms are made anew, one of each 64 at most (16, where there
/// are fewer than 64). `encode` stops by the duality gap that those equations give; `solve`
/// evaluates it in double. Status: `converged`, `precision_limit` where the element type cannot
/// come closer, `max_iterations` at the cap; at tolerance 0 `completed` for both. Cost: for k atoms
/// in use some num_atoms k^2 / 2 flops a signal, and k^3 where atoms are few, through the Gram
/// matrix where the dictionary carries it or making it pays; otherwise 2 dim num_atoms for those
/// that come in together. At most min(dim, num_atoms) atoms are in use; with a ridge there is no
/// such bound, and always a Gram matrix, num_atoms x num_atoms.
///
/// Source: Lee, Battle, Raina & Ng, "Efficient sparse coding algorithms", 2007; Lawson & Hanson,
/// "Solving least squares problems", 1974, chapter 23; the factorisation is updated as in Golub &
/// Van Loan, "Matrix computations", section 6.5.
///
/// @code
/// const SparseCodes<float> codes = ActiveSet(NonnegativeL1(0.05)).encode(prepared, signals);
/// @endcode
template <LassoPenalty P>
class ActiveSet : public detail::SparseLassoSolver<ActiveSet<P>, P, ActiveSetOptions> {
  using Base = detail::SparseLassoSolver<ActiveSet<P>, P, ActiveSetOptions>;

 public:
  static constexpr const char* name = "ActiveSet";

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit ActiveSet(P penalty, ActiveSetOptions options = {})
      : Base(std::move(penalty), options, "max_changes", options.max_changes) {}

 private:
  friend Base;

  template <class D, class Begin>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> descend(const D& d,
                                                           const MatrixArg<ScalarOf<D>>& signals,
                                                           const Begin& begin) const {
    return detail::follow_active_set<P::nonnegative>(
        d, signals, detail::thresholds_of<ScalarOf<D>>(this->penalty(), d.num_atoms()),
        this->penalty().ridge(), this->options(), begin);
  }
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ACTIVE_SET_HPP
