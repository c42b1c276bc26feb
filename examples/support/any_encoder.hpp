// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ANY_ENCODER_HPP
#define LACUNA_EXAMPLES_SUPPORT_ANY_ENCODER_HPP

#include <concepts>
#include <functional>
#include <limits>
#include <utility>

#include <lacuna/concepts/solver.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

namespace lacuna::examples {

/// The one dictionary that encoders chosen at run time are compiled for.
using AnyDictionary = PreparedDictionary<DenseDictionary<float>>;

/// An encoder whose type is forgotten, for programs that choose by name. It is an encoder like any
/// other: `Debiased<Truncated<AnyEncoder<...>>>` composes, so a grammar of names needs no table of
/// all combinations. One indirect call a batch. Models `SolverFor` `AnyDictionary`; an amortised
/// encoder, which does not solve, answers with its codes, its flops, and no objective or gap.
template <CodesOf<float> Codes>
class AnyEncoder {
 public:
  // Itself first: whether it can be copied must not depend on whether it can be made of itself.
  template <class E>
  requires(!std::same_as<E, AnyEncoder>) &&
      CountableEncoderFor<E, AnyDictionary>&& std::same_as<
          CodesFor<E, AnyDictionary>, Codes> explicit AnyEncoder(const E& encoder)
      : encode_([encoder](const AnyDictionary& d, const MatrixArg<float>& signals) {
          return encoder.encode(d, signals);
        }),
  solve_([encoder](const AnyDictionary& d, const MatrixArg<float>& signals) {
    if constexpr (SolverFor<E, AnyDictionary>)
      return encoder.solve(d, signals);
    else
      return guess(encoder, d, signals);
  }) {}

  [[nodiscard]] Codes encode(const AnyDictionary& d, const MatrixArg<float>& signals) const {
    return encode_(d, signals);
  }
  [[nodiscard]] Solution<Codes> solve(const AnyDictionary& d,
                                      const MatrixArg<float>& signals) const {
    return solve_(d, signals);
  }

 private:
  /// What is known of a code that no solver found: the flops, and no objective.
  template <class E>
  [[nodiscard]] static Solution<Codes> guess(const E& encoder, const AnyDictionary& d,
                                             const MatrixArg<float>& signals) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    Solution<Codes> solution(d.num_atoms(), signals.cols());
    solution.codes = encoder.encode(d, signals);
    solution.objective.setConstant(unknown);
    solution.gap.setConstant(unknown);
    solution.relative_gap.setConstant(unknown);
    solution.flops.assign(solution.flops.size(), encoder.forward_flops(d));
    return solution;
  }

  std::function<Codes(const AnyDictionary&, const MatrixArg<float>&)> encode_;
  std::function<Solution<Codes>(const AnyDictionary&, const MatrixArg<float>&)> solve_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ANY_ENCODER_HPP
