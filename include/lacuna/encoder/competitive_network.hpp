// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_COMPETITIVE_NETWORK_HPP
#define LACUNA_ENCODER_COMPETITIVE_NETWORK_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/lasso_penalty.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/lasso_certificate.hpp>

namespace lacuna {

/// The hard threshold of `LocallyCompetitive`: s = u where |u| > threshold, 0 elsewhere; with
/// `nonnegative` s = u where u > threshold.
struct HardThreshold {
  double threshold;
  bool nonnegative = false;
};

/// Options of `LocallyCompetitive`.
struct LocallyCompetitiveOptions {
  double step = 0;  ///< dt / tau, at most 1; 0: the largest that is safe, 1/max(1, ||D||_2^2)
  double tolerance = 1e-5;  ///< stop at this relative duality gap (with a hard threshold, at this
                            ///< relative change of u a unit of time); 0: take max_iterations steps
  Index max_iterations = 10000;  ///< the cap that always ends it
  Index check_every = 10;        ///< steps between two looks at the tolerance
  Index threads = 1;             ///< 0 for all cores; the answer has the same bits at any number
};

namespace detail {

/// What `LocallyCompetitive` can begin from given codes with: that T(u) = s has a known solution u.
template <class T>
concept InvertibleThreshold = LassoPenalty<T> || std::same_as<T, HardThreshold>;

/// A block of signals, each with a network of its own; those that are done leave it.
///
/// @tparam T  a `Penalty`, or `HardThreshold`.
template <class Prepared, class T>
class CompetitiveNetwork {
 public:
  using S = ScalarOf<Prepared>;

  CompetitiveNetwork(const Prepared& d, const T& threshold,
                     const LocallyCompetitiveOptions& options, bool certify)
      : d_(d),
        threshold_(threshold),
        options_(options),
        certify_(certify),
        gram_form_(d.has_gram() && d.num_atoms() <= 2 * d.dim()),
        step_(options.step > 0 ? options.step : 1 / std::max(1.0, d.squared_spectral_norm())),
        certifier_(certifier_of(d, threshold)) {}

  /// @param initial  null for u = 0.
  void run(const MatrixArg<S>& signals, const MatrixArg<S>* initial, Block block,
           Solution<Matrix<S>>& solution) {
    const Index n = d_.num_atoms();
    x_ = signals.middleCols(block.begin, block.count);
    drive_ = d_.correlate(x_);
    change_.resize(n, block.count);
    residual_.resize(d_.dim(), block.count);
    origin_.resize(static_cast<std::size_t>(block.count));
    std::iota(origin_.begin(), origin_.end(), block.begin);
    looks_at_rest_.assign(origin_.size(), 0);
    done_.resize(origin_.size());
    std::int64_t setup = 2 * std::int64_t{d_.dim()} * n;
    s_ = Matrix<S>::Zero(n, block.count);
    u_ = s_;
    if constexpr (InvertibleThreshold<T>)
      if (initial) setup += begin_from(initial->middleCols(block.begin, block.count));
    // What a look before the first step sees: at u = 0 the drive is all there is.
    if (initial)
      find_change(block.count);
    else
      change_ = drive_;
    for (const Index j : origin_) solution.flops[static_cast<std::size_t>(j)] = setup;

    Index active = block.count;
    for (Index iteration = 0; active > 0; ++iteration) {
      const bool last = iteration >= options_.max_iterations;
      const bool look = options_.tolerance > 0 && iteration % options_.check_every == 0;
      if (last || look) active = judge(active, iteration, last, solution);
      if (active == 0) break;
      find_change(active);
      u_.leftCols(active) += static_cast<S>(step_) * change_.leftCols(active);
      speak(active);
      for (Index j = 0; j < active; ++j)
        solution.flops[static_cast<std::size_t>(origin_[static_cast<std::size_t>(j)])] +=
            step_flops();
    }
    if constexpr (is_hard_)
      if (certify_) evaluate(signals.middleCols(block.begin, block.count), block, solution);
  }

 private:
  static constexpr bool is_hard_ = std::is_same_v<T, HardThreshold>;

  // `LassoCertifier`, or nothing where there is nothing to certify: T is then no penalty to name it
  // with.
  template <class P>
  struct CertifierFor {
    using type = LassoCertifier<Prepared, P>;
  };
  template <std::same_as<HardThreshold> P>
  struct CertifierFor<P> {
    struct type {};
  };
  using Certifier = typename CertifierFor<T>::type;

  [[nodiscard]] static Certifier certifier_of(const Prepared& d, const T& threshold) {
    if constexpr (is_hard_)
      return {};
    else
      return Certifier(d, threshold);
  }

  [[nodiscard]] std::int64_t step_flops() const {
    const std::int64_t m = d_.dim(), n = d_.num_atoms();
    return (gram_form_ ? 2 * n * n + n : 4 * m * n + m) + 4 * n + (is_hard_ ? 0 : 2 * n);
  }

  /// s = the codes, or the nearest that T can give, and u with T(u) = s: 0 where s is. Its flops.
  template <class Codes>
  std::int64_t begin_from(const Codes& codes) {
    u_ = codes;
    if constexpr (is_hard_) {
      speak(codes.cols());
      u_ = s_;
      return 0;
    } else {
      threshold_.prox(u_, 0.0);
      s_ = u_;  // as it is: through T it would be rounded
      const double slope = 1 + threshold_.ridge();
      for (Index j = 0; j < u_.cols(); ++j)
        for (Index i = 0; i < u_.rows(); ++i)
          if (const S s = s_(i, j); s != S(0))
            u_(i, j) =
                static_cast<S>(slope * static_cast<double>(s) +
                               std::copysign(threshold_.threshold(i), static_cast<double>(s)));
      return 2 * u_.rows();
    }
  }

