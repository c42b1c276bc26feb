// SPDX-License-Identifier: MIT
// Compiling is the test: penalties, transforms, optimisers, sources and observers.
#include <lacuna/concepts/labelled_source.hpp>
#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/concepts/observer.hpp>
#include <lacuna/concepts/optimizer.hpp>
#include <lacuna/concepts/penalty.hpp>
#include <lacuna/optimizer/adam.hpp>
#include <lacuna/optimizer/adam_w.hpp>
#include <lacuna/optimizer/gradient_descent.hpp>
#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/penalty/weighted.hpp>
#include <lacuna/signal/labelled_source.hpp>
#include <lacuna/synthetic/synthetic_source.hpp>
#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/composed.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

#include "support/archetypes.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

using Columns = Eigen::Ref<Matrix<double>, 0, Eigen::OuterStride<>>;

// ---- Penalty
// -------------------------------------------------------------------------------------

static_assert(Penalty<L1> && Penalty<NonnegativeL1> && Penalty<MinimalPenalty>);
static_assert(not Penalty<double>);

struct NoLambda : MinimalPenalty {
  double lambda() const = delete;
};
struct FloatLambda : MinimalPenalty {
  float lambda() const;
};
struct FloatValue : MinimalPenalty {
  float value(const Vector<double>&) const;
};
struct EntrywiseValue : MinimalPenalty {
  double value(double) const;
};
struct NoProx : MinimalPenalty {
  void prox(Columns, double) const = delete;
};
struct DoubleProxOnly : MinimalPenalty {
  void prox(Columns, double) const;
};
struct MutatingProx : MinimalPenalty {
  template <class V>
  void prox(V&&, double);
};
// Solvers give the columns that are still active, not whole matrices.
struct WholeMatrixProx : MinimalPenalty {
  void prox(Matrix<float>&, double) const;
  void prox(Matrix<double>&, double) const;
};
struct NoDualScale : MinimalPenalty {
  double dual_scale(const Vector<double>&) const = delete;
};
struct MoveOnlyPenalty : MinimalPenalty {
  MoveOnlyPenalty(MoveOnlyPenalty&&) = default;
};
static_assert(not Penalty<NoLambda>);
static_assert(not Penalty<FloatLambda>);
static_assert(not Penalty<FloatValue>);
static_assert(not Penalty<EntrywiseValue>);
static_assert(not Penalty<NoProx>);
static_assert(not Penalty<DoubleProxOnly>);
static_assert(not Penalty<MutatingProx>);
static_assert(not Penalty<WholeMatrixProx>);
static_assert(not Penalty<NoDualScale>);
static_assert(not Penalty<MoveOnlyPenalty>);

// ---- LassoPenalty

static_assert(LassoPenalty<L1> && LassoPenalty<NonnegativeL1> && LassoPenalty<Weighted<L1>> &&
              LassoPenalty<ElasticNet<Weighted<NonnegativeL1>>>);
// A penalty whose atoms are not known one by one.
static_assert(not LassoPenalty<MinimalPenalty>);

struct NoThreshold : L1 {
  double threshold(Index) const = delete;
};
struct FloatRidge : L1 {
  float ridge() const;
};
struct LosesItsKind : L1 {};  // with_lambda gives an L1
static_assert(Penalty<NoThreshold> && not LassoPenalty<NoThreshold>);
static_assert(Penalty<FloatRidge> && not LassoPenalty<FloatRidge>);
static_assert(Penalty<LosesItsKind> && not LassoPenalty<LosesItsKind>);
// Weights of a net would be ambiguous: a net of weights is not.
template <class P>
constexpr bool can_be_weighted = requires { typename Weighted<P>; };
static_assert(can_be_weighted<L1> && not can_be_weighted<ElasticNet<L1>>);

// ---- Transform, LearnableTransform
// ---------------------------------------------------------------

