// SPDX-License-Identifier: MIT
// The numbers that everything else is drawn from, the blocks that everything runs in, and the
// refusals.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/outcome.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/core/solution.hpp>
#include <lacuna/core/version.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using test::says;

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

// The known answers that come with the authors' own implementation (Random123, kat_vectors).
constexpr std::uint32_t ones = 0xffffffffU;
static_assert(philox4x32(Counter{0, 0, 0, 0}, Key{0, 0}) ==
              Counter{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U});
static_assert(philox4x32(Counter{ones, ones, ones, ones}, Key{ones, ones}) ==
              Counter{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU});
static_assert(philox4x32(Counter{0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U},
                         Key{0xa4093822U, 0x299f31d0U}) ==
              Counter{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U});

}  // namespace

TEST_CASE("Philox gives the published words at run time too", "[random]") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        Counter{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U});
  CHECK(philox4x32({0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U},
                   {0xa4093822U, 0x299f31d0U}) ==
        Counter{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U});
}

TEST_CASE("a stream is the counter mode of Philox", "[random]") {
  RandomStream random(0x299f31d0a4093822ULL, 0x0370734413198a2eULL);
  const Counter first = philox4x32({0, 0, 0x13198a2eU, 0x03707344U}, {0xa4093822U, 0x299f31d0U});
  const Counter second = philox4x32({1, 0, 0x13198a2eU, 0x03707344U}, {0xa4093822U, 0x299f31d0U});
  for (const std::uint32_t expected : first) CHECK(random.word() == expected);
  RandomStream copy = random;
  for (const std::uint32_t expected : second) CHECK(random.word() == expected);
  for (const std::uint32_t expected : second) CHECK(copy.word() == expected);
}

TEMPLATE_TEST_CASE("uniform numbers fill [0, 1) evenly", "[random]", float, double) {
  using S = TestType;
  RandomStream random(11);
  constexpr int n = 200000;
  double sum = 0, squares = 0;
  S least = 1, most = 0;
  for (int i = 0; i < n; ++i) {
    const S u = random.uniform<S>();
    least = std::min(least, u);
    most = std::max(most, u);
    sum += u;
    squares += double(u) * double(u);
  }
  CHECK(least >= S(0));
  CHECK(most < S(1));
  CHECK(least < S(1e-3));
  CHECK(most > S(1) - S(1e-3));
  // Five standard errors: sd of u is 1/sqrt(12), of u^2 it is sqrt(4/45).
  CHECK(std::abs(sum / n - 0.5) < 5 * std::sqrt(1.0 / 12 / n));
  CHECK(std::abs(squares / n - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / n));
  // The largest value that the generator can give is below 1 also in float.
  CHECK(static_cast<float>(0xffffffffU >> 8) * 0x1p-24F < 1.0F);
}

TEMPLATE_TEST_CASE("normal numbers have the moments of the normal", "[random]", float, double) {
  using S = TestType;
  RandomStream random(12, 3);
  constexpr int n = 200000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, within = 0, lag = 0, last = 0;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal<S>();
    m1 += z;
    m2 += z * z;
    m3 += z * z * z;
    m4 += z * z * z * z;
    within += std::abs(z) < 1 ? 1 : 0;
    lag += z * last;
    last = z;
  }
  // Five standard errors each: the variances of z, z^2, z^3, z^4 are 1, 2, 15, 96.
  CHECK(std::abs(m1 / n) < 5 * std::sqrt(1.0 / n));
  CHECK(std::abs(m2 / n - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(m3 / n) < 5 * std::sqrt(15.0 / n));
  CHECK(std::abs(m4 / n - 3) < 5 * std::sqrt(96.0 / n));
  const double p = std::erf(1 / std::sqrt(2.0));
  CHECK(std::abs(within / n - p) < 5 * std::sqrt(p * (1 - p) / n));
  // The two numbers of a Box-Muller pair are independent.
  CHECK(std::abs(lag / n) < 5 * std::sqrt(1.0 / n));
}

