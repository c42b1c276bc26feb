// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_CHUNK_SCORES_HPP
#define LACUNA_ENCODER_CHUNK_SCORES_HPP

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// The largest of an expression, of fixed size a power of two by halving it, which stays in
/// registers. Eigen 3.4's own maxCoeff goes through memory on AVX-512, and is some ten times
/// slower.
template <class E>
[[nodiscard]] EIGEN_ALWAYS_INLINE typename E::Scalar largest(const E& values) {
  constexpr int size = E::SizeAtCompileTime;
  if constexpr (size > 4) {
    const Eigen::Array<typename E::Scalar, size, 1> v = values;
    return largest(v.template head<size / 2>().max(v.template tail<size / 2>()));
  } else {
    return values.maxCoeff();
  }
}

/// The largest score of every chunk of atoms, and the first atom of the largest of all.
template <Real S, int Chunk>
class ChunkScores {
 public:
  explicit ChunkScores(Index num_chunks)
      : best_(Vector<S>::Zero((num_chunks + lanes - 1) / lanes * lanes)) {}

  /// @param scores  of the Chunk atoms of a chunk, none below 0.
  template <class E>
  EIGEN_ALWAYS_INLINE void set(Index chunk, const E& scores) {
    best_[chunk] = largest(scores);
  }

  /// The first atom of the largest score, or -1 where none is above `least`, at least 0.
  /// @param scores_of  chunk -> its scores as they were set.
  template <class ScoresOf>
  [[nodiscard]] Index argmax(S least, ScoresOf&& scores_of) const {
    Eigen::Array<S, lanes, 1> best = at(0);
    for (Index i = lanes; i < best_.size(); i += lanes) best = best.max(at(i));
    const S most = largest(best);
    if (!(most > least)) return -1;
    Index chunk = 0;
    while (chunk + lanes < best_.size() && largest(at(chunk)) < most) chunk += lanes;
    chunk += first<lanes>(at(chunk), most);
    return chunk * Chunk + first<Chunk>(scores_of(chunk), most);
  }

 private:
  static constexpr int lanes = 16;
  /// As wide as S, so that both are chosen by the same comparison.
  using Position = std::conditional_t<sizeof(S) == 4, std::int32_t, std::int64_t>;

  /// Where the first of these values is. A plain loop without a way out, which compilers turn into
  /// lanes.
  template <int size>
  [[nodiscard]] static Index first(const Eigen::Array<S, size, 1>& values, S value) {
    Position place = size;
    for (Position i = 0; i < size; ++i)
      place = std::min(place, values[i] == value ? i : Position{size});
    // A score that is computed again may differ by a bit where the compiler is free to: any of the
    // chunk is as good, then.
    return std::min(place, Position{size - 1});
  }

  [[nodiscard]] auto at(Index chunk) const { return best_.template segment<lanes>(chunk).array(); }

  Vector<S> best_;  // and zeros up to a multiple of lanes
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_CHUNK_SCORES_HPP
