// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ACTIVE_SET_HPP
#define LACUNA_ENCODER_ACTIVE_SET_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/concepts/penalty.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/forward_selection.hpp>
#include <lacuna/encoder/selected_basis.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/gram_matrix.hpp>
#include <lacuna/operator/lasso_certificate.hpp>

namespace lacuna {

/// Options of `ActiveSet`.
struct ActiveSetOptions {
  double tolerance = 1e-5;    ///< stop at this relative duality gap; 0: go on to rounding
  Index max_changes = 10000;  ///< atoms taken in or out, a signal: the cap that always ends it
  Index threads = 1;          ///< 0 for all cores; the same bits at any number
};

namespace detail {

template <class P>
concept HasSignConstraint = requires {
  { P::nonnegative } -> std::convertible_to<bool>;
};

/// The active-set method of one signal after another, on lambda ||s||_1 with or without s >= 0.
///
/// The atoms I in use satisfy <d_i, x - D s> = lambda sign_i exactly. With D_I = Q L^T that is
/// L y = D_I^T x - lambda sign_I and L^T s = y; so an atom that comes in, with correlation c_i,
/// adds y_k = (c_i - lambda sign_i) / L_kk and moves the correlations of all atoms by -y_k p_k: the
/// recursion of orthogonal matching pursuit, with a different right side. Where a coefficient would
/// change its sign on the way to the new s, the way ends there and its atom leaves (Lawson &
/// Hanson's step).
template <Real S, bool Nonnegative, int Chunk>
class ActiveSetPath {
 public:
  ActiveSetPath(const Matrix<S>& atoms, const Matrix<S>* gram, double lambda,
                const ActiveSetOptions& options)
      : basis_(atoms, gram, std::min(atoms.rows(), atoms.cols())),
        lambda_(static_cast<S>(lambda)),
        options_(options),
        threshold_(atoms.cols()),
        chunk_best_(basis_.num_chunks()),
        along_(basis_.most() + 1),
        coefficients_(basis_.most() + 1),
        target_(basis_.most() + 1),
        signs_(basis_.most() + 1),
        inner_(basis_.most() + 1) {
    // An atom of length 0 never comes in.
    start_threshold_ = basis_.lengths().unaryExpr(
        [this](S length) { return length > S(0) ? lambda_ : std::numeric_limits<S>::infinity(); });
  }

  struct Result {
    Status status;
    Index changes;
    std::int64_t flops;
  };

  /// @param correlations  D^T x, destroyed. @param initial  a code to begin from, or null.
  template <class X, class C>
  Result run(const X& x, C&& correlations, const S* initial) {
    const Index m = basis_.atoms().rows(), n = basis_.atoms().cols();
    Result result{Status::max_iterations, 0, 2 * m * n + 2 * m};
    basis_.clear();
    threshold_ = start_threshold_;
    energy_ = x.template cast<double>().squaredNorm();
    const S scale = correlations.size() > 0 ? correlations.cwiseAbs().maxCoeff() : S(0);
    const S rounding = S(16) * std::numeric_limits<S>::epsilon() * scale;
    score(correlations);
    if (initial) begin_from(initial, x, correlations, result);
    while (true) {
      const Index atom = most_violating(correlations);
      const S violation = atom < 0 ? S(0) : violation_of(atom, correlations);
      result.flops += 2 * n;
      const double gap = relative_gap(static_cast<double>(violation));
      result.flops += 4 * basis_.size() + 12;
      if (gap <= options_.tolerance) {
        result.status = Status::converged;
        return result;
      }
      if (violation <= rounding) {
        // Optimal as far as S can tell; whether that is the tolerance, the certificate says.
        result.status = options_.tolerance > 0 ? Status::precision_limit : Status::completed;
        return result;
      }
      if (result.changes >= options_.max_changes) return result;
      if (!take(atom, x, correlations, result)) {
        // In the span of the atoms in use, and none of them leaves for it: rounding decided.
        threshold_[atom] = std::numeric_limits<S>::infinity();
        rescore(atom / Chunk, correlations);
      }
    }
  }

  [[nodiscard]] const std::vector<Index>& support() const noexcept { return basis_.support(); }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }

 private:
  using Basis = SelectedBasis<S, Chunk>;

  template <class C>
  void score(const C& correlations) {
    basis_.for_each_chunk([&](auto segment, Index chunk) {
      score_chunk(segment(correlations), segment(threshold_), chunk);
    });
  }
  template <class C>
  void rescore(Index chunk, const C& correlations) {
    const Index begin = chunk * Chunk, count = std::min<Index>(Chunk, threshold_.size() - begin);
    score_chunk(correlations.segment(begin, count), threshold_.segment(begin, count), chunk);
  }
  template <class C, class T>
  void score_chunk(const C& c, const T& threshold, Index chunk) {
    if constexpr (Nonnegative)
      chunk_best_[chunk] = (c - threshold).maxCoeff();
    else
      chunk_best_[chunk] = (c.cwiseAbs() - threshold).maxCoeff();
  }

