// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_BEST_OF_HPP
#define LACUNA_ENCODER_BEST_OF_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `BestOf`.
struct BestOfOptions {
  Index k = 0;  ///< a code of more entries is taken only where every code has more; 0: no bound
  Index threads = 1;  ///< 0 for all cores; the same bits at any number. Each E has its own
};

/// Of the codes of several encoders, for each signal the one that explains it best. Sparse codes,
/// from dense and sparse ones. Models `EncoderFor` every dictionary that all of E fit, `SolverFor`
/// where all of them say what their codes cost.
///
///   s = argmin 1/2 ||x - D s_e||^2 over the codes s_e of the encoders e with ||s_e||_0 <= k
///
/// Of equal objectives the earlier encoder's. The codes must be of comparable size, as those of k
/// entries are: without a bound the densest code would win. Pursuits and lassos fail on different
/// signals, and where signals have no noise a residual of 0 certifies a support: no second code of
/// at most dim / 2 entries has it, where any dim atoms are independent. Cost: that of all E, and
/// 2 dim flops an entry of every code; holds the codes of all E at once.
///
/// Source of the certificate: Donoho & Elad, "Optimally sparse representation in general
/// (nonorthogonal) dictionaries via l1 minimization", 2003.
///
/// @code
/// const Debiased lasso(Truncated(ActiveSet(NonnegativeL1(0.0025)), 3), {.nonnegative = true});
/// const BestOf encoder(OrthogonalLeastSquares({.k = 3, .nonnegative = true}),
///                      Cosamp({.k = 3, .nonnegative = true}), lasso);
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
///
/// // Of an encoder that keeps to no number of entries, the codes of 3 at most.
/// const Debiased whole(ActiveSet(NonnegativeL1(0.0025)), {.nonnegative = true});
/// const BestOf bounded({.k = 3}, whole, lasso);
/// @endcode
template <class... E>
requires(sizeof...(E) > 0) class BestOf {
 public:
  using Options = BestOfOptions;

  explicit BestOf(E... encoders) : encoders_(std::move(encoders)...) {}

  /// The options come first, as the encoders are any number.
  /// @throws std::invalid_argument naming the option that is out of range.
  BestOf(BestOfOptions options, E... encoders)
      : encoders_(std::move(encoders)...), options_(options) {
    require(options.k >= 0, "BestOf", "k must be at least 0, is " + std::to_string(options.k));
    require(options.threads >= 0, "BestOf",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const std::tuple<E...>& encoders() const noexcept { return encoders_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  requires(EncoderFor<E, D>&&...)
      [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                    const MatrixArg<ScalarOf<D>>& signals) const {
    const auto all = std::apply(
        [&](const E&... e) {
          return Candidates<ScalarOf<D>>{{sparse<ScalarOf<D>>(e.encode(d, signals))...}};
        },
        encoders_);
    Solution<SparseCodes<ScalarOf<D>>> solution(d.num_atoms(), signals.cols());
    choose(d, signals, all, solution);
    return std::move(solution.codes);
  }

  /// Codes with objective 1/2 ||x - D s||^2, whatever the objective of E; iterations and flops of
  /// all E together, with those of choosing; the status of the encoder that was chosen, `completed`
  /// of one that is no solver. The best k-sparse code is not known: `gap` is NaN.
  template <Dictionary D>
  requires(CountableEncoderFor<E, D>&&...) [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    Solution<SparseCodes<S>> solution(d.num_atoms(), signals.cols());
    std::array<std::vector<Status>, sizeof...(E)> status;
    const auto all = std::apply(
        [&](const E&... e) {
          std::size_t i = 0;
          return Candidates<S>{{account(e, d, signals, solution, status[i++])...}};
        },
        encoders_);
    const std::vector<std::size_t> chosen = choose(d, signals, all, solution);
    for (std::size_t j = 0; j < chosen.size(); ++j) {
      solution.status[j] = status[chosen[j]][j];
      // Each residual, and its length.
      for (const auto& codes : all)
        solution.flops[j] += 2 * d.dim() * (size(codes, static_cast<Index>(j)) + 1);
    }
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    return solution;
  }

 private:
  template <Real S>
  using Candidates = std::array<SparseCodes<S>, sizeof...(E)>;

  template <Real S>
  [[nodiscard]] static SparseCodes<S> sparse(SparseCodes<S>&& codes) {
    return std::move(codes);
  }
  template <Real S>
  [[nodiscard]] static SparseCodes<S> sparse(const Matrix<S>& codes) {
    return codes.sparseView();
  }

  /// The codes of one encoder; what they cost is added to the solution.
  template <class Member, class D, class Signals, class S = ScalarOf<D>>
  [[nodiscard]] static SparseCodes<S> account(const Member& encoder, const D& d,
                                              const Signals& signals,
                                              Solution<SparseCodes<S>>& solution,
                                              std::vector<Status>& status) {
    if constexpr (SolverFor<Member, D>) {
      auto own = encoder.solve(d, signals);
      for (std::size_t j = 0; j < own.flops.size(); ++j) {
        solution.flops[j] += own.flops[j];
        solution.iterations[j] += own.iterations[j];
      }
      solution.setup_flops += own.setup_flops;
      status = std::move(own.status);
      return sparse<S>(std::move(own.codes));
    } else {
      for (std::int64_t& flops : solution.flops) flops += encoder.forward_flops(d);
      status.assign(solution.flops.size(), Status::completed);
      return sparse<S>(encoder.encode(d, signals));
    }
  }

  /// Fills codes and objectives. @returns the encoder of each signal.
  template <class D, class S = ScalarOf<D>>
  std::vector<std::size_t> choose(const D& d, const MatrixArg<S>& signals, const Candidates<S>& all,
                                  Solution<SparseCodes<S>>& solution) const {
    const Index n = signals.cols();
    std::array<Vector<double>, sizeof...(E)> objectives;
    for (std::size_t e = 0; e < all.size(); ++e)
      objectives[e] = reconstruction_objective(d, signals, all[e], options_.threads);
    std::vector<std::size_t> chosen(static_cast<std::size_t>(n));
    constexpr Index block_size = 256;
    SparseBlocks<S> kept(d.num_atoms(), n, block_size);
    for_each_block(n, block_size, options_.threads, [&](Block block, Index) {
      const Index end = block.begin + block.count;
      Index entries = 0;
      for (Index j = block.begin; j < end; ++j) {
        const std::size_t best = least(all, objectives, j);
        chosen[static_cast<std::size_t>(j)] = best;
        solution.objective[j] = objectives[best][j];
        entries += size(all[best], j);
      }
      auto& part = kept.part(block.index);
      part.reserve(block.count, entries);
      for (Index j = block.begin; j < end; ++j) {
        const SparseCodes<S>& best = all[chosen[static_cast<std::size_t>(j)]];
        for (typename SparseCodes<S>::InnerIterator entry(best, j); entry; ++entry)
          part.push(entry.row(), entry.value());
        part.end_column();
      }
    });
    solution.codes = kept.assemble("BestOf");
    return chosen;
  }

  /// Which code of signal j is chosen.
  template <Real S>
  [[nodiscard]] std::size_t least(const Candidates<S>& all,
                                  const std::array<Vector<double>, sizeof...(E)>& objectives,
                                  Index j) const {
    const auto fits = [&](std::size_t e) {
      return options_.k == 0 || size(all[e], j) <= options_.k;
    };
    std::size_t best = 0;
    for (std::size_t e = 1; e < all.size(); ++e)
      if (fits(e) == fits(best) ? objectives[e][j] < objectives[best][j] : fits(e)) best = e;
    return best;
  }

  /// Entries of a column that are not 0.
  template <Real S>
  [[nodiscard]] static Index size(const SparseCodes<S>& codes, Index j) {
    Index entries = 0;
    for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
      entries += entry.value() != S(0);
    return entries;
  }

  std::tuple<E...> encoders_;
  Options options_;
};

template <class... E>
BestOf(E...) -> BestOf<E...>;
template <class... E>
BestOf(BestOfOptions, E...) -> BestOf<E...>;

}  // namespace lacuna

#endif  // LACUNA_ENCODER_BEST_OF_HPP
