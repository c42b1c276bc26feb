// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_RECONSTRUCTION_GRADIENT_HPP
#define LACUNA_TRAINER_RECONSTRUCTION_GRADIENT_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/epilogue.hpp>
#include <lacuna/operator/masked_product.hpp>
#include <lacuna/operator/sparse_outer_product.hpp>
#include <lacuna/operator/strided_matrix.hpp>
#include <lacuna/operator/zero_skipping_product.hpp>

namespace lacuna {

/// The parts of a reconstruction loss, which add. A weight of 0 leaves a part out.
struct ReconstructionLoss {
  double squared_error = 1;     ///< weight of the mean of (D s - x)^2 over dim n entries
  double normalised_error = 0;  ///< weight of sum ||D s - x||^2 / sum ||x - mean x||^2 of a batch
  /// Matryoshka: both are summed over the reconstructions by the first p atoms alone, for each p.
  /// Rising, the last num_atoms; empty for that alone. Source: Bussmann, Nabeshima, Karvonen &
  /// Nanda, "Learning multi-level features with Matryoshka sparse autoencoders", 2025.
  std::vector<Index> prefixes = {};
};

/// The reconstruction loss, with a price on the codes, and its gradients, for codes of either form:
///
///   loss = mean over dim n of (D s - x)^2 + lambda mean over num_atoms n of |s|
///
/// in the seed paper's form, with other parts as `ReconstructionLoss` has them. Both terms are
/// means, so that lambda is lambda dim / (2 num_atoms) in the objective of the solvers. Keeps its
/// work space from call to call. For sparse codes the products cost 2 dim an active entry, and the
/// code gradient has the pattern of the codes. Of dense codes half of which are 0, as behind a ReLU,
/// large products visit only the others (`zero_skipping_product.hpp`, `masked_product.hpp`), and
/// leave out 0 times NaN. The bits are the same at any number of threads.
template <Real S, CodesOf<S> Codes>
class ReconstructionGradient {
 public:
  /// Loss, `residual()` and `code_gradient()` of these codes. Shapes are the caller's to check.
  /// @tparam form  of the codes, if they are dense: what the code gradient is with respect to.
  /// @throws std::invalid_argument: prefixes that do not rise to num_atoms, or over a dictionary
  /// that hides its atoms; a normalised error of a batch that does not vary.
  template <CodeForm form = CodeForm::free, Dictionary D>
  double evaluate(const D& d, const MatrixArg<S>& signals, const Codes& codes, double lambda,
                  const ReconstructionLoss& parts = {}, Index threads = 1) {
    static_assert(form == CodeForm::free || !is_sparse_codes<Codes>, "sparse codes are free");
    threads_ = threads;
    ends_ = parts.prefixes;
    if (ends_.empty()) ends_.push_back(d.num_atoms());
    check_prefixes(d);
    const double weight = weight_of(parts, signals);
    scale_ = static_cast<S>(2 * weight);
    residuals_.resize(ends_.size());
    sums_.resize(ends_.size() - 1);
    const double code_entries =
        static_cast<double>(signals.cols()) * static_cast<double>(d.num_atoms());
    const S slope = static_cast<S>(lambda / code_entries);
    double squared, l1;
    if constexpr (is_sparse_codes<Codes> && ExplicitDictionary<D>) {
      evaluate_by_signal(d.atoms(), signals, codes, slope);
      squared = squared_.sum();
      l1 = l1_.sum();
    } else {
      squared = decode(d, signals, codes);
      l1 = correlate<form>(d, codes, slope);
    }
    return weight * squared + lambda * l1 / code_entries;
  }

  /// D s - x, dim x n, of the last evaluation.
  [[nodiscard]] const Matrix<S>& residual() const noexcept { return residuals_.back(); }
  /// dloss/ds, dense or sparse as the codes are; or what the form asked for.
  [[nodiscard]] const Codes& code_gradient() const noexcept { return code_gradient_; }

  /// dloss/d(D s), dim x n; of all prefixes together.
  [[nodiscard]] Matrix<S> reconstruction_gradient() const { return scale_ * onward(0); }

  /// gradient = dloss/dD, dim x num_atoms, flattened column by column.
  void atom_gradient(const Codes& codes, Vector<S>& gradient) {
    const Index dim = residual().rows();
    gradient.resize(dim * codes.rows());
    Eigen::Map<Matrix<S>> matrix(gradient.data(), dim, codes.rows());
    for (std::size_t g = 0; g < ends_.size(); ++g) {
      const Index begin = begin_of(g), count = ends_[g] - begin;
      auto part = matrix.middleCols(begin, count);
      if constexpr (is_sparse_codes<Codes>) {
        // A row range of column-major sparse codes is a copy: made for prefixes alone.
        if (ends_.size() == 1)
          outer_product_(onward(g), codes, part, threads_, scale_);
        else
          outer_product_(onward(g), SparseCodes<S>(codes.middleRows(begin, count)), part, threads_,
                         scale_);
      } else {
        detail::product_with_zeros(scale_, onward(g), codes.middleRows(begin, count).transpose(),
                                   part, threads_);
      }
    }
  }

