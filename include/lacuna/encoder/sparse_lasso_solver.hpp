// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SPARSE_LASSO_SOLVER_HPP
#define LACUNA_ENCODER_SPARSE_LASSO_SOLVER_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/lasso_penalty.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/encoder/forward_selection.hpp>
#include <lacuna/operator/certify_sparse.hpp>
#include <lacuna/operator/check_encoding.hpp>
#include <lacuna/operator/encode_counted.hpp>

namespace lacuna::detail {

/// What `ActiveSet` and `CoordinateDescent` have in common: sparse codes of a `LassoPenalty`, from
/// zero or from codes that are given, with a certificate or without.
///
/// @tparam Derived  has `name`, and `descend(d, signals, begin)`, a `Solution` of which the
/// certificate is still to come; it calls `begin(path, j)` before signal j, for a warm start.
template <class Derived, LassoPenalty P, class O>
class SparseLassoSolver {
 public:
  using Options = O;

  [[nodiscard]] const P& penalty() const noexcept { return penalty_; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The same solver with another penalty of its kind: a step along a path of them.
  [[nodiscard]] Derived with_penalty(P penalty) const {
    return Derived(std::move(penalty), options_);
  }

  /// Sparse codes, num_atoms x n, of signals, dim x n. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d,
                                                const MatrixArg<ScalarOf<D>>& signals) const {
    return from_zero(d, signals, false).codes;
  }

  /// The same, begun from these codes, num_atoms x n, dense or sparse.
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                                                const MatrixArg<ScalarOf<D>>& initial_codes) const {
    return warm(d, signals, initial_codes, false).codes;
  }
  template <ExplicitDictionary D>
  [[nodiscard]] SparseCodes<ScalarOf<D>> encode(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const SparseCodes<ScalarOf<D>>& initial_codes) const {
    return warm(d, signals, initial_codes, false).codes;
  }

  /// Codes and what they cost, without the price of a certificate.
  template <ExplicitDictionary D>
  [[nodiscard]] CountedCodes<SparseCodes<ScalarOf<D>>> encode_counted(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    auto solution = from_zero(d, signals, false);
    const std::int64_t flops = solution.total_flops();
    return {std::move(solution.codes), flops};
  }

  /// Codes with their certificate. @throws std::invalid_argument: shape, NaN.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    return from_zero(d, signals, true);
  }

  /// The same, begun from these codes, num_atoms x n, dense or sparse.
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const MatrixArg<ScalarOf<D>>& initial_codes) const {
    return warm(d, signals, initial_codes, true);
  }
  template <ExplicitDictionary D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> solve(
      const D& d, const MatrixArg<ScalarOf<D>>& signals,
      const SparseCodes<ScalarOf<D>>& initial_codes) const {
    return warm(d, signals, initial_codes, true);
  }

 protected:
  /// @param max  the cap of the options, whose name is `what`.
  /// @throws std::invalid_argument naming the option that is out of range.
  SparseLassoSolver(P penalty, Options options, const char* what, Index max)
      : penalty_(std::move(penalty)), options_(options) {
    require(options.tolerance >= 0 && std::isfinite(options.tolerance), Derived::name,
            "tolerance must be finite and at least 0, is " + text_of(options.tolerance));
    require(max >= 0, Derived::name, what + (" must be at least 0, is " + std::to_string(max)));
    require(options.threads >= 0, Derived::name,
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

 private:
  template <class D>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> from_zero(const D& d,
                                                             const MatrixArg<ScalarOf<D>>& signals,
                                                             bool certify) const {
    check_encoding(Derived::name, d, signals);
    return run(
        d, signals, [](auto&, Index) {}, certify);
  }

  template <class D, class Initial>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> warm(const D& d,
                                                        const MatrixArg<ScalarOf<D>>& signals,
                                                        const Initial& initial,
                                                        bool certify) const {
    check_encoding(Derived::name, d, signals, initial);
    const auto begin = [&](auto& path, Index j) {
      for_each_entry(initial, j,
                     [&](Index atom, ScalarOf<D> value) { path.begin_with(atom, value); });
    };
    return run(d, signals, begin, certify);
  }

  template <class D, class Begin>
  [[nodiscard]] Solution<SparseCodes<ScalarOf<D>>> run(const D& d,
                                                       const MatrixArg<ScalarOf<D>>& signals,
                                                       const Begin& begin, bool certify) const {
    check_penalty(Derived::name, penalty_, d.num_atoms());
    auto solution = static_cast<const Derived&>(*this).descend(d, signals, begin);
    if (certify)
      certify_sparse(d, penalty_, signals, options_.tolerance, options_.threads, solution);
    return solution;
  }

  P penalty_;
  Options options_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SPARSE_LASSO_SOLVER_HPP
