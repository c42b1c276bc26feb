// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ANY_REVIVAL_HPP
#define LACUNA_EXAMPLES_SUPPORT_ANY_REVIVAL_HPP

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include <lacuna/concepts/revival.hpp>
#include <lacuna/trainer/auxiliary_k.hpp>
#include <lacuna/trainer/resample.hpp>

namespace lacuna::examples {

/// A revival policy that is chosen at run time. Models `RevivalFor` every model: those whose
/// encoder has no affine map are left alone, which is for the caller to say beforehand.
class AnyRevival {
 public:
  static constexpr bool replaces_latents = true;  // one of them does

  explicit AnyRevival(std::variant<NoRevival, Resample, AuxiliaryK> policy)
      : policy_(std::move(policy)) {}

  [[nodiscard]] Index window() const {
    return std::visit([](const auto& p) { return p.window(); }, policy_);
  }

  [[nodiscard]] std::int64_t auxiliary_flops(Index dim, Index num_dead) const {
    return std::visit(
        [&](const auto& p) -> std::int64_t {
          if constexpr (requires { p.auxiliary_flops(dim, num_dead); })
            return p.auxiliary_flops(dim, num_dead);
          else
            return 0;
        },
        policy_);
  }

  template <class M, Real S>
  double auxiliary(const M& model, const TrainingBatch<S>& batch, const std::vector<Index>& dead,
                   Vector<S>& encoder_gradient, Vector<S>& atom_gradient) const {
    if constexpr (has_affine_map<M>)
      return std::visit(
          [&](const auto& p) {
            return p.auxiliary(model, batch, dead, encoder_gradient, atom_gradient);
          },
          policy_);
    else
      return 0;
  }

  template <class M, Real S>
  [[nodiscard]] std::vector<Index> revive(M& model, const TrainingBatch<S>& batch,
                                          const std::vector<Index>& dead, Index step) const {
    if constexpr (has_affine_map<M>)
      return std::visit([&](const auto& p) { return p.revive(model, batch, dead, step); }, policy_);
    else
      return {};
  }

 private:
  template <class M>
  static constexpr bool has_affine_map = requires(const M& model) {
    model.encoder.affine();
  };

  std::variant<NoRevival, Resample, AuxiliaryK> policy_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ANY_REVIVAL_HPP
