// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ACTIVE_SET_PATH_HPP
#define LACUNA_ENCODER_ACTIVE_SET_PATH_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <lacuna/core/status.hpp>
#include <lacuna/encoder/atom_violations.hpp>
#include <lacuna/encoder/residual_correlations.hpp>
#include <lacuna/encoder/support_factor.hpp>

namespace lacuna {

namespace detail {

/// The active-set method of one signal after another, on sum_i t_i |s_i| + ridge/2 ||s||^2 with or
/// without s >= 0.
///
/// The atoms I in use satisfy <d_i, x - D s> = t_i sign_i exactly. With D_I = Q L^T that is
/// L y = D_I^T x - t_I sign_I and L^T s = y; so an atom that comes in, with row r of L and before
/// it correlation c_i = <d_i, x> - <r, y>, adds y_k = (c_i - t_i sign_i) / L_kk. Where a
/// coefficient would change its sign on the way to the new s, the way ends there and its atom
/// leaves (Lawson & Hanson's step). The correlations of all atoms, which say who comes next, are
/// made anew from s once for a few atoms that come in. A ridge is part of the fit: D stands for [D;
/// sqrt(ridge) I] and x for [x; 0] (Zou & Hastie 2005), of which only the Gram matrix and the
/// lengths differ.
template <Real S, bool Nonnegative, int Chunk>
class ActiveSetPath {
 public:
  using Choice = ViolationChoice;

  /// One threshold for all atoms, and no ridge.
  ActiveSetPath(const Matrix<S>& atoms, const Matrix<S>* gram, double lambda, double tolerance,
                Index max_changes, Choice choice = Choice::violation)
      : ActiveSetPath(atoms, gram, Vector<S>::Constant(atoms.cols(), static_cast<S>(lambda)), 0.0,
                      tolerance, max_changes, choice) {}

  /// @param gram  null for the residual form, which knows no ridge; with the ridge on its diagonal.
  /// Both are the caller's and outlive this work space. @param thresholds  num_atoms.
  ActiveSetPath(const Matrix<S>& atoms, const Matrix<S>* gram, const Vector<S>& thresholds,
                double ridge, double tolerance, Index max_changes,
                Choice choice = Choice::violation)
      : all_(atoms, gram),
        lengths_(atoms.colwise().squaredNorm().transpose()),
        factor_(ridge > 0 ? atoms.cols() : std::min(atoms.rows(), atoms.cols())),
        ridge_(static_cast<S>(ridge)),
        tolerance_(tolerance),
        max_changes_(max_changes),
        violations_(lengths_, thresholds, choice),
        start_(atoms.cols()),
        exchanged_at_(atoms.cols()),
        along_(factor_.most() + 1),
        coefficients_(factor_.most() + 1),
        target_(factor_.most() + 1),
        forward_(factor_.most() + 1),
        signs_(factor_.most() + 1) {
    support_.reserve(static_cast<std::size_t>(factor_.most()));
  }

  /// The next `run` begins with this atom in use, and this coefficient: from atoms in rising order.
  void begin_with(Index atom, S coefficient) {
    if (coefficient == S(0) || (Nonnegative && coefficient < S(0))) return;
    if (!std::isfinite(violations_.threshold(atom))) return;
    initial_.push_back({atom, coefficient});
  }

  struct Result {
    Status status;
    Index changes;
    std::int64_t flops;
  };

