// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SIGNED_FIT_HPP
#define LACUNA_ENCODER_SIGNED_FIT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/encoder/atom_chunks.hpp>
#include <lacuna/encoder/residual_correlations.hpp>
#include <lacuna/encoder/sign_step.hpp>
#include <lacuna/encoder/support_factor.hpp>

namespace lacuna::detail {

/// A lasso's code of one signal after another, of atoms and signs that someone else chooses:
/// sum_i t_i |s_i| + ridge/2 ||s||^2 beside 1/2 ||x - D s||^2, on the atoms I in use.
///
/// They satisfy <d_i, x - D s> = t_i sign_i exactly. With D_I = Q L^T that is
/// L y = D_I^T x - t_I sign_I and L^T s = y; so an atom that comes in, with row r of L and before
/// it correlation c_i = <d_i, x> - <r, y>, adds y_k = (c_i - t_i sign_i) / L_kk. Where a
/// coefficient would change its sign on the way to the new s, the way ends there and its atom
/// leaves. A ridge is part of the fit: D stands for [D; sqrt(ridge) I] and x for [x; 0] (Zou &
/// Hastie 2005), of which only the Gram matrix and the lengths differ.
///
/// Source: Lawson & Hanson, "Solving least squares problems", 1974, chapter 23.
///
/// @code
/// fit.begin(x, correlations);                            // D^T x; nothing in use
/// const float pivot = fit.outside_span(atom);
/// if (fit.independent(pivot, atom)) {
///   fit.append(atom, sign, 0, pivot);
///   fit.settle();                                        // all coefficients of those in use
/// }
/// fit.correlate(x, correlations, [](auto segment, Index chunk) {});  // with what is left of x
/// @endcode
template <Real S, int Chunk>
class SignedFit {
 public:
  /// @param gram  null for the residual form, which knows no ridge; with the ridge on its diagonal.
  /// Both are the caller's and outlive this work space. @param thresholds  num_atoms, t.
  SignedFit(const Matrix<S>& atoms, const Matrix<S>* gram, const Vector<S>& thresholds,
            double ridge)
      : all_(atoms, gram),
        lengths_(atoms.colwise().squaredNorm().transpose()),
        root_lengths_(lengths_.cwiseSqrt()),
        thresholds_(thresholds),
        ridge_(static_cast<S>(ridge)),
        factor_(ridge > 0 ? atoms.cols() : std::min(atoms.rows(), atoms.cols())),
        start_(atoms.cols()),
        exchanged_at_(atoms.cols()),
        along_(factor_.most() + 1),
        coefficients_(factor_.most() + 1),
        target_(factor_.most() + 1),
        forward_(factor_.most() + 1),
        signs_(factor_.most() + 1) {
    for (auto* list : {&support_, &left_}) list->reserve(static_cast<std::size_t>(factor_.most()));
  }

  /// What was done since `begin`.
  struct Work {
    Index changes = 0;  ///< atoms that came into use or left
    std::int64_t flops = 0;
  };
  [[nodiscard]] const Work& work() const noexcept { return work_; }
  /// Counts what was done elsewhere.
  void add_flops(std::int64_t flops) noexcept { work_.flops += flops; }

  /// Another signal, with no atom in use. @param correlations  D^T x.
  template <class X, class C>
  void begin(const X& x, const C& correlations) {
    factor_.clear();
    support_.clear();
    left_.clear();
    exchanged_at_.setConstant(std::numeric_limits<double>::infinity());
    energy_ = x.template cast<double>().squaredNorm();
    start_ = correlations;
    work_ = {};
  }

  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return all_.atoms(); }
  [[nodiscard]] const AtomChunks<Chunk>& chunks() const noexcept { return all_.chunks(); }
  /// Squared lengths of the atoms.
  [[nodiscard]] const Vector<S>& lengths() const noexcept { return lengths_; }
  /// ||x||^2.
  [[nodiscard]] double energy() const noexcept { return energy_; }
  [[nodiscard]] const std::vector<Index>& support() const noexcept { return support_; }
  [[nodiscard]] S coefficient(Index k) const { return coefficients_[k]; }
  [[nodiscard]] Index size() const noexcept { return factor_.size(); }
  [[nodiscard]] bool full() const noexcept { return factor_.size() == factor_.most(); }

