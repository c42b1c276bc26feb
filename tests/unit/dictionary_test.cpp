// SPDX-License-Identifier: MIT
// Every dictionary by the laws of its concepts, and what each refuses.
#include <cmath>
#include <limits>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>

#include "laws/dictionary_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;

template <class S>
bool all_finite(const Matrix<S>& atoms) {
  return atoms.allFinite();
}
template <class S>
bool unit_norm(const Matrix<S>& atoms) {
  for (Index j = 0; j < atoms.cols(); ++j)
    if (!(std::abs(atoms.col(j).norm() - 1) <= 4 * std::numeric_limits<S>::epsilon())) return false;
  return true;
}

/// Atoms of lengths from 1 to num_atoms: nothing here may lean on unit norm.
template <class S>
Matrix<S> uneven_atoms(Index dim, Index num_atoms) {
  Matrix<S> atoms = random_normal<S>(dim, num_atoms, 7);
  for (Index j = 0; j < num_atoms; ++j) atoms.col(j) *= static_cast<S>(j + 1) / atoms.col(j).norm();
  return atoms;
}

template <class D>
void check_all(Index dim, Index num_atoms) {
  using S = ScalarOf<D>;
  INFO("dim " << dim << ", num_atoms " << num_atoms << ", size of an element " << sizeof(S));
  const D d(uneven_atoms<S>(dim, num_atoms));
  check_dictionary_laws(d, 11);
}

}  // namespace

TEST_CASE("every dictionary obeys the dictionary laws", "[dictionary][laws]") {
  for (const Index num_atoms : {1, 3, 9}) {
    check_all<DenseDictionary<float>>(4, num_atoms);
    check_all<DenseDictionary<double>>(4, num_atoms);
    check_all<UnitNormDictionary<float>>(4, num_atoms);
    check_all<UnitNormDictionary<double>>(4, num_atoms);
    check_all<MinimalDictionary<float>>(4, num_atoms);
    check_all<MinimalDictionary<double>>(4, num_atoms);
  }
  check_all<DenseDictionary<double>>(1, 6);
  check_all<MinimalLearnableDictionary<double>>(5, 3);
  check_all<MinimalGramDictionary<double>>(5, 3);
}

TEST_CASE("a prepared dictionary obeys the laws of what it prepares", "[dictionary][laws]") {
  const auto check = [](const auto& d) {
    check_dictionary_laws(PreparedDictionary(d), 12);
    check_dictionary_laws(PreparedDictionary(d, 0), 13);
  };
  check(DenseDictionary<float>(uneven_atoms<float>(4, 9)));
  check(UnitNormDictionary<double>(uneven_atoms<double>(4, 9)));
  check(MinimalDictionary<double>(uneven_atoms<double>(6, 3)));
}

TEST_CASE("learnable dictionaries keep their invariant", "[dictionary][laws]") {
  for (const Index num_atoms : {1, 7}) {
    const Matrix<float> f = uneven_atoms<float>(5, num_atoms);
    const Matrix<double> d = uneven_atoms<double>(5, num_atoms);
    check_learnable_dictionary_laws(DenseDictionary<float>(f), all_finite<float>, 21);
    check_learnable_dictionary_laws(DenseDictionary<double>(d), all_finite<double>, 22);
    check_learnable_dictionary_laws(UnitNormDictionary<float>(f), unit_norm<float>, 23);
    check_learnable_dictionary_laws(UnitNormDictionary<double>(d), unit_norm<double>, 24);
    check_learnable_dictionary_laws(MinimalLearnableDictionary<double>(d), all_finite<double>, 25);
  }
}

TEST_CASE("unit norm holds where sums of squares under- and overflow", "[dictionary]") {
  Matrix<float> atoms(2, 4);
  atoms << 3e-30F, 3e30F, 1e-38F, 3, 4e-30F, -4e30F, 0, 4;
  const UnitNormDictionary<float> d(atoms);
  Matrix<float> expected(2, 4);
  expected << 0.6F, 0.6F, 1, 0.6F, 0.8F, -0.8F, 0, 0.8F;
  CHECK(largest_difference<float>(d.atoms(), expected) <= 1e-6);
}

