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
  S* const mean = state.mean.data();
  S* const mean_square = state.mean_square.data();
  S* const values = parameters.data();
  const S* const slope = gradient.data();
  // A register at a time, so that what is read is read once.
  constexpr int lanes = 32 / sizeof(S);
  using Register = Eigen::Array<S, lanes, 1>;
  using Rest = Eigen::Array<S, Eigen::Dynamic, 1, 0, lanes, 1>;
  const auto move_chunk = [=](Index begin, Index end, auto decays) {
    const auto move = [=]<class Few>(std::type_identity<Few>, Index at, Index count) {
      using Entries = Eigen::Map<Few>;
      Entries p(values + at, count);
      const Few g = Eigen::Map<const Few>(slope + at, count);
      const Few m = beta1 * Entries(mean + at, count) + rest1 * g;
      const Few v = beta2 * Entries(mean_square + at, count) + rest2 * g.square();
      Entries(mean + at, count) = m;
      Entries(mean_square + at, count) = v;
      if constexpr (decays)
        p = static_cast<S>(keep) * p - rate * m / (root_scale * v.sqrt() + epsilon);
      else
        p -= rate * m / (root_scale * v.sqrt() + epsilon);
    };
    for (; begin + lanes <= end; begin += lanes)
      move(std::type_identity<Register>(), begin, Index{lanes});
    move(std::type_identity<Rest>(), begin, end - begin);
  };
  for_each_chunk(parameters.size(), options.threads, [&](Index begin, Index count) {
    if (keep == 1)
      move_chunk(begin, begin + count, std::false_type());
    else
      move_chunk(begin, begin + count, std::true_type());
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
