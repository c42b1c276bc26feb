// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_PARALLEL_HPP
#define LACUNA_CORE_PARALLEL_HPP

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <lacuna/core/thread_team.hpp>

namespace lacuna {

/// A range of columns, `[begin, begin + count)`, and its position in the fixed order of blocks.
struct Block {
  Index begin;
  Index count;
  Index index;
};

/// How many blocks of `block_size` cover n columns.
[[nodiscard]] constexpr Index num_blocks(Index n, Index block_size) noexcept {
  return (n + block_size - 1) / block_size;
}

/// Calls `work(block, worker)` once for every block of `block_size` columns of n.
///
/// The split depends on n and block_size alone, never on the number of threads; which worker takes a
/// block does. So work that writes only what belongs to its block (results, or a partial sum that the
/// caller adds up in block order) gives the same bits at any number of threads. `worker`, in
/// `[0, threads)`, names the workspace to use.
///
/// @param threads  0 for all cores. They are those of a `ThreadTeam` where there is one, or started
///                 here and joined here (20 to 100 us each), so a call should have at least a
///                 millisecond of work; one block runs on the caller.
/// @throws what `work` threw first; blocks not begun by then are skipped.
template <class Work>
void for_each_block(Index n, Index block_size, Index threads, Work&& work) {
  block_size = std::max<Index>(1, block_size);
  const Index blocks = num_blocks(n, block_size);
  const auto block_at = [&](Index index) {
    const Index begin = index * block_size;
    return Block{begin, std::min(block_size, n - begin), index};
  };
  const Index workers = std::min(resolve_threads(threads), blocks);
  if (workers <= 1) {
    for (Index index = 0; index < blocks; ++index) work(block_at(index), Index(0));
    return;
  }
  std::atomic<Index> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&](Index worker) {
    try {
      for (Index index = next++; index < blocks; index = next++) work(block_at(index), worker);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = blocks;
    }
  };
  if (!ThreadTeam::run(workers, run)) {
    std::vector<std::jthread> helpers;
    helpers.reserve(static_cast<std::size_t>(workers - 1));
    for (Index worker = 1; worker < workers; ++worker) helpers.emplace_back(run, worker);
    run(0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace lacuna

#endif  // LACUNA_CORE_PARALLEL_HPP
