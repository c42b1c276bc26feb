// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_TOP_K_HPP
#define LACUNA_ENCODER_TOP_K_HPP

#include <algorithm>
#include <cstdint>
#include <string>

#include <lacuna/concepts/dictionary.hpp>
#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/encoder/encode_in_blocks.hpp>
#include <lacuna/operator/keep_largest.hpp>
#include <lacuna/operator/largest_products.hpp>

namespace lacuna {

/// The TopK encoder: of max(W x + b, 0) the k largest entries, as sparse codes. Models
/// `DifferentiableEncoderFor` every dictionary of its element type and shape.
///
/// A code has at most k active entries: fewer where fewer pre-activations are above 0. Of equal
/// entries the lower atom wins. k above num_atoms is num_atoms. The gradient flows through the kept
/// entries alone. Cost: 2 dim num_atoms flops a signal forward, 2 dim k backward; for many signals
/// and k far below num_atoms most of the former are operations on 16-bit integers, which change
/// codes by no more than rounding does (`LargestProducts`).
///
/// Source: Makhzani & Frey, "k-Sparse autoencoders", 2014; Gao et al., "Scaling and evaluating
/// sparse autoencoders", 2024.
///
/// @code
/// TopKEncoder<float> encoder(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 1}, 3);
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
/// const TopKEncoder<float> tied(tied_weights(dictionary), 3);  // begins at W = D^T
/// @endcode
template <Real S>
class TopKEncoder {
 public:
  using Scalar = S;
  using Affine = AffineMap<S, WeightOrder::by_atom>;

  /// What `forward` leaves for `backward`.
  struct Tape {
    SparseCodes<S> codes;           ///< num_atoms x n
    LargestProducts<S> largest;     ///< work space of `forward`
    Matrix<S> preactivation;        ///< num_atoms x n, the same where all products are made
    SparseOuterProduct<S> product;  ///< work space of `backward`
  };

  using Options = AmortisedOptions;

  /// @param weights  num_atoms x dim; @param k  at least 1; @param bias  num_atoms, or empty for
  /// none.
  /// @throws std::invalid_argument: empty, not finite, a bias of another length, k below 1.
  TopKEncoder(const Matrix<S>& weights, Index k, const Vector<S>& bias = {},
              AmortisedOptions options = {})
      : map_(weights, bias), k_(checked(k, options)), options_(options) {}

  /// Random weights, to be trained. @throws std::invalid_argument for a size or k below 1.
  TopKEncoder(const RandomWeights& init, Index k, AmortisedOptions options = {})
      : map_(init), k_(checked(k, options)), options_(options) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] Index k() const noexcept { return k_; }
  /// For a schedule of k. @throws std::invalid_argument for k below 1.
  void set_k(Index k) { k_ = checked(k, options_); }
  [[nodiscard]] const Affine& affine() const noexcept { return map_; }
  [[nodiscard]] ParameterView<S> parameters() { return map_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return map_.parameters(); }

  /// Sparse codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] SparseCodes<S> encode(const D& d, const MatrixArg<S>& signals) const {
    map_.check("TopKEncoder::encode", d, signals);
    if (screens(signals)) {
      SparseCodes<S> codes;
      LargestProducts<S>()(map_.directions(), map_.bias(), signals, k_, codes, options_.threads);
      return codes;
    }
    // Block by block, so that no pre-activations num_atoms x n come to be.
    return detail::encode_in_blocks<S>("TopKEncoder::encode", map_, signals, options_.threads,
                                       [&](const Matrix<S>& preactivation, SparseCodes<S>& codes) {
                                         keep_largest_positive(preactivation, k_, codes);
                                       });
  }

  template <Dictionary D>
  const SparseCodes<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    map_.check("TopKEncoder::forward", d, signals);
    if (screens(signals)) {
      tape.largest(map_.directions(), map_.bias(), signals, k_, tape.codes, options_.threads);
      return tape.codes;
    }
    map_.apply(signals, tape.preactivation, options_.threads);
    keep_largest_positive(tape.preactivation, k_, tape.codes, options_.threads);
    return tape.codes;
  }

  /// @param code_gradient  of the pattern of the codes.
  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape,
                const SparseCodes<S>& code_gradient, Vector<S>& gradient) const {
    check_same_shape("TopKEncoder::backward", "codes", tape.codes, "code gradients", code_gradient);
    map_.backward(signals, code_gradient, gradient, tape.product, options_.threads);
  }

  /// The same by parts, for an optimiser that takes them: `use(begin, part of the gradient)`, each
  /// once, on threads.
  template <Dictionary D, class Use>
  void backward_by_parts(const D&, const MatrixArg<S>& signals, Tape& tape,
                         const SparseCodes<S>& code_gradient, const Use& use) const {
    check_same_shape("TopKEncoder::backward_by_parts", "codes", tape.codes, "code gradients",
                     code_gradient);
    map_.backward_by_parts(signals, code_gradient, tape.product, use, options_.threads);
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const SparseCodes<S>& code_gradient) const {
    check_same_shape("TopKEncoder::signal_gradient", "codes", tape.codes, "code gradients",
                     code_gradient);
    return map_.transpose_times(code_gradient, options_.threads);
  }

  template <Dictionary D>
  [[nodiscard]] std::int64_t forward_flops(const D&) const {
    return map_.flops();
  }
  template <Dictionary D>
  [[nodiscard]] std::int64_t backward_flops(const D&) const {
    return std::min(k_, map_.num_atoms()) * (2 * map_.dim() + (map_.has_bias() ? 1 : 0));
  }

 private:
  [[nodiscard]] static Index checked(Index k, const AmortisedOptions& options) {
    require(k >= 1, "TopKEncoder", "k must be at least 1, is " + std::to_string(k));
    detail::check_threads("TopKEncoder", options.threads);
    return k;
  }

  [[nodiscard]] bool screens(const MatrixArg<S>& signals) const noexcept {
    return LargestProducts<S>::pays(map_.dim(), map_.num_atoms(), signals.cols(), k_);
  }

  Affine map_;
  Index k_;
  AmortisedOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_TOP_K_HPP
