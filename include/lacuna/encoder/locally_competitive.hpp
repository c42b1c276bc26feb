// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_LOCALLY_COMPETITIVE_HPP
#define LACUNA_ENCODER_LOCALLY_COMPETITIVE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/encoder/competitive_network.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

namespace lacuna {

/// The locally competitive algorithm: a network of leaky integrators u that inhibit each other
/// where their atoms overlap, and speak, s = T(u), above a threshold only. Models `SolverFor` every
/// dictionary and, where T(u) = s can be solved for u, `WarmStartableFor` too.
///
///   tau du/dt = D^T x - u - (D^T D - I) s,   s = T(u);   u begins at 0, one Euler step of dt / tau
///   at a time
///
/// @tparam T  a `Penalty` g, and then T(u) = prox(u, 1), the soft threshold of `L1` or
///            `NonnegativeL1`; or `HardThreshold`. A warm start asks for `LassoPenalty`, or
///            `HardThreshold`.
///
/// A warm start from codes s begins at u_i = 0 where s_i = 0 and at the u_i that T takes to s_i
/// elsewhere, s_i + threshold_i sign(s_i) with `L1`; so a solution stays where it is. Codes that T
/// cannot give are moved to the nearest that it can: to 0 those of the wrong sign, or within the
/// hard threshold.
///
/// With a penalty, u - s is a subgradient of g at s, so where u stands still s solves
/// min_s 1/2 ||x - D s||^2 + g(s), whatever the lengths of the atoms; the objective falls with
/// every step of at most min(1, 2 / ||D||_2^2). The same certificate as that of `Fista` then says
/// when to stop: `converged`, `precision_limit` or `max_iterations`. `Fista` is faster; this one is
/// a model of neurons. With `HardThreshold` and atoms no longer than 1 it descends on 1/2 ||x - D
/// s||^2 + threshold^2 / 2 ||s||_0, which it reports; that is not convex, and `gap` is NaN. Cost of
/// a step: 2 min(num_atoms, 2 dim) num_atoms flops a signal.
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
    if constexpr (std::is_same_v<T, HardThreshold>)
      require(threshold_.threshold >= 0 && std::isfinite(threshold_.threshold), name_,
              "threshold must be finite and at least 0, is " + text_of(threshold_.threshold));
    require(options.step >= 0 && options.step <= 1, name_,
            "step must be in [0, 1], is " + text_of(options.step));
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), name_,
            "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
    require(options.max_iterations >= 0, name_,
            "max_iterations must be at least 0, is " + std::to_string(options.max_iterations));
    require(options.check_every >= 1, name_,
            "check_every must be at least 1, is " + std::to_string(options.check_every));
    require(options.threads >= 0, name_,
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const T& penalty() const noexcept requires Penalty<T> { return threshold_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The same, taking exactly this many steps and asking for no tolerance.
  [[nodiscard]] LocallyCompetitive with_steps(Index steps) const {
    Options options = options_;
    options.tolerance = 0;
    options.max_iterations = steps;
    return LocallyCompetitive(threshold_, options);
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
  requires detail::InvertibleThreshold<T>
  [[nodiscard]] Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                           const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding(name_, d, signals, initial_codes);
    return run(d, signals, &initial_codes, false).codes;
  }

  /// Codes with objective, status and, with a penalty, their certificate.
  template <Dictionary D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(const D& d,
                                                    const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding(name_, d, signals);
    return run(d, signals, nullptr, true);
  }

  /// The same, begun from these codes, num_atoms x n.
  template <Dictionary D>
  requires detail::InvertibleThreshold<T>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding(name_, d, signals, initial_codes);
    return run(d, signals, &initial_codes, true);
  }

 private:
  static constexpr auto name_ = "LocallyCompetitive";

  template <class D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> run(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                  const MatrixArg<ScalarOf<D>>* initial,
                                                  bool certify) const {
    using S = ScalarOf<D>;
    if constexpr (Penalty<T>) detail::check_penalty(name_, threshold_, d.num_atoms());
    // The Gram form pays up to twice as many atoms as dimensions; beyond that the matrix is not
    // made.
    const Index max_gram_atoms = d.num_atoms() <= 2 * d.dim() ? 8192 : 0;
    return detail::with_prepared(d, max_gram_atoms, [&](const auto& p, std::int64_t setup_flops) {
      Solution<Matrix<S>> solution(p.num_atoms(), signals.cols());
      solution.setup_flops = setup_flops;
      const Index block_size = std::clamp<Index>((Index{1} << 16) / p.num_atoms(), 32, 512);
      for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
        detail::CompetitiveNetwork<std::remove_cvref_t<decltype(p)>, T>(p, threshold_, options_,
                                                                        certify)
            .run(signals, initial, block, solution);
      });
      return solution;
    });
  }

  T threshold_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_LOCALLY_COMPETITIVE_HPP
