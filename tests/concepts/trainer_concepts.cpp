// SPDX-License-Identifier: MIT
// Compiling is the test: updates, revivals of atoms and trainers, and every trainer on the poorest
// of what it takes.
#include <vector>

#include <lacuna/concepts/trainer.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/replace_atoms.hpp>
#include <lacuna/trainer/sparse_coding.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/gradient.hpp>
#include <lacuna/update/ksvd.hpp>
#include <lacuna/update/least_squares.hpp>
#include <lacuna/update/refitted.hpp>
#include <lacuna/update/residual_mean.hpp>

#include "support/archetypes.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

using Hidden = MinimalDictionary<double>;
using Learnable = MinimalLearnableDictionary<double>;
using Unit = UnitNormDictionary<float>;

// ---- UpdateFor
// -----------------------------------------------------------------------------------

static_assert(UpdateFor<BlockCoordinateUpdate, Unit> && UpdateFor<LeastSquaresUpdate, Unit>);
static_assert(UpdateFor<BlockCoordinateUpdate, Learnable>);
static_assert(UpdateFor<LeastSquaresUpdate, Learnable>);
static_assert(UpdateFor<KsvdUpdate, Unit> && UpdateFor<KsvdUpdate, Learnable>);
static_assert(UpdateFor<ResidualMeanUpdate, Unit> && UpdateFor<ResidualMeanUpdate, Learnable>);
static_assert(UpdateFor<RefittedUpdate<KsvdUpdate>, Unit>);
static_assert(not UpdateFor<RefittedUpdate<KsvdUpdate>, Hidden>);
static_assert(UpdateFor<GradientUpdate<>, Unit> && UpdateFor<GradientUpdate<Adam>, Learnable>);
static_assert(UpdateFor<GradientUpdate<MinimalOptimizer>, Learnable>);
static_assert(UpdateFor<MinimalUpdate, Learnable> && UpdateFor<MinimalRememberingUpdate, Unit>);
static_assert(not UpdateFor<KsvdUpdate, Hidden> && not UpdateFor<GradientUpdate<>, Hidden>);
static_assert(not UpdateFor<BlockCoordinateUpdate, Hidden>);
static_assert(not UpdateFor<MinimalUpdate, MinimalExplicitDictionary<double>>);
static_assert(not UpdateFor<LeastSquaresUpdate, PreparedDictionary<Unit>>);

struct DenseOnly {
  std::int64_t update(Learnable&, const MatrixArg<double>&, const MatrixArg<double>&) const;
};
struct SparseOnly {
  std::int64_t update(Learnable&, const MatrixArg<double>&, const SparseCodes<double>&) const;
};
struct Uncounted {
  template <class C>
  void update(Learnable&, const MatrixArg<double>&, const C&) const;
};
struct MutatingUpdate {
  template <class C>
  std::int64_t update(Learnable&, const MatrixArg<double>&, const C&);
};
struct MoveOnlyUpdate : MinimalUpdate {
  MoveOnlyUpdate(MoveOnlyUpdate&&) = default;
};
static_assert(not UpdateFor<DenseOnly, Learnable>);
static_assert(not UpdateFor<SparseOnly, Learnable>);
static_assert(not UpdateFor<Uncounted, Learnable>);
static_assert(not UpdateFor<MutatingUpdate, Learnable>);
static_assert(not UpdateFor<MoveOnlyUpdate, Learnable>);

// ---- RememberingUpdateFor
// ------------------------------------------------------------------------

