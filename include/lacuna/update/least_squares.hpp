// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_LEAST_SQUARES_HPP
#define LACUNA_UPDATE_LEAST_SQUARES_HPP

#include <cmath>
#include <cstdint>
#include <string>

#include <Eigen/Cholesky>
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/update/code_statistics.hpp>

namespace lacuna {

/// Options of `LeastSquaresUpdate`.
struct LeastSquaresOptions {
  /// Ridge towards the present atoms, relative to the mean use of an atom; positive, so that atoms
  /// no code uses, or only together, have an answer.
  double ridge = 1e-6;
};

/// The method of optimal directions: all atoms at once by least squares. Models `UpdateFor`.
///
///   D <- D + (B - D A)(A + rho I)^-1,  A = S S^T, B = X S^T, rho = ridge trace(A) / num_atoms
///
/// ||X - D S||^2 does not rise on a dictionary whose atoms are free; where they are then rescaled
/// to unit norm it may. An atom that no code uses stays. Cost: the statistics, num_atoms^3 / 3 and
/// 4 dim num_atoms^2 flops, the last two in double.
///
/// Source: Engan, Aase & Husoy, "Method of optimal directions for frame design", 1999.
class LeastSquaresUpdate {
 public:
  using Options = LeastSquaresOptions;

  /// @throws std::invalid_argument unless the ridge is positive and finite.
  explicit LeastSquaresUpdate(LeastSquaresOptions options = {}) : options_(options) {
    require(options.ridge > 0 && std::isfinite(options.ridge), "LeastSquaresUpdate",
            "ridge must be positive and finite, is " + text_of(options.ridge));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Moves the atoms; returns audited flops. @param codes  num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument: shapes.
  template <LearnableDictionary D, class Codes>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>& signals, const Codes& codes) const {
    using S = ScalarOf<D>;
    check_signals("LeastSquaresUpdate", d, signals);
    check_codes("LeastSquaresUpdate", d, codes);
    const CodeStatistics<S> statistics("LeastSquaresUpdate", signals, codes);
    const std::int64_t m = d.dim(), n = d.num_atoms();
    Matrix<double> a = statistics.a.template cast<double>();
    const double use = a.trace() / static_cast<double>(n);
    if (!(use > 0)) return statistics.flops;
    d.update_atoms([&](Matrix<S>& atoms) {
      const Matrix<double> before = atoms.template cast<double>();
      const Matrix<double> gain = statistics.b.template cast<double>() - before * a;
      a.diagonal().array() += options_.ridge * use;
      const Matrix<double> move = a.llt().solve(gain.transpose()).transpose();
      atoms = (before + move).template cast<S>();
    });
    return statistics.flops + n * n * n / 3 + 4 * m * n * n;
  }

 private:
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_LEAST_SQUARES_HPP