  template <class C>
  [[nodiscard]] S violation_of(Index i, const C& correlations) const {
    return (Nonnegative ? correlations[i] : std::abs(correlations[i])) - threshold_[i];
  }

  /// The atom not in use whose optimality is violated most, -1 where none is.
  template <class C>
  [[nodiscard]] Index most_violating(const C& correlations) const {
    Index chunk = -1;
    S best = S(0);
    for (Index i = 0; i < chunk_best_.size(); ++i)
      if (chunk_best_[i] > best) {
        best = chunk_best_[i];
        chunk = i;
      }
    if (chunk < 0) return -1;
    const Index end = std::min((chunk + 1) * Chunk, threshold_.size());
    Index atom = chunk * Chunk;
    for (Index i = atom + 1; i < end; ++i)
      if (violation_of(i, correlations) > violation_of(atom, correlations)) atom = i;
    return atom;
  }

  /// The gap of the present code over 1/2 ||x||^2, from inner products alone: for atoms in use
  /// <d_i, r> = lambda sign_i, so ||r||^2 = ||x||^2 - sum s_i <d_i, x> - lambda sum |s_i|.
  [[nodiscard]] double relative_gap(double violation) const {
    if (!(energy_ > 0)) return 0;
    double inner = 0, l1 = 0;
    for (Index k = 0; k < basis_.size(); ++k) {
      inner += static_cast<double>(coefficients_[k]) * static_cast<double>(inner_[k]);
      l1 += std::abs(static_cast<double>(coefficients_[k]));
    }
    const double lambda = static_cast<double>(lambda_);
    const double signal_residual = energy_ - inner;
    const double residual = std::max(0.0, signal_residual - lambda * l1);
    const double primal = 0.5 * residual + lambda * l1;
    const double limit = violation > 0 ? lambda / (lambda + violation) : 1.0;
    const double best = residual > 0 ? signal_residual / residual : 0.0;
    const double c = std::clamp(best, 0.0, limit);
    return std::max(0.0, primal - (c * signal_residual - 0.5 * c * c * residual)) / (0.5 * energy_);
  }

  /// Brings the atom into use, and out those whose coefficients would change sign. False where it
  /// lies in the span of those in use and none of them can leave for it.
  template <class X, class C>
  bool take(Index atom, const X& x, C& correlations, Result& result) {
    const S sign = !Nonnegative && correlations[atom] < S(0) ? S(-1) : S(1);
    S pivot = basis_.outside_span(atom, result.flops);
    S start = S(0);
    if (basis_.size() == basis_.most() ||
        !(pivot > Basis::span_tolerance * basis_.lengths()[atom])) {
      if (!exchange(atom, sign, start, correlations, result)) return false;
      pivot = basis_.outside_span(atom, result.flops);
      if (!(pivot > Basis::span_tolerance * basis_.lengths()[atom])) return false;
    }
    append(atom, sign, start, pivot, x, correlations, result);
    settle(correlations, result);
    return true;
  }

  template <class X, class C>
  void append(Index atom, S sign, S start, S pivot, const X& x, C& correlations, Result& result) {
    const Index size = basis_.size();
    const S length = std::sqrt(pivot);
    const S y = (correlations[atom] - sign * lambda_) / length;
    along_[size] = y;
    signs_[size] = sign;
    coefficients_[size] = start;
    inner_[size] = basis_.atoms().col(atom).dot(x);
    threshold_[atom] = std::numeric_limits<S>::infinity();
    basis_.append(
        atom, length,
        [&](auto segment, Index chunk, const auto& p) {
          auto c = segment(correlations);
          c -= y * p;
          score_chunk(c, segment(threshold_), chunk);
        },
        result.flops);
    result.flops += 3 * threshold_.size() + 2 * x.size();
    ++result.changes;
  }