TEST_CASE("float draws are the double draws rounded", "[random]") {
  const Matrix<float> single = random_normal<float>(5, 7, 3);
  const Matrix<double> twice = random_normal<double>(5, 7, 3);
  CHECK(single == Matrix<float>(twice.cast<float>()));
  // Column j is stream j: a narrower draw is a part of a wider one.
  CHECK(random_normal<double>(5, 2, 3) == twice.leftCols(2));
  CHECK(random_normal<double>(5, 7, 4) != twice);
}

TEST_CASE("below is uniform and stays below", "[random]") {
  RandomStream random(13);
  for (const std::uint32_t bound : {1U, 2U, 3U, 7U, 10U}) {
    INFO("bound " << bound);
    constexpr int n = 20000;
    std::vector<int> counts(bound, 0);
    for (int i = 0; i < n; ++i) {
      const std::uint32_t value = random.below(bound);
      REQUIRE(value < bound);
      ++counts[value];
    }
    double chi_square = 0;
    const double expected = double(n) / bound;
    for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
    // 9 degrees of freedom at most: above 33.7 with probability 1e-4.
    CHECK(chi_square < 33.7);
  }
  // A bound that does not divide 2^32: the naive product would favour some values by a half.
  constexpr std::uint32_t wide = 3U << 30;
  int low = 0;
  constexpr int n = 30000;
  for (int i = 0; i < n; ++i) low += random.below(wide) % 3 == 0 ? 1 : 0;
  CHECK(std::abs(low / double(n) - 1.0 / 3) < 5 * std::sqrt(2.0 / 9 / n));
}

TEST_CASE("choose gives every ordered pair of five equally often", "[random]") {
  RandomStream random(14);
  constexpr int n = 40000;
  std::array<std::array<int, 5>, 5> counts{};
  for (int i = 0; i < n; ++i) {
    const std::vector<Index> pair = random.choose(5, 2);
    REQUIRE(pair.size() == 2);
    REQUIRE(pair[0] != pair[1]);
    ++counts[static_cast<std::size_t>(pair[0])][static_cast<std::size_t>(pair[1])];
  }
  double chi_square = 0;
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = 0; b < 5; ++b) {
      if (a == b) continue;
      const double excess = counts[a][b] - n / 20.0;
      chi_square += excess * excess / (n / 20.0);
    }
  // 19 degrees of freedom: above 50.8 with probability 1e-4.
  CHECK(chi_square < 50.8);
}

TEST_CASE("choose knows its limits", "[random]") {
  RandomStream random(15);
  CHECK(random.choose(0, 0).empty());
  CHECK(random.choose(4, 0).empty());
  std::vector<Index> all = random.choose(6, 6);
  std::sort(all.begin(), all.end());
  CHECK(all == std::vector<Index>{0, 1, 2, 3, 4, 5});
  CHECK(says(message_of([&] { (void)random.choose(3, 4); }), "cannot choose 4 of 3"));
  CHECK(says(message_of([&] { (void)random.choose(3, -1); }), "cannot choose -1 of 3"));
}

TEST_CASE("derived seeds differ from each other and from their origin", "[random]") {
  static_assert(derive_seed(1, 2) == derive_seed(1, 2));
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    seeds.push_back(seed);
    for (std::uint64_t purpose = 0; purpose < 20; ++purpose)
      seeds.push_back(derive_seed(seed, purpose));
  }
  std::sort(seeds.begin(), seeds.end());
  CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}

TEST_CASE("blocks cover the columns once, in one fixed split", "[parallel]") {
  for (const Index n : {0, 1, 7, 8, 9, 64})
    for (const Index threads : {1, 2, 3, 0}) {
      INFO("n " << n << ", threads " << threads);
      std::vector<int> seen(static_cast<std::size_t>(n), 0);
      std::vector<int> blocks(static_cast<std::size_t>(num_blocks(n, 8)), 0);
      const Index workers = resolve_threads(threads);
      std::atomic<bool> fits{true};
      for_each_block(n, 8, threads, [&](const Block& block, Index worker) {
        if (block.begin != block.index * 8 || block.count < 1 || block.count > 8) fits = false;
        if (worker < 0 || worker >= workers) fits = false;
        ++blocks[static_cast<std::size_t>(block.index)];
        for (Index j = block.begin; j < block.begin + block.count; ++j)
          ++seen[static_cast<std::size_t>(j)];
      });
      CHECK(fits);
      CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
      CHECK(std::all_of(blocks.begin(), blocks.end(), [](int times) { return times == 1; }));
    }
}

