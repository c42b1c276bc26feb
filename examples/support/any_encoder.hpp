// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ANY_ENCODER_HPP
#define LACUNA_EXAMPLES_SUPPORT_ANY_ENCODER_HPP

#include <concepts>
#include <functional>
#include <utility>

#include <lacuna/concepts/solver.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

namespace lacuna::examples {

/// The one dictionary that encoders chosen at run time are compiled for.
using AnyDictionary = PreparedDictionary<DenseDictionary<float>>;

/// An encoder whose type is forgotten, for programs that choose by name. It is an encoder like any
/// other: `Debiased<Truncated<AnyEncoder<...>>>` composes, so a grammar of names needs no table of
/// all combinations. One indirect call a batch. Models `SolverFor` `AnyDictionary`.
template <CodesOf<float> Codes>
class AnyEncoder {
 public:
  // Itself first: whether it can be copied must not depend on whether it can be made of itself.
  template <class E>
  requires(!std::same_as<E, AnyEncoder>) &&
      SolverFor<E, AnyDictionary>&& std::same_as<CodesFor<E, AnyDictionary>,
                                                 Codes> explicit AnyEncoder(const E& encoder)
      : encode_([encoder](const AnyDictionary& d, const MatrixArg<float>& signals) {
          return encoder.encode(d, signals);
        }),
  solve_([encoder](const AnyDictionary& d, const MatrixArg<float>& signals) {
    return encoder.solve(d, signals);
  }) {}

  [[nodiscard]] Codes encode(const AnyDictionary& d, const MatrixArg<float>& signals) const {
    return encode_(d, signals);
  }
  [[nodiscard]] Solution<Codes> solve(const AnyDictionary& d,
                                      const MatrixArg<float>& signals) const {
    return solve_(d, signals);
  }

 private:
  std::function<Codes(const AnyDictionary&, const MatrixArg<float>&)> encode_;
  std::function<Solution<Codes>(const AnyDictionary&, const MatrixArg<float>&)> solve_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ANY_ENCODER_HPP