TEST_CASE("unit norm has the same bits at any number of threads", "[dictionary]") {
  INFO("seed 31");
  const Matrix<float> atoms = random_normal<float>(700, 900, 31);
  const auto replace = [&](Matrix<float>& to) { to = atoms; };
  UnitNormDictionary<float> one(Matrix<float>::Ones(700, 900)), two = one;
  one.update_atoms(replace, 1);
  two.update_atoms(replace, 2);
  CHECK(unit_norm<float>(one.atoms()));
  CHECK(equal_bits<float>(one.atoms(), two.atoms()));
  CHECK_THROWS_WITH(two.update_atoms([](Matrix<float>& to) { to.col(801).setZero(); }, 2),
                    "UnitNormDictionary: atom 801 has no direction (length 0.000000)");
  UnitNormDictionary<float> by_blocks(Matrix<float>::Ones(700, 900));
  const auto replace_some = [&](Block block, Index worker, Eigen::Ref<Matrix<float>> to) {
    REQUIRE(worker == 0);  // Catch's checks are for one thread
    to = atoms.middleCols(block.begin, block.count);
  };
  const auto replace_on_two = [&](Block block, Index, Eigen::Ref<Matrix<float>> to) {
    to = atoms.middleCols(block.begin, block.count);
  };
  by_blocks.update_atoms_by_blocks(77, 1, replace_some);
  CHECK(equal_bits<float>(one.atoms(), by_blocks.atoms()));
  by_blocks = UnitNormDictionary<float>(Matrix<float>::Ones(700, 900));
  by_blocks.update_atoms_by_blocks(77, 2, replace_on_two);
  CHECK(equal_bits<float>(one.atoms(), by_blocks.atoms()));
  CHECK_THROWS_WITH(
      by_blocks.update_atoms_by_blocks(77, 1,
                                       [](Block block, Index, Eigen::Ref<Matrix<float>> to) {
                                         if (block.index == 2) to.col(3).setZero();
                                       }),
      "UnitNormDictionary: atom 157 has no direction (length 0.000000)");
}

TEST_CASE("a dense dictionary holds its atoms as given", "[dictionary]") {
  Matrix<double> atoms(2, 3);
  atoms << 1, 2, 3, 4, 5, 6;
  const DenseDictionary<double> d(atoms);
  Matrix<double> code(3, 1), signal(2, 1);
  code << 1, 0, -1;
  signal << 1, 1;
  CHECK(equal_bits<double>(d.atoms(), atoms));
  CHECK(d.decode(code)(0, 0) == -2);
  CHECK(d.decode(code)(1, 0) == -2);
  CHECK(d.correlate(signal)(0, 0) == 5);
  CHECK(d.correlate(signal)(2, 0) == 9);
}

TEST_CASE("dictionaries refuse atoms they cannot hold", "[dictionary]") {
  Matrix<double> bad = Matrix<double>::Ones(2, 3);
  bad(1, 2) = std::numeric_limits<double>::quiet_NaN();
  Matrix<double> zero = Matrix<double>::Ones(2, 3);
  zero.col(1).setZero();

  const std::string empty = message_of([] { DenseDictionary<double>(Matrix<double>(2, 0)); });
  CHECK(empty == "DenseDictionary: no atoms (2 x 0)");
  CHECK(says(message_of([] { UnitNormDictionary<float>(Matrix<float>(0, 4)); }), "0 x 4"));

  CHECK(message_of([&] { DenseDictionary<double>{bad}; }) ==
        "DenseDictionary: atoms column 2 holds a NaN or an infinity");
  CHECK(says(message_of([&] { UnitNormDictionary<double>{bad}; }), "column 2"));

  CHECK(message_of([&] { (void)DenseDictionary<double>(zero); }).empty());
  CHECK(says(message_of([&] { UnitNormDictionary<double>{zero}; }),
             "UnitNormDictionary: atom 1 has no direction"));
  UnitNormDictionary<double> d(Matrix<double>::Ones(2, 3));
  CHECK(says(message_of([&] { d.update_atoms([](Matrix<double>& a) { a.col(2).setZero(); }); }),
             "UnitNormDictionary: atom 2 has no direction"));
}