  /// s = T(u).
  void speak(Index active) {
    auto s = s_.leftCols(active);
    s = u_.leftCols(active);
    if constexpr (is_hard_) {
      const S threshold = static_cast<S>(threshold_.threshold);
      for (Index j = 0; j < active; ++j)
        for (S& value : s.col(j))
          if (!((threshold_.nonnegative ? value : std::abs(value)) > threshold)) value = S(0);
    } else {
      threshold_.prox(s, 1.0);
    }
  }

  /// tau du/dt = D^T (x - D s) + s - u.
  void find_change(Index active) {
    auto change = change_.leftCols(active);
    if (gram_form_) {
      change = drive_.leftCols(active);
      change.noalias() -= d_.gram() * s_.leftCols(active);
    } else if constexpr (ExplicitDictionary<Prepared>) {
      auto residual = residual_.leftCols(active);
      residual = x_.leftCols(active);
      residual.noalias() -= d_.atoms() * s_.leftCols(active);
      change.noalias() = d_.atoms().transpose() * residual;
    } else {
      change = d_.correlate(x_.leftCols(active) - d_.decode(s_.leftCols(active)));
    }
    change += s_.leftCols(active) - u_.leftCols(active);
  }

  /// Looks at the signals that are active and puts out those that are done; how many are left.
  [[nodiscard]] Index judge(Index active, Index iteration, bool last,
                            Solution<Matrix<S>>& solution) {
    std::fill(done_.begin(), done_.end(), last);
    const bool to_tolerance = options_.tolerance > 0;
    for (Index j = 0; j < active; ++j) {
      const auto there = static_cast<std::size_t>(origin_[static_cast<std::size_t>(j)]);
      solution.iterations[there] = iteration;
      solution.status[there] = to_tolerance ? Status::max_iterations : Status::completed;
    }
    if constexpr (is_hard_) {
      judge_hard(active, solution);
    } else if (to_tolerance || certify_) {
      certifier_.for_each(x_.leftCols(active), s_.leftCols(active), [&](Index j, Certificate c) {
        const auto here = static_cast<std::size_t>(j);
        const Index to = origin_[here];
        solution.objective[to] = c.objective;
        solution.gap[to] = c.gap;
        solution.relative_gap[to] = c.relative_gap;
        if (!to_tolerance) return;
        const auto there = static_cast<std::size_t>(to);
        solution.flops[there] += certifier_.flops();
        if (c.relative_gap <= options_.tolerance) {
          solution.status[there] = Status::converged;
          done_[here] = 1;
        } else if (iteration > 0 && at_rest(j)) {
          solution.status[there] = Status::precision_limit;
          done_[here] = 1;
        }
      });
    }
    for (Index j = active - 1; j >= 0; --j) {
      const auto here = static_cast<std::size_t>(j);
      if (!done_[here]) continue;
      solution.codes.col(origin_[here]) = s_.col(j);
      --active;
      if (j == active) continue;
      for (Matrix<S>* values : {&x_, &u_, &s_, &drive_, &change_})
        values->col(j) = values->col(active);
      origin_[here] = origin_[static_cast<std::size_t>(active)];
      looks_at_rest_[here] = looks_at_rest_[static_cast<std::size_t>(active)];
    }
    return active;
  }

  /// Whether u moves by less than rounding a step, five looks in a row: the element type then
  /// brings it no closer.
  [[nodiscard]] bool at_rest(Index j) {
    const S moved = static_cast<S>(step_) * change_.col(j).cwiseAbs().maxCoeff();
    const S rounding = std::numeric_limits<S>::epsilon() * u_.col(j).cwiseAbs().maxCoeff();
    int& looks = looks_at_rest_[static_cast<std::size_t>(j)];
    looks = moved <= rounding ? looks + 1 : 0;
    return looks >= 5;
  }

  /// Without a certificate, a network is done when it stands still.
  void judge_hard(Index active, Solution<Matrix<S>>& solution) {
    if (!(options_.tolerance > 0)) return;
    for (Index j = 0; j < active; ++j) {
      const auto here = static_cast<std::size_t>(j),
                 there = static_cast<std::size_t>(origin_[here]);
      solution.flops[there] += 4 * d_.num_atoms() + 2;
      if (static_cast<double>(change_.col(j).norm()) <=
          options_.tolerance * static_cast<double>(u_.col(j).norm())) {
        solution.status[there] = Status::converged;
        done_[here] = 1;
      }
    }
  }

  /// What a hard threshold descends on, of the block's codes.
  void evaluate(const MatrixArg<S>& signals, Block block, Solution<Matrix<S>>& solution) const {
    const Matrix<S> decoded = d_.decode(solution.codes.middleCols(block.begin, block.count));
    const double price = 0.5 * threshold_.threshold * threshold_.threshold;
    for (Index j = 0; j < block.count; ++j) {
      const Index to = block.begin + j;
      const double error =
          (signals.col(j).template cast<double>() - decoded.col(j).template cast<double>())
              .squaredNorm();
      solution.objective[to] =
          0.5 * error +
          price * static_cast<double>((solution.codes.col(to).array() != S(0)).count());
      solution.gap[to] = solution.relative_gap[to] = std::numeric_limits<double>::quiet_NaN();
    }
  }

  const Prepared& d_;
  const T& threshold_;
  const LocallyCompetitiveOptions& options_;
  bool certify_, gram_form_;
  double step_;
  Certifier certifier_;
  Matrix<S> x_, u_, s_, drive_, change_, residual_;
  std::vector<Index> origin_;
  std::vector<int> looks_at_rest_;
  std::vector<char> done_;
};

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_ENCODER_COMPETITIVE_NETWORK_HPP
