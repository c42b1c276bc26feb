// SPDX-License-Identifier: MIT
//
// The trainings of amortised_encoders: a file of its own, since every encoder is compiled with
// every trainer.

#include "support/amortised_fit.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>

#include "support/interrupt.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

/// The trainer's loss is of means over entries, the objective of sums over a signal.
[[nodiscard]] double lambda_of_means(double lambda, const UnitNorm& d) {
  return lambda * 2 * static_cast<double>(d.num_atoms()) / static_cast<double>(d.dim());
}

/// Trains in place and returns the audited flops.
template <class Encoder>
std::int64_t train(Encoder& encoder, const UnitNorm& dictionary, Matrix<S> signals,
                   SparseCodes<S> codes, const Lesson& lesson, Index steps, double rate) {
  Model model{Identity{}, dictionary, std::move(encoder)};
  const Adam adam({.learning_rate = rate});
  const Schedule schedule = lesson.anneal ? Schedule::cosine(1, 0.01) : Schedule(1.0);
  const InMemorySourceOptions batches{
      .batch_size = std::min<Index>(lesson.batch_size, signals.cols()), .seed = 1};
  const auto watch = [](const Progress&) { return !Interrupt::requested(); };
  const auto with_codes = [&](const auto& trainer) {
    return trainer.fit(
        model, LabelledInMemorySource<S>(std::move(signals), std::move(codes), batches), watch);
  };
  Outcome outcome;
  switch (lesson.teacher) {
    case Teacher::cosine:
      outcome = with_codes(
          SupervisedTrainer<CosineLoss>({.steps = steps, .learning_rate = schedule}, adam));
      break;
    case Teacher::squared:
      outcome = with_codes(
          SupervisedTrainer<SquaredLoss>({.steps = steps, .learning_rate = schedule}, adam));
      break;
    case Teacher::reconstruction:
      outcome = JointTrainer({.steps = steps,
                              .lambda = lambda_of_means(lesson.lambda, dictionary),
                              .learning_rate = schedule,
                              .learn_dictionary = false},
                             adam)
                    .fit(model, InMemorySource<S>(std::move(signals), batches), watch);
  }
  encoder = std::move(model.encoder);
  return outcome.flops;
}

/// The loss that is trained, on signals that were not.
template <class Encoder>
[[nodiscard]] double loss_of(const Encoder& encoder, const UnitNorm& dictionary,
                             const Matrix<S>& signals, const SparseCodes<S>& targets,
                             const Lesson& lesson) {
  auto codes = encoder.encode(dictionary, signals);
  auto gradient = codes;
  switch (lesson.teacher) {
    case Teacher::cosine:
      return CosineLoss::evaluate<S>(codes, targets, gradient);
    case Teacher::squared:
      return SquaredLoss::evaluate<S>(codes, targets, gradient);
    case Teacher::reconstruction:
      break;
  }
  return ReconstructionGradient<S, decltype(codes)>().evaluate(
      dictionary, signals, codes, lambda_of_means(lesson.lambda, dictionary));
}

template <class Encoder>
[[nodiscard]] double choose_rate(const Encoder& start, const UnitNorm& dictionary,
                                 const Matrix<S>& signals, const SparseCodes<S>& codes,
                                 const Lesson& lesson, std::int64_t& flops) {
  if (lesson.rates.size() == 1) return lesson.rates.front();
  const bool taught = lesson.teacher != Teacher::reconstruction;
  const Index held_out = std::clamp<Index>(signals.cols() / 8, 1, 4096);
  const Index rest = signals.cols() - held_out;
  const Matrix<S> held_signals = signals.rightCols(held_out);
  SparseCodes<S> held_codes, rest_codes;
  if (taught) {
    held_codes = codes.rightCols(held_out);
    rest_codes = codes.leftCols(rest);
  }
  double best_rate = lesson.rates.front(), lowest = std::numeric_limits<double>::infinity();
  for (const double rate : lesson.rates) {
    Encoder encoder = start;
    flops += train(encoder, dictionary, signals.leftCols(rest), rest_codes, lesson,
                   std::max<Index>(1, lesson.steps / 10), rate);
    const double loss = loss_of(encoder, dictionary, held_signals, held_codes, lesson);
    flops += encoder.forward_flops(dictionary) * held_out;
    if (loss < lowest) {
      lowest = loss;
      best_rate = rate;
    }
  }
  return best_rate;
}

}  // namespace

template <class Encoder>
Fitted fit(Encoder& encoder, const UnitNorm& dictionary, const Matrix<S>& signals,
           const SparseCodes<S>& codes, const Lesson& lesson) {
  const Stopwatch clock;
  Fitted fitted;
  fitted.rate = choose_rate(encoder, dictionary, signals, codes, lesson, fitted.flops);
  fitted.flops += train(encoder, dictionary, signals, codes, lesson, lesson.steps, fitted.rate);
  fitted.seconds = clock.seconds();
  return fitted;
}

#define LACUNA_INSTANTIATE_FIT(Encoder)                                                      \
  template Fitted fit(Encoder<S>&, const UnitNorm&, const Matrix<S>&, const SparseCodes<S>&, \
                      const Lesson&);
LACUNA_INSTANTIATE_FIT(LinearReluEncoder)
LACUNA_INSTANTIATE_FIT(TopKEncoder)
LACUNA_INSTANTIATE_FIT(MlpEncoder)
LACUNA_INSTANTIATE_FIT(ListaEncoder)
#undef LACUNA_INSTANTIATE_FIT

}  // namespace lacuna::examples
