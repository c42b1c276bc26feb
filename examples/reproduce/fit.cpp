// SPDX-License-Identifier: MIT
//
// The trainings of the paper's protocols: a file of its own, since every encoder is compiled with
// every trainer.

#include "reproduce/fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <lacuna/core/random.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/epilogue.hpp>
#include <lacuna/operator/exponential.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/sparse_coding.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>

#include "reproduce/experiment.hpp"
#include "reproduce/keep_largest_of.hpp"
#include "support/interrupt.hpp"
#include "support/progress.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

template <class T>
[[nodiscard]] Vector<S> bias_of(const T& transform) {
  if constexpr (std::is_same_v<T, Identity>)
    return {};
  else
    return transform.bias();
}

/// The paper's penalty in the objective of the solvers, and its epsilon: a mean over n dim entries.
[[nodiscard]] AdamInference inference(const UnitNorm& d, Index n, double lambda, double rate,
                                      Index steps) {
  const auto dim = static_cast<double>(d.dim());
  return AdamInference(NonnegativeL1(lambda * dim / (2 * static_cast<double>(d.num_atoms()))),
                       {.learning_rate = rate,
                        .steps = steps,
                        .epsilon = 1e-8 * static_cast<double>(n) * dim / 2});
}

/// Of a model that is trained without one.
struct NoEncoder {};

/// TopK after an encoder whose codes are dense, non-negative and short: as `Truncated`, but the codes
/// stay dense, which at 16 latents is several times faster to train. What is cut is cut on the
/// encoder's own tape, so that its ReLU passes on no gradient of it.
template <class E>
class DenseTopK {
 public:
  using Scalar = S;
  using Tape = typename E::Tape;

  DenseTopK(E encoder, Index k) : encoder_(std::move(encoder)), k_(k) {}

  template <class D>
  [[nodiscard]] Matrix<S> encode(const D& d, const MatrixArg<S>& signals) const {
    Matrix<S> codes = encoder_.encode(d, signals);
    keep_largest_of(codes, k_, codes, S(0));
    return codes;
  }
  template <class D>
  const Matrix<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    encoder_.forward(d, signals, tape);
    keep_largest_of(tape.codes, k_, tape.codes, S(0));
    return tape.codes;
  }
  template <class D>
  void backward(const D& d, const MatrixArg<S>& signals, Tape& tape, const Matrix<S>& code_gradient,
                Vector<S>& gradient) const {
    encoder_.backward(d, signals, tape, code_gradient, gradient);
  }
  template <class D>
  void backward_rectified(const D& d, const MatrixArg<S>& signals, Tape& tape,
                          const Matrix<S>& preactivation_gradient, Vector<S>& gradient) const {
    encoder_.backward_rectified(d, signals, tape, preactivation_gradient, gradient);
  }
  template <class D>
  [[nodiscard]] Matrix<S> signal_gradient(const D& d, const Tape& tape,
                                          const Matrix<S>& code_gradient) const {
    return encoder_.signal_gradient(d, tape, code_gradient);
  }
  [[nodiscard]] ParameterView<S> parameters() { return encoder_.parameters(); }
  [[nodiscard]] ConstParameterView<S> parameters() const { return encoder_.parameters(); }
  template <class D>
  [[nodiscard]] std::int64_t forward_flops(const D& d) const {
    return encoder_.forward_flops(d);
  }
  template <class D>
  [[nodiscard]] std::int64_t backward_flops(const D& d) const {
    return encoder_.backward_flops(d);
  }

 private:
  E encoder_;
  Index k_;
};

/// Tells the watch at the steps that it asked for, and at the last one.
class Teller {
 public:
  Teller(const Plan& plan, const Watch& watch) : plan_(plan), watch_(watch) {}

  /// @param stage  makes the `Stage`, but for its times.
  template <class MakeStage>
  bool operator()(const Progress& progress, const MakeStage& stage) {
    if (Interrupt::requested()) return false;
    const bool last = progress.step == plan_.steps;
    if (last || std::find(plan_.log.begin(), plan_.log.end(), progress.step) != plan_.log.end()) {
      const double now = clock_.seconds();
      watch_(stage(static_cast<Index>(progress.step), last, now - away_));
      away_ += clock_.seconds() - now;
    }
    return true;
  }

 private:
  const Plan& plan_;
  const Watch& watch_;
  Stopwatch clock_;
  double away_ = 0;  // seconds in the watch
};

