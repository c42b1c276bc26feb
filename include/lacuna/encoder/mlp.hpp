// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_MLP_HPP
#define LACUNA_ENCODER_MLP_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/operator/column_passes.hpp>
#include <lacuna/operator/signal_groups.hpp>

namespace lacuna {

/// Options of `MlpEncoder`.
struct MlpOptions {
  std::vector<Index> hidden = {256};  ///< widths of the hidden layers, first to last
  Index threads = 1;                  ///< 0 for all cores; equal bits at any number
};

/// The multilayer perceptron: a_0 = x, a_l = max(W_l a_(l-1) + b_l, 0), and the codes are the last.
/// Dense codes; without a hidden layer a `LinearReluEncoder`. Models `RectifiedEncoderFor` every
/// dictionary of its element type and shape.
///
/// Each layer begins as a linear layer usually does: weights, and biases where
/// `RandomWeights::bias` asks for them, uniform in +-1/sqrt(its inputs). The seed paper has biases
/// where the codes are known and none where they are learned.
///
/// Cost: 2 flops a weight and signal forward; backward 4, less the 2 of the first layer.
///
/// Source: O'Neill, Gumran & Klindt 2025, section 4.
///
/// @code
/// const RandomWeights init{.dim = 8, .num_atoms = 16, .bias = true, .seed = 1};
/// MlpEncoder<float> encoder(init, {.hidden = {256}});
/// const Matrix<float> codes = encoder.encode(dictionary, signals);
/// @endcode
template <Real S>
class MlpEncoder {
 public:
  using Scalar = S;
  using Options = MlpOptions;

  /// What `forward` leaves for `backward`.
  struct Tape {
    std::vector<Matrix<S>> hidden;     ///< a_l, width x n; rows beneath, if any, mean nothing
    Matrix<S> codes;                   ///< num_atoms x n
    Matrix<S> code_gradient;           ///< work space of `backward`, num_atoms x n
    std::vector<Matrix<S>> gradients;  ///< the same of hidden layers, of a group of signals
  };

  /// Random weights, to be trained. @throws std::invalid_argument for a size or width below 1.
  explicit MlpEncoder(const RandomWeights& init, MlpOptions options = {})
      : options_(std::move(options)) {
    detail::check_threads("MlpEncoder", options_.threads);
    std::vector<Index> widths = options_.hidden;
    widths.push_back(init.num_atoms);
    std::vector<AffineMap<S>> layers;
    Index inputs = init.dim;
    for (std::size_t l = 0; l < widths.size(); ++l) {
      require(l + 1 == widths.size() || widths[l] >= 1, "MlpEncoder",
              "hidden widths must be at least 1, one is " + std::to_string(widths[l]));
      layers.emplace_back(RandomWeights{.dim = inputs,
                                        .num_atoms = widths[l],
                                        .bias = init.bias,
                                        .seed = derive_seed(init.seed, l)});
      inputs = widths[l];
    }
    join(layers);
  }

