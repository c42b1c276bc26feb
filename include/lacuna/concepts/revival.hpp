// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_REVIVAL_HPP
#define LACUNA_CONCEPTS_REVIVAL_HPP

#include <concepts>
#include <cstdint>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// What a revival policy sees of a training step: the batch, dim x n, as the encoder was given it,
/// and what is left of it, D s - x.
template <Real S>
struct TrainingBatch {
  MatrixArg<S> signals;
  const Matrix<S>& residual;
};

namespace detail {

template <class R>
concept HasWindow = requires(const R& r) {
  { r.window() } -> std::same_as<Index>;
};

template <class R>
concept SaysWhatItReplaces = requires {
  { R::replaces_latents } -> std::convertible_to<bool>;
};

template <class R, class M, class S>
concept HasAuxiliary = requires(R& r, const M& model, const TrainingBatch<S>& batch,
                                const std::vector<Index>& dead, Vector<S>& gradient) {
  { r.auxiliary(model, batch, dead, gradient, gradient) } -> std::same_as<double>;
};

template <class R>
concept CountsAuxiliaryFlops = requires(const R& r, Index n) {
  { r.auxiliary_flops(n, n) } -> std::same_as<std::int64_t>;
};

template <class R, class M, class S>
concept CanRevive = requires(const R& r, M& model, const TrainingBatch<S>& batch,
                             const std::vector<Index>& dead, Index step) {
  { r.revive(model, batch, dead, step) } -> std::same_as<std::vector<Index>>;
};

}  // namespace detail

/// What a trainer does about dead latents: those that no signal of the last steps has activated.
///
/// | expression                              | meaning                                            |
/// |-----------------------------------------|----------------------------------------------------|
/// | `r.window()`                            | steps without an active code after which a latent  |
/// |                                         | is dead; 0: it does not ask                        |
/// | `r.auxiliary(model, batch, dead, e, a)` | a further loss of the batch; its gradient is added |
/// |                                         | to e, the encoder's, and a, the atoms'             |
/// | `r.auxiliary_flops(dim, num_dead)`      | audited flops of that, a signal                    |
/// | `r.revive(model, batch, dead, step)`    | replaces latents after a step, and says which      |
/// | `R::replaces_latents`                   | whether `revive` ever does                         |
///
/// Laws (tests/unit/revival_test.cpp): neither touches a living latent (but for the rounding of a
/// dictionary that brings all atoms back to unit norm), nor its gradient; nothing is done where
/// none is dead. The trainer resets the optimiser's memory of the latents that were replaced: of
/// their atoms, and of the encoder's parameters where it has an `affine()` that says which are
/// theirs.
template <class R, class M, class S>
concept RevivalFor = std::copyable<R> && detail::HasWindow<R> && detail::SaysWhatItReplaces<R> &&
    detail::HasAuxiliary<R, M, S> && detail::CountsAuxiliaryFlops<R> && detail::CanRevive<R, M, S>;

/// The policy that does nothing.
struct NoRevival {
  static constexpr bool replaces_latents = false;
  [[nodiscard]] Index window() const noexcept { return 0; }
  [[nodiscard]] std::int64_t auxiliary_flops(Index, Index) const noexcept { return 0; }
  template <class M, Real S>
  double auxiliary(const M&, const TrainingBatch<S>&, const std::vector<Index>&, Vector<S>&,
                   Vector<S>&) const {
    return 0;
  }
  template <class M, Real S>
  [[nodiscard]] std::vector<Index> revive(M&, const TrainingBatch<S>&, const std::vector<Index>&,
                                          Index) const {
    return {};
  }
};

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_REVIVAL_HPP
