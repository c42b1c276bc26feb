// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_DEBIASED_HPP
#define LACUNA_ENCODER_DEBIASED_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/refit_codes.hpp>

namespace lacuna {

/// Options of `Debiased`.
struct DebiasedOptions {
  bool nonnegative =
      false;          ///< least squares over weights >= 0, so some of the support may end at 0
  double active = 0;  ///< an entry of a larger magnitude belongs to the support: 1e-4 for codes
                      ///< that are never exactly 0, as those of `AdamInference` are not
  Index threads = 1;  ///< 0 for all cores; the same bits at any number. E has its own
};

/// The support is that of another encoder's code, the values are the least squares fit on it: what
/// a penalty took from the values is given back. Sparse codes. Models `EncoderFor` every explicit
/// dictionary that E fits, and `SolverFor` where E says what its codes cost.
///
///   I = {i : |e_i| > active} for the code e of E;   s = argmin ||x - D_I s|| over s on I (s >= 0)
///
/// The residual is orthogonal to the support; with `nonnegative`, to where s > 0, and no atom of
/// the support correlates with it above 0. A support larger than dim is first cut to its dim
/// largest entries. An atom within rounding of the span of those before it has weight 0, and
/// entries of 0 are left out. Cost: that of E, and for p atoms dim p^2 + p^3 / 3 flops (p^3 / 3
/// where the Gram matrix is prepared).
///
/// Source: Belloni & Chernozhukov, "Least squares after model selection in high-dimensional sparse
/// models", 2013; "debiasing" in Figueiredo, Nowak & Wright, "Gradient projection for sparse
/// reconstruction", 2007.
///
/// @code
/// const Debiased encoder(Truncated(Fista(NonnegativeL1(0.05)), 3), {.nonnegative = true});
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
/// @endcode
template <class E>
class Debiased {
 public:
  using Options = DebiasedOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit Debiased(E encoder, Options options = {})
      : encoder_(std::move(encoder)), options_(options) {
    require(options.active >= 0 && std::isfinite(options.active), "Debiased",
            "active must be finite and at least 0, is " + text_of(options.active));
    require(options.threads >= 0, "Debiased",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const E& encoder() const noexcept { return encoder_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  requires EncoderFor<E, D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    std::vector<std::int64_t> flops(static_cast<std::size_t>(signals.cols()));
    return refitted(d, signals, encoder_.encode(d, signals), flops);
  }

  /// Codes with objective 1/2 ||x - D s||^2, whatever E's own; the flops of both and, where E is a
  /// solver, its status and iterations. The best support is not known: `gap` is NaN.
  template <ExplicitDictionary D>
  requires CountableEncoderFor<E, D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    Solution<SparseCodes<ScalarOf<D>>> solution(d.num_atoms(), signals.cols());
    if constexpr (SolverFor<E, D>) {
      auto first = encoder_.solve(d, signals);
      solution.iterations = std::move(first.iterations);
      solution.status = std::move(first.status);
      solution.flops = std::move(first.flops);
      solution.setup_flops = first.setup_flops;
      solution.codes = refitted(d, signals, first.codes, solution.flops);
    } else {
      std::fill(solution.flops.begin(), solution.flops.end(), encoder_.forward_flops(d));
      solution.codes = refitted(d, signals, encoder_.encode(d, signals), solution.flops);
    }
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    return solution;
  }

 private:
  template <class D, CodesOf<ScalarOf<D>> Codes>
  [[nodiscard]] SparseCodes<ScalarOf<D>> refitted(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                  const Codes& codes,
                                                  std::vector<std::int64_t>& flops) const {
    return refit_codes("Debiased", d, signals, codes,
                       {.nonnegative = options_.nonnegative,
                        .active = options_.active,
                        .threads = options_.threads},
                       flops);
  }

  E encoder_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_DEBIASED_HPP
