// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_ENTRIES_HPP
#define LACUNA_OPTIMIZER_ENTRIES_HPP

#include <algorithm>
#include <cmath>
#include <string>

#include <lacuna/core/check.hpp>
#include <lacuna/core/parallel.hpp>

/// What the optimisers share: their checks, and their walk over the entries.
namespace lacuna::detail {

inline void check_learning_rate(const char* where, double rate) {
  require(rate > 0 && std::isfinite(rate), where,
          "learning_rate must be positive and finite, is " + text_of(rate));
}

inline void check_decay(const char* where, const char* name, double decay) {
  require(decay >= 0 && decay < 1, where,
          std::string(name) + " must be in [0, 1), is " + text_of(decay));
}

inline void check_optimizer_threads(const char* where, Index threads) {
  require(threads >= 0, where, "threads must be at least 0, is " + std::to_string(threads));
}

/// Refuses lengths that differ.
inline void check_step(const char* where, Index state, Index parameters, Index gradient) {
  if (parameters != state || gradient != state)
    throw std::invalid_argument(std::string(where) + ": state of " + std::to_string(state) +
                                ", parameters " + std::to_string(parameters) + ", gradient " +
                                std::to_string(gradient));
}

/// Refuses a factor that is negative or not finite.
inline void check_rate_factor(const char* where, double rate_factor) {
  if (!(rate_factor >= 0 && std::isfinite(rate_factor)))
    throw std::invalid_argument(std::string(where) +
                                ": rate_factor must be finite and at least 0, is " +
                                text_of(rate_factor));
}

/// Refuses a part that is not one of the state.
inline void check_part(const char* where, Index state, Index begin, Index parameters,
                       Index gradient) {
  if (begin < 0 || parameters != gradient || parameters > state - begin)
    throw std::invalid_argument(std::string(where) + ": part from " + std::to_string(begin) +
                                " of " + std::to_string(parameters) + " parameters and " +
                                std::to_string(gradient) + " gradients, state of " +
                                std::to_string(state));
}

/// Calls `work(begin, count)` for chunks of the entries that stay in the first-level cache, so that
/// several passes over a chunk are one pass over memory. What `work` does is elementwise. Blocks
/// that are worth a thread's start go to `threads` of them.
template <class Work>
void for_each_chunk(Index size, Index threads, const Work& work) {
  constexpr Index chunk = 1024, block_size = 128 * chunk;
  for_each_block(size, block_size, threads, [&](Block block, Index) {
    const Index end = block.begin + block.count;
    for (Index begin = block.begin; begin < end; begin += chunk)
      work(begin, std::min(chunk, end - begin));
  });
}

/// A whole step by its parts.
template <class Step, class Parameters, class Gradient>
void step_at_once(const Step& step, Index threads, Parameters& parameters,
                  const Gradient& gradient) {
  for_each_chunk(parameters.size(), threads, [&](Index begin, Index count) {
    step(begin, parameters.segment(begin, count), gradient.segment(begin, count));
  });
}

/// values[begin], values[begin + stride], ... = 0, count of them.
/// @throws std::invalid_argument if they are not all entries.
template <Real S>
void zero_entries(const char* where, Vector<S>& values, Index begin, Index count, Index stride) {
  const bool fits =
      begin >= 0 && count >= 0 && stride >= 1 && begin <= values.size() &&
      (count == 0 || (begin < values.size() && count - 1 <= (values.size() - 1 - begin) / stride));
  if (!fits)
    throw std::invalid_argument(std::string(where) + ": " + std::to_string(count) +
                                " entries from " + std::to_string(begin) + " by " +
                                std::to_string(stride) + " are not all in a state of " +
                                std::to_string(values.size()));
  for (Index k = 0; k < count; ++k) values[begin + k * stride] = S(0);
}

}  // namespace lacuna::detail

#endif  // LACUNA_OPTIMIZER_ENTRIES_HPP