  /// Says that the atom may come into use.
  void expect(Index atom) const { all_.expect(atom); }
  /// The squared length of the atom's part outside the span of those in use. `append` may follow.
  [[nodiscard]] S outside_span(Index atom) {
    const Index size = factor_.size();
    all_.inner_products(atom, support_, factor_.row(), work_.flops);
    work_.flops += size * size + 2 * size;
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

  /// The atom that `outside_span` was last asked for, with `pivot` its answer, into use: with this
  /// sign, and from this coefficient.
  void append(Index atom, S sign, S start, S pivot) {
    const Index size = factor_.size();
    const S length = std::sqrt(pivot);
    along_[size] = (asked_correlation(atom) - sign * thresholds_[atom]) / length;
    signs_[size] = sign;
    coefficients_[size] = start;
    factor_.push(length);
    support_.push_back(atom);
    work_.flops += 2 * size;
    ++work_.changes;
  }

  /// From the present coefficients towards those that satisfy the equations of the atoms in use, as
  /// far as no sign changes; who reaches 0 leaves, until all signs hold.
  void settle() {
    while (true) {
      const Index size = factor_.size();
      factor_.solve(along_, target_);
      work_.flops += size * size;
      const auto [leaving, step] =
          first_sign_change(coefficients_, target_, size, [this](Index k) { return signs_[k]; });
      if (leaving < 0) break;
      coefficients_.head(size) += step * (target_.head(size) - coefficients_.head(size));
      drop(leaving);
    }
    coefficients_.head(factor_.size()) = target_.head(factor_.size());
  }

  /// For an atom in the span of those in use, that `outside_span` was last asked for: moves along
  /// the line that leaves D s as it is, which lowers the penalty, until an atom in use reaches 0
  /// and leaves. `start` is how far the atom came in. An atom that left so comes back so only once
  /// the objective has fallen by more than its rounding: what the span's tolerance hides would have
  /// two atoms take turns for ever.
  bool exchange(Index atom, S sign, S& start) {
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
    drop(leaving);
    work_.flops += size * size + 6 * size;
    return true;
  }

  /// Calls `use(atom)` with those that left since it was last called.
  template <class Use>
  void for_each_left(const Use& use) {
    for (const Index atom : left_) use(atom);
    left_.clear();
  }

  /// The correlations of all atoms with the residual of the present code. Calls `use(segment,
  /// chunk)` with every chunk of them.
  template <class X, class C, class Use>
  void correlate(const X& x, C& correlations, const Use& use) {
    all_.write(x, start_, support_, coefficients_, correlations, use, work_.flops);
  }

  struct Sums {
    double inner, l1;
  };
  /// <x, D s> and sum_i t_i |s_i|.
  [[nodiscard]] Sums sums() const {
    Sums sums{0, 0};
    for (Index k = 0; k < factor_.size(); ++k) {
      const auto s = static_cast<double>(coefficients_[k]);
      sums.inner += s * static_cast<double>(start_[atom_at(k)]);
      sums.l1 += std::abs(s) * static_cast<double>(thresholds_[atom_at(k)]);
    }
    return sums;
  }
  /// What rounding leaves of the correlation with an atom of length 1: of x, and of the atoms in
  /// use that make up for it.
  [[nodiscard]] S rounding() const {
    S terms = static_cast<S>(std::sqrt(energy_));
    for (Index k = 0; k < factor_.size(); ++k)
      terms += std::abs(coefficients_[k]) * root_lengths_[atom_at(k)];
    return S(4) * std::numeric_limits<S>::epsilon() * terms;
  }
  /// ||x - D s||^2: from inner products, and measured where those are at their rounding.
  template <class X>
  [[nodiscard]] double residual_energy(const X& x) const {
    double left = energy_;
    for (Index k = 0; k < factor_.size(); ++k)
      left -= static_cast<double>(coefficients_[k]) *
              (static_cast<double>(start_[atom_at(k)]) +
               static_cast<double>(thresholds_[atom_at(k)] * signs_[k]));
    const double rounding = 64 * static_cast<double>(std::numeric_limits<S>::epsilon());
    return left > rounding * energy_ ? left : 2 * half_squared_error(x);
  }
  /// 1/2 ||x - D s||^2 of the present code, in double.
  template <class X>
  [[nodiscard]] double half_squared_error(const X& x) const {
    return detail::half_squared_error(all_.atoms(), support_, x, coefficients_);
  }

 private:
  [[nodiscard]] Index atom_at(Index k) const { return support_[static_cast<std::size_t>(k)]; }

  /// 1/2 ||x - D s||^2 + sum_i t_i |s_i| of settled coefficients.
  [[nodiscard]] double objective() const {
    const auto [inner, l1] = sums();
    return 0.5 * std::max(0.0, energy_ - inner - l1) + l1;
  }

  /// Takes the atom at this position out of use.
  void drop(Index position) {
    left_.push_back(atom_at(position));
    const Index behind = factor_.size() - 1 - position;
    for (Index k = position; k < position + behind; ++k) {
      coefficients_[k] = coefficients_[k + 1];
      signs_[k] = signs_[k + 1];
    }
    support_.erase(support_.begin() + position);
    factor_.remove(position, [](Index, S, S) {});
    const Index size = factor_.size();
    for (Index k = position; k < size; ++k)
      along_[k] = start_[atom_at(k)] - signs_[k] * thresholds_[atom_at(k)];
    factor_.solve_forward(position, along_);
    work_.flops += 3 * behind * (behind + 3) + size * size - position * position;
    ++work_.changes;
  }

  ResidualCorrelations<S, Chunk> all_;
  Vector<S> lengths_, root_lengths_;  // squared, and not
  Vector<S> thresholds_;
  S ridge_;
  SupportFactor<S> factor_;
  std::vector<Index> support_, left_;
  double energy_ = 0;
  Vector<S> start_;              // D^T x
  Vector<double> exchanged_at_;  // the objective at which an atom last left by exchange
  Vector<S> along_, coefficients_, target_, forward_, signs_;
  Work work_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SIGNED_FIT_HPP