static_assert(Transform<Identity, float> && Transform<Identity, double>);
static_assert(Transform<Centre<float>, float> && Transform<LearnedBias<double>, double>);
static_assert(Transform<MinimalTransform<double>, double>);
static_assert(Transform<Scale<float>, float> && not Transform<Scale<float>, double>);
using Standard = Composed<Centre<double>, Scale<double>>;
static_assert(Transform<Standard, double> && Transform<Composed<Identity, Standard>, double>);
static_assert(not Transform<Standard, float> && not LearnableTransform<Standard, double>);
using Scaled = Composed<Scale<float>, LearnedBias<float>>;
static_assert(LearnableTransform<Scaled, float> && not LearnableTransform<Scaled, double>);
static_assert(LearnableTransform<Composed<Scaled, Identity>, float>);
// Two learned parts, and a learned one beside one that passes no gradient on.
template <class First, class Second>
constexpr bool can_be_composed = requires { typename Composed<First, Second>; };
static_assert(can_be_composed<Identity, MinimalTransform<float>>);
static_assert(not can_be_composed<LearnedBias<float>, LearnedBias<float>>);
static_assert(not can_be_composed<MinimalTransform<float>, LearnedBias<float>>);
static_assert(LearnableTransform<LearnedBias<float>, float>);
static_assert(LearnableTransform<MinimalLearnableTransform<double>, double>);
// A transform has the element type of its signals.
static_assert(not Transform<Centre<float>, double>);
static_assert(not LearnableTransform<LearnedBias<float>, double>);
// What was fixed is not learned.
static_assert(not LearnableTransform<Identity, float>);
static_assert(not LearnableTransform<Centre<float>, float>);
static_assert(not LearnableTransform<MinimalTransform<double>, double>);

struct LazyApply : MinimalTransform<double> {
  auto apply(const MatrixArg<double>& x) const { return 2.0 * x; }
};
struct NoInverse : MinimalTransform<double> {
  Matrix<double> invert(const MatrixArg<double>&) const = delete;
};
struct MutatingApply : MinimalTransform<double> {
  Matrix<double> apply(const MatrixArg<double>&);
};
static_assert(not Transform<LazyApply, double>);
static_assert(not Transform<NoInverse, double>);
static_assert(not Transform<MutatingApply, double>);
static_assert(not Transform<int, double>);

using LearnableBase = MinimalLearnableTransform<double>;
struct ReadOnlyParameters : LearnableBase {
  ConstParameterView<double> parameters() const;
};
struct CopiedParameters : LearnableBase {
  Vector<double> parameters();
  Vector<double> parameters() const;
};
struct NoTransformGradient : LearnableBase {
  void backward(const MatrixArg<double>&, const MatrixArg<double>&,
                Vector<double>&) const = delete;
};
static_assert(not LearnableTransform<ReadOnlyParameters, double>);
static_assert(not LearnableTransform<CopiedParameters, double>);
static_assert(not LearnableTransform<NoTransformGradient, double>);

// ---- Optimizer
// -----------------------------------------------------------------------------------

static_assert(Optimizer<Adam, float> && Optimizer<Adam, double>);
static_assert(Optimizer<AdamW, float> && Optimizer<AdamW, double>);
static_assert(Optimizer<GradientDescent, float> && Optimizer<GradientDescent, double>);
static_assert(Optimizer<MinimalOptimizer, float> && Optimizer<MinimalOptimizer, double>);
static_assert(not Optimizer<double, double>);
static_assert(OptimizerByParts<Adam, float> && OptimizerByParts<AdamW, double>);
static_assert(OptimizerByParts<GradientDescent, float>);
static_assert(not OptimizerByParts<MinimalOptimizer, double>);

