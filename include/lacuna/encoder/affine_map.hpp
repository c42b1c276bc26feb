// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_AFFINE_MAP_HPP
#define LACUNA_ENCODER_AFFINE_MAP_HPP

#include <cmath>
#include <cstdint>
#include <utility>

#include <lacuna/core/check.hpp>
#include <lacuna/core/random.hpp>

namespace lacuna {

/// How an amortised encoder begins: weights, and bias if there is one, uniform in +-1/sqrt(dim), the
/// usual start of a linear layer. Weight (i, j) comes from stream j of the seed, the bias from stream dim.
struct RandomWeights {
  Index dim;
  Index num_atoms;
  bool bias = false;
  std::uint64_t seed = 0;
};

/// x -> W x + b, the linear part of an amortised encoder: W num_atoms x dim, b num_atoms or absent.
/// Weights (column by column) and bias are one flat vector, so that optimisers, checks and files see one.
template <Real S>
class AffineMap {
 public:
  using Scalar = S;

  /// @param weights  num_atoms x dim, at least 1 x 1; @param bias  num_atoms, or empty for none.
  /// @throws std::invalid_argument: empty, not finite, or a bias of another length.
  explicit AffineMap(const Matrix<S>& weights, const Vector<S>& bias = {})
      : num_atoms_(weights.rows()), dim_(weights.cols()), has_bias_(bias.size() > 0) {
    require(weights.size() > 0, "AffineMap",
            "no weights (" + shape_of(weights.rows(), weights.cols()) + ")");
    check_finite<S>("AffineMap", "weights", weights);
    check_finite<S>("AffineMap", "bias", bias);
    if (has_bias_)
      check_rows("AffineMap", "biases", bias.rows(), 1, num_atoms_, "weight matrix", num_atoms_,
                 dim_);
    parameters_.resize(weights.size() + bias.size());
    parameters_ << weights.reshaped(), bias;
  }

  /// @throws std::invalid_argument unless dim and num_atoms are at least 1.
  explicit AffineMap(const RandomWeights& init)
      : num_atoms_(init.num_atoms), dim_(init.dim), has_bias_(init.bias) {
    require(init.dim >= 1 && init.num_atoms >= 1, "RandomWeights",
            "dim and num_atoms must be at least 1, are " + std::to_string(init.dim) + " and " +
                std::to_string(init.num_atoms));
    parameters_.resize(num_atoms_ * (dim_ + (has_bias_ ? 1 : 0)));
    const double bound = 1 / std::sqrt(static_cast<double>(dim_));
    for (Index j = 0; j * num_atoms_ < parameters_.size(); ++j) {
      RandomStream random(init.seed, static_cast<std::uint64_t>(j));
      for (Index i = 0; i < num_atoms_; ++i)
        parameters_[j * num_atoms_ + i] =
            static_cast<S>(bound * (2 * random.uniform<double>() - 1));
    }
  }

  [[nodiscard]] Index dim() const noexcept { return dim_; }
  [[nodiscard]] Index num_atoms() const noexcept { return num_atoms_; }
  [[nodiscard]] bool has_bias() const noexcept { return has_bias_; }

  [[nodiscard]] Eigen::Map<const Matrix<S>> weights() const {
    return {parameters_.data(), num_atoms_, dim_};
  }
  [[nodiscard]] ConstParameterView<S> bias() const {
    return {parameters_.data() + num_atoms_ * dim_, has_bias_ ? num_atoms_ : 0};
  }
  [[nodiscard]] ParameterView<S> parameters() {
    return {parameters_.data(), parameters_.size()};
  }
  [[nodiscard]] ConstParameterView<S> parameters() const {
    return {parameters_.data(), parameters_.size()};
  }

  /// out = W x + b, num_atoms x n; out keeps its memory from call to call.
  void apply(const MatrixArg<S>& signals, Matrix<S>& out) const {
    out.resize(num_atoms_, signals.cols());
    out.noalias() = weights() * signals;
    if (has_bias_) out.colwise() += bias();
  }

  /// gradient = [g x^T, row sums of g] for g = dL/d(W x + b), dense, num_atoms x n.
  void backward(const MatrixArg<S>& signals, const Matrix<S>& g, Vector<S>& gradient) const {
    gradient.resize(parameters_.size());
    Eigen::Map<Matrix<S>>(gradient.data(), num_atoms_, dim_).noalias() = g * signals.transpose();
    if (has_bias_) gradient.tail(num_atoms_) = g.rowwise().sum();
  }

  /// The same for sparse g, at 2 dim flops an active entry.
  void backward(const MatrixArg<S>& signals, const SparseCodes<S>& g, Vector<S>& gradient) const {
    // Built atom by atom as dim x num_atoms, where a row of W is contiguous, and transposed once.
    Matrix<S> transposed = Matrix<S>::Zero(dim_, num_atoms_);
    gradient.setZero(parameters_.size());
    for (Index j = 0; j < g.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(g, j); entry; ++entry) {
        transposed.col(entry.row()) += entry.value() * signals.col(j);
        if (has_bias_) gradient[num_atoms_ * dim_ + entry.row()] += entry.value();
      }
    Eigen::Map<Matrix<S>>(gradient.data(), num_atoms_, dim_) = transposed.transpose();
  }

  /// Refuses signals and dictionaries of another shape, and signals that are not finite.
  template <class D>
  void check(const char* where, const D& d, const MatrixArg<S>& signals) const {
    require(d.dim() == dim_ && d.num_atoms() == num_atoms_, where,
            "the encoder is for a dictionary of " + shape_of(dim_, num_atoms_) +
                ", the dictionary is " + shape_of(d.dim(), d.num_atoms()));
    check_signals(where, d, signals);
    check_finite<S>(where, "signals", signals);
  }

  /// Audited flops of `apply`, a signal.
  [[nodiscard]] std::int64_t flops() const noexcept {
    return std::int64_t{2} * num_atoms_ * dim_ + (has_bias_ ? num_atoms_ : 0);
  }

 private:
  Index num_atoms_;
  Index dim_;
  bool has_bias_;
  Vector<S> parameters_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_AFFINE_MAP_HPP
