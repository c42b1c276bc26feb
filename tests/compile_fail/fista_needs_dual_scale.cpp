// expect: HasDualScale
// SPDX-License-Identifier: MIT
#include <lacuna/encoder/fista.hpp>

#include "support/archetypes.hpp"

struct NoCertificate : lacuna::test::MinimalPenalty {
  using MinimalPenalty::MinimalPenalty;
#ifndef CONTROL
  double dual_scale(const lacuna::Vector<double>&) const = delete;
#endif
};

int main() {
  const lacuna::Fista<NoCertificate> fista(NoCertificate(1));
  return fista.options().max_iterations > 0 ? 0 : 1;
}
