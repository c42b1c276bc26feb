// SPDX-License-Identifier: MIT
// Compiling is the test: encoders and their refinements, pair by pair, and what encodes with them.
#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/best_of.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/metric/amortisation_gap.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/weighted.hpp>

#include "support/archetypes.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

using Hidden = MinimalDictionary<double>;
using Unit = UnitNormDictionary<float>;
using Sae = LinearReluEncoder<float>;
using Convex = Fista<NonnegativeL1>;
using Differentiable = MinimalDifferentiableEncoder<double>;

// ---- models, and what they are not
// ---------------------------------------------------------------

// An amortised encoder fits the dictionaries of its element type, hidden ones too.
static_assert(DifferentiableEncoderFor<Sae, Unit>);
static_assert(DifferentiableEncoderFor<LinearReluEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<TopKEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<TopKEncoder<float>, PreparedDictionary<Unit>>);
static_assert(not EncoderFor<Sae, Hidden>);
static_assert(not EncoderFor<TopKEncoder<float>, UnitNormDictionary<double>>);
static_assert(not SolverFor<Sae, Unit> && not WarmStartableFor<Sae, Unit>);

// A convex solver fits every dictionary, of either element type.
static_assert(SolverFor<Convex, Unit> && WarmStartableFor<Convex, Unit>);
static_assert(SolverFor<Ista<L1>, Hidden> && WarmStartableFor<Ista<L1>, Hidden>);
static_assert(SolverFor<Fista<MinimalPenalty>, Hidden>);
static_assert(SolverFor<AdamInference, Hidden> && WarmStartableFor<AdamInference, Hidden>);
static_assert(SolverFor<Convex, PreparedDictionary<Hidden>>);
static_assert(not DifferentiableEncoderFor<Convex, Unit>);
static_assert(not DifferentiableEncoderFor<AdamInference, Hidden>);

// A network too; from codes it begins where T(u) = s can be solved for u, which a mere `Penalty`
// does not say.
static_assert(SolverFor<LocallyCompetitive<L1>, Hidden>);
static_assert(WarmStartableFor<LocallyCompetitive<L1>, Hidden>);
static_assert(WarmStartableFor<LocallyCompetitive<ElasticNet<NonnegativeL1>>, Unit>);
static_assert(WarmStartableFor<LocallyCompetitive<HardThreshold>, PreparedDictionary<Hidden>>);
static_assert(SolverFor<LocallyCompetitive<MinimalPenalty>, Hidden>);
static_assert(not WarmStartableFor<LocallyCompetitive<MinimalPenalty>, Hidden>);
static_assert(not DifferentiableEncoderFor<LocallyCompetitive<L1>, Unit>);
static_assert(detail::HasPenalty<LocallyCompetitive<L1>>);
static_assert(not detail::HasPenalty<LocallyCompetitive<HardThreshold>>);

// Exact solvers go atom by atom: they need to see the atoms and the parts of the penalty, and give
// sparse codes.
template <class E>
constexpr bool needs_atoms =
    SolverFor<E, Unit>&& SolverFor<E, PreparedDictionary<Unit>>&&
        SolverFor<E, MinimalExplicitDictionary<double>> &&
    not EncoderFor<E, Hidden> && not EncoderFor<E, MinimalGramDictionary<double>> &&
    not EncoderFor<E, PreparedDictionary<Hidden>> && not DifferentiableEncoderFor<E, Unit>;
static_assert(needs_atoms<ActiveSet<L1>> && needs_atoms<ActiveSet<NonnegativeL1>>);
static_assert(needs_atoms<CoordinateDescent<L1>> && needs_atoms<CoordinateDescent<NonnegativeL1>>);
static_assert(needs_atoms<CoordinateDescent<ElasticNet<Weighted<L1>>>>);
static_assert(WarmStartableFor<CoordinateDescent<L1>, Unit>);
// It can begin from codes, but its steps are exchanges of atoms that nobody counts out.
static_assert(detail::CanWarmStart<ActiveSet<L1>, Unit> &&
              not WarmStartableFor<ActiveSet<L1>, Unit>);
