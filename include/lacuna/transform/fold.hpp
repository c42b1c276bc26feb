// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_FOLD_HPP
#define LACUNA_TRANSFORM_FOLD_HPP

#include <concepts>
#include <utility>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/composed.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

namespace lacuna {

namespace detail {

/// A transform as apply(x) = (x - shift) / scale; an empty shift is 0.
struct ShiftAndScale {
  Vector<double> shift;
  double scale = 1;
};

[[nodiscard]] inline ShiftAndScale shift_and_scale(const Identity&) { return {}; }
template <Real S>
[[nodiscard]] ShiftAndScale shift_and_scale(const Centre<S>& t) {
  return {t.mean().template cast<double>(), 1};
}
template <Real S>
[[nodiscard]] ShiftAndScale shift_and_scale(const LearnedBias<S>& t) {
  return {t.bias().template cast<double>(), 1};
}
template <Real S>
[[nodiscard]] ShiftAndScale shift_and_scale(const Scale<S>& t) {
  return {{}, static_cast<double>(t.scale())};
}
template <class First, class Second>
[[nodiscard]] ShiftAndScale shift_and_scale(const Composed<First, Second>& t) {
  // ((x - m1) / c1 - m2) / c2 = (x - (m1 + c1 m2)) / (c1 c2)
  ShiftAndScale first = shift_and_scale(t.first()), second = shift_and_scale(t.second());
  if (first.shift.size() == 0)
    first.shift = first.scale * second.shift;
  else if (second.shift.size() > 0)
    first.shift += first.scale * second.shift;
  first.scale *= second.scale;
  return first;
}

/// Transforms that can be written so.
template <class T>
concept CanFold = requires(const T& t) {
  { shift_and_scale(t) } -> std::same_as<ShiftAndScale>;
};

/// Encoders whose codes look at the signals through one affine map alone.
template <class E>
concept HasAffineMap = requires(const E& e) {
  e.affine().weights();
  e.affine().bias();
  e.affine().others();
  e.options();
};

/// The encoder with another affine map, and all else as it was.
template <class E, Real S>
[[nodiscard]] E with_affine_map(const E& encoder, const Matrix<S>& weights, const Vector<S>& bias) {
  const auto others = encoder.affine().others();
  constexpr bool has_thresholds = requires { encoder.thresholds(); };
  require(has_thresholds || others.size() == 0, "fold",
          "the encoder learns more than the weights and the bias of one affine map");
  E folded = [&] {
    if constexpr (has_thresholds)
      return E(weights, bias, encoder.thresholds(), encoder.options());
    else if constexpr (requires { encoder.k(); })
      return E(weights, encoder.k(), bias, encoder.options());
    else
      return E(weights, bias, encoder.options());
  }();
  folded.parameters().tail(others.size()) = others;
  if constexpr (requires { folded.set_statistics(encoder.statistics()); })
    folded.set_statistics(encoder.statistics());
  return folded;
}

}  // namespace detail

/// What is left of a model when its transform has gone into the encoder's weights. Signals are
/// encoded as they are: `encoder.encode(dictionary, x)`; decoded they are scale D s + shift.
template <Real S, class D, class E>
struct FoldedModel {
  D dictionary;
  E encoder;
  Vector<S> shift;  ///< dim
  S scale;

  [[nodiscard]] auto encode(const MatrixArg<S>& signals) const requires EncoderFor<E, D> {
    return encoder.encode(dictionary, signals);
  }
  template <CodesOf<S> Codes>
  [[nodiscard]] Matrix<S> decode(const Codes& codes) const {
    return (scale * dictionary.decode(codes)).colwise() + shift;
  }
};

/// An encoder that gives of x the codes that `encoder` gives of transform.apply(x), to rounding:
/// W (x - m) / c + b = (W / c) x + (b - W m / c), computed in double. For encoders that see a
/// signal through one affine map: linear-ReLU, TopK, batch TopK, JumpReLU.
///
/// @param transform  Identity, Centre, Scale, LearnedBias, or some of them composed.
/// @throws std::invalid_argument if dimensions do not fit, or the encoder has a second such map
/// (gated). Cost: 2 dim num_atoms flops.
///
/// @code
/// const LinearReluEncoder<float> raw = fold(model.transform, model.encoder);
/// const Matrix<float> codes = raw.encode(model.dictionary, signals);  // as model.encode(signals)
/// @endcode
template <detail::CanFold T, detail::HasAffineMap E>
[[nodiscard]] E fold(const T& transform, const E& encoder) {
  using S = typename E::Scalar;
  const auto [shift, scale] = detail::shift_and_scale(transform);
  const Matrix<double> weights = encoder.affine().weights().template cast<double>() / scale;
  Vector<double> bias = encoder.affine().bias().template cast<double>();
  if (shift.size() > 0) {
    check_rows("fold", "weights", weights.cols(), weights.rows(), shift.size(), "shift",
               shift.size(), 1);
    if (bias.size() == 0) bias.setZero(weights.rows());
    bias -= weights * shift;
  }
  return detail::with_affine_map<E, S>(encoder, weights.template cast<S>(),
                                       bias.template cast<S>());
}

/// The same for a whole model: encode, then decode, gives what the model gives, to rounding.
///
/// @code
/// const auto folded = fold(model);
/// write_npy("W.npy", folded.encoder.affine().weights());  // and bias, atoms, shift, scale
/// const Matrix<float> again = folded.decode(folded.encode(signals));  // as of the model
/// @endcode
template <detail::CanFold T, class D, detail::HasAffineMap E>
[[nodiscard]] FoldedModel<ScalarOf<D>, D, E> fold(const Model<T, D, E>& model) {
  using S = ScalarOf<D>;
  const auto [shift, scale] = detail::shift_and_scale(model.transform);
  Vector<S> added = shift.template cast<S>();
  if (added.size() == 0) added.setZero(model.dictionary.dim());
  return {model.dictionary, fold(model.transform, model.encoder), std::move(added),
          static_cast<S>(scale)};
}

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_FOLD_HPP
