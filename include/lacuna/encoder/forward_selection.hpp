// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_FORWARD_SELECTION_HPP
#define LACUNA_ENCODER_FORWARD_SELECTION_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/selected_basis.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/gram_matrix.hpp>

namespace lacuna::detail {

/// What a greedy selection maximises over the atoms.
enum class SelectionRule {
  correlation,    ///< |<d_i, r>| / ||d_i||: orthogonal matching pursuit
  error_decrease  ///< |<d_i, r>| / ||d_i less its part in the span of those chosen||: least squares
};

/// Chooses atoms of one signal after another and fits them by least squares.
///
/// With the projections p_k of `SelectedBasis`, c <- c - z p_k for z = <q_k, x> keeps the
/// correlations of all atoms with the residual, and p_k(i)^2 is what atom i loses of its squared
/// length outside the span of the chosen. The coefficients come from one triangular solve at the
/// end.
template <Real S, SelectionRule Rule, int Chunk>
class ForwardSelection {
 public:
  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  ForwardSelection(const Matrix<S>& atoms, const Matrix<S>* gram, Index most)
      : basis_(atoms, gram, most),
        weight_(atoms.cols()),
        outside_(atoms.cols()),
        floor_(atoms.cols()),
        chunk_best_(basis_.num_chunks()),
        along_(most),
        coefficients_(most) {
    // An atom of length 0 is never chosen.
    unit_weight_ =
        basis_.lengths().unaryExpr([](S length) { return length > S(0) ? 1 / length : S(0); });
  }

  struct Result {
    Status status;
    std::int64_t flops;
  };

  /// @param correlations  D^T x, destroyed: at the end those with the residual.
  template <class X, class C>
  Result run(const X& x, C&& correlations, double tolerance) {
    const Index m = basis_.atoms().rows(), n = basis_.atoms().cols();
    // Squares of a signal that is very large or very small do not fit S: it is fitted at length 1, then.
    const S length_of_x = x.stableNorm();
    const bool rescale = length_of_x > S(0) && !(length_of_x > S(1e-12) && length_of_x < S(1e12));
    if (rescale) {
      const Vector<S> unit = x / length_of_x;
      correlations /= length_of_x;
      const Result result = run(unit, correlations, tolerance);
      coefficients_ *= length_of_x;
      return result;
    }
    const S energy = x.squaredNorm();
    const S enough = static_cast<S>(tolerance * tolerance) * energy;
    // What rounding leaves of a signal that is fitted exactly, as a length squared.
    const S rounding = S(64) * epsilon * epsilon * energy;
    S left = energy;
    Result result{Status::completed, 2 * m * n + 2 * m};
    basis_.clear();
    weight_ = unit_weight_;
    if constexpr (Rule == SelectionRule::error_decrease) {
      outside_ = basis_.lengths();
      floor_ = Basis::span_tolerance * basis_.lengths();
    }
    basis_.for_each_chunk([&](auto segment, Index chunk) {
      chunk_best_[chunk] =
          (segment(correlations).array().square() * segment(weight_).array()).maxCoeff();
    });
    for (;;) {
      const Index size = basis_.size();
      // The recursion knows the residual's energy to some roundings of the signal's; below, it is
      // measured.
      if (left <= std::max(enough, S(64) * epsilon * energy)) {
        basis_.solve(along_, coefficients_);
        left = static_cast<S>(2 * basis_.half_squared_error(x, coefficients_));
        result.flops += size * size + 2 * m * (size + 1);
      }
      if (left <= std::max(enough, rounding)) {
        result.status = Status::converged;
        break;
      }
      if (size == basis_.most()) break;
      const Index atom = best_atom(correlations, rounding);
      result.flops += 2 * n;
      if (atom < 0) break;
      const S pivot = basis_.outside_span(atom, result.flops);
      close(atom);
      if (!(pivot > Basis::span_tolerance * basis_.lengths()[atom])) {
        rescore(atom, correlations);
        continue;
      }
      const S length = std::sqrt(pivot);
      const S z = correlations[atom] / length;
      along_[size] = z;
      left -= z * z;
      basis_.append(
          atom, length,
          [&](auto segment, Index chunk, const auto& p) {
            auto c = segment(correlations).array();
            c -= z * p.array();
            if constexpr (Rule == SelectionRule::error_decrease) {
              auto outside = segment(outside_).array();
              outside -= p.array().square();
              segment(weight_).array() = outside.max(segment(floor_).array()).inverse();
            }
            chunk_best_[chunk] = (c.square() * segment(weight_).array()).maxCoeff();
          },
          result.flops);
      result.flops += (Rule == SelectionRule::error_decrease ? 7 : 4) * n + 4;
    }
    basis_.solve(along_, coefficients_);
    result.flops += basis_.size() * basis_.size();
    return result;
  }

