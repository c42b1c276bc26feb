// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_CHOOSE_LAMBDA_HPP
#define LACUNA_OPERATOR_CHOOSE_LAMBDA_HPP

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/operator/lambda_path.hpp>
#include <lacuna/operator/sparse_decode.hpp>

namespace lacuna {

/// Options of `choose_lambda`.
struct CrossValidationOptions {
  Index folds = 5;         ///< parts the rows are dealt into; at most dim
  std::uint64_t seed = 0;  ///< of the deal
};

/// What `choose_lambda` found.
struct LambdaChoice {
  double lambda;                ///< that of the least error; of equals the largest
  std::vector<double> lambdas;  ///< those tried
  std::vector<double> errors;  ///< theirs: squared error on rows left out, over the signals' energy
};

namespace detail {

/// Some rows of a dictionary's atoms: a dictionary again.
template <Real S>
class RowsOfAtoms {
 public:
  using Scalar = S;
  explicit RowsOfAtoms(Matrix<S> atoms) : atoms_(std::move(atoms)) {}
  [[nodiscard]] Index dim() const { return atoms_.rows(); }
  [[nodiscard]] Index num_atoms() const { return atoms_.cols(); }
  [[nodiscard]] const Matrix<S>& atoms() const { return atoms_; }
  [[nodiscard]] Matrix<S> decode(const MatrixArg<S>& codes) const { return atoms_ * codes; }
  [[nodiscard]] Matrix<S> decode(const SparseCodes<S>& codes) const {
    return sparse_decode<S>(atoms_, codes);
  }
  [[nodiscard]] Matrix<S> correlate(const MatrixArg<S>& signals) const {
    return atoms_.transpose() * signals;
  }

 private:
  Matrix<S> atoms_;
};

}  // namespace detail

/// Chooses lambda by cross-validation over the rows of the signals, with no truth but the signals
/// and the dictionary: the codes are inferred from some of the dimensions and asked to predict the
/// others.
///
/// The rows are dealt into folds at random. For each fold, codes are solved for on the other rows
/// of dictionary and signals along the path of lambdas, warm-started, and D s is compared with x on
/// the rows left out. A path on a share q of the rows is at q lambda, so that the penalty keeps its
/// weight against the fit; a ridge stays as it is. Too small a lambda fits noise and fails on the
/// rows left out, too large a one explains nothing; without noise the least error is at the
/// smallest lambda that the element type can tell from 0.
///
/// Source: Stone, "Cross-validatory choice and assessment of statistical predictions", 1974; over
/// the dimensions of one signal as in Ward, "Compressed sensing with cross validation", 2009.
///
/// @param lambdas  those to try, best from large to small: `lambda_grid`.
/// @throws std::invalid_argument: shapes, NaN, no lambdas, no signal other than 0, folds not in
/// [2, dim]. Cost: `folds` paths.
///
/// @code
/// const CoordinateDescent solver(NonnegativeL1(0));
/// const double largest = lambda_max(dictionary, signals, solver.penalty()).maxCoeff();
/// const LambdaChoice choice =
///     choose_lambda(solver, dictionary, signals, lambda_grid(largest, 1e-3 * largest, 30));
/// const auto codes =
///     solver.with_penalty(NonnegativeL1(choice.lambda)).encode(dictionary, signals);
/// @endcode
template <ExplicitDictionary D, class Solver>
requires detail::FollowsPathOn<Solver, detail::RowsOfAtoms<ScalarOf<D>>>
[[nodiscard]] LambdaChoice choose_lambda(const Solver& solver, const D& d,
                                         const MatrixArg<ScalarOf<D>>& signals,
                                         const std::vector<double>& lambdas,
                                         CrossValidationOptions options = {}) {
  using S = ScalarOf<D>;
  const Index dim = d.dim();
  check_signals("choose_lambda", d, signals);
  check_finite<S>("choose_lambda", "signals", signals);
  require(!lambdas.empty(), "choose_lambda", "no lambdas to choose from");
  require(options.folds >= 2 && options.folds <= dim, "choose_lambda",
          "folds must be at least 2 and at most dim = " + std::to_string(dim) + ", are " +
              std::to_string(options.folds));
  const double energy = signals.template cast<double>().squaredNorm();
  require(energy > 0, "choose_lambda", "there is no signal other than 0");

  LambdaChoice choice{lambdas.front(), lambdas, std::vector<double>(lambdas.size(), 0.0)};
  RandomStream random(options.seed, 0);
  const std::vector<Index> dealt = random.choose(dim, dim);
  for (Index fold = 0; fold < options.folds; ++fold) {
    std::vector<Index> kept, left_out;
    for (Index i = 0; i < dim; ++i)
      (i % options.folds == fold ? left_out : kept).push_back(dealt[static_cast<std::size_t>(i)]);
    const detail::RowsOfAtoms<S> seen(d.atoms()(kept, Eigen::all));
    const Matrix<S> unseen_atoms = d.atoms()(left_out, Eigen::all);
    const Matrix<S> seen_signals = signals(kept, Eigen::all);
    const Matrix<S> unseen = signals(left_out, Eigen::all);
    const double share = static_cast<double>(kept.size()) / static_cast<double>(dim);
    std::vector<double> scaled = lambdas;
    for (double& lambda : scaled) lambda *= share;
    std::size_t at = 0;
    follow_lambdas(solver, seen, seen_signals, scaled, [&](double, const auto& solution) {
      Matrix<S> predicted;
      if constexpr (is_sparse_codes<CodesFor<Solver, detail::RowsOfAtoms<S>>>)
        predicted = sparse_decode<S>(unseen_atoms, solution.codes);
      else
        predicted = unseen_atoms * solution.codes;
      choice.errors[at++] += (unseen - predicted).template cast<double>().squaredNorm() / energy;
    });
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < lambdas.size(); ++i)
    if (choice.errors[i] < choice.errors[best] ||
        (choice.errors[i] == choice.errors[best] && lambdas[i] > lambdas[best]))
      best = i;
  choice.lambda = lambdas[best];
  return choice;
}

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_CHOOSE_LAMBDA_HPP
