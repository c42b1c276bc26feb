// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SELECTED_BASIS_HPP
#define LACUNA_ENCODER_SELECTED_BASIS_HPP

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/encoder/atom_chunks.hpp>
#include <lacuna/encoder/support_factor.hpp>

namespace lacuna::detail {

/// The atoms that a pursuit has chosen, orthonormalised as they come, and what each of their
/// directions means to all atoms.
///
/// With D_I = Q L^T for the chosen atoms I, in the order they came, this keeps L (`SupportFactor`)
/// and the projections p_k = D^T q_k of all atoms on the k-th direction. In Gram form p_k = (G e_i
/// - sum_j L_kj p_j) / L_kk needs no q at all; otherwise the q_k are kept too.
///
/// Source: Rebollo-Neira & Lowe, "Optimized orthogonal matching pursuit approach", 2002; Sturm &
/// Christensen, "Comparison of orthogonal matching pursuit implementations", 2012.
///
/// @tparam Chunk  atoms taken at once: small enough for few atoms, large enough to stay in
/// registers.
template <Real S, int Chunk>
class SelectedBasis {
 public:
  static constexpr S span_tolerance = SupportFactor<S>::span_tolerance;

  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  /// @param most  atoms that can be chosen at a time.
  SelectedBasis(const Matrix<S>& atoms, const Matrix<S>* gram, Index most)
      : atoms_(atoms),
        gram_(gram),
        chunks_(atoms.cols()),
        lengths_(atoms.colwise().squaredNorm().transpose()),
        factor_(most),
        projections_(num_chunks() * Chunk * most),
        whole_(Vector<S>::Zero(gram ? 0 : num_chunks() * Chunk)),
        directions_(gram ? 0 : atoms.rows(), gram ? 0 : most + 1),
        tail_(Segment::Zero()) {
    support_.reserve(static_cast<std::size_t>(most));
  }

  void clear() {
    support_.clear();
    factor_.clear();
  }

  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }
  /// Squared lengths of the atoms.
  [[nodiscard]] const Vector<S>& lengths() const noexcept { return lengths_; }
  [[nodiscard]] const std::vector<Index>& support() const noexcept { return support_; }
  [[nodiscard]] Index size() const noexcept { return factor_.size(); }
  [[nodiscard]] Index most() const noexcept { return factor_.most(); }

  [[nodiscard]] Index num_chunks() const noexcept { return chunks_.size(); }

  /// The squared length of the atom's part outside the span of those chosen. `push` may follow.
  [[nodiscard]] S outside_span(Index atom, std::int64_t& flops) {
    const Index size = this->size();
    if (size == most()) return S(0);
    auto row = factor_.row();
    S inside = S(0);
    for (Index j = 0; j < size; ++j) {
      row[j] = part(atom / Chunk, j)[atom % Chunk];
      inside += row[j] * row[j];
    }
    if (gram_) {
      flops += 2 * size;
      return lengths_[atom] - inside;
    }
    auto direction = directions_.col(size);
    direction = atoms_.col(atom);
    for (Index j = 0; j < size; ++j) direction -= row[j] * directions_.col(j);
    flops += 2 * atoms_.rows() * (size + 1);
    return direction.squaredNorm();
  }

  /// Takes the atom that `outside_span` was last asked for, with `length` the root of its answer,
  /// and makes its projection. Calls `update(chunk, p)` with each chunk of that while it is in
  /// registers: all of p is there, with zeros beyond the last atom.
  template <class Update>
  void push_padded(Index atom, S length, const Update& update, std::int64_t& flops) {
    const Index k = size();
    const S* const row = factor_.row().data();
    const S inverse = 1 / length;
    if (gram_) {
      prefetch_column(*gram_, atom);
      flops += (2 * k + 1) * atoms_.cols();
    } else {
      directions_.col(k) *= inverse;
      whole_.head(atoms_.cols()).noalias() = atoms_.transpose() * directions_.col(k);
      flops += 2 * atoms_.size();
    }
    for (Index chunk = 0; chunk < num_chunks(); ++chunk) {
      Segment p;
      if (gram_) {
        p = Eigen::Map<const Segment>(gram_chunk(atom, chunk));
        for (Index j = 0; j < k; ++j) p -= row[j] * part(chunk, j);
        p *= inverse;
      } else {
        p = whole_.template segment<Chunk>(chunk * Chunk);
      }
      part(chunk, k) = p;
      update(chunk, p);
    }
    factor_.push(length);
    support_.push_back(atom);
  }
  /// The same with `update(segment, p)`, segments as in `AtomChunks` and as much of p.
  template <class Update>
  void push(Index atom, S length, const Update& update, std::int64_t& flops) {
    push_padded(
        atom, length, [&](Index chunk, const Segment& p) { on_segment(chunk, p, update); }, flops);
  }

