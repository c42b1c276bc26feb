// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_ATOM_CHUNKS_HPP
#define LACUNA_ENCODER_ATOM_CHUNKS_HPP

#include <algorithm>
#include <type_traits>
#include <utility>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// All atoms, some at a time: few enough for what is worked on to stay in registers.
///
/// @code
/// AtomChunks<64>(num_atoms).for_each([&](auto segment, Index chunk) {
///   segment(correlations) -= z * segment(projection);  // 64 entries, or what the last chunk has
/// });
/// @endcode
template <int Chunk>
class AtomChunks {
 public:
  explicit AtomChunks(Index num_atoms) : num_atoms_(num_atoms) {}

  [[nodiscard]] Index size() const noexcept { return (num_atoms_ + Chunk - 1) / Chunk; }
  /// Atoms of a chunk: all, but in the last.
  [[nodiscard]] Index size_of(Index chunk) const noexcept {
    return std::min<Index>(Chunk, num_atoms_ - chunk * Chunk);
  }

  /// Calls `use(segment)`, where segment(v) is the part of a vector v in that chunk: of fixed size,
  /// but for a last one that is not whole.
  template <class Use>
  void with(Index chunk, Use&& use) const {
    const Index begin = chunk * Chunk, count = size_of(chunk);
    if (count == Chunk)
      use([begin](auto&& v) { return v.template segment<Chunk>(begin); });
    else
      use([begin, count](auto&& v) { return v.segment(begin, count); });
  }

  /// Calls `use(segment, chunk)` with every chunk.
  template <class Use>
  void for_each(Use&& use) const {
    for (Index chunk = 0; chunk < size(); ++chunk)
      with(chunk, [&](auto segment) { use(segment, chunk); });
  }

  /// Whether a segment is that of a whole chunk.
  template <class Segment, class V>
  static constexpr bool is_whole = std::remove_cvref_t<decltype(std::declval<Segment>()(
                                       std::declval<V&>()))>::SizeAtCompileTime == Chunk;

 private:
  Index num_atoms_;
};

/// Says that a column, of a Gram matrix, will be read soon. It comes from afar; asked for at once,
/// all of it is on the way while the first entries are worked on.
template <Real S>
void prefetch_column([[maybe_unused]] const Matrix<S>& matrix, [[maybe_unused]] Index column) {
#if defined(__GNUC__)
  constexpr Index line = 64 / sizeof(S);  // of the cache
  const S* const entries = matrix.data() + column * matrix.rows();
  for (Index i = 0; i < matrix.rows(); i += line) __builtin_prefetch(entries + i);
#endif
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_ATOM_CHUNKS_HPP