TEST_CASE("sums in block order have the same bits at any number of threads", "[parallel]") {
  constexpr Index n = 1000;
  const Matrix<float> values = random_normal<float>(1, n, 16);
  const auto sum = [&](Index threads) {
    std::vector<float> partial(static_cast<std::size_t>(num_blocks(n, 32)), 0.0F);
    for_each_block(n, 32, threads, [&](const Block& block, Index) {
      for (Index j = block.begin; j < block.begin + block.count; ++j)
        partial[static_cast<std::size_t>(block.index)] += values(0, j);
    });
    float total = 0;
    for (const float p : partial) total += p;
    return total;
  };
  const float alone = sum(1);
  CHECK(sum(2) == alone);
  CHECK(sum(3) == alone);
}

TEST_CASE("what a block throws reaches the caller and ends the rest", "[parallel]") {
  for (const Index threads : {1, 2, 3}) {
    INFO("threads " << threads);
    std::atomic<int> done{0};
    const auto run = [&] {
      for_each_block(1000, 1, threads, [&](const Block& block, Index) {
        if (block.index == 5) throw std::runtime_error("block 5");
        ++done;
      });
    };
    CHECK_THROWS_AS(run(), std::runtime_error);
    CHECK(done <= 999);
    if (threads == 1) CHECK(done == 5);
  }
  // The other thread is slow enough to notice: what it had not begun is skipped.
  std::atomic<int> done{0};
  const auto run = [&] {
    for_each_block(200, 1, 2, [&](const Block& block, Index) {
      if (block.index == 0) throw std::runtime_error("block 0");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++done;
    });
  };
  CHECK_THROWS_AS(run(), std::runtime_error);
  CHECK(done < 199);
}