static_assert(RememberingUpdateFor<BlockCoordinateUpdate, Unit>);
static_assert(RememberingUpdateFor<BlockCoordinateUpdate, Learnable>);
static_assert(RememberingUpdateFor<GradientUpdate<>, Unit>);
static_assert(RememberingUpdateFor<GradientUpdate<Adam>, Learnable>);
static_assert(RememberingUpdateFor<GradientUpdate<MinimalOptimizer>, Learnable>);
static_assert(RememberingUpdateFor<MinimalRememberingUpdate, Learnable>);
static_assert(RememberingUpdateFor<RefittedUpdate<BlockCoordinateUpdate>, Unit>);
static_assert(not RememberingUpdateFor<RefittedUpdate<KsvdUpdate>, Unit>);
static_assert(not RememberingUpdateFor<BlockCoordinateUpdate, Hidden>);
// What starts anew with every batch has nothing to keep.
static_assert(not RememberingUpdateFor<LeastSquaresUpdate, Unit>);
static_assert(not RememberingUpdateFor<KsvdUpdate, Unit>);
static_assert(not RememberingUpdateFor<ResidualMeanUpdate, Unit>);
static_assert(not RememberingUpdateFor<MinimalUpdate, Learnable>);

using Remembering = MinimalRememberingUpdate;
struct RemembersOnly : Remembering {  // has no update without a state
  template <class C>
  std::int64_t update(Learnable&, State<double>&, const MatrixArg<double>&, const C&, Index,
                      Index) const;
};
struct NoStartOfUpdate : Remembering {
  State<double> start(const Learnable&) const = delete;
};
struct StartOfAnother : Remembering {
  State<float> start(const Learnable&) const;
};
struct UpdateWithoutSteps : MinimalUpdate {
  template <Real S>
  using State = Remembering::State<S>;
  using MinimalUpdate::update;
  State<double> start(const Learnable&) const;
  template <class C>
  std::int64_t update(Learnable&, State<double>&, const MatrixArg<double>&, const C&) const;
  void forget(State<double>&, Index) const;
};
// Trainers hand over what their encoder gives.
struct RemembersSparseOnly : MinimalUpdate {
  template <Real S>
  using State = Remembering::State<S>;
  using MinimalUpdate::update;
  State<double> start(const Learnable&) const;
  std::int64_t update(Learnable&, State<double>&, const MatrixArg<double>&,
                      const SparseCodes<double>&, Index, Index) const;
  void forget(State<double>&, Index) const;
};
struct NeverForgets : Remembering {
  void forget(State<double>&, Index) const = delete;
};
template <class Kept>
struct RemembersBy : MinimalUpdate {
  template <class S>
  using State = Kept;
  using MinimalUpdate::update;
  Kept start(const Learnable&) const;
  template <class C>
  std::int64_t update(Learnable&, Kept&, const MatrixArg<double>&, const C&, Index, Index) const;
  void forget(Kept&, Index) const;
};
struct Nameless {};
struct Uncopyable : Remembering::State<double> {
  Uncopyable(Uncopyable&&) = default;
};
static_assert(RememberingUpdateFor<RemembersBy<Remembering::State<double>>, Learnable>);
static_assert(not RememberingUpdateFor<RemembersBy<Nameless>, Learnable>);
static_assert(not RememberingUpdateFor<RemembersBy<Uncopyable>, Learnable>);
static_assert(not UpdateFor<RemembersOnly, Learnable>);
static_assert(not RememberingUpdateFor<RemembersOnly, Learnable>);
static_assert(not RememberingUpdateFor<NoStartOfUpdate, Learnable>);
static_assert(not RememberingUpdateFor<StartOfAnother, Learnable>);
static_assert(UpdateFor<UpdateWithoutSteps, Learnable>);
static_assert(not RememberingUpdateFor<UpdateWithoutSteps, Learnable>);
static_assert(not RememberingUpdateFor<RemembersSparseOnly, Learnable>);
static_assert(not RememberingUpdateFor<NeverForgets, Learnable>);

// ---- AtomRevivalFor
// ------------------------------------------------------------------------------

static_assert(AtomRevivalFor<NoAtomRevival, Unit> && AtomRevivalFor<NoAtomRevival, Learnable>);
static_assert(AtomRevivalFor<ReplaceAtoms, Unit> && AtomRevivalFor<ReplaceAtoms, Learnable>);
static_assert(AtomRevivalFor<MinimalAtomRevival, Learnable>);
static_assert(not AtomRevivalFor<ReplaceAtoms, Hidden>);
static_assert(not AtomRevivalFor<int, Learnable>);

