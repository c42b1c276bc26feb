// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_FORWARD_SELECTION_HPP
#define LACUNA_ENCODER_FORWARD_SELECTION_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
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
/// Order-recursive: the chosen atoms are orthonormalised as they come, q_k = (d_i - sum_j l_j q_j)
/// / rho, and for each the vector p_k = D^T q_k is kept. Then, for all atoms at once, c <- c - z
/// p_k with z = <q_k, x> keeps the correlations with the residual, and p_k(i)^2 is what d_i loses
/// of its length orthogonal to the chosen. In Gram form p_k = (G e_i - sum_j p_j(i) p_j) / rho
/// needs no q at all. The coefficients come from one triangular solve at the end.
///
/// Source: Rebollo-Neira & Lowe, "Optimized orthogonal matching pursuit approach", 2002; Sturm &
/// Christensen, "Comparison of orthogonal matching pursuit implementations", 2012.
///
/// @tparam Chunk  entries taken at once: small enough for few atoms, large enough to stay in
/// registers.
template <Real S, SelectionRule Rule, int Chunk>
class ForwardSelection {
 public:
  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  ForwardSelection(const Matrix<S>& atoms, const Matrix<S>* gram, Index most)
      : atoms_(atoms),
        gram_(gram),
        lengths_(atoms.colwise().squaredNorm().transpose()),
        projections_(atoms.cols(), most),
        directions_(gram ? 0 : atoms.rows(), gram ? 0 : most),
        weight_(atoms.cols()),
        orthogonal_(atoms.cols()),
        floor_(atoms.cols()),
        chunk_best_((atoms.cols() + Chunk - 1) / Chunk),
        along_(most),
        coefficients_(most),
        residual_(atoms.rows()) {
    support_.reserve(static_cast<std::size_t>(most));
    // An atom of length 0 is never chosen.
    unit_weight_ = lengths_.unaryExpr([](S length) { return length > S(0) ? 1 / length : S(0); });
  }

  struct Result {
    Status status;
    std::int64_t flops;
  };

  /// @param correlations  D^T x, destroyed: at the end those with the residual.
  template <class X, class C>
  Result run(const X& x, C&& correlations, double tolerance) {
    const Index most = projections_.cols(), m = atoms_.rows(), n = atoms_.cols();
    const S energy = x.squaredNorm();
    const S enough = static_cast<S>(tolerance * tolerance) * energy;
    // What rounding leaves of a signal that is fitted exactly, as a length squared.
    const S rounding = S(64) * epsilon * epsilon * energy;
    S left = energy;
    Result result{Status::completed, 2 * m * n + 2 * m};
    support_.clear();
    weight_ = unit_weight_;
    if constexpr (Rule == SelectionRule::error_decrease) {
      orthogonal_ = lengths_;
      floor_ = span_tolerance * lengths_;
    }
    score_all(correlations);
    for (;;) {
      // The recursion knows the residual's energy to some roundings of the signal's; below, it is
      // measured.
      if (left <= std::max(enough, S(64) * epsilon * energy)) {
        left = measured_residual(x);
        result.flops += residual_flops();
      }
      if (left <= std::max(enough, rounding)) {
        result.status = Status::converged;
        break;
      }
      const auto size = static_cast<Index>(support_.size());
      if (size == most) break;
      const Index atom = best_atom(correlations, rounding);
      result.flops += 2 * n;
      if (atom < 0) {
        result.status = Status::converged;
        break;
      }
      const S pivot = orthogonalise(atom, size, result.flops);
      if (!(pivot > span_tolerance * lengths_[atom])) {
        pass_over(atom, correlations);
        continue;
      }
      const S scale = 1 / std::sqrt(pivot);
      const S z = correlations[atom] * scale;
      along_[size] = z;
      left -= z * z;
      support_.push_back(atom);
      close(atom);
      advance(atom, size, scale, z, correlations, result.flops);
      result.flops += (Rule == SelectionRule::error_decrease ? 8 : 5) * n + 5;
    }
    solve_coefficients();
    result.flops += static_cast<std::int64_t>(support_.size() * support_.size());
    return result;
  }

