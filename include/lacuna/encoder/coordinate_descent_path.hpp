// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_COORDINATE_DESCENT_PATH_HPP
#define LACUNA_ENCODER_COORDINATE_DESCENT_PATH_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/status.hpp>

namespace lacuna::detail {

/// Coordinate descent on one signal after another: min 1/2 ||x - D s||^2 + sum_i t_i |s_i| +
/// ridge/2
/// ||s||^2, with or without s >= 0.
///
/// Rounds of two parts. Outside: the correlations of all atoms that are left, the duality gap, and
/// by it the atoms that are proven to be out of the solution (Ndiaye, Fercoq, Gramfort & Salmon,
/// "Gap safe screening rules for sparsity enforcing penalties", 2017); the most violating of the
/// others join the working set. Inside: sweeps over the working set, on its own small Gram matrix,
/// until its gap is a fraction of the last one outside. A ridge is part of the fit: x is [x; 0] and
/// d_i is [d_i; sqrt(ridge) e_i] (Zou & Hastie 2005), so the correlations are c_i = <d_i, x - D s>
/// - ridge s_i.
template <Real S, bool Nonnegative>
class CoordinateDescentPath {
 public:
  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  CoordinateDescentPath(const Matrix<S>& atoms, const Matrix<S>* gram, const Vector<S>& thresholds,
                        double ridge, double tolerance, Index max_sweeps)
      : atoms_(atoms),
        gram_(gram),
        thresholds_(thresholds),
        lengths_(atoms.colwise().squaredNorm().transpose().array() + static_cast<S>(ridge)),
        norms_(lengths_.cwiseSqrt()),
        ridge_(static_cast<S>(ridge)),
        tolerance_(tolerance),
        max_sweeps_(max_sweeps),
        correlations_(atoms.cols()),
        residual_(gram ? 0 : atoms.rows()),
        at_(static_cast<std::size_t>(atoms.cols()), -1) {
    for (Index i = 0; i < atoms.cols(); ++i)
      if (can_be_used(i)) usable_.push_back(i);
    left_.reserve(usable_.size());
    candidates_.reserve(usable_.size());
    grow(std::min<Index>(atoms.cols(), 32));
  }

  struct Result {
    Status status = Status::max_iterations;
    Index sweeps = 0;
    std::int64_t flops = 0;
  };

  /// The next `run` begins with this coefficient.
  void begin_with(Index atom, S coefficient) {
    if (coefficient == S(0) || (Nonnegative && coefficient < S(0)) || !can_be_used(atom)) return;
    join(atom);
    values_[size() - 1] = coefficient;
  }

  /// The optimum. @param start  D^T x.
  template <class X, class C>
  Result run(const X& x, const C& start) {
    const Index m = atoms_.rows();
    energy_ = x.template cast<double>().squaredNorm();
    left_ = usable_;
    // Of a correlation with an atom of length 1; another's is as much more as it is longer.
    rounding_ = S(16) * std::numeric_limits<S>::epsilon() * static_cast<S>(std::sqrt(energy_));
    Result result;
    result.flops = 2 * m * atoms_.cols() + 2 * m;
    bool at_rest = false;
    Stall stall{*this};
    while (true) {
      correlate(x, start, result);
      const double gap = outer_gap(start);
      result.flops += 3 * static_cast<std::int64_t>(left_.size()) + 6 * size();
      if (gap <= tolerance_ * 0.5 * energy_) {
        result.status = Status::converged;
        break;
      }
      const bool joined = take_violating(gap);
      if (!joined && (at_rest || stall.stalled(gap, result.sweeps))) {
        // Optimal as far as S can tell; whether that is the tolerance, the certificate says.
        result.status = tolerance_ > 0 ? Status::precision_limit : Status::completed;
        break;
      }
      if (result.sweeps >= max_sweeps_) {
        result.status = tolerance_ > 0 ? Status::max_iterations : Status::completed;
        break;
      }
      at_rest = sweep_until(0.3 * gap, start, result);
    }
    return result;
  }

  /// Calls `use(atom, coefficient)` for the atoms in use, and forgets them.
  template <class Use>
  void finish(Use&& use) {
    for (Index k = 0; k < size(); ++k) {
      if (values_[k] != S(0)) use(working_[static_cast<std::size_t>(k)], values_[k]);
      at_[static_cast<std::size_t>(working_[static_cast<std::size_t>(k)])] = -1;
    }
    working_.clear();
  }

