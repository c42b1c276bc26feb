// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_DICTIONARY_LAWS_HPP
#define LACUNA_TESTS_LAWS_DICTIONARY_LAWS_HPP

#include <array>
#include <functional>
#include <limits>
#include <string>

#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace lacuna::test {

/// Any dictionary behind calls of one type, so that the laws are compiled once an element type.
template <Real S>
struct SomeDictionary {
  using Scalar = S;

  Index rows, cols;
  std::function<Matrix<S>(const MatrixArg<S>&)> decode_dense;
  std::function<Matrix<S>(const SparseCodes<S>&)> decode_sparse;
  std::function<Matrix<S>(const MatrixArg<S>&)> correlate_dense;

  template <Dictionary D>
  explicit SomeDictionary(const D& d)
      : rows(d.dim()),
        cols(d.num_atoms()),
        decode_dense([&d](const MatrixArg<S>& s) { return d.decode(s); }),
        decode_sparse([&d](const SparseCodes<S>& s) { return d.decode(s); }),
        correlate_dense([&d](const MatrixArg<S>& x) { return d.correlate(x); }) {}
};

template <class S>
[[nodiscard]] double largest_difference(const Matrix<S>& a, const Matrix<S>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a.data()[i] - b.data()[i]));
    // Written so that NaN is infinitely far.
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

