// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_BATCH_TOP_K_HPP
#define LACUNA_ENCODER_BATCH_TOP_K_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/encoder/encode_in_blocks.hpp>
#include <lacuna/operator/keep_above.hpp>
#include <lacuna/operator/keep_largest.hpp>

namespace lacuna {

/// Options of `BatchTopKEncoder`.
struct BatchTopKOptions {
  double decay = 0.999;  ///< of the threshold's running mean; 1: the plain mean of all batches
  Index threads = 1;     ///< 0 for all cores; the answer has the same bits at any number
};

/// The BatchTopK encoder: of max(W x + b, 0) of a whole batch of n signals the k n largest entries,
/// as sparse codes, so that a signal may have more than k active entries and another fewer. Models
/// `DifferentiableEncoderFor` every dictionary of its element type and shape, and
/// `EncoderWithStatistics`.
///
/// That is `forward`. `encode` may not look at other signals: it keeps what is above one threshold,
/// the mean over the batches of training of the smallest entry that was kept. `update_statistics`
/// takes a batch into this mean, which forgets as `decay` says, because the weights move on; before
/// the first the threshold is 0, and `encode` is a ReLU. A batch of no entry says nothing.
///
/// Of equal entries the first, column by column, wins. The gradient flows through the kept entries
/// alone. Cost: 2 dim num_atoms flops a signal forward, 2 dim k backward.
///
/// Source: Bussmann, Leask & Nanda, "BatchTopK sparse autoencoders", 2024.
///
/// @code
/// BatchTopKEncoder<float> encoder(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 1}, 3);
/// BatchTopKEncoder<float>::Tape tape;
/// encoder.forward(dictionary, batch, tape);  // 3 entries a signal, on average
/// encoder.update_statistics(tape);
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);  // by its threshold
/// @endcode
template <Real S>
class BatchTopKEncoder {
 public:
  using Scalar = S;
  using Affine = AffineMap<S, WeightOrder::by_atom>;
  using Options = BatchTopKOptions;

  /// What `forward` leaves for `backward` and `update_statistics`.
  struct Tape {
    SparseCodes<S> codes;           ///< num_atoms x n
    Matrix<S> preactivation;        ///< num_atoms x n, work space of `forward`
    SelectLargest<S> select{0};     ///< work space of `forward`
    SparseOuterProduct<S> product;  ///< work space of `backward`
  };

  /// @param weights  num_atoms x dim; @param k  at least 1; @param bias  num_atoms, or empty for
  /// none.
  /// @throws std::invalid_argument: empty, not finite, a bias of another length, an option out of
  /// range.
  BatchTopKEncoder(const Matrix<S>& weights, Index k, const Vector<S>& bias = {},
                   BatchTopKOptions options = {})
      : map_(weights, bias), k_(checked(k)), options_(checked(options)) {}

  /// Random weights, to be trained. @throws std::invalid_argument for a size or option out of
  /// range.
  BatchTopKEncoder(const RandomWeights& init, Index k, BatchTopKOptions options = {})
      : map_(init), k_(checked(k)), options_(checked(options)) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] Index k() const noexcept { return k_; }
  /// For a schedule of k. @throws std::invalid_argument for k below 1.
  void set_k(Index k) { k_ = checked(k); }
  [[nodiscard]] const Affine& affine() const noexcept { return map_; }
  [[nodiscard]] ParameterView<S> parameters() { return map_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return map_.parameters(); }

  /// What `encode` keeps is above this.
  [[nodiscard]] double threshold() const noexcept { return threshold_; }

  /// Takes the last batch of `forward` into the threshold.
  void update_statistics(const Tape& tape) {
    if (tape.codes.nonZeros() == 0) return;
    const S* values = tape.codes.valuePtr();
    const S smallest = *std::min_element(values, values + tape.codes.nonZeros());
    // The weight of the newest in a mean of weights decay^age: 1/batches where nothing is
    // forgotten.
    batches_ += 1;
    const double weight = options_.decay < 1
                              ? (1 - options_.decay) / (1 - std::pow(options_.decay, batches_))
                              : 1 / batches_;
    threshold_ += weight * (static_cast<double>(smallest) - threshold_);
  }

  /// The threshold and the number of batches that it is the mean of.
  [[nodiscard]] Vector<double> statistics() const { return Vector<double>{{threshold_, batches_}}; }

  /// A threshold of its own, say from a file, is {threshold, 1}.
  /// @throws std::invalid_argument unless two finite numbers, at least 0.
  void set_statistics(const Vector<double>& statistics) {
    require(statistics.size() == 2 && statistics.allFinite() && statistics.minCoeff() >= 0,
            "BatchTopKEncoder",
            "statistics must be a threshold and a number of batches, finite and at least 0");
    threshold_ = statistics[0];
    batches_ = statistics[1];
  }

  /// Sparse codes, num_atoms x n: the entries above `threshold()`. @throws std::invalid_argument:
  /// shape, NaN.
  template <Dictionary D>
  [[nodiscard]] SparseCodes<S> encode(const D& d, const MatrixArg<S>& signals) const {
    map_.check("BatchTopKEncoder::encode", d, signals);
    const Vector<S> thresholds = Vector<S>::Constant(map_.num_atoms(), static_cast<S>(threshold_));
    return detail::encode_in_blocks<S>("BatchTopKEncoder::encode", map_, signals, options_.threads,
                                       [&](const Matrix<S>& preactivation, SparseCodes<S>& codes) {
                                         keep_above(preactivation, thresholds, codes);
                                       });
  }

  /// The codes of a batch in training: k n entries of all signals together.
  template <Dictionary D>
  const SparseCodes<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    map_.check("BatchTopKEncoder::forward", d, signals);
    map_.apply(signals, tape.preactivation, options_.threads);
    keep_largest_positive_of_batch(tape.preactivation, k_, tape.codes, tape.select);
    return tape.codes;
  }

  /// @param code_gradient  of the pattern of the codes.
  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape,
                const SparseCodes<S>& code_gradient, Vector<S>& gradient) const {
    check_same_shape("BatchTopKEncoder::backward", "codes", tape.codes, "code gradients",
                     code_gradient);
    map_.backward(signals, code_gradient, gradient, tape.product, options_.threads);
  }

  /// The same by parts, for an optimiser that takes them: `use(begin, part of the gradient)`, each
  /// once, on threads.
  template <Dictionary D, class Use>
  void backward_by_parts(const D&, const MatrixArg<S>& signals, Tape& tape,
                         const SparseCodes<S>& code_gradient, const Use& use) const {
    check_same_shape("BatchTopKEncoder::backward_by_parts", "codes", tape.codes, "code gradients",
                     code_gradient);
    map_.backward_by_parts(signals, code_gradient, tape.product, use, options_.threads);
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const SparseCodes<S>& code_gradient) const {
    check_same_shape("BatchTopKEncoder::signal_gradient", "codes", tape.codes, "code gradients",
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
  [[nodiscard]] static Index checked(Index k) {
    require(k >= 1, "BatchTopKEncoder", "k must be at least 1, is " + std::to_string(k));
    return k;
  }
  [[nodiscard]] static BatchTopKOptions checked(BatchTopKOptions options) {
    require(options.decay >= 0 && options.decay <= 1, "BatchTopKEncoder",
            "decay must be in [0, 1], is " + text_of(options.decay));
    detail::check_threads("BatchTopKEncoder", options.threads);
    return options;
  }

  Affine map_;
  Index k_;
  BatchTopKOptions options_;
  double threshold_ = 0;
  double batches_ = 0;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_BATCH_TOP_K_HPP