 private:
  /// Neither of length 0 nor with a threshold beyond S.
  [[nodiscard]] bool can_be_used(Index i) const {
    return lengths_[i] > ridge_ && std::isfinite(thresholds_[i]);
  }
  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(working_.size()); }
  [[nodiscard]] Index atom(Index k) const { return working_[static_cast<std::size_t>(k)]; }

  /// A gap that is not far above its rounding and has not fallen by a hundredth in 200 sweeps.
  struct Stall {
    const CoordinateDescentPath& path;
    double best = std::numeric_limits<double>::infinity();
    Index since = 0;

    bool stalled(double gap, Index sweeps) {
      if (gap < 0.99 * best) {
        best = gap;
        since = sweeps;
      }
      return sweeps >= since + 200 &&
             best <= 128 * static_cast<double>(std::numeric_limits<S>::epsilon()) * path.energy_;
    }
  };

  void grow(Index most) {
    working_.reserve(static_cast<std::size_t>(most));
    values_.conservativeResize(most);
    inside_.conservativeResize(most);
    limits_.conservativeResize(most);
    square_.conservativeResize(most);
    norm_.conservativeResize(most);
    small_gram_.conservativeResize(most, most);
  }

  /// The atom joins the working set, with a coefficient of 0.
  void join(Index i) {
    const Index k = size();
    if (k == values_.size()) grow(std::min(atoms_.cols(), 2 * k));
    working_.push_back(i);
    at_[static_cast<std::size_t>(i)] = k;
    values_[k] = S(0);
    limits_[k] = thresholds_[i];
    square_[k] = lengths_[i];
    norm_[k] = norms_[i];
    for (Index j = 0; j < k; ++j) {
      const S inner = gram_ ? (*gram_)(atom(j), i) : atoms_.col(atom(j)).dot(atoms_.col(i));
      small_gram_(j, k) = small_gram_(k, j) = inner;
    }
    small_gram_(k, k) = lengths_[i];
  }

  /// c_i of all atoms that are left, at the present code.
  template <class X, class C>
  void correlate(const X& x, const C& start, Result& result) {
    Index used = 0;
    if (gram_) {
      correlations_ = start;
      for (Index k = 0; k < size(); ++k) {
        if (values_[k] == S(0)) continue;
        correlations_ -= values_[k] * gram_->col(atom(k));
        ++used;
      }
      result.flops += 2 * used * correlations_.size();
    } else {
      residual_ = x;
      for (Index k = 0; k < size(); ++k) {
        if (values_[k] == S(0)) continue;
        residual_ -= values_[k] * atoms_.col(atom(k));
        ++used;
      }
      if (used == 0)
        correlations_ = start;
      else
        for (const Index i : left_) correlations_[i] = atoms_.col(i).dot(residual_);
      result.flops +=
          2 * atoms_.rows() * (used + (used > 0 ? static_cast<Index>(left_.size()) : 0));
    }
    if (ridge_ > S(0))
      for (Index k = 0; k < size(); ++k) correlations_[atom(k)] -= ridge_ * values_[k];
    for (Index k = 0; k < size(); ++k) inside_[k] = correlations_[atom(k)];
  }

  [[nodiscard]] static S against(S correlation) {
    return Nonnegative ? correlation : std::abs(correlation);
  }

  /// The gap of a code whose largest c_i / t_i is given: that of the residual, scaled to be
  /// feasible.
  template <class C>
  [[nodiscard]] double gap_at(double largest_ratio, const C& start) {
    double signal_residual = energy_, residual = energy_, l1 = 0;
    for (Index k = 0; k < size(); ++k) {
      const auto s = static_cast<double>(values_[k]);
      const double inner = s * static_cast<double>(start[atom(k)]);
      signal_residual -= inner;
      residual -= inner + s * static_cast<double>(inside_[k]);
      l1 += std::abs(s) * static_cast<double>(limits_[k]);
    }
    residual = std::max(0.0, residual);
    const double limit =
        largest_ratio > 0 ? 1 / largest_ratio : std::numeric_limits<double>::infinity();
    scale_ = std::clamp(residual > 0 ? signal_residual / residual : 0.0, 0.0, limit);
    const double dual = scale_ * signal_residual - 0.5 * scale_ * scale_ * residual;
    return std::max(0.0, 0.5 * residual + l1 - dual);
  }

  [[nodiscard]] static double ratio(S correlation, S limit) {
    if (!(correlation > S(0))) return 0;
    return static_cast<double>(correlation) / static_cast<double>(limit);
  }

