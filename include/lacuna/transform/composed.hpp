// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRANSFORM_COMPOSED_HPP
#define LACUNA_TRANSFORM_COMPOSED_HPP

#include <type_traits>
#include <utility>

#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/transform/shift_and_scale.hpp>

namespace lacuna {

namespace detail {
template <class T>
concept FixedTransform = !LearnableTransform<T, float> && !LearnableTransform<T, double>;

/// Two learned parts have no one vector of parameters; one alone needs the other's scale.
template <class First, class Second>
concept CanCompose = (FixedTransform<First> && FixedTransform<Second>) ||
                     (FixedTransform<First> && HasShiftAndScale<First>) ||
                     (FixedTransform<Second> && HasShiftAndScale<Second>);
}  // namespace detail

/// One transform after another: apply is second(first(x)), invert undoes the second, then the
/// first. Models `Transform`, and `LearnableTransform` where one of the two does; both may not.
///
/// @code
/// const Centre<float> centre = Centre<float>::of(signals);
/// const Composed standard(centre, Scale<float>::of(centre.apply(signals)));
/// const Scale<float> scale = Scale<float>::of(signals);
/// const auto bias = LearnedBias<float>::at_mean(scale.apply(signals));
/// Model model{Composed(scale, bias), dictionary, encoder};
/// @endcode
template <class First, class Second>
requires detail::CanCompose<First, Second>
class Composed {
  static constexpr bool is_learned =
      !detail::FixedTransform<First> || !detail::FixedTransform<Second>;

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

  /// Those of the learned part.
  [[nodiscard]] auto parameters() requires is_learned {
    return learned(first_, second_).parameters();
  }
  [[nodiscard]] auto parameters() const requires is_learned {
    return learned(first_, second_).parameters();
  }

  /// A second part passes the gradient on to a first one over its scale.
  template <Real S>
  void backward(const std::type_identity_t<MatrixArg<S>>& signals,
                const std::type_identity_t<MatrixArg<S>>& applied_gradient,
                Vector<S>& gradient) const
      requires LearnableTransform<First, S> || LearnableTransform<Second, S> {
    if constexpr (detail::FixedTransform<First>) {
      second_.backward(first_.apply(signals), applied_gradient, gradient);
    } else {
      using detail::shift_and_scale;
      const S scale = static_cast<S>(shift_and_scale(second_).scale);
      first_.backward(signals, applied_gradient / scale, gradient);
    }
  }

  /// ((x - m1) / c1 - m2) / c2 = (x - (m1 + c1 m2)) / (c1 c2)
  [[nodiscard]] friend detail::ShiftAndScale shift_and_scale(const Composed& t) requires
      detail::HasShiftAndScale<First> && detail::HasShiftAndScale<Second> {
    using detail::shift_and_scale;
    detail::ShiftAndScale first = shift_and_scale(t.first_), second = shift_and_scale(t.second_);
    if (first.shift.size() == 0)
      first.shift = first.scale * second.shift;
    else if (second.shift.size() > 0)
      first.shift += first.scale * second.shift;
    first.scale *= second.scale;
    return first;
  }

 private:
  template <class A, class B>
  [[nodiscard]] static auto& learned(A& first, B& second) {
    if constexpr (detail::FixedTransform<First>)
      return second;
    else
      return first;
  }

  First first_;
  Second second_;
};

}  // namespace lacuna

#endif  // LACUNA_TRANSFORM_COMPOSED_HPP