static_assert(std::same_as<CodesFor<ActiveSet<L1>, Unit>, SparseCodes<float>>);
static_assert(std::same_as<CodesFor<CoordinateDescent<L1>, Unit>, SparseCodes<float>>);
static_assert(detail::HasPenalty<ActiveSet<L1>> && detail::HasPenalty<CoordinateDescent<L1>>);
template <template <class> class E, class P>
concept TakesPenalty = requires {
  typename E<P>;
};
static_assert(TakesPenalty<CoordinateDescent, L1> && TakesPenalty<ActiveSet, L1>);
static_assert(not TakesPenalty<CoordinateDescent, MinimalPenalty>);
static_assert(not TakesPenalty<ActiveSet, MinimalPenalty>);
static_assert(TakesPenalty<Fista, MinimalPenalty> && not TakesPenalty<Fista, HardThreshold>);
static_assert(TakesPenalty<LocallyCompetitive, HardThreshold>);
static_assert(not TakesPenalty<LocallyCompetitive, double>);

// So do greedy encoders, and none can begin from a guess or has a penalty.
template <class E>
constexpr bool is_greedy =
    needs_atoms<E> && not WarmStartableFor<E, Unit> && not detail::CanLimitSteps<E> &&
    not detail::HasPenalty<E> && std::same_as<CodesFor<E, Unit>, SparseCodes<float>>;
static_assert(is_greedy<OrthogonalMatchingPursuit> && is_greedy<OrthogonalLeastSquares>);
static_assert(is_greedy<MatchingPursuit> && is_greedy<Cosamp>);
static_assert(is_greedy<IterativeHardThresholding> && is_greedy<ExhaustiveSearch>);
// The cheapest needs D^T x alone.
static_assert(SolverFor<MarginalThreshold, Hidden> &&
              not WarmStartableFor<MarginalThreshold, Hidden>);
static_assert(std::same_as<CodesFor<MarginalThreshold, Hidden>, SparseCodes<double>>);

// A pursuit needs to see the atoms, and cannot begin from a guess.
static_assert(SolverFor<OrthogonalMatchingPursuit, Unit>);
static_assert(SolverFor<OrthogonalMatchingPursuit, PreparedDictionary<Unit>>);
static_assert(not EncoderFor<OrthogonalMatchingPursuit, Hidden>);
static_assert(not EncoderFor<OrthogonalMatchingPursuit, PreparedDictionary<Hidden>>);
static_assert(not WarmStartableFor<OrthogonalMatchingPursuit, Unit>);

// A combination fits what its parts fit, and accounts for itself where both do.
using RefinedSae = Refined<Sae, Convex>;
static_assert(SolverFor<RefinedSae, Unit> && not WarmStartableFor<RefinedSae, Unit>);
static_assert(not EncoderFor<RefinedSae, Hidden>);
static_assert(EncoderFor<Refined<ZeroEncoder, IdleEncoder>, Hidden>);
static_assert(not SolverFor<Refined<ZeroEncoder, IdleEncoder>, Hidden>);
static_assert(not SolverFor<Refined<ZeroEncoder, Convex>, Hidden>);
static_assert(SolverFor<Refined<MinimalSolver, Convex>, Hidden>);
static_assert(not EncoderFor<Refined<OrthogonalMatchingPursuit, Convex>, Hidden>);
static_assert(not detail::CanLimitSteps<OrthogonalMatchingPursuit>);
static_assert(SolverFor<Refined<OrthogonalMatchingPursuit, LocallyCompetitive<L1>>, Unit>);
template <class First, class Second>
concept Refines = requires {
  typename Refined<First, Second>;
};
static_assert(Refines<ZeroEncoder, IdleEncoder> && not Refines<IdleEncoder, ZeroEncoder>);
static_assert(not Refines<ZeroEncoder, ExhaustiveSearch>);

