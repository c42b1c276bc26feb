// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_UPDATE_LAWS_HPP
#define LACUNA_TESTS_LAWS_UPDATE_LAWS_HPP

#include <limits>
#include <stdexcept>

#include <lacuna/concepts/update.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

/// The laws of concepts/update.hpp that every model keeps; descent is promised by each on its own terms
/// and tested there. @param d  at least two atoms.
template <class U, class D>
  requires UpdateFor<U, D>
void check_update_laws(const U& update, const D& d) {
  using S = ScalarOf<D>;
  INFO("seeds 1 and 2");
  const Index n = 40, unused = d.num_atoms() / 2;
  const Matrix<S> signals = random_normal<S>(d.dim(), n, 1);
  Matrix<S> codes = random_normal<S>(d.num_atoms(), n, 2);
  codes = (codes.array().abs() > S(0.7)).select(codes, S(0));
  codes.row(unused).setZero();
  const SparseCodes<S> sparse = codes.sparseView();

  D by_dense = d, by_sparse = d, again = d;
  const auto flops = update.update(by_dense, signals, codes);
  CHECK(flops > 0);
  CHECK(update.update(by_sparse, signals, sparse) < flops);

  // Dense and sparse codes of the same value give the same atoms, to rounding.
  const S tolerance = S(1000) * std::numeric_limits<S>::epsilon();
  CHECK((by_dense.atoms() - by_sparse.atoms()).norm() <= tolerance * by_dense.atoms().norm());
  CHECK((by_dense.atoms() - d.atoms()).norm() > S(0.1) * d.atoms().norm());

  // An atom that no code uses stays, where it is not rescaled to the last bit.
  CHECK((by_dense.atoms().col(unused) - d.atoms().col(unused)).norm() <= tolerance);
  CHECK((by_sparse.atoms().col(unused) - d.atoms().col(unused)).norm() <= tolerance);

  // Equal arguments, equal bits.
  update.update(again, signals, codes);
  CHECK((again.atoms().array() == by_dense.atoms().array()).all());

  const Matrix<S> fewer = codes.leftCols(n - 1), shorter = codes.topRows(d.num_atoms() - 1);
  CHECK_THROWS_AS(update.update(again, signals, fewer), std::invalid_argument);
  CHECK_THROWS_AS(update.update(again, signals, shorter), std::invalid_argument);
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_UPDATE_LAWS_HPP
