// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_THREAD_TEAM_HPP
#define LACUNA_CORE_THREAD_TEAM_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// The number of threads that a request stands for: itself, or the machine's cores for 0.
[[nodiscard]] inline Index resolve_threads(Index threads) noexcept {
  if (threads > 0) return threads;
  return std::max<Index>(1, static_cast<Index>(std::thread::hardware_concurrency()));
}

/// Threads that are started once and wait for work. While the team lives, `for_each_block` on the
/// thread that made it takes them in place of new ones: a new thread takes some 100 us to be there
/// on a virtual machine, and one that waits two. No result depends on it.
///
/// They wait awake for some hundred us, and asleep after that. A call that asks for more threads
/// than the team has, or that comes from within the work of another, starts its own. A team ends on
/// the thread that made it, the last one first; of several the last one counts. `JointTrainer` has
/// one while it trains.
///
/// @code
/// const ThreadTeam team(2);
/// for (const auto& signals : batches) encoder.encode(dictionary, signals);  // on 2 threads
/// @endcode
class ThreadTeam {
 public:
  /// @param threads  with the one that makes it; 0 for all cores. @throws std::system_error if the
  /// system has no more of them.
  explicit ThreadTeam(Index threads)
      : team_(std::make_unique<Team>(static_cast<std::size_t>(resolve_threads(threads) - 1))),
        before_(std::exchange(current(), team_.get())) {}
  ~ThreadTeam() { current() = before_; }
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  /// Calls `work(0)` here and `work(1)` to `work(workers - 1)` on helpers, and returns when all
  /// have returned. False, and nothing called, where this thread's team cannot: there is none, it
  /// has not so many, or it is at work. Work does not throw.
  template <class Work>
  [[nodiscard]] static bool run(Index workers, const Work& work) {
    Team* const team = current();
    const auto helpers = static_cast<std::size_t>(workers - 1);
    if (team == nullptr || helpers > team->size() || team->busy()) return false;
    team->begin(helpers, &work, [](const void* to, Index worker) {
      (*static_cast<const Work*>(to))(worker);
    });
    work(Index(0));
    team->end();
    return true;
  }

 private:
  class Team {
   public:
    explicit Team(std::size_t helpers) : calls_(helpers) {
      helpers_.reserve(helpers);
      try {
        for (Call& call : calls_) helpers_.emplace_back([this, &call] { help(call); });
      } catch (...) {
        dismiss();
        throw;
      }
    }
    ~Team() { dismiss(); }

    [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
    [[nodiscard]] bool busy() const noexcept { return work_ != nullptr; }

    void begin(std::size_t helpers, const void* work, void (*invoke)(const void*, Index)) {
      work_ = work;
      invoke_ = invoke;
      at_work_.store(static_cast<int>(helpers), std::memory_order_relaxed);
      for (std::size_t i = 0; i < helpers; ++i) calls_[i].say(work_to_do);
    }

    void end() {
      for (int left = at_work_.load(std::memory_order_acquire); left != 0;
           left = at_work_.load(std::memory_order_acquire))
        wait(at_work_, left);
      work_ = nullptr;
    }

   private:
    static constexpr int nothing = 0, work_to_do = 1, leave = 2;

    struct alignas(64) Call {  // a cache line each
      std::atomic<int> what = nothing;
      void say(int word) {
        what.store(word);  // in order with what notify_one reads: whether anyone is asleep
        what.notify_one();
      }
    };

    void help(Call& call) {
      const auto worker = static_cast<Index>(&call - calls_.data()) + 1;
      for (;;) {
        wait(call.what, nothing);
        if (call.what.load(std::memory_order_acquire) == leave) return;
        invoke_(work_, worker);
        // Before it is said to be done: the next call may follow at once.
        call.what.store(nothing, std::memory_order_relaxed);
        if (at_work_.fetch_sub(1, std::memory_order_acq_rel) == 1) at_work_.notify_one();
      }
    }

    void dismiss() {
      for (Call& call : calls_) call.say(leave);
      helpers_.clear();  // joins them
    }

    /// Until it is no longer `value`: awake for a while, in which others may have the core.
    static void wait(const std::atomic<int>& what, int value) {
      for (int turn = 0; turn < 1000; ++turn) {
        if (what.load(std::memory_order_acquire) != value) return;
        std::this_thread::yield();
      }
      what.wait(value, std::memory_order_acquire);
    }

    std::vector<Call> calls_;
    const void* work_ = nullptr;  // of the call that is at work
    void (*invoke_)(const void*, Index) = nullptr;
    std::atomic<int> at_work_ = 0;
    std::vector<std::jthread> helpers_;
  };

  static Team*& current() noexcept {
    static thread_local Team* team = nullptr;
    return team;
  }

  std::unique_ptr<Team> team_;
  Team* before_;
};

}  // namespace lacuna

#endif  // LACUNA_CORE_THREAD_TEAM_HPP