// What is cut fits what its encoder fits; what is fitted anew needs the atoms too. Both are sparse,
// account for themselves where the encoder does, and cannot be begun from codes.
static_assert(SolverFor<Truncated<Convex>, PreparedDictionary<Hidden>>);
static_assert(SolverFor<Truncated<Sae>, Unit> && not EncoderFor<Truncated<Sae>, Hidden>);
static_assert(EncoderFor<Truncated<SparseZeroEncoder>, Hidden>);
static_assert(not SolverFor<Truncated<SparseZeroEncoder>, Hidden>);
static_assert(not EncoderFor<Truncated<ExhaustiveSearch>, Hidden>);
static_assert(not WarmStartableFor<Truncated<Convex>, Unit> &&
              not detail::HasPenalty<Truncated<Convex>>);
static_assert(SolverFor<Debiased<Truncated<Sae>>, Unit> &&
              SolverFor<Truncated<Debiased<Sae>>, Unit>);
static_assert(not EncoderFor<Debiased<Convex>, Hidden>);
static_assert(not EncoderFor<Truncated<Debiased<Convex>>, Hidden>);
static_assert(EncoderFor<Debiased<ZeroEncoder>, Unit> &&
              not SolverFor<Debiased<ZeroEncoder>, Unit>);
static_assert(not EncoderFor<Debiased<TopKEncoder<float>>, MinimalExplicitDictionary<double>>);
static_assert(not WarmStartableFor<Debiased<Convex>, Unit>);
static_assert(std::same_as<CodesFor<Truncated<Convex>, Hidden>, SparseCodes<double>>);
static_assert(std::same_as<CodesFor<Debiased<Convex>, Unit>, SparseCodes<float>>);
// A choice among encoders fits what all of them fit.
static_assert(SolverFor<BestOf<Convex, ExhaustiveSearch>, Unit>);
static_assert(not EncoderFor<BestOf<Convex, ExhaustiveSearch>, Hidden>);
static_assert(SolverFor<BestOf<Sae, Convex>, Unit> && not EncoderFor<BestOf<Sae, Convex>, Hidden>);
static_assert(EncoderFor<BestOf<Convex, SparseZeroEncoder>, Hidden>);
static_assert(not SolverFor<BestOf<Convex, SparseZeroEncoder>, Hidden>);
static_assert(not WarmStartableFor<BestOf<Convex>, Unit>);
static_assert(std::same_as<CodesFor<BestOf<Convex>, Hidden>, SparseCodes<double>>);

static_assert(EncoderFor<ZeroEncoder, Hidden> && EncoderFor<SparseZeroEncoder, Hidden>);
static_assert(not SolverFor<ZeroEncoder, Hidden> && not WarmStartableFor<ZeroEncoder, Hidden>);
static_assert(not DifferentiableEncoderFor<ZeroEncoder, Hidden>);
static_assert(not CountableEncoderFor<ZeroEncoder, Hidden>);
static_assert(WarmStartableFor<IdleEncoder, Hidden> && not SolverFor<IdleEncoder, Hidden>);
static_assert(SolverFor<MinimalSolver, Hidden> && not WarmStartableFor<MinimalSolver, Hidden>);
static_assert(CountableEncoderFor<MinimalSolver, Hidden>);
static_assert(DifferentiableEncoderFor<Differentiable, Hidden>);
static_assert(CountableEncoderFor<Differentiable, Hidden>);
static_assert(not SolverFor<Differentiable, Hidden>);

static_assert(std::same_as<CodesFor<Convex, Unit>, Matrix<float>>);
static_assert(std::same_as<CodesFor<OrthogonalMatchingPursuit, Unit>, SparseCodes<float>>);
static_assert(std::same_as<CodesFor<TopKEncoder<double>, Hidden>, SparseCodes<double>>);
static_assert(CodesOf<Matrix<float>, float> && CodesOf<SparseCodes<float>, float>);
static_assert(not CodesOf<Matrix<float>, double> && not CodesOf<Vector<float>, float>);
static_assert(not CodesOf<Eigen::SparseMatrix<float, Eigen::RowMajor>, float>);