struct NoWindow : MinimalAtomRevival {
  Index window(Index) const = delete;
};
struct MutatingWindow : MinimalAtomRevival {
  Index window(Index);
};
struct SilentRevival : MinimalAtomRevival {
  void revive(Learnable&, const TrainingRound<double>&) const;
};
struct OneAtATime : MinimalAtomRevival {
  Index revive(Learnable&, const TrainingRound<double>&) const;
};
struct MutatingRevival : MinimalAtomRevival {
  std::vector<Index> revive(Learnable&, const TrainingRound<double>&);
};
struct RevivalOfFloat : MinimalAtomRevival {
  std::vector<Index> revive(Learnable&, const TrainingRound<float>&) const;
};
struct MoveOnlyRevival : MinimalAtomRevival {
  MoveOnlyRevival(MoveOnlyRevival&&) = default;
};
static_assert(not AtomRevivalFor<NoWindow, Learnable>);
static_assert(not AtomRevivalFor<MutatingWindow, Learnable>);
static_assert(not AtomRevivalFor<SilentRevival, Learnable>);
static_assert(not AtomRevivalFor<OneAtATime, Learnable>);
static_assert(not AtomRevivalFor<MutatingRevival, Learnable>);
static_assert(not AtomRevivalFor<RevivalOfFloat, Learnable>);
static_assert(not AtomRevivalFor<MoveOnlyRevival, Learnable>);

// ---- TrainerFor
// ----------------------------------------------------------------------------------

using Sae = Model<Identity, Unit, LinearReluEncoder<float>>;
using TopKSae = Model<LearnedBias<float>, Unit, TopKEncoder<float>>;
using Coder = Model<Identity, Unit, Fista<NonnegativeL1>>;
using Unlabelled = InMemorySource<float>;
using Labelled = LabelledInMemorySource<float>;

static_assert(TrainerFor<JointTrainer<>, Sae, Unlabelled>);
static_assert(TrainerFor<JointTrainer<>, TopKSae, Labelled>);
static_assert(not TrainerFor<JointTrainer<>, Coder, Unlabelled>);
static_assert(TrainerFor<SupervisedTrainer<>, Sae, Labelled>);
static_assert(TrainerFor<SupervisedTrainer<SquaredLoss>, TopKSae, Labelled>);
static_assert(not TrainerFor<SupervisedTrainer<>, Sae, Unlabelled>);
static_assert(not TrainerFor<SupervisedTrainer<>, Coder, Labelled>);
static_assert(TrainerFor<AlternatingTrainer<BlockCoordinateUpdate>, Coder, Unlabelled>);
static_assert(
    TrainerFor<AlternatingTrainer<GradientUpdate<Adam>, ReplaceAtoms>, Coder, Unlabelled>);
static_assert(not TrainerFor<AlternatingTrainer<KsvdUpdate, int>, Coder, Unlabelled>);
static_assert(TrainerFor<SparseCodingTrainer<>, Coder, Unlabelled>);
static_assert(TrainerFor<SparseCodingTrainer<>, Sae, Unlabelled>);

using Fixed = Model<MinimalTransform<double>, Hidden, MinimalDifferentiableEncoder<double>>;
using FixedCoder = Model<MinimalTransform<double>, Hidden, MinimalSolver>;
using Source = MinimalSource<double>;

// A dictionary that cannot learn is fit for the trainers that can leave it alone.
static_assert(TrainerFor<JointTrainer<MinimalOptimizer>, Fixed, Source>);
static_assert(not TrainerFor<AlternatingTrainer<MinimalUpdate>, FixedCoder, Source>);
static_assert(not TrainerFor<SparseCodingTrainer<>, FixedCoder, Source>);
static_assert(not TrainerFor<JointTrainer<int>, Fixed, Source>);
// An encoder that cannot say what it costs is not trained with.
using Uncountable = Model<MinimalTransform<double>, Learnable, ZeroEncoder>;
static_assert(not TrainerFor<AlternatingTrainer<MinimalUpdate>, Uncountable, Source>);
// An encoder that does not fit is a plain no, and not an error inside the model.
using Unfit = Model<MinimalTransform<double>, Hidden, TopKEncoder<float>>;
static_assert(not TrainerFor<JointTrainer<>, Unfit, Source>);
static_assert(not TrainerFor<JointTrainer<>, Sae, int>);

