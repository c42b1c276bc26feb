// expect: HasPenalty
// SPDX-License-Identifier: MIT
#include <lacuna/metric/amortisation_gap.hpp>

#include "support/archetypes.hpp"

using namespace lacuna;

struct Solver : test::MinimalSolver {
#ifdef CONTROL
  test::MinimalPenalty penalty() const { return test::MinimalPenalty(1); }
#endif
};

int main() {
  const test::MinimalDictionary<double> d(Matrix<double>::Ones(2, 3));
  const Matrix<double> x = Matrix<double>::Ones(2, 1), s = Matrix<double>::Zero(3, 1);
  return amortisation_gap(d, x, s, Solver{}).feasible == 1 ? 0 : 1;
}
