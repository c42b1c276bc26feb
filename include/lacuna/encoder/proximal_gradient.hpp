// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_PROXIMAL_GRADIENT_HPP
#define LACUNA_ENCODER_PROXIMAL_GRADIENT_HPP

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

/// Options of `Ista` and `Fista`.
struct ProximalGradientOptions {
  double tolerance = 1e-5;  ///< stop at this relative duality gap; 0: take max_iterations steps
  Index max_iterations = 10000;  ///< the cap that always ends it
  Index check_every = 10;        ///< steps between two evaluations of the gap
  Index threads = 1;             ///< 0 for all cores; the answer has the same bits at any number
};

namespace detail {

inline void check_options(const char* where, const ProximalGradientOptions& options) {
  require(options.tolerance >= 0 && std::isfinite(options.tolerance), where,
          "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
  require(options.max_iterations >= 0, where,
          "max_iterations must be at least 0, is " + std::to_string(options.max_iterations));
  require(options.check_every >= 1, where,
          "check_every must be at least 1, is " + std::to_string(options.check_every));
  require(options.threads >= 0, where,
          "threads must be at least 0, is " + std::to_string(options.threads));
}

/// Tells a stall of the element type from slow progress. The gap cannot: it swings while the code
/// still moves, and what is reachable depends on lambda. The code can: once it has moved by no more
/// than rounding over ten steps, five times in a row, further steps do not bring it closer.
class StallDetector {
 public:
  template <class Now, class Before>
  [[nodiscard]] bool stalled(const Now& code, const Before& at_last_check) {
    using S = typename Now::Scalar;
    const S moved = (code - at_last_check).cwiseAbs().maxCoeff();
    const S rounding = S(4) * std::numeric_limits<S>::epsilon() * code.cwiseAbs().maxCoeff();
    checks_at_rest_ = moved <= rounding ? checks_at_rest_ + 1 : 0;
    return checks_at_rest_ >= 5;
  }

 private:
  int checks_at_rest_ = 0;
};

/// Proximal gradient steps on 1/2 ||x - D s||^2 + g(s), a block of signals at a time.
///
/// s <- prox(y - grad(y)/L, 1/L) with L >= ||D||_2^2; y = s for ISTA, and for FISTA (Beck &
/// Teboulle 2009) s plus momentum, restarted where it points uphill (O'Donoghue & Candes 2015, the
/// gradient scheme). Momentum, restart and stop belong to each signal alone; signals that have
/// stopped leave the block, so the products shrink with it. The gradient is taken in Gram form, G y
/// - D^T x, where that is the smaller count, and as D^T (D y - x) elsewhere.
template <bool Accelerated, class Prepared, class P>
class ProximalGradient {
 public:
  using S = ScalarOf<Prepared>;

  ProximalGradient(const Prepared& d, const P& penalty, const ProximalGradientOptions& options)
      : d_(d),
        penalty_(penalty),
        options_(options),
        gram_form_(d.has_gram() && d.num_atoms() <= 2 * d.dim()),
        // The zero dictionary has norm 0 and no gradient: any step will do.
        step_(d.squared_spectral_norm() > 0 ? 1 / d.squared_spectral_norm() : 1.0) {
    const double largest = static_cast<double>(std::numeric_limits<S>::max());
    require(d.squared_spectral_norm() < largest, "proximal gradient",
            "the dictionary's squared spectral norm overflows its element type");
  }

  /// @param initial  null for codes of zero. @param certify  whether objective and gap are wanted.
  [[nodiscard]] Solution<Matrix<S>> run(const MatrixArg<S>& signals, const MatrixArg<S>* initial,
                                        bool certify) const {
    Solution<Matrix<S>> solution(d_.num_atoms(), signals.cols());
    for_each_block(signals.cols(), block_size(), options_.threads, [&](Block block, Index) {
      run_block(signals, initial, certify, block, solution);
    });
    return solution;
  }

 private:
  /// Signals a block: some 64 Ki code entries, so that the five arrays of a block stay in the L2
  /// cache.
  [[nodiscard]] Index block_size() const {
    return std::clamp<Index>((Index{1} << 16) / d_.num_atoms(), 32, 512);
  }

  [[nodiscard]] std::int64_t step_flops() const {
    const std::int64_t m = d_.dim(), n = d_.num_atoms();
    const std::int64_t gradient = gram_form_ ? 2 * n * n + n : 4 * m * n + m;
    const std::int64_t momentum = Accelerated ? 4 * n + 3 * n + 6 : 0;
    return gradient + 2 * n + n + momentum;
  }

  void run_block(const MatrixArg<S>& signals, const MatrixArg<S>* initial, bool certify,
                 Block block, Solution<Matrix<S>>& solution) const {
    const Index n = d_.num_atoms();
    const bool to_tolerance = options_.tolerance > 0;
    LassoCertifier<Prepared, P> certifier(d_, penalty_);

    Matrix<S> x = signals.middleCols(block.begin, block.count);
    Matrix<S> s = Matrix<S>::Zero(n, block.count);
    if (initial) s = initial->middleCols(block.begin, block.count);
    // A warm start that the penalty does not allow is moved to the nearest point that it does.
    penalty_.prox(s, 0.0);
    Matrix<S> y = s;
    Matrix<S> correlations;
    if (gram_form_) correlations = d_.correlate(x);
    Matrix<S> next(n, block.count), direction(n, block.count);
    Matrix<S> residual(gram_form_ ? 0 : d_.dim(), block.count);
    std::vector<Index> origin(static_cast<std::size_t>(block.count));
    std::iota(origin.begin(), origin.end(), block.begin);
    std::vector<double> momentum(static_cast<std::size_t>(block.count), 1.0);
    std::vector<StallDetector> stall(static_cast<std::size_t>(block.count));
    // A code that has not begun to move is not at rest.
    Matrix<S> at_check =
        Matrix<S>::Constant(n, to_tolerance ? block.count : 0, std::numeric_limits<S>::infinity());

    const std::int64_t setup = gram_form_ ? 2 * std::int64_t{d_.dim()} * n : 0;
    for (Index j = block.begin; j < block.begin + block.count; ++j)
      solution.flops[static_cast<std::size_t>(j)] = setup;

    Index active = block.count;
    std::vector<bool> done(static_cast<std::size_t>(active));
    const auto certify_active = [&](Index iteration, bool last) {
      done.assign(static_cast<std::size_t>(active), last);
      // Every ten steps, however often the gap is asked for.
      const bool look_for_rest = to_tolerance && iteration % 10 < options_.check_every;
      certifier.for_each(x.leftCols(active), s.leftCols(active), [&](Index j, Certificate c) {
        const auto here = static_cast<std::size_t>(j);
        const auto there = static_cast<std::size_t>(origin[here]);
        // Without a tolerance the certificate is a measurement, not a part of the inference.
        if (to_tolerance) solution.flops[there] += certifier.flops();
        solution.objective[origin[here]] = c.objective;
        solution.gap[origin[here]] = c.gap;
        solution.relative_gap[origin[here]] = c.relative_gap;
        solution.iterations[there] = iteration;
        Status status = to_tolerance ? Status::max_iterations : Status::completed;
        if (to_tolerance && c.relative_gap <= options_.tolerance) {
          status = Status::converged;
          done[here] = true;
        } else if (look_for_rest && stall[here].stalled(s.col(j), at_check.col(j))) {
          status = Status::precision_limit;
          done[here] = true;
        }
        solution.status[there] = status;
      });
      if (look_for_rest) at_check.leftCols(active) = s.leftCols(active);
      // Signals that are done leave: from the right, so that those moved in have been looked at.
      for (Index j = active - 1; j >= 0; --j) {
        const auto here = static_cast<std::size_t>(j);
        if (!done[here]) continue;
        solution.codes.col(origin[here]) = s.col(j);
        --active;
        if (j == active) continue;
        const auto moved = static_cast<std::size_t>(active);
        x.col(j) = x.col(active);
        s.col(j) = s.col(active);
        y.col(j) = y.col(active);
        if (to_tolerance) at_check.col(j) = at_check.col(active);
        if (gram_form_) correlations.col(j) = correlations.col(active);
        origin[here] = origin[moved];
        momentum[here] = momentum[moved];
        stall[here] = stall[moved];
      }
    };

    for (Index iteration = 0; active > 0; ++iteration) {
      const bool last = iteration >= options_.max_iterations;
      if (to_tolerance ? (last || iteration % options_.check_every == 0) : (last && certify)) {
        certify_active(iteration, last);
        if (active == 0) break;
      } else if (last) {
        for (Index j = 0; j < active; ++j) {
          const auto there = origin[static_cast<std::size_t>(j)];
          solution.codes.col(there) = s.col(j);
          solution.iterations[static_cast<std::size_t>(there)] = iteration;
        }
        break;
      }
      step(x.leftCols(active), gram_form_ ? correlations.leftCols(active) : x.leftCols(active),
           s.leftCols(active), y.leftCols(active), next.leftCols(active),
           direction.leftCols(active), residual.leftCols(active), momentum);
      for (Index j = 0; j < active; ++j)
        solution.flops[static_cast<std::size_t>(origin[static_cast<std::size_t>(j)])] +=
            step_flops();
    }
  }

  using BlockRef = Eigen::Ref<Matrix<S>, 0, Eigen::OuterStride<>>;

  /// One step of the active columns: s and y are replaced; next, direction and residual are
  /// work space.
  void step(BlockRef x, BlockRef correlations, BlockRef s, BlockRef y, BlockRef next,
            BlockRef direction, BlockRef residual, std::vector<double>& momentum) const {
    const S step = static_cast<S>(step_);
    next = y;
    if (gram_form_) {
      direction = correlations;
      direction.noalias() -= d_.gram() * y;
      next += step * direction;
    } else if constexpr (ExplicitDictionary<Prepared>) {
      residual = x;
      residual.noalias() -= d_.atoms() * y;
      next.noalias() += step * (d_.atoms().transpose() * residual);
    } else {
      next += step * d_.correlate(x - d_.decode(y));
    }
    penalty_.prox(next, step_);
    if constexpr (!Accelerated) {
      s = next;
      y = next;
    } else {
      for (Index j = 0; j < s.cols(); ++j) {
        const S uphill = (y.col(j) - next.col(j)).dot(next.col(j) - s.col(j));
        double& t = momentum[static_cast<std::size_t>(j)];
        if (uphill > S(0)) t = 1.0;
        const double t_next = 0.5 * (1 + std::sqrt(1 + 4 * t * t));
        const S weight = static_cast<S>((t - 1) / t_next);
        t = t_next;
        y.col(j) = next.col(j) + weight * (next.col(j) - s.col(j));
        s.col(j) = next.col(j);
      }
    }
  }

  const Prepared& d_;
  const P& penalty_;
  const ProximalGradientOptions& options_;
  bool gram_form_;
  double step_;
};

/// The members that `Ista` and `Fista` share.
template <class Derived, class P, bool Accelerated>
class ProximalGradientSolver {
 public:
  using Options = ProximalGradientOptions;

  [[nodiscard]] const P& penalty() const noexcept { return penalty_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The same solver with another penalty of its kind: a step along a path of them.
  [[nodiscard]] Derived with_penalty(P penalty) const {
    return Derived(std::move(penalty), options_);
  }

  /// The same solver, taking exactly this many steps and asking for no tolerance.
  [[nodiscard]] Derived with_steps(Index steps) const {
    Options options = options_;
    options.tolerance = 0;
    options.max_iterations = steps;
    return Derived(penalty_, options);
  }

  /// Codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<ScalarOf<D>> encode(const D& d,
                                           const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding(name_, d, signals);
    return run(d, signals, nullptr, false).codes;
  }

  /// The same, begun from these codes, num_atoms x n.
  template <Dictionary D>
  [[nodiscard]] Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                           const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding(name_, d, signals, initial_codes);
    return run(d, signals, &initial_codes, false).codes;
  }

  /// Codes with their certificate. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(const D& d,
                                                    const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding(name_, d, signals);
    return run(d, signals, nullptr, true);
  }

