// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_RESIDUAL_CORRELATIONS_HPP
#define LACUNA_ENCODER_RESIDUAL_CORRELATIONS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/encoder/atom_chunks.hpp>

namespace lacuna::detail {

/// The correlations D^T (x - D_I s) of all atoms with what a few of them leave of a signal, made
/// anew from D^T x, s and the columns of the Gram matrix (Gram form), or by way of the residual.
///
/// Cost: 2 num_atoms |I| flops in Gram form, 2 dim (num_atoms + |I|) otherwise, and no more for
/// many atoms that came into I or left since.
template <Real S, int Chunk>
class ResidualCorrelations {
 public:
  /// @param gram  null for the residual form. Both are the caller's and outlive this work space.
  ResidualCorrelations(const Matrix<S>& atoms, const Matrix<S>* gram)
      : atoms_(atoms), gram_(gram), chunks_(atoms.cols()), residual_(gram ? 0 : atoms.rows()) {}

  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }
  [[nodiscard]] const AtomChunks<Chunk>& chunks() const noexcept { return chunks_; }

  /// <d_i, d> for the atoms i of a support and another atom d.
  template <class Row>
  void inner_products(Index atom, const std::vector<Index>& support, Row&& row,
                      std::int64_t& flops) const {
    const auto size = static_cast<Index>(support.size());
    if (gram_) {
      const S* column = gram_->data() + atom * gram_->rows();
      for (Index k = 0; k < size; ++k) row[k] = column[support[static_cast<std::size_t>(k)]];
    } else {
      for (Index k = 0; k < size; ++k)
        row[k] = atoms_.col(support[static_cast<std::size_t>(k)]).dot(atoms_.col(atom));
      flops += 2 * atoms_.rows() * size;
    }
  }

  /// Says that the atom may come into the support.
  void expect(Index atom) const {
    if (gram_) prefetch_column(*gram_, atom);
  }

  /// Writes D^T (x - D_I s) for the support I. @param start  D^T x. Calls `use(segment, chunk)`
  /// with every chunk that is written, while it is at hand.
  template <class X, class C, class Use>
  void write(const X& x, const Vector<S>& start, const std::vector<Index>& support,
             const Vector<S>& coefficients, C& correlations, const Use& use, std::int64_t& flops) {
    const auto size = static_cast<Index>(support.size());
    const Index m = atoms_.rows(), n = atoms_.cols();
    if (!gram_) {
      residual_ = x;
      for (Index k = 0; k < size; ++k)
        residual_ -= coefficients[k] * atoms_.col(support[static_cast<std::size_t>(k)]);
      correlations.noalias() = atoms_.transpose() * residual_;
      chunks_.for_each(use);
      flops += 2 * m * (n + size);
      return;
    }
    chunks_.for_each([&](auto segment, Index chunk) {
      const S* const gram = gram_->data() + chunk * Chunk;
      const Index count = chunks_.size_of(chunk);
      const auto subtract = [&](auto c) {
        for (Index k = 0; k < size; ++k) {
          const S* column = gram + support[static_cast<std::size_t>(k)] * n;
          c -= coefficients[k] * Eigen::Map<const decltype(c)>(column, count);
        }
        segment(correlations) = c;
      };
      if (count == Chunk)
        subtract(Eigen::Matrix<S, Chunk, 1>(segment(start)));
      else
        subtract(Eigen::Matrix<S, Eigen::Dynamic, 1, 0, Chunk, 1>(segment(start)));
      use(segment, chunk);
    });
    flops += 2 * n * size;
  }

 private:
  const Matrix<S>& atoms_;
  const Matrix<S>* gram_;
  AtomChunks<Chunk> chunks_;
  Vector<S> residual_;  // in residual form
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_RESIDUAL_CORRELATIONS_HPP
