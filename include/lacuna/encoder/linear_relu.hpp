// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_LINEAR_RELU_HPP
#define LACUNA_ENCODER_LINEAR_RELU_HPP

#include <cstdint>

#include <lacuna/concepts/dictionary.hpp>
#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/operator/column_passes.hpp>

namespace lacuna {

/// The encoder of a sparse autoencoder: s = max(W x + b, 0), dense codes in one pass. Models
/// `RectifiedEncoderFor` every dictionary of its element type and shape.
///
/// It owns its weights and looks at the dictionary for its shape alone; it cannot infer sparse
/// codes exactly even where they are recoverable (tests/unit/theory_test.cpp), which is what the
/// rest of the library is about. Cost: 2 dim num_atoms flops a signal.
///
/// Source: O'Neill, Gumran & Klindt 2025, section 2; Cunningham et al., "Sparse autoencoders find
/// highly interpretable features in language models", 2023.
///
/// @code
/// LinearReluEncoder<float> encoder(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 1});
/// const Matrix<float> codes = encoder.encode(dictionary, signals);
/// const LinearReluEncoder<float> tied(tied_weights(dictionary));  // begins at W = D^T
/// @endcode
template <Real S>
class LinearReluEncoder {
 public:
  using Scalar = S;

  /// What `forward` leaves for `backward`.
  struct Tape {
    Matrix<S> codes;                   ///< num_atoms x n
    Matrix<S> preactivation_gradient;  ///< num_atoms x n, work space of `backward`
  };

  using Options = AmortisedOptions;

  /// @param weights  num_atoms x dim; @param bias  num_atoms, or empty for none.
  /// @throws std::invalid_argument: empty, not finite, or a bias of another length.
  explicit LinearReluEncoder(const Matrix<S>& weights, const Vector<S>& bias = {},
                             AmortisedOptions options = {})
      : map_(weights, bias), options_(checked(options)) {}

  /// Random weights, to be trained. @throws std::invalid_argument for a size below 1.
  explicit LinearReluEncoder(const RandomWeights& init, AmortisedOptions options = {})
      : map_(init), options_(checked(options)) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] const AffineMap<S>& affine() const noexcept { return map_; }
  [[nodiscard]] ParameterView<S> parameters() { return map_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return map_.parameters(); }

  /// Codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<S> encode(const D& d, const MatrixArg<S>& signals) const {
    map_.check("LinearReluEncoder::encode", d, signals);
    Matrix<S> codes;
    map_.apply_and_rectify(signals, codes, options_.threads);
    return codes;
  }

  template <Dictionary D>
  const Matrix<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    map_.check("LinearReluEncoder::forward", d, signals);
    map_.apply_and_rectify(signals, tape.codes, options_.threads);
    return tape.codes;
  }

  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape, const Matrix<S>& code_gradient,
                Vector<S>& gradient) const {
    check_same_shape("LinearReluEncoder::backward", "codes", tape.codes, "code gradients",
                     code_gradient);
    detail::mask_by_codes(tape.codes, code_gradient, tape.preactivation_gradient, options_.threads);
    map_.backward(signals, tape.preactivation_gradient, gradient, options_.threads);
  }

  /// The same of the gradient of W x + b, num_atoms x n, which is 0 where the code is.
  template <Dictionary D>
  void backward_rectified(const D&, const MatrixArg<S>& signals, Tape& tape,
                          const Matrix<S>& preactivation_gradient, Vector<S>& gradient) const {
    check_same_shape("LinearReluEncoder::backward_rectified", "codes", tape.codes,
                     "preactivation gradients", preactivation_gradient);
    map_.backward(signals, preactivation_gradient, gradient, options_.threads);
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const Matrix<S>& code_gradient) const {
    check_same_shape("LinearReluEncoder::signal_gradient", "codes", tape.codes, "code gradients",
                     code_gradient);
    Matrix<S> preactivation_gradient;
    detail::mask_by_codes(tape.codes, code_gradient, preactivation_gradient, options_.threads);
    return map_.transpose_times(preactivation_gradient, options_.threads);
  }

  template <Dictionary D>
  [[nodiscard]] std::int64_t forward_flops(const D&) const {
    return map_.flops();
  }
  template <Dictionary D>
  [[nodiscard]] std::int64_t backward_flops(const D&) const {
    return map_.flops();
  }

 private:
  [[nodiscard]] static AmortisedOptions checked(AmortisedOptions options) {
    detail::check_threads("LinearReluEncoder", options.threads);
    return options;
  }

  AffineMap<S> map_;
  AmortisedOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_LINEAR_RELU_HPP
