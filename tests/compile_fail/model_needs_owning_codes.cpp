// expect: CanEncode
// SPDX-License-Identifier: MIT
#include <lacuna/operator/model.hpp>

#include "support/archetypes.hpp"

using namespace lacuna;

struct Doubled {
#ifdef CONTROL
  Matrix<double> encode(const test::MinimalDictionary<double>&, const MatrixArg<double>& x) const {
    return 2.0 * x;
  }
#else
  // An expression would refer to the argument, which may be gone when it is evaluated.
  auto encode(const test::MinimalDictionary<double>&, const MatrixArg<double>& x) const {
    return 2.0 * x;
  }
#endif
};

int main() {
  const Matrix<double> square = Matrix<double>::Identity(2, 2);
  const Model model{test::MinimalTransform<double>{}, test::MinimalDictionary<double>(square),
                    Doubled{}};
  return model.encode(square).rows() == 2 ? 0 : 1;
}
