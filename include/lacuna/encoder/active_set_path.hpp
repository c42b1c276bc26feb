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
#include <lacuna/encoder/signed_fit.hpp>

namespace lacuna::detail {

/// The active-set method of one signal after another, on sum_i t_i |s_i| + ridge/2 ||s||^2 with or
/// without s >= 0: who comes into use, and when it ends. The code of those in use is a `SignedFit`.
///
/// The atom that is violated most comes in, and a few more of other chunks before the correlations
/// of all atoms, which say who comes next, are made anew from s.
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
      : fit_(atoms, gram, thresholds, ridge),
        tolerance_(tolerance),
        max_changes_(max_changes),
        violations_(fit_.lengths(), thresholds, choice) {
    closed_.reserve(static_cast<std::size_t>(atoms.cols()));
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
    begin(x, correlations);
    if (!initial_.empty()) {
      take_initial();
      correlate(x, correlations);
    }
    while (true) {
      Index atom = violations_.most(correlations);
      if (atom >= 0) fit_.expect(atom);
      const S violation = atom < 0 ? S(0) : violations_.of(atom, correlations[atom]);
      fit_.add_flops(2 * violations_.num_atoms() + 4 * fit_.size() + 12);
      // At tolerance 0 a gap of 0 proves nothing: it is of inner products, and rounding ends it
      // there while violations, of which it is the square, are still seen.
      if (tolerance_ > 0 ? relative_gap(static_cast<double>(violation)) <= tolerance_
                         : !(violation > S(0))) {
        if (reopen(correlations)) continue;
        return ended(Status::converged);
      }
      if (atom < 0 || violation <= violations_.rounding_of(atom, fit_.rounding()))
        atom = violations_.beyond_rounding(correlations, fit_.rounding());
      if (atom < 0) {
        if (reopen(correlations)) continue;
        // Optimal as far as S can tell; whether that is the tolerance, the certificate says.
        return ended(tolerance_ > 0 ? Status::precision_limit : Status::completed);
      }
      if (fit_.work().changes >= max_changes_)
        return ended(tolerance_ > 0 ? Status::max_iterations : Status::completed);
      take_or_close(atom, x, correlations, [&] { take_more(atom, violation, correlations); });
    }
  }

  /// Greedy: k times the most violating atom, each time with the optimum on those in use. With
  /// lambda = 0 and s >= 0 that is non-negative orthogonal matching pursuit. Ends earlier at a
  /// residual of tolerance ||x||, or where no atom is violated.
  template <class X, class C>
  Result select(const X& x, C&& correlations, Index k) {
    begin(x, correlations);
    const double epsilon = std::numeric_limits<S>::epsilon();
    const double enough = std::max(tolerance_ * tolerance_, 64 * epsilon * epsilon) * fit_.energy();
    Index selected = 0;
    while (true) {
      fit_.add_flops(2 * violations_.num_atoms() + 2 * fit_.size());
      if (fit_.residual_energy(x) <= enough) return ended(Status::converged);
      if (selected == k) return ended(Status::completed);
      const Index atom = violations_.most(correlations);
      if (atom < 0 || violations_.of(atom, correlations[atom]) <=
                          violations_.rounding_of(atom, fit_.rounding()))
        return ended(Status::completed);
      take_or_close(atom, x, correlations, [&] { ++selected; });
    }
  }

  [[nodiscard]] const std::vector<Index>& support() const noexcept { return fit_.support(); }
  [[nodiscard]] S coefficient(Index k) const { return fit_.coefficient(k); }

  /// 1/2 ||x - D s||^2 of the present code, in double.
  template <class X>
  [[nodiscard]] double half_squared_error(const X& x) const {
    return fit_.half_squared_error(x);
  }

 private:
  template <class X, class C>
  void begin(const X& x, const C& correlations) {
    fit_.begin(x, correlations);
    closed_.clear();
    violations_.start();
    fit_.chunks().for_each(
        [&](auto segment, Index chunk) { violations_.score(correlations, segment, chunk); });
    const Index m = fit_.atoms().rows(), n = fit_.atoms().cols();
    fit_.add_flops(2 * m * n + 2 * m);
  }
  [[nodiscard]] Result ended(Status status) const {
    return {status, fit_.work().changes, fit_.work().flops};
  }

  /// `then()` where the atom comes into use. Otherwise, in the span of those in use and none leaves
  /// for it, rounding decided, and it is looked at no more.
  template <class X, class C, class Then>
  void take_or_close(Index atom, const X& x, C& correlations, const Then& then) {
    const Index changes = fit_.work().changes;
    if (take(atom, correlations[atom])) {
      then();
    } else {
      violations_.close(atom);
      closed_.push_back(atom);
      left_since_ = false;
    }
    if (fit_.work().changes > changes)
      correlate(x, correlations);
    else
      score_chunk_of(atom, correlations);
  }

  /// At the end: looks again at atoms that were closed, if what closed them may have left. False
  /// where there is none.
  template <class C>
  bool reopen(const C& correlations) {
    if (closed_.empty() || !left_since_) return false;
    for (const Index atom : closed_) {
      violations_.open(atom);
      score_chunk_of(atom, correlations);
    }
    closed_.clear();
    return true;
  }

