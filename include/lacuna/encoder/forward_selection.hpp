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
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/chunk_scores.hpp>
#include <lacuna/encoder/gram_form.hpp>
#include <lacuna/encoder/lane_selection.hpp>
#include <lacuna/encoder/selected_basis.hpp>
#include <lacuna/encoder/selected_entries.hpp>
#include <lacuna/operator/check_encoding.hpp>

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
/// end. Vectors over the atoms have room for a whole last chunk; an atom that is not there has
/// weight 0.
template <Real S, SelectionRule Rule, int Chunk>
class ForwardSelection {
 public:
  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  ForwardSelection(const Matrix<S>& atoms, const Matrix<S>* gram, Index most)
      : basis_(atoms, gram, most),
        lengths_(Vector<S>::Zero(basis_.num_chunks() * Chunk)),
        correlations_(Vector<S>::Zero(lengths_.size())),
        outside_(lengths_.size()),
        floor_(lengths_.size()),
        scores_(basis_.num_chunks()),
        along_(most),
        coefficients_(most),
        unit_(atoms.rows()) {
    lengths_.head(atoms.cols()) = basis_.lengths();
    // An atom of length 0 is never chosen.
    unit_weight_ = lengths_.unaryExpr([](S length) { return length > S(0) ? 1 / length : S(0); });
    weight_ = unit_weight_;
  }

  /// The same for many signals of few atoms.
  using InLanes = LaneSelection<S, Rule == SelectionRule::error_decrease>;

  struct Result {
    Status status;
    std::int64_t flops;
  };