  /// The same, begun from these codes, num_atoms x n.
  template <Dictionary D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding(name_, d, signals, initial_codes);
    return run(d, signals, &initial_codes, true);
  }

 protected:
  ProximalGradientSolver(const char* name, P penalty, Options options)
      : name_(name), penalty_(std::move(penalty)), options_(options) {
    check_options(name, options_);
  }

 private:
  template <class D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> run(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                  const MatrixArg<ScalarOf<D>>* initial,
                                                  bool certify) const {
    check_penalty(name_, penalty_, d.num_atoms());
    // The Gram form pays up to twice as many atoms as dimensions; beyond that the matrix is not
    // made.
    const Index max_gram_atoms = d.num_atoms() <= 2 * d.dim() ? 8192 : 0;
    return with_prepared(d, max_gram_atoms, [&](const auto& prepared, std::int64_t setup_flops) {
      using Prepared = std::remove_cvref_t<decltype(prepared)>;
      auto solution = ProximalGradient<Accelerated, Prepared, P>(prepared, penalty_, options_)
                          .run(signals, initial, certify);
      solution.setup_flops = setup_flops;
      return solution;
    });
  }

  const char* name_;  // of the class, in messages: a literal
  P penalty_;
  Options options_;
};

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_ENCODER_PROXIMAL_GRADIENT_HPP
