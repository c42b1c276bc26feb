// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_ALTERNATING_STATE_HPP
#define LACUNA_TRAINER_ALTERNATING_STATE_HPP

#include <cstdint>

#include <lacuna/concepts/encoder.hpp>

namespace lacuna {

namespace detail {
/// Of an update that remembers nothing.
struct NoUpdateState {
  template <class Self, class Visit>
  static void fields(Self&, Visit&&) {}
};

template <class U, class S>
struct UpdateStateOf {
  using type = NoUpdateState;
};
template <class U, class S>
requires requires { typename U::template State<S>; }
struct UpdateStateOf<U, S> {
  using type = typename U::template State<S>;
};
}  // namespace detail

/// All that an alternating training remembers from round to round, beside the model: a value with
/// fields, which can be copied, saved and resumed. Batches and schedules are functions of the
/// round.
template <Real S, class U>
struct AlternatingState {
  std::int64_t step = 0;   ///< rounds done: also the position in the data and in every schedule
  std::int64_t flops = 0;  ///< audited, of the rounds done
  double loss = 0;         ///< mean squared error of the last round's codes, before its update
  typename detail::UpdateStateOf<U, S>::type update;
  Vector<double> use;  ///< of each atom: squared codes of late; empty where no revival asks

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("step", self.step);
    visit("flops", self.flops);
    visit("loss", self.loss);
    visit("update", self.update);
    visit("use", self.use);
  }
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_ALTERNATING_STATE_HPP
