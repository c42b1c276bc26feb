// SPDX-License-Identifier: MIT
//
// The methods of dictionary_recovery that infer by the lasso: a file of their own, since the solver
// is compiled with every update.

#include <stdexcept>

#include <lacuna/encoder/active_set.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/gradient.hpp>

#include "support/alternate.hpp"

namespace lacuna::examples {

namespace {

using S = float;

LearnedDictionary learn_by_defaults(const Matrix<S>& signals, const DictionaryTask& task,
                                    const AtomsWatch& watch) {
  const DictionaryLearning learning(
      {.num_atoms = task.num_atoms, .seed = task.seed, .threads = task.threads});
  auto model = learning.start<S>(signals);
  const Outcome outcome = learning.fit(model, MatrixArg<S>(signals), [&](const Progress& p) {
    return watch(model.dictionary.atoms(), p);
  });
  return {model.dictionary.atoms(), outcome};
}

template <class P>
LearnedDictionary learn(const std::string& method, P penalty, const Matrix<S>& signals,
                        const DictionaryTask& task, const AtomsWatch& watch) {
  const ActiveSet solver(penalty, {.tolerance = 1e-3, .threads = task.threads});
  if (method == "block_coordinate")
    return alternate(solver,
                     BlockCoordinateUpdate(
                         {.memory = static_cast<double>(signals.cols()), .threads = task.threads}),
                     signals, task, task.batch, watch);
  if (method == "gradient")
    return alternate(
        solver,
        GradientUpdate({.threads = task.threads}, Adam({.learning_rate = task.learning_rate})),
        signals, task, task.batch, watch);
  throw std::invalid_argument("learn_by_lasso: no method " + method);
}

}  // namespace

LearnedDictionary learn_by_lasso(const std::string& method, const Matrix<S>& signals,
                                 const DictionaryTask& task, const AtomsWatch& watch) {
  if (method == "dictionary_learning") {
    require(!task.signed_codes, method, "its codes are non-negative");
    return learn_by_defaults(signals, task, watch);
  }
  return task.signed_codes ? learn(method, L1(task.lambda), signals, task, watch)
                           : learn(method, NonnegativeL1(task.lambda), signals, task, watch);
}

SparseCodes<S> lasso_codes(const Matrix<S>& atoms, const Matrix<S>& signals, double lambda,
                           bool signed_codes, Index threads) {
  const UnitNormDictionary<S> dictionary(atoms);
  const ActiveSetOptions options{.threads = threads};
  return signed_codes ? ActiveSet(L1(lambda), options).encode(dictionary, signals)
                      : ActiveSet(NonnegativeL1(lambda), options).encode(dictionary, signals);
}

}  // namespace lacuna::examples