  /// The same, some atoms after the others, for sparse codes and a loss without prefixes: begins,
  /// and then gives those of a block, dim x block.count, in the work space of a worker.
  void begin_atom_gradient(const Codes& codes) requires is_sparse_codes<Codes> {
    outer_product_.begin(codes, threads_, scale_);
  }
  [[nodiscard]] Eigen::Map<Matrix<S>> atom_gradient_of(Block atoms, Index worker) requires
      is_sparse_codes<Codes> {
    return outer_product_.columns(residual(), atoms, worker);
  }

  /// Audited flops of `evaluate`, of dense codes as if none were 0: decode, correlate, and what is
  /// elementwise; `atom_gradient` the same as decode.
  [[nodiscard]] static std::int64_t evaluate_flops(Index dim, const Codes& codes) {
    return 4 * dim * entries(codes) + 3 * dim * codes.cols() + 3 * entries(codes);
  }
  [[nodiscard]] static std::int64_t atom_gradient_flops(Index dim, const Codes& codes) {
    return 2 * dim * entries(codes);
  }

 private:
  [[nodiscard]] static S sign(S value) {
    return (value > S(0) ? S(1) : S(0)) - (value < S(0) ? S(1) : S(0));
  }

  [[nodiscard]] static std::int64_t entries(const Codes& codes) {
    if constexpr (is_sparse_codes<Codes>)
      return codes.nonZeros();
    else
      return codes.size();
  }

  [[nodiscard]] Index begin_of(std::size_t group) const {
    return group == 0 ? 0 : ends_[group - 1];
  }

  /// The sum of the residuals of all prefixes that hold this group of atoms.
  [[nodiscard]] const Matrix<S>& onward(std::size_t group) const {
    return group + 1 == ends_.size() ? residuals_.back() : sums_[group];
  }

  template <class D>
  void check_prefixes(const D& d) const {
    bool rising = ends_.front() >= 1 && ends_.back() == d.num_atoms();
    for (std::size_t g = 1; g < ends_.size(); ++g) rising = rising && ends_[g] > ends_[g - 1];
    if (!rising)
      require(false, "ReconstructionLoss",
              "prefixes must rise from at least 1 to num_atoms = " + std::to_string(d.num_atoms()));
    if constexpr (!ExplicitDictionary<D>)
      require(ends_.size() == 1, "ReconstructionLoss",
              "prefixes need a dictionary that shows its atoms");
  }

  /// What one unit of squared error counts.
  [[nodiscard]] static double weight_of(const ReconstructionLoss& parts,
                                        const MatrixArg<S>& signals) {
    double weight = 0;
    if (parts.squared_error != 0)
      weight += parts.squared_error / static_cast<double>(signals.size());
    if (parts.normalised_error != 0) {
      const Vector<S> mean = signals.rowwise().mean();
      const auto variance = static_cast<double>((signals.colwise() - mean).squaredNorm());
      require(variance > 0, "ReconstructionLoss",
              "the normalised error of a batch that does not vary");
      weight += parts.normalised_error / variance;
    }
    return weight;
  }

  /// Residuals, their squares and the code gradient, signal by signal: the atoms of a code are
  /// still in the cache when its residual is correlated with them.
  void evaluate_by_signal(const Matrix<S>& atoms, const MatrixArg<S>& signals, const Codes& codes,
                          S slope) {
    for (Matrix<S>& residual : residuals_) residual.resize(signals.rows(), signals.cols());
    for (Matrix<S>& sum : sums_) sum.resize(signals.rows(), signals.cols());
    code_gradient_ = codes;
    l1_.setZero(num_blocks(codes.cols(), price_block));
    squared_.setZero(l1_.size());
    for_each_block(codes.cols(), price_block, threads_, [&](Block block, Index) {
      double squared = 0, l1 = 0;
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        typename Codes::InnerIterator entry(codes, j);
        for (std::size_t g = 0; g < ends_.size(); ++g) {
          auto residual = residuals_[g].col(j);
          if (g == 0)
            residual = -signals.col(j);
          else
            residual = residuals_[g - 1].col(j);
          // Four at a time wait for four atoms at once.
          Index row[4];
          S value[4];
          int held = 0;
          for (; entry && entry.row() < ends_[g]; ++entry) {
            row[held] = entry.row();
            value[held] = entry.value();
            if (++held < 4) continue;
            residual += value[0] * atoms.col(row[0]) + value[1] * atoms.col(row[1]) +
                        value[2] * atoms.col(row[2]) + value[3] * atoms.col(row[3]);
            held = 0;
          }
          for (int i = 0; i < held; ++i) residual += value[i] * atoms.col(row[i]);
          squared += static_cast<double>(residual.squaredNorm());
        }
        for (std::size_t g = sums_.size(); g-- > 0;)
          sums_[g].col(j) = residuals_[g].col(j) + onward(g + 1).col(j);
        std::size_t g = 0;
        for (typename Codes::InnerIterator priced(code_gradient_, j); priced; ++priced) {
          while (priced.row() >= ends_[g]) ++g;
          const S correlation = atoms.col(priced.row()).dot(onward(g).col(j));
          l1 += static_cast<double>(std::abs(priced.value()));
          priced.valueRef() = scale_ * correlation + slope * sign(priced.value());
        }
      }
      squared_[block.index] = squared;
      l1_[block.index] = l1;
    });
  }

