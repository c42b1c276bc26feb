// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_LEARNED_BIAS_HPP
#define LACUNA_TRANSFORM_LEARNED_BIAS_HPP

#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/operator/geometric_median.hpp>
#include <lacuna/operator/mean_signal.hpp>

namespace lacuna {

/// A trained pre-bias b: apply is x - b, invert is z + b, and b is moved by the gradient. Models
/// `Transform` and `LearnableTransform`.
///
/// Source: the pre-encoder bias of Bricken et al., "Towards monosemanticity", 2023.
///
/// @code
/// Model model{LearnedBias<float>::at_geometric_median(signals), dictionary, encoder};
/// JointTrainer({.steps = 20000}).fit(model, InMemorySource<float>(signals));
/// @endcode
template <Real S>
class LearnedBias {
 public:
  using Scalar = S;

  /// @param bias  where training begins, dim.
  /// @throws std::invalid_argument if it is not finite.
  explicit LearnedBias(Vector<S> bias) : bias_(std::move(bias)) {
    check_finite<S>("LearnedBias", "bias", bias_);
  }

  /// Begins at the mean of signals, dim x n.
  /// @throws std::invalid_argument if there are none, or one is not finite.
  [[nodiscard]] static LearnedBias at_mean(const MatrixArg<S>& signals) {
    return LearnedBias(mean_signal<S>("LearnedBias::at_mean", signals));
  }

  /// Begins at their geometric median, which no few signals of great length can draw away; as near
  /// to it as the options ask, which is nearer than a start needs. @throws as `geometric_median`.
  [[nodiscard]] static LearnedBias at_geometric_median(const MatrixArg<S>& signals,
                                                       GeometricMedianOptions options = {}) {
    return LearnedBias(Vector<S>(geometric_median<S>(signals, options).point.template cast<S>()));
  }

  [[nodiscard]] const Vector<S>& bias() const noexcept { return bias_; }

  [[nodiscard]] Matrix<S> apply(const MatrixArg<S>& signals) const {
    check_shape("LearnedBias::apply", signals);
    return signals.colwise() - bias_;
  }

  [[nodiscard]] Matrix<S> invert(const MatrixArg<S>& signals) const {
    check_shape("LearnedBias::invert", signals);
    return signals.colwise() + bias_;
  }

  [[nodiscard]] ParameterView<S> parameters() { return {bias_.data(), bias_.size()}; }
  [[nodiscard]] ConstParameterView<S> parameters() const { return {bias_.data(), bias_.size()}; }

  /// gradient = -sum over signals of dL/d apply. Cost: 1 flop an entry.
  void backward(const MatrixArg<S>& signals, const MatrixArg<S>& applied_gradient,
                Vector<S>& gradient) const {
    check_shape("LearnedBias::backward", signals);
    check_same_shape("LearnedBias::backward", "signals", signals, "applied gradients",
                     applied_gradient);
    gradient = -applied_gradient.rowwise().sum();
  }

 private:
  void check_shape(const char* where, const MatrixArg<S>& signals) const {
    check_rows(where, "signals", signals.rows(), signals.cols(), bias_.rows(), "bias", bias_.rows(),
               1);
  }

  Vector<S> bias_;
};

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_LEARNED_BIAS_HPP
