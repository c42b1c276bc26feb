// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_TOP_K_HPP
#define LACUNA_ENCODER_TOP_K_HPP

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <lacuna/concepts/dictionary.hpp>
#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/operator/keep_largest.hpp>

namespace lacuna {

/// The TopK encoder: of max(W x + b, 0) the k largest entries, as sparse codes. Models
/// `DifferentiableEncoderFor` every dictionary of its element type and shape.
///
/// A code has at most k active entries: fewer where fewer pre-activations are above 0. Of equal entries
/// the lower atom wins. k above num_atoms is num_atoms. The gradient flows through the kept entries alone.
/// Cost: 2 dim num_atoms flops a signal forward, 2 dim k backward.
///
/// Source: Makhzani & Frey, "k-Sparse autoencoders", 2014; Gao et al., "Scaling and evaluating sparse
/// autoencoders", 2024.
///
/// @code
/// TopKEncoder<float> encoder(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 1}, 3);
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
/// @endcode
template <Real S>
class TopKEncoder {
 public:
  using Scalar = S;

  /// What `forward` leaves for `backward`.
  struct Tape {
    SparseCodes<S> codes;     ///< num_atoms x n
    Matrix<S> preactivation;  ///< num_atoms x n, work space of `forward`
  };

  /// @param weights  num_atoms x dim; @param k  at least 1; @param bias  num_atoms, or empty for none.
  /// @throws std::invalid_argument: empty, not finite, a bias of another length, k below 1.
  TopKEncoder(const Matrix<S>& weights, Index k, const Vector<S>& bias = {})
      : map_(weights, bias), k_(checked(k)) {}

  /// Random weights, to be trained. @throws std::invalid_argument for a size or k below 1.
  TopKEncoder(const RandomWeights& init, Index k) : map_(init), k_(checked(k)) {}

  [[nodiscard]] Index k() const noexcept { return k_; }
  [[nodiscard]] const AffineMap<S>& affine() const noexcept { return map_; }
  [[nodiscard]] ParameterView<S> parameters() { return map_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return map_.parameters(); }

  /// Sparse codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] SparseCodes<S> encode(const D& d, const MatrixArg<S>& signals) const {
    map_.check("TopKEncoder::encode", d, signals);
    const Index num_atoms = map_.num_atoms(), n = signals.cols();
    const Index most = std::min(k_, num_atoms);
    check_size(most, n);
    // Block by block, so that no pre-activations num_atoms x n come to be.
    const Index block_size = std::clamp<Index>((Index{1} << 18) / num_atoms, 16, n + 16);
    SparseCodes<S> codes(num_atoms, n);
    codes.reserve(most * n);
    Tape tape;
    for (Index begin = 0; begin < n; begin += block_size) {
      const Index count = std::min(block_size, n - begin);
      map_.apply(signals.middleCols(begin, count), tape.preactivation);
      keep_largest_positive(tape.preactivation, k_, tape.codes);
      for (Index j = 0; j < count; ++j) {
        codes.startVec(begin + j);
        for (typename SparseCodes<S>::InnerIterator entry(tape.codes, j); entry; ++entry)
          codes.insertBack(entry.row(), begin + j) = entry.value();
      }
    }
    codes.finalize();
    return codes;
  }

  template <Dictionary D>
  const SparseCodes<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    map_.check("TopKEncoder::forward", d, signals);
    check_size(std::min(k_, map_.num_atoms()), signals.cols());
    map_.apply(signals, tape.preactivation);
    keep_largest_positive(tape.preactivation, k_, tape.codes);
    return tape.codes;
  }

  /// @param code_gradient  of the pattern of the codes.
  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape,
                const SparseCodes<S>& code_gradient, Vector<S>& gradient) const {
    check_same_shape("TopKEncoder::backward", "codes", tape.codes, "code gradients",
                     code_gradient);
    map_.backward(signals, code_gradient, gradient);
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const SparseCodes<S>& code_gradient) const {
    check_same_shape("TopKEncoder::signal_gradient", "codes", tape.codes, "code gradients",
                     code_gradient);
    Matrix<S> result = Matrix<S>::Zero(map_.dim(), code_gradient.cols());
    for (Index j = 0; j < code_gradient.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(code_gradient, j); entry; ++entry)
        result.col(j) += entry.value() * map_.weights().row(entry.row()).transpose();
    return result;
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
  static void check_size(Index most, Index n) {
    require(n == 0 || most <= std::numeric_limits<int>::max() / n, "TopKEncoder",
            std::to_string(n) + " signals of up to " + std::to_string(most) +
                " entries exceed the 2^31 of sparse codes: encode them in parts");
  }

  [[nodiscard]] static Index checked(Index k) {
    require(k >= 1, "TopKEncoder", "k must be at least 1, is " + std::to_string(k));
    return k;
  }

  AffineMap<S> map_;
  Index k_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_TOP_K_HPP
