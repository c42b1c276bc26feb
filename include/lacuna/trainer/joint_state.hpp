// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_JOINT_STATE_HPP
#define LACUNA_TRAINER_JOINT_STATE_HPP

#include <cstdint>

#include <lacuna/trainer/latent_activity.hpp>

namespace lacuna {

/// All that a joint training remembers from step to step, beside the model: a value with fields,
/// which can be copied, saved and resumed. Batches and schedules are functions of the step.
template <Real S, class O>
struct JointState {
  using OptimizerState = typename O::template State<S>;

  std::int64_t step = 0;   ///< steps done: also the position in the data and in every schedule
  std::int64_t flops = 0;  ///< audited, of the steps done
  double loss = 0;         ///< of the last step, before it changed anything
  OptimizerState encoder, atoms, transform;
  LatentActivity activity;  ///< empty where no revival policy asks

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("step", self.step);
    visit("flops", self.flops);
    visit("loss", self.loss);
    visit("encoder", self.encoder);
    visit("atoms", self.atoms);
    visit("transform", self.transform);
    visit("activity", self.activity);
  }
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_JOINT_STATE_HPP