static_assert(detail::HasPenalty<Convex> && detail::HasPenalty<AdamInference>);
static_assert(not detail::HasPenalty<OrthogonalMatchingPursuit>);

template <class M>
concept ModelEncodes = requires(const M& model, const MatrixArg<double>& x) {
  model.encode(x);
};
static_assert(ModelEncodes<Model<MinimalTransform<double>, Hidden, ZeroEncoder>>);
static_assert(not ModelEncodes<Model<MinimalTransform<double>, Hidden, TopKEncoder<float>>>);
static_assert(not ModelEncodes<Model<MinimalTransform<float>, Hidden, ZeroEncoder>>);

// ---- near misses: an archetype with exactly one thing wrong
// --------------------------------------

struct HalfDictionary : Hidden {
  Matrix<double> correlate(const MatrixArg<double>&) const = delete;
};
struct Lazy : ZeroEncoder {
  auto encode(const Hidden&, const MatrixArg<double>& x) const { return 2.0 * x; }
};
struct Mutating : ZeroEncoder {
  Matrix<double> encode(const Hidden&, const MatrixArg<double>&);
};
struct OfOtherElements : ZeroEncoder {
  Matrix<float> encode(const Hidden&, const MatrixArg<double>&) const;
};
struct OfOneCode : ZeroEncoder {
  Vector<double> encode(const Hidden&, const MatrixArg<double>&) const;
};
struct RowMajorCodes : ZeroEncoder {
  Eigen::SparseMatrix<double, Eigen::RowMajor> encode(const Hidden&,
                                                      const MatrixArg<double>&) const;
};
struct IntoAnArgument : ZeroEncoder {
  void encode(const Hidden&, const MatrixArg<double>&, Matrix<double>&) const;
};
struct MoveOnlyEncoder : ZeroEncoder {
  MoveOnlyEncoder(MoveOnlyEncoder&&) = default;
};
static_assert(not EncoderFor<int, Hidden>);
static_assert(not EncoderFor<ZeroEncoder, HalfDictionary>);
static_assert(not EncoderFor<Convex, HalfDictionary>);
static_assert(not EncoderFor<Lazy, Hidden>);
static_assert(not EncoderFor<Mutating, Hidden>);
static_assert(not EncoderFor<OfOtherElements, Hidden>);
static_assert(not EncoderFor<OfOneCode, Hidden>);
static_assert(not EncoderFor<RowMajorCodes, Hidden>);
static_assert(not EncoderFor<IntoAnArgument, Hidden>);
static_assert(not EncoderFor<MoveOnlyEncoder, Hidden>);

struct NoWarmStart : ZeroEncoder {
  NoWarmStart with_steps(Index) const;
};
struct EndlessWarmStart : IdleEncoder {
  EndlessWarmStart with_steps(Index) const = delete;
};
struct StepsOfAnother : IdleEncoder {  // with_steps gives an IdleEncoder
};
static_assert(EncoderFor<NoWarmStart, Hidden> && not WarmStartableFor<NoWarmStart, Hidden>);
static_assert(not WarmStartableFor<EndlessWarmStart, Hidden>);
static_assert(not WarmStartableFor<StepsOfAnother, Hidden>);

struct SolutionOfOtherCodes : ZeroEncoder {
  Solution<SparseCodes<double>> solve(const Hidden&, const MatrixArg<double>&) const;
};
struct CodesForSolution : ZeroEncoder {
  Matrix<double> solve(const Hidden&, const MatrixArg<double>&) const;
};
struct MutatingSolve : ZeroEncoder {
  Solution<Matrix<double>> solve(const Hidden&, const MatrixArg<double>&);
};
struct SolveOnly {
  Solution<Matrix<double>> solve(const Hidden&, const MatrixArg<double>&) const;
};
static_assert(not SolverFor<SolutionOfOtherCodes, Hidden>);
static_assert(not SolverFor<CodesForSolution, Hidden>);
static_assert(not SolverFor<MutatingSolve, Hidden>);
static_assert(not SolverFor<SolveOnly, Hidden>);

