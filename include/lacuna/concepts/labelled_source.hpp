// SPDX-License-Identifier: MIT
#ifndef LACUNA_CONCEPTS_LABELLED_SOURCE_HPP
#define LACUNA_CONCEPTS_LABELLED_SOURCE_HPP

#include <concepts>

#include <lacuna/concepts/signal_source.hpp>

namespace lacuna {

namespace detail {
template <class X>
concept HasNumAtoms = requires(const X& source) {
  { source.num_atoms() } -> std::same_as<Index>;
};

template <class X>
concept HasBatchCodes = requires(X& source, Index step) {
  { source.batch_codes(step) } -> std::same_as<const SparseCodes<typename X::Scalar>&>;
};
}  // namespace detail

/// A source whose codes are known: `source.batch_codes(step)` are the true codes, num_atoms x n, of
/// `source.batch(step)`, valid until the next call with another step.
///
/// Law: the two have the same number of columns, and column j belongs to column j.
template <class X>
concept LabelledSource = SignalSource<X> && detail::HasNumAtoms<X> && detail::HasBatchCodes<X>;

}  // namespace lacuna

#endif  // LACUNA_CONCEPTS_LABELLED_SOURCE_HPP
