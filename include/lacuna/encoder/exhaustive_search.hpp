// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_EXHAUSTIVE_SEARCH_HPP
#define LACUNA_ENCODER_EXHAUSTIVE_SEARCH_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `ExhaustiveSearch`.
struct ExhaustiveSearchOptions {
  Index k;  ///< active entries at most, at least 1; above what D can give, all of it
  bool nonnegative = false;  ///< codes >= 0
  Index threads = 1;         ///< 0 for all cores; the same bits at any number
};

/// The best k-sparse code there is: min ||x - D s|| over all s with at most k active entries, by
/// trying every support. The ruler's end point, for toy sizes. Sparse codes. Models `SolverFor`
/// every explicit dictionary.
///
/// Supports are walked in order of their size and then of their atoms. Each extends a Cholesky
/// factor of the Gram matrix by a row L, and the signal's coordinate along the new direction is y_t
/// =
/// (<d, x> - sum_u L_tu y_u) / L_tt; the support explains sum_t y_t^2 of ||x||^2. All in double, a
/// block of signals at a time. With `nonnegative` a support counts where its least squares fit is
/// non-negative: the best non-negative code is one of these, since an entry that it holds at 0
/// leaves a smaller support. A support with an atom within rounding of the span of the others adds
/// nothing and is left out. A larger support is taken only where it explains more beyond rounding,
/// and of equal ones the first, so a zero signal has an empty code.
///
/// Cost: 2 dim num_atoms flops a signal and 2t + 1 a support of t atoms ((t + 1)^2 with
/// `nonnegative`): 8 x 16, k = 3 is 696 supports. Refused where a size has more than a million
/// supports. The problem is not convex, and `gap` is NaN, though the code is the optimum; the
/// status is `completed`, and `iterations` is the number of supports tried.
///
/// @code
/// const auto best = ExhaustiveSearch({.k = 3, .nonnegative = true}).encode(dictionary, signals);
/// @endcode
class ExhaustiveSearch {
 public:
  using Options = ExhaustiveSearchOptions;

  /// The most supports of one size.
  static constexpr std::int64_t max_supports = 1'000'000;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit ExhaustiveSearch(Options options) : options_(options) {
    require(options.k >= 1, "ExhaustiveSearch",
            "k must be at least 1, is " + std::to_string(options.k));
    require(options.threads >= 0, "ExhaustiveSearch",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n.
  /// @throws std::invalid_argument: shape, NaN; more than `max_supports` supports, with the
  /// numbers.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals).codes;
  }

  /// Codes with objective 1/2 ||x - D s||^2, the least there is, and flops.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    auto solution = run(d, signals);
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    return solution;
  }

