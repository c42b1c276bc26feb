// SPDX-License-Identifier: MIT
// Compiling is the test: updates and trainers, and every trainer on the poorest of what it takes.
#include <lacuna/concepts/trainer.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/sparse_coding.hpp>
#include <lacuna/trainer/supervised.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/update/block_coordinate.hpp>
#include <lacuna/update/least_squares.hpp>

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
static_assert(UpdateFor<MinimalUpdate, Learnable>);
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
Outcome train_codes(Model<MinimalTransform<double>, MinimalLearnableDictionary<double>, int>& model,
                    MinimalSource<double>& source, MinimalObserver& watch) {
  return SparseCodingTrainer({.steps = 1}, MinimalOptimizer{}).fit(model, source, watch);
}

}  // namespace lacuna::test