template <class S>
[[nodiscard]] bool equal_bits(const Matrix<S>& a, const Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

template <Real S>
void check_laws_of(const SomeDictionary<S>& d, std::uint64_t seed) {
  const Index n = 5, m = d.rows, k = d.cols;
  const Matrix<S> a = random_normal<S>(k, n, seed), b = random_normal<S>(k, n, seed + 1);
  const Matrix<S> x = random_normal<S>(m, n, seed + 2);
  const Matrix<S> atoms = d.decode_dense(Matrix<S>::Identity(k, k));
  REQUIRE(atoms.rows() == m);
  REQUIRE(atoms.cols() == k);
  // Rounding of a sum of m + k products of this size.
  const double eps = std::numeric_limits<S>::epsilon();
  const double size = 4 * static_cast<double>(atoms.cwiseAbs().maxCoeff());
  const double tolerance = 4 * eps * static_cast<double>(m + k) * size;

  const Matrix<S> da = d.decode_dense(a), db = d.decode_dense(b);
  const Matrix<S> mixed = S(2) * a - S(3) * b, separate = S(2) * da - S(3) * db;
  CHECK(largest_difference<S>(d.decode_dense(mixed), separate) <= 5 * tolerance);

  const Matrix<S> correlations = d.correlate_dense(x);
  REQUIRE(correlations.rows() == k);
  REQUIRE(correlations.cols() == n);
  const double along_signals = static_cast<double>(da.cwiseProduct(x).sum());
  const double along_codes = static_cast<double>(a.cwiseProduct(correlations).sum());
  CHECK(std::abs(along_signals - along_codes) <= tolerance * static_cast<double>(m * n));

  // Every second entry, and a column without any.
  Matrix<S> gaps = a;
  for (Index j = 0; j < n; ++j)
    for (Index i = j % 2; i < k; i += 2) gaps(i, j) = S(0);
  gaps.col(2).setZero();
  const SparseCodes<S> sparse = gaps.sparseView();
  CHECK(largest_difference<S>(d.decode_sparse(sparse), d.decode_dense(gaps)) <= tolerance);

  CHECK(d.decode_dense(Matrix<S>(k, 0)).cols() == 0);
  CHECK(d.decode_sparse(SparseCodes<S>(k, 0)).rows() == m);
  CHECK(d.correlate_dense(Matrix<S>(m, 0)).rows() == k);
  // A range of columns is taken as it lies in its matrix.
  CHECK(largest_difference<S>(d.correlate_dense(x.middleCols(1, 3)),
                              correlations.middleCols(1, 3)) <= tolerance);

  const std::string shape = shape_of(m, k);
  const Matrix<S> tall = Matrix<S>::Zero(k + 1, 3), high = Matrix<S>::Zero(m + 1, 3);
  for (const std::string& message :
       {message_of([&] { (void)d.decode_dense(tall); }),
        message_of([&] { (void)d.decode_sparse(SparseCodes<S>(k + 1, 3)); })}) {
    INFO(message);
    CHECK(says(message, shape_of(k + 1, 3)));
    CHECK(says(message, shape));
  }
  const std::string message = message_of([&] { (void)d.correlate_dense(high); });
  INFO(message);
  CHECK(says(message, shape_of(m + 1, 3)));
  CHECK(says(message, shape));

  // Const calls at once, each with the answer that it has alone.
  std::array<bool, 8> same{};
  for_each_block(8, 1, 2, [&](Block block, Index) {
    same[static_cast<std::size_t>(block.index)] =
        equal_bits<S>(d.decode_dense(a), da) && equal_bits<S>(d.correlate_dense(x), correlations);
  });
  for (const bool was_same : same) CHECK(was_same);
}

/// The laws written in concepts/dictionary.hpp, for any model; and of `ExplicitDictionary`, where
/// it is.
template <Dictionary D>
void check_dictionary_laws(const D& d, std::uint64_t seed) {
  using S = ScalarOf<D>;
  INFO("seed " << seed);
  check_laws_of(SomeDictionary<S>(d), seed);
  const D copy = d;
  CHECK(equal_bits<S>(copy.decode(Matrix<S>::Identity(d.num_atoms(), d.num_atoms())),
                      d.decode(Matrix<S>::Identity(d.num_atoms(), d.num_atoms()))));
  if constexpr (ExplicitDictionary<D>) {
    const Matrix<S> atoms = d.decode(Matrix<S>::Identity(d.num_atoms(), d.num_atoms()));
    CHECK(equal_bits<S>(d.atoms(), atoms));
  }
}

/// The laws written in concepts/gram_dictionary.hpp.
/// @param squared_norm  the largest eigenvalue of D D^T, known from elsewhere.
template <GramDictionary D>
void check_gram_dictionary_laws(const D& d, double squared_norm, std::uint64_t seed) {
  using S = ScalarOf<D>;
  INFO("seed " << seed);
  const double bound = d.squared_spectral_norm();
  CHECK(bound >= squared_norm);
  CHECK(bound <= 1.02 * squared_norm);
  const Matrix<S> s = random_normal<S>(d.num_atoms(), 20, seed);
  const Matrix<S> decoded = d.decode(s);
  for (Index j = 0; j < s.cols(); ++j)
    CHECK(static_cast<double>(decoded.col(j).squaredNorm()) <=
          bound * static_cast<double>(s.col(j).squaredNorm()));
  if (!d.has_gram()) {
    CHECK_THROWS_AS((void)d.gram(), std::logic_error);
    return;
  }
  const Matrix<S> identity = Matrix<S>::Identity(d.num_atoms(), d.num_atoms());
  const double tolerance = 8 * static_cast<double>(std::numeric_limits<S>::epsilon()) *
                           static_cast<double>(d.dim()) * bound;
  CHECK(largest_difference<S>(d.gram(), d.correlate(d.decode(identity))) <= tolerance);
}

/// The laws written in concepts/learnable_dictionary.hpp.
/// @param holds  the invariant of the type, `bool(const Matrix<S>& atoms)`.
template <LearnableDictionary D, class Invariant>
void check_learnable_dictionary_laws(D d, Invariant&& holds, std::uint64_t seed) {
  using S = ScalarOf<D>;
  INFO("seed " << seed);
  const Index m = d.dim(), k = d.num_atoms();
  REQUIRE(holds(d.atoms()));

  const S* storage = d.atoms().data();
  int calls = 0;
  const Matrix<S> step = random_normal<S>(m, k, seed), before = d.atoms();
  bool saw_the_atoms = false;
  d.update_atoms([&](Matrix<S>& atoms) {
    ++calls;
    saw_the_atoms = equal_bits<S>(atoms, before);
    atoms += S(0.5) * step;
  });
  CHECK(calls == 1);
  CHECK(saw_the_atoms);
  CHECK(d.atoms().data() == storage);
  CHECK(holds(d.atoms()));
  // The direction is the one asked for.
  const Matrix<S> wanted = before + S(0.5) * step;
  for (Index j = 0; j < k; ++j) {
    const double cosine = static_cast<double>(wanted.col(j).dot(d.atoms().col(j))) /
                          static_cast<double>(wanted.col(j).norm() * d.atoms().col(j).norm());
    CHECK(cosine == Approx(1).margin(4e-6));
  }

  const std::string reshaped =
      message_of([d]() mutable { d.update_atoms([](Matrix<S>& a) { a.resize(1, 1); }); });
  INFO(reshaped);
  CHECK(says(reshaped, shape_of(m, k)));
  CHECK(says(reshaped, shape_of(1, 1)));
  for (const S bad : {std::numeric_limits<S>::quiet_NaN(), std::numeric_limits<S>::infinity()}) {
    const std::string message = message_of(
        [d, bad, k]() mutable { d.update_atoms([&](Matrix<S>& a) { a(0, k - 1) = bad; }); });
    INFO(message);
    CHECK(says(message, std::to_string(k - 1)));
  }
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_DICTIONARY_LAWS_HPP
