// SPDX-License-Identifier: MIT
// Compiling is the test: dictionaries, their refinements, and what is made of a dictionary alone.
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/operator/lasso_certificate.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

#include "support/archetypes.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

// ---- models, and what they are not
// ---------------------------------------------------------------

static_assert(Dictionary<DenseDictionary<float>> && Dictionary<DenseDictionary<double>>);
static_assert(Dictionary<UnitNormDictionary<float>> && Dictionary<UnitNormDictionary<double>>);
static_assert(LearnableDictionary<DenseDictionary<float>>);
static_assert(LearnableDictionary<UnitNormDictionary<double>>);
static_assert(not GramDictionary<DenseDictionary<float>>);
static_assert(not GramDictionary<UnitNormDictionary<double>>);

static_assert(GramDictionary<PreparedDictionary<DenseDictionary<float>>>);
static_assert(ExplicitDictionary<PreparedDictionary<UnitNormDictionary<double>>>);
// What was derived would go stale.
static_assert(not LearnableDictionary<PreparedDictionary<UnitNormDictionary<double>>>);

// Prepared, a dictionary is as explicit as it was.
static_assert(GramDictionary<PreparedDictionary<MinimalDictionary<float>>>);
static_assert(not ExplicitDictionary<PreparedDictionary<MinimalDictionary<float>>>);
static_assert(GramDictionary<PreparedDictionary<PreparedDictionary<MinimalDictionary<float>>>>);

static_assert(Dictionary<MinimalDictionary<float>> && Dictionary<MinimalDictionary<double>>);
static_assert(not ExplicitDictionary<MinimalDictionary<double>>);
static_assert(not GramDictionary<MinimalDictionary<double>>);
static_assert(not LearnableDictionary<MinimalDictionary<double>>);
static_assert(ExplicitDictionary<MinimalExplicitDictionary<double>>);
static_assert(not LearnableDictionary<MinimalExplicitDictionary<double>>);
static_assert(LearnableDictionary<MinimalLearnableDictionary<double>>);
static_assert(GramDictionary<MinimalGramDictionary<double>>);
static_assert(not ExplicitDictionary<MinimalGramDictionary<double>>);

static_assert(not Dictionary<int>);
static_assert(not Dictionary<Matrix<double>>);

// ---- near misses: an archetype with exactly one thing wrong
// --------------------------------------

using Base = MinimalDictionary<double>;

struct NoScalar : Base {
 private:
  using Scalar = double;
};
struct IntegerScalar : Base {
  using Scalar = int;
};
struct LongDoubleScalar : Base {
  using Scalar = long double;
};
struct IntShape : Base {
  int dim() const;
};
struct MutatingShape : Base {
  Index num_atoms();
};
struct NoDecode : Base {
  Matrix<double> decode(const MatrixArg<double>&) const = delete;
  Matrix<double> decode(const SparseCodes<double>&) const = delete;
};
struct MutatingDecode : Base {
  Matrix<double> decode(const MatrixArg<double>&);
  Matrix<double> decode(const SparseCodes<double>&);
};
struct LazyDecode : Base {
  using Base::decode;
  auto decode(const MatrixArg<double>& codes) const { return hidden_ * codes; }
};
struct FloatDecode : Base {
  using Base::decode;
  Matrix<float> decode(const MatrixArg<double>& codes) const;
};
struct RowMajorDecode : Base {
  using Base::decode;
  Eigen::Matrix<double, -1, -1, Eigen::RowMajor> decode(const MatrixArg<double>& codes) const;
};
struct NoSparseDecode : Base {
  Matrix<double> decode(const MatrixArg<double>&) const;
};
struct SparseSignals : Base {
  using Base::decode;
  SparseCodes<double> decode(const SparseCodes<double>&) const;
};
struct NoCorrelate : Base {
  Matrix<double> correlate(const MatrixArg<double>&) const = delete;
};
struct MutatingCorrelate : Base {
  Matrix<double> correlate(const MatrixArg<double>&);
};
struct LazyCorrelate : Base {
  auto correlate(const MatrixArg<double>& signals) const { return hidden_.transpose() * signals; }
};
struct MoveOnly : Base {
  MoveOnly(MoveOnly&&) = default;
};
struct NotAssignable : Base {
  NotAssignable(const NotAssignable&) = default;
  NotAssignable& operator=(const NotAssignable&) = delete;
};

