// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SUPPORT_FACTOR_HPP
#define LACUNA_ENCODER_SUPPORT_FACTOR_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// The factor L, lower triangular, of the inner products of a few atoms, D_I^T D_I = L L^T, with
/// atoms that come in at the end and leave from anywhere.
///
/// Row k of L is the k-th atom in the orthonormal directions Q of D_I = Q L^T. The row of an atom
/// that may come in is written to `row`, which for g = D_I^T d is L r = g (`substitute`), and
/// pushed with what is left of its length, sqrt(||d||^2 - ||r||^2).
///
/// Source: Golub & Van Loan, "Matrix computations", section 6.5 (updating a factorisation).
///
/// @code
/// SupportFactor<float> factor(most);
/// factor.row() = inner_products_with_the_support(atom);
/// const float inside = factor.substitute();             // ||r||^2
/// if (squared_length > inside) factor.push(std::sqrt(squared_length - inside));
/// factor.solve(y, s);                                   // L^T s = y
/// @endcode
template <Real S>
class SupportFactor {
 public:
  /// Of an atom's squared length: less than this outside the span of the chosen is rounding.
  static constexpr S span_tolerance = S(64) * std::numeric_limits<S>::epsilon();

  /// @param most  atoms that can be in at a time.
  explicit SupportFactor(Index most) : factor_(most + 1, most + 1), inverse_diagonal_(most) {}

  void clear() noexcept { size_ = 0; }
  [[nodiscard]] Index size() const noexcept { return size_; }
  [[nodiscard]] Index most() const noexcept { return inverse_diagonal_.size(); }

  /// The row of the atom that may come next: size() entries. It stays until another's is written.
  [[nodiscard]] auto row() { return factor_.row(size_).head(size_); }
  [[nodiscard]] auto row() const { return factor_.row(size_).head(size_); }

  /// From inner products with the atoms that are in, which `row` holds, to the entries of L.
  /// @returns their squared length, that of the atom's part in the span. Cost: size^2 flops.
  S substitute() {
    S* r = factor_.data() + size_ * factor_.cols();
    S inside = S(0);
    for (Index j = 0; j < size_; ++j) {
      const auto known = Eigen::Map<const Vector<S>>(r, j);
      r[j] = (r[j] - factor_.row(j).head(j).dot(known)) * inverse_diagonal_[j];
      inside += r[j] * r[j];
    }
    return inside;
  }

  /// Takes the atom of `row`, with the length of its part outside the span.
  void push(S length) {
    factor_(size_, size_) = length;
    inverse_diagonal_[size_] = 1 / length;
    ++size_;
  }

  /// Takes out the atom at this position. Row r behind it then reaches one column too far; each
  /// rotation of columns k, k + 1 brings row k back. Calls `rotate(k, c, s)` with each of them, for
  /// what else is in the coordinates Q; `turn` is what it does to two of them. Coordinates of a
  /// known right side are better made anew (`solve_forward`): what a rotation takes out of a large
  /// one leaves its rounding in those that stay.
  template <class Rotate>
  void remove(Index position, const Rotate& rotate) {
    const Index last = --size_;
    for (Index r = position; r < last; ++r)
      factor_.row(r).head(r + 2) = factor_.row(r + 1).head(r + 2);
    for (Index k = position; k < last; ++k) {
      const S a = factor_(k, k), b = factor_(k, k + 1), length = std::hypot(a, b);
      const S c = a / length, s = b / length;
      for (Index r = k; r < last; ++r) turn(factor_(r, k), factor_(r, k + 1), c, s);
      inverse_diagonal_[k] = 1 / factor_(k, k);
      rotate(k, c, s);
    }
  }
  static void turn(S& a, S& b, S c, S s) {
    const S old = a;
    a = c * old + s * b;
    b = c * b - s * old;
  }

  /// L y = b for the coordinates y, given those before `from` and b behind them. Cost: size^2 -
  /// from^2 flops.
  void solve_forward(Index from, Vector<S>& y) const {
    for (Index k = from; k < size_; ++k)
      y[k] = (y[k] - factor_.row(k).head(k).dot(y.head(k))) * inverse_diagonal_[k];
  }
  /// L^T s = y, for the coefficients s of the atoms in their order. Cost: size^2 flops.
  void solve(const Vector<S>& y, Vector<S>& coefficients) const {
    coefficients.head(size_) = y.head(size_);
    for (Index k = size_ - 1; k >= 0; --k) {
      const S s = coefficients[k] * inverse_diagonal_[k];
      coefficients[k] = s;
      for (Index j = 0; j < k; ++j) coefficients[j] -= s * factor_(k, j);
    }
  }

 private:
  // L, a row contiguous, and beside it nothing of meaning; one row more than can be in, for an atom
  // that others are to leave for.
  Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> factor_;
  Vector<S> inverse_diagonal_;
  Index size_ = 0;
};

/// 1/2 ||x - D_I s||^2 in double, for the atoms I of a support and their coefficients. Cost: 2 dim
/// flops an atom.
template <Real S, class Support, class X>
[[nodiscard]] double half_squared_error(const Matrix<S>& atoms, const Support& support, const X& x,
                                        const Vector<S>& coefficients) {
  constexpr int part = 16;
  const Index dim = atoms.rows();
  double sum = 0;
  for (Index begin = 0; begin < dim; begin += part) {
    const Index count = std::min<Index>(part, dim - begin);
    Eigen::Array<double, part, 1> residual = Eigen::Array<double, part, 1>::Zero();
    const auto subtract = [&](auto segment) {
      auto r = segment(residual, 0);
      r = segment(x, begin).array().template cast<double>();
      for (std::size_t k = 0; k < support.size(); ++k)
        r -= static_cast<double>(coefficients[static_cast<Index>(k)]) *
             segment(atoms.col(support[k]), begin).array().template cast<double>();
    };
    if (count == part)
      subtract([](auto&& v, Index at) { return v.template segment<part>(at); });
    else
      subtract([count](auto&& v, Index at) { return v.segment(at, count); });
    sum += residual.square().sum();
  }
  return 0.5 * sum;
}

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SUPPORT_FACTOR_HPP
