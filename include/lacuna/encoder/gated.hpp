// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_GATED_HPP
#define LACUNA_ENCODER_GATED_HPP

#include <cmath>
#include <cstdint>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/operator/column_passes.hpp>

namespace lacuna {

/// The gated encoder: which entries are active, and how large they are, are two questions with two
/// answers.
///
///   gate = W x + b_gate;  magnitude = exp(r) (W x) + b_magnitude;
///   s = max(magnitude, 0) where gate > 0, and 0 elsewhere
///
/// Dense codes. The two paths share W up to the scale exp(r_i) of each row, so they cost one
/// product. Models `EncoderWithTerms` of every dictionary of its element type and shape: no
/// gradient passes the gate's step, so the gate learns from terms of its own alone,
///
///   lambda mean max(gate, 0) + mean (x - D max(gate, 0))^2,
///
/// means over all entries of the codes and of the signals, D constant. The penalty shrinks the
/// gate's estimate of the code and not the code itself, which is what the encoder is for.
///
/// Cost: 2 dim num_atoms flops a signal forward; 2 dim num_atoms backward and 6 dim num_atoms for
/// the terms.
///
/// Source: Rajamanoharan et al., "Improving dictionary learning with gated sparse autoencoders",
/// 2024.
///
/// @code
/// GatedEncoder<float> encoder(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 1});
/// const Matrix<float> codes = encoder.encode(dictionary, signals);
/// @endcode
template <Real S>
class GatedEncoder {
 public:
  using Scalar = S;
  using Options = AmortisedOptions;

  /// What `forward` leaves for `backward` and `own_terms`.
  struct Tape {
    Matrix<S> codes;     ///< num_atoms x n
    Matrix<S> product;   ///< W x, num_atoms x n
    Matrix<S> gradient;  ///< num_atoms x n, work space
    Matrix<S> gate;      ///< num_atoms x n, work space of `own_terms`
    Matrix<S> residual;  ///< dim x n, work space of `own_terms`
  };

  /// The paths begin alike: r = 0 and the same bias, which makes the encoder a `LinearReluEncoder`
  /// at first.
  /// @param weights  num_atoms x dim; @param bias  num_atoms, or empty for 0.
  /// @throws std::invalid_argument: empty, not finite, or a bias of another length.
  explicit GatedEncoder(const Matrix<S>& weights, const Vector<S>& bias = {},
                        AmortisedOptions options = {})
      : GatedEncoder(weights, bias.size() > 0 ? bias : Vector<S>::Zero(weights.rows()),
                     Vector<S>::Zero(weights.rows()),
                     bias.size() > 0 ? bias : Vector<S>::Zero(weights.rows()), options) {}

  /// @param log_scale  r; all three of num_atoms entries.
  GatedEncoder(const Matrix<S>& weights, const Vector<S>& gate_bias, const Vector<S>& log_scale,
               const Vector<S>& magnitude_bias, AmortisedOptions options = {})
      : map_(weights, gate_bias, joined(log_scale, magnitude_bias, weights.rows())),
        options_(checked(options)) {}

  /// Random weights, to be trained; `init.bias` says whether the common bias begins at random or at
  /// 0.
  explicit GatedEncoder(const RandomWeights& init, AmortisedOptions options = {})
      : GatedEncoder(AffineMap<S>(init), options) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// W and b_gate.
  [[nodiscard]] const AffineMap<S>& affine() const noexcept { return map_; }
  [[nodiscard]] ConstParameterView<S> log_scale() const {
    return {map_.others().data(), map_.num_atoms()};
  }
  [[nodiscard]] ConstParameterView<S> magnitude_bias() const {
    return {map_.others().data() + map_.num_atoms(), map_.num_atoms()};
  }
  /// W, b_gate, r, b_magnitude.
  [[nodiscard]] ParameterView<S> parameters() { return map_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return map_.parameters(); }

  /// Codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<S> encode(const D& d, const MatrixArg<S>& signals) const {
    map_.check("GatedEncoder::encode", d, signals);
    Matrix<S> codes;
    map_.multiply(signals, codes, options_.threads);
    pass_gate(codes, codes);
    return codes;
  }

