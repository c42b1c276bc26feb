// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_REFINED_HPP
#define LACUNA_ENCODER_REFINED_HPP

#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/concepts/warm_startable_encoder.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/encode_counted.hpp>

namespace lacuna {

/// `First` guesses, `Second` improves the guess by a stated number of steps. Models `EncoderFor` every
/// dictionary that both fit; its codes are those of `Second`.
///
/// The number of steps is the point: a convex solver run to its tolerance forgets where it began, and
/// then the guess has bought only time.
///
/// @code
/// const Refined encoder(sae, Fista(NonnegativeL1(0.0025)), 10);  // ten steps from the SAE's codes
/// const Matrix<float> codes = encoder.encode(dictionary, signals);
/// @endcode
template <class First, class Second>
  requires detail::CanLimitSteps<Second>
class Refined {
 public:
  /// @param steps  taken by `second`, at least 0. @throws std::invalid_argument if negative.
  Refined(First first, Second second, Index steps)
      : first_(std::move(first)),
        second_((require(steps >= 0, "Refined", "steps must be at least 0, is " +
                                                    std::to_string(steps)),
                 second.with_steps(steps))) {}

  [[nodiscard]] const First& first() const noexcept { return first_; }
  [[nodiscard]] const Second& second() const noexcept { return second_; }

  /// Codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
    requires EncoderFor<First, D> && WarmStartableFor<Second, D>
  [[nodiscard]] CodesFor<Second, D> encode(const D& d,
                                           const MatrixArg<ScalarOf<D>>& signals) const {
    return second_.encode(d, signals, dense(first_.encode(d, signals)));
  }

  /// Codes with the certificate of `Second`; the flops of both.
  template <Dictionary D>
    requires CountableEncoderFor<First, D> && WarmStartableFor<Second, D> && SolverFor<Second, D>
  [[nodiscard]] Solution<CodesFor<Second, D>> solve(const D& d,
                                                    const MatrixArg<ScalarOf<D>>& signals) const {
    auto guess = encode_counted(first_, d, signals);
    auto solution = second_.solve(d, signals, dense(std::move(guess.codes)));
    if (signals.cols() > 0) {
      const std::int64_t share = guess.flops / signals.cols();
      for (std::int64_t& flops : solution.flops) flops += share;
      solution.setup_flops += guess.flops - share * signals.cols();
    }
    return solution;
  }

 private:
  /// A warm start is dense; so are the codes that come of it.
  template <Real S>
  [[nodiscard]] static Matrix<S> dense(Matrix<S>&& guess) {
    return std::move(guess);
  }
  template <Real S>
  [[nodiscard]] static Matrix<S> dense(const SparseCodes<S>& guess) {
    return guess;
  }

  First first_;
  Second second_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_REFINED_HPP