  /// The optimum. @param correlations  D^T x, destroyed.
  template <class X, class C>
  Result run(const X& x, C&& correlations) {
    Result result = begin(x, correlations);
    if (!initial_.empty()) {
      take_initial(result);
      correlate(x, correlations, result);
    }
    while (true) {
      Index atom = violations_.most(correlations);
      if (atom >= 0) all_.expect(atom);
      const S violation = atom < 0 ? S(0) : violations_.of(atom, correlations[atom]);
      result.flops += 2 * violations_.num_atoms() + 4 * factor_.size() + 12;
      // At tolerance 0 a gap of 0 proves nothing: it is of inner products, and rounding ends it
      // there while violations, of which it is the square, are still seen.
      if (tolerance_ > 0 ? relative_gap(static_cast<double>(violation)) <= tolerance_
                         : !(violation > S(0))) {
        if (reopen(correlations)) continue;
        result.status = Status::converged;
        return result;
      }
      if (atom < 0 || violation <= violations_.rounding_of(atom, rounding()))
        atom = violations_.beyond_rounding(correlations, rounding());
      if (atom < 0) {
        if (reopen(correlations)) continue;
        // Optimal as far as S can tell; whether that is the tolerance, the certificate says.
        result.status = tolerance_ > 0 ? Status::precision_limit : Status::completed;
        return result;
      }
      if (result.changes >= max_changes_) {
        result.status = tolerance_ > 0 ? Status::max_iterations : Status::completed;
        return result;
      }
      take_or_close(atom, x, correlations, result,
                    [&] { take_more(atom, violation, correlations, result); });
    }
  }

  /// Greedy: k times the most violating atom, each time with the optimum on those in use. With
  /// lambda = 0 and s >= 0 that is non-negative orthogonal matching pursuit. Ends earlier at a
  /// residual of tolerance ||x||, or where no atom is violated.
  template <class X, class C>
  Result select(const X& x, C&& correlations, Index k) {
    Result result = begin(x, correlations);
    result.status = Status::completed;
    const double enough =
        std::max(tolerance_ * tolerance_, 64 * double(std::numeric_limits<S>::epsilon()) *
                                              double(std::numeric_limits<S>::epsilon())) *
        energy_;
    Index selected = 0;
    while (true) {
      result.flops += 2 * violations_.num_atoms() + 2 * factor_.size();
      if (residual_energy(x) <= enough) {
        result.status = Status::converged;
        return result;
      }
      if (selected == k) return result;
      const Index atom = violations_.most(correlations);
      if (atom < 0 ||
          violations_.of(atom, correlations[atom]) <= violations_.rounding_of(atom, rounding()))
        return result;
      take_or_close(atom, x, correlations, result, [&] { ++selected; });
    }
  }

  [[nodiscard]] const std::vector<Index>& support() const noexcept { return support_; }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }

  /// 1/2 ||x - D s||^2 of the present code, in double.
  template <class X>
  [[nodiscard]] double half_squared_error(const X& x) const {
    return detail::half_squared_error(all_.atoms(), support_, x, coefficients_);
  }

 private:
  template <class X, class C>
  Result begin(const X& x, const C& correlations) {
    factor_.clear();
    support_.clear();
    closed_.clear();
    violations_.start();
    exchanged_at_.setConstant(std::numeric_limits<double>::infinity());
    energy_ = x.template cast<double>().squaredNorm();
    start_ = correlations;
    all_.chunks().for_each(
        [&](auto segment, Index chunk) { violations_.score(correlations, segment, chunk); });
    const Index m = all_.atoms().rows(), n = all_.atoms().cols();
    return {Status::max_iterations, 0, 2 * m * n + 2 * m};
  }

  /// `then()` where the atom comes into use. Otherwise, in the span of those in use and none leaves
  /// for it, rounding decided, and it is looked at no more.
  template <class X, class C, class Then>
  void take_or_close(Index atom, const X& x, C& correlations, Result& result, const Then& then) {
    const Index changes = result.changes;
    if (take(atom, correlations[atom], result)) {
      then();
    } else {
      violations_.close(atom);
      closed_.push_back(atom);
      left_since_ = false;
    }
    if (result.changes > changes)
      correlate(x, correlations, result);
    else
      all_.chunks().with(atom / Chunk, [&](auto segment) {
        violations_.score(correlations, segment, atom / Chunk);
      });
  }