  /// From the present coefficients towards those that satisfy the equations of the atoms in use, as
  /// far as no sign changes; who reaches 0 leaves, until all signs hold.
  template <class C>
  void settle(C& correlations, Result& result) {
    bool removed = false;
    while (true) {
      basis_.solve(along_, target_);
      result.flops += basis_.size() * basis_.size();
      Index leaving = -1;
      S step = S(1);
      for (Index k = 0; k < basis_.size(); ++k) {
        if (target_[k] * signs_[k] > S(0)) continue;
        const S way = std::abs(coefficients_[k]) + std::abs(target_[k]);
        const S reach = way > S(0) ? std::abs(coefficients_[k]) / way : S(0);
        if (leaving < 0 || reach < step) {
          step = reach;
          leaving = k;
        }
      }
      if (leaving < 0) break;
      for (Index k = 0; k < basis_.size(); ++k)
        coefficients_[k] += step * (target_[k] - coefficients_[k]);
      drop(leaving, correlations, result);
      removed = true;
    }
    for (Index k = 0; k < basis_.size(); ++k) coefficients_[k] = target_[k];
    if (removed) score(correlations);
  }

  /// Takes the atom at this position out of use.
  template <class C>
  void drop(Index position, C& correlations, Result& result) {
    threshold_[basis_.support()[static_cast<std::size_t>(position)]] = lambda_;
    for (Index k = position; k + 1 < basis_.size(); ++k) {
      coefficients_[k] = coefficients_[k + 1];
      signs_[k] = signs_[k + 1];
      inner_[k] = inner_[k + 1];
    }
    basis_.remove(position, along_, result.flops);
    // What the lost direction explained is unexplained again.
    const Index size = basis_.size();
    correlations += along_[size] * basis_.projection(size);
    result.flops += 2 * threshold_.size();
    ++result.changes;
  }

  /// For an atom in the span of those in use: moves along the line that leaves D s as it is, which
  /// lowers the penalty, until an atom in use reaches 0 and leaves. `start` is how far the atom
  /// came in.
  template <class C>
  bool exchange(Index atom, S sign, S& start, C& correlations, Result& result) {
    // D_I v = d_atom: L L^T v = D_I^T d_atom, whose forward half is the row that was asked for.
    const Index size = basis_.size();
    Vector<S> forward(size + 1), v(size + 1);
    for (Index k = 0; k < size; ++k) forward[k] = basis_.projection(k)[atom];
    basis_.solve(forward, v);
    Index leaving = -1;
    S step = std::numeric_limits<S>::infinity();
    for (Index k = 0; k < size; ++k) {
      const S towards = sign * v[k] * signs_[k];
      if (!(towards > S(0))) continue;
      const S reach = std::abs(coefficients_[k]) / towards;
      if (reach < step) {
        step = reach;
        leaving = k;
      }
    }
    if (leaving < 0) return false;
    for (Index k = 0; k < size; ++k) coefficients_[k] -= step * sign * v[k];
    start = step * sign;
    drop(leaving, correlations, result);
    score(correlations);
    result.flops += size * size + 6 * size;
    return true;
  }

  /// The atoms of a code to begin from, as far as they are independent, and its coefficients.
  template <class X, class C>
  void begin_from(const S* initial, const X& x, C& correlations, Result& result) {
    for (Index i = 0; i < threshold_.size() && basis_.size() < basis_.most(); ++i) {
      if (initial[i] == S(0) || (Nonnegative && initial[i] < S(0))) continue;
      if (!(basis_.lengths()[i] > S(0))) continue;
      const S pivot = basis_.outside_span(i, result.flops);
      if (!(pivot > Basis::span_tolerance * basis_.lengths()[i])) continue;
      append(i, initial[i] < S(0) ? S(-1) : S(1), initial[i], pivot, x, correlations, result);
    }
    settle(correlations, result);
  }

  Basis basis_;
  S lambda_;
  const ActiveSetOptions& options_;
  double energy_ = 0;
  Vector<S> start_threshold_;
  Vector<S> threshold_;  // lambda; infinite for atoms in use
  Vector<S> chunk_best_, along_, coefficients_, target_, signs_, inner_;
};

}  // namespace detail

