// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_KSVD_HPP
#define LACUNA_UPDATE_KSVD_HPP

#include <algorithm>
#include <cstdint>
#include <string>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/update/active_codes.hpp>

namespace lacuna {

/// Options of `KsvdUpdate`.
struct KsvdOptions {
  Index passes = 1;          ///< over all atoms, at least 1
  bool nonnegative = false;  ///< codes are at least 0, and stay so
};

/// Approximate K-SVD: one atom after another together with its codes, on the signals that use it,
/// by one step of the power method towards the first singular pair of what the others leave. Models
/// `UpdateFor`.
///
///   E = X_j - sum_{i != j} d_i g_i^T  on the signals X_j that use atom j, g their codes of it;
///   d_j <- E g / ||E g||,   g <- E^T d_j   (max(E^T d_j, 0) where codes are non-negative)
///
/// With the codes that are updated along, on their old supports, ||X - D S||^2 never rises,
/// whatever the lengths of the atoms before. `update` takes codes as they come and keeps the new
/// ones to itself, for an alternation that infers them anew; `update_with_codes` gives them back.
/// An atom that no code uses stays; the others come out with length 1.
///
/// The values of the codes are a start alone: it is their supports that count, so they want to be
/// those of a pursuit or an l0 solver. Of a weak lasso every small entry is fitted anew, without
/// the price that kept it small. Cost: 2 dim flops an active entry, and 8 dim a pass.
///
/// Source: Aharon, Elad & Bruckstein, "K-SVD: an algorithm for designing overcomplete dictionaries
/// for sparse representation", 2006; Rubinstein, Zibulevsky & Elad, "Efficient implementation of
/// the K-SVD algorithm using batch orthogonal matching pursuit", 2008 (the power step).
///
/// @code
/// SparseCodes<float> codes = OrthogonalMatchingPursuit({.k = 3}).encode(dictionary, signals);
/// KsvdUpdate({.passes = 2}).update_with_codes(dictionary, signals, codes);
/// @endcode
class KsvdUpdate {
 public:
  using Options = KsvdOptions;

  /// @throws std::invalid_argument unless there is a pass.
  explicit KsvdUpdate(KsvdOptions options = {}) : options_(options) {
    require(options.passes >= 1, "KsvdUpdate",
            "passes must be at least 1, is " + std::to_string(options.passes));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Moves the atoms; returns audited flops. @param codes  num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument: shapes, NaN, a negative code where they are non-negative.
  template <LearnableDictionary D, CodesOf<ScalarOf<D>> Codes>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>& signals, const Codes& codes) const {
    detail::check_update("KsvdUpdate", d, signals, codes);
    SparseCodes<ScalarOf<D>> active = detail::active_codes(codes);
    return sweep(d, signals, active);
  }

  /// The same, and the codes become those that go with the atoms; entries of 0 are left out.
  template <LearnableDictionary D>
  std::int64_t update_with_codes(D& d, const MatrixArg<ScalarOf<D>>& signals,
                                 SparseCodes<ScalarOf<D>>& codes) const {
    detail::check_update("KsvdUpdate", d, signals, codes);
    SparseCodes<ScalarOf<D>> active = detail::active_codes(codes);
    const std::int64_t flops = sweep(d, signals, active);
    codes = detail::active_codes(active);
    return flops;
  }

 private:
  template <class D>
  std::int64_t sweep(D& d, const MatrixArg<ScalarOf<D>>& signals,
                     SparseCodes<ScalarOf<D>>& codes) const {
    using S = ScalarOf<D>;
    using Entry = typename SparseCodes<S>::InnerIterator;
    if (options_.nonnegative) check_nonnegative(codes);
    Matrix<S> residual = signals - d.decode(codes);
    SparseCodes<S> by_atom = codes.transpose();
    std::int64_t used = 0;
    d.update_atoms([&](Matrix<S>& atoms) {
      Vector<S> before(atoms.rows()), direction(atoms.rows());
      for (Index pass = 0; pass < options_.passes; ++pass)
        for (Index j = 0; j < atoms.cols(); ++j) {
          before = atoms.col(j);
          // E = X_j - D S_j + d_j g^T, of which only the residual is there.
          S square = 0;
          direction.setZero();
          for (Entry use(by_atom, j); use; ++use) {
            direction += use.value() * residual.col(use.row());
            square += use.value() * use.value();
          }
          direction += square * before;
          const S length = direction.norm();
          if (!(length > S(0))) continue;
          ++used;
          direction /= length;
          const S turn = direction.dot(before);
          for (Entry use(by_atom, j); use; ++use) {
            auto rest = residual.col(use.row());
            S value = direction.dot(rest) + turn * use.value();
            if (options_.nonnegative) value = std::max(value, S(0));
            rest += use.value() * before - value * direction;
            use.valueRef() = value;
          }
          atoms.col(j) = direction;
        }
    });
    codes = by_atom.transpose();
    const std::int64_t m = d.dim(), entries = by_atom.nonZeros();
    return (2 + 8 * options_.passes) * m * entries + m * signals.cols() + 7 * m * used;
  }

  template <class S>
  static void check_nonnegative(const SparseCodes<S>& codes) {
    for (Index j = 0; j < codes.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
        if (entry.value() < S(0))
          require(false, "KsvdUpdate",
                  "codes must be at least 0, column " + std::to_string(j) + " holds " +
                      text_of(static_cast<double>(entry.value())));
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_KSVD_HPP