  /// At the end: looks again at atoms that were closed, if what closed them may have left. False
  /// where there is none.
  template <class C>
  bool reopen(const C& correlations) {
    if (closed_.empty() || !left_since_) return false;
    for (const Index atom : closed_) {
      violations_.open(atom);
      all_.chunks().with(atom / Chunk, [&](auto segment) {
        violations_.score(correlations, segment, atom / Chunk);
      });
    }
    closed_.clear();
    return true;
  }

  /// The correlations of all atoms with the residual of the present code, and their scores.
  template <class X, class C>
  void correlate(const X& x, C& correlations, Result& result) {
    all_.write(
        x, start_, support_, coefficients_, correlations,
        [&](auto segment, Index chunk) { violations_.score(correlations, segment, chunk); },
        result.flops);
  }

  /// ||x - D s||^2: from inner products, and measured where those are at their rounding.
  template <class X>
  [[nodiscard]] double residual_energy(const X& x) const {
    double left = energy_;
    for (Index k = 0; k < factor_.size(); ++k)
      left -= static_cast<double>(coefficients_[k]) * (static_cast<double>(start_[atom_at(k)]) +
                                                       static_cast<double>(base_of(k) * signs_[k]));
    const double rounding = 64 * static_cast<double>(std::numeric_limits<S>::epsilon());
    return left > rounding * energy_ ? left : 2 * half_squared_error(x);
  }

  /// What rounding leaves of the violation of an atom, over its length and weight: of x, and of the
  /// atoms in use that make up for it.
  [[nodiscard]] S rounding() const {
    S terms = static_cast<S>(std::sqrt(energy_));
    for (Index k = 0; k < factor_.size(); ++k)
      terms += std::abs(coefficients_[k]) * violations_.root_length(atom_at(k));
    return S(4) * std::numeric_limits<S>::epsilon() * terms;
  }

  struct Sums {
    double inner, l1;
  };
  /// <x, D s> and sum_i t_i |s_i|.
  [[nodiscard]] Sums sums() const {
    Sums sums{0, 0};
    for (Index k = 0; k < factor_.size(); ++k) {
      sums.inner += static_cast<double>(coefficients_[k]) * static_cast<double>(start_[atom_at(k)]);
      sums.l1 += std::abs(static_cast<double>(coefficients_[k])) * static_cast<double>(base_of(k));
    }
    return sums;
  }
  /// 1/2 ||x - D s||^2 + sum_i t_i |s_i| of settled coefficients, as in `relative_gap`.
  [[nodiscard]] double objective() const {
    const auto [inner, l1] = sums();
    return 0.5 * std::max(0.0, energy_ - inner - l1) + l1;
  }

  /// The gap of the present code over 1/2 ||x||^2, from inner products alone: for atoms in use
  /// <d_i, r> = t_i sign_i, so ||r||^2 = ||x||^2 - sum s_i <d_i, x> - sum t_i |s_i|.
  [[nodiscard]] double relative_gap(double violation) const {
    if (!(energy_ > 0)) return 0;
    const auto [inner, l1] = sums();
    const double unit = static_cast<double>(violations_.unit());
    const double signal_residual = energy_ - inner;
    const double residual = std::max(0.0, signal_residual - l1);
    const double primal = 0.5 * residual + l1;
    const double limit = violation > 0 ? unit / (unit + violation) : 1.0;
    const double best = residual > 0 ? signal_residual / residual : 0.0;
    const double c = std::clamp(best, 0.0, limit);
    return std::max(0.0, primal - (c * signal_residual - 0.5 * c * c * residual)) / (0.5 * energy_);
  }