  /// @param correlations  D^T x. @param certify  whether the status is asked for.
  template <class X, class C>
  Result run(const X& x, const C& correlations, double tolerance, bool certify) {
    const Index num_atoms = basis_.atoms().cols();
    const S energy = x.squaredNorm();
    // Squares of a signal that is very large or very small do not fit S: it is fitted at length 1,
    // then.
    if (!energy_fits(energy)) {
      const S length = x.stableNorm();
      if (length > S(0)) {
        unit_ = x / length;
        correlations_.head(num_atoms).noalias() = basis_.atoms().transpose() * unit_;
        Result result = select(unit_, unit_.squaredNorm(), tolerance, certify);
        result.flops += 2 * basis_.atoms().size();
        coefficients_ *= length;
        return result;
      }
    }
    correlations_.head(num_atoms) = correlations;
    return select(x, energy, tolerance, certify);
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

  template <class X>
  Result select(const X& x, S energy, double tolerance, bool certify) {
    const Index m = basis_.atoms().rows(), n = basis_.atoms().cols();
    const S enough = static_cast<S>(tolerance * tolerance) * energy;
    // What rounding leaves of a signal that is fitted exactly, as a length squared.
    const S rounding = S(64) * epsilon * epsilon * energy;
    S left = energy;
    Result result{Status::completed, 2 * m * n + 2 * m};
    start();
    for (;;) {
      const Index size = basis_.size();
      const bool full = size == basis_.most();
      // The recursion knows the residual's energy to some roundings of the signal's; below, it is
      // measured, unless all that hangs on it is a status that nobody reads.
      const bool measure = left <= std::max(enough, S(64) * epsilon * energy) && (certify || !full);
      if (measure || full) {
        basis_.solve(along_, coefficients_);
        result.flops += size * size;
      }
      if (measure) {
        left = static_cast<S>(2 * basis_.half_squared_error(x, coefficients_));
        result.flops += 2 * m * (size + 1);
      }
      if (left <= std::max(enough, rounding)) {
        result.status = Status::converged;
        return result;
      }
      if (full) return result;
      const Index atom = scores_.argmax(rounding, [this](Index chunk) {
        return at(correlations_, chunk).square() * at(weight_, chunk);
      });
      result.flops += 2 * n;
      if (atom < 0) break;
      const S pivot = basis_.outside_span(atom, result.flops);
      close(atom);
      if (!(pivot > Basis::span_tolerance * lengths_[atom])) {
        score(atom / Chunk);
        continue;
      }
      const S length = std::sqrt(pivot);
      const S z = correlations_[atom] / length;
      along_[size] = z;
      left -= z * z;
      basis_.push_padded(atom, length, Update{*this, z}, result.flops);
      result.flops += (Rule == SelectionRule::error_decrease ? 7 : 4) * n + 4;
    }
    basis_.solve(along_, coefficients_);
    result.flops += basis_.size() * basis_.size();
    return result;
  }

  void start() {
    basis_.clear();
    weight_ = unit_weight_;
    if constexpr (Rule == SelectionRule::error_decrease) {
      outside_ = lengths_;
      // An atom that is not there, or of length 0, keeps weight 0.
      floor_ =
          (lengths_.array() > S(0))
              .select(Basis::span_tolerance * lengths_.array(), std::numeric_limits<S>::infinity());
    }
    for (Index chunk = 0; chunk < basis_.num_chunks(); ++chunk) score(chunk);
  }

  /// What a chunk p of the new projection means to its atoms. Not a lambda, as those cannot be told
  /// portably to be inlined, and p is in registers.
  struct Update {
    ForwardSelection& selection;
    S z;

    EIGEN_ALWAYS_INLINE void operator()(Index chunk, const Eigen::Matrix<S, Chunk, 1>& p) const {
      at(selection.correlations_, chunk) -= z * p.array();
      if constexpr (Rule == SelectionRule::error_decrease) {
        auto outside = at(selection.outside_, chunk);
        outside -= p.array().square();
        at(selection.weight_, chunk) = outside.max(at(selection.floor_, chunk)).inverse();
      }
      selection.score(chunk);
    }
  };

  EIGEN_ALWAYS_INLINE void score(Index chunk) {
    scores_.set(chunk, at(correlations_, chunk).square() * at(weight_, chunk));
  }

  /// Never look at this atom again: it is chosen, or in the span of the chosen.
  void close(Index atom) {
    weight_[atom] = S(0);
    if constexpr (Rule == SelectionRule::error_decrease)
      floor_[atom] = std::numeric_limits<S>::infinity();
  }

  static auto at(Vector<S>& v, Index chunk) {
    return v.template segment<Chunk>(chunk * Chunk).array();
  }

  Basis basis_;
  Vector<S> lengths_, unit_weight_, correlations_, weight_, outside_, floor_;
  ChunkScores<S, Chunk> scores_;
  Vector<S> along_, coefficients_;
  Vector<S> unit_;  // the signal at length 1
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

/// @throws std::invalid_argument naming the option that is out of range.
template <class Options>
void check_selection_options(const char* where, const Options& options) {
  require(options.k >= 1, where, "k must be at least 1, is " + std::to_string(options.k));
  require(options.tolerance >= 0 && std::isfinite(options.tolerance), where,
          "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
  require(options.threads >= 0, where,
          "threads must be at least 0, is " + std::to_string(options.threads));
}

/// `select_each` of one block, as many signals at once as there are lanes; those that leave the
/// plain course are left to `selection`.
template <ExplicitDictionary D, class Selection>
void select_in_lanes(const D& d, const Matrix<ScalarOf<D>>& gram,
                     const MatrixArg<ScalarOf<D>>& signals, const SelectionRequest& request,
                     Block block, Selection& selection, SelectedEntries<ScalarOf<D>>& entries,
                     Solution<SparseCodes<ScalarOf<D>>>& solution) {
  using S = ScalarOf<D>;
  using InLanes = typename Selection::InLanes;
  const Index most = std::min({request.k, d.num_atoms(), d.dim()});
  InLanes in_lanes(d.atoms(), gram, most);
  const auto x = signals.middleCols(block.begin, block.count);
  const Matrix<S> correlations = x.transpose() * d.atoms();
  const Vector<S> energies = x.colwise().squaredNorm().transpose();
  const std::int64_t flops = in_lanes.flops(d.dim());
  Vector<double> residual(d.dim());
  for (Index begin = 0; begin < block.count; begin += InLanes::lanes) {
    const Index count = std::min<Index>(InLanes::lanes, block.count - begin);
    in_lanes.run(correlations.middleRows(begin, count), energies.segment(begin, count));
    for (Index l = 0; l < count; ++l) {
      const Index j = block.begin + begin + l;
      const auto there = static_cast<std::size_t>(j);
      solution.gap[j] = solution.relative_gap[j] = std::numeric_limits<double>::quiet_NaN();
      if (!in_lanes.read(static_cast<int>(l))) {
        const auto result = selection.run(signals.col(j), correlations.row(begin + l).transpose(),
                                          0, request.certify);
        entries.set(j, selection);
        solution.iterations[there] = static_cast<Index>(selection.support().size());
        solution.status[there] = result.status;
        solution.flops[there] = result.flops;
        if (request.certify) solution.objective[j] = selection.objective(signals.col(j));
        continue;
      }
      entries.set(j, in_lanes);
      solution.iterations[there] = most;
      solution.flops[there] = flops;
      if (!request.certify) continue;
      residual = signals.col(j).template cast<double>();
      for (Index k = 0; k < most; ++k)
        residual -=
            static_cast<double>(in_lanes.coefficient(k)) *
            d.atoms().col(in_lanes.support()[static_cast<std::size_t>(k)]).template cast<double>();
      solution.objective[j] = 0.5 * residual.squaredNorm();
      constexpr auto epsilon = static_cast<double>(std::numeric_limits<S>::epsilon());
      // Fitted but for rounding, as `ForwardSelection` has it.
      if (2 * solution.objective[j] <=
          64 * epsilon * epsilon * static_cast<double>(energies[begin + l]))
        solution.status[there] = Status::converged;
    }
  }
}

/// Runs a selection on every signal. @param make  (gram or null, most atoms) -> its work space.
template <ExplicitDictionary D, class Make>
[[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> select_each(const D& d,
                                                             const MatrixArg<ScalarOf<D>>& signals,
                                                             const SelectionRequest& request,
                                                             Make&& make) {
  using S = ScalarOf<D>;
  const Index num_atoms = d.num_atoms(), n = signals.cols();
  const Index most = std::min({request.k, num_atoms, d.dim()});
  SelectedEntries<S> entries(request.where, most, n);
  Solution<SparseCodes<S>> solution(num_atoms, n);
  const GramForm<D> form(request.where, d, n, most, request.threads, solution.setup_flops);
  // Enough signals for the product with D^T to run at its speed; of few atoms some more.
  const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 128, 1024);
  for_each_block(n, block_size, request.threads, [&](Block block, Index) {
    auto selection = make(form.gram(), most);
    if constexpr (requires { typename decltype(selection)::InLanes; }) {
      using InLanes = typename decltype(selection)::InLanes;
      if (form.gram() && request.tolerance == 0 && num_atoms <= InLanes::most_atoms &&
          most <= InLanes::most_choices) {
        select_in_lanes(d, *form.gram(), signals, request, block, selection, entries, solution);
        return;
      }
    }
    const Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
    for (Index j = block.begin; j < block.begin + block.count; ++j) {
      const auto result = selection.run(signals.col(j), correlations.col(j - block.begin),
                                        request.tolerance, request.certify);
      const auto there = static_cast<std::size_t>(j);
      entries.set(j, selection);
      solution.iterations[there] = static_cast<Index>(selection.support().size());
      solution.status[there] = result.status;
      solution.flops[there] = result.flops;
      solution.gap[j] = solution.relative_gap[j] = std::numeric_limits<double>::quiet_NaN();
      if (request.certify) solution.objective[j] = selection.objective(signals.col(j));
    }
  });
  entries.assemble(solution.codes);
  return solution;
}

template <SelectionRule Rule, ExplicitDictionary D>
[[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> select_forward(
    const D& d, const MatrixArg<ScalarOf<D>>& signals, const SelectionRequest& request) {
  using S = ScalarOf<D>;
  return select_where_squares_fit(request.where, d, [&](const auto& fitting) {
    const auto with_chunk = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
      return select_each(fitting, signals, request, [&](const Matrix<S>* gram, Index most) {
        return ForwardSelection<S, Rule, Chunk>(fitting.atoms(), gram, most);
      });
    };
    if (fitting.num_atoms() < 64) return with_chunk(std::integral_constant<int, 16>());
    return with_chunk(std::integral_constant<int, 64>());
  });
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_FORWARD_SELECTION_HPP
