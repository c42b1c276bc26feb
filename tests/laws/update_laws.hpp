// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_LAWS_UPDATE_LAWS_HPP
#define LACUNA_TESTS_LAWS_UPDATE_LAWS_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lacuna/concepts/update.hpp>
#include <lacuna/core/random.hpp>

#include "support/catch.hpp"

namespace lacuna::test {

/// Signals and codes that have nothing to do with each other.
template <Real S>
struct RandomBatch {
  RandomBatch(Index dim, Index num_atoms, Index n, std::uint64_t seed)
      : signals(random_normal<S>(dim, n, seed)),
        dense(random_normal<S>(num_atoms, n, seed + 1000)) {
    dense = (dense.array().abs() > S(0.7)).select(dense, S(0));
    codes = dense.sparseView();
  }

  Matrix<S> signals, dense;
  SparseCodes<S> codes;
};

/// The laws of concepts/update.hpp that every model keeps; descent is promised by each on its own
/// terms and tested there. @param d  at least two atoms.
template <class U, class D>
requires UpdateFor<U, D>
void check_update_laws(const U& update, const D& d) {
  using S = ScalarOf<D>;
  INFO("seeds 1 and 1001");
  const Index n = 40, unused = d.num_atoms() / 2;
  RandomBatch<S> batch(d.dim(), d.num_atoms(), n, 1);
  batch.dense.row(unused).setZero();
  const Matrix<S>&signals = batch.signals, &codes = batch.dense;
  const SparseCodes<S> sparse = codes.sparseView();

  D by_dense = d, by_sparse = d, again = d;
  const auto flops = update.update(by_dense, signals, codes);
  CHECK(flops > 0);
  CHECK(update.update(by_sparse, signals, sparse) <= flops);

  // Dense and sparse codes of the same value give the same atoms, to rounding.
  const S tolerance = S(1000) * std::numeric_limits<S>::epsilon();
  CHECK((by_dense.atoms() - by_sparse.atoms()).norm() <= tolerance * by_dense.atoms().norm());
  CHECK((by_dense.atoms() - d.atoms()).norm() > S(0.1) * d.atoms().norm());

  // So do entries of 0 that are stored.
  SparseCodes<S> padded = sparse;
  for (Index j = 0; j < n; ++j) padded.coeffRef(unused, j) = S(0);
  padded.makeCompressed();
  REQUIRE(padded.nonZeros() == sparse.nonZeros() + n);
  D by_padded = d;
  update.update(by_padded, signals, padded);
  CHECK((by_padded.atoms() - by_sparse.atoms()).norm() <= tolerance * by_sparse.atoms().norm());

  // An atom that no code uses stays, where it is not rescaled to the last bit.
  CHECK((by_dense.atoms().col(unused) - d.atoms().col(unused)).norm() <= tolerance);
  CHECK((by_sparse.atoms().col(unused) - d.atoms().col(unused)).norm() <= tolerance);
  CHECK((by_padded.atoms().col(unused) - d.atoms().col(unused)).norm() <= tolerance);

  // Equal arguments, equal bits.
  update.update(again, signals, codes);
  CHECK((again.atoms().array() == by_dense.atoms().array()).all());

  const Matrix<S> fewer = codes.leftCols(n - 1), shorter = codes.topRows(d.num_atoms() - 1);
  CHECK_THROWS_AS(update.update(again, signals, fewer), std::invalid_argument);
  CHECK_THROWS_AS(update.update(again, signals, shorter), std::invalid_argument);
  Matrix<S> spoilt = codes;
  spoilt(0, 1) = std::numeric_limits<S>::quiet_NaN();
  CHECK_THROWS_AS(update.update(again, signals, spoilt), std::invalid_argument);
}

/// Calls visit(name, field) for the fields that have no fields of their own.
template <class T, class Visit>
void visit_fields(T& value, const Visit& visit) {
  std::remove_const_t<T>::fields(value, [&](std::string_view name, auto& field) {
    if constexpr (HasFields<std::remove_cvref_t<decltype(field)>>)
      visit_fields(field, visit);
    else
      visit(name, field);
  });
}

/// What `from` tells of itself by its fields, and nothing else, goes to `to`.
template <HasFields T>
void copy_fields(const T& from, T& to) {
  std::vector<const void*> parts;
  visit_fields(from, [&](std::string_view, const auto& field) { parts.push_back(&field); });
  std::size_t next = 0;
  visit_fields(to, [&](std::string_view, auto& field) {
    field = *static_cast<const std::remove_reference_t<decltype(field)>*>(parts.at(next++));
  });
  REQUIRE(next == parts.size());
}

/// The laws of `RememberingUpdateFor`, for an update of one pass over the atoms, one step, or the
/// like: of several, an atom's first move is followed by others that see what is known of others.
/// @param remembers  whether its options make it remember anything: what is forgotten then shows.
template <class U, class D>
requires RememberingUpdateFor<U, D>
void check_remembering_update_laws(const U& update, const D& d, bool remembers) {
  using S = ScalarOf<D>;
  using State = typename U::template State<S>;
  INFO("seeds 11 to 15, 1011 to 1015");
  constexpr Index n = 30, total = 4;
  std::vector<RandomBatch<S>> batches;
  for (std::uint64_t seed = 11; seed <= 15; ++seed)
    batches.emplace_back(d.dim(), d.num_atoms(), n, seed);
  const auto take = [&](const U& u, D& dictionary, State& state, std::size_t batch, Index step) {
    return u.update(dictionary, state, batches[batch].signals, batches[batch].codes, step, total);
  };
  const auto same = [](const auto& a, const auto& b) { return (a.array() == b.array()).all(); };

  // The first batch moves the atoms as it would without a state; dense codes to rounding.
  State state = update.start(d), state_of_dense = state;
  D atoms = d, stateless = d, by_dense = d;
  const std::int64_t flops = take(update, atoms, state, 0, 0);
  CHECK(flops == update.update(stateless, batches[0].signals, batches[0].codes));
  CHECK(same(atoms.atoms(), stateless.atoms()));
  CHECK(update.update(by_dense, state_of_dense, batches[0].signals, batches[0].dense, 0, total) >=
        flops);
  const S tolerance = S(1000) * std::numeric_limits<S>::epsilon();
  CHECK((by_dense.atoms() - atoms.atoms()).norm() <= tolerance * atoms.atoms().norm());

  // A copy, and one that knows the fields alone, go on with the same bits, and leave it alone.
  State copied = state, read = update.start(d);
  copy_fields(state, read);
  const U copied_update = update;
  D of_copied = atoms, of_read = atoms;
  for (Index step = 1; step < 3; ++step) {
    const auto batch = static_cast<std::size_t>(step);
    take(copied_update, of_copied, copied, batch, step);
    take(update, of_read, read, batch, step);
  }
  const D early = atoms;
  for (Index step = 1; step < 3; ++step)
    take(update, atoms, state, static_cast<std::size_t>(step), step);
  CHECK_FALSE(same(atoms.atoms(), early.atoms()));
  CHECK(same(atoms.atoms(), of_copied.atoms()));
  CHECK(same(atoms.atoms(), of_read.atoms()));

  // Two pasts of as many batches, and then one batch more on the same atoms.
  State one = update.start(d), other = one;
  D wandered = d;
  take(update, wandered, one, 3, 0);
  wandered = d;
  take(update, wandered, other, 4, 0);
  const auto move = [&](State of) {
    D moved = d;
    take(update, moved, of, 0, 1);
    return Matrix<S>(moved.atoms());
  };
  CHECK(same(move(one).col(0), move(other).col(0)) == !remembers);
  State one_forgot = one, other_forgot = other;
  update.forget(one_forgot, 0);
  update.forget(other_forgot, 0);
  CHECK(same(move(one_forgot).col(0), move(other_forgot).col(0)));
  for (Index atom = 1; atom < d.num_atoms(); ++atom) {
    CHECK(same(move(one_forgot), move(other_forgot)) == !remembers);
    update.forget(one_forgot, atom);
    update.forget(other_forgot, atom);
  }
  CHECK(same(move(one_forgot), move(other_forgot)));
}

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_LAWS_UPDATE_LAWS_HPP
