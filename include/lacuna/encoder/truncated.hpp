// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_TRUNCATED_HPP
#define LACUNA_ENCODER_TRUNCATED_HPP

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <lacuna/concepts/encoder_with_terms.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/sparse_blocks.hpp>

namespace lacuna {

/// Options of `Truncated`.
struct TruncatedOptions {
  Index threads = 1;  ///< 0 for all cores; the same bits at any number. E has its own
};

namespace detail {

/// What `forward` of a truncated encoder leaves for `backward`; nothing, where E has no gradient.
template <class E>
struct TruncatedTape {};

template <HasTape E>
requires requires(const E& e) { e.parameters(); }
struct TruncatedTape<E> {
  using S = typename decltype(std::declval<const E&>().parameters())::Scalar;

  typename E::Tape encoder;
  SparseCodes<S> codes;  ///< num_atoms x n
  /// The gradient by E's codes, of whichever form they have; the sparse one has their pattern from
  /// `forward` on.
  Matrix<S> dense_gradient;
  SparseCodes<S> sparse_gradient;
};

}  // namespace detail

/// The codes of any encoder, cut to their k largest entries in magnitude. Sparse codes, from dense
/// and sparse ones; the values that are kept are as they were (`Debiased` fits them). Models
/// `EncoderFor` every dictionary that E fits, `SolverFor` where E says what its codes cost, and
/// `DifferentiableEncoderFor` where E does: its parameters, terms and statistics are E's, and the
/// gradient flows through the kept entries alone.
///
/// Of equal magnitudes the lower atom wins; an entry of 0 is never kept; k above num_atoms keeps
/// all others. Cost: that of E, and comparisons.
///
/// @code
/// const Truncated encoder(Fista(NonnegativeL1(0.05)), 3);
/// const SparseCodes<float> codes = encoder.encode(dictionary, signals);
///
/// // A multilayer perceptron that is trained with TopK.
/// Model model{Identity{}, dictionary, Truncated(MlpEncoder<float>(init, {.hidden = {32}}), 3)};
/// JointTrainer({.steps = 20000, .lambda = 0}).fit(model, source);
/// @endcode
template <class E>
class Truncated {
 public:
  using Options = TruncatedOptions;
  using Tape = detail::TruncatedTape<E>;

  /// @param k  at least 1. @throws std::invalid_argument naming the argument that is out of range.
  Truncated(E encoder, Index k, Options options = {})
      : encoder_(std::move(encoder)), options_(options) {
    set_k(k);
    require(options.threads >= 0, "Truncated",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const E& encoder() const noexcept { return encoder_; }
  [[nodiscard]] Index k() const noexcept { return k_; }
  /// For a schedule of k. @throws std::invalid_argument for k below 1.
  void set_k(Index k) {
    require(k >= 1, "Truncated", "k must be at least 1, is " + std::to_string(k));
    k_ = k;
  }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  requires EncoderFor<E, D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return cut<ScalarOf<D>>(encoder_.encode(d, signals));
  }

  /// Codes with objective 1/2 ||x - D s||^2, whatever E's own; E's flops and, where it is a solver,
  /// its status and iterations. The best k-sparse code is not known: `gap` is NaN.
  template <Dictionary D>
  requires CountableEncoderFor<E, D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    Solution<SparseCodes<S>> solution(d.num_atoms(), signals.cols());
    if constexpr (SolverFor<E, D>) {
      auto whole = encoder_.solve(d, signals);
      solution.codes = cut<S>(whole.codes);
      solution.iterations = std::move(whole.iterations);
      solution.status = std::move(whole.status);
      solution.flops = std::move(whole.flops);
      solution.setup_flops = whole.setup_flops;
    } else {
      solution.codes = encode(d, signals);
      std::fill(solution.flops.begin(), solution.flops.end(), encoder_.forward_flops(d));
    }
    solution.objective = reconstruction_objective(d, signals, solution.codes, options_.threads);
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap = solution.gap;
    return solution;
  }

  // The gradient, where E has one.

  [[nodiscard]] auto parameters() requires requires(E& e) { e.parameters(); }
  { return encoder_.parameters(); }
  [[nodiscard]] auto parameters() const requires requires(const E& e) { e.parameters(); }
  { return encoder_.parameters(); }

  template <Dictionary D>
  requires DifferentiableEncoderFor<E, D>
  const SparseCodes<ScalarOf<D>>& forward(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                          Tape& tape) const {
    const auto& whole = encoder_.forward(d, signals, tape.encoder);
    tape.codes = cut<ScalarOf<D>>(whole);
    if constexpr (is_sparse_codes<CodesFor<E, D>>) {
      tape.sparse_gradient = whole;
      tape.sparse_gradient.makeCompressed();
    }
    return tape.codes;
  }

  /// @param code_gradient  of the pattern of the codes.
  template <Dictionary D>
  requires DifferentiableEncoderFor<E, D>
  void backward(const D& d, const MatrixArg<ScalarOf<D>>& signals, Tape& tape,
                const SparseCodes<ScalarOf<D>>& code_gradient,
                Vector<ScalarOf<D>>& gradient) const {
    check_same_shape("Truncated::backward", "codes", tape.codes, "code gradients", code_gradient);
    auto& whole = gradient_of<CodesFor<E, D>>(tape);
    spread(code_gradient, whole);
    encoder_.backward(d, signals, tape.encoder, whole, gradient);
  }

