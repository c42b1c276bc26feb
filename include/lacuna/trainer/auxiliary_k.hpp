// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_AUXILIARY_K_HPP
#define LACUNA_TRAINER_AUXILIARY_K_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/revival.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/keep_largest.hpp>
#include <lacuna/operator/sparse_decode.hpp>
#include <lacuna/operator/sparse_outer_product.hpp>

namespace lacuna {

/// Options of `AuxiliaryK`.
struct AuxiliaryKOptions {
  Index window = 500;        ///< steps without an active code after which a latent is dead
  Index k = 0;               ///< dead latents a signal may use; 0: half of dim
  double weight = 1.0 / 32;  ///< of the auxiliary loss beside the mean squared error
  Index threads = 1;         ///< 0 for all cores; the same bits at any number
};

/// Gives dead latents a loss of their own, so that they have a gradient and come back. Models
/// `RevivalFor` models with an affine encoder and a learnable dictionary.
///
///   weight * mean over dim n of (D z - (x - D s))^2
///
/// where z keeps the k largest positive pre-activations W x + b of the dead latents alone, and what
/// the living left of the signal, x - D s, is constant. The gradient goes to weights, biases and
/// atoms of the dead. Cost: 2 dim flops a signal and a dead latent, and 6 dim k.
///
/// Source: Gao et al., "Scaling and evaluating sparse autoencoders", 2024, section 2.4; there on a
/// normalised error.
///
/// @code
/// JointTrainer(options, Adam(), AuxiliaryK({.window = 500, .k = 32})).fit(model, source);
/// @endcode
class AuxiliaryK {
 public:
  using Options = AuxiliaryKOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit AuxiliaryK(AuxiliaryKOptions options = {}) : options_(options) {
    require(options.window >= 1, "AuxiliaryK",
            "window must be at least 1, is " + std::to_string(options.window));
    require(options.k >= 0, "AuxiliaryK", "k must be at least 0, is " + std::to_string(options.k));
    require(options.weight > 0 && std::isfinite(options.weight), "AuxiliaryK",
            "weight must be finite and above 0, is " + text_of(options.weight));
    require(options.threads >= 0, "AuxiliaryK",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  static constexpr bool replaces_latents = false;
  [[nodiscard]] Index window() const noexcept { return options_.window; }
  /// Pre-activations of the dead, decode, slopes, and the gradients of weights and atoms.
  [[nodiscard]] std::int64_t auxiliary_flops(Index dim, Index num_dead) const noexcept {
    return 2 * dim * num_dead + 8 * dim * std::min(num_dead, entries(dim));
  }

  /// The auxiliary loss; adds its gradient. @param atom_gradient  empty where the atoms are not
  /// learned.
  template <class M, Real S>
  requires LearnableDictionary<decltype(M::dictionary)> && requires(const M& m) {
    m.encoder.affine().entries_of(Index());
  }
  double auxiliary(const M& model, const TrainingBatch<S>& batch, const std::vector<Index>& dead,
                   Vector<S>& encoder_gradient, Vector<S>& atom_gradient) const {
    if (dead.empty()) return 0;
    const auto& map = model.encoder.affine();
    const Index dim = map.dim();
    const Index count = static_cast<Index>(dead.size());
    const Matrix<S> weights = map.weights()(dead, Eigen::all);
    const Matrix<S> atoms = model.dictionary.atoms()(Eigen::all, dead);
    Matrix<S> preactivation = weights * batch.signals;
    if (map.has_bias()) preactivation.colwise() += Vector<S>(map.bias()(dead));
    SparseCodes<S> codes;
    keep_largest_positive(preactivation, entries(dim), codes);

    // The residual of the residual: D z - (x - D s).
    const Matrix<S> left = sparse_decode<S>(atoms, codes) + batch.residual;
    const double entries = static_cast<double>(left.size());
    const S scale = static_cast<S>(2 * options_.weight / entries);
    SparseCodes<S> slope = codes;
    for (Index j = 0; j < slope.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(slope, j); entry; ++entry)
        entry.valueRef() = scale * atoms.col(entry.row()).dot(left.col(j));

    SparseOuterProduct<S> product;
    Matrix<S> gradient(dim, count);
    product(batch.signals, slope, gradient, options_.threads);
    Vector<S> sums(count);
    product.row_sums(sums);
    for (Index i = 0; i < count; ++i) {
      const Index latent = dead[static_cast<std::size_t>(i)];
      const auto [weights_of, others_of] = map.entries_of(latent);
      map.view(encoder_gradient, weights_of) += gradient.col(i);
      if (map.has_bias()) map.view(encoder_gradient, others_of)[0] += sums[i];
    }
    if (atom_gradient.size() > 0) {
      product(left, codes, gradient, options_.threads);
      for (Index i = 0; i < count; ++i)
        atom_gradient.segment(dim * dead[static_cast<std::size_t>(i)], dim) +=
            scale * gradient.col(i);
    }
    return options_.weight * static_cast<double>(left.squaredNorm()) / entries;
  }

  template <class M, Real S>
  [[nodiscard]] std::vector<Index> revive(M&, const TrainingBatch<S>&, const std::vector<Index>&,
                                          Index) const {
    return {};
  }

 private:
  [[nodiscard]] Index entries(Index dim) const noexcept {
    return options_.k > 0 ? options_.k : std::max<Index>(1, dim / 2);
  }

  AuxiliaryKOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_AUXILIARY_K_HPP
