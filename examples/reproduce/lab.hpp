// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_LAB_HPP
#define LACUNA_EXAMPLES_REPRODUCE_LAB_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/metric/code_mcc.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

#include "reproduce/experiment.hpp"
#include "reproduce/fit.hpp"

namespace lacuna::examples {

/// What one run is made of.
struct Problem {
  UnitNormDictionary<float> dictionary;
  LabelledSignals<float> train, test;
  std::uint64_t seed;  // of what is trained
  /// Of what the paper trains on its data; none: the data are not the paper's.
  std::optional<std::uint32_t> paper_seed = {};
};

/// Run `run` of a synthetic problem, 1,024 signals to train on and as many to test: data and dictionary
/// of its own, or, with one data set, run 0's and other seeds for what is trained. Runs of the same
/// options and seed have the same data in all experiments.
/// @param paper_seed  the data are those of the paper's scripts for this seed, and for those after it
///                    in later runs; none: this library draws them, from the setting's seed.
[[nodiscard]] Problem make_problem(const Setting& setting, const SyntheticOptions& options, Index run,
                                   std::optional<std::uint32_t> paper_seed = {});
/// More signals of its dictionary, from after those that `make_problem` has drawn.
[[nodiscard]] LabelledSignals<float> more_signals(const Setting& setting,
                                                  const SyntheticOptions& options, Index run,
                                                  std::optional<std::uint32_t> paper_seed, Index n);

/// A dictionary to begin training with: the paper's, or random.
[[nodiscard]] UnitNormDictionary<float> random_start(const Problem& problem);
/// An autoencoder to begin training with.
[[nodiscard]] Start random_start(const Problem& problem, const Architecture& architecture);
/// The same on the true dictionary.
[[nodiscard]] Start start_on_truth(const Problem& problem, const Architecture& architecture);

/// The paper's lambda, of a mean over codes, in the objective of the solvers.
[[nodiscard]] double solver_lambda(double lambda, Index dim, Index num_atoms);

/// What is measured of codes.
struct Scoring {
  MccKind kind = MccKind::assigned;
  double lambda = 0.01;    ///< of the test loss, and of the gap
  double threshold = 0;    ///< above it an entry of a code is active
  bool decoded = true;     ///< whether there is a decoder to judge
  bool learned = true;     ///< whether the dictionary was learned
  bool gap = false;        ///< the relative amortisation gap: costs a certified solve
};

/// Adds to a row code_mcc, l0, support_f1, mean_abs_code, and of a decoder test_mse, test_loss,
/// dictionary_mcc and dictionary_cosine, gap.
/// @param bias  c of x ~ D s + c, or empty.
void score(Row& row, const Problem& problem, const UnitNormDictionary<float>& dictionary,
           const Matrix<float>& codes, const Scoring& scoring, const Vector<float>& bias = {});

/// A row of a training at one of its stages: the scores of the test signals, and the audited costs.
[[nodiscard]] Row stage_row(const Stage& stage, const Problem& problem, const Scoring& scoring);

/// The row of encoders made by name (support/encoder_list.hpp) on a dictionary: scores and costs.
[[nodiscard]] Row encoder_row(const std::string& expression, const Problem& problem,
                              const UnitNormDictionary<float>& dictionary, Index k,
                              const Scoring& scoring);

/// What the training behind a row of an encoder took: with it, the audited flops of training and test.
void add_training(Row& row, const Problem& problem, double flops, double seconds);

/// A row that begins with the protocol, then keys, then the method.
[[nodiscard]] Row head(const char* protocol, const Row& keys, const std::string& method, Index run);
/// `first` with the columns of `second` behind it.
[[nodiscard]] Row joined(Row first, const Row& second);

/// Steps at which a curve is logged: those given, in quick runs scaled down.
[[nodiscard]] std::vector<Index> log_steps(const Setting& setting, std::vector<Index> steps);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_LAB_HPP