  template <Dictionary D>
  const Matrix<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    map_.check("GatedEncoder::forward", d, signals);
    map_.multiply(signals, tape.product, options_.threads);
    tape.codes.resize(tape.product.rows(), tape.product.cols());
    pass_gate(tape.product, tape.codes);
    return tape.codes;
  }

  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape, const Matrix<S>& code_gradient,
                Vector<S>& gradient) const {
    check_same_shape("GatedEncoder::backward", "codes", tape.codes, "code gradients",
                     code_gradient);
    detail::mask_by_codes(tape.codes, code_gradient, tape.gradient, options_.threads);
    const Index num_atoms = map_.num_atoms();
    Vector<S> by_scale(num_atoms), by_bias(num_atoms);
    detail::row_sums(tape.gradient, by_bias, options_.threads);
    scale_rows(tape.gradient);
    tape.gate.resize(num_atoms, signals.cols());
    tape.gate = tape.gradient.cwiseProduct(tape.product);
    detail::row_sums(tape.gate, by_scale, options_.threads);
    map_.backward(signals, tape.gradient, gradient, options_.threads);
    // No gradient passes the step of the gate.
    gradient.segment(num_atoms * map_.dim(), num_atoms).setZero();
    gradient.segment(map_.num_affine(), num_atoms) = by_scale;
    gradient.tail(num_atoms) = by_bias;
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const Matrix<S>& code_gradient) const {
    check_same_shape("GatedEncoder::signal_gradient", "codes", tape.codes, "code gradients",
                     code_gradient);
    Matrix<S> gradient;
    detail::mask_by_codes(tape.codes, code_gradient, gradient, options_.threads);
    scale_rows(gradient);
    return map_.transpose_times(gradient, options_.threads);
  }

  /// The gate's penalty and auxiliary reconstruction; their gradient, for W and b_gate, is added.
  /// See `EncoderWithTerms`.
  template <Dictionary D>
  double own_terms(const D& d, const MatrixArg<S>& signals, Tape& tape, double lambda,
                   Vector<S>& gradient) const {
    check_rows("GatedEncoder::own_terms", "gradient", gradient.rows(), 1, map_.parameters().size(),
               "parameter vector", map_.parameters().size(), 1);
    const Index num_atoms = map_.num_atoms(), dim = map_.dim(), n = signals.cols();
    if (n == 0) return 0;
    tape.gate = tape.product;
    detail::add_bias_and_rectify<S>(map_.bias(), tape.gate, options_.threads);
    if constexpr (ExplicitDictionary<D>) {
      tape.residual = -signals;
      add_blocked_product(S(1), d.atoms(), tape.gate, tape.residual, options_.threads);
      tape.gradient.resize(num_atoms, n);
      blocked_product(d.atoms().transpose(), tape.residual, tape.gradient, options_.threads);
    } else {
      tape.residual = d.decode(tape.gate) - signals;
      tape.gradient = d.correlate(tape.residual);
    }
    const double signal_entries = static_cast<double>(dim) * static_cast<double>(n);
    const double code_entries = static_cast<double>(num_atoms) * static_cast<double>(n);
    const S scale = static_cast<S>(2 / signal_entries);
    const S slope = static_cast<S>(lambda / code_entries);
    detail::for_each_columns(num_atoms, n, options_.threads, [&](Block block) {
      const Index begin = block.begin * num_atoms, end = begin + block.count * num_atoms;
      const S* gate = tape.gate.data();
      S* g = tape.gradient.data();
      for (Index i = begin; i < end; ++i) g[i] = gate[i] > S(0) ? scale * g[i] + slope : S(0);
    });
    Eigen::Map<Matrix<S>> weight_gradient(gradient.data(), num_atoms, dim);
    add_blocked_product(S(1), tape.gradient, signals.transpose(), weight_gradient,
                        options_.threads);
    Vector<S> by_bias(num_atoms);
    detail::row_sums(tape.gradient, by_bias, options_.threads);
    gradient.segment(num_atoms * dim, num_atoms) += by_bias;
    return static_cast<double>(tape.residual.squaredNorm()) / signal_entries +
           lambda * static_cast<double>(tape.gate.sum()) / code_entries;
  }

  template <Dictionary D>
  [[nodiscard]] std::int64_t forward_flops(const D&) const {
    // A bias each, the scale and the rectifier.
    return map_.flops() + 3 * map_.num_atoms();
  }
  /// Of `backward` and `own_terms` together.
  template <Dictionary D>
  [[nodiscard]] std::int64_t backward_flops(const D&) const {
    const std::int64_t dim = map_.dim(), num_atoms = map_.num_atoms();
    return 2 * dim * num_atoms + 4 * num_atoms + 6 * dim * num_atoms + 6 * num_atoms + 3 * dim;
  }

 private:
  GatedEncoder(const AffineMap<S>& start, AmortisedOptions options)
      : GatedEncoder(Matrix<S>(start.weights()), Vector<S>(start.bias()), options) {}

  /// codes = max(exp(r) product + b_magnitude, 0) where product + b_gate > 0; may be the product
  /// itself.
  void pass_gate(const Matrix<S>& product, Matrix<S>& codes) const {
    const Vector<S> scale = log_scale().array().exp();
    const S* gate_bias = map_.bias().data();
    const S* magnitude_bias = this->magnitude_bias().data();
    const Index rows = product.rows();
    detail::for_each_columns(rows, product.cols(), options_.threads, [&](Block block) {
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        const S* from = product.data() + j * rows;
        S* to = codes.data() + j * rows;
        for (Index i = 0; i < rows; ++i) {
          const S magnitude = scale[i] * from[i] + magnitude_bias[i];
          const S rectified = magnitude > S(0) ? magnitude : S(0);
          to[i] = from[i] + gate_bias[i] > S(0) ? rectified : S(0);
        }
      }
    });
  }

  /// d magnitude / d (W x) = exp(r).
  void scale_rows(Matrix<S>& gradient) const {
    const Vector<S> scale = log_scale().array().exp();
    detail::for_each_columns(gradient.rows(), gradient.cols(), options_.threads, [&](Block block) {
      for (Index j = block.begin; j < block.begin + block.count; ++j)
        gradient.col(j).array() *= scale.array();
    });
  }

  [[nodiscard]] static Vector<S> joined(const Vector<S>& log_scale, const Vector<S>& bias,
                                        Index num_atoms) {
    require(log_scale.size() == num_atoms && bias.size() == num_atoms, "GatedEncoder",
            std::to_string(log_scale.size()) + " log scales and " + std::to_string(bias.size()) +
                " biases of the magnitude for " + std::to_string(num_atoms) + " atoms");
    Vector<S> both(2 * num_atoms);
    both << log_scale, bias;
    return both;
  }
  [[nodiscard]] static AmortisedOptions checked(AmortisedOptions options) {
    detail::check_threads("GatedEncoder", options.threads);
    return options;
  }

  AffineMap<S> map_;
  AmortisedOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_GATED_HPP