  /// The atoms chosen, in order, and their coefficients.
  [[nodiscard]] const std::vector<Index>& support() const noexcept { return basis_.support(); }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }

  /// 1/2 ||x - D s||^2 in double.
  template <class X>
  [[nodiscard]] double objective(const X& x) const {
    return basis_.half_squared_error(x, coefficients_);
  }

 private:
  using Basis = SelectedBasis<S, Chunk>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  /// The atom of the largest score, or -1 where none is beyond rounding; the first of equals.
  template <class C>
  [[nodiscard]] Index best_atom(const C& correlations, S rounding) const {
    Index chunk = -1;
    S best = S(0);
    for (Index i = 0; i < chunk_best_.size(); ++i)
      if (chunk_best_[i] > best) {
        best = chunk_best_[i];
        chunk = i;
      }
    if (chunk < 0 || !(best > rounding)) return -1;
    const Index end = std::min((chunk + 1) * Chunk, weight_.size());
    Index atom = chunk * Chunk;
    S largest = S(-1);
    for (Index i = atom; i < end; ++i) {
      const S score = correlations[i] * correlations[i] * weight_[i];
      if (score > largest) {
        largest = score;
        atom = i;
      }
    }
    return atom;
  }

  /// Never look at this atom again: it is chosen, or in the span of the chosen.
  void close(Index atom) {
    weight_[atom] = S(0);
    if constexpr (Rule == SelectionRule::error_decrease)
      floor_[atom] = std::numeric_limits<S>::infinity();
  }

  /// The best of the chunk of an atom that was closed and not chosen.
  template <class C>
  void rescore(Index atom, const C& correlations) {
    const Index chunk = atom / Chunk, begin = chunk * Chunk;
    const Index count = std::min<Index>(Chunk, weight_.size() - begin);
    chunk_best_[chunk] = (correlations.segment(begin, count).array().square() *
                          weight_.segment(begin, count).array())
                             .maxCoeff();
  }

  Basis basis_;
  Vector<S> unit_weight_, weight_, outside_, floor_, chunk_best_, along_, coefficients_;
};

/// Chosen atoms and coefficients of all signals, `most` places a signal, so that threads write
/// their own.
template <Real S>
class SelectedEntries {
 public:
  SelectedEntries(Index most, Index n)
      : most_(most),
        counts_(static_cast<std::size_t>(n), 0),
        rows_(static_cast<std::size_t>(most * n)),
        values_(static_cast<std::size_t>(most * n)) {}

  /// Keeps a signal's entries in order of their row. Entries of 0 are kept.
  template <class Selection>
  void set(Index column, const Selection& selection) {
    const auto& support = selection.support();
    int* rows = rows_.data() + column * most_;
    S* values = values_.data() + column * most_;
    Index count = 0;
    for (std::size_t k = 0; k < support.size(); ++k, ++count) {
      Index place = count;
      const auto row = static_cast<int>(support[k]);
      for (; place > 0 && rows[place - 1] > row; --place) {
        rows[place] = rows[place - 1];
        values[place] = values[place - 1];
      }
      rows[place] = row;
      values[place] = selection.coefficient(static_cast<Index>(k));
    }
    counts_[static_cast<std::size_t>(column)] = count;
  }

  /// codes, num_atoms x n, compressed.
  void assemble(SparseCodes<S>& codes) const {
    Index total = 0;
    for (const Index count : counts_) total += count;
    codes.resizeNonZeros(total);
    Index next = 0;
    for (Index j = 0; j < codes.cols(); ++j) {
      codes.outerIndexPtr()[j] = static_cast<int>(next);
      const Index count = counts_[static_cast<std::size_t>(j)];
      std::copy_n(rows_.data() + j * most_, count, codes.innerIndexPtr() + next);
      std::copy_n(values_.data() + j * most_, count, codes.valuePtr() + next);
      next += count;
    }
    codes.outerIndexPtr()[codes.cols()] = static_cast<int>(next);
  }

