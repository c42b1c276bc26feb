// SPDX-License-Identifier: MIT
#ifndef LACUNA_BENCH_SPEED_HPP
#define LACUNA_BENCH_SPEED_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

#include <benchmark/benchmark.h>
#include <lacuna/core/random.hpp>

namespace lacuna::bench {

/// Flops a second of a square product of this machine, one thread, measured once in this run: the
/// floor that everything else is compared with. By CPU time, as Google Benchmark's rates are, so
/// that other programs on the machine matter little to either.
template <Real S>
[[nodiscard]] double matrix_product_speed() {
  static const double speed = [] {
    constexpr Index size = 768;
    const Matrix<S> a = random_normal<S>(size, size, 1), b = random_normal<S>(size, size, 2);
    Matrix<S> c(size, size);
    double best = 0;
    for (int repeat = 0; repeat < 8; ++repeat) {
      const std::clock_t begin = std::clock();
      c.noalias() = a * b;
      benchmark::DoNotOptimize(c.data());
      const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      best = std::max(best, 2.0 * size * size * size / seconds);
    }
    return best;
  }();
  return speed;
}

/// Reports signals/s, flops/s as audited, and the share of the matrix product's own speed.
/// @param signals, flops  of all iterations together.
template <Real S>
void report(benchmark::State& state, double signals, double flops) {
  using benchmark::Counter;
  state.SetItemsProcessed(static_cast<std::int64_t>(signals));
  state.counters["flops/s"] = Counter(flops, Counter::kIsRate);
  state.counters["of_gemm"] = Counter(flops / matrix_product_speed<S>(), Counter::kIsRate);
}

/// Seconds a step, for what is made of steps. @param steps  of all iterations together.
inline void report_steps(benchmark::State& state, double steps) {
  using benchmark::Counter;
  state.counters["s/step"] = Counter(steps, Counter::kIsRate | Counter::kInvert);
}

/// Of at least one value; of an even number, the upper of the middle two.
[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace lacuna::bench

#endif  // LACUNA_BENCH_SPEED_HPP
