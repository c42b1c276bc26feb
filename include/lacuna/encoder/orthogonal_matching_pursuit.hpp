// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ORTHOGONAL_MATCHING_PURSUIT_HPP
#define LACUNA_ENCODER_ORTHOGONAL_MATCHING_PURSUIT_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

namespace lacuna {

/// Options of `OrthogonalMatchingPursuit`.
struct OrthogonalMatchingPursuitOptions {
  Index k;               ///< atoms to choose, at least 1; above what the dictionary can give, all of it
  double tolerance = 0;  ///< stop earlier once ||x - D s|| <= tolerance ||x||
  Index threads = 1;     ///< 0 for all cores; the same bits at any number
};

/// Orthogonal matching pursuit: chooses, k times, the atom that correlates most with what is left of x,
/// and fits the chosen atoms anew by least squares. Sparse codes of either sign. Models `SolverFor`
/// every explicit dictionary.
///
///   i <- argmax_i |<d_i, r>| / ||d_i||;   s <- argmin ||x - D_I s||;   r <- x - D_I s
///
/// The residual is orthogonal to the chosen atoms. An atom within rounding of the span of those chosen
/// (a duplicate, say) is passed over; the pursuit ends before k atoms when the residual is at rounding,
/// so a zero signal has an empty code. Of equal correlations the lower atom wins. The least squares grow
/// by a row of a Cholesky factor. With a prepared dictionary the correlations are kept through the Gram
/// matrix, at 2 num_atoms k flops a choice; without, through the residual, at 2 dim num_atoms. The problem
/// is not convex: `gap` is NaN. Status: `converged` where the tolerance (or rounding) was reached,
/// `completed` at k atoms.
///
/// Source: Pati, Rezaiifar & Krishnaprasad, "Orthogonal matching pursuit", 1993; Rubinstein, Zibulevsky
/// & Elad, "Efficient implementation of the K-SVD algorithm using batch orthogonal matching pursuit",
/// 2008.
///
/// @code
/// const SparseCodes<float> codes = OrthogonalMatchingPursuit({.k = 3}).encode(prepared, signals);
/// @endcode
class OrthogonalMatchingPursuit {
 public:
  using Options = OrthogonalMatchingPursuitOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit OrthogonalMatchingPursuit(Options options) : options_(options) {
    require(options.k >= 1, "OrthogonalMatchingPursuit",
            "k must be at least 1, is " + std::to_string(options.k));
    require(options.tolerance >= 0 && std::isfinite(options.tolerance),
            "OrthogonalMatchingPursuit",
            "tolerance must be finite and at least 0, is " + std::to_string(options.tolerance));
    require(options.threads >= 0, "OrthogonalMatchingPursuit",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return solve(d, signals).codes;
  }

  /// Codes with objective 1/2 ||x - D s||^2, iterations (atoms chosen) and status.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    check_encoding("OrthogonalMatchingPursuit", d, signals);
    Solution<SparseCodes<S>> solution(d.num_atoms(), signals.cols());
    const Vector<S> lengths = d.atoms().colwise().norm();
    const Index most = std::min({options_.k, d.num_atoms(), d.dim()});
    // Room for `most` entries a column, so that threads can write their own; compacted at the end.
    std::vector<std::pair<Index, S>> entries(
        static_cast<std::size_t>(most * signals.cols()));
    constexpr Index block_size = 64;
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      Pursuit<D> pursuit(d, lengths, most);
      const Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
      for (Index j = 0; j < block.count; ++j)
        pursuit.run(signals.col(block.begin + j), correlations.col(j), options_.tolerance,
                    block.begin + j, entries.data() + (block.begin + j) * most, solution);
    });
    assemble(entries, most, solution);
    return solution;
  }

 private:
  /// The work space and the steps of one signal after another.
  template <class D>
  class Pursuit {
   public:
    using S = ScalarOf<D>;

    Pursuit(const D& d, const Vector<S>& lengths, Index most)
        : d_(d),
          lengths_(lengths),
          factor_(most, most),
          row_(most),
          right_(most),
          weights_(most),
          available_(d.num_atoms()),
          correlations_(d.num_atoms()),
          residual_(d.dim()) {
      support_.reserve(static_cast<std::size_t>(most));
    }

    template <class X, class C>
    void run(const X& x, const C& initial, double tolerance, Index column,
             std::pair<Index, S>* entries, Solution<SparseCodes<S>>& solution) {
      const Index most = factor_.rows(), m = d_.dim(), n = d_.num_atoms();
      constexpr S epsilon = std::numeric_limits<S>::epsilon();
      const S length = x.norm();
      const S enough = static_cast<S>(tolerance) * length;
      // Below this the residual is what rounding left of x.
      const S rounding = S(8) * epsilon * length;
      std::int64_t flops = 2 * m * n;
      support_.clear();
      available_ = lengths_;
      correlations_ = initial;
      residual_ = x;
      Status status = Status::completed;
      for (;;) {
        if (residual_.norm() <= std::max(enough, rounding)) {
          status = Status::converged;
          break;
        }
        if (static_cast<Index>(support_.size()) == most) break;
        const Index atom = choose(rounding);
        flops += n;
        if (atom < 0) {
          status = Status::converged;
          break;
        }
        if (!extend(atom, epsilon, flops)) continue;
        fit(x, initial, flops);
      }
      for (std::size_t i = 0; i < support_.size(); ++i)
        entries[i] = {support_[i], weights_[static_cast<Index>(i)]};
      const auto there = static_cast<std::size_t>(column);
      solution.objective[column] = 0.5 * residual_.template cast<double>().squaredNorm();
      solution.gap[column] = std::numeric_limits<double>::quiet_NaN();
      solution.relative_gap[column] = std::numeric_limits<double>::quiet_NaN();
      solution.iterations[there] = static_cast<Index>(support_.size());
      solution.status[there] = status;
      solution.flops[there] = flops;
    }

   private:
    /// The atom that correlates most with the residual, or -1 where none does beyond rounding.
    /// Atoms that were chosen or passed over have length 0 in `available_`.
    [[nodiscard]] Index choose(S rounding) const {
      Index best = -1;
      S largest = rounding;
      for (Index i = 0; i < correlations_.size(); ++i) {
        if (!(available_[i] > S(0))) continue;
        const S correlation = std::abs(correlations_[i]) / available_[i];
        if (correlation > largest) {
          largest = correlation;
          best = i;
        }
      }
      return best;
    }

    /// Adds a row to the Cholesky factor of the Gram matrix of the support; false, and the atom is passed
    /// over from now on, where it lies in the span of the support.
    [[nodiscard]] bool extend(Index atom, S epsilon, std::int64_t& flops) {
      const auto size = static_cast<Index>(support_.size());
      for (Index i = 0; i < size; ++i) row_[i] = inner(support_[static_cast<std::size_t>(i)], atom);
      auto row = row_.head(size);
      factor_.topLeftCorner(size, size).template triangularView<Eigen::Lower>().solveInPlace(row);
      const S square = available_[atom] * available_[atom];
      const S pivot = square - row.squaredNorm();
      available_[atom] = S(0);
      flops += std::int64_t{size} * size + 3 * size;
      if (!(pivot > S(64) * epsilon * square)) return false;
      factor_.row(size).head(size) = row.transpose();
      factor_(size, size) = std::sqrt(pivot);
      support_.push_back(atom);
      return true;
    }

    /// Least squares on the support, then residual and correlations.
    template <class X, class C>
    void fit(const X& x, const C& initial, std::int64_t& flops) {
      const auto size = static_cast<Index>(support_.size());
      const std::int64_t m = d_.dim(), n = d_.num_atoms();
      for (Index i = 0; i < size; ++i) right_[i] = initial[support_[static_cast<std::size_t>(i)]];
      weights_.head(size) = right_.head(size);
      auto weights = weights_.head(size);
      const auto lower = factor_.topLeftCorner(size, size).template triangularView<Eigen::Lower>();
      lower.solveInPlace(weights);
      lower.transpose().solveInPlace(weights);
      residual_ = x;
      for (Index i = 0; i < size; ++i)
        residual_ -= weights[i] * d_.atoms().col(support_[static_cast<std::size_t>(i)]);
      flops += 2 * size * size + 2 * m * size;
      if constexpr (GramDictionary<D>) {
        if (d_.has_gram() && size < d_.dim()) {
          correlations_ = initial;
          for (Index i = 0; i < size; ++i)
            correlations_ -= weights[i] * d_.gram().col(support_[static_cast<std::size_t>(i)]);
          flops += 2 * n * size;
          return;
        }
      }
      correlations_.noalias() = d_.atoms().transpose() * residual_;
      flops += 2 * m * n;
    }

    [[nodiscard]] S inner(Index i, Index j) const {
      if constexpr (GramDictionary<D>) {
        if (d_.has_gram()) return d_.gram()(i, j);
      }
      return d_.atoms().col(i).dot(d_.atoms().col(j));
    }

    const D& d_;
    const Vector<S>& lengths_;
    Matrix<S> factor_;
    Vector<S> row_, right_, weights_, available_, correlations_, residual_;
    std::vector<Index> support_;
  };

  template <class S>
  static void assemble(std::vector<std::pair<Index, S>>& entries, Index most,
                       Solution<SparseCodes<S>>& solution) {
    std::vector<Eigen::Triplet<S>> triplets;
    triplets.reserve(entries.size());
    for (Index j = 0; j < solution.codes.cols(); ++j)
      for (Index i = 0; i < solution.iterations[static_cast<std::size_t>(j)]; ++i) {
        const auto& [atom, weight] = entries[static_cast<std::size_t>(j * most + i)];
        triplets.emplace_back(static_cast<int>(atom), static_cast<int>(j), weight);
      }
    solution.codes.setFromTriplets(triplets.begin(), triplets.end());
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ORTHOGONAL_MATCHING_PURSUIT_HPP