  /// Brings the atom into use, and out those whose coefficients would change sign. False where it
  /// lies in the span of those in use and none of them can leave for it. Correlations are then
  /// those of before.
  bool take(Index atom, S correlation, Result& result) {
    const S sign = !Nonnegative && correlation < S(0) ? S(-1) : S(1);
    S pivot = outside_span(atom, result);
    S start = S(0);
    if (factor_.size() == factor_.most() || !independent(pivot, atom)) {
      if (!exchange(atom, sign, start, result)) return false;
      pivot = outside_span(atom, result);
      if (!independent(pivot, atom)) {
        // What left was not what ties it to those in use: they are fitted without either.
        settle(result);
        return false;
      }
    }
    append(atom, sign, start, pivot, asked_correlation(atom), result);
    settle(result);
    return true;
  }

  /// A pass over all atoms is what a change costs, and is made once for a few: after the first, of
  /// this violation, has come in, atoms of other chunks that are violated by more than half of
  /// that, at the correlations as they are by now, come into use too.
  template <class C>
  void take_more(Index first, S violation, const C& correlations, Result& result) {
    // Chunks as they were scored before the first atom came in.
    std::array<Index, most_more> atoms;
    const std::size_t count = violations_.most_chunks(violation / 2, first / Chunk, atoms);
    for (std::size_t i = 0; i < count; ++i) {
      atoms[i] = violations_.most_of(atoms[i], correlations);
      all_.expect(atoms[i]);
    }
    bool settled = true;
    for (std::size_t i = 0; i < count; ++i) {
      if (result.changes >= max_changes_ || factor_.size() == factor_.most()) break;
      const Index atom = atoms[i];
      const S pivot = outside_span(atom, result);
      const S correlation = asked_correlation(atom);
      const S own = violations_.of(atom, correlation);
      if (!independent(pivot, atom) || !(own > violation / 2) ||
          !(own > violations_.rounding_of(atom, rounding())))
        continue;
      append(atom, !Nonnegative && correlation < S(0) ? S(-1) : S(1), S(0), pivot, correlation,
             result);
      settled = false;
    }
    if (!settled) settle(result);
  }

  /// The squared length of the atom's part outside the span of those in use. `append` may follow.
  [[nodiscard]] S outside_span(Index atom, Result& result) {
    const Index size = factor_.size();
    all_.inner_products(atom, support_, factor_.row(), result.flops);
    result.flops += size * size + 2 * size;
    return lengths_[atom] - factor_.substitute() + ridge_;
  }
  [[nodiscard]] bool independent(S pivot, Index atom) const {
    return pivot > SupportFactor<S>::span_tolerance * (lengths_[atom] + ridge_);
  }
  /// The correlation, at what the equations of the atoms in use say, of the atom that
  /// `outside_span` was last asked for.
  [[nodiscard]] S asked_correlation(Index atom) const {
    return start_[atom] - factor_.row().transpose().dot(along_.head(factor_.size()));
  }

  [[nodiscard]] Index atom_at(Index k) const { return support_[static_cast<std::size_t>(k)]; }
  /// The threshold of the k-th atom in use.
  [[nodiscard]] S base_of(Index k) const { return violations_.threshold(atom_at(k)); }

  /// The atom that `outside_span` was last asked for, of this correlation, into use.
  void append(Index atom, S sign, S start, S pivot, S correlation, Result& result) {
    const Index size = factor_.size();
    const S length = std::sqrt(pivot);
    along_[size] = (correlation - sign * violations_.threshold(atom)) / length;
    signs_[size] = sign;
    coefficients_[size] = start;
    violations_.close(atom);
    factor_.push(length);
    support_.push_back(atom);
    result.flops += 2 * size;
    ++result.changes;
  }

  /// From the present coefficients towards those that satisfy the equations of the atoms in use, as
  /// far as no sign changes; who reaches 0 leaves, until all signs hold.
  void settle(Result& result) {
    while (true) {
      const Index size = factor_.size();
      factor_.solve(along_, target_);
      result.flops += size * size;
      Index leaving = -1;
      S step = S(1);
      for (Index k = 0; k < size; ++k) {
        if (target_[k] * signs_[k] > S(0)) continue;
        const S way = std::abs(coefficients_[k]) + std::abs(target_[k]);
        const S reach = way > S(0) ? std::abs(coefficients_[k]) / way : S(0);
        if (leaving < 0 || reach < step) {
          step = reach;
          leaving = k;
        }
      }
      if (leaving < 0) break;
      coefficients_.head(size) += step * (target_.head(size) - coefficients_.head(size));
      drop(leaving, result);
    }
    coefficients_.head(factor_.size()) = target_.head(factor_.size());
  }

