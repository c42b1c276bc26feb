// SPDX-License-Identifier: MIT
#ifndef LACUNA_CORE_SCHEDULE_HPP
#define LACUNA_CORE_SCHEDULE_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <functional>
#include <numbers>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// A number that follows the steps of a training: a rate, a lambda, a k. A pure function of the
/// step and of how many there are, so that a resumed training goes on where it was; a constant
/// where it is given a number.
///
/// `s(step, total_steps)` is its value at the step that has `step` steps before it. The shapes
/// below start at `from` in step 0 and would reach `to` in step total_steps, which is not taken: no
/// step is wasted on a rate of 0. Steps beyond the total have the value at the total.
///
/// @code
/// struct Options {
///   Schedule learning_rate = 1e-3;
///   Schedule lambda = Schedule::over(0.6, Schedule::geometric(0.1, 0.01));
/// };
/// const Schedule rate = Schedule::warmup(1000, Schedule::cosine(1e-3, 1e-5));
/// const Schedule twice = Schedule::piecewise(
///     {{0.6, Schedule::geometric(0.1, 0.01)}, {0.2, Schedule::geometric(0.01, 0.005)}});
/// const Schedule own = [](Index step, Index) { return 1 / (1.0 + static_cast<double>(step)); };
/// rate(499, 20000);  // half of cosine's value there
/// @endcode
class Schedule {
 public:
  /// A part of a piecewise schedule: its share of the steps, and what it does in them.
  struct Part;

  /// The same value at every step. @throws std::invalid_argument if it is not finite.
  Schedule(double value) {  // NOLINT(google-explicit-constructor): an option takes a number
    check_finite_value("Schedule", "the value", value);
    value_ = [value](Index, Index) { return value; };
  }

  /// Any pure function of (step, total_steps), 0 <= step <= total_steps, to a number.
  /// @throws std::invalid_argument for an empty std::function or null pointer.
  template <class F>
  requires(!std::convertible_to<F, double> && !std::same_as<std::remove_cvref_t<F>, Schedule> &&
           std::is_invocable_r_v<double, const std::decay_t<F>&, Index, Index> &&
           std::copy_constructible<std::decay_t<F>>)
      Schedule(F&& function)  // NOLINT(google-explicit-constructor): an option takes a lambda
      : value_(std::forward<F>(function)) {
    require(static_cast<bool>(value_), "Schedule", "the function is empty");
  }

  /// A straight line. @throws std::invalid_argument if an end is not finite.
  [[nodiscard]] static Schedule linear(double from, double to) {
    check_ends("Schedule::linear", from, to);
    return along([from, to](double t) { return std::lerp(from, to, t); });
  }

  /// Half a wave of the cosine: flat at both ends (Loshchilov & Hutter, "SGDR", 2017).
  /// @throws std::invalid_argument if an end is not finite.
  [[nodiscard]] static Schedule cosine(double from, double to) {
    check_ends("Schedule::cosine", from, to);
    return along([from, to](double t) {
      return std::lerp(from, to, 0.5 * (1 - std::cos(std::numbers::pi * t)));
    });
  }

  /// from (to / from)^t at the share t of the steps: the same factor every step.
  /// @throws std::invalid_argument unless both ends are positive and finite.
  [[nodiscard]] static Schedule geometric(double from, double to) {
    check_ends("Schedule::geometric", from, to);
    require(from > 0 && to > 0, "Schedule::geometric",
            "the ends must be positive, are " + text_of(from) + " and " + text_of(to));
    return along([from, to](double t) { return t < 1 ? from * std::pow(to / from, t) : to; });
  }

  /// `schedule` times (step + 1) / steps in the first `steps` steps, and as it is from then on.
  /// @throws std::invalid_argument if steps is negative.
  [[nodiscard]] static Schedule warmup(Index steps, Schedule schedule) {
    require(steps >= 0, "Schedule::warmup",
            "steps must be at least 0, is " + std::to_string(steps));
    return Schedule([steps, schedule = std::move(schedule)](Index step, Index total_steps) {
      const double value = schedule(step, total_steps);
      return step < steps ? value * static_cast<double>(step + 1) / static_cast<double>(steps)
                          : value;
    });
  }

  /// All of `schedule` in the first `share` of the steps, and its last value from then on.
  /// @throws std::invalid_argument unless share is in (0, 1].
  [[nodiscard]] static Schedule over(double share, Schedule schedule);

  /// One schedule after the other, each as if its share of the steps were a training of its own;
  /// what is left at the end holds the last value. Parts begin at whole steps.
  /// @throws std::invalid_argument if there is no part, a share is not in (0, 1], or they add up to
  ///         more than 1.
  [[nodiscard]] static Schedule piecewise(std::vector<Part> parts);

  /// The value at a step. @throws std::invalid_argument if either is negative, or the value not
  /// finite.
  [[nodiscard]] double operator()(Index step, Index total_steps) const {
    require(step >= 0 && total_steps >= 0, "Schedule",
            "steps must be at least 0, are " + std::to_string(step) + " of " +
                std::to_string(total_steps));
    const double value = value_(std::min(step, total_steps), total_steps);
    if (!std::isfinite(value))
      throw std::invalid_argument("Schedule: the value at step " + std::to_string(step) + " of " +
                                  std::to_string(total_steps) + " is " + text_of(value));
    return value;
  }

 private:
  static void check_finite_value(const char* where, const char* name, double value) {
    require(std::isfinite(value), where,
            std::string(name) + " must be finite, is " + text_of(value));
  }
  static void check_ends(const char* where, double from, double to) {
    check_finite_value(where, "from", from);
    check_finite_value(where, "to", to);
  }

  /// A schedule that looks at the share of the steps alone.
  template <class F>
  [[nodiscard]] static Schedule along(F shape) {
    return Schedule([shape](Index step, Index total_steps) {
      return shape(total_steps > 0 ? static_cast<double>(step) / static_cast<double>(total_steps)
                                   : 1.0);
    });
  }

  std::function<double(Index, Index)> value_;
};

struct Schedule::Part {
  double share;
  Schedule schedule;
};

inline Schedule Schedule::piecewise(std::vector<Part> parts) {
  require(!parts.empty(), "Schedule::piecewise", "no parts");
  double sum = 0;
  for (const Part& part : parts) {
    require(part.share > 0 && part.share <= 1, "Schedule::piecewise",
            "a share must be in (0, 1], is " + text_of(part.share));
    sum += part.share;
  }
  // 0.7 + 0.2 + 0.1 is above 1 by a rounding.
  require(sum <= 1 + 1e-9, "Schedule::piecewise",
          "the shares must add up to 1 at most, are " + text_of(sum));
  return Schedule([parts = std::move(parts)](Index step, Index total_steps) {
    Index begin = 0;
    double share = 0;
    for (std::size_t i = 0;; ++i) {
      share += parts[i].share;
      const Index end =
          std::min<Index>(std::llround(share * static_cast<double>(total_steps)), total_steps);
      // The last part's end value holds.
      if (step < end || i + 1 == parts.size())
        return parts[i].schedule(std::min(step, end) - begin, end - begin);
      begin = end;
    }
  });
}

inline Schedule Schedule::over(double share, Schedule schedule) {
  require(share > 0 && share <= 1, "Schedule::over",
          "share must be in (0, 1], is " + text_of(share));
  return piecewise({{share, std::move(schedule)}});
}

}  // namespace lacuna

#endif  // LACUNA_CORE_SCHEDULE_HPP