  /// @param weights  of each layer, width x inputs; @param biases  of each layer, or none at all.
  /// @throws std::invalid_argument: none, empty, not finite, layers that do not follow each other.
  explicit MlpEncoder(const std::vector<Matrix<S>>& weights,
                      const std::vector<Vector<S>>& biases = {}, AmortisedOptions options = {})
      : options_{{}, options.threads} {
    detail::check_threads("MlpEncoder", options.threads);
    require(!weights.empty(), "MlpEncoder", "no layers");
    require(biases.empty() || biases.size() == weights.size(), "MlpEncoder",
            std::to_string(weights.size()) + " layers and " + std::to_string(biases.size()) +
                " biases");
    std::vector<AffineMap<S>> layers;
    for (std::size_t l = 0; l < weights.size(); ++l) {
      if (l > 0)
        require(weights[l].cols() == weights[l - 1].rows(), "MlpEncoder",
                "layer " + std::to_string(l) + " is " +
                    shape_of(weights[l].rows(), weights[l].cols()) + ", the one before " +
                    shape_of(weights[l - 1].rows(), weights[l - 1].cols()));
      layers.emplace_back(weights[l], biases.empty() ? Vector<S>() : biases[l]);
      if (l + 1 < weights.size()) options_.hidden.push_back(weights[l].rows());
    }
    join(layers);
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t num_layers() const noexcept { return layers_.size(); }
  /// W_l, width x inputs, l below `num_layers()`.
  [[nodiscard]] Eigen::Map<const Matrix<S>> weights(std::size_t l) const {
    return {parameters_.data() + layers_[l].begin, layers_[l].width, layers_[l].inputs};
  }
  /// b_l, width or empty.
  [[nodiscard]] ConstParameterView<S> bias(std::size_t l) const {
    return {parameters_.data() + layers_[l].begin + layers_[l].width * layers_[l].inputs,
            layers_[l].has_bias ? layers_[l].width : 0};
  }
  /// Of each layer in turn, weights (column by column) and bias.
  [[nodiscard]] ParameterView<S> parameters() { return {parameters_.data(), parameters_.size()}; }
  [[nodiscard]] ConstParameterView<S> parameters() const {
    return {parameters_.data(), parameters_.size()};
  }

  /// Codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<S> encode(const D& d, const MatrixArg<S>& signals) const {
    check("MlpEncoder::encode", d, signals);
    Matrix<S> codes(num_atoms(), signals.cols());
    // In blocks of signals, so that hidden layers of all of them do not come to be.
    const Index block_size = std::clamp<Index>((Index{1} << 20) / widest_, 256, 1024);
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      Tape tape;
      run(signals.middleCols(block.begin, block.count), tape, 1);
      codes.middleCols(block.begin, block.count) = tape.codes;
    });
    return codes;
  }

  template <Dictionary D>
  const Matrix<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    check("MlpEncoder::forward", d, signals);
    run(signals, tape, options_.threads);
    return tape.codes;
  }

  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape, const Matrix<S>& code_gradient,
                Vector<S>& gradient) const {
    check_same_shape("MlpEncoder::backward", "codes", tape.codes, "code gradients", code_gradient);
    detail::mask_by_codes(tape.codes, code_gradient, tape.code_gradient, options_.threads);
    backward_from(signals, tape, tape.code_gradient, gradient);
  }

  /// The same of the gradient of the last layer's W a + b, num_atoms x n, which is 0 where the code
  /// is.
  template <Dictionary D>
  void backward_rectified(const D&, const MatrixArg<S>& signals, Tape& tape,
                          const Matrix<S>& preactivation_gradient, Vector<S>& gradient) const {
    check_same_shape("MlpEncoder::backward_rectified", "codes", tape.codes,
                     "preactivation gradients", preactivation_gradient);
    backward_from(signals, tape, preactivation_gradient, gradient);
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const Matrix<S>& code_gradient) const {
    check_same_shape("MlpEncoder::signal_gradient", "codes", tape.codes, "code gradients",
                     code_gradient);
    Matrix<S> last, result(dim(), code_gradient.cols());
    detail::mask_by_codes(tape.codes, code_gradient, last, options_.threads);
    const detail::SignalGroups order = groups(last.cols());
    order.for_each_part(options_.threads, [&](Block part, Index threads) {
      std::vector<Matrix<S>> gradients;
      order.for_each_group(part, [&](Block group) {
        propagate(tape, last, group, gradients, threads);
        auto columns = result.middleCols(group.begin, group.count);
        blocked_product(weights(0).transpose(), gradient_of(0, last, group, gradients), columns,
                        threads);
      });
    });
    return result;
  }

  template <Dictionary D>
  [[nodiscard]] std::int64_t forward_flops(const D&) const {
    std::int64_t flops = 0;
    for (const Layer& layer : layers_)
      flops += 2 * layer.width * layer.inputs + (layer.has_bias ? layer.width : 0);
    return flops;
  }
  template <Dictionary D>
  [[nodiscard]] std::int64_t backward_flops(const D& d) const {
    std::int64_t flops = forward_flops(d);
    for (std::size_t l = 1; l < layers_.size(); ++l)
      flops += 2 * layers_[l].width * layers_[l].inputs;
    return flops;
  }

 private:
  struct Layer {
    Index begin;  ///< of its weights among the parameters
    Index width;
    Index inputs;
    bool has_bias;
  };

  void join(const std::vector<AffineMap<S>>& layers) {
    Index size = 0;
    for (const AffineMap<S>& layer : layers) {
      layers_.push_back({size, layer.num_atoms(), layer.dim(), layer.has_bias()});
      size += layer.parameters().size();
      widest_ = std::max(widest_, layer.num_atoms());
    }
    parameters_.resize(size);
    for (std::size_t l = 0; l < layers.size(); ++l)
      parameters_.segment(layers_[l].begin, layers[l].parameters().size()) = layers[l].parameters();
  }

  [[nodiscard]] Index dim() const { return layers_.front().inputs; }
  [[nodiscard]] Index num_atoms() const { return layers_.back().width; }

  template <class D>
  void check(const char* where, const D& d, const MatrixArg<S>& signals) const {
    detail::check_amortised<S>(where, dim(), num_atoms(), d, signals);
  }

  using Columns = Eigen::Block<const Matrix<S>>;
  using AnyColumns = typename detail::StridedMatrix<S>::ByColumns;

  /// In groups where the products of every layer are small ones, forward and backward.
  [[nodiscard]] detail::SignalGroups groups(Index n) const {
    Index all_widths = 0;
    for (const Layer& layer : layers_) {
      const bool first = layer.begin == 0, last = &layer == &layers_.back();
      if (!detail::is_small_outer_product<S>(
              layer.width, layer.inputs,
              last ? layer.width : detail::spread_rows<S>(layer.width),
              first ? layer.inputs : detail::spread_rows<S>(layer.inputs)))
        return detail::SignalGroups::one(n);
      all_widths += layer.width;
    }
    return detail::SignalGroups::cached(n, all_widths, parameters_.size());
  }

  void run(const MatrixArg<S>& signals, Tape& tape, Index threads) const {
    const Index n = signals.cols();
    const detail::SignalGroups order = groups(n);
    tape.hidden.resize(layers_.size() - 1);
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l)
      tape.hidden[l].resize(detail::spread_rows<S>(layers_[l].width), n);
    tape.codes.resize(num_atoms(), n);
    order.for_each_part(threads, [&](Block part, Index part_threads) {
      order.for_each_group(part, [&](Block group) {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
          Matrix<S>& all = l + 1 == layers_.size() ? tape.codes : tape.hidden[l];
          auto out = all.block(0, group.begin, layers_[l].width, group.count);
          detail::blocked_product_then(
              S(1), weights(l), inputs_of(l, signals, tape, group), out,
              detail::AddBiasAndRectify<S>{layers_[l].has_bias ? bias(l).data() : nullptr},
              part_threads);
        }
      });
    });
  }

  /// a_(l-1) of a group.
  [[nodiscard]] AnyColumns inputs_of(std::size_t l, const MatrixArg<S>& signals, const Tape& tape,
                                     Block group) const {
    const S* data = l == 0 ? signals.data() : tape.hidden[l - 1].data();
    const Index stride = l == 0 ? signals.outerStride() : tape.hidden[l - 1].rows();
    return {data + group.begin * stride, layers_[l].inputs, group.count,
            Eigen::OuterStride<>(stride)};
  }

  /// dL/d(W_l a_(l-1) + b_l) of a group, whose signals alone `gradients` holds, and `last` all.
  [[nodiscard]] Columns gradient_of(std::size_t l, const Matrix<S>& last, Block group,
                                    const std::vector<Matrix<S>>& gradients) const {
    if (l + 1 == layers_.size()) return last.block(0, group.begin, layers_[l].width, group.count);
    return gradients[l].block(0, 0, layers_[l].width, group.count);
  }

  /// Makes the gradients of a group's hidden layers from those of the last layer.
  void propagate(const Tape& tape, const Matrix<S>& last, Block group,
                 std::vector<Matrix<S>>& gradients, Index threads) const {
    gradients.resize(layers_.size() - 1);
    for (std::size_t l = layers_.size() - 1; l > 0; --l) {
      const Index width = layers_[l - 1].width;
      const Columns activations = tape.hidden[l - 1].block(0, group.begin, width, group.count);
      gradients[l - 1].resize(detail::spread_rows<S>(width), group.count);
      auto below = gradients[l - 1].block(0, 0, width, group.count);
      detail::blocked_product_then(
          S(1), weights(l).transpose(), gradient_of(l, last, group, gradients), below,
          detail::MaskByCodes<S>{detail::Beside<S>(activations)}, threads);
    }
  }

  /// gradient = dL/dparameters, for `last` = dL/d(W_l a_(l-1) + b_l) of the last layer.
  void backward_from(const MatrixArg<S>& signals, Tape& tape, const Matrix<S>& last,
                     Vector<S>& gradient) const {
    require(signals.rows() == dim() && signals.cols() == last.cols(), "MlpEncoder::backward",
            "signals are " + shape_of(signals.rows(), signals.cols()) + ", those of the tape " +
                shape_of(dim(), last.cols()));
    const detail::SignalGroups order = groups(last.cols());
    gradient.setZero(parameters_.size());
    if (order.num_parts() == 1) {
      add_gradient(signals, tape, last, order, {0, order.count, 0}, gradient, tape.gradients,
                   options_.threads);
      return;
    }
    Matrix<S> sums = Matrix<S>::Zero(parameters_.size(), order.num_parts());
    order.for_each_part(options_.threads, [&](Block part, Index threads) {
      std::vector<Matrix<S>> gradients;
      add_gradient(signals, tape, last, order, part, sums.col(part.index), gradients, threads);
    });
    gradient = sums.rowwise().sum();
  }

  /// sum += dL/dparameters of a part.
  void add_gradient(const MatrixArg<S>& signals, const Tape& tape, const Matrix<S>& last,
                    const detail::SignalGroups& order, Block part, Eigen::Ref<Vector<S>> sum,
                    std::vector<Matrix<S>>& gradients, Index threads) const {
    const auto add_bias = [&](std::size_t l, const Columns& g) {
      const Layer& layer = layers_[l];
      if (layer.has_bias)
        detail::add_row_sums<S>(
            g, sum.segment(layer.begin + layer.width * layer.inputs, layer.width), threads);
    };
    order.for_each_group(part, [&](Block group) {
      propagate(tape, last, group, gradients, threads);
      for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Layer& layer = layers_[l];
        const Columns g = gradient_of(l, last, group, gradients);
        Eigen::Map<Matrix<S>> by_weights(sum.data() + layer.begin, layer.width, layer.inputs);
        add_blocked_product(S(1), g, inputs_of(l, signals, tape, group).transpose(), by_weights,
                            threads);
        if (l + 1 < layers_.size()) add_bias(l, g);
      }
    });
    add_bias(layers_.size() - 1, last.block(0, part.begin, last.rows(), part.count));
  }

  MlpOptions options_;
  std::vector<Layer> layers_;
  Index widest_ = 1;
  Vector<S> parameters_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_MLP_HPP