  /// Takes the atom at this position out of use.
  void drop(Index position, Result& result) {
    violations_.open(atom_at(position));
    const Index behind = factor_.size() - 1 - position;
    for (Index k = position; k < position + behind; ++k) {
      coefficients_[k] = coefficients_[k + 1];
      signs_[k] = signs_[k + 1];
    }
    support_.erase(support_.begin() + position);
    factor_.remove(position, [](Index, S, S) {});
    const Index size = factor_.size();
    for (Index k = position; k < size; ++k) along_[k] = start_[atom_at(k)] - signs_[k] * base_of(k);
    factor_.solve_forward(position, along_);
    result.flops += 3 * behind * (behind + 3) + size * size - position * position;
    ++result.changes;
    left_since_ = true;
  }

  /// For an atom in the span of those in use: moves along the line that leaves D s as it is, which
  /// lowers the penalty, until an atom in use reaches 0 and leaves. `start` is how far the atom
  /// came in. An atom that left so comes back so only once the objective has fallen by more than
  /// its rounding: what the span's tolerance hides would have two atoms take turns for ever.
  bool exchange(Index atom, S sign, S& start, Result& result) {
    // D_I v = d_atom: L L^T v = D_I^T d_atom, whose forward half is the row that was asked for.
    const Index size = factor_.size();
    const double objective = this->objective();
    if (objective > exchanged_at_[atom] - std::sqrt(energy_) * static_cast<double>(rounding()))
      return false;
    Vector<S>& v = target_;
    forward_.head(size) = factor_.row().transpose();
    factor_.solve(forward_, v);
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
    coefficients_.head(size) -= step * sign * v.head(size);
    start = step * sign;
    exchanged_at_[atom_at(leaving)] = objective;
    drop(leaving, result);
    result.flops += size * size + 6 * size;
    return true;
  }

  /// The atoms to begin from, as far as they are independent, and their coefficients.
  void take_initial(Result& result) {
    for (const auto& [atom, coefficient] : initial_) {
      if (factor_.size() == factor_.most()) break;
      // No residual, which is no longer than x, correlates with it that much: it is not in the
      // solution, and a threshold far above the rest would take their digits on its way out.
      if (!(violations_.threshold(atom) <= std::sqrt(lengths_[atom] * static_cast<S>(energy_))))
        continue;
      if (!(lengths_[atom] > S(0))) continue;
      const S pivot = outside_span(atom, result);
      if (!independent(pivot, atom)) continue;
      append(atom, coefficient < S(0) ? S(-1) : S(1), coefficient, pivot, asked_correlation(atom),
             result);
    }
    initial_.clear();
    settle(result);
  }

  static constexpr std::size_t most_more = 7;  // atoms, of a pass, behind the first

  ResidualCorrelations<S, Chunk> all_;
  Vector<S> lengths_;  // squared
  SupportFactor<S> factor_;
  std::vector<Index> support_;
  S ridge_;
  double tolerance_;
  Index max_changes_;
  AtomViolations<S, Nonnegative, Chunk> violations_;
  double energy_ = 0;
  Vector<S> start_;              // D^T x
  Vector<double> exchanged_at_;  // the objective at which an atom last left by exchange
  std::vector<Index> closed_;    // in the span of those in use when they were violated
  bool left_since_ = false;      // whether an atom left since one was closed
  std::vector<std::pair<Index, S>> initial_;
  Vector<S> along_, coefficients_, target_, forward_, signs_;
};

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ACTIVE_SET_PATH_HPP
