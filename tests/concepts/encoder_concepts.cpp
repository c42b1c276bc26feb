// SPDX-License-Identifier: MIT
// Compiling is the test: encoders and their refinements, pair by pair, and what encodes with them.
#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/metric/amortisation_gap.hpp>
#include <lacuna/operator/encode_counted.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/penalty/l1.hpp>

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
SparseCodes<double> pursue(const MinimalExplicitDictionary<double>& d, const X& x) {
  return OrthogonalMatchingPursuit({.k = 1}).solve(d, x).codes;
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
