// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SELECTED_BASIS_HPP
#define LACUNA_ENCODER_SELECTED_BASIS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
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
        projections_(num_chunks() * Chunk * most),
        whole_(Vector<S>::Zero(gram ? 0 : num_chunks() * Chunk)),
        directions_(gram ? 0 : atoms.rows(), gram ? 0 : most + 1),
        factor_(most, most),
        inverse_diagonal_(most),
        tail_(Segment::Zero()) {
    support_.reserve(static_cast<std::size_t>(most));
  }

  void clear() {
    support_.clear();
    projected_ = 0;
  }

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
    for (Index chunk = 0; chunk < num_chunks(); ++chunk)
      with_segment(chunk, [&](auto segment) { use(segment, chunk); });
  }

  /// The squared length of the atom's part outside the span of those chosen. `push` may follow.
  [[nodiscard]] S outside_span(Index atom, std::int64_t& flops) {
    const Index size = this->size();
    if (size == most()) return S(0);
    auto row = factor_.row(size);
    S inside = S(0);
    for (Index j = 0; j < size; ++j) {
      row[j] = j < projected_ ? projection(j, atom) : waiting_projection(j, atom, row, flops);
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
  /// The projection on direction k of the atom that `outside_span` was last asked for.
  [[nodiscard]] S asked(Index k) const { return factor_(size(), k); }

  /// Takes the atom that `outside_span` was last asked for, with `length` the root of its answer.
  /// Its projection waits for `project`; until then, in Gram form alone, others may be taken.
  void push(Index atom, S length) {
    const Index size = this->size();
    factor_(size, size) = length;
    inverse_diagonal_[size] = 1 / length;
    support_.push_back(atom);
    if (gram_)
      prefetch(gram_->col(atom));
    else
      directions_.col(size) *= inverse_diagonal_[size];
  }
  /// Whether more than one projection may wait.
  [[nodiscard]] bool can_wait() const noexcept { return gram_ != nullptr; }
  /// Atoms whose projection waits: the last ones of the support.
  [[nodiscard]] Index waiting() const noexcept { return size() - projected_; }

  /// Makes the projections that wait, all of them for one chunk of atoms after another, so that
  /// those there are come from afar once for all. Calls `update(segment, chunk, k, p)` with each
  /// chunk of projection k while it is in registers, in the order of k.
  template <class Update>
  void project(const Update& update, std::int64_t& flops) {
    project_padded(
        [&](Index chunk, Index k, const Segment& p) {
          with_segment(chunk, [&](auto segment) {
            if constexpr (is_whole<decltype(segment)>)
              update(segment, chunk, k, p);
            else
              update(segment, chunk, k, p.head(atoms_.cols() - chunk * Chunk));
          });
        },
        flops);
  }

  /// The same with `update(chunk, k, p)`: all of p is there, with zeros beyond the last atom.
  template <class Update>
  void project_padded(const Update& update, std::int64_t& flops) {
    const Index size = this->size();
    if (gram_) {
      for (Index k = projected_; k < size; ++k) flops += (2 * k + 1) * atoms_.cols();
    } else if (waiting() > 0) {
      whole_.head(atoms_.cols()).noalias() = atoms_.transpose() * directions_.col(projected_);
      flops += 2 * atoms_.size();
    }
    for (Index chunk = 0; chunk < num_chunks(); ++chunk)
      for (Index k = projected_; k < size; ++k) {
        Segment p;
        if (gram_) {
          const S* row = factor_.data() + k * factor_.cols();
          p = Eigen::Map<const Segment>(gram_chunk(support_[static_cast<std::size_t>(k)], chunk));
          for (Index j = 0; j < k; ++j) p -= row[j] * part(chunk, j);
          p *= inverse_diagonal_[k];
        } else {
          p = whole_.template segment<Chunk>(chunk * Chunk);
        }
        part(chunk, k) = p;
        update(chunk, k, p);
      }
    projected_ = size;
  }

  /// Takes out the atom at `position` of the support. `along`, coordinates in the directions, is
  /// rotated with them; afterwards its entry and the projection at the new size() belong to the
  /// direction that is no longer in the span.
  void remove(Index position, Vector<S>& along, std::int64_t& flops) {
    const Index last = size() - 1;
    support_.erase(support_.begin() + position);
    projected_ = last;
    for (Index r = position; r < last; ++r)
      factor_.row(r).head(r + 2) = factor_.row(r + 1).head(r + 2);
    // Row r now reaches one column too far; each rotation of columns k, k + 1 brings row k back.
    for (Index k = position; k < last; ++k) {
      const S a = factor_(k, k), b = factor_(k, k + 1), length = std::hypot(a, b);
      const S c = a / length, s = b / length;
      for (Index r = k; r < last; ++r) rotate(factor_(r, k), factor_(r, k + 1), c, s);
      inverse_diagonal_[k] = 1 / factor_(k, k);
      rotate(along[k], along[k + 1], c, s);
      for (Index chunk = 0; chunk < num_chunks(); ++chunk) {
        const Segment first = part(chunk, k), second = part(chunk, k + 1);
        part(chunk, k) = c * first + s * second;
        part(chunk, k + 1) = c * second - s * first;
      }
      for (Index r = 0; r < directions_.rows(); ++r)  // none in Gram form
        rotate(directions_(r, k), directions_(r, k + 1), c, s);
      flops += 6 * (atoms_.cols() + (gram_ ? 0 : atoms_.rows()) + last - k + 1);
    }
  }

  /// The projection of an atom on direction k.
  [[nodiscard]] S projection(Index k, Index atom) const {
    return part(atom / Chunk, k)[atom % Chunk];
  }
  /// Calls `use(segment, p)` with each chunk of the projection of all atoms on direction k.
  template <class Use>
  void with_projection(Index k, Use&& use) const {
    for_each_chunk([&](auto segment, Index chunk) {
      if constexpr (is_whole<decltype(segment)>)
        use(segment, part(chunk, k));
      else
        use(segment, part(chunk, k).head(atoms_.cols() - chunk * Chunk));
    });
  }

  /// L^T s = along for the coefficients s of the support, in its order. Cost: size^2 flops.
  void solve(const Vector<S>& along, Vector<S>& coefficients) const {
    const Index size = this->size();
    coefficients.head(size) = along.head(size);
    for (Index k = size - 1; k >= 0; --k) {
      const S s = coefficients[k] * inverse_diagonal_[k];
      coefficients[k] = s;
      for (Index j = 0; j < k; ++j) coefficients[j] -= s * factor_(k, j);
    }
  }

  /// 1/2 ||x - D_I s||^2 in double. Cost: 2 dim flops an atom.
  template <class X>
  [[nodiscard]] double half_squared_error(const X& x, const Vector<S>& coefficients) const {
    constexpr int part = 16;
    const Index dim = atoms_.rows();
    double sum = 0;
    for (Index begin = 0; begin < dim; begin += part) {
      const Index count = std::min<Index>(part, dim - begin);
      Eigen::Array<double, part, 1> residual = Eigen::Array<double, part, 1>::Zero();
      const auto subtract = [&](auto segment) {
        auto r = segment(residual, 0);
        r = segment(x, begin).array().template cast<double>();
        for (Index k = 0; k < size(); ++k)
          r -= static_cast<double>(coefficients[k]) *
               segment(atoms_.col(support_[static_cast<std::size_t>(k)]), begin)
                   .array()
                   .template cast<double>();
      };
      if (count == part)
        subtract([](auto&& v, Index at) { return v.template segment<part>(at); });
      else
        subtract([count](auto&& v, Index at) { return v.segment(at, count); });
      sum += residual.square().sum();
    }
    return 0.5 * sum;
  }

 private:
  using Segment = Eigen::Matrix<S, Chunk, 1>;
  static constexpr Index line = 64 / sizeof(S);  // of the cache

  /// Whether a segment is that of a whole chunk.
  template <class SegmentOf>
  static constexpr bool is_whole = std::remove_cvref_t<decltype(std::declval<SegmentOf>()(
                                       std::declval<Vector<S>&>()))>::SizeAtCompileTime == Chunk;

  /// An atom's projection on a direction whose projections wait, from those before it in `row`.
  template <class Row>
  [[nodiscard]] S waiting_projection(Index k, Index atom, const Row& row,
                                     std::int64_t& flops) const {
    const S inner = (*gram_)(atom, support_[static_cast<std::size_t>(k)]);
    flops += 2 * k + 2;
    return (inner - factor_.row(k).head(k).dot(row.head(k))) * inverse_diagonal_[k];
  }

  /// A chunk of a projection; beyond the last atom 0. Those of a chunk lie one after another, so
  /// that going through them for one chunk of atoms is reading on.
  [[nodiscard]] auto part(Index chunk, Index k) {
    return Eigen::Map<Segment>(projections_.data() + (chunk * most() + k) * Chunk);
  }
  [[nodiscard]] auto part(Index chunk, Index k) const {
    return Eigen::Map<const Segment>(projections_.data() + (chunk * most() + k) * Chunk);
  }

  template <class Use>
  void with_segment(Index chunk, Use&& use) const {
    const Index begin = chunk * Chunk, n = atoms_.cols();
    if (begin + Chunk <= n)
      use([begin](auto&& v) { return v.template segment<Chunk>(begin); });
    else
      use([begin, n](auto&& v) { return v.segment(begin, n - begin); });
  }

  /// A chunk of a column of the Gram matrix; of the last one a copy, with zeros behind it.
  [[nodiscard]] const S* gram_chunk(Index atom, Index chunk) {
    const S* from = gram_->data() + atom * gram_->rows() + chunk * Chunk;
    const Index rest = gram_->rows() - chunk * Chunk;
    return rest >= Chunk ? from : std::copy_n(from, rest, tail_.data()) - rest;
  }

  /// A column of the Gram matrix comes from afar; asked for at once, all of it is on the way while
  /// the first chunks are computed.
  template <class Column>
  static void prefetch(const Column& column) {
#if defined(__GNUC__)
    for (Index i = 0; i < column.size(); i += line) __builtin_prefetch(column.data() + i);
#else
    static_cast<void>(column);
#endif
  }

  static void rotate(S& a, S& b, S c, S s) {
    const S old = a;
    a = c * old + s * b;
    b = c * b - s * old;
  }

  const Matrix<S>& atoms_;
  const Matrix<S>* gram_;
  Vector<S> lengths_;
  Vector<S> projections_;  // p_k of the atoms, Chunk x most for a chunk of them
  Vector<S> whole_;        // a projection as the residual form makes it, and zeros to a whole chunk
  Matrix<S> directions_;   // dim x (most + 1): q_k and a candidate, in residual form
  // L, a row contiguous, and beside it nothing of meaning.
  Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> factor_;
  Vector<S> inverse_diagonal_;
  Segment tail_;  // the last chunk of a column of the Gram matrix, and zeros
  std::vector<Index> support_;
  Index projected_ = 0;  // directions whose projection is there: all, but for those that wait
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SELECTED_BASIS_HPP
