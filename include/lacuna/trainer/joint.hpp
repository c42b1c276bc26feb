// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_JOINT_HPP
#define LACUNA_TRAINER_JOINT_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/concepts/encoder_with_terms.hpp>
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/concepts/revival.hpp>
#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/core/schedule.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/trainer/joint_state.hpp>
#include <lacuna/trainer/reconstruction_gradient.hpp>
#include <lacuna/trainer/step_atoms.hpp>
#include <lacuna/transform/identity.hpp>

namespace lacuna {

/// Options of `JointTrainer`.
struct JointTrainerOptions {
  Index steps = 20000;
  Schedule lambda = 0.01;        ///< weight of mean |s|, or of the encoder's own terms; 0: no price
  Schedule learning_rate = 1.0;  ///< a factor on the optimiser's
  Schedule k = 0.0;              ///< active entries of an encoder that has a k; 0: as they are
  ReconstructionLoss loss = {};  ///< squared error, normalised error, Matryoshka prefixes
  bool learn_dictionary =
      true;  ///< false: the encoder (and transform) alone, on a fixed dictionary
  bool tangent_gradient =
      true;  ///< of atoms of unit norm, only what turns them; false: the paper's form
  double max_gradient_norm =
      0;              ///< longer gradients, of all parameters together, are cut to it; 0: none
  /// Of the loss, of atoms that are moved by blocks, and of the team that waits for all parts of a
  /// step. Encoder and optimiser say themselves how many they take; parts that an optimiser is
  /// handed (`OptimizerByParts`) go by the threads of the encoder and of this trainer.
  Index threads = 1;
};

/// Trains a sparse autoencoder: encoder, dictionary and learnable transform by the gradient of
///
///   loss = mean (apply(x) - D s)^2 + lambda mean |s|,   s = encoder(apply(x))
///
/// one optimiser step a batch, with other reconstruction losses as `ReconstructionLoss` has them,
/// and the encoder's own terms in place of mean |s| where it has such (`EncoderWithTerms`). Models
/// `TrainerFor` every model whose encoder is differentiable.
///
/// Atoms of a `UnitNormDictionary` are brought back to length 1 after each step. The part of their
/// gradient along themselves is removed before (it would only feed the optimiser's memory: Bricken
/// et al., "Towards monosemanticity", 2023); the seed paper leaves it in. Schedules are functions
/// of the step, and a batch is one too, so all that a training remembers is its `JointState`: with
/// the model it can be copied, saved, and resumed to the same bits.
///
/// @tparam O  an `Optimizer`. @tparam R  a `RevivalFor` the model: what is done about dead latents.
///
/// Cost of a step: the encoder's forward and backward, and 6 dim num_atoms flops a signal (4 where
/// the dictionary is fixed). Dense codes are counted as such, but where half of them are 0, as
/// behind a ReLU, products take time in proportion to the others.
///
/// @code
/// Model model{Identity{}, UnitNormDictionary<float>(random_normal<float>(8, 16, 1)),
///             LinearReluEncoder<float>(RandomWeights{.dim = 8, .num_atoms = 16, .seed = 2})};
/// const Outcome outcome = JointTrainer({.steps = 40000}).fit(model,
/// InMemorySource<float>(signals));
///
/// const JointTrainer trainer({.steps = 40000}, Adam({.learning_rate = 3e-4}), Resample());
/// auto state = trainer.start(model);
/// trainer.resume(model, state, source, [&](const Progress& progress) {
///   if (progress.step % 1000 == 0) save_checkpoint("training.safetensors", model, state);
///   return true;
/// });
/// @endcode
template <class O = Adam, class R = NoRevival>
class JointTrainer {
 public:
  using Options = JointTrainerOptions;
  template <class S>
  using State = JointState<S, O>;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit JointTrainer(JointTrainerOptions options, O optimizer = O(), R revival = R())
      : options_(std::move(options)),
        optimizer_(std::move(optimizer)),
        revival_(std::move(revival)) {
    require(options_.steps >= 0, "JointTrainer",
            "steps must be at least 0, is " + std::to_string(options_.steps));
    (void)checked_lambda(0);
    require(options_.max_gradient_norm >= 0 && std::isfinite(options_.max_gradient_norm),
            "JointTrainer",
            "max_gradient_norm must be finite and at least 0, is " +
                text_of(options_.max_gradient_norm));
    require(options_.threads >= 0, "JointTrainer",
            "threads must be at least 0, is " + std::to_string(options_.threads));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// The state before the first step.
  template <class T, class D, class E>
  [[nodiscard]] State<ScalarOf<D>> start(const Model<T, D, E>& model) const {
    using S = ScalarOf<D>;
    State<S> state;
    state.encoder = optimizer_.template start<S>(model.encoder.parameters().size());
    state.atoms = optimizer_.template start<S>(
        options_.learn_dictionary ? model.dictionary.dim() * model.dictionary.num_atoms() : 0);
    Index transform_size = 0;
    if constexpr (LearnableTransform<T, S>) transform_size = model.transform.parameters().size();
    state.transform = optimizer_.template start<S>(transform_size);
    state.activity = LatentActivity(revival_.window() > 0 ? model.dictionary.num_atoms() : 0);
    return state;
  }

  /// Fits in place, from the model as it is. @throws std::invalid_argument if the shapes do not
  /// fit, or if a step loses an atom's direction.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && Dictionary<D> && DifferentiableEncoderFor<E, D> &&
      SignalSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>>
          Outcome fit(Model<T, D, E>& model, Source&& source, Watch&& observer = {})
  const {
    auto state = start(model);
    return resume(model, state, std::forward<Source>(source), std::forward<Watch>(observer));
  }

  /// Goes on from a model and the state that belongs to it, to the end or until the observer stops
  /// it; both are up to date whenever the observer is told. The outcome counts from the first step.
  template <class T, class D, class E, class Source, Observer Watch = NoObserver>
  requires Transform<T, ScalarOf<D>> && Dictionary<D> && DifferentiableEncoderFor<E, D> &&
      SignalSource<std::remove_reference_t<Source>> && Optimizer<O, ScalarOf<D>> &&
      RevivalFor<R, Model<T, D, E>, ScalarOf<D>>
          Outcome resume(Model<T, D, E>& model, State<ScalarOf<D>>& state, Source&& source,
                         Watch&& observer = {})
  const {
    require(source.dim() == model.dictionary.dim(), "JointTrainer::fit",
            "the source has signals of dimension " + std::to_string(source.dim()) +
                ", the dictionary is " +
                shape_of(model.dictionary.dim(), model.dictionary.num_atoms()));
    if constexpr (!LearnableDictionary<D>)
      require(!options_.learn_dictionary, "JointTrainer::fit",
              "the dictionary cannot be learned: set learn_dictionary to false");
    require(!R::replaces_latents || options_.learn_dictionary, "JointTrainer::fit",
            "a revival that replaces atoms, and a dictionary that is not learned");
    require(revival_.window() == 0 || state.activity.num_atoms() == model.dictionary.num_atoms(),
            "JointTrainer::resume",
            "the state is that of a training without this revival, or of another model");
    Work<T, D, E> work;
    Outcome outcome;
    const ThreadTeam team(options_.threads);
    while (state.step < options_.steps && outcome.status != Status::stopped) {
      if (!observer(step(model, state, source, work))) outcome.status = Status::stopped;
    }
    outcome.steps = state.step;
    outcome.loss = state.loss;
    outcome.flops = state.flops;
    return outcome;
  }

 private:
  /// What is kept from step to step for its memory alone.
  template <class T, class D, class E>
  struct Work {
    using S = ScalarOf<D>;
    typename E::Tape tape;
    ReconstructionGradient<S, CodesFor<E, D>> loss;
    Matrix<S> signals;
    Vector<S> encoder_gradient, atom_gradient, transform_gradient;
  };

  [[nodiscard]] double checked_lambda(Index step) const {
    const double lambda = options_.lambda(step, options_.steps);
    if (!(lambda >= 0 && std::isfinite(lambda)))
      require(false, "JointTrainer", "lambda must be finite and at least 0, is " + text_of(lambda));
    return lambda;
  }

  template <class T, class D, class E, class Source>
  Progress step(Model<T, D, E>& model, State<ScalarOf<D>>& state, Source& source,
                Work<T, D, E>& work) const {
    using S = ScalarOf<D>;
    constexpr bool learns_transform = LearnableTransform<T, S>;
    const Index dim = model.dictionary.dim();
    const double lambda = checked_lambda(state.step);
    const double rate = options_.learning_rate(state.step, options_.steps);
    set_k(model.encoder, state.step);
    const MatrixArg<S> batch = source.batch(state.step);
    require(batch.cols() > 0, "JointTrainer::fit", "the source gave no signals");
    const MatrixArg<S> signals = [&]() -> MatrixArg<S> {
      if constexpr (std::is_same_v<T, Identity>)
        return batch;
      else
        return work.signals = model.transform.apply(batch);
    }();

    // The loss and its gradients.
    constexpr bool has_terms = EncoderWithTerms<E, D>;
    const auto& codes = model.encoder.forward(model.dictionary, signals, work.tape);
    constexpr bool rectified = RectifiedEncoderFor<E, D>;
    state.loss = work.loss.template evaluate < rectified
                     ? CodeForm::rectified
                     : CodeForm::free > (model.dictionary, signals, codes, has_terms ? 0.0 : lambda,
                                         options_.loss, options_.threads);
    const auto& code_gradient = work.loss.code_gradient();
    // What changes a gradient, or must know its length, needs it as a whole; else an optimiser that
    // takes parts is given each while it is in the cache.
    const bool whole = options_.max_gradient_norm > 0 || revival_.window() > 0;
    constexpr bool encoder_has_parts =
        OptimizerByParts<O, S> && !has_terms && !rectified && detail::GradientByParts<E, D>;
    if (!encoder_has_parts || whole) {
      if constexpr (rectified)
        model.encoder.backward_rectified(model.dictionary, signals, work.tape, code_gradient,
                                         work.encoder_gradient);
      else
        model.encoder.backward(model.dictionary, signals, work.tape, code_gradient,
                               work.encoder_gradient);
    }
    if constexpr (has_terms)
      state.loss += model.encoder.own_terms(model.dictionary, signals, work.tape, lambda,
                                            work.encoder_gradient);
    state.flops += (model.encoder.forward_flops(model.dictionary) +
                    model.encoder.backward_flops(model.dictionary)) *
                       signals.cols() +
                   work.loss.evaluate_flops(dim, codes) +
                   optimizer_.step_flops(model.encoder.parameters().size());
    if constexpr (learns_transform) {
      // apply(x) is what the encoder is given, and what D s is measured against.
      model.transform.backward(
          batch,
          model.encoder.signal_gradient(model.dictionary, work.tape, code_gradient) -
              work.loss.reconstruction_gradient(),
          work.transform_gradient);
      state.flops += model.encoder.backward_flops(model.dictionary) * signals.cols() +
                     2 * batch.size() + optimizer_.step_flops(work.transform_gradient.size());
    }
    constexpr bool atoms_have_blocks = OptimizerByParts<O, S> && detail::UpdatesAtomsByBlocks<D>;
    const bool atoms_by_blocks = atoms_have_blocks && options_.max_gradient_norm == 0;
    const bool gradient_by_blocks = atoms_by_blocks && is_sparse_codes<CodesFor<E, D>> && !whole &&
                                    options_.loss.prefixes.empty();
    if constexpr (LearnableDictionary<D>)
      if (options_.learn_dictionary) {
        if (!gradient_by_blocks) work.loss.atom_gradient(codes, work.atom_gradient);
        // The step, and for atoms of unit norm four flops an entry to turn them and three to bring
        // them back to it.
        const Index size = dim * model.dictionary.num_atoms();
        state.flops += work.loss.atom_gradient_flops(dim, codes) + optimizer_.step_flops(size);
        if constexpr (detail::HasUnitNorm<D>)
          state.flops += (options_.tangent_gradient ? 7 : 3) * size;
      }

    // Dead latents have their say before the step, and after it.
    const TrainingBatch<S> seen{signals, work.loss.residual()};
    std::vector<Index> dead;
    if (revival_.window() > 0) {
      state.activity.observe(codes, state.step);
      dead = state.activity.dead(state.step, revival_.window());
      state.loss +=
          revival_.auxiliary(model, seen, dead, work.encoder_gradient, work.atom_gradient);
      state.flops += revival_.auxiliary_flops(dim, static_cast<Index>(dead.size())) * batch.cols();
    }
    const bool updates_at_once = options_.learn_dictionary && !atoms_by_blocks;
    if constexpr (detail::HasUnitNorm<D>)
      if (updates_at_once && options_.tangent_gradient)
        detail::remove_parallel(model.dictionary.atoms(), work.atom_gradient, options_.threads);
    clip(work);
    if constexpr (LearnableDictionary<D>)
      if (updates_at_once)
        detail::update_atoms(
            model.dictionary,
            [&](Matrix<S>& atoms) {
              optimizer_.step(state.atoms, atoms.reshaped(), work.atom_gradient, rate);
            },
            options_.threads);
    if constexpr (atoms_have_blocks)
      if (options_.learn_dictionary && atoms_by_blocks) {
        if constexpr (is_sparse_codes<CodesFor<E, D>>)
          if (gradient_by_blocks) work.loss.begin_atom_gradient(codes);
        const auto gradient_of = [&](Block block, Index worker) {
          if constexpr (is_sparse_codes<CodesFor<E, D>>)
            if (gradient_by_blocks) return work.loss.atom_gradient_of(block, worker);
          return Eigen::Map<Matrix<S>>(work.atom_gradient.data() + block.begin * dim, dim,
                                       block.count);
        };
        detail::step_atoms_by_blocks(
            model.dictionary,
            optimizer_.begin_step(state.atoms, dim * model.dictionary.num_atoms(), rate),
            gradient_of, options_.tangent_gradient, options_.threads);
      }
    if (!encoder_has_parts || whole) {
      optimizer_.step(state.encoder, model.encoder.parameters(), work.encoder_gradient, rate);
    } else if constexpr (encoder_has_parts) {
      auto parameters = model.encoder.parameters();
      const auto step = optimizer_.begin_step(state.encoder, parameters.size(), rate);
      model.encoder.backward_by_parts(
          model.dictionary, signals, work.tape, code_gradient,
          [&](Index begin, const Eigen::Ref<const Vector<S>>& gradient) {
            step(begin, parameters.segment(begin, gradient.size()), gradient);
          });
    }
    if constexpr (learns_transform)
      optimizer_.step(state.transform, model.transform.parameters(), work.transform_gradient, rate);
    if constexpr (EncoderWithStatistics<E>) model.encoder.update_statistics(work.tape);
    if (revival_.window() > 0)
      for (const Index latent : revival_.revive(model, seen, dead, state.step))
        forget(model, state, latent);
    ++state.step;
    Progress progress{state.step, options_.steps, state.loss};
    const auto num_atoms = static_cast<double>(model.dictionary.num_atoms());
    if (revival_.window() > 0 && state.step >= revival_.window())
      progress.dead_share = static_cast<double>(dead.size()) / num_atoms;
    // Of dense codes it would be a pass over them.
    if constexpr (is_sparse_codes<CodesFor<E, D>>)
      progress.mean_l0 =
          static_cast<double>((codes.coeffs() != 0).count()) / static_cast<double>(signals.cols());
    return progress;
  }

  template <class E>
  void set_k(E& encoder, Index step) const {
    const double k = options_.k(step, options_.steps);
    if (k == 0) return;
    if constexpr (requires { encoder.set_k(Index(1)); })
      encoder.set_k(static_cast<Index>(std::lround(k)));
    else
      require(false, "JointTrainer", "a schedule of k, and an encoder that has no k");
  }

  template <class W>
  void clip(W& work) const {
    if (options_.max_gradient_norm == 0) return;
    using S = typename W::S;
    const double norm = std::sqrt(static_cast<double>(work.encoder_gradient.squaredNorm()) +
                                  static_cast<double>(work.atom_gradient.squaredNorm()) +
                                  static_cast<double>(work.transform_gradient.squaredNorm()));
    if (!(norm > options_.max_gradient_norm)) return;
    const S scale = static_cast<S>(options_.max_gradient_norm / norm);
    work.encoder_gradient *= scale;
    work.atom_gradient *= scale;
    work.transform_gradient *= scale;
  }

  /// The latent was replaced: what the optimiser knows of it is of another.
  template <class M, class State>
  void forget(const M& model, State& state, Index latent) const {
    const Index dim = model.dictionary.dim();
    if constexpr (requires { model.encoder.affine().entries_of(latent); })
      for (const auto& entries : model.encoder.affine().entries_of(latent))
        if (entries.count > 0)
          optimizer_.reset(state.encoder, entries.begin, entries.count, entries.stride);
    if (options_.learn_dictionary) optimizer_.reset(state.atoms, latent * dim, dim);
    state.activity.revive(latent, state.step);
  }

  Options options_;
  O optimizer_;
  R revival_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_JOINT_HPP
