// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_SIGNAL_SOURCE_HPP
#define LACUNA_CONCEPTS_SIGNAL_SOURCE_HPP

#include <concepts>

#include <lacuna/concepts/dictionary.hpp>

namespace lacuna {

namespace detail {
template <class X>
concept HasDim = requires(const X& source) {
  { source.dim() } -> std::same_as<Index>;
};

template <class X>
concept HasBatch = requires(X& source, Index step) {
  { source.batch(step) } -> std::same_as<MatrixArg<typename X::Scalar>>;
};
}  // namespace detail

/// Where signals come from. `source.batch(step)` is the batch of training step `step` (0, 1, ...),
/// dim x n, valid until the next call.
///
/// Laws (tests/laws/source_laws.hpp): the batch is a function of the step alone, so a training resumed
/// at step t sees what it would have seen; batches have dim() rows, at least one column, and are finite.
template <class X>
concept SignalSource = detail::HasScalar<X> && detail::HasDim<X> && detail::HasBatch<X>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_SIGNAL_SOURCE_HPP
