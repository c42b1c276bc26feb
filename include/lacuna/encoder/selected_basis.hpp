// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SELECTED_BASIS_HPP
#define LACUNA_ENCODER_SELECTED_BASIS_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// The atoms that a pursuit has chosen, orthonormalised as they come, and what each of their
/// directions means to all atoms.
///
/// With D_I = Q L^T for the chosen atoms I, in the order they came, this keeps L, lower triangular,
/// and the projections p_k = D^T q_k of all atoms on the k-th direction. In Gram form p_k = (G e_i
/// - sum_j L_kj p_j) / L_kk needs no q at all; otherwise the q_k are kept too. An atom is taken out
/// by Givens rotations of the columns behind it.
///
/// Source: Rebollo-Neira & Lowe, "Optimized orthogonal matching pursuit approach", 2002; Sturm &
/// Christensen, "Comparison of orthogonal matching pursuit implementations", 2012; Golub & Van
/// Loan, "Matrix computations", section 6.5 (updating a QR factorisation).
///
/// @tparam Chunk  atoms taken at once: small enough for few atoms, large enough to stay in
/// registers.
template <Real S, int Chunk>
class SelectedBasis {
 public:
  /// Of an atom's squared length: less than this outside the span of the chosen is rounding.
  static constexpr S span_tolerance = S(64) * std::numeric_limits<S>::epsilon();

  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  /// @param most  atoms that can be chosen at a time.
  SelectedBasis(const Matrix<S>& atoms, const Matrix<S>* gram, Index most)
      : atoms_(atoms),
        gram_(gram),
        lengths_(atoms.colwise().squaredNorm().transpose()),
        projections_(atoms.cols(), most),
        directions_(gram ? 0 : atoms.rows(), gram ? 0 : most + 1),
        factor_(most, most),
        row_(most) {
    support_.reserve(static_cast<std::size_t>(most));
  }

