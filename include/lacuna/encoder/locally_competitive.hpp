// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_LOCALLY_COMPETITIVE_HPP
#define LACUNA_ENCODER_LOCALLY_COMPETITIVE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/lasso_certificate.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

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

/// The locally competitive algorithm: a network of leaky integrators u that inhibit each other
/// where their atoms overlap, and speak, s = T(u), above a threshold only. Models `SolverFor` every
/// dictionary.
///
///   tau du/dt = D^T x - u - (D^T D - I) s,   s = T(u);   u begins at 0, one Euler step of dt / tau
///   at a time
///
/// @tparam T  a `Penalty` g, and then T(u) = prox(u, 1), the soft threshold of `L1` or
/// `NonnegativeL1`; or
///            `HardThreshold`.
///
/// With a penalty, u - s is a subgradient of g at s, so where u stands still s solves
/// min_s 1/2 ||x - D s||^2 + g(s), whatever the lengths of the atoms; the objective falls with
/// every step of at most min(1, 2 / ||D||_2^2). The same certificate as that of `Fista` then says
/// when to stop: `converged`, `precision_limit` or `max_iterations`. `Fista` is faster; this one is
/// a model of neurons. With `HardThreshold` it descends on 1/2 ||x - D s||^2 + threshold^2 / 2
/// ||s||_0, which it reports; that is not convex, and `gap` is NaN. Cost of a step: 2
/// min(num_atoms, 2 dim) num_atoms flops a signal.
///
/// Source: Rozell, Johnson, Baraniuk & Olshausen, "Sparse coding via thresholding and local
/// competition in neural circuits", 2008.
///
/// @code
/// const LocallyCompetitive lca(NonnegativeL1(0.05), {.tolerance = 1e-6});
/// const Matrix<float> codes = lca.encode(dictionary, signals);
/// const auto hard = LocallyCompetitive(HardThreshold{.threshold = 0.1}).encode(dictionary,
/// signals);
/// @endcode
template <class T>
requires Penalty<T> || std::same_as<T, HardThreshold>
class LocallyCompetitive {
 public:
  using Options = LocallyCompetitiveOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit LocallyCompetitive(T threshold, Options options = {})
      : threshold_(std::move(threshold)), options_(options) {
    constexpr auto name = "LocallyCompetitive";
    if constexpr (is_hard_)
      require(
          threshold_.threshold >= 0 && std::isfinite(threshold_.threshold), name,
          "threshold must be finite and at least 0, is " + std::to_string(threshold_.threshold));
    require(options.step >= 0 && options.step <= 1, name,
            "step must be in [0, 1], is " + std::to_string(options.step));
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), name,
            "tolerance must be finite and at least 0, is " + std::to_string(options.tolerance));
    require(options.max_iterations >= 0, name,
            "max_iterations must be at least 0, is " + std::to_string(options.max_iterations));
    require(options.check_every >= 1, name,
            "check_every must be at least 1, is " + std::to_string(options.check_every));
    require(options.threads >= 0, name,
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const T& penalty() const noexcept requires Penalty<T> { return threshold_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<ScalarOf<D>> encode(const D& d,
                                           const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals, false).codes;
  }

  /// Codes with objective, status and, with a penalty, their certificate.
  template <Dictionary D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(const D& d,
                                                    const MatrixArg<ScalarOf<D>>& signals) const {
    return run(d, signals, true);
  }

 private:
  static constexpr bool is_hard_ = std::is_same_v<T, HardThreshold>;

  template <class D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> run(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                  bool certify) const {
    using S = ScalarOf<D>;
    check_encoding("LocallyCompetitive", d, signals);
    // The Gram form pays up to twice as many atoms as dimensions; beyond that the matrix is not
    // made.
    const Index max_gram_atoms = d.num_atoms() <= 2 * d.dim() ? 8192 : 0;
    return detail::with_prepared(d, max_gram_atoms, [&](const auto& p, std::int64_t setup_flops) {
      Solution<Matrix<S>> solution(p.num_atoms(), signals.cols());
      solution.setup_flops = setup_flops;
      const Index block_size = std::clamp<Index>((Index{1} << 16) / p.num_atoms(), 32, 512);
      for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
        Network<std::remove_cvref_t<decltype(p)>>(p, threshold_, options_, certify)
            .run(signals, block, solution);
      });
      return solution;
    });
  }

  // `LassoCertifier`, or nothing where there is nothing to certify: T is then no penalty to name it
  // with.
  template <class Prepared, class P>
  struct CertifierFor {
    using type = LassoCertifier<Prepared, P>;
  };
  template <class Prepared>
  struct CertifierFor<Prepared, HardThreshold> {
    struct type {};
  };

  /// A block of signals, each with a network of its own; those that are done leave it.
  template <class Prepared>
  class Network {
   public:
    using S = ScalarOf<Prepared>;

    Network(const Prepared& d, const T& threshold, const Options& options, bool certify)
        : d_(d),
          threshold_(threshold),
          options_(options),
          certify_(certify),
          gram_form_(d.has_gram() && d.num_atoms() <= 2 * d.dim()),
          step_(options.step > 0 ? options.step : 1 / std::max(1.0, d.squared_spectral_norm())),
          certifier_(certifier_of(d, threshold)) {}

    void run(const MatrixArg<S>& signals, Block block, Solution<Matrix<S>>& solution) {
      const Index n = d_.num_atoms();
      x_ = signals.middleCols(block.begin, block.count);
      u_ = Matrix<S>::Zero(n, block.count);
      s_ = u_;
      drive_ = d_.correlate(x_);
      change_.resize(n, block.count);
      residual_.resize(d_.dim(), block.count);
      speak(block.count);
      origin_.resize(static_cast<std::size_t>(block.count));
      std::iota(origin_.begin(), origin_.end(), block.begin);
      looks_at_rest_.assign(origin_.size(), 0);
      done_.resize(origin_.size());
      for (const Index j : origin_)
        solution.flops[static_cast<std::size_t>(j)] = 2 * std::int64_t{d_.dim()} * n;

      Index active = block.count;
      for (Index iteration = 0; active > 0; ++iteration) {
        const bool last = iteration >= options_.max_iterations;
        const bool look = options_.tolerance > 0 && iteration % options_.check_every == 0;
        if (last || look) active = judge(active, iteration, last, solution);
        if (active == 0) break;
        flow(active);
        for (Index j = 0; j < active; ++j)
          solution.flops[static_cast<std::size_t>(origin_[static_cast<std::size_t>(j)])] +=
              step_flops();
      }
    }

   private:
    using Certifier = typename CertifierFor<Prepared, T>::type;

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

    /// One Euler step: u += step (D^T (x - D s) + s - u).
    void flow(Index active) {
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
      u_.leftCols(active) += static_cast<S>(step_) * change;
      speak(active);
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
        judge_hard(active, iteration, solution);
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
    void judge_hard(Index active, Index iteration, Solution<Matrix<S>>& solution) {
      for (Index j = 0; j < active; ++j) {
        const auto here = static_cast<std::size_t>(j);
        const Index to = origin_[here];
        if (options_.tolerance > 0) {
          const auto there = static_cast<std::size_t>(to);
          // Before the first step u is 0: it stands still where nothing drives it.
          const S change = iteration == 0 ? drive_.col(j).norm() : change_.col(j).norm();
          solution.flops[there] += 4 * d_.num_atoms() + 2;
          if (static_cast<double>(change) <=
              options_.tolerance * static_cast<double>(u_.col(j).norm())) {
            solution.status[there] = Status::converged;
            done_[here] = 1;
          }
        }
        if (!done_[here] || !certify_) continue;
        const double residual = (x_.col(j).template cast<double>() -
                                 d_.decode(s_.col(j)).col(0).template cast<double>())
                                    .squaredNorm();
        const double price = 0.5 * threshold_.threshold * threshold_.threshold;
        solution.objective[to] =
            0.5 * residual + price * static_cast<double>((s_.col(j).array() != S(0)).count());
        solution.gap[to] = solution.relative_gap[to] = std::numeric_limits<double>::quiet_NaN();
      }
    }

    const Prepared& d_;
    const T& threshold_;
    const Options& options_;
    bool certify_, gram_form_;
    double step_;
    Certifier certifier_;
    Matrix<S> x_, u_, s_, drive_, change_, residual_;
    std::vector<Index> origin_;
    std::vector<int> looks_at_rest_;
    std::vector<char> done_;
  };

  T threshold_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_LOCALLY_COMPETITIVE_HPP