  template <class C>
  [[nodiscard]] double outer_gap(const C& start) {
    double largest = 0;
    for (const Index i : left_)
      largest = std::max(largest, ratio(against(correlations_[i]), thresholds_[i]));
    return gap_at(largest, start);
  }

  template <class C>
  [[nodiscard]] double inner_gap(const C& start) {
    double largest = 0;
    for (Index k = 0; k < size(); ++k)
      largest = std::max(largest, ratio(against(inside_[k]), limits_[k]));
    return gap_at(largest, start);
  }

  /// Drops the atoms that the gap proves out, and lets the most violating join: as many as are in
  /// use, and ten. False where none violates its condition beyond rounding.
  [[nodiscard]] bool take_violating(double gap) {
    // The gap is known to some roundings of the signal's energy.
    const double rounding = 64 * static_cast<double>(std::numeric_limits<S>::epsilon()) * energy_;
    const S radius = static_cast<S>(std::sqrt(2 * (gap + rounding)));
    const S scale = static_cast<S>(scale_);
    candidates_.clear();
    std::size_t kept = 0;
    for (const Index i : left_) {
      const S c = against(correlations_[i]);
      const bool inside = at_[static_cast<std::size_t>(i)] >= 0;
      if (!inside && scale * c + norms_[i] * (radius + rounding_) < thresholds_[i]) continue;
      left_[kept++] = i;
      if (!inside && c - thresholds_[i] > norms_[i] * rounding_) candidates_.push_back(i);
    }
    left_.resize(kept);
    Index used = 0;
    for (Index k = 0; k < size(); ++k) used += values_[k] != S(0);
    const auto most = static_cast<std::size_t>(used + 10);
    if (candidates_.size() > most) {
      const auto violation = [this](Index i) {
        return (against(correlations_[i]) - thresholds_[i]) / norms_[i];
      };
      std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(most),
                       candidates_.end(), [&](Index i, Index j) {
                         const S a = violation(i), b = violation(j);
                         return a > b || (a == b && i < j);
                       });
      candidates_.resize(most);
    }
    for (const Index i : candidates_) {
      join(i);
      inside_[size() - 1] = correlations_[i];
    }
    return !candidates_.empty();
  }

  /// Sweeps over the working set until its gap is at most `enough`. True where S moves no further:
  /// coefficients have the rounding of the largest among them and, through the correlations, that
  /// of x, both over the lengths of the atoms.
  template <class C>
  [[nodiscard]] bool sweep_until(double enough, const C& start, Result& result) {
    const Index n = size();
    const S signal = static_cast<S>(std::sqrt(energy_));
    Stall stall{*this};
    while (result.sweeps < max_sweeps_) {
      ++result.sweeps;
      S moved = 0, largest = 0;
      for (Index k = 0; k < n; ++k) {
        const S old = values_[k], aim = inside_[k] + square_[k] * old, limit = limits_[k];
        S value = S(0);
        if (aim > limit)
          value = (aim - limit) / square_[k];
        else if (!Nonnegative && aim < -limit)
          value = (aim + limit) / square_[k];
        largest = std::max(largest, std::abs(value) * norm_[k]);
        if (value == old) continue;
        values_[k] = value;
        const S change = value - old;
        inside_.head(n) -= change * small_gram_.col(k).head(n);
        moved = std::max(moved, std::abs(change) * norm_[k]);
        result.flops += 2 * n + 2;
      }
      result.flops += 14 * n;
      if (moved <= S(2) * std::numeric_limits<S>::epsilon() * (signal + largest)) return true;
      const double gap = inner_gap(start);
      if (gap <= enough) return false;
      if (stall.stalled(gap, result.sweeps)) return true;
    }
    return false;
  }

  const Matrix<S>& atoms_;
  const Matrix<S>* gram_;
  Vector<S> thresholds_, lengths_, norms_;  // of all atoms; lengths are squared, with the ridge
  S ridge_;
  double tolerance_;
  Index max_sweeps_;
  double energy_ = 0, scale_ = 0;
  S rounding_ = 0;
  Vector<S> correlations_, residual_;
  std::vector<Index> usable_, left_, candidates_;
  std::vector<Index> at_;                               // an atom's place in the working set, or -1
  std::vector<Index> working_;                          // atoms
  Vector<S> values_, inside_, limits_, square_, norm_;  // theirs: s, c, t, length squared and not
  Matrix<S> small_gram_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_COORDINATE_DESCENT_PATH_HPP
