// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ADAM_INFERENCE_HPP
#define LACUNA_ENCODER_ADAM_INFERENCE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/lasso_certificate.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

namespace lacuna {

/// Options of `AdamInference`.
///
/// The seed paper's loss is a mean over the n dim entries of the signals; its gradient is 2/(n dim)
/// times the one here, and as Adam does not change when gradient and epsilon are scaled together, its
/// epsilon of 1e-8 is 1e-8 n dim / 2 here. The default is that of n = 1024 signals of dimension 8.
struct AdamInferenceOptions {
  double learning_rate = 3e-3;  ///< section 5.3 of the seed's protocols; section 5.2 has 1e-3
  Index steps = 10000;          ///< section 5.3; section 5.2 has 20,000
  double start = -10;           ///< u before the first step: codes of exp(-10) = 4.5e-5
  double epsilon = 1e-8 * 1024 * 8 / 2;
  Index threads = 1;            ///< 0 for all cores; the same bits at any number
};

/// Inference by Adam on free log-codes, the seed paper's inference-time optimisation: s = exp(u),
/// u by Adam on 1/2 ||x - D s||^2 + lambda sum s, a stated number of steps. Models `SolverFor` and
/// `WarmStartableFor` every dictionary.
///
/// Codes are positive and never exactly 0; their support is |s| > 1e-4. The objective is that of
/// `Fista(NonnegativeL1)`, which reaches it in far fewer operations: this encoder is here to be
/// compared with. Its gap certifies how far it came; its status is always `completed`. Cost of a step:
/// 2 min(num_atoms, 2 dim) num_atoms + 16 num_atoms flops a signal.
///
/// Source: O'Neill, Gumran & Klindt, "Compute optimal inference and provable amortisation gap in sparse
/// autoencoders", 2025.
///
/// @code
/// // The paper's lambda of .01, a mean over codes, is .01 dim / (2 num_atoms) here.
/// const AdamInference infer(NonnegativeL1(0.0025), {.learning_rate = 1e-3, .steps = 20000});
/// const Matrix<float> codes = infer.encode(dictionary, signals);
/// @endcode
class AdamInference {
 public:
  using Options = AdamInferenceOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit AdamInference(NonnegativeL1 penalty, AdamInferenceOptions options = {})
      : penalty_(penalty),
        options_(options),
        adam_({.learning_rate = options.learning_rate, .epsilon = options.epsilon}) {
    require(options.steps >= 0, "AdamInference",
            "steps must be at least 0, is " + std::to_string(options.steps));
    require(options.start > -80 && options.start < 80, "AdamInference",
            "start must be in (-80, 80), is " + std::to_string(options.start));
    require(options.threads >= 0, "AdamInference",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const NonnegativeL1& penalty() const noexcept { return penalty_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The same inference, taking this many steps.
  [[nodiscard]] AdamInference with_steps(Index steps) const {
    Options options = options_;
    options.steps = steps;
    return AdamInference(penalty_, options);
  }

  /// Codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<ScalarOf<D>> encode(const D& d,
                                           const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding("AdamInference::encode", d, signals);
    return run(d, signals, nullptr, false).codes;
  }

  /// The same, begun from u = log(max(initial, exp(start))).
  template <Dictionary D>
  [[nodiscard]] Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                           const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding("AdamInference::encode", d, signals, initial_codes);
    return run(d, signals, &initial_codes, false).codes;
  }

  /// Codes with their certificate. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    check_encoding("AdamInference::solve", d, signals);
    return run(d, signals, nullptr, true);
  }

  /// The same, begun from u = log(max(initial, exp(start))).
  template <Dictionary D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_encoding("AdamInference::solve", d, signals, initial_codes);
    return run(d, signals, &initial_codes, true);
  }

 private:
  template <class D>
  [[nodiscard]] Solution<Matrix<ScalarOf<D>>> run(const D& d,
                                                  const MatrixArg<ScalarOf<D>>& signals,
                                                  const MatrixArg<ScalarOf<D>>* initial,
                                                  bool certify) const {
    using S = ScalarOf<D>;
    const Index max_gram_atoms = d.num_atoms() <= 2 * d.dim() ? 8192 : 0;
    return detail::with_prepared(d, max_gram_atoms, [&](const auto& p, std::int64_t setup_flops) {
      Solution<Matrix<S>> solution(p.num_atoms(), signals.cols());
      solution.setup_flops = setup_flops;
      // The arrays of a block, six of 4 Ki entries, stay in the second-level cache for all steps.
      const Index block_size = std::clamp<Index>((Index{1} << 12) / p.num_atoms(), 16, 512);
      for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
        run_block(p, signals.middleCols(block.begin, block.count),
                  initial ? Matrix<S>(initial->middleCols(block.begin, block.count)) : Matrix<S>(),
                  certify, block, solution);
      });
      return solution;
    });
  }

  template <class Prepared>
  void run_block(const Prepared& d, const MatrixArg<ScalarOf<Prepared>>& x,
                 const Matrix<ScalarOf<Prepared>>& initial, bool certify, Block block,
                 Solution<Matrix<ScalarOf<Prepared>>>& solution) const {
    using S = ScalarOf<Prepared>;
    const std::int64_t m = d.dim(), n = d.num_atoms();
    const bool gram_form = d.has_gram() && n <= 2 * m;
    const S lambda = static_cast<S>(penalty_.lambda());
    const S start = static_cast<S>(options_.start);

    Matrix<S> u = Matrix<S>::Constant(n, block.count, start);
    if (initial.size() > 0) u = initial.array().max(std::exp(start)).log().matrix();
    Matrix<S> s(n, block.count), gradient(n, block.count), correlations;
    if (gram_form) correlations = d.correlate(x);
    auto state = adam_.template start<S>(u.size());
    const Eigen::Map<const Vector<S>> flat_gradient(gradient.data(), gradient.size());
    Eigen::Map<Vector<S>> flat_u(u.data(), u.size());

    for (Index step = 0; step < options_.steps; ++step) {
      s = u.array().exp();
      if (gram_form) {
        gradient.noalias() = d.gram() * s;
        gradient -= correlations;
      } else if constexpr (ExplicitDictionary<Prepared>) {
        const Matrix<S> residual = d.atoms() * s - x;
        gradient.noalias() = d.atoms().transpose() * residual;
      } else {
        gradient = d.correlate(d.decode(s) - x);
      }
      gradient.array() = (gradient.array() + lambda) * s.array();
      adam_.step(state, flat_u, flat_gradient);
    }
    s = u.array().exp();

    const std::int64_t step_flops =
        (gram_form ? 2 * n * n + n : 4 * m * n + m) + 3 * n + adam_.step_flops(n);
    const std::int64_t flops = (gram_form ? 2 * m * n : 0) + options_.steps * step_flops + n;
    for (Index j = 0; j < block.count; ++j) {
      const auto there = static_cast<std::size_t>(block.begin + j);
      solution.iterations[there] = options_.steps;
      solution.flops[there] = flops;
    }
    solution.codes.middleCols(block.begin, block.count) = s;
    // The certificate is a measurement, not a part of the inference: it is not in the flops.
    if (!certify) return;
    LassoCertifier<Prepared, NonnegativeL1> certifier(d, penalty_);
    certifier.for_each(x, s, [&](Index j, Certificate c) {
      solution.objective[block.begin + j] = c.objective;
      solution.gap[block.begin + j] = c.gap;
      solution.relative_gap[block.begin + j] = c.relative_gap;
    });
  }

  NonnegativeL1 penalty_;
  Options options_;
  Adam adam_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ADAM_INFERENCE_HPP
