// SPDX-License-Identifier: MIT
//
// The methods of compositional_ood that infer their codes: a file of its own, since every solver is
// compiled with every trainer.

#include <memory>
#include <utility>

#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/metric/code_mcc_floor.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/operator/ridge_regression.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/update/least_squares.hpp>

#include "support/compositional_methods.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

using S = float;

FittedMethod infer_on(const UnitNorm& dictionary, const FistaSettings& settings) {
  const auto prepared = std::make_shared<const PreparedDictionary<UnitNorm>>(dictionary);
  const Fista fista(NonnegativeL1(settings.lambda), {.tolerance = settings.tolerance,
                                                     .max_iterations = settings.max_iterations,
                                                     .threads = settings.threads});
  return {.dictionary = dictionary,
          .encode = [prepared, fista](const Matrix<S>& signals) -> SparseCodes<S> {
            return fista.encode(*prepared, signals).sparseView();
          },
          .lambda = settings.lambda};
}

SparseCodes<S> infer_exactly(const UnitNorm& dictionary, const Matrix<S>& signals,
                             const ExactSettings& settings) {
  return ActiveSet(NonnegativeL1(settings.lambda), {.threads = settings.threads})
      .encode(dictionary, signals);
}

double chance_mcc(const UnitNorm& dictionary, const Matrix<S>& signals, const SparseCodes<S>& codes,
                  MccKind kind, const ExactSettings& settings, std::uint64_t seed) {
  return code_mcc_floor(ActiveSet(NonnegativeL1(settings.lambda), {.threads = settings.threads}),
                        dictionary, MatrixArg<S>(signals), codes, {.kind = kind, .seed = seed});
}

FittedMethod fit_by_least_squares(const UnitNorm& start, const Matrix<S>& signals, Index rounds,
                                  const ExactSettings& settings, const Watch& watch) {
  const Stopwatch clock;
  Model model{Identity{}, start,
              ActiveSet(NonnegativeL1(settings.lambda), {.threads = settings.threads})};
  Matrix<S> before = start.atoms();
  const Outcome outcome =
      AlternatingTrainer({.rounds = rounds}, LeastSquaresUpdate())
          .fit(model, InMemorySource<S>(signals), [&](const Progress& progress) {
            const Matrix<S>& atoms = model.dictionary.atoms();
            const S moved = (atoms - before).norm() / before.norm();
            before = atoms;
            return watch(progress) && !(progress.step > 10 && moved < S(1e-5));
          });
  return {.dictionary = model.dictionary,
          .encode = [model](const Matrix<S>& s) { return model.encode(s); },
          .lambda = settings.lambda,
          .steps = outcome.steps,
          .seconds = clock.seconds()};
}

FittedMethod fit_dictionary_learning(const Matrix<S>& signals, Index num_atoms, std::uint64_t seed,
                                     Index threads, const Watch& watch) {
  const Stopwatch clock;
  const DictionaryLearning learning({.num_atoms = num_atoms, .seed = seed, .threads = threads});
  auto model = learning.start<S>(signals);
  const Outcome outcome = learning.fit(model, MatrixArg<S>(signals), watch);
  return {.dictionary = model.dictionary,
          .encode = [model](const Matrix<S>& s) { return model.encode(s); },
          .lambda = model.encoder.penalty().lambda(),
          .steps = outcome.steps,
          .seconds = clock.seconds()};
}

FittedMethod fit_linear_probe(const Matrix<S>& signals, const SparseCodes<S>& codes) {
  const Stopwatch clock;
  const RidgeRegression<S> probe(signals, codes);
  return {.encode = [probe](const Matrix<S>& s) -> SparseCodes<S> {
            return probe.predict(s).sparseView();
          },
          .lambda = probe.ridge(),
          .seconds = clock.seconds()};
}

}  // namespace lacuna::examples