  /// The residuals of all prefixes, and the sum of their squares.
  template <class D>
  double decode(const D& d, const MatrixArg<S>& signals, const Codes& codes) {
    double squared = 0;
    if constexpr (!ExplicitDictionary<D>) {
      residuals_.front() = d.decode(codes) - signals;
      squared = static_cast<double>(residuals_.front().squaredNorm());
    } else {
      for (std::size_t g = 0; g < ends_.size(); ++g) {
        residuals_[g].resize(signals.rows(), signals.cols());
        const Index begin = begin_of(g), count = ends_[g] - begin;
        // What the atoms before this group leave, of which the signals are the first.
        const detail::Residual<S> residual =
            g == 0 ? detail::Residual<S>{S(-1), detail::Beside<S>(signals)}
                   : detail::Residual<S>{S(1), detail::Beside<S>(residuals_[g - 1])};
        squared += detail::product_with_zeros_then(S(1), d.atoms().middleCols(begin, count),
                                                   codes.middleRows(begin, count), residuals_[g],
                                                   residual, threads_);
      }
    }
    for (std::size_t g = ends_.size() - 1; g-- > 0;) sums_[g] = residuals_[g] + onward(g + 1);
    return squared;
  }

  /// The code gradient; returns the sum of |s|.
  template <CodeForm form, class D>
  double correlate(const D& d, const Codes& codes, S slope) {
    if constexpr (is_sparse_codes<Codes>) {
      const Index n = codes.cols();
      l1_.setZero(num_blocks(n, price_block));
      code_gradient_ = codes;
      const Matrix<S> correlations = d.correlate(residual());
      for_each_block(n, price_block, threads_, [&](Block block, Index) {
        double l1 = 0;
        for (Index j = block.begin; j < block.begin + block.count; ++j)
          for (typename Codes::InnerIterator entry(code_gradient_, j); entry; ++entry) {
            l1 += static_cast<double>(std::abs(entry.value()));
            entry.valueRef() = scale_ * correlations(entry.row(), j) + slope * sign(entry.value());
          }
        l1_[block.index] = l1;
      });
      return l1_.sum();
    } else if constexpr (ExplicitDictionary<D>) {
      code_gradient_.resize(codes.rows(), codes.cols());
      double l1 = 0;
      for (std::size_t g = 0; g < ends_.size(); ++g) {
        const Index begin = begin_of(g), count = ends_[g] - begin;
        const auto atoms = d.atoms().middleCols(begin, count);
        const auto part_of_codes = codes.middleRows(begin, count);
        const detail::PricedGradient<S, form> price{slope, detail::Beside<S>(part_of_codes)};
        auto part = code_gradient_.middleRows(begin, count);
        // Where a rectified code is 0 its gradient is 0 as well.
        if constexpr (form == CodeForm::rectified) {
          const detail::StridedMatrix<S> mask(part_of_codes);
          if (detail::skips_zeros(atoms.rows(), mask)) {
            l1 += detail::masked_product_then(scale_, detail::StridedMatrix<S>(atoms),
                                              detail::StridedMatrix<S>(onward(g)), mask,
                                              detail::strided_result(part), price, threads_);
            continue;
          }
        }
        l1 += detail::blocked_product_then(scale_, atoms.transpose(), onward(g), part, price,
                                           threads_);
      }
      return l1;
    } else {
      code_gradient_ = scale_ * d.correlate(residual());
      return detail::apply_epilogue<S>(
          code_gradient_, detail::PricedGradient<S, form>{slope, detail::Beside<S>(codes)});
    }
  }

  static constexpr Index price_block = 64;  // signals of a block

  S scale_ = 0;
  Index threads_ = 1;
  std::vector<Index> ends_;                  // of the prefixes: where their groups of atoms end
  std::vector<Matrix<S>> residuals_, sums_;  // of each prefix; of it and all longer ones
  Vector<double> squared_, l1_;              // by block of signals, summed in their order
  Codes code_gradient_;
  SparseOuterProduct<S> outer_product_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_RECONSTRUCTION_GRADIENT_HPP
