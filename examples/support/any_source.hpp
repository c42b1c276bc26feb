// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ANY_SOURCE_HPP
#define LACUNA_EXAMPLES_SUPPORT_ANY_SOURCE_HPP

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <lacuna/concepts/signal_source.hpp>

namespace lacuna::examples {

/// A source of signals whose type is forgotten. Models `SignalSource`. Copies share the source.
class AnySource {
 public:
  using Scalar = float;

  template <class X>
  requires(!std::same_as<X, AnySource>) && SignalSource<X> explicit AnySource(X source)
      : dim_(source.dim()) {
    auto shared = std::make_shared<X>(std::move(source));
    batch_ = [shared](Index step) { return shared->batch(step); };
  }

  [[nodiscard]] Index dim() const noexcept { return dim_; }
  [[nodiscard]] MatrixArg<float> batch(Index step) { return batch_(step); }

 private:
  Index dim_;
  std::function<MatrixArg<float>(Index)> batch_;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ANY_SOURCE_HPP