/// The lasso by an active-set method: exact on its support, in a number of steps like the size of
/// the support. Solves min_s 1/2 ||x - D s||^2 + g(s) for `L1` and `NonnegativeL1`; sparse codes.
/// Models `SolverFor` every explicit dictionary.
///
/// The atom whose optimality condition is violated most comes into use, the equations
/// <d_i, x - D s> = lambda sign_i of the atoms in use are solved by an updated factorisation, and
/// atoms whose coefficient would change sign leave: feature-sign search for `L1`, and non-negative
/// least squares with a penalty for `NonnegativeL1`. `encode` stops by the duality gap that the
/// recursion knows; `solve` evaluates it anew, in double. Status: `converged`, `precision_limit`
/// where the element type cannot come closer, `max_iterations` at the cap. Cost: num_atoms k^2
/// flops a signal for k atoms in use, through the Gram matrix where the dictionary carries it or
/// making it pays; 2 dim num_atoms k otherwise. At most min(dim, num_atoms) atoms are in use.
///
/// Source: Lee, Battle, Raina & Ng, "Efficient sparse coding algorithms", 2007; Lawson & Hanson,
/// "Solving least squares problems", 1974, chapter 23; the recursion is that of Rebollo-Neira &
/// Lowe 2002.
///
/// @code
/// const SparseCodes<float> codes = ActiveSet(NonnegativeL1(0.05)).encode(prepared, signals);
/// @endcode
template <Penalty P>
requires detail::HasSignConstraint<P>
class ActiveSet {
 public:
  using Options = ActiveSetOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit ActiveSet(P penalty, ActiveSetOptions options = {})
      : penalty_(std::move(penalty)), options_(options) {
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), "ActiveSet",
            "tolerance must be finite and at least 0, is " + std::to_string(options.tolerance));
    require(options.max_changes >= 0, "ActiveSet",
            "max_changes must be at least 0, is " + std::to_string(options.max_changes));
    require(options.threads >= 0, "ActiveSet",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const P& penalty() const noexcept { return penalty_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding("ActiveSet", d, signals);
    return run(d, signals, nullptr, false).codes;
  }

  /// The same, begun from the support and coefficients of these codes, num_atoms x n.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding("ActiveSet", d, signals, initial_codes);
    return run(d, signals, &initial_codes, false).codes;
  }

  /// Codes with their certificate. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding("ActiveSet", d, signals);
    return run(d, signals, nullptr, true);
  }

  /// The same, begun from the support and coefficients of these codes, num_atoms x n.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding("ActiveSet", d, signals, initial_codes);
    return run(d, signals, &initial_codes, true);
  }

 private:
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(const D& d,
                                                       const MatrixArg<ScalarOf<D>>& signals,
                                                       const MatrixArg<ScalarOf<D>>* initial,
                                                       bool certify) const {
    using S = ScalarOf<D>;
    const Index num_atoms = d.num_atoms(), n = signals.cols();
    const Index most = std::min(num_atoms, d.dim());
    Solution<SparseCodes<S>> solution(num_atoms, n);
    // How many atoms will be in use is not known before; the Gram matrix pays from a few signals
    // on.
    const detail::GramForm<D> form("ActiveSet", d, n, most / 8 + 1, solution.setup_flops);
    detail::SelectedEntries<S> entries(most, n);
    const auto with_chunk = [&]<int Chunk>(std::integral_constant<int, Chunk>) {
      const Index block_size = std::clamp<Index>((Index{1} << 17) / num_atoms, 16, 1024);
      for_each_block(n, block_size, options_.threads, [&](Block block, Index) {
        detail::ActiveSetPath<S, P::nonnegative, Chunk> path(d.atoms(), form.gram(),
                                                             penalty_.lambda(), options_);
        Matrix<S> correlations = d.correlate(signals.middleCols(block.begin, block.count));
        for (Index j = block.begin; j < block.begin + block.count; ++j) {
          const auto result = path.run(signals.col(j), correlations.col(j - block.begin),
                                       initial ? initial->col(j).data() : nullptr);
          const auto there = static_cast<std::size_t>(j);
          entries.set(j, path);
          solution.iterations[there] = result.changes;
          solution.status[there] = result.status;
          solution.flops[there] = result.flops;
        }
      });
    };
    if (num_atoms < 64)
      with_chunk(std::integral_constant<int, 16>());
    else
      with_chunk(std::integral_constant<int, 64>());
    entries.assemble(solution.codes);
    if (certify) certify_all(d, signals, solution);
    return solution;
  }

  template <class D>
  void certify_all(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                   Solution<SparseCodes<ScalarOf<D>>>& solution) const {
    using S = ScalarOf<D>;
    constexpr Index block_size = 256;  // so that codes are dense a block at a time only
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      LassoCertifier<D, P> certifier(d, penalty_);
      const Matrix<S> codes = solution.codes.middleCols(block.begin, block.count);
      certifier.for_each(
          signals.middleCols(block.begin, block.count), codes, [&](Index j, Certificate c) {
            const Index column = block.begin + j;
            const auto there = static_cast<std::size_t>(column);
            solution.objective[column] = c.objective;
            solution.gap[column] = c.gap;
            solution.relative_gap[column] = c.relative_gap;
            Status& status = solution.status[there];
            // The recursion's gap has the rounding of S; the certificate has the last word.
            if (options_.tolerance > 0 && status != Status::max_iterations)
              status = c.relative_gap <= options_.tolerance ? Status::converged
                                                            : Status::precision_limit;
          });
    });
  }

  P penalty_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ACTIVE_SET_HPP
