// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ADAM_INFERENCE_HPP
#define LACUNA_ENCODER_ADAM_INFERENCE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <lacuna/core/parallel.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/exponential.hpp>
#include <lacuna/operator/lasso_certificate.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

namespace lacuna {

/// How `AdamInference` makes codes of its free parameters u.
enum class AdamCodes {
  exp,       ///< s = exp(u): positive; 0 in float where u has come below -87
  softplus,  ///< s = log(1 + exp(u)): positive as those; small codes as exp, large ones as u
  relu,      ///< s = max(u, 0): exact zeros; an entry that has come to 0 has no gradient any more
};

/// Options of `AdamInference`.
///
/// The seed paper's loss is a mean over the n dim entries of the signals; its gradient is 2/(n dim)
/// times the one here, and as Adam does not change when gradient and epsilon are scaled together, its
/// epsilon of 1e-8 is 1e-8 n dim / 2 here. The default is that of n = 1024 signals of dimension 8.
struct AdamInferenceOptions {
  double learning_rate = 3e-3;  ///< section 5.3 of the seed's protocols; section 5.2 has 1e-3
  Index steps = 10000;          ///< section 5.3; section 5.2 has 20,000
  double start = -10;           ///< codes of exp(start) = 4.5e-5 before the first step; for `relu` of
                                ///< D^T x where that is larger, since what begins at 0 would stay there
  double epsilon = 1e-8 * 1024 * 8 / 2;
  Index threads = 1;            ///< 0 for all cores; the same bits at any number
  AdamCodes codes = AdamCodes::exp;
};

/// Inference by Adam on free log-codes, the seed paper's inference-time optimisation: s = exp(u), or one
/// of the other `AdamCodes`; u by Adam on 1/2 ||x - D s||^2 + lambda sum s, a stated number of steps.
/// Models `SolverFor` and `WarmStartableFor` every dictionary.
///
/// Codes of `exp` and `softplus` are positive, and 0 only where they underflow; their support is
/// |s| > 1e-4. Those of `relu` have exact zeros, but where Adam overshoots 0 an entry is lost for
/// good: its codes end near the optimum, not at it. The objective is that of
/// `Fista(NonnegativeL1)`, which reaches it in far fewer operations: this encoder is here to be
/// compared with. Its gap certifies how far it came; its status is always `completed`. Cost of a step:
/// 2 min(num_atoms, 2 dim) num_atoms + 16 num_atoms flops a signal (21 for `softplus`, 14 for `relu`).
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
    // Beyond, the gradient of the start overflows or underflows in float.
    require(options.start >= -40 && options.start <= 20, "AdamInference",
            "start must be in [-40, 20], is " + text_of(options.start));
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

  /// The same, begun from the u whose codes are max(initial, exp(start)).
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

  /// The same, begun from the u whose codes are max(initial, exp(start)).
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
    Matrix<S> s(n, block.count), gradient(n, block.count), residual(m, block.count), correlations;
    const bool correlated = gram_form || (is_relu() && initial.size() == 0);
    if (correlated) correlations = d.correlate(x);
    Matrix<S> u(n, block.count);
    begin(initial, correlations, u);
    auto state = adam_.template start<S>(u.size());
    const Eigen::Map<const Vector<S>> flat_gradient(gradient.data(), gradient.size());
    Eigen::Map<Vector<S>> flat_u(u.data(), u.size());

    for (Index step = 0; step < options_.steps; ++step) {
      activate(u, s);
      if (gram_form) {
        const detail::Residual<S> less{S(-1), detail::Beside<S>(correlations)};
        detail::blocked_product_then(S(1), d.gram(), s, gradient, less, 1);
      } else if constexpr (ExplicitDictionary<Prepared>) {
        const detail::Residual<S> less{S(-1), detail::Beside<S>(x)};
        detail::blocked_product_then(S(1), d.atoms(), s, residual, less, 1);
        blocked_product(d.atoms().transpose(), residual, gradient, 1);
      } else {
        gradient = d.correlate(d.decode(s) - x);
      }
      chain(u, s, lambda, gradient);
      adam_.step(state, flat_u, flat_gradient);
    }
    activate(u, s);

    const std::int64_t step_flops = (gram_form ? 2 * n * n + n : 4 * m * n + m) +
                                    (activate_flops() + chain_flops()) * n + adam_.step_flops(n);
    const std::int64_t flops = (correlated ? 2 * m * n : 0) + options_.steps * step_flops +
                               activate_flops() * n;
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

  [[nodiscard]] bool is_relu() const noexcept { return options_.codes == AdamCodes::relu; }

  /// u before the first step.
  template <Real S>
  void begin(const Matrix<S>& initial, const Matrix<S>& correlations, Matrix<S>& u) const {
    const S start = static_cast<S>(options_.start), least = std::exp(start);
    if (is_relu()) {
      u = (initial.size() > 0 ? initial : correlations).cwiseMax(least);
    } else if (options_.codes == AdamCodes::exp) {
      if (initial.size() > 0)
        u = initial.array().max(least).log().matrix();
      else
        u.setConstant(start);
    } else {
      // log(exp(s) - 1), written so that neither end of the range is lost.
      const auto inverse = [](S s) { return s + std::log(-std::expm1(-s)); };
      if (initial.size() > 0)
        u = initial.cwiseMax(least).unaryExpr(inverse);
      else
        u.setConstant(inverse(least));
    }
  }

  /// s of u.
  template <Real S>
  void activate(const Matrix<S>& u, Matrix<S>& s) const {
    switch (options_.codes) {
      case AdamCodes::exp: detail::exponential(u, s); break;
      case AdamCodes::softplus:
        s = u.array().max(S(0)) + (-u.array().abs()).exp().log1p();
        break;
      case AdamCodes::relu: s = u.array().max(S(0)); break;
    }
  }

  /// The gradient of the reconstruction in s becomes that of the objective in u.
  template <Real S>
  void chain(const Matrix<S>& u, const Matrix<S>& s, S lambda, Matrix<S>& gradient) const {
    switch (options_.codes) {
      case AdamCodes::exp: gradient.array() = (gradient.array() + lambda) * s.array(); break;
      case AdamCodes::softplus:
        gradient.array() = (gradient.array() + lambda) / (S(1) + (-u.array()).exp());
        break;
      case AdamCodes::relu:
        gradient.array() = (s.array() > S(0)).select(gradient.array() + lambda, S(0));
        break;
    }
  }

  /// Of an entry: exp 1; exp, log1p (2) and sum.
  [[nodiscard]] std::int64_t activate_flops() const noexcept {
    return is_relu() ? 0 : (options_.codes == AdamCodes::exp ? 1 : 4);
  }
  /// Of an entry: lambda, then product; exp, sum and division; nothing.
  [[nodiscard]] std::int64_t chain_flops() const noexcept {
    return is_relu() ? 1 : (options_.codes == AdamCodes::exp ? 2 : 4);
  }

  NonnegativeL1 penalty_;
  Options options_;
  Adam adam_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_ADAM_INFERENCE_HPP
