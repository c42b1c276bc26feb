// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPTIMIZER_ADAM_MOMENTS_HPP
#define LACUNA_OPTIMIZER_ADAM_MOMENTS_HPP

#include <algorithm>
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

/// The step of both, for any parts of the entries: p <- keep p - rate_factor rate m_hat /
/// (sqrt(v_hat) + epsilon). `keep` is 1 where nothing decays, and then p is not multiplied.
template <Real S>
class AdamStep {
 public:
  /// Counts the step. @throws std::invalid_argument for a factor below 0 or not finite.
  template <class Options>
  AdamStep(const char* where, const Options& options, AdamMoments<S>& state, double rate_factor,
           double keep = 1)
      : where_(where), mean_(state.mean), mean_square_(state.mean_square) {
    check_rate_factor(where, rate_factor);
    ++state.steps;
    const auto t = static_cast<double>(state.steps);
    const double correction1 = 1 - std::pow(options.beta1, t);
    const double correction2 = 1 - std::pow(options.beta2, t);
    rate_ = static_cast<S>(rate_factor * options.learning_rate / correction1);
    root_scale_ = static_cast<S>(1 / std::sqrt(correction2));
    epsilon_ = static_cast<S>(options.epsilon);
    beta1_ = static_cast<S>(options.beta1), rest1_ = static_cast<S>(1 - options.beta1);
    beta2_ = static_cast<S>(options.beta2), rest2_ = static_cast<S>(1 - options.beta2);
    keep_ = static_cast<S>(keep);
    decays_ = keep != 1;
  }

  /// @throws std::invalid_argument for a part that is not one of the state.
  void operator()(Index begin, Eigen::Ref<Vector<S>> parameters,
                  const Eigen::Ref<const Vector<S>>& gradient) const {
    check_part(where_, mean_.size(), begin, parameters.size(), gradient.size());
    if (decays_)
      move(begin, parameters.size(), parameters.data(), gradient.data(), std::true_type());
    else
      move(begin, parameters.size(), parameters.data(), gradient.data(), std::false_type());
  }

 private:
  /// A register at a time, so that what is read is read once; the last, which may not be full, too,
  /// so that an entry has the same bits whatever part it is in.
  void move(Index begin, Index count, S* parameters, const S* gradient, auto decays) const {
    constexpr Index lanes = 32 / sizeof(S);
    using Register = Eigen::Array<S, lanes, 1>;
    const S rate = rate_, root_scale = root_scale_, epsilon = epsilon_, keep = keep_;
    const S beta1 = beta1_, rest1 = rest1_, beta2 = beta2_, rest2 = rest2_;
    S* const mean = mean_.data() + begin;
    S* const mean_square = mean_square_.data() + begin;
    const auto move_some = [=](Index at, auto size) {
      constexpr bool all = std::is_same_v<decltype(size), AllLanes>;
      const auto load = [=](const S* from) {
        if constexpr (all) return Register(Eigen::Map<const Register>(from + at));
        Register values = Register::Zero();
        std::copy_n(from + at, Index{size}, values.data());
        return values;
      };
      const auto store = [=](const Register& values, S* to) {
        if constexpr (all)
          Eigen::Map<Register>(to + at) = values;
        else
          std::copy_n(values.data(), Index{size}, to + at);
      };
      const Register g = load(gradient);
      const Register m = beta1 * load(mean) + rest1 * g;
      const Register v = beta2 * load(mean_square) + rest2 * g.square();
      store(m, mean);
      store(v, mean_square);
      const Register p = load(parameters), change = rate * m / (root_scale * v.sqrt() + epsilon);
      if constexpr (decays)
        store(keep * p - change, parameters);
      else
        store(p - change, parameters);
    };
    Index at = 0;
    for (; at + lanes <= count; at += lanes) move_some(at, AllLanes());
    if (at < count) move_some(at, count - at);
  }

  using AllLanes = std::integral_constant<Index, 32 / sizeof(S)>;

  const char* where_;
  Vector<S>& mean_;
  Vector<S>& mean_square_;
  S rate_, root_scale_, epsilon_, beta1_, rest1_, beta2_, rest2_, keep_;
  bool decays_;
};

template <Real S>
void adam_reset(const char* where, AdamMoments<S>& state, Index begin, Index count, Index stride) {
  zero_entries(where, state.mean, begin, count, stride);
  zero_entries(where, state.mean_square, begin, count, stride);
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_OPTIMIZER_ADAM_MOMENTS_HPP
