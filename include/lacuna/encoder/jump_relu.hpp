// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_JUMP_RELU_HPP
#define LACUNA_ENCODER_JUMP_RELU_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/encoder/encode_in_blocks.hpp>
#include <lacuna/operator/keep_above.hpp>

namespace lacuna {

/// Options of `JumpReluEncoder`.
struct JumpReluOptions {
  double threshold = 1e-3;  ///< where every threshold begins, above 0, in the units of W x + b
  double bandwidth = 1e-3;  ///< epsilon, of the kernel that estimates a threshold's gradient
  Index threads = 1;        ///< 0 for all cores; the answer has the same bits at any number
};

/// The JumpReLU encoder: s_i = z_i where z = W x + b is above the threshold theta_i > 0, and 0
/// elsewhere, with learned theta = exp(log_theta). Models `EncoderWithTerms` of every dictionary of
/// its element type and shape: its own term is the l0 penalty lambda * mean over signals of the
/// number of active entries.
///
/// Neither the codes nor their number has a derivative by theta that says anything. Training takes
/// the gradient of both smoothed over a window of epsilon instead, estimated with a rectangle
/// kernel (a straight-through estimator): where |z - theta| < epsilon/2, d s/d theta =
/// -theta/epsilon and d count/d theta = -1/epsilon. It is the exact gradient by theta of E s(z + u)
/// and E count(z + u) for u uniform in +-epsilon/2. W, b and the signals have the ordinary gradient
/// through the active entries, and none from the penalty.
///
/// The codes are sparse, as the penalty makes them: where less than a fifth of the entries is
/// active the sparse products of a step cost less than dense ones, and most of a training is spent
/// far below that. It begins above, with half of them active, unless threshold or bias say
/// otherwise. The codes of `forward` hold the entries of the lower half of the window as zeros,
/// since the estimator needs their gradients; those of `encode` do not.
///
/// Cost: 2 dim num_atoms flops a signal forward, 2 dim an entry backward. `backward_flops`, told
/// the shape alone, counts every entry as active: an upper bound.
///
/// Source: Rajamanoharan et al., "Jumping ahead: improving reconstruction fidelity with JumpReLU
/// sparse autoencoders", 2024; its defaults, for signals of mean square norm 1.
///
/// @code
/// const RandomWeights init{.dim = 8, .num_atoms = 16, .bias = true, .seed = 1};
/// JumpReluEncoder<float> encoder(init, {.threshold = 0.01});
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
/// const Vector<float> thresholds = encoder.thresholds();
/// @endcode
template <Real S>
class JumpReluEncoder {
 public:
  using Scalar = S;
  using Affine = AffineMap<S, WeightOrder::by_atom>;
  using Options = JumpReluOptions;

  /// What `forward` leaves for `backward` and `own_terms`.
  struct Tape {
    SparseCodes<S> codes;                   ///< num_atoms x n, with zeros below the threshold
    Matrix<S> preactivation;                ///< num_atoms x n, work space of `forward`
    SparseCodes<S> preactivation_gradient;  ///< work space of `backward`
    SparseOuterProduct<S> product;          ///< work space of `backward`
  };

  /// @param weights  num_atoms x dim; @param bias  num_atoms, or empty for none.
  /// @throws std::invalid_argument: empty, not finite, a bias of another length, an option out of
  /// range.
  explicit JumpReluEncoder(const Matrix<S>& weights, const Vector<S>& bias = {},
                           JumpReluOptions options = {})
      : options_(checked(options)), map_(weights, bias, start(weights.rows())) {}

  /// Thresholds of their own, num_atoms, above 0.
  JumpReluEncoder(const Matrix<S>& weights, const Vector<S>& bias, const Vector<S>& thresholds,
                  JumpReluOptions options = {})
      : options_(checked(options)), map_(weights, bias, logarithms(thresholds, weights.rows())) {}

  /// Random weights, to be trained. @throws std::invalid_argument for a size or option out of
  /// range.
  explicit JumpReluEncoder(const RandomWeights& init, JumpReluOptions options = {})
      : options_(checked(options)), map_(init, start(init.num_atoms)) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] const Affine& affine() const noexcept { return map_; }
  /// Weights, bias, log_theta.
  [[nodiscard]] ParameterView<S> parameters() { return map_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return map_.parameters(); }
  /// theta, num_atoms.
  [[nodiscard]] Vector<S> thresholds() const { return map_.others().array().exp(); }

