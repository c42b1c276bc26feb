// SPDX-License-Identifier: MIT
#include <iostream>

#include <lacuna/lacuna.hpp>
using namespace lacuna;

/// The cheapest guess: correlate, subtract a threshold, drop what is negative.
struct ThresholdedCorrelation {
  double threshold;

  template <Dictionary D>
  Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    using S = ScalarOf<D>;
    check_encoding("ThresholdedCorrelation", d, signals);  // both shapes, NaN: a clear message
    return (d.correlate(signals).array() - S(threshold)).max(S(0));
  }
};

static_assert(EncoderFor<ThresholdedCorrelation, UnitNormDictionary<float>>);
static_assert(EncoderFor<ThresholdedCorrelation, PreparedDictionary<DenseDictionary<double>>>);

int main() {
  const SyntheticModel<float> truth({.dim = 8, .num_atoms = 16, .num_active = 3}, 1);
  const auto test = truth.sample(1024, 3);
  const UnitNormDictionary dictionary(truth.atoms());
  const ThresholdedCorrelation guess{0.3};
  const Refined refined(guess, Fista(NonnegativeL1(0.0025)), 30);  // and it composes

  const double alone = code_mcc(test.codes, guess.encode(dictionary, test.signals)).value;
  const double with_fista = code_mcc(test.codes, refined.encode(dictionary, test.signals)).value;
  const auto gap = amortisation_gap(dictionary, test.signals,
                                    guess.encode(dictionary, test.signals),
                                    Fista(NonnegativeL1(0.0025)));
  std::cout << "guess " << alone << " (relative gap " << gap.relative << "), with 30 steps "
            << with_fista << '\n';
  return with_fista > alone && gap.relative > 0 ? 0 : 1;
}
