// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_AFFINE_MAP_HPP
#define LACUNA_ENCODER_AFFINE_MAP_HPP

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lacuna/concepts/dictionary.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/column_passes.hpp>
#include <lacuna/operator/sparse_outer_product.hpp>
#include <lacuna/operator/zero_skipping_product.hpp>

namespace lacuna {

/// How an amortised encoder begins: weights, and bias if there is one, uniform in +-1/sqrt(dim),
/// the usual start of a linear layer. Weight (i, j) comes from stream j of the seed, the bias from
/// stream dim.
struct RandomWeights {
  Index dim;
  Index num_atoms;
  bool bias = false;
  std::uint64_t seed = 0;
};

/// Options of the amortised encoders that have no others.
struct AmortisedOptions {
  Index threads = 1;  ///< 0 for all cores; the answer has the same bits at any number
};

/// D^T, num_atoms x dim: the tied start of an encoder's weights, which correlates with the atoms.
///
/// @code
/// LinearReluEncoder<float> encoder(tied_weights(dictionary));
/// @endcode
template <Dictionary D>
[[nodiscard]] Matrix<ScalarOf<D>> tied_weights(const D& d) {
  return d.correlate(Matrix<ScalarOf<D>>::Identity(d.dim(), d.dim()));
}

namespace detail {

inline void check_threads(const char* where, Index threads) {
  require(threads >= 0, where, "threads must be at least 0, is " + std::to_string(threads));
}

/// Refuses signals and dictionaries of another shape than the encoder's, and signals that are not
/// finite.
template <Real S, class D>
void check_amortised(const char* where, Index dim, Index num_atoms, const D& d,
                     const MatrixArg<S>& signals) {
  require(d.dim() == dim && d.num_atoms() == num_atoms, where,
          "the encoder is for a dictionary of " + shape_of(dim, num_atoms) +
              ", the dictionary is " + shape_of(d.dim(), d.num_atoms()));
  check_signals(where, d, signals);
  check_finite<S>(where, "signals", signals);
}

}  // namespace detail

/// How the weights num_atoms x dim of an encoder lie in memory: column by column, all of one entry
/// of the signals side by side; or all of one atom, as the atoms of a dictionary do.
enum class WeightOrder { by_input, by_atom };

/// x -> W x + b, the linear part of an amortised encoder: W num_atoms x dim, b num_atoms or absent.
/// Weights (in their order), bias and what else the encoder learns are one flat vector in this
/// order, so that optimisers, checks and files see one.
///
/// The threads of its members are 0 for all cores; the bits are the same at any number.
///
/// @tparam order  by_atom for encoders of sparse codes: the weights of the few active atoms are
/// read, and their gradients written, in one stream each.
template <Real S, WeightOrder order = WeightOrder::by_input>
class AffineMap {
  static constexpr bool by_atom = order == WeightOrder::by_atom;
  static constexpr int storage = by_atom ? Eigen::RowMajor : Eigen::ColMajor;
  using WeightMatrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, storage>;

 public:
  using Scalar = S;
  static constexpr WeightOrder weight_order = order;

  /// @param weights  num_atoms x dim, at least 1 x 1; @param bias  num_atoms, or empty for none;
  /// @param others   what the encoder learns beside them.
  /// @throws std::invalid_argument: empty, not finite, or a bias of another length.
  explicit AffineMap(const Matrix<S>& weights, const Vector<S>& bias = {},
                     const Vector<S>& others = {})
      : num_atoms_(weights.rows()), dim_(weights.cols()), has_bias_(bias.size() > 0) {
    require(weights.size() > 0, "AffineMap",
            "no weights (" + shape_of(weights.rows(), weights.cols()) + ")");
    check_finite<S>("AffineMap", "weights", weights);
    check_finite<S>("AffineMap", "bias", bias);
    check_finite<S>("AffineMap", "other parameters", others);
    if (has_bias_)
      check_rows("AffineMap", "biases", bias.rows(), 1, num_atoms_, "weight matrix", num_atoms_,
                 dim_);
    parameters_.resize(weights.size() + bias.size() + others.size());
    parameters_ << weights.template reshaped<storage>(), bias, others;
  }

