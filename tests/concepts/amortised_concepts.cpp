// SPDX-License-Identifier: MIT
// Compiling is the test: amortised encoders, and what the two concepts of their own ask for.
#include <lacuna/concepts/encoder_with_terms.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>

#include "support/archetypes.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

using Hidden = MinimalDictionary<double>;
using Unit = UnitNormDictionary<float>;

// Every dictionary of the element type, one that hides its atoms too.
static_assert(DifferentiableEncoderFor<BatchTopKEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<JumpReluEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<GatedEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<MlpEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<ListaEncoder<double>, Hidden>);
// The codes of these are max(a, 0) and dense.
static_assert(RectifiedEncoderFor<LinearReluEncoder<double>, Hidden>);
static_assert(RectifiedEncoderFor<MlpEncoder<double>, Hidden>);
static_assert(not RectifiedEncoderFor<GatedEncoder<double>, Hidden>);
static_assert(not RectifiedEncoderFor<JumpReluEncoder<double>, Hidden>);
static_assert(DifferentiableEncoderFor<BatchTopKEncoder<float>, Unit>);
static_assert(DifferentiableEncoderFor<JumpReluEncoder<float>, Unit>);
static_assert(DifferentiableEncoderFor<GatedEncoder<float>, Unit>);
static_assert(DifferentiableEncoderFor<MlpEncoder<float>, Unit>);
static_assert(DifferentiableEncoderFor<ListaEncoder<float>, Unit>);
static_assert(not EncoderFor<JumpReluEncoder<float>, Hidden>);
static_assert(not EncoderFor<MlpEncoder<double>, Unit>);

// Few active entries are sparse codes.
static_assert(std::same_as<CodesFor<BatchTopKEncoder<float>, Unit>, SparseCodes<float>>);
static_assert(std::same_as<CodesFor<JumpReluEncoder<float>, Unit>, SparseCodes<float>>);
static_assert(std::same_as<CodesFor<GatedEncoder<float>, Unit>, Matrix<float>>);
static_assert(std::same_as<CodesFor<MlpEncoder<float>, Unit>, Matrix<float>>);
static_assert(std::same_as<CodesFor<ListaEncoder<float>, Unit>, Matrix<float>>);

// LISTA is made from a dictionary of its element type, and from no other thing.
static_assert(std::constructible_from<ListaEncoder<float>, Unit>);
static_assert(std::constructible_from<ListaEncoder<double>, Hidden, ListaOptions>);
static_assert(not std::constructible_from<ListaEncoder<double>, Unit>);
static_assert(not std::constructible_from<ListaEncoder<double>, RandomWeights>);
static_assert(not std::convertible_to<Unit, ListaEncoder<float>>);

// Who has terms of its own, and who statistics.
static_assert(EncoderWithTerms<JumpReluEncoder<double>, Hidden>);
static_assert(EncoderWithTerms<GatedEncoder<double>, Hidden>);
static_assert(EncoderWithTerms<GatedEncoder<float>, Unit>);
static_assert(not EncoderWithTerms<LinearReluEncoder<double>, Hidden>);
static_assert(not EncoderWithTerms<BatchTopKEncoder<double>, Hidden>);
static_assert(not EncoderWithTerms<GatedEncoder<float>, Hidden>);
static_assert(EncoderWithStatistics<BatchTopKEncoder<float>>);
static_assert(not EncoderWithStatistics<TopKEncoder<float>>);
static_assert(not EncoderWithStatistics<JumpReluEncoder<float>>);

// ---- near misses: an archetype with exactly one thing wrong
// --------------------------------------

struct Terms : MinimalDifferentiableEncoder<double> {
  template <class D>
  double own_terms(const D&, const MatrixArg<double>&, Tape&, double, Vector<double>&) const;
};
struct TermsWithoutValue : MinimalDifferentiableEncoder<double> {
  template <class D>
  void own_terms(const D&, const MatrixArg<double>&, Tape&, double, Vector<double>&) const;
};
struct MutatingTerms : MinimalDifferentiableEncoder<double> {
  template <class D>
  double own_terms(const D&, const MatrixArg<double>&, Tape&, double, Vector<double>&);
};
struct TermsWithoutLambda : MinimalDifferentiableEncoder<double> {
  template <class D>
  double own_terms(const D&, const MatrixArg<double>&, Tape&, Vector<double>&) const;
};
struct TermsOfNoEncoder : ZeroEncoder {
  struct Tape {};
  template <class D>
  double own_terms(const D&, const MatrixArg<double>&, Tape&, double, Vector<double>&) const;
};
static_assert(EncoderWithTerms<Terms, Hidden>);
static_assert(not EncoderWithTerms<TermsWithoutValue, Hidden>);
static_assert(not EncoderWithTerms<MutatingTerms, Hidden>);
static_assert(not EncoderWithTerms<TermsWithoutLambda, Hidden>);
static_assert(not EncoderWithTerms<TermsOfNoEncoder, Hidden>);

struct Statistics : MinimalDifferentiableEncoder<double> {
  void update_statistics(const Tape&);
  Vector<double> statistics() const;
  void set_statistics(const Vector<double>&);
};
struct StatisticsOfOneStep : MinimalDifferentiableEncoder<double> {
  void update_statistics(const Tape&);
};
struct StatisticsByView : Statistics {
  ConstParameterView<double> statistics() const;
};
struct StatisticsOfChangingTape : Statistics {
  void update_statistics(Tape&);
};
static_assert(EncoderWithStatistics<Statistics>);
static_assert(not EncoderWithStatistics<StatisticsOfOneStep>);
static_assert(not EncoderWithStatistics<StatisticsByView>);
static_assert(not EncoderWithStatistics<StatisticsOfChangingTape>);

}  // namespace

// ---- every encoder, on the poorest dictionary
// ----------------------------------------------------

namespace lacuna::test {

template <class E>
void train(const E& encoder, const MinimalDictionary<double>& d, const Matrix<double>& x) {
  typename E::Tape tape;
  Vector<double> gradient;
  const auto codes = encoder.forward(d, x, tape);
  encoder.backward(d, x, tape, codes, gradient);
  (void)encoder.signal_gradient(d, tape, codes);
  if constexpr (EncoderWithTerms<E, MinimalDictionary<double>>)
    (void)encoder.own_terms(d, x, tape, 1, gradient);
}
template void train(const BatchTopKEncoder<double>&, const MinimalDictionary<double>&,
                    const Matrix<double>&);
template void train(const JumpReluEncoder<double>&, const MinimalDictionary<double>&,
                    const Matrix<double>&);
template void train(const GatedEncoder<double>&, const MinimalDictionary<double>&,
                    const Matrix<double>&);
template void train(const MlpEncoder<double>&, const MinimalDictionary<double>&,
                    const Matrix<double>&);
template void train(const ListaEncoder<double>&, const MinimalDictionary<double>&,
                    const Matrix<double>&);

}  // namespace lacuna::test
