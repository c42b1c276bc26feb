// SPDX-License-Identifier: MIT
// Batches of signals in memory: which, when, and without a copy where none is needed.
#include <algorithm>
#include <limits>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <lacuna/concepts/labelled_source.hpp>
#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/signal/labelled_source.hpp>

#include "laws/source_laws.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using test::says;

static_assert(SignalSource<InMemorySource<float>>);
static_assert(SignalSource<InMemorySource<double>>);
static_assert(!LabelledSource<InMemorySource<float>>);
static_assert(LabelledSource<LabelledInMemorySource<float>>);
static_assert(LabelledSource<LabelledInMemorySource<double>>);

std::vector<Index> copy_of(std::span<const Index> columns) {
  return {columns.begin(), columns.end()};
}

/// Codes of which entry (j % 3, j) is j + 1, and for even j also (3, j): each column can be told
/// apart.
template <class S>
SparseCodes<S> numbered_codes(Index n) {
  SparseCodes<S> codes(4, n);
  for (Index j = 0; j < n; ++j) {
    codes.insert(j % 3, j) = S(j + 1);
    if (j % 2 == 0) codes.insert(3, j) = S(-1);
  }
  return codes;
}

}  // namespace

TEST_CASE("an epoch goes once through the columns, the rest left out", "[minibatches]") {
  Minibatches batches("here", 11, 3, 7);
  CHECK(batches.batches_per_epoch() == 3);
  std::set<std::vector<Index>> orders;
  std::set<Index> left_out;
  for (Index epoch = 0; epoch < 30; ++epoch) {
    std::vector<Index> order;
    for (Index b = 0; b < 3; ++b) {
      const std::span<const Index> columns = batches.columns(3 * epoch + b);
      REQUIRE(columns.size() == 3);
      order.insert(order.end(), columns.begin(), columns.end());
    }
    orders.insert(order);
    std::sort(order.begin(), order.end());
    REQUIRE(std::adjacent_find(order.begin(), order.end()) == order.end());
    REQUIRE(order.front() >= 0);
    REQUIRE(order.back() < 11);
    for (Index j = 0; j < 11; ++j)
      if (!std::binary_search(order.begin(), order.end(), j)) left_out.insert(j);
  }
  CHECK(orders.size() == 30);    // another order every epoch
  CHECK(left_out.size() == 11);  // and nobody is left out for good
}

TEST_CASE("batches are a function of the seed and the step", "[minibatches]") {
  Minibatches forward("here", 20, 4, 7), backward("here", 20, 4, 7), other("here", 20, 4, 8);
  std::vector<std::vector<Index>> seen;
  for (Index step = 0; step < 15; ++step) seen.push_back(copy_of(forward.columns(step)));
  for (Index step = 14; step >= 0; --step)
    CHECK(copy_of(backward.columns(step)) == seen[static_cast<std::size_t>(step)]);
  CHECK(copy_of(other.columns(0)) != seen[0]);
  Minibatches full("here", 5, 0, 7);
  CHECK(full.batches_per_epoch() == 1);
  CHECK(copy_of(full.columns(9)) == std::vector<Index>{0, 1, 2, 3, 4});
}

TEMPLATE_TEST_CASE("sources in memory obey the source laws", "[signal][laws]", float, double) {
  using S = TestType;
  const Matrix<S> signals = random_normal<S>(5, 23, 1);
  test::check_source_laws(InMemorySource<S>(signals));
  test::check_source_laws(InMemorySource<S>(signals, {.batch_size = 1, .seed = 3}));
  test::check_source_laws(InMemorySource<S>(signals, {.batch_size = 7, .seed = 3}));
  test::check_source_laws(InMemorySource<S>(signals, {.batch_size = 22, .seed = 3}));

  const Matrix<S> atoms = random_normal<S>(5, 4, 2);
  const SparseCodes<S> codes = numbered_codes<S>(23);
  const Matrix<S> decoded = atoms * codes;
  const auto decode = [&](const SparseCodes<S>& s) { return Matrix<S>(atoms * s); };
  for (const Index size : {0, 1, 7, 23}) {
    INFO("batch size " << size);
    test::check_labelled_source_laws(
        LabelledInMemorySource<S>(decoded, codes, {.batch_size = size, .seed = 4}), decode, 0.0);
  }
}

TEST_CASE("a batch holds the columns that it names", "[signal]") {
  const Matrix<float> signals = random_normal<float>(3, 10, 1);
  InMemorySource<float> source(signals, {.batch_size = 4, .seed = 9});
  CHECK(source.batch_size() == 4);
  CHECK(source.batches_per_epoch() == 2);
  for (const Index step : {0, 1, 2, 9}) {
    const std::vector<Index> columns = copy_of(source.columns(step));
    const MatrixArg<float> batch = source.batch(step);
    REQUIRE(batch.cols() == 4);
    for (Index j = 0; j < 4; ++j)
      CHECK(batch.col(j) == signals.col(columns[static_cast<std::size_t>(j)]));
  }
}

TEST_CASE("a full batch is a view", "[signal]") {
  InMemorySource<double> source(random_normal<double>(3, 10, 1));
  CHECK(source.batch(0).data() == source.signals().data());
  CHECK(source.batch(5).data() == source.signals().data());
  CHECK(source.batch(5).cols() == 10);
  LabelledInMemorySource<double> labelled(random_normal<double>(3, 10, 1),
                                          numbered_codes<double>(10), {.batch_size = 10});
  CHECK(labelled.batch(3).data() == labelled.signals().data());
  CHECK(&labelled.batch_codes(3) == &labelled.codes());
  CHECK(labelled.num_atoms() == 4);
  // A copy looks at its own signals.
  InMemorySource<double> copy = source;
  CHECK(copy.batch(0).data() == copy.signals().data());
  CHECK(copy.batch(0).data() != source.batch(0).data());
}

TEST_CASE("sources refuse what they could not serve", "[signal]") {
  Matrix<float> signals = random_normal<float>(3, 10, 1);
  CHECK(says(message_of([&] { InMemorySource<float>(signals, {.batch_size = 11}); }),
             "got 11 of 10"));
  CHECK(says(message_of([&] { InMemorySource<float>(signals, {.batch_size = -1}); }),
             "got -1 of 10"));
  CHECK(says(message_of([] { InMemorySource<float>(Matrix<float>(3, 0)); }), "no signals"));
  CHECK(says(message_of([] { InMemorySource<float>(Matrix<float>(0, 3)); }), "no entries"));
  const std::string shapes =
      message_of([&] { LabelledInMemorySource<float>(signals, numbered_codes<float>(9)); });
  CHECK(says(shapes, "3 x 10"));
  CHECK(says(shapes, "4 x 9"));
  SparseCodes<float> broken = numbered_codes<float>(10);
  broken.coeffRef(0, 6) = std::numeric_limits<float>::infinity();
  CHECK(
      says(message_of([&] { LabelledInMemorySource<float>(signals, broken); }), "codes column 6"));
  signals(2, 8) = std::numeric_limits<float>::quiet_NaN();
  CHECK(says(message_of([&] { InMemorySource<float>{signals}; }), "signals column 8"));
}
