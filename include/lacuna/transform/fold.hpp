// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_FOLD_HPP
#define LACUNA_TRANSFORM_FOLD_HPP

#include <utility>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/transform/shift_and_scale.hpp>

namespace lacuna {

namespace detail {

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
template <detail::HasShiftAndScale T, detail::HasAffineMap E>
[[nodiscard]] E fold(const T& transform, const E& encoder) {
  using S = typename E::Scalar;
  using detail::shift_and_scale;
  const auto [shift, scale] = shift_and_scale(transform);
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
template <detail::HasShiftAndScale T, class D, detail::HasAffineMap E>
[[nodiscard]] FoldedModel<ScalarOf<D>, D, E> fold(const Model<T, D, E>& model) {
  using S = ScalarOf<D>;
  using detail::shift_and_scale;
  const auto [shift, scale] = shift_and_scale(model.transform);
  Vector<S> added = shift.template cast<S>();
  if (added.size() == 0) added.setZero(model.dictionary.dim());
  return {model.dictionary, fold(model.transform, model.encoder), std::move(added),
          static_cast<S>(scale)};
}

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_FOLD_HPP