  /// @throws std::invalid_argument unless dim and num_atoms are at least 1.
  explicit AffineMap(const RandomWeights& init, const Vector<S>& others = {})
      : num_atoms_(init.num_atoms), dim_(init.dim), has_bias_(init.bias) {
    require(init.dim >= 1 && init.num_atoms >= 1, "RandomWeights",
            "dim and num_atoms must be at least 1, are " + std::to_string(init.dim) + " and " +
                std::to_string(init.num_atoms));
    const Index columns = dim_ + (has_bias_ ? 1 : 0);
    parameters_.resize(num_atoms_ * columns + others.size());
    const double bound = 1 / std::sqrt(static_cast<double>(dim_));
    for (Index j = 0; j < columns; ++j) {
      RandomStream random(init.seed, static_cast<std::uint64_t>(j));
      for (Index i = 0; i < num_atoms_; ++i)
        parameters_[place(i, j)] = static_cast<S>(bound * (2 * random.uniform<double>() - 1));
    }
    parameters_.tail(others.size()) = others;
  }

  [[nodiscard]] Index dim() const noexcept { return dim_; }
  [[nodiscard]] Index num_atoms() const noexcept { return num_atoms_; }
  [[nodiscard]] bool has_bias() const noexcept { return has_bias_; }

  [[nodiscard]] Eigen::Map<const WeightMatrix> weights() const {
    return {parameters_.data(), num_atoms_, dim_};
  }
  /// W^T, dim x num_atoms: what each atom's entry is the product of the signal with.
  [[nodiscard]] Eigen::Map<const Matrix<S>> directions() const requires by_atom {
    return {parameters_.data(), dim_, num_atoms_};
  }
  [[nodiscard]] ConstParameterView<S> bias() const {
    return {parameters_.data() + num_atoms_ * dim_, has_bias_ ? num_atoms_ : 0};
  }
  /// What the encoder learns beside weights and bias.
  [[nodiscard]] ConstParameterView<S> others() const {
    return {parameters_.data() + num_affine(), parameters_.size() - num_affine()};
  }
  [[nodiscard]] ParameterView<S> parameters() { return {parameters_.data(), parameters_.size()}; }
  [[nodiscard]] ConstParameterView<S> parameters() const {
    return {parameters_.data(), parameters_.size()};
  }
  /// Entries begin, begin + stride, ... of a vector, count of them.
  struct Entries {
    Index begin, count, stride;
  };
  /// Where the weights of an atom are among the parameters, and its bias and what else there is, of
  /// which there is one for each atom.
  [[nodiscard]] std::array<Entries, 2> entries_of(Index atom) const noexcept {
    const Index size = num_atoms_ * dim_;
    return {Entries{place(atom, 0), dim_, by_atom ? 1 : num_atoms_},
            Entries{size + atom, (parameters_.size() - size) / num_atoms_, num_atoms_}};
  }
  /// Those of a vector that lies as the parameters do, such as their gradient.
  template <class Values>
  [[nodiscard]] static auto view(Values& values, const Entries& entries) {
    constexpr bool fixed = std::is_const_v<std::remove_pointer_t<decltype(values.data())>>;
    using Plain = std::conditional_t<fixed, const Vector<S>, Vector<S>>;
    return Eigen::Map<Plain, 0, Eigen::InnerStride<>>(values.data() + entries.begin, entries.count,
                                                      Eigen::InnerStride<>(entries.stride));
  }
  /// How many of the parameters are weights and bias.
  [[nodiscard]] Index num_affine() const noexcept {
    return num_atoms_ * (dim_ + (has_bias_ ? 1 : 0));
  }

  /// out = W x, num_atoms x n; out keeps its memory from call to call.
  void multiply(const MatrixArg<S>& signals, Matrix<S>& out, Index threads = 1) const {
    out.resize(num_atoms_, signals.cols());
    blocked_product(weights(), signals, out, threads);
  }

  /// out = W x + b.
  void apply(const MatrixArg<S>& signals, Matrix<S>& out, Index threads = 1) const {
    if (!has_bias_) return multiply(signals, out, threads);
    out.resize(num_atoms_, signals.cols());
    detail::for_each_columns(num_atoms_, out.cols(), threads, [&](Block block) {
      for (Index j = block.begin; j < block.begin + block.count; ++j) out.col(j) = bias();
    });
    add_blocked_product(S(1), weights(), signals, out, threads);
  }

