// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_IDENTITY_HPP
#define LACUNA_TRANSFORM_IDENTITY_HPP

#include <lacuna/core/matrix.hpp>

namespace lacuna {

/// Leaves signals as they are: the transform of a model that has none. Models `Transform`.
struct Identity {
  template <class Derived>
  [[nodiscard]] Matrix<typename Derived::Scalar> apply(
      const Eigen::MatrixBase<Derived>& signals) const {
    return signals;
  }
  template <class Derived>
  [[nodiscard]] Matrix<typename Derived::Scalar> invert(
      const Eigen::MatrixBase<Derived>& signals) const {
    return signals;
  }
};

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_IDENTITY_HPP