TEST_CASE("a team of threads does what new threads do, and again, and after a rest", "[parallel]") {
  const ThreadTeam team(3);
  for (int round = 0; round < 300; ++round) {
    if (round % 100 == 99) std::this_thread::sleep_for(std::chrono::milliseconds(20));  // asleep
    const Index threads = round % 3 + 1;
    std::vector<int> seen(40, 0);
    std::atomic<bool> fits{true};
    for_each_block(40, 1, threads, [&](const Block& block, Index worker) {
      if (worker < 0 || worker >= threads) fits = false;
      ++seen[static_cast<std::size_t>(block.index)];
    });
    REQUIRE(fits);
    REQUIRE(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
  }
}

TEST_CASE("a team's threads are the same from call to call", "[parallel]") {
  // Both threads have a block at once, so that each has one.
  const auto ids = [] {
    std::vector<std::thread::id> id(2);
    std::atomic<int> here{0};
    for_each_block(2, 1, 2, [&](const Block&, Index worker) {
      id[static_cast<std::size_t>(worker)] = std::this_thread::get_id();
      for (++here; here < 2;) std::this_thread::yield();
    });
    return id;
  };
  const ThreadTeam team(2);
  const auto first = ids(), second = ids();
  CHECK(first == second);
  CHECK(first[0] == std::this_thread::get_id());
  {
    const ThreadTeam inner(2);
    CHECK(ids()[1] != first[1]);
  }
  CHECK(ids() == first);  // the outer one again
}

TEST_CASE("a team gives way: to more threads, work within work, other callers", "[parallel]") {
  const ThreadTeam team(2);
  std::atomic<int> done{0};
  const auto nested = [&](Index threads) {
    for_each_block(4, 1, threads, [&](const Block&, Index) {
      for_each_block(4, 1, 2, [&](const Block&, Index) { ++done; });
    });
  };
  nested(5);
  CHECK(done == 16);
  nested(2);
  CHECK(done == 32);
  std::thread other([&] { nested(2); });
  nested(2);
  other.join();
  CHECK(done == 64);
}

TEST_CASE("what a block throws reaches the caller through a team, which goes on", "[parallel]") {
  const ThreadTeam team(2);
  for (int round = 0; round < 20; ++round) {
    const auto run = [&] {
      for_each_block(50, 1, 2, [&](const Block& block, Index) {
        if (block.index == 7) throw std::runtime_error("block 7");
      });
    };
    CHECK_THROWS_AS(run(), std::runtime_error);
  }
  std::atomic<int> done{0};
  for_each_block(50, 1, 2, [&](const Block&, Index) { ++done; });
  CHECK(done == 50);
}

TEST_CASE("refusals give both shapes", "[check]") {
  struct {
    Index dim() const { return 8; }
    Index num_atoms() const { return 16; }
  } dictionary;
  const Matrix<float> wrong = Matrix<float>::Zero(9, 4);
  const std::string signals = message_of([&] { check_signals("Here", dictionary, wrong); });
  CHECK(says(signals, "Here: signals are 9 x 4"));
  CHECK(says(signals, "8 x 16"));
  CHECK(says(signals, "expected 8 rows"));
  const std::string codes = message_of([&] { check_codes("Here", dictionary, wrong); });
  CHECK(says(codes, "codes are 9 x 4"));
  CHECK(says(codes, "8 x 16"));
  CHECK(says(codes, "expected 16 rows"));
  const Matrix<float> other = Matrix<float>::Zero(9, 5);
  const std::string same = message_of([&] { check_same_shape("Here", "a", wrong, "b", other); });
  CHECK(says(same, "a are 9 x 4"));
  CHECK(says(same, "b are 9 x 5"));
  const Matrix<float> right_signals = Matrix<float>::Zero(8, 0);
  CHECK(message_of([&] { check_signals("Here", dictionary, right_signals); }).empty());
  CHECK(message_of([&] { check_same_shape("Here", "a", wrong, "b", wrong); }).empty());
}

TEMPLATE_TEST_CASE("refusals name the first column that is not finite", "[check]", float, double) {
  using S = TestType;
  const S nan = std::numeric_limits<S>::quiet_NaN();
  const S infinity = std::numeric_limits<S>::infinity();
  for (const S bad : {nan, infinity, -infinity}) {
    Matrix<S> values = Matrix<S>::Constant(5, 40, std::numeric_limits<S>::max());
    CHECK(message_of([&] { check_finite<S>("Here", "signals", values); }).empty());
    values(3, 17) = bad;
    values(0, 30) = bad;
    const std::string dense = message_of([&] { check_finite<S>("Here", "signals", values); });
    CHECK(says(dense, "Here: signals column 17 holds a NaN or an infinity"));
    // A range of columns is seen through its stride.
    CHECK(message_of([&] { check_finite<S>("Here", "signals", values.leftCols(17)); }).empty());
    CHECK(says(message_of([&] { check_finite<S>("Here", "signals", values.bottomRows(2)); }),
               "column 17"));

    SparseCodes<S> codes(5, 40);
    codes.insert(2, 3) = S(1);
    CHECK(message_of([&] { check_finite("Here", "codes", codes); }).empty());
    codes.insert(4, 9) = bad;
    CHECK(says(message_of([&] { check_finite("Here", "codes", codes); }), "Here: codes column 9"));
  }
  CHECK(message_of([] { check_finite<S>("Here", "signals", Matrix<S>(5, 0)); }).empty());
}

TEST_CASE("a solution counts its flops, and statuses have names", "[solution]") {
  Solution<Matrix<float>> solution(16, 3);
  CHECK(solution.codes.rows() == 16);
  CHECK(solution.codes.cols() == 3);
  CHECK(solution.status.size() == 3);
  solution.flops = {1, 20, 300};
  solution.setup_flops = 4000;
  CHECK(solution.total_flops() == 4321);
  CHECK(to_string(Status::converged) == "converged");
  CHECK(to_string(Status::precision_limit) == "precision_limit");
  CHECK(version == std::to_string(LACUNA_VERSION_MAJOR) + "." +
                       std::to_string(LACUNA_VERSION_MINOR) + "." +
                       std::to_string(LACUNA_VERSION_PATCH));
}
