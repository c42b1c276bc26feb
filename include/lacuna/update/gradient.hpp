// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_GRADIENT_HPP
#define LACUNA_UPDATE_GRADIENT_HPP

#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/core/schedule.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/sparse_outer_product.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>
#include <lacuna/update/active_codes.hpp>

namespace lacuna {

/// Options of `GradientUpdate`.
struct GradientUpdateOptions {
  Index steps = 1;  ///< of the optimiser in an update, at least 1
  /// A factor on the optimiser's. A trainer with state asks it; `update(d, signals, codes)` has the
  /// first of one update.
  Schedule learning_rate = 1.0;
  Index threads = 1;  ///< of the products, 0 for all cores; the same bits at any number
};

/// Steps of an optimiser against the gradient of the mean squared error at fixed codes. Models
/// `RememberingUpdateFor`: what it remembers is the optimiser's state.
///
///   f(D) = mean over dim n of (X - D S)^2,   gradient G = -2 / (dim n) (X - D S) S^T
///
/// Of atoms of unit norm only the part of their gradient that turns them, as `JointTrainer` has it;
/// they are brought back to length 1 after each step. An atom that no code uses has gradient 0: it
/// stays, but where the optimiser moves it of its own (memory, decay of weights).
///
/// `GradientDescent` without momentum descends, with L = 2 / (dim n) lambda_max(S S^T), at rates
/// below 2 / L where atoms are free, and up to 1 / (L + max_j |<g_j, d_j>|) where they have unit
/// norm: brought back, the step of an atom along the turning part is that of its whole gradient g_j
/// at another rate, projected to the sphere. Cost: 4 dim flops an active entry and step.
///
/// Source: Olshausen & Field, "Emergence of simple-cell receptive field properties by learning a
/// sparse code for natural images", 1996.
///
/// @code
/// const GradientUpdate update({.steps = 5}, Adam({.learning_rate = 3e-3}));
/// AlternatingTrainer({.rounds = 1000}, update).fit(model, source);
/// @endcode
template <class O = GradientDescent>
class GradientUpdate {
 public:
  using Options = GradientUpdateOptions;

  /// The optimiser's, for all atoms. Their shape comes with `start`, and is no field.
  template <Real S>
  struct State {
    typename O::template State<S> optimizer;
    Index dim;

    template <class Self, class Visit>
    static void fields(Self& self, Visit&& visit) {
      visit("optimizer", self.optimizer);
    }
  };

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit GradientUpdate(GradientUpdateOptions options = {}, O optimizer = O())
      : options_(std::move(options)), optimizer_(std::move(optimizer)) {
    require(options_.steps >= 1, "GradientUpdate",
            "steps must be at least 1, is " + std::to_string(options_.steps));
    require(options_.threads >= 0, "GradientUpdate",
            "threads must be at least 0, is " + std::to_string(options_.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] const O& optimizer() const noexcept { return optimizer_; }

  template <LearnableDictionary D>
  requires Optimizer<O, ScalarOf<D>>
  [[nodiscard]] State<ScalarOf<D>> start(const D& d) const {
    return {optimizer_.template start<ScalarOf<D>>(d.dim() * d.num_atoms()), d.dim()};
  }

  /// Moves the atoms as an optimiser does that begins here; returns audited flops.
  /// @param codes  num_atoms x n, dense or sparse. @throws std::invalid_argument: shapes, NaN.
  template <LearnableDictionary D, CodesOf<ScalarOf<D>> Codes>
  requires Optimizer<O, ScalarOf<D>> std::int64_t update(D& d,
                                                         const MatrixArg<ScalarOf<D>>& signals,
                                                         const Codes& codes)
  const {
    auto state = start(d);
    return update(d, state, signals, codes, 0, 1);
  }

  /// Moves the atoms as the optimiser goes on.
  /// @throws std::invalid_argument: shapes, NaN, a negative learning rate, or the state of another
  /// dictionary.
  template <LearnableDictionary D, CodesOf<ScalarOf<D>> Codes>
  requires Optimizer<O, ScalarOf<D>> std::int64_t update(D& d, State<ScalarOf<D>>& state,
                                                         const MatrixArg<ScalarOf<D>>& signals,
                                                         const Codes& codes, Index step,
                                                         Index total_steps)
  const {
    using S = ScalarOf<D>;
    detail::check_update("GradientUpdate", d, signals, codes);
    if (signals.cols() == 0) return 0;
    const double rate = options_.learning_rate(step, total_steps);
    const S scale = static_cast<S>(-2 / static_cast<double>(signals.size()));
    Vector<S> gradient(d.dim() * d.num_atoms());
    Eigen::Map<Matrix<S>> columns(gradient.data(), d.dim(), d.num_atoms());
    SparseOuterProduct<S> outer_product;
    for (Index i = 0; i < options_.steps; ++i) {
      const Matrix<S> residual = signals - d.decode(codes);
      if constexpr (is_sparse_codes<Codes>)
        outer_product(residual, codes, columns, options_.threads, scale);
      else
        blocked_product(scale, residual, codes.transpose(), columns, options_.threads);
      if constexpr (detail::HasUnitNorm<D>)
        for (Index j = 0; j < d.num_atoms(); ++j)
          columns.col(j) -= columns.col(j).dot(d.atoms().col(j)) * d.atoms().col(j);
      d.update_atoms([&](Matrix<S>& atoms) {
        optimizer_.step(state.optimizer, atoms.reshaped(), gradient, rate);
      });
    }
    std::int64_t entries = codes.size();
    if constexpr (is_sparse_codes<Codes>) entries = codes.nonZeros();
    // To make the gradient's turning part, and to bring the atoms back.
    const std::int64_t sphere = detail::HasUnitNorm<D> ? 4 + 3 : 0;
    return options_.steps * (4 * d.dim() * entries + signals.size() + sphere * gradient.size() +
                             optimizer_.step_flops(gradient.size()));
  }

  template <Real S>
  void forget(State<S>& state, Index atom) const {
    optimizer_.reset(state.optimizer, atom * state.dim, state.dim);
  }

 private:
  Options options_;
  O optimizer_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_GRADIENT_HPP
