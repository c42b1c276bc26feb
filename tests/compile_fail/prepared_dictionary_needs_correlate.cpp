// expect: CanCorrelate
// SPDX-License-Identifier: MIT
#include <lacuna/operator/prepared_dictionary.hpp>

#include "support/archetypes.hpp"

struct Half : lacuna::test::MinimalDictionary<double> {
  using MinimalDictionary::MinimalDictionary;
#ifndef CONTROL
  lacuna::Matrix<double> correlate(const lacuna::MatrixArg<double>&) const = delete;
#endif
};

int main() {
  const lacuna::PreparedDictionary<Half> prepared(Half(lacuna::Matrix<double>::Ones(2, 3)));
  return prepared.has_gram() ? 0 : 1;
}
