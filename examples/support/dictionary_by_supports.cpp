// SPDX-License-Identifier: MIT
//
// The methods of dictionary_recovery whose codes are supports of a given size: a file of their own,
// since every encoder is compiled with its update.

#include <stdexcept>
#include <utility>

#include <lacuna/core/random.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/trainer/restarts.hpp>
#include <lacuna/update/ksvd.hpp>
#include <lacuna/update/least_squares.hpp>
#include <lacuna/update/residual_mean.hpp>

#include "support/alternate.hpp"

namespace lacuna::examples {

namespace {

using S = float;

/// A mean squared error that is 0 but for rounding.
constexpr double vanished = 1e-9;

/// The trainer of one start after another: tells of the atoms of those that are the best so far.
template <class Trainer>
class WatchedStarts {
 public:
  WatchedStarts(Trainer trainer, Index max_starts, const AtomsWatch& watch)
      : trainer_(std::move(trainer)), max_starts_(max_starts), watch_(watch) {}

  template <class M, class Source, class Watch>
  Outcome fit(M& model, Source&& source, Watch&&) const {
    // A start does not end in the middle, unless there is an interrupt, of which the watch knows.
    Outcome outcome = trainer_.fit(model, source);
    ++starts_;
    const bool best = starts_ == 1 || outcome.loss < least_;
    if (best) {
      least_ = outcome.loss;
      atoms_ = model.dictionary.atoms();
    }
    const Index total = least_ <= vanished ? starts_ : max_starts_;
    if (!watch_(atoms_, {starts_, total, least_})) outcome.status = Status::stopped;
    return outcome;
  }

 private:
  Trainer trainer_;
  Index max_starts_;
  const AtomsWatch& watch_;
  mutable Index starts_ = 0;
  mutable double least_ = 0;
  mutable Matrix<S> atoms_;
};

LearnedDictionary learn_exactly(const Matrix<S>& signals, const DictionaryTask& task,
                                const AtomsWatch& watch) {
  const AlternatingTrainer trainer({.rounds = 60}, LeastSquaresUpdate(),
                                   ReplaceAtoms({.every = 5,
                                                 .until = task.revival ? 0.7 : 0.0,
                                                 .min_use = 0.1,
                                                 .max_cosine = 0.95,
                                                 .signed_codes = task.signed_codes,
                                                 .window = signals.cols()}));
  const ExhaustiveSearch encoder(
      {.k = task.k, .nonnegative = !task.signed_codes, .threads = task.threads});
  const auto start = [&](Index i) {
    const auto seed = derive_seed(task.seed, static_cast<std::uint64_t>(i));
    return Model{Identity{},
                 UnitNormDictionary<S>(signal_atoms<S>(signals, task.num_atoms, {.seed = seed})),
                 encoder};
  };
  const auto best = fit_with_restarts(WatchedStarts(trainer, task.max_starts, watch), start,
                                      InMemorySource<S>(signals),
                                      {.max_starts = task.max_starts, .enough = vanished});
  return {best.model.dictionary.atoms(), best.outcome, best.starts};
}

}  // namespace

LearnedDictionary learn_by_supports(const std::string& method, const Matrix<S>& signals,
                                    const DictionaryTask& task, const AtomsWatch& watch) {
  const Index all = signals.cols();
  const bool nonnegative = !task.signed_codes;
  const OrthogonalMatchingPursuit pursuit(
      {.k = task.k, .nonnegative = nonnegative, .threads = task.threads});
  if (method == "mod") return alternate(pursuit, LeastSquaresUpdate(), signals, task, all, watch);
  if (method == "ksvd")
    return alternate(pursuit, KsvdUpdate({.nonnegative = nonnegative}), signals, task, all, watch);
  // Its supports and its fit are of either sign, as published, also where the true codes are not:
  // non-negative ones do worse.
  if (method == "itkrm")
    return alternate(
        Debiased(MarginalThreshold({.k = task.k, .nonnegative = false, .threads = task.threads}),
                 {.threads = task.threads}),
        ResidualMeanUpdate({.threads = task.threads}), signals, task, all, watch);
  if (method == "exact") return learn_exactly(signals, task, watch);
  throw std::invalid_argument("learn_by_supports: no method " + method);
}

SparseCodes<S> exact_codes(const Matrix<S>& atoms, const Matrix<S>& signals, Index k,
                           bool signed_codes, Index threads) {
  return ExhaustiveSearch({.k = k, .nonnegative = !signed_codes, .threads = threads})
      .encode(UnitNormDictionary<S>(atoms), signals);
}

}  // namespace lacuna::examples