  /// Sparse codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] SparseCodes<S> encode(const D& d, const MatrixArg<S>& signals) const {
    map_.check("JumpReluEncoder::encode", d, signals);
    const Vector<S> theta = thresholds();
    return detail::encode_in_blocks<S>("JumpReluEncoder::encode", map_, signals, options_.threads,
                                       [&](const Matrix<S>& preactivation, SparseCodes<S>& codes) {
                                         keep_above(preactivation, theta, codes);
                                       });
  }

  template <Dictionary D>
  const SparseCodes<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    map_.check("JumpReluEncoder::forward", d, signals);
    map_.apply(signals, tape.preactivation, options_.threads);
    const Vector<S> theta = thresholds();
    const Vector<S> lower = theta.array() - half_window();
    keep_above(tape.preactivation, lower, tape.codes, options_.threads);
    for_each_entry(tape.codes, [&](Index i, Index e) {
      S& value = tape.codes.valuePtr()[e];
      if (!(value > theta[i])) value = S(0);
    });
    return tape.codes;
  }

  /// @param code_gradient  of the pattern of the codes that `forward` gave.
  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape,
                const SparseCodes<S>& code_gradient, Vector<S>& gradient) const {
    check_pattern("JumpReluEncoder::backward", tape, code_gradient);
    keep_active(tape.codes, code_gradient, tape.preactivation_gradient);
    map_.backward(signals, tape.preactivation_gradient, gradient, tape.product, options_.threads);
    const Vector<S> theta = thresholds();
    auto log_theta_gradient = gradient.tail(map_.num_atoms());
    const S inverse = static_cast<S>(1 / options_.bandwidth);
    for_each_entry(tape.codes, [&](Index i, Index e) {
      if (in_window(tape.codes.valuePtr()[e], theta[i]))
        log_theta_gradient[i] -= theta[i] * theta[i] * inverse * code_gradient.valuePtr()[e];
    });
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const SparseCodes<S>& code_gradient) const {
    check_pattern("JumpReluEncoder::signal_gradient", tape, code_gradient);
    SparseCodes<S> active;
    keep_active(tape.codes, code_gradient, active);
    return map_.transpose_times(active, options_.threads);
  }

  /// lambda * mean over signals of the number of active entries; its gradient, for the thresholds
  /// alone, is added. See `EncoderWithTerms`.
  template <Dictionary D>
  double own_terms(const D&, const MatrixArg<S>& signals, Tape& tape, double lambda,
                   Vector<S>& gradient) const {
    check_rows("JumpReluEncoder::own_terms", "gradient", gradient.rows(), 1,
               map_.parameters().size(), "parameter vector", map_.parameters().size(), 1);
    if (signals.cols() == 0) return 0;
    const Vector<S> theta = thresholds();
    auto log_theta_gradient = gradient.tail(map_.num_atoms());
    const double weight = lambda / static_cast<double>(signals.cols());
    const S slope = static_cast<S>(weight / options_.bandwidth);
    std::int64_t active = 0;
    for_each_entry(tape.codes, [&](Index i, Index e) {
      const S value = tape.codes.valuePtr()[e];
      if (value > S(0)) ++active;
      if (in_window(value, theta[i])) log_theta_gradient[i] -= theta[i] * slope;
    });
    return weight * static_cast<double>(active);
  }

  template <Dictionary D>
  [[nodiscard]] std::int64_t forward_flops(const D&) const {
    return map_.flops();
  }
  template <Dictionary D>
  [[nodiscard]] std::int64_t backward_flops(const D&) const {
    return map_.flops() + 6 * map_.num_atoms();
  }

 private:
  [[nodiscard]] S half_window() const { return static_cast<S>(options_.bandwidth / 2); }

  /// Of an entry that `forward` kept: those of 0 are in the window's lower half.
  [[nodiscard]] bool in_window(S value, S theta) const { return value < theta + half_window(); }

  /// Calls `visit(row, position)` for the stored entries, those of 0 among them.
  template <class Visit>
  static void for_each_entry(const SparseCodes<S>& codes, Visit&& visit) {
    for (Index e = 0; e < codes.nonZeros(); ++e) visit(codes.innerIndexPtr()[e], e);
  }

  /// The gradient where the code is active, 0 in the other places of its pattern.
  static void keep_active(const SparseCodes<S>& codes, const SparseCodes<S>& code_gradient,
                          SparseCodes<S>& kept) {
    kept = code_gradient;
    for (Index e = 0; e < codes.nonZeros(); ++e)
      if (!(codes.valuePtr()[e] > S(0))) kept.valuePtr()[e] = S(0);
  }

  static void check_pattern(const char* where, const Tape& tape,
                            const SparseCodes<S>& code_gradient) {
    check_same_shape(where, "codes", tape.codes, "code gradients", code_gradient);
    require(tape.codes.nonZeros() == code_gradient.nonZeros(), where,
            "codes have " + std::to_string(tape.codes.nonZeros()) + " entries, code gradients " +
                std::to_string(code_gradient.nonZeros()) + ": expected one pattern");
  }

  [[nodiscard]] static JumpReluOptions checked(JumpReluOptions options) {
    require(options.threshold > 0 && std::isfinite(options.threshold), "JumpReluEncoder",
            "threshold must be positive and finite, is " + text_of(options.threshold));
    require(options.bandwidth > 0 && std::isfinite(options.bandwidth), "JumpReluEncoder",
            "bandwidth must be positive and finite, is " + text_of(options.bandwidth));
    detail::check_threads("JumpReluEncoder", options.threads);
    return options;
  }

  [[nodiscard]] Vector<S> start(Index num_atoms) const {
    return Vector<S>::Constant(std::max<Index>(0, num_atoms),
                               static_cast<S>(std::log(options_.threshold)));
  }

  [[nodiscard]] static Vector<S> logarithms(const Vector<S>& thresholds, Index num_atoms) {
    require(thresholds.size() == num_atoms, "JumpReluEncoder",
            std::to_string(thresholds.size()) + " thresholds for " + std::to_string(num_atoms) +
                " atoms");
    require(num_atoms == 0 || (thresholds.minCoeff() > S(0) && thresholds.allFinite()),
            "JumpReluEncoder", "thresholds must be positive and finite");
    return thresholds.array().log();
  }

  JumpReluOptions options_;
  Affine map_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_JUMP_RELU_HPP