  /// The correlations of all atoms with the residual of the present code, and their scores.
  template <class X, class C>
  void correlate(const X& x, C& correlations) {
    fit_.correlate(x, correlations, [&](auto segment, Index chunk) {
      violations_.score(correlations, segment, chunk);
    });
  }
  template <class C>
  void score_chunk_of(Index atom, const C& correlations) {
    fit_.chunks().with(atom / Chunk, [&](auto segment) {
      violations_.score(correlations, segment, atom / Chunk);
    });
  }

  /// The gap of the present code over 1/2 ||x||^2, from inner products alone: for atoms in use
  /// <d_i, r> = t_i sign_i, so ||r||^2 = ||x||^2 - sum s_i <d_i, x> - sum t_i |s_i|.
  [[nodiscard]] double relative_gap(double violation) const {
    if (!(fit_.energy() > 0)) return 0;
    const auto [inner, l1] = fit_.sums();
    const double unit = static_cast<double>(violations_.unit());
    const double signal_residual = fit_.energy() - inner;
    const double residual = std::max(0.0, signal_residual - l1);
    const double primal = 0.5 * residual + l1;
    const double limit = violation > 0 ? unit / (unit + violation) : 1.0;
    const double best = residual > 0 ? signal_residual / residual : 0.0;
    const double c = std::clamp(best, 0.0, limit);
    return std::max(0.0, primal - (c * signal_residual - 0.5 * c * c * residual)) /
           (0.5 * fit_.energy());
  }

  [[nodiscard]] static S sign_of(S correlation) {
    return !Nonnegative && correlation < S(0) ? S(-1) : S(1);
  }
  void append(Index atom, S sign, S start, S pivot) {
    fit_.append(atom, sign, start, pivot);
    violations_.close(atom);
  }
  void settle() {
    fit_.settle();
    fit_.for_each_left([this](Index atom) {
      violations_.open(atom);
      left_since_ = true;
    });
  }

  /// Brings the atom into use, and out those whose coefficients would change sign. False where it
  /// lies in the span of those in use and none of them can leave for it, or who left was not what
  /// ties it to them. Correlations stay those of before.
  bool take(Index atom, S correlation) {
    const S sign = sign_of(correlation);
    S pivot = fit_.outside_span(atom);
    S start = S(0);
    if (fit_.full() || !fit_.independent(pivot, atom)) {
      if (!fit_.exchange(atom, sign, start)) return false;
      pivot = fit_.outside_span(atom);
      if (!fit_.independent(pivot, atom)) {
        settle();  // those in use are fitted without either
        return false;
      }
    }
    append(atom, sign, start, pivot);
    settle();
    return true;
  }

  /// A pass over all atoms is what a change costs, and is made once for a few: after the first, of
  /// this violation, has come in, atoms of other chunks that are violated by more than half of
  /// that, at the correlations as they are by now, come into use too.
  template <class C>
  void take_more(Index first, S violation, const C& correlations) {
    // Chunks as they were scored before the first atom came in.
    std::array<Index, most_more> atoms;
    const std::size_t count = violations_.most_chunks(violation / 2, first / Chunk, atoms);
    for (std::size_t i = 0; i < count; ++i) {
      atoms[i] = violations_.most_of(atoms[i], correlations);
      fit_.expect(atoms[i]);
    }
    const Index size = fit_.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (fit_.work().changes >= max_changes_ || fit_.full()) break;
      const Index atom = atoms[i];
      const S pivot = fit_.outside_span(atom);
      const S correlation = fit_.asked_correlation(atom);
      const S own = violations_.of(atom, correlation);
      if (!fit_.independent(pivot, atom) || !(own > violation / 2) ||
          !(own > violations_.rounding_of(atom, fit_.rounding())))
        continue;
      append(atom, sign_of(correlation), S(0), pivot);
    }
    if (fit_.size() > size) settle();
  }

  /// The atoms to begin from, as far as they are independent, and their coefficients.
  void take_initial() {
    for (const auto& [atom, coefficient] : initial_) {
      if (fit_.full()) break;
      // No residual, which is no longer than x, correlates with it that much: it is not in the
      // solution, and a threshold far above the rest would take their digits on its way out.
      const S length = fit_.lengths()[atom];
      if (!(violations_.threshold(atom) <= std::sqrt(length * static_cast<S>(fit_.energy()))))
        continue;
      if (!(length > S(0))) continue;
      const S pivot = fit_.outside_span(atom);
      if (fit_.independent(pivot, atom))
        append(atom, coefficient < S(0) ? S(-1) : S(1), coefficient, pivot);
    }
    initial_.clear();
    settle();
  }

  static constexpr std::size_t most_more = 7;  // atoms, of a pass, behind the first

  SignedFit<S, Chunk> fit_;
  double tolerance_;
  Index max_changes_;
  AtomViolations<S, Nonnegative, Chunk> violations_;
  std::vector<Index> closed_;  // in the span of those in use when they were violated
  bool left_since_ = false;    // whether an atom left since one was closed
  std::vector<std::pair<Index, S>> initial_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_ACTIVE_SET_PATH_HPP