 private:
  /// Signals a block: what a support reads and writes of them stays in the first-level cache.
  static constexpr Index block_size_ = 256;

  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    check_encoding("ExhaustiveSearch", d, signals);
    const Index n = d.num_atoms();
    const Index k = std::min({options_.k, n, d.dim()});
    check_number(n, k);
    Solution<SparseCodes<S>> solution(n, signals.cols());
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    const Matrix<double> atoms = d.atoms().template cast<double>();
    const Matrix<double> gram = atoms.transpose() * atoms;
    solution.setup_flops = 2 * std::int64_t{d.dim()} * n * n;
    SparseBlocks<S> codes(n, signals.cols(), block_size_);
    for_each_block(signals.cols(), block_size_, options_.threads, [&](Block block, Index) {
      // Signals are rows here, so that a step over all of them is over neighbours in memory.
      const Matrix<double> x = signals.middleCols(block.begin, block.count).template cast<double>();
      const Matrix<double> correlations = x.transpose() * atoms;
      Search search(gram, correlations, x.colwise().squaredNorm().transpose(), k,
                    options_.nonnegative,
                    64 * static_cast<double>(std::numeric_limits<S>::epsilon()));
      search.walk();
      auto& part = codes.part(block.index);
      part.reserve(block.count, k * block.count);
      for (Index j = 0; j < block.count; ++j) {
        search.best_of(j, [&](Index atom, double weight) {
          part.push(atom, static_cast<S>(options_.nonnegative ? std::max(0.0, weight) : weight));
        });
        part.end_column();
        const auto there = static_cast<std::size_t>(block.begin + j);
        solution.iterations[there] = search.tried();
        solution.flops[there] = 2 * std::int64_t{d.dim()} * n + search.flops();
      }
    });
    solution.codes = codes.assemble("ExhaustiveSearch");
    return solution;
  }

  static void check_number(Index n, Index k) {
    std::int64_t supports = 1;
    for (Index size = 1; size <= k; ++size) {
      supports = supports * (n - size + 1) / size;  // exact: choose(n, size)
      require(supports <= max_supports, "ExhaustiveSearch",
              "k = " + std::to_string(k) + " of " + std::to_string(n) + " atoms has " +
                  std::to_string(supports) + " supports of " + std::to_string(size) +
                  " atoms, more than the " + std::to_string(max_supports) + " that are tried");
    }
  }

  /// All supports, for one block of signals.
  class Search {
   public:
    Search(const Matrix<double>& gram, const Matrix<double>& correlations, Vector<double> energy,
           Index k, bool nonnegative, double dependent)
        : gram_(gram),
          correlations_(correlations),
          k_(k),
          nonnegative_(nonnegative),
          dependent_(dependent),
          factor_(k, k),
          coordinates_(correlations.rows(), k),
          explained_(Matrix<double>::Zero(correlations.rows(), k + 1)),
          weights_(correlations.rows(), k),
          least_(correlations.rows()),
          best_(Vector<double>::Zero(correlations.rows())),
          which_(static_cast<std::size_t>(correlations.rows()), -1),
          rounding_(16 * std::numeric_limits<double>::epsilon() * energy),
          support_(static_cast<std::size_t>(k)) {}

    void walk() {
      for (size_ = 1; size_ <= k_; ++size_) {
        best_ += rounding_;
        extend(0, 0);
      }
    }

    /// Supports of independent atoms that were tried.
    [[nodiscard]] Index tried() const { return tried_; }
    /// Audited flops a signal.
    [[nodiscard]] std::int64_t flops() const { return flops_; }

    /// Calls `take(atom, weight)` for each entry of the best code of the signal j.
    template <class Take>
    void best_of(Index j, Take&& take) {
      const Index which = which_[static_cast<std::size_t>(j)];
      if (which < 0) return;
      const Index* support = found_.data() + which * (k_ + 1);
      const Index size = support[k_];
      // Least squares on the support, from the start: by now the factor is another's.
      for (Index t = 0; t < size; ++t) (void)append(t, support);
      for (Index t = 0; t < size; ++t) {
        double along = correlations_(j, support[t]);
        for (Index u = 0; u < t; ++u) along -= factor_(t, u) * coordinates_(j, u);
        coordinates_(j, t) = along / factor_(t, t);
      }
      for (Index t = size - 1; t >= 0; --t) {
        double weight = coordinates_(j, t);
        for (Index u = t + 1; u < size; ++u) weight -= factor_(u, t) * weights_(j, u);
        weights_(j, t) = weight / factor_(t, t);
      }
      for (Index t = 0; t < size; ++t) take(support[t], weights_(j, t));
    }

   private:
    /// Tries all supports of `size_` atoms that begin with the `depth` ones chosen.
    void extend(Index depth, Index first) {
      const Index last = gram_.rows() - (size_ - depth);
      for (Index atom = first; atom <= last; ++atom) {
        support_[static_cast<std::size_t>(depth)] = atom;
        if (!append(depth, support_.data())) continue;
        project(depth, atom);
        if (depth + 1 < size_) {
          extend(depth + 1, atom + 1);
        } else {
          if (nonnegative_) solve();
          compare();
        }
      }
    }

    /// Row `depth` of the Cholesky factor; false where the atom lies in the span of those before
    /// it.
    [[nodiscard]] bool append(Index depth, const Index* support) {
      const Index atom = support[depth];
      double pivot = gram_(atom, atom);
      for (Index t = 0; t < depth; ++t) {
        double sum = gram_(support[t], atom);
        for (Index u = 0; u < t; ++u) sum -= factor_(depth, u) * factor_(t, u);
        factor_(depth, t) = sum / factor_(t, t);
        pivot -= factor_(depth, t) * factor_(depth, t);
      }
      if (!(pivot > dependent_ * gram_(atom, atom))) return false;
      factor_(depth, depth) = std::sqrt(pivot);
      return true;
    }

    /// The coordinates of all signals along the direction that the atom adds, and what is
    /// explained.
    void project(Index depth, Index atom) {
      const Index count = correlations_.rows();
      double* y = coordinates_.col(depth).data();
      const double* c = correlations_.col(atom).data();
      const double inverse = 1 / factor_(depth, depth);
      for (Index j = 0; j < count; ++j) y[j] = c[j];
      for (Index t = 0; t < depth; ++t) {
        const double* before = coordinates_.col(t).data();
        const double along = factor_(depth, t);
        for (Index j = 0; j < count; ++j) y[j] -= along * before[j];
      }
      const double* known = explained_.col(depth).data();
      double* explained = explained_.col(depth + 1).data();
      for (Index j = 0; j < count; ++j) {
        y[j] *= inverse;
        explained[j] = known[j] + y[j] * y[j];
      }
      flops_ += 2 * depth + 3;
    }

    /// The least weight of the fit on the support, by back substitution.
    void solve() {
      const Index count = correlations_.rows();
      double* least = least_.data();
      for (Index t = size_ - 1; t >= 0; --t) {
        double* w = weights_.col(t).data();
        const double* y = coordinates_.col(t).data();
        const double inverse = 1 / factor_(t, t);
        for (Index j = 0; j < count; ++j) w[j] = y[j];
        for (Index u = t + 1; u < size_; ++u) {
          const double* after = weights_.col(u).data();
          const double along = factor_(u, t);
          for (Index j = 0; j < count; ++j) w[j] -= along * after[j];
        }
        const bool only = t == size_ - 1;
        for (Index j = 0; j < count; ++j) {
          w[j] *= inverse;
          least[j] = only || w[j] < least[j] ? w[j] : least[j];
        }
      }
      flops_ += size_ * size_;
    }

    void compare() {
      ++tried_;
      const Index count = correlations_.rows();
      const double* explained = explained_.col(size_).data();
      double* best = best_.data();
      Index any = 0;
      if (nonnegative_) {
        const double* least = least_.data();
        for (Index j = 0; j < count; ++j) any += explained[j] > best[j] && least[j] >= 0 ? 1 : 0;
      } else {
        for (Index j = 0; j < count; ++j) any += explained[j] > best[j] ? 1 : 0;
      }
      if (any == 0) return;
      const auto place = static_cast<Index>(found_.size()) / (k_ + 1);
      found_.insert(found_.end(), support_.begin(), support_.end());
      found_.push_back(size_);
      for (Index j = 0; j < count; ++j) {
        if (!(explained[j] > best[j]) || (nonnegative_ && !(least_[j] >= 0))) continue;
        best[j] = explained[j];
        which_[static_cast<std::size_t>(j)] = place;
      }
    }

    const Matrix<double>& gram_;
    const Matrix<double>& correlations_;  // n x num_atoms
    Index k_, size_ = 0, tried_ = 0;
    bool nonnegative_;
    double dependent_;
    std::int64_t flops_ = 0;
    Matrix<double> factor_;       // L, lower triangular
    Matrix<double> coordinates_;  // n x k: y_t
    Matrix<double> explained_;    // n x (k + 1): by the first t atoms
    Matrix<double> weights_;      // n x k
    Vector<double> least_, best_;
    std::vector<Index> which_;  // of `found_`, the best of each signal
    Vector<double> rounding_;
    std::vector<Index> support_;
    std::vector<Index>
        found_;  // supports that were the best of some signal: k atoms, then the size
  };

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_EXHAUSTIVE_SEARCH_HPP