  /// Takes out the atom at `position` of the support. `along`, coordinates in the directions, is
  /// rotated with them; afterwards its entry and the projection at the new size() belong to the
  /// direction that is no longer in the span.
  void remove(Index position, Vector<S>& along, std::int64_t& flops) {
    const Index last = size() - 1;
    support_.erase(support_.begin() + position);
    factor_.remove(position, [&](Index k, S c, S s) {
      factor_.turn(along[k], along[k + 1], c, s);
      for (Index chunk = 0; chunk < num_chunks(); ++chunk) {
        const Segment first = part(chunk, k), second = part(chunk, k + 1);
        part(chunk, k) = c * first + s * second;
        part(chunk, k + 1) = c * second - s * first;
      }
      for (Index r = 0; r < directions_.rows(); ++r)  // none in Gram form
        factor_.turn(directions_(r, k), directions_(r, k + 1), c, s);
      flops += 6 * (atoms_.cols() + (gram_ ? 0 : atoms_.rows()) + last - k + 1);
    });
  }

  /// Calls `use(segment, p)` with each chunk of the projection of all atoms on direction k.
  template <class Use>
  void with_projection(Index k, const Use& use) const {
    for (Index chunk = 0; chunk < num_chunks(); ++chunk) on_segment(chunk, part(chunk, k), use);
  }

  /// L^T s = along for the coefficients s of the support, in its order. Cost: size^2 flops.
  void solve(const Vector<S>& along, Vector<S>& coefficients) const {
    factor_.solve(along, coefficients);
  }

  /// 1/2 ||x - D_I s||^2 in double. Cost: 2 dim flops an atom.
  template <class X>
  [[nodiscard]] double half_squared_error(const X& x, const Vector<S>& coefficients) const {
    return detail::half_squared_error(atoms_, support_, x, coefficients);
  }

 private:
  using Segment = Eigen::Matrix<S, Chunk, 1>;

  /// `use(segment, p)` with as much of p as the chunk has atoms.
  template <class P, class Use>
  void on_segment(Index chunk, const P& p, const Use& use) const {
    chunks_.with(chunk, [&](auto segment) {
      if constexpr (AtomChunks<Chunk>::template is_whole<decltype(segment), Vector<S>>)
        use(segment, p);
      else
        use(segment, p.head(chunks_.size_of(chunk)));
    });
  }

  /// A chunk of a projection; beyond the last atom 0. Those of a chunk lie one after another, so
  /// that going through them for one chunk of atoms is reading on.
  [[nodiscard]] auto part(Index chunk, Index k) {
    return Eigen::Map<Segment>(projections_.data() + (chunk * most() + k) * Chunk);
  }
  [[nodiscard]] auto part(Index chunk, Index k) const {
    return Eigen::Map<const Segment>(projections_.data() + (chunk * most() + k) * Chunk);
  }

  /// A chunk of a column of the Gram matrix; of the last one a copy, with zeros behind it.
  [[nodiscard]] const S* gram_chunk(Index atom, Index chunk) {
    const S* from = gram_->data() + atom * gram_->rows() + chunk * Chunk;
    const Index rest = gram_->rows() - chunk * Chunk;
    return rest >= Chunk ? from : std::copy_n(from, rest, tail_.data()) - rest;
  }

  const Matrix<S>& atoms_;
  const Matrix<S>* gram_;
  AtomChunks<Chunk> chunks_;
  Vector<S> lengths_;
  SupportFactor<S> factor_;
  Vector<S> projections_;  // p_k of the atoms, Chunk x most for a chunk of them
  Vector<S> whole_;        // a projection as the residual form makes it, and zeros to a whole chunk
  Matrix<S> directions_;   // dim x (most + 1): q_k and a candidate, in residual form
  Segment tail_;           // the last chunk of a column of the Gram matrix, and zeros
  std::vector<Index> support_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SELECTED_BASIS_HPP
