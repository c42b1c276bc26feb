// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_RECONSTRUCTION_GRADIENT_HPP
#define LACUNA_TRAINER_RECONSTRUCTION_GRADIENT_HPP

#include <cmath>
#include <cstdint>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/concepts/explicit_dictionary.hpp>

namespace lacuna {

/// The loss of the seed paper and its gradients, for codes of either form:
///
///   loss = mean over dim n of (D s - x)^2 + lambda mean over num_atoms n of |s|
///
/// Both terms are means, so its lambda is lambda dim / (2 num_atoms) in the objective of the solvers.
/// Keeps its work space from call to call. For sparse codes the products cost 2 dim an active entry,
/// and the code gradient has the pattern of the codes.
template <Real S, CodesOf<S> Codes>
class ReconstructionGradient {
 public:
  /// Loss, `residual()` and `code_gradient()` of these codes. Shapes are the caller's to check.
  template <Dictionary D>
  double evaluate(const D& d, const MatrixArg<S>& signals, const Codes& codes, double lambda) {
    const auto n = static_cast<double>(signals.cols());
    const double signal_entries = n * static_cast<double>(d.dim());
    const double code_entries = n * static_cast<double>(d.num_atoms());
    scale_ = static_cast<S>(2 / signal_entries);
    const S slope = static_cast<S>(lambda / code_entries);

    if constexpr (ExplicitDictionary<D> && !is_sparse_codes<Codes>) {
      residual_.noalias() = d.atoms() * codes;
      residual_ -= signals;
    } else {
      residual_ = d.decode(codes) - signals;
    }
    const double squared = static_cast<double>(residual_.squaredNorm());
    double l1 = 0;
    if constexpr (is_sparse_codes<Codes>) {
      code_gradient_ = codes;
      if constexpr (!ExplicitDictionary<D>) correlations_ = d.correlate(residual_);
      for (Index j = 0; j < codes.cols(); ++j)
        for (typename Codes::InnerIterator entry(code_gradient_, j); entry; ++entry) {
          S correlation;
          if constexpr (ExplicitDictionary<D>)
            correlation = d.atoms().col(entry.row()).dot(residual_.col(j));
          else
            correlation = correlations_(entry.row(), j);
          l1 += static_cast<double>(std::abs(entry.value()));
          entry.valueRef() = scale_ * correlation + slope * sign(entry.value());
        }
    } else {
      if constexpr (ExplicitDictionary<D>)
        code_gradient_.noalias() = d.atoms().transpose() * residual_;
      else
        code_gradient_ = d.correlate(residual_);
      if (lambda > 0) l1 = static_cast<double>(codes.template lpNorm<1>());
      // One plain loop, which compilers take a register at a time; Eigen's sign goes entry by entry.
      const S* code = codes.data();
      S* g = code_gradient_.data();
      for (Index i = 0; i < codes.size(); ++i) g[i] = scale_ * g[i] + slope * sign(code[i]);
    }
    return squared / signal_entries + lambda * l1 / code_entries;
  }

  /// D s - x, dim x n, of the last evaluation.
  [[nodiscard]] const Matrix<S>& residual() const noexcept { return residual_; }
  /// dloss/ds, of the form of the codes.
  [[nodiscard]] const Codes& code_gradient() const noexcept { return code_gradient_; }

  /// dloss/d(D s), dim x n.
  [[nodiscard]] Matrix<S> reconstruction_gradient() const { return scale_ * residual_; }

  /// gradient = dloss/dD, dim x num_atoms, flattened column by column.
  void atom_gradient(const Codes& codes, Vector<S>& gradient) const {
    gradient.resize(residual_.rows() * codes.rows());
    Eigen::Map<Matrix<S>> matrix(gradient.data(), residual_.rows(), codes.rows());
    if constexpr (is_sparse_codes<Codes>) {
      matrix.setZero();
      for (Index j = 0; j < codes.cols(); ++j)
        for (typename Codes::InnerIterator entry(codes, j); entry; ++entry)
          matrix.col(entry.row()) += (scale_ * entry.value()) * residual_.col(j);
    } else {
      matrix.noalias() = residual_ * codes.transpose();
      matrix *= scale_;
    }
  }

  /// Audited flops of `evaluate`: decode, correlate, and what is elementwise; `atom_gradient` the same
  /// as decode.
  [[nodiscard]] static std::int64_t evaluate_flops(Index dim, const Codes& codes) {
    return 4 * dim * entries(codes) + 3 * dim * codes.cols() + 3 * entries(codes);
  }
  [[nodiscard]] static std::int64_t atom_gradient_flops(Index dim, const Codes& codes) {
    return 2 * dim * entries(codes);
  }

 private:
  [[nodiscard]] static S sign(S value) { return (value > S(0) ? S(1) : S(0)) - (value < S(0) ? S(1) : S(0)); }

  [[nodiscard]] static std::int64_t entries(const Codes& codes) {
    if constexpr (is_sparse_codes<Codes>)
      return codes.nonZeros();
    else
      return codes.size();
  }

  S scale_ = 0;
  Matrix<S> residual_, correlations_;
  Codes code_gradient_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_RECONSTRUCTION_GRADIENT_HPP