  void clear() { support_.clear(); }

  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }
  /// Squared lengths of the atoms.
  [[nodiscard]] const Vector<S>& lengths() const noexcept { return lengths_; }
  [[nodiscard]] const std::vector<Index>& support() const noexcept { return support_; }
  [[nodiscard]] Index size() const noexcept { return static_cast<Index>(support_.size()); }
  [[nodiscard]] Index most() const noexcept { return factor_.rows(); }

  [[nodiscard]] Index num_chunks() const noexcept { return (atoms_.cols() + Chunk - 1) / Chunk; }

  /// Calls `use(segment, chunk)`, where segment(v) is the part of a vector v in that chunk: of
  /// fixed size, so in registers, but for the last.
  template <class Use>
  void for_each_chunk(Use&& use) const {
    const Index n = atoms_.cols();
    Index begin = 0, chunk = 0;
    for (; begin + Chunk <= n; begin += Chunk, ++chunk)
      use([begin](auto&& v) { return v.template segment<Chunk>(begin); }, chunk);
    if (begin < n) use([begin, n](auto&& v) { return v.segment(begin, n - begin); }, chunk);
  }

  /// The squared length of the atom's part outside the span of those chosen. `append` may follow.
  [[nodiscard]] S outside_span(Index atom, std::int64_t& flops) {
    const Index size = this->size();
    for (Index j = 0; j < size; ++j) row_[j] = projections_(atom, j);
    if (gram_) {
      flops += 2 * size;
      return lengths_[atom] - row_.head(size).squaredNorm();
    }
    auto direction = directions_.col(size);
    direction = atoms_.col(atom);
    for (Index j = 0; j < size; ++j) direction -= row_[j] * directions_.col(j);
    flops += 2 * atoms_.rows() * (size + 1);
    return direction.squaredNorm();
  }

  /// Takes the atom that `outside_span` was last asked for, with `length` the root of its answer,
  /// and calls `update(segment, chunk, p)` with each chunk of the new projection while it is in
  /// registers.
  template <class Update>
  void append(Index atom, S length, Update&& update, std::int64_t& flops) {
    const Index size = this->size();
    const S scale = 1 / length;
    factor_.row(size).head(size) = row_.head(size).transpose();
    factor_(size, size) = length;
    support_.push_back(atom);
    auto projection = projections_.col(size);
    if (gram_) {
      const auto column = gram_->col(atom);
      for_each_chunk([&](auto segment, Index chunk) {
        auto p = segment(column).eval();
        for (Index j = 0; j < size; ++j) p -= row_[j] * segment(projections_.col(j));
        p *= scale;
        segment(projection) = p;
        update(segment, chunk, p);
      });
      flops += (2 * size + 1) * atoms_.cols();
    } else {
      directions_.col(size) *= scale;
      projection.noalias() = atoms_.transpose() * directions_.col(size);
      for_each_chunk(
          [&](auto segment, Index chunk) { update(segment, chunk, segment(projection)); });
      flops += 2 * atoms_.size();
    }
  }

  /// Takes out the atom at `position` of the support. `along`, coordinates in the directions, is
  /// rotated with them; afterwards its entry and the projection at the new size() belong to the
  /// direction that is no longer in the span.
  void remove(Index position, Vector<S>& along, std::int64_t& flops) {
    const Index last = size() - 1;
    support_.erase(support_.begin() + position);
    for (Index r = position; r < last; ++r)
      factor_.row(r).head(r + 2) = factor_.row(r + 1).head(r + 2);
    // Row r now reaches one column too far; each rotation of columns k, k + 1 brings row k back.
    for (Index k = position; k < last; ++k) {
      const S a = factor_(k, k), b = factor_(k, k + 1), length = std::hypot(a, b);
      const S c = a / length, s = b / length;
      for (Index r = k; r < last; ++r) rotate(factor_(r, k), factor_(r, k + 1), c, s);
      rotate(along[k], along[k + 1], c, s);
      auto p = projections_.col(k), q = projections_.col(k + 1);
      for_each_chunk([&](auto segment, Index) {
        const auto old = segment(p).eval();
        segment(p) = c * old + s * segment(q);
        segment(q) = c * segment(q) - s * old;
      });
      if (!gram_) {
        const Vector<S> old = directions_.col(k);
        directions_.col(k) = c * old + s * directions_.col(k + 1);
        directions_.col(k + 1) = c * directions_.col(k + 1) - s * old;
      }
      flops += 6 * (atoms_.cols() + (gram_ ? 0 : atoms_.rows()) + last - k + 1);
    }
  }

  /// The projection of all atoms on direction k.
  [[nodiscard]] auto projection(Index k) const { return projections_.col(k); }

  /// L^T s = along for the coefficients s of the support, in its order. Cost: size^2 flops.
  void solve(const Vector<S>& along, Vector<S>& coefficients) const {
    for (Index k = size() - 1; k >= 0; --k) {
      S sum = along[k];
      for (Index r = k + 1; r < size(); ++r) sum -= factor_(r, k) * coefficients[r];
      coefficients[k] = sum / factor_(k, k);
    }
  }

  /// 1/2 ||x - D_I s||^2 in double. Cost: 2 dim flops an atom.
  template <class X>
  [[nodiscard]] double half_squared_error(const X& x, const Vector<S>& coefficients) const {
    Vector<double> residual = x.template cast<double>();
    for (Index k = 0; k < size(); ++k)
      residual -= static_cast<double>(coefficients[k]) *
                  atoms_.col(support_[static_cast<std::size_t>(k)]).template cast<double>();
    return 0.5 * residual.squaredNorm();
  }

 private:
  static void rotate(S& a, S& b, S c, S s) {
    const S old = a;
    a = c * old + s * b;
    b = c * b - s * old;
  }

  const Matrix<S>& atoms_;
  const Matrix<S>* gram_;
  Vector<S> lengths_;
  Matrix<S> projections_;  // num_atoms x most: p_k
  Matrix<S> directions_;   // dim x (most + 1): q_k and a candidate, in residual form
  Matrix<S> factor_;       // L, and beside it nothing of meaning
  Vector<S> row_;
  std::vector<Index> support_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SELECTED_BASIS_HPP