struct NoTape : Differentiable {
 private:
  struct Tape;
};
struct TapeWithSize : Differentiable {
  struct Tape {
    explicit Tape(Index);
  };
  template <class D>
  const Matrix<double>& forward(const D&, const MatrixArg<double>&, Tape&) const;
  template <class D>
  void backward(const D&, const MatrixArg<double>&, Tape&, const Matrix<double>&,
                Vector<double>&) const;
  template <class D>
  Matrix<double> signal_gradient(const D&, const Tape&, const Matrix<double>&) const;
};
struct ParametersByValue : Differentiable {
  Vector<double> parameters() const;
};
struct FloatParameters : Differentiable {
  ParameterView<float> parameters();
  ConstParameterView<float> parameters() const;
};
struct ForwardByValue : Differentiable {
  template <class D>
  Matrix<double> forward(const D&, const MatrixArg<double>&, Tape&) const;
};
struct NoBackward : Differentiable {
  template <class D>
  void backward(const D&, const MatrixArg<double>&, Tape&, const Matrix<double>&,
                Vector<double>&) const = delete;
};
// The gradient must have the form of the codes.
struct SparseBackward : Differentiable {
  template <class D>
  void backward(const D&, const MatrixArg<double>&, Tape&, const SparseCodes<double>&,
                Vector<double>&) const;
};
struct NoSignalGradient : Differentiable {
  template <class D>
  Matrix<double> signal_gradient(const D&, const Tape&, const Matrix<double>&) const = delete;
};
struct LazySignalGradient : Differentiable {
  template <class D>
  auto signal_gradient(const D&, const Tape&, const Matrix<double>& g) const {
    return 2.0 * g;
  }
};
struct UncountedBackward : Differentiable {
  template <class D>
  std::int64_t backward_flops(const D&) const = delete;
};
struct FractionalForward : Differentiable {
  template <class D>
  double forward_flops(const D&) const;
};
static_assert(not DifferentiableEncoderFor<NoTape, Hidden>);
static_assert(not DifferentiableEncoderFor<TapeWithSize, Hidden>);
static_assert(not DifferentiableEncoderFor<ParametersByValue, Hidden>);
static_assert(not DifferentiableEncoderFor<FloatParameters, Hidden>);
static_assert(not DifferentiableEncoderFor<ForwardByValue, Hidden>);
static_assert(not DifferentiableEncoderFor<NoBackward, Hidden>);
static_assert(not DifferentiableEncoderFor<SparseBackward, Hidden>);
static_assert(not DifferentiableEncoderFor<NoSignalGradient, Hidden>);
static_assert(not DifferentiableEncoderFor<LazySignalGradient, Hidden>);
static_assert(not DifferentiableEncoderFor<UncountedBackward, Hidden>);
static_assert(not DifferentiableEncoderFor<FractionalForward, Hidden>);

}  // namespace

// ---- every algorithm, on the poorest of what it takes
// --------------------------------------------