/// The stage of a model with an amortised encoder.
template <class M>
[[nodiscard]] Stage stage_of(const M& model, Index step, bool last, double seconds,
                             std::int64_t flops) {
  return {step,
          last,
          flops,
          seconds,
          model.dictionary,
          bias_of(model.transform),
          [&model](const Matrix<S>& signals) { return Matrix<S>(model.encode(signals)); },
          static_cast<double>(model.encoder.forward_flops(model.dictionary))};
}

template <class T, class E>
void train_joint(T transform, E encoder, const Plan& plan, const UnitNorm& start,
                 const Matrix<S>& signals, const Watch& watch) {
  Model model{std::move(transform), start, std::move(encoder)};
  const JointTrainer trainer({.steps = plan.steps,
                              .lambda = plan.lambda,
                              .learn_dictionary = plan.learn_dictionary,
                              .tangent_gradient = !plan.raw_gradient},
                             Adam({.learning_rate = plan.rate}));
  auto state = trainer.start(model);
  Teller tell(plan, watch);
  trainer.resume(model, state, InMemorySource<S>(signals), [&](const Progress& progress) {
    return tell(progress, [&](Index step, bool last, double seconds) {
      return stage_of(model, step, last, seconds, state.flops);
    });
  });
  if (Interrupt::requested()) throw Interrupted{};
}

template <class E>
void train_biased(E encoder, const Plan& plan, const Start& start, const Matrix<S>& signals,
                  const Watch& watch) {
  if (!plan.decoder_bias)
    return train_joint(Identity{}, std::move(encoder), plan, start.dictionary, signals, watch);
  const bool given = start.decoder_bias.size() > 0;
  train_joint(LearnedBias<S>(given ? start.decoder_bias : Vector<S>::Zero(start.dictionary.dim())),
              std::move(encoder), plan, start.dictionary, signals, watch);
}

template <class E>
void train_supervised(E encoder, const Plan& plan, const UnitNorm& dictionary,
                      const Matrix<S>& signals, const SparseCodes<S>& codes, const Watch& watch) {
  Model model{Identity{}, dictionary, std::move(encoder)};
  const SupervisedTrainer<CosineLoss> trainer({.steps = plan.steps},
                                              Adam({.learning_rate = plan.rate}));
  auto state = trainer.start(model);
  Teller tell(plan, watch);
  trainer.resume(model, state, LabelledInMemorySource<S>(signals, codes),
                 [&](const Progress& progress) {
                   return tell(progress, [&](Index step, bool last, double seconds) {
                     return stage_of(model, step, last, seconds, state.flops);
                   });
                 });
  if (Interrupt::requested()) throw Interrupted{};
}

/// Calls `train` with the encoder that a training begins with.
template <class Train>
void with_encoder(const Architecture& architecture, const Plan& plan, const Start& start,
                  const Train& train) {
  const RandomWeights random{.dim = start.dictionary.dim(),
                             .num_atoms = start.dictionary.num_atoms(),
                             .bias = architecture.bias,
                             .seed = plan.seed};
  const bool given = !start.weights.empty();
  if (architecture.hidden > 0)
    train(given ? MlpEncoder<S>(start.weights, start.biases)
                : MlpEncoder<S>(random, {.hidden = {architecture.hidden}}));
  else
    train(given ? LinearReluEncoder<S>(start.weights.front(), start.biases.empty()
                                                                  ? Vector<S>()
                                                                  : start.biases.front())
                : LinearReluEncoder<S>(random));
}

}  // namespace

void train_autoencoder(const Architecture& architecture, const Plan& plan, const Start& start,
                       const Matrix<S>& signals, const Watch& watch) {
  with_encoder(architecture, plan, start, [&](auto encoder) {
    if (architecture.k == 0)
      train_biased(std::move(encoder), plan, start, signals, watch);
    else
      train_joint(Identity{}, DenseTopK(std::move(encoder), architecture.k), plan, start.dictionary,
                  signals, watch);
  });
}

void train_on_codes(const Architecture& architecture, const Plan& plan, const Start& start,
                    const Matrix<S>& signals, const SparseCodes<S>& codes, const Watch& watch) {
  with_encoder(architecture, plan, start, [&](auto encoder) {
    train_supervised(std::move(encoder), plan, start.dictionary, signals, codes, watch);
  });
}

