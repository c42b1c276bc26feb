// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_DICTIONARY_LEARNING_HPP
#define LACUNA_TRAINER_DICTIONARY_LEARNING_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/operator/initial_atoms.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/replace_atoms.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/refitted.hpp>

namespace lacuna {

/// Options of `DictionaryLearning`. What is a number of its own scale is a multiple of what the
/// signals say: lambda of their root mean square length, batches and memory of the number of atoms.
struct DictionaryLearningOptions {
  Index num_atoms;
  Index rounds = 0;             ///< 0: 400 to 3200, the more the fewer signals an atom, or atoms
  double lambda_begin = 0.12;   ///< over the rms length: few codes, of the atoms that fit best
  double lambda_middle = 0.06;  ///< at `settle`
  double lambda_end = 0.01;     ///< little shrinkage of the codes; noisy signals want more
  double settle = 0.6;          ///< share of the rounds from which memory grows
  double drop = 0.05;           ///< over the rms length: codes up to it move no atom, fewer of them
                                ///< where there is little noise
  double batch = 0.5;           ///< signals a round, over the number of atoms
  double memory = 0.8;          ///< signals remembered before that, over the number of atoms
  double max_cosine = 0;        ///< an atom nearer to a more used one is replaced; 0: .5, or what
                                ///< random atoms of this number and dimension reach
  double tolerance = 1e-3;      ///< relative duality gap of the codes
  std::uint64_t seed = 0;
  Index threads = 1;  ///< 0 for all cores; the same bits at any number
};

/// Learns the dictionary of non-negative sparse codes from signals alone: a trainer, and a model to
/// begin with, whose every setting comes from the signals and the number of atoms. What the true
/// codes are, how sparse, and how many signals there are beyond need not be known.
///
/// An `AlternatingTrainer` of `ActiveSet` and `BlockCoordinateUpdate` in minibatches. What makes it
/// find the rare atoms where full batches and fixed penalties stop: lambda is annealed from
/// few codes, which only atoms near the truth get, to little shrinkage; the memory of the
/// statistics is short at first, about a signal an atom, so that an atom moves as far as a few
/// signals pull it and mixtures do not hold, and grows to all signals at the end, which takes the
/// noise of that out again; dead and duplicate atoms are replaced by what is reconstructed worst,
/// and so is an atom opposite to another, by which non-negative codes would be signed.
///
/// The lasso only says which atoms a signal has: they move at least squares codes on the larger of
/// those (`RefittedUpdate`). At the lasso's own codes atoms that often meet would each hold some of
/// the other, in proportion to lambda, and codes be wrong wherever they meet others. Where there is
/// much noise, which least squares would follow, the lasso's codes move them all the same.
///
/// @code
/// const DictionaryLearning learning({.num_atoms = 1000, .threads = 2});
/// auto model = learning.start<float>(signals);
/// learning.fit(model, signals);                           // model.dictionary
/// const auto codes = model.encode(signals);               // at the last lambda
/// @endcode
class DictionaryLearning {
 public:
  using Options = DictionaryLearningOptions;
  using Trainer = AlternatingTrainer<RefittedUpdate<BlockCoordinateUpdate>, ReplaceAtoms>;
  template <class S>
  using ModelOf = Model<Identity, UnitNormDictionary<S>, ActiveSet<NonnegativeL1>>;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit DictionaryLearning(DictionaryLearningOptions options) : options_(options) {
    const auto positive = [](const char* name, double value) {
      require(value > 0 && std::isfinite(value), "DictionaryLearning",
              name + (" must be positive and finite, is " + text_of(value)));
    };
    require(options.num_atoms >= 1, "DictionaryLearning",
            "num_atoms must be at least 1, is " + std::to_string(options.num_atoms));
    require(options.rounds >= 0, "DictionaryLearning",
            "rounds must be at least 0, is " + std::to_string(options.rounds));
    positive("lambda_begin", options.lambda_begin);
    positive("lambda_middle", options.lambda_middle);
    positive("lambda_end", options.lambda_end);
    positive("drop", options.drop);
    positive("batch", options.batch);
    positive("memory", options.memory);
    require(options.settle > 0 && options.settle < 1, "DictionaryLearning",
            "settle must be in (0, 1), is " + text_of(options.settle));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// Rounds for this many signals: the option, or what it stands for. Atoms need to be met some
  /// thousand times, however few the signals that they are in; and where atoms are few, rounds
  /// cost little. So 800, times 10 signals an atom or times 1000 atoms over what there is, the larger
  /// of both, from a half to four times as many.
  [[nodiscard]] Index rounds(Index num_signals) const noexcept {
    if (options_.rounds > 0) return options_.rounds;
    const auto num_atoms = static_cast<double>(options_.num_atoms);
    const double scarcity = 10 * num_atoms / static_cast<double>(std::max<Index>(1, num_signals));
    return static_cast<Index>(
        std::lround(800 * std::clamp(std::max(scarcity, 1000 / num_atoms), 0.5, 4.0)));
  }

  /// The model to begin with: atoms at random signals.
  template <Real S>
  [[nodiscard]] ModelOf<S> start(const MatrixArg<S>& signals) const {
    return {Identity{},
            UnitNormDictionary<S>(
                signal_atoms<S>(signals, options_.num_atoms, {.seed = options_.seed})),
            ActiveSet(NonnegativeL1(options_.lambda_begin * rms_length<S>(signals)),
                      {.tolerance = options_.tolerance, .threads = options_.threads})};
  }

  /// The trainer with its schedules, for signals like these.
  template <Real S>
  [[nodiscard]] Trainer trainer(const MatrixArg<S>& signals) const {
    const double rms = rms_length<S>(signals);
    const auto num_atoms = static_cast<double>(options_.num_atoms);
    const double most = static_cast<double>(signals.cols());
    const double memory = std::min(options_.memory * num_atoms, most);
    const Index batch = batch_size(signals.cols());
    const Index half_epoch = std::max<Index>(1, signals.cols() / (2 * batch));
    const double after = 1 - options_.settle;
    const Index rounds = this->rounds(signals.cols());
    return Trainer(
        {.rounds = rounds,
         .lambda = Schedule::piecewise(
             {{options_.settle,
               Schedule::geometric(rms * options_.lambda_begin, rms * options_.lambda_middle)},
              {after,
               Schedule::geometric(rms * options_.lambda_middle, rms * options_.lambda_end)}})},
        RefittedUpdate(BlockCoordinateUpdate({.memory = Schedule::piecewise(
                                                  {{options_.settle, memory},
                                                   {after, Schedule::geometric(memory, most)}}),
                                              .threads = options_.threads}),
                       {.drop = rms * options_.drop, .threads = options_.threads}),
        // Use is counted for longer than memory: of exact codes a rare atom has none for a while.
        ReplaceAtoms({.every = std::min(half_epoch, std::max<Index>(1, rounds / 20)),
                      .until = 0.97,
                      .max_cosine = max_cosine(signals.rows()),
                      .signed_codes = true,
                      .window = static_cast<Index>(std::lround(std::max(1.0, 4 * memory)))}));
  }

  /// Minibatches of the signals, in an order of their own each time around.
  template <Real S>
  [[nodiscard]] InMemorySource<S> source(const MatrixArg<S>& signals) const {
    return InMemorySource<S>(signals,
                             {.batch_size = batch_size(signals.cols()), .seed = options_.seed});
  }

  /// Fits the model to the signals, dim x n. @throws std::invalid_argument: shapes, NaN.
  template <Real S, Observer Watch = NoObserver>
  Outcome fit(ModelOf<S>& model, const std::type_identity_t<MatrixArg<S>>& signals,
              Watch&& observer = {}) const {
    return trainer<S>(signals).fit(model, source<S>(signals), std::forward<Watch>(observer));
  }

 private:
  template <Real S>
  [[nodiscard]] static double rms_length(const MatrixArg<S>& signals) {
    require(signals.cols() > 0, "DictionaryLearning", "there are no signals");
    const double energy = signals.template cast<double>().squaredNorm();
    require(energy > 0 && std::isfinite(energy), "DictionaryLearning",
            "the signals are all 0, or not finite");
    return std::sqrt(energy / static_cast<double>(signals.cols()));
  }

  /// Of n random directions the nearest two have a cosine of some sqrt(4 log(n) / dim): nearer ones
  /// are one atom twice, or an atom and its opposite, which lets all others be off by some of it.
  [[nodiscard]] double max_cosine(Index dim) const {
    if (options_.max_cosine > 0) return options_.max_cosine;
    const double nearest =
        std::sqrt(4 * std::log(static_cast<double>(options_.num_atoms)) / static_cast<double>(dim));
    return std::clamp(nearest, 0.5, 0.95);
  }

  [[nodiscard]] Index batch_size(Index num_signals) const {
    const auto wanted =
        static_cast<Index>(std::ceil(options_.batch * static_cast<double>(options_.num_atoms)));
    return std::clamp<Index>(wanted, 1, num_signals);
  }

  DictionaryLearningOptions options_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_DICTIONARY_LEARNING_HPP
