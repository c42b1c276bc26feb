// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_ADAM_MOMENTS_HPP
#define LACUNA_OPTIMIZER_ADAM_MOMENTS_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lacuna/optimizer/entries.hpp>

namespace lacuna {

/// What Adam and its variants remember of the gradients.
template <Real S>
struct AdamMoments {
  Vector<S> mean;
  Vector<S> mean_square;
  std::int64_t steps = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("mean", self.mean);
    visit("mean_square", self.mean_square);
    visit("steps", self.steps);
  }
};

namespace detail {

/// Checks the options that Adam and its variants share.
template <class Options>
[[nodiscard]] Options checked_adam(const char* where, Options options) {
  check_learning_rate(where, options.learning_rate);
  check_decay(where, "beta1", options.beta1);
  check_decay(where, "beta2", options.beta2);
  require(options.epsilon >= 0 && std::isfinite(options.epsilon), where,
          "epsilon must be finite and at least 0, is " + text_of(options.epsilon));
  check_optimizer_threads(where, options.threads);
  return options;
}

/// The step of both: p <- keep p - rate_factor rate m_hat / (sqrt(v_hat) + epsilon). `keep` is 1
/// where nothing decays, and then p is not multiplied.
template <class Options, Real S>
void adam_step(const char* where, const Options& options, AdamMoments<S>& state,
               std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
               const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
               double rate_factor, double keep = 1) {
  check_step(where, state.mean.size(), parameters.size(), gradient.size(), rate_factor);
  ++state.steps;
  const auto t = static_cast<double>(state.steps);
  const double correction1 = 1 - std::pow(options.beta1, t);
  const double correction2 = 1 - std::pow(options.beta2, t);
  const S rate = static_cast<S>(rate_factor * options.learning_rate / correction1);
  const S root_scale = static_cast<S>(1 / std::sqrt(correction2));
  const S epsilon = static_cast<S>(options.epsilon);
  const S beta1 = static_cast<S>(options.beta1), rest1 = static_cast<S>(1 - options.beta1);
  const S beta2 = static_cast<S>(options.beta2), rest2 = static_cast<S>(1 - options.beta2);
  for_each_chunk(parameters.size(), options.threads, [&](Index begin, Index count) {
    const auto g = gradient.segment(begin, count).array();
    auto m = state.mean.segment(begin, count).array();
    auto v = state.mean_square.segment(begin, count).array();
    auto p = parameters.segment(begin, count).array();
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * g.square();
    if (keep == 1)
      p -= rate * m / (root_scale * v.sqrt() + epsilon);
    else
      p = static_cast<S>(keep) * p - rate * m / (root_scale * v.sqrt() + epsilon);
  });
}

template <Real S>
void adam_reset(const char* where, AdamMoments<S>& state, Index begin, Index count, Index stride) {
  zero_entries(where, state.mean, begin, count, stride);
  zero_entries(where, state.mean_square, begin, count, stride);
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_ADAM_MOMENTS_HPP