struct PrivateState : MinimalOptimizer {
 private:
  template <class S>
  struct State {};
};
struct UncopyableState : MinimalOptimizer {
  template <class S>
  struct State {
    State() = default;
    State(State&&) = default;
    static void fields(auto&, auto&&) {}
  };
  template <class S>
  State<S> start(Index) const;
};
struct NamelessState : MinimalOptimizer {
  template <class S>
  struct State {};
  template <class S>
  State<S> start(Index) const;
  template <class S>
  void step(State<S>&, Eigen::Ref<Vector<S>>, const Eigen::Ref<const Vector<S>>&, double = 1) const;
  template <class S>
  void reset(State<S>&, Index, Index, Index = 1) const;
};
struct NoStart : MinimalOptimizer {
  template <class S>
  State<S> start(Index) const = delete;
};
struct StartOfAnotherState : MinimalOptimizer {
  template <class S>
  int start(Index) const;
};
struct MutatingStep : MinimalOptimizer {
  template <class S>
  void step(State<S>&, Eigen::Ref<Vector<S>>, const Eigen::Ref<const Vector<S>>&, double = 1);
};
struct StepOfConstState : MinimalOptimizer {
  template <class S>
  void step(State<S>&&, Eigen::Ref<Vector<S>>, const Eigen::Ref<const Vector<S>>&,
            double = 1) const;
};
struct StepAtOneRate : MinimalOptimizer {
  template <class S>
  void step(State<S>&, Eigen::Ref<Vector<S>>, const Eigen::Ref<const Vector<S>>&) const;
};
struct StepWithoutDefaultRate : MinimalOptimizer {
  template <class S>
  void step(State<S>&, Eigen::Ref<Vector<S>>, const Eigen::Ref<const Vector<S>>&, double) const;
};
struct NoReset : MinimalOptimizer {
  template <class S>
  void reset(State<S>&, Index, Index, Index = 1) const = delete;
};
struct ResetWithoutStride : MinimalOptimizer {
  template <class S>
  void reset(State<S>&, Index, Index) const;
};
struct UncountedStep : MinimalOptimizer {
  std::int64_t step_flops(Index) const = delete;
};
struct FractionalFlops : MinimalOptimizer {
  double step_flops(Index) const;
};
static_assert(not Optimizer<PrivateState, double>);
static_assert(not Optimizer<UncopyableState, double>);
static_assert(not Optimizer<NamelessState, double>);
static_assert(not Optimizer<NoStart, double>);
static_assert(not Optimizer<StartOfAnotherState, double>);
static_assert(not Optimizer<MutatingStep, double>);
static_assert(not Optimizer<StepOfConstState, double>);
static_assert(not Optimizer<StepAtOneRate, double>);
static_assert(not Optimizer<StepWithoutDefaultRate, double>);
static_assert(not Optimizer<NoReset, double>);
static_assert(not Optimizer<ResetWithoutStride, double>);
static_assert(not Optimizer<UncountedStep, double>);
static_assert(not Optimizer<FractionalFlops, double>);

// ---- SignalSource, LabelledSource
// ----------------------------------------------------------------

static_assert(SignalSource<InMemorySource<float>> && not LabelledSource<InMemorySource<float>>);
static_assert(LabelledSource<LabelledInMemorySource<double>>);
static_assert(LabelledSource<SyntheticSource<float>>);
static_assert(SignalSource<MinimalSource<float>> && not LabelledSource<MinimalSource<float>>);
static_assert(LabelledSource<MinimalLabelledSource<float>>);
static_assert(not SignalSource<Matrix<float>>);

struct NoDim : MinimalSource<float> {
  Index dim() const = delete;
};
struct BatchByValue : MinimalSource<float> {
  Matrix<float> batch(Index);
};
struct DoubleBatch : MinimalSource<float> {
  MatrixArg<double> batch(Index);
};
struct BatchWithoutStep : MinimalSource<float> {
  MatrixArg<float> batch();
};
struct NoElementType : MinimalSource<float> {
 private:
  using Scalar = float;
};
static_assert(not SignalSource<NoDim>);
static_assert(not SignalSource<BatchByValue>);
static_assert(not SignalSource<DoubleBatch>);
static_assert(not SignalSource<BatchWithoutStep>);
static_assert(not SignalSource<NoElementType>);

struct NoNumAtoms : MinimalLabelledSource<float> {
  Index num_atoms() const = delete;
};
struct CodesByValue : MinimalLabelledSource<float> {
  SparseCodes<float> batch_codes(Index);
};
struct DenseLabels : MinimalLabelledSource<float> {
  const Matrix<float>& batch_codes(Index);
};
static_assert(SignalSource<NoNumAtoms> && not LabelledSource<NoNumAtoms>);
static_assert(SignalSource<CodesByValue> && not LabelledSource<CodesByValue>);
static_assert(SignalSource<DenseLabels> && not LabelledSource<DenseLabels>);

// ---- Observer
// ------------------------------------------------------------------------------------

static_assert(Observer<NoObserver> && Observer<MinimalObserver> && Observer<MinimalObserver&>);
static_assert(Observer<bool (*)(const Progress&)>);
static_assert(Observer<decltype([](const Progress&) { return true; })>);

struct SilentObserver {
  void operator()(const Progress&);
};
struct CountingAnswer {
  int operator()(const Progress&);
};
struct ObserverOfSteps {
  bool operator()(Index step);
};
struct ChangingObserver {
  bool operator()(Progress&);
};
static_assert(not Observer<SilentObserver>);
static_assert(not Observer<CountingAnswer>);
static_assert(not Observer<ObserverOfSteps>);
static_assert(not Observer<ChangingObserver>);
// An observer that may not change cannot count.
static_assert(not Observer<const MinimalObserver&>);

}  // namespace
