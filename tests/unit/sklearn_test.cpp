// SPDX-License-Identifier: MIT
//
// Codes against those of scikit-learn, stored: an implementation that shares nothing with this one.

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>

#include "data/sklearn_vectors.hpp"
#include "support/catch.hpp"

namespace {

using namespace lacuna;
namespace stored = lacuna::test::sklearn_vectors;
using Dense = DenseDictionary<double>;
using Prepared = PreparedDictionary<Dense>;

/// A stored array with this many rows, column-major.
template <int Size>
Matrix<double> matrix(const double (&values)[Size], Index rows) {
  return Eigen::Map<const Matrix<double>>(values, rows, Size / rows);
}

/// The largest relative distance of a code from the stored one of its signal.
double relative_error(const Matrix<double>& codes, const Matrix<double>& expected) {
  REQUIRE(codes.rows() == expected.rows());
  REQUIRE(codes.cols() == expected.cols());
  return ((codes - expected).colwise().norm().array() / expected.colwise().norm().array())
      .maxCoeff();
}

bool same_support(const Matrix<double>& codes, const Matrix<double>& expected) {
  return ((codes.array() != 0) == (expected.array() != 0)).all();
}

template <class P>
void check_lasso(const Matrix<double>& atoms, const Matrix<double>& x, double lambda,
                 const Matrix<double>& expected) {
  CAPTURE(atoms.rows(), atoms.cols(), lambda, P::nonnegative);
  const P penalty(lambda);
  const Dense d(atoms);
  const Prepared prepared(d);
  const Matrix<double> exact = ActiveSet(penalty, {.tolerance = 0}).encode(d, x);
  CHECK(relative_error(exact, expected) < 1e-10);
  CHECK(same_support(exact, expected));
  CHECK(relative_error(ActiveSet(penalty, {.tolerance = 1e-13}).encode(prepared, x), expected) <
        1e-5);

  const Fista fista(penalty, {.tolerance = 1e-13, .max_iterations = 100000});
  CHECK(relative_error(fista.encode(d, x), expected) < 1e-5);
  CHECK(relative_error(fista.encode(prepared, x), expected) < 1e-5);
  const Ista ista(penalty, {.tolerance = 1e-13, .max_iterations = 1000000});
  CHECK(relative_error(ista.encode(prepared, x), expected) < 1e-5);
}

}  // namespace

TEST_CASE("The lasso is scikit-learn's", "[sklearn]") {
  SECTION("atoms of length 1") {
    using namespace stored::unit;
    const Matrix<double> d = matrix(atoms, dim), x = matrix(signals, dim);
    check_lasso<L1>(d, x, small_lambda, matrix(lasso_small_lambda, num_atoms));
    check_lasso<L1>(d, x, large_lambda, matrix(lasso_large_lambda, num_atoms));
  }
  SECTION("atoms of other lengths") {
    using namespace stored::scaled;
    const Matrix<double> d = matrix(atoms, dim), x = matrix(signals, dim);
    check_lasso<L1>(d, x, small_lambda, matrix(lasso_small_lambda, num_atoms));
    check_lasso<L1>(d, x, large_lambda, matrix(lasso_large_lambda, num_atoms));
  }
}

TEST_CASE("The non-negative lasso is scikit-learn's", "[sklearn]") {
  SECTION("atoms of length 1") {
    using namespace stored::unit;
    const Matrix<double> d = matrix(atoms, dim), x = matrix(signals, dim);
    check_lasso<NonnegativeL1>(d, x, small_lambda, matrix(positive_small_lambda, num_atoms));
    check_lasso<NonnegativeL1>(d, x, large_lambda, matrix(positive_large_lambda, num_atoms));
  }
  SECTION("atoms of other lengths") {
    using namespace stored::scaled;
    const Matrix<double> d = matrix(atoms, dim), x = matrix(signals, dim);
    check_lasso<NonnegativeL1>(d, x, small_lambda, matrix(positive_small_lambda, num_atoms));
    check_lasso<NonnegativeL1>(d, x, large_lambda, matrix(positive_large_lambda, num_atoms));
  }
}

TEST_CASE("Orthogonal matching pursuit is scikit-learn's", "[sklearn]") {
  using namespace stored::unit;
  const Dense d(matrix(atoms, dim));
  const Matrix<double> x = matrix(signals, dim);
  const auto check = [&](Index k, const Matrix<double>& expected) {
    CAPTURE(k);
    const OrthogonalMatchingPursuit omp({.k = k});
    for (const Matrix<double>& codes :
         {Matrix<double>(omp.encode(d, x)), Matrix<double>(omp.encode(Prepared(d), x))}) {
      CHECK(same_support(codes, expected));
      CHECK((codes - expected).cwiseAbs().maxCoeff() < 1e-10);
    }
  };
  check(3, matrix(omp_3, num_atoms));
  check(5, matrix(omp_5, num_atoms));
}