 private:
  Index most_;
  std::vector<Index> counts_;
  std::vector<int> rows_;
  std::vector<S> values_;
};

/// The Gram matrix of a pursuit: the dictionary's own where it carries one, one made here where
/// that pays, or none.
template <ExplicitDictionary D>
class GramForm {
 public:
  using S = ScalarOf<D>;

  /// @param choices  atoms that a signal is expected to choose. @param setup_flops  is added to.
  /// @throws std::invalid_argument naming an atom whose squared length over- or underflows.
  GramForm(const char* where, const D& d, Index n, Index choices, std::int64_t& setup_flops) {
    for (Index i = 0; i < d.num_atoms(); ++i) {
      const S square = d.atoms().col(i).squaredNorm();
      const bool fits = square > std::numeric_limits<S>::min() && std::isfinite(square);
      require(fits || (d.atoms().col(i).array() == S(0)).all(), where,
              "the squared length of atom " + std::to_string(i) +
                  " does not fit the element type: rescale the atoms");
    }
    if constexpr (GramDictionary<D>) {
      if (d.has_gram()) {
        gram_ = &d.gram();
        return;
      }
    }
    // It saves some (2 dim - choices) num_atoms flops a choice and costs dim num_atoms^2 once. Up
    // to 8192 atoms: 256 MiB.
    if (d.num_atoms() > 8192 || n * choices * (2 * d.dim() - choices) <= d.dim() * d.num_atoms())
      return;
    own_ = gram_matrix(d.atoms());
    gram_ = &own_;
    setup_flops += std::int64_t{d.dim()} * d.num_atoms() * d.num_atoms();
  }
  GramForm(const GramForm&) = delete;
  GramForm& operator=(const GramForm&) = delete;

  /// Null where there is none.
  [[nodiscard]] const Matrix<S>* gram() const noexcept { return gram_; }

 private:
  Matrix<S> own_;
  const Matrix<S>* gram_ = nullptr;
};

/// Options that `OrthogonalMatchingPursuit` and `OrthogonalLeastSquares` share, and what to do with
/// them.
struct SelectionRequest {
  const char* where;
  Index k;
  double tolerance;
  Index threads;
  bool certify;
};

template <SelectionRule Rule, ExplicitDictionary D>
[[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> select_forward(
    const D& d, const MatrixArg<ScalarOf<D>>& signals, const SelectionRequest& request) {
  using S = ScalarOf<D>;
  const Index num_atoms = d.num_atoms(), n = signals.cols();
  const Index most = std::min({request.k, num_atoms, d.dim()});
  require(n == 0 || most <= std::numeric_limits<int>::max() / n, request.where,
          std::to_string(n) + " signals of up to " + std::to_string(most) +
              " entries exceed the 2^31 of sparse codes: encode them in parts");
  Solution<SparseCodes<S>> solution(num_atoms, n);
  const GramForm<D> form(request.where, d, n, most, solution.setup_flops);
  SelectedEntries<S> entries(most, n);
  const auto run = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
    // Some 256 Ki correlations a block stay in the second-level cache.
    const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024);
    for_each_block(n, block_size, request.threads, [&](Block block, Index) {
      ForwardSelection<S, Rule, Chunk> selection(d.atoms(), form.gram(), most);
      Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        const auto result =
            selection.run(signals.col(j), correlations.col(j - block.begin), request.tolerance);
        const auto there = static_cast<std::size_t>(j);
        entries.set(j, selection);
        solution.iterations[there] = static_cast<Index>(selection.support().size());
        solution.status[there] = result.status;
        solution.flops[there] = result.flops;
        solution.gap[j] = solution.relative_gap[j] = std::numeric_limits<double>::quiet_NaN();
        if (request.certify) solution.objective[j] = selection.objective(signals.col(j));
      }
    });
  };
  if (num_atoms < 64)
    run(std::integral_constant<int, 16>());
  else
    run(std::integral_constant<int, 64>());
  entries.assemble(solution.codes);
  return solution;
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_FORWARD_SELECTION_HPP