namespace lacuna::test {

using X = Matrix<double>;

X solve_convex(const MinimalDictionary<double>& d, const X& x) {
  const Fista fista{MinimalPenalty(1)};
  const Ista ista{MinimalPenalty(1)};
  return fista.solve(d, x, ista.encode(d, x)).codes + ista.solve(d, x).codes +
         fista.with_steps(3).encode(d, x, x);
}
X solve_convex_with_gram(const MinimalGramDictionary<double>& d, const X& x) {
  return Fista(MinimalPenalty(1)).solve(d, x).codes;
}
X infer(const MinimalDictionary<double>& d, const X& x) {
  const AdamInference adam{NonnegativeL1(1)};
  return adam.encode(d, x) + adam.solve(d, x, x).codes;
}
X compete(const MinimalDictionary<double>& d, const X& x) {
  const LocallyCompetitive soft(MinimalPenalty(1));
  const LocallyCompetitive hard(HardThreshold{1});
  return soft.solve(d, x).codes + soft.with_steps(3).encode(d, x) + hard.solve(d, x, x).codes +
         LocallyCompetitive(NonnegativeL1(1)).encode(d, x, x);
}
SparseCodes<double> pursue(const MinimalExplicitDictionary<double>& d, const X& x) {
  return OrthogonalMatchingPursuit({.k = 1}).solve(d, x).codes +
         OrthogonalLeastSquares({.k = 1}).solve(d, x).codes +
         MatchingPursuit({.k = 1}).solve(d, x).codes + Cosamp({.k = 1}).solve(d, x).codes +
         IterativeHardThresholding({.k = 1}).solve(d, x).codes +
         ExhaustiveSearch({.k = 1}).solve(d, x).codes;
}
SparseCodes<double> solve_exactly(const MinimalExplicitDictionary<double>& d, const X& x) {
  return ActiveSet(L1(1)).solve(d, x).codes + CoordinateDescent(NonnegativeL1(1)).solve(d, x).codes;
}
SparseCodes<double> threshold(const MinimalDictionary<double>& d, const X& x) {
  return MarginalThreshold({.k = 1}).solve(d, x).codes;
}
SparseCodes<double> cut(const MinimalDictionary<double>& d, const X& x) {
  return Truncated(MinimalSolver{}, 1).solve(d, x).codes +
         Truncated(SparseZeroEncoder{}, 1).encode(d, x) +
         Truncated(MinimalDifferentiableEncoder<double>(Vector<double>(3)), 1).solve(d, x).codes;
}
SparseCodes<double> fit_anew(const MinimalExplicitDictionary<double>& d, const X& x) {
  return Debiased(MinimalSolver{}).solve(d, x).codes + Debiased(SparseZeroEncoder{}).encode(d, x);
}
SparseCodes<double> choose(const MinimalDictionary<double>& d, const X& x) {
  const MinimalDifferentiableEncoder<double> counted{Vector<double>(3)};
  return BestOf(MinimalSolver{}, counted).solve(d, x).codes +
         BestOf({.k = 1}, ZeroEncoder{}, SparseZeroEncoder{}).encode(d, x);
}
X guess(const MinimalDictionary<double>& d, const X& x) {
  const TopKEncoder<double> top_k(RandomWeights{.dim = 2, .num_atoms = 3}, 1);
  return LinearReluEncoder<double>(RandomWeights{.dim = 2, .num_atoms = 3}).encode(d, x) +
         X(top_k.encode(d, x));
}
X refine(const MinimalDictionary<double>& d, const X& x) {
  return Refined(ZeroEncoder{}, IdleEncoder{}, 1).encode(d, x) +
         Refined(SparseZeroEncoder{}, IdleEncoder{}, 1).encode(d, x) +
         Refined(MinimalSolver{}, Fista(MinimalPenalty(1)), 1).solve(d, x).codes;
}
std::int64_t count(const MinimalDictionary<double>& d, const X& x) {
  return encode_counted(MinimalSolver{}, d, x).flops +
         encode_counted(MinimalDifferentiableEncoder<double>(Vector<double>(3)), d, x).flops;
}
X model(const MinimalDictionary<double>& d, const X& x) {
  const Model dense{MinimalTransform<double>{}, d, ZeroEncoder{}};
  const Model sparse{MinimalTransform<double>{}, d, SparseZeroEncoder{}};
  return dense.decode(dense.encode(x)) + sparse.decode(sparse.encode(x));
}

struct SolverWithPenalty : MinimalSolver {
  MinimalPenalty penalty() const { return MinimalPenalty(1); }
};
double gap(const MinimalDictionary<double>& d, const X& x) {
  return amortisation_gap(d, x, ZeroEncoder{}.encode(d, x), SolverWithPenalty{}).absolute +
         amortisation_gap(d, x, SparseZeroEncoder{}.encode(d, x), SolverWithPenalty{}).absolute;
}

}  // namespace lacuna::test