  /// out = max(W x + b, 0).
  void apply_and_rectify(const MatrixArg<S>& signals, Matrix<S>& out, Index threads = 1) const {
    out.resize(num_atoms_, signals.cols());
    const S* const shift = has_bias_ ? bias().data() : nullptr;
    detail::blocked_product_then(S(1), weights(), signals, out, detail::AddBiasAndRectify<S>{shift},
                                 threads);
  }

  /// gradient = [g x^T, row sums of g] for g = dL/d(W x + b), dense, num_atoms x n; 0 for the
  /// others. Where half of a large g is 0, only its other entries are visited, and 0 times NaN is
  /// left out.
  void backward(const MatrixArg<S>& signals, const Matrix<S>& g, Vector<S>& gradient,
                Index threads = 1) const requires(!by_atom) {
    gradient.resize(parameters_.size());
    Eigen::Map<Matrix<S>> weight_gradient(gradient.data(), num_atoms_, dim_);
    detail::product_of_zeros(S(1), g, signals.transpose(), weight_gradient, threads);
    gradient.tail(parameters_.size() - num_atoms_ * dim_).setZero();
    if (has_bias_) detail::row_sums(g, gradient.segment(num_atoms_ * dim_, num_atoms_), threads);
  }

  /// The same for sparse g, at 2 dim flops an active entry. `product` keeps its memory.
  void backward(const MatrixArg<S>& signals, const SparseCodes<S>& g, Vector<S>& gradient,
                SparseOuterProduct<S>& product, Index threads = 1) const requires by_atom {
    gradient.resize(parameters_.size());
    product(signals, g, Eigen::Map<Matrix<S>>(gradient.data(), dim_, num_atoms_), threads);
    if (has_bias_) product.row_sums(gradient.segment(num_atoms_ * dim_, num_atoms_));
    gradient.tail(parameters_.size() - num_affine()).setZero();
  }

  /// The same by parts: `use(begin, part of the gradient)` for all of them, each once, on threads.
  template <class Use>
  void backward_by_parts(const MatrixArg<S>& signals, const SparseCodes<S>& g,
                         SparseOuterProduct<S>& product, const Use& use,
                         Index threads = 1) const requires by_atom {
    product.begin(g, threads);
    for_each_block(
        num_atoms_, detail::atoms_in_cache(dim_), threads, [&](Block atoms, Index worker) {
          S* const columns = product.columns(signals, atoms, worker).data();
          use(atoms.begin * dim_, Eigen::Map<const Vector<S>>(columns, atoms.count * dim_));
        });
    Vector<S> rest = Vector<S>::Zero(parameters_.size() - num_atoms_ * dim_);
    if (has_bias_) product.row_sums(rest.head(num_atoms_));
    use(num_atoms_ * dim_, rest);
  }

  /// W^T g, dim x n, for dense g.
  [[nodiscard]] Matrix<S> transpose_times(const Matrix<S>& g, Index threads = 1) const
      requires(!by_atom) {
    Matrix<S> result(dim_, g.cols());
    blocked_product(weights().transpose(), g, result, threads);
    return result;
  }

  /// The same for sparse g, at 2 dim flops an active entry.
  [[nodiscard]] Matrix<S> transpose_times(const SparseCodes<S>& g,
                                          Index threads = 1) const requires by_atom {
    Matrix<S> result = Matrix<S>::Zero(dim_, g.cols());
    for_each_block(g.cols(), 256, threads, [&](Block block, Index) {
      for (Index j = block.begin; j < block.begin + block.count; ++j)
        for (typename SparseCodes<S>::InnerIterator entry(g, j); entry; ++entry)
          result.col(j) += entry.value() * directions().col(entry.row());
    });
    return result;
  }

  /// Refuses signals and dictionaries of another shape, and signals that are not finite.
  template <class D>
  void check(const char* where, const D& d, const MatrixArg<S>& signals) const {
    detail::check_amortised<S>(where, dim_, num_atoms_, d, signals);
  }

  /// Audited flops of `apply`, a signal.
  [[nodiscard]] std::int64_t flops() const noexcept {
    return std::int64_t{2} * num_atoms_ * dim_ + (has_bias_ ? num_atoms_ : 0);
  }

 private:
  /// Of weight (i, j), or of bias i at j = dim.
  [[nodiscard]] Index place(Index i, Index j) const noexcept {
    return by_atom && j < dim_ ? i * dim_ + j : j * num_atoms_ + i;
  }

  Index num_atoms_;
  Index dim_;
  bool has_bias_;
  Vector<S> parameters_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_AFFINE_MAP_HPP