static_assert(not Dictionary<NoScalar>);
static_assert(not Dictionary<IntegerScalar>);
static_assert(not Dictionary<LongDoubleScalar>);
static_assert(not Dictionary<IntShape>);
static_assert(not Dictionary<MutatingShape>);
static_assert(not Dictionary<NoDecode>);
static_assert(not Dictionary<MutatingDecode>);
static_assert(not Dictionary<LazyDecode>);
static_assert(not Dictionary<FloatDecode>);
static_assert(not Dictionary<RowMajorDecode>);
static_assert(not Dictionary<NoSparseDecode>);
static_assert(not Dictionary<SparseSignals>);
static_assert(not Dictionary<NoCorrelate>);
static_assert(not Dictionary<MutatingCorrelate>);
static_assert(not Dictionary<LazyCorrelate>);
static_assert(not Dictionary<MoveOnly>);
static_assert(not Dictionary<NotAssignable>);

struct AtomsByValue : Base {
  Matrix<double> atoms() const;
};
struct MutatingAtoms : Base {
  const Matrix<double>& atoms();
};
struct AtomsOfNoDictionary : NoCorrelate {
  const Matrix<double>& atoms() const;
};
static_assert(Dictionary<AtomsByValue> && not ExplicitDictionary<AtomsByValue>);
static_assert(Dictionary<MutatingAtoms> && not ExplicitDictionary<MutatingAtoms>);
static_assert(not ExplicitDictionary<AtomsOfNoDictionary>);

using Gram = MinimalGramDictionary<double>;

struct GramByValue : Gram {
  Matrix<double> gram() const;
};
struct GramOfUnknownPresence : Gram {
  bool has_gram() const = delete;
};
struct CountedGram : Gram {
  int has_gram() const;
};
struct NoNorm : Gram {
  double squared_spectral_norm() const = delete;
};
struct WordyNorm : Gram {
  const char* squared_spectral_norm() const;
};
static_assert(Dictionary<GramByValue> && not GramDictionary<GramByValue>);
static_assert(Dictionary<GramOfUnknownPresence> && not GramDictionary<GramOfUnknownPresence>);
static_assert(Dictionary<CountedGram> && not GramDictionary<CountedGram>);
static_assert(Dictionary<NoNorm> && not GramDictionary<NoNorm>);
static_assert(Dictionary<WordyNorm> && not GramDictionary<WordyNorm>);

struct ConstChange : MinimalExplicitDictionary<double> {
  template <class Change>
  requires std::invocable < Change, const Matrix<double>
  & > void update_atoms(Change&&);
};
struct ReplaceOnly : MinimalExplicitDictionary<double> {
  void update_atoms(const Matrix<double>&);
};
// Trainers pass lambdas that capture.
struct PlainFunctionsOnly : MinimalExplicitDictionary<double> {
  void update_atoms(void (*change)(Matrix<double>&));
};
struct LearnableUnseen : MinimalDictionary<double> {
  template <class Change>
  void update_atoms(Change&&);
};
static_assert(ExplicitDictionary<ConstChange> && not LearnableDictionary<ConstChange>);
static_assert(ExplicitDictionary<ReplaceOnly> && not LearnableDictionary<ReplaceOnly>);
static_assert(ExplicitDictionary<PlainFunctionsOnly> &&
              not LearnableDictionary<PlainFunctionsOnly>);
static_assert(not LearnableDictionary<LearnableUnseen>);

}  // namespace

// ---- what needs a dictionary, on the poorest one
// --------------------------------------------------

namespace lacuna::test {

double norm_of(const MinimalDictionary<float>& d) { return squared_spectral_norm(d); }

double prepare(const MinimalDictionary<double>& d) {
  const PreparedDictionary prepared(d);
  return prepared.coherence() + prepared.gram().sum() + prepared.squared_spectral_norm();
}

double certify(const MinimalDictionary<float>& d, const Matrix<float>& x, const Matrix<float>& s) {
  double gaps = 0;
  LassoCertifier certifier(d, MinimalPenalty(1));
  certifier.for_each(x, s, [&](Index, Certificate c) { gaps += c.gap; });
  return gaps;
}

}  // namespace lacuna::test