  template <Dictionary D>
  requires DifferentiableEncoderFor<E, D>
  [[nodiscard]] Matrix<ScalarOf<D>> signal_gradient(
      const D& d, const Tape& tape, const SparseCodes<ScalarOf<D>>& code_gradient) const {
    check_same_shape("Truncated::signal_gradient", "codes", tape.codes, "code gradients",
                     code_gradient);
    auto whole = gradient_of<CodesFor<E, D>>(tape);
    spread(code_gradient, whole);
    return encoder_.signal_gradient(d, tape.encoder, whole);
  }

  template <Dictionary D>
  requires detail::CountsFlops<E, D>
  [[nodiscard]] std::int64_t forward_flops(const D& d) const { return encoder_.forward_flops(d); }
  template <Dictionary D>
  requires detail::CountsFlops<E, D>
  [[nodiscard]] std::int64_t backward_flops(const D& d) const { return encoder_.backward_flops(d); }

  /// Of all of E's codes, kept or not. See `EncoderWithTerms`.
  template <Dictionary D>
  requires EncoderWithTerms<E, D>
  double own_terms(const D& d, const MatrixArg<ScalarOf<D>>& signals, Tape& tape, double lambda,
                   Vector<ScalarOf<D>>& gradient) const {
    return encoder_.own_terms(d, signals, tape.encoder, lambda, gradient);
  }

  /// See `EncoderWithStatistics`.
  void update_statistics(const Tape& tape) requires EncoderWithStatistics<E> {
    encoder_.update_statistics(tape.encoder);
  }
  [[nodiscard]] Vector<double> statistics() const requires EncoderWithStatistics<E> {
    return encoder_.statistics();
  }
  void set_statistics(const Vector<double>& values) requires EncoderWithStatistics<E> {
    encoder_.set_statistics(values);
  }

 private:
  template <class Whole, class T>
  [[nodiscard]] static auto& gradient_of(T& tape) {
    if constexpr (is_sparse_codes<Whole>)
      return tape.sparse_gradient;
    else
      return tape.dense_gradient;
  }

  /// whole = the gradients of the kept entries, and 0 elsewhere. Sparse, it has its pattern.
  template <class S, class Whole>
  void spread(const SparseCodes<S>& kept, Whole& whole) const {
    if constexpr (!is_sparse_codes<Whole>) whole.resize(kept.rows(), kept.cols());
    for_each_block(kept.cols(), 256, options_.threads, [&](Block block, Index) {
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        typename SparseCodes<S>::InnerIterator entry(kept, j);
        if constexpr (is_sparse_codes<Whole>) {
          // Both are in order of their rows.
          for (typename Whole::InnerIterator to(whole, j); to; ++to) {
            const bool same = entry && entry.row() == to.row();
            to.valueRef() = same ? entry.value() : S(0);
            if (same) ++entry;
          }
        } else {
          whole.col(j).setZero();
          for (; entry; ++entry) whole(entry.row(), j) = entry.value();
        }
      }
    });
  }

  template <Real S, CodesOf<S> Codes>
  [[nodiscard]] SparseCodes<S> cut(const Codes& codes) const {
    constexpr Index block_size = 256;
    SparseBlocks<S> kept(codes.rows(), codes.cols(), block_size);
    for_each_block(codes.cols(), block_size, options_.threads, [&](Block block, Index) {
      const Index end = block.begin + block.count;
      SelectLargest<S> select(codes.rows());
      auto& part = kept.part(block.index);
      // No more than there are: k may be millions, and the codes sparse.
      Index most = 0;
      for (Index j = block.begin; j < end; ++j) most += std::min(k_, size(codes, j));
      part.reserve(block.count, most);
      for (Index j = block.begin; j < end; ++j) {
        if constexpr (is_sparse_codes<Codes>) {
          // The entries of a column lie side by side.
          const Index begin = codes.outerIndexPtr()[j];
          const Eigen::Map<const Vector<S>> values(codes.valuePtr() + begin, size(codes, j));
          for (const Index i : select(values, k_, false))
            part.push(codes.innerIndexPtr()[begin + i], values[i]);
        } else {
          for (const Index i : select(codes.col(j), k_, false)) part.push(i, codes(i, j));
        }
        part.end_column();
      }
    });
    return kept.assemble("Truncated");
  }

  /// Entries of a column.
  template <class Codes>
  [[nodiscard]] static Index size(const Codes& codes, Index j) {
    if constexpr (is_sparse_codes<Codes>)
      // Codes made by insertion may have room between two columns.
      return codes.isCompressed() ? codes.outerIndexPtr()[j + 1] - codes.outerIndexPtr()[j]
                                  : codes.innerNonZeroPtr()[j];
    else
      return codes.rows();
  }

  E encoder_;
  Index k_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_TRUNCATED_HPP
