// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_COMPOSED_HPP
#define LACUNA_TRANSFORM_COMPOSED_HPP

#include <utility>

#include <lacuna/concepts/learnable_transform.hpp>

namespace lacuna {

namespace detail {
template <class T>
concept FixedTransform = !LearnableTransform<T, float> && !LearnableTransform<T, double>;
}  // namespace detail

/// One transform after another: apply is second(first(x)), invert undoes the second, then the
/// first. Models `Transform`.
///
/// Of fixed transforms alone: what is inside would not be trained. Data that are scaled once,
/// before the training, have room for a `LearnedBias`.
///
/// @code
/// const Centre<float> centre = Centre<float>::of(signals);
/// const Composed standard(centre, Scale<float>::of(centre.apply(signals)));
/// Model model{standard, dictionary, encoder};
/// @endcode
template <detail::FixedTransform First, detail::FixedTransform Second>
class Composed {
 public:
  Composed(First first, Second second) : first_(std::move(first)), second_(std::move(second)) {}

  [[nodiscard]] const First& first() const noexcept { return first_; }
  [[nodiscard]] const Second& second() const noexcept { return second_; }

  template <class Derived, class S = typename Derived::Scalar>
  requires Transform<First, S> && Transform<Second, S>
  [[nodiscard]] Matrix<S> apply(const Eigen::MatrixBase<Derived>& signals) const {
    return second_.apply(first_.apply(signals.derived()));
  }

  template <class Derived, class S = typename Derived::Scalar>
  requires Transform<First, S> && Transform<Second, S>
  [[nodiscard]] Matrix<S> invert(const Eigen::MatrixBase<Derived>& signals) const {
    return first_.invert(second_.invert(signals.derived()));
  }

 private:
  First first_;
  Second second_;
};

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_COMPOSED_HPP
