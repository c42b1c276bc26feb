// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_ENCODE_COUNTED_HPP
#define LACUNA_OPERATOR_ENCODE_COUNTED_HPP

#include <cstdint>
#include <utility>

#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/concepts/solver.hpp>

namespace lacuna {

/// Codes and what they cost.
template <class Codes>
struct CountedCodes {
  Codes codes;
  std::int64_t flops = 0;  ///< audited, all signals and the set-up together
};

/// Whether an encoder can say what its codes cost: a solver from its steps, an amortised encoder
/// from its shape.
template <class E, class D>
concept CountableEncoderFor = SolverFor<E, D> ||(EncoderFor<E, D>&& detail::CountsFlops<E, D>);

/// Encodes and counts: multiply-add 2; exp, log, square root and division 1; comparison 0.
template <class E, Dictionary D>
requires CountableEncoderFor<E, D>
[[nodiscard]] CountedCodes<CodesFor<E, D>> encode_counted(const E& encoder, const D& d,
                                                          const MatrixArg<ScalarOf<D>>& signals) {
  if constexpr (requires { encoder.encode_counted(d, signals); }) {
    return encoder.encode_counted(d, signals);  // a solver that can leave out its certificate
  } else if constexpr (SolverFor<E, D>) {
    auto solution = encoder.solve(d, signals);
    const std::int64_t flops = solution.total_flops();
    return {std::move(solution.codes), flops};
  } else {
    return {encoder.encode(d, signals), encoder.forward_flops(d) * signals.cols()};
  }
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_ENCODE_COUNTED_HPP