namespace {

template <class T>
void train_free_codes(T transform, const Plan& plan, const UnitNorm& start, const Matrix<S>& signals,
                      const Watch& watch) {
  Model model{std::move(transform), start, NoEncoder{}};
  const SparseCodingTrainer trainer({.steps = plan.steps, .lambda = plan.lambda},
                                    Adam({.learning_rate = plan.rate}));
  Teller tell(plan, watch);
  // The trainer tells its flops at the end alone; every step takes the same.
  const std::int64_t a_step = [&] {
    auto copy = model;
    return SparseCodingTrainer({.steps = 1, .lambda = plan.lambda})
        .fit(copy, InMemorySource<S>(signals))
        .flops;
  }();
  trainer.fit(model, InMemorySource<S>(signals), [&](const Progress& progress) {
    return tell(progress, [&](Index step, bool last, double seconds) {
      const auto encode = [&model, &plan](const Matrix<S>& x) {
        return infer(model.dictionary, model.transform.apply(x), plan.lambda, plan.inference_rate,
                     plan.inference_steps);
      };
      return Stage{step,
                   last,
                   a_step * step,
                   seconds,
                   model.dictionary,
                   bias_of(model.transform),
                   encode,
                   infer_flops(model.dictionary, plan.inference_steps)};
    });
  });
  if (Interrupt::requested()) throw Interrupted{};
}

}  // namespace

void train_sparse_coding(const Plan& plan, const UnitNorm& start, const Matrix<S>& signals,
                         const Watch& watch) {
  if (plan.decoder_bias)
    train_free_codes(LearnedBias<S>(Vector<S>::Zero(start.dim())), plan, start, signals, watch);
  else
    train_free_codes(Identity{}, plan, start, signals, watch);
}

Matrix<S> infer(const UnitNorm& dictionary, const Matrix<S>& signals, double lambda, double rate,
                Index steps, const Matrix<S>* initial) {
  const AdamInference encoder = inference(dictionary, signals.cols(), lambda, rate, steps);
  return initial ? encoder.encode(dictionary, signals, *initial)
                 : encoder.encode(dictionary, signals);
}

double infer_flops(const UnitNorm& dictionary, Index steps) {
  const Matrix<S> signal = dictionary.atoms().col(0);
  return static_cast<double>(
      inference(dictionary, 1, 0.01, 1e-3, steps).solve(dictionary, signal).flops.front());
}

Matrix<S> fit_with_frozen_support(UnitNorm& dictionary, const Matrix<S>& signals, FreeCodes form,
                                  Index k, double rate, Index steps, bool learn_dictionary,
                                  std::uint64_t seed) {
  const Index num_atoms = dictionary.num_atoms(), n = signals.cols();
  const bool rectified = form == FreeCodes::rectified;
  const Adam adam({.learning_rate = rate});
  Matrix<S> u = rectified ? random_normal<S>(num_atoms, n, seed)
                          : Matrix<S>(Matrix<S>::Constant(num_atoms, n, S(-10)));
  auto code_state = adam.start<S>(u.size());
  auto atom_state = adam.start<S>(learn_dictionary ? dictionary.atoms().size() : 0);
  const S scale = S(2) / static_cast<S>(signals.size());
  Matrix<S> codes(num_atoms, n), gradient(num_atoms, n), residual(signals.rows(), n);
  Matrix<S> atom_gradient(signals.rows(), num_atoms);
  const auto keep = [&] {
    if (rectified)
      codes = u.cwiseMax(S(0));
    else
      detail::exponential(u, codes);
    keep_largest_of(u, k, codes);
  };
  for (Index step = 0; step < steps; ++step) {
    if (step % 256 == 0 && Interrupt::requested()) throw Interrupted{};
    keep();
    const detail::Residual<S> less{S(-1), detail::Beside<S>(signals)};
    detail::blocked_product_then(S(1), dictionary.atoms(), codes, residual, less, 1);
    // What is not kept has a code of 0 here, and so no gradient.
    if (rectified) {
      const detail::MaskByCodes<S> mask{detail::Beside<S>(codes)};
      detail::blocked_product_then(scale, dictionary.atoms().transpose(), residual, gradient, mask,
                                   1);
    } else {
      blocked_product(scale, dictionary.atoms().transpose(), residual, gradient, 1);
      gradient.array() *= codes.array();
    }
    if (learn_dictionary) blocked_product(scale, residual, codes.transpose(), atom_gradient, 1);
    adam.step(code_state, u.reshaped(), gradient.reshaped());
    if (learn_dictionary)
      dictionary.update_atoms([&](Matrix<S>& atoms) {
        adam.step(atom_state, atoms.reshaped(), atom_gradient.reshaped());
      });
  }
  keep();
  return codes;
}

}  // namespace lacuna::examples
