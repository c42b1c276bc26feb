// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_MODEL_HPP
#define LACUNA_OPERATOR_MODEL_HPP

#include <utility>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/concepts/transform.hpp>

namespace lacuna {

/// What a trainer fits, a metric scores and a file holds: signals are transformed, encoded, decoded
/// and transformed back.
///
/// @code
/// Model model{Identity{}, UnitNormDictionary<float>(atoms), Fista(NonnegativeL1(0.05))};
/// const auto codes = model.encode(signals);
/// const auto again = model.decode(codes);
/// @endcode
template <class T, class D, class E>
struct Model {
  T transform;
  D dictionary;
  E encoder;

  /// Codes of signals, dim x n -> num_atoms x n. The return type, `CodesFor<E, D>`, is deduced so that a
  /// model whose encoder does not fit is refused by this clause and not inside the class.
  [[nodiscard]] auto encode(const MatrixArg<ScalarOf<D>>& signals) const
    requires Transform<T, ScalarOf<D>> && EncoderFor<E, D>
  {
    return encoder.encode(dictionary, transform.apply(signals));
  }

  /// Signals of codes, num_atoms x n -> dim x n.
  template <CodesOf<ScalarOf<D>> Codes>
  [[nodiscard]] Matrix<ScalarOf<D>> decode(const Codes& codes) const {
    return transform.invert(dictionary.decode(codes));
  }
};

template <class T, class D, class E>
Model(T, D, E) -> Model<T, D, E>;

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_MODEL_HPP
