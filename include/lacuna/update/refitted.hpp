// SPDX-License-Identifier: MIT
#ifndef LACUNA_UPDATE_REFITTED_HPP
#define LACUNA_UPDATE_REFITTED_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <lacuna/concepts/update.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/reconstruction_objective.hpp>
#include <lacuna/operator/refit_codes.hpp>
#include <lacuna/update/active_codes.hpp>

namespace lacuna {

/// Options of `RefittedUpdate`.
struct RefittedOptions {
  double drop = 0;   ///< an entry of at most this magnitude counts as 0, or ...
  double noise = 4;  ///< ... of at most this times the noise, where that is less; infinity: `drop`
  bool nonnegative = true;  ///< refitted codes are >= 0
  Index threads = 1;        ///< of the refit; 0 for all cores, the same bits at any number
};

/// An update at codes without shrinkage: of the codes that it is given the larger entries are kept
/// and fitted anew by least squares (as `Debiased` does), then U moves the atoms. Models
/// `UpdateFor`, and `RememberingUpdateFor` where U does.
///
/// At the codes of a lasso true atoms are no fixed point, however many signals there are. Where
/// atom i often comes with atom 0, d_i = a_i + e a_0 saves some of the code of atom 0, and that is
/// worth lambda e a time; so all atoms that an atom meets are off by some of it, and its own code
/// by the sum. At least squares on the true support true atoms do not move. Nor can atoms be off
/// the other way, d_i = a_i - e a_0 with a small entry of atom 0 to make up for it: that entry is
/// dropped. What dropping true entries costs is of the order of `drop` squared, so less are dropped
/// where little noise is seen. The noise is what the fit leaves of the batch, over the degrees of
/// freedom that are left; where it is above .65 of `drop` the codes stay as they were given.
///
/// Cost: that of U, and once or twice that of `refit_codes`.
///
/// @code
/// AlternatingTrainer(options, RefittedUpdate(BlockCoordinateUpdate({.memory = 5000}),
///                                            {.drop = 0.05}), ReplaceAtoms());
/// @endcode
template <class U>
class RefittedUpdate {
  template <class T>
  struct StateOf {};
  template <class T>
  requires requires { typename U::template State<T>; }
  struct StateOf<T> {
    using type = typename U::template State<T>;
  };

 public:
  using Options = RefittedOptions;
  template <Real S>
  using State = typename StateOf<S>::type;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit RefittedUpdate(U update = U(), RefittedOptions options = {})
      : update_(std::move(update)), options_(options) {
    require(options.drop >= 0 && std::isfinite(options.drop), "RefittedUpdate",
            "drop must be finite and at least 0, is " + text_of(options.drop));
    require(options.noise >= 0, "RefittedUpdate",
            "noise must be at least 0, is " + text_of(options.noise));
    require(options.threads >= 0, "RefittedUpdate",
            "threads must be at least 0, is " + std::to_string(options.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  template <LearnableDictionary D>
  requires RememberingUpdateFor<U, D>
  [[nodiscard]] auto start(const D& d) const { return update_.start(d); }

  /// Moves the atoms; returns audited flops. @param codes  num_atoms x n, dense or sparse.
  /// @throws std::invalid_argument: shapes, NaN.
  template <LearnableDictionary D, CodesOf<ScalarOf<D>> Codes>
  requires UpdateFor<U, D> std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>& signals,
                                               const Codes& codes)
  const {
    const auto [refitted, flops] = refit(d, signals, codes);
    return flops + update_.update(d, signals, refitted);
  }

  /// The same with what is remembered of the batches before.
  template <LearnableDictionary D, CodesOf<ScalarOf<D>> Codes>
  requires RememberingUpdateFor<U, D> std::int64_t update(D& d, State<ScalarOf<D>>& state,
                                                          const MatrixArg<ScalarOf<D>>& signals,
                                                          const Codes& codes, Index step,
                                                          Index total_steps)
  const {
    const auto [refitted, flops] = refit(d, signals, codes);
    return flops + update_.update(d, state, signals, refitted, step, total_steps);
  }

  template <class Memory>
  void forget(Memory& state, Index atom) const requires requires(const U& u) {
    u.forget(state, atom);
  }
  { update_.forget(state, atom); }

 private:
  template <class D, class Codes>
  [[nodiscard]] CountedCodes<SparseCodes<ScalarOf<D>>> refit(const D& d,
                                                             const MatrixArg<ScalarOf<D>>& signals,
                                                             const Codes& codes) const {
    detail::check_update("RefittedUpdate", d, signals, codes);
    std::vector<std::int64_t> flops(static_cast<std::size_t>(signals.cols()));
    const auto above = [&](double least) {
      return refit_codes("RefittedUpdate", d, signals, codes,
                         {.nonnegative = options_.nonnegative,
                          .active = least,
                          .threads = options_.threads},
                         flops);
    };
    const auto total = [&] { return std::accumulate(flops.begin(), flops.end(), std::int64_t{0}); };
    auto refitted = above(options_.drop);
    const double free = static_cast<double>(signals.size() - refitted.nonZeros());
    if (free > 0) {
      const double left =
          2 * reconstruction_objective(d, signals, refitted, options_.threads).sum();
      const double noise = std::sqrt(left / free);
      // Least squares would follow such noise, from which shrinkage keeps.
      if (options_.drop > 0 && noise > 0.65 * options_.drop)
        return {detail::active_codes(codes), total()};
      if (options_.noise * noise < options_.drop) refitted = above(options_.noise * noise);
    }
    return {std::move(refitted), total()};
  }

  U update_;
  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_UPDATE_REFITTED_HPP