static_assert(TrainerFor<MinimalTrainer, Fixed, Source>);
struct NoOutcome : MinimalTrainer {
  template <class M, class S>
  void fit(M&, S&) const;
  template <class M, class S, class O>
  void fit(M&, S&, O&&) const;
};
struct Unobserved {
  template <class M, class S>
  Outcome fit(M&, S&) const;
};
struct AlwaysObserved {
  template <class M, class S, class O>
  Outcome fit(M&, S&, O&&) const;
};
struct MutatingTrainer {
  template <class M, class S>
  Outcome fit(M&, S&);
  template <class M, class S, class O>
  Outcome fit(M&, S&, O&&);
};
static_assert(not TrainerFor<NoOutcome, Fixed, Source>);
static_assert(not TrainerFor<Unobserved, Fixed, Source>);
static_assert(not TrainerFor<AlwaysObserved, Fixed, Source>);
static_assert(not TrainerFor<MutatingTrainer, Fixed, Source>);

}  // namespace

// ---- every trainer, on the poorest of what it takes
// ----------------------------------------------

namespace lacuna::test {

using DifferentiableEncoder = MinimalDifferentiableEncoder<double>;

Outcome train_encoder(
    Model<MinimalTransform<double>, MinimalDictionary<double>, DifferentiableEncoder>& model,
    MinimalSource<double>& source, MinimalObserver& watch) {
  return JointTrainer({.steps = 1, .learn_dictionary = false}, MinimalOptimizer{})
      .fit(model, source, watch);
}
Outcome train_sparse_encoder(
    Model<MinimalTransform<double>, MinimalDictionary<double>, TopKEncoder<double>>& model,
    MinimalSource<double>& source) {
  return JointTrainer({.steps = 1, .learn_dictionary = false}, MinimalOptimizer{})
      .fit(model, source);
}
Outcome train_together(Model<MinimalLearnableTransform<double>, MinimalLearnableDictionary<double>,
                             DifferentiableEncoder>& model,
                       MinimalSource<double>& source) {
  return JointTrainer({.steps = 1}, MinimalOptimizer{}).fit(model, source, MinimalObserver());
}
Outcome train_on_codes(
    Model<MinimalTransform<double>, MinimalDictionary<double>, DifferentiableEncoder>& model,
    MinimalLabelledSource<double>& source, MinimalObserver& watch) {
  return SupervisedTrainer<CosineLoss, MinimalOptimizer>({.steps = 1}).fit(model, source, watch);
}
Outcome train_alternating(
    Model<MinimalTransform<double>, MinimalLearnableDictionary<double>, MinimalSolver>& model,
    MinimalSource<double>& source, MinimalObserver& watch) {
  return AlternatingTrainer({.rounds = 1}, MinimalUpdate{}).fit(model, source, watch);
}
Outcome train_alternating_with_memory(
    Model<MinimalTransform<double>, MinimalLearnableDictionary<double>, MinimalSolver>& model,
    MinimalSource<double>& source, MinimalObserver& watch) {
  return AlternatingTrainer({.rounds = 1}, MinimalRememberingUpdate{}, MinimalAtomRevival{})
      .fit(model, source, watch);
}
Outcome train_codes(Model<MinimalTransform<double>, MinimalLearnableDictionary<double>, int>& model,
                    MinimalSource<double>& source, MinimalObserver& watch) {
  return SparseCodingTrainer({.steps = 1}, MinimalOptimizer{}).fit(model, source, watch);
}

}  // namespace lacuna::test
