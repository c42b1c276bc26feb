// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_MATCHING_PURSUIT_HPP
#define LACUNA_ENCODER_MATCHING_PURSUIT_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/residual_iteration.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `MatchingPursuit`.
struct MatchingPursuitOptions {
  Index k;                   ///< choices, at least 1; an atom may be chosen more than once
  double tolerance = 0;      ///< stop earlier once ||x - D s|| <= tolerance ||x||
  bool nonnegative = false;  ///< choose only where the correlation is above 0: codes >= 0
  Index threads = 1;         ///< 0 for all cores; the same bits at any number
};

/// Matching pursuit: k times, the atom that correlates most with what is left of x takes all of it
/// that lies in its direction. What was chosen before is not fitted anew, which is what
/// `OrthogonalMatchingPursuit` adds. Sparse codes of at most k active entries. Models `SolverFor`
/// every explicit dictionary.
///
///   i <- argmax_i |<d_i, r>| / ||d_i||;   w <- <d_i, r> / ||d_i||^2;   s_i <- s_i + w;   r <- r -
///   w d_i
///
/// With `nonnegative` the largest <d_i, r> / ||d_i|| above 0 is chosen. Every choice lowers ||r||^2
/// by
/// (<d_i, r> / ||d_i||)^2. Of equal correlations the lower atom wins (a duplicate is never chosen);
/// atoms of length 0 are never chosen. Cost of a choice: 2 num_atoms flops with a prepared
/// dictionary, through the Gram matrix; 2 dim num_atoms without, through the residual. The problem
/// is not convex: `gap` is NaN. Status: `converged` where the tolerance was reached or no atom
/// correlates beyond rounding (a zero signal has an empty code), `completed` after k choices;
/// `iterations` is the choices.
///
/// Source: Mallat & Zhang, "Matching pursuits with time-frequency dictionaries", 1993.
///
/// @code
/// const SparseCodes<float> codes = MatchingPursuit({.k = 10}).encode(prepared, signals);
/// @endcode
class MatchingPursuit {
 public:
  using Options = MatchingPursuitOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit MatchingPursuit(Options options) : options_(options) {
    require(options.k >= 1, "MatchingPursuit",
            "k must be at least 1, is " + std::to_string(options.k));
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), "MatchingPursuit",
            "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
    require(options.threads >= 0, "MatchingPursuit",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals).codes;
  }

  /// Codes with objective 1/2 ||x - D s||^2, choices, status and flops.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    auto solution = run(d, signals);
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    return solution;
  }

 private:
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    check_encoding("MatchingPursuit", d, signals);
    const Index n = d.num_atoms();
    Solution<SparseCodes<S>> solution(n, signals.cols());
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    Vector<S> inverse_lengths = d.atoms().colwise().norm();
    for (S& length : inverse_lengths) length = length > S(0) ? 1 / length : S(0);
    solution.setup_flops = n * (2 * d.dim() + 2);
    const Index block_size = detail::residual_block_size(n);
    SparseBlocks<S> codes(n, signals.cols(), block_size);
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      Choices<S> choices(options_, inverse_lengths, signals.middleCols(block.begin, block.count));
      if constexpr (GramDictionary<D>) {
        if (d.has_gram()) {
          Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
          for (Index j = 0; j < block.count; ++j) {
            auto c = correlations.col(j);
            while (!choices.choose(j, c)) {
              choices.follow(j, d, signals.col(block.begin + j));
              if (choices.last(j)) break;
              c -= choices.weight() * d.gram().col(choices.atom());
              choices.count(j, 2 * n);
            }
            choices.count(j, 2 * d.dim() * n);
          }
          choices.finish(block, codes.part(block.index), solution);
          return;
        }
      }
      Matrix<S> residuals = signals.middleCols(block.begin, block.count);
      detail::iterate_residuals(d, residuals, [&](Index j, const auto& c, auto&& residual) {
        choices.count(j, 2 * d.dim() * n);
        if (choices.choose(j, c)) return true;
        residual -= choices.weight() * d.atoms().col(choices.atom());
        choices.count(j, 2 * d.dim());
        choices.measure(j, residual);
        return choices.last(j);
      });
      choices.finish(block, codes.part(block.index), solution);
    });
    solution.codes = codes.assemble("MatchingPursuit");
    return solution;
  }

  /// The choices of a block of signals.
  template <Real S>
  class Choices {
   public:
    Choices(const Options& options, const Vector<S>& inverse_lengths, const MatrixArg<S>& signals)
        : options_(options),
          inverse_lengths_(inverse_lengths),
          codes_(signals.cols(), std::min(options.k, inverse_lengths.size())),
          measured_(static_cast<std::size_t>(signals.cols())),
          residual_(signals.rows()) {
      for (Index j = 0; j < signals.cols(); ++j) {
        detail::GreedyState& state = codes_.state(j);
        state.length = state.left = static_cast<double>(signals.col(j).norm());
        measured_[static_cast<std::size_t>(j)] = state.length;
      }
    }

    /// Chooses an atom for the signal j from its correlations and adds its weight to the code;
    /// true, and nothing is chosen, where no atom correlates beyond rounding or the signal was done
    /// before.
    template <class C>
    [[nodiscard]] bool choose(Index j, const C& correlations) {
      detail::GreedyState& state = codes_.state(j);
      if (last(j)) return true;
      constexpr S rounding = S(8) * std::numeric_limits<S>::epsilon();
      S largest = rounding * static_cast<S>(state.length);
      atom_ = -1;
      for (Index i = 0; i < correlations.size(); ++i) {
        const S along = correlations[i] * inverse_lengths_[i];
        const S score = options_.nonnegative ? along : std::abs(along);
        if (score > largest) {
          largest = score;
          atom_ = i;
        }
      }
      state.flops += correlations.size();
      if (atom_ < 0) return state.done(Status::converged);
      weight_ = correlations[atom_] * inverse_lengths_[atom_] * inverse_lengths_[atom_];
      taken_ = static_cast<double>(largest);
      ++state.iterations;
      state.flops += 3;
      Index* const rows = codes_.rows(j);
      const Index place = std::find(rows, rows + state.active, atom_) - rows;
      if (place == state.active) {
        rows[state.active++] = atom_;
        codes_.values(j)[place] = S(0);
      }
      codes_.values(j)[place] += weight_;
      return false;
    }

    /// After a choice: what is left of the signal j, where a tolerance asks for it.
    template <class R>
    void measure(Index j, const R& residual) {
      if (!(options_.tolerance > 0)) return;
      detail::GreedyState& state = codes_.state(j);
      state.left = measured_[static_cast<std::size_t>(j)] = static_cast<double>(residual.norm());
      state.flops += 2 * residual.size() + 1;
    }

    /// The same without a residual at hand: by what the choice took, and measured anew whenever a
    /// tenth is left, since the difference of squares is known only to rounding of where it began.
    template <class D, class X>
    void follow(Index j, const D& d, const X& x) {
      if (!(options_.tolerance > 0)) return;
      detail::GreedyState& state = codes_.state(j);
      state.left = std::sqrt(std::max(0.0, (state.left - taken_) * (state.left + taken_)));
      state.flops += 5;
      if (!(state.left <= std::max(0.1 * measured_[static_cast<std::size_t>(j)],
                                   options_.tolerance * state.length)))
        return;
      residual_ = x;
      for (Index i = 0; i < state.active; ++i)
        residual_ -= codes_.values(j)[i] * d.atoms().col(codes_.rows(j)[i]);
      state.flops += 2 * d.dim() * state.active;
      measure(j, residual_);
    }

    /// Whether the signal j needs no other choice.
    [[nodiscard]] bool last(Index j) {
      detail::GreedyState& state = codes_.state(j);
      if (state.left <= options_.tolerance * state.length) return state.done(Status::converged);
      return state.iterations == options_.k && state.done(Status::completed);
    }

    [[nodiscard]] Index atom() const noexcept { return atom_; }
    [[nodiscard]] S weight() const noexcept { return weight_; }
    void count(Index j, std::int64_t flops) { codes_.state(j).flops += flops; }

    void finish(Block block, typename SparseBlocks<S>::Part& part,
                Solution<SparseCodes<S>>& solution) const {
      codes_.finish(block, part, solution);
    }

   private:
    const Options& options_;
    const Vector<S>& inverse_lengths_;
    detail::GreedyCodes<S> codes_;
    std::vector<double> measured_;  // ||r|| when it was last computed from the code
    Vector<S> residual_;
    Index atom_ = -1;
    S weight_ = 0;
    double taken_ = 0;
  };

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_MATCHING_PURSUIT_HPP