  /// The atoms chosen, in order, and their coefficients.
  [[nodiscard]] const std::vector<Index>& support() const noexcept { return support_; }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }

  /// 1/2 ||x - D s||^2 in double. Cost: 2 dim flops an atom chosen.
  template <class X>
  [[nodiscard]] double objective(const X& x) const {
    Vector<double> residual = x.template cast<double>();
    for (std::size_t k = 0; k < support_.size(); ++k)
      residual -= static_cast<double>(coefficients_[static_cast<Index>(k)]) *
                  atoms_.col(support_[k]).template cast<double>();
    return 0.5 * residual.squaredNorm();
  }

 private:
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();
  /// Of an atom's squared length: less than this outside the span of the chosen is rounding.
  static constexpr S span_tolerance = S(64) * epsilon;

  /// Calls `use(segment, chunk)`, where segment(v) is the part of a vector v in that chunk: of
  /// fixed size, so in registers, but for the last.
  template <class Use>
  void for_each_chunk(Use&& use) {
    const Index n = atoms_.cols();
    Index begin = 0, chunk = 0;
    for (; begin + Chunk <= n; begin += Chunk, ++chunk)
      use([begin](auto&& v) { return v.template segment<Chunk>(begin); }, chunk);
    if (begin < n) use([begin, n](auto&& v) { return v.segment(begin, n - begin); }, chunk);
  }

  template <class C>
  void score_all(const C& correlations) {
    for_each_chunk([&](auto segment, Index chunk) {
      chunk_best_[chunk] =
          (segment(correlations).array().square() * segment(weight_).array()).maxCoeff();
    });
  }

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
    const Index end = std::min((chunk + 1) * Chunk, atoms_.cols());
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

  /// The squared length of the atom's part outside the span of those chosen; leaves its parts along
  /// them in `coefficients_` and, in residual form, that part in `directions_`.
  [[nodiscard]] S orthogonalise(Index atom, Index size, std::int64_t& flops) {
    for (Index j = 0; j < size; ++j) coefficients_[j] = projections_(atom, j);
    if (gram_) {
      flops += 2 * size;
      return lengths_[atom] - coefficients_.head(size).squaredNorm();
    }
    auto direction = directions_.col(size);
    direction = atoms_.col(atom);
    for (Index j = 0; j < size; ++j) direction -= coefficients_[j] * directions_.col(j);
    flops += 2 * atoms_.rows() * (size + 1);
    return direction.squaredNorm();
  }

  /// One pass over all atoms: the new projection, the correlations, the lengths, the best of each
  /// chunk.
  template <class C>
  void advance(Index atom, Index size, S scale, S z, C& correlations, std::int64_t& flops) {
    auto projection = projections_.col(size);
    if (gram_) {
      const auto column = gram_->col(atom);
      for_each_chunk([&](auto segment, Index chunk) {
        auto p = segment(column).eval();
        for (Index j = 0; j < size; ++j) p -= coefficients_[j] * segment(projections_.col(j));
        p *= scale;
        segment(projection) = p;
        update_chunk(segment, chunk, p, z, correlations);
      });
      flops += 2 * atoms_.cols() * size;
    } else {
      directions_.col(size) *= scale;
      projection.noalias() = atoms_.transpose() * directions_.col(size);
      for_each_chunk([&](auto segment, Index chunk) {
        update_chunk(segment, chunk, segment(projection), z, correlations);
      });
      flops += 2 * atoms_.size();
    }
  }

  template <class Segment, class P, class C>
  void update_chunk(Segment segment, Index chunk, const P& p, S z, C& correlations) {
    auto c = segment(correlations).array();
    c -= z * p.array();
    if constexpr (Rule == SelectionRule::error_decrease) {
      auto left = segment(orthogonal_).array();
      left -= p.array().square();
      segment(weight_).array() = left.max(segment(floor_).array()).inverse();
    }
    chunk_best_[chunk] = (c.square() * segment(weight_).array()).maxCoeff();
  }

  /// Never look at this atom again: it is chosen, or in the span of the chosen.
  void close(Index atom) {
    weight_[atom] = S(0);
    if constexpr (Rule == SelectionRule::error_decrease)
      floor_[atom] = std::numeric_limits<S>::infinity();
  }

  template <class C>
  void pass_over(Index atom, const C& correlations) {
    close(atom);
    const Index chunk = atom / Chunk, begin = chunk * Chunk;
    const Index count = std::min<Index>(Chunk, atoms_.cols() - begin);
    chunk_best_[chunk] = (correlations.segment(begin, count).array().square() *
                          weight_.segment(begin, count).array())
                             .maxCoeff();
  }

  /// L^T s = z, where L(r, j) = p_j at the r-th chosen atom.
  void solve_coefficients() {
    for (auto k = static_cast<Index>(support_.size()) - 1; k >= 0; --k) {
      S sum = along_[k];
      for (auto r = k + 1; r < static_cast<Index>(support_.size()); ++r)
        sum -= projections_(support_[static_cast<std::size_t>(r)], k) * coefficients_[r];
      coefficients_[k] = sum / projections_(support_[static_cast<std::size_t>(k)], k);
    }
  }

  template <class X>
  [[nodiscard]] S measured_residual(const X& x) {
    solve_coefficients();
    residual_ = x;
    for (std::size_t k = 0; k < support_.size(); ++k)
      residual_ -= coefficients_[static_cast<Index>(k)] * atoms_.col(support_[k]);
    return residual_.squaredNorm();
  }
  [[nodiscard]] std::int64_t residual_flops() const {
    const auto k = static_cast<std::int64_t>(support_.size());
    return k * k + 2 * atoms_.rows() * (k + 1);
  }

  const Matrix<S>& atoms_;
  const Matrix<S>* gram_;
  Vector<S> lengths_;      // squared, of the atoms
  Matrix<S> projections_;  // num_atoms x most: p_k
  Matrix<S> directions_;   // dim x most: q_k, in residual form
  Vector<S> unit_weight_, weight_, orthogonal_, floor_, chunk_best_, along_, coefficients_,
      residual_;
  std::vector<Index> support_;
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

/// Options that `OrthogonalMatchingPursuit` and `OrthogonalLeastSquares` share, and what to do with
/// them.
struct SelectionRequest {
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
  Solution<SparseCodes<S>> solution(num_atoms, n);
  Matrix<S> own_gram;
  const Matrix<S>* gram = nullptr;
  if constexpr (GramDictionary<D>) {
    if (d.has_gram()) gram = &d.gram();
  }
  // The Gram form saves 2 (dim - k/2) num_atoms a choice and costs dim num_atoms^2 once; at most
  // 256 MiB.
  if (!gram && num_atoms <= 8192 && n * most * (2 * d.dim() - most) > d.dim() * num_atoms) {
    own_gram = gram_matrix(d.atoms());
    gram = &own_gram;
    solution.setup_flops = std::int64_t{d.dim()} * num_atoms * num_atoms;
  }
  SelectedEntries<S> entries(most, n);
  const auto run = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
    // Some 256 Ki correlations a block stay in the second-level cache.
    const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024);
    for_each_block(n, block_size, request.threads, [&](Block block, Index) {
      ForwardSelection<S, Rule, Chunk> selection(d.atoms(), gram, most);
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
