// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_GRAM_FORM_HPP
#define LACUNA_ENCODER_GRAM_FORM_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/gram_matrix.hpp>

namespace lacuna::detail {

/// @throws std::invalid_argument naming an atom whose squared length over- or underflows.
template <Real S>
void check_squares(const char* where, const Matrix<S>& atoms) {
  for (Index i = 0; i < atoms.cols(); ++i) {
    const S square = atoms.col(i).squaredNorm();
    const bool fits = square > std::numeric_limits<S>::min() && std::isfinite(square);
    if (fits || (atoms.col(i).array() == S(0)).all()) continue;
    require(false, where,
            "the squared length of atom " + std::to_string(i) +
                " does not fit the element type: rescale the atoms");
  }
}

/// Whether the squares of what a selection takes from a signal of this energy ||x||^2 fit `float`:
/// from its rounding, some 1e-12 of the energy, times the square of an atom's length, to their
/// product, for the lengths of `squares_fit`. Another signal is fitted at length 1.
template <Real S>
[[nodiscard]] bool energy_fits(S energy) {
  return energy > S(1e-18) && energy < S(1e18);
}

/// The same of the atoms: a correlation's square is an energy times a squared length.
template <Real S>
[[nodiscard]] bool squares_fit(const Matrix<S>& atoms) {
  for (Index i = 0; i < atoms.cols(); ++i) {
    const S square = atoms.col(i).squaredNorm();
    if (!(square > S(1e-7) && square < S(1e15)) && !(atoms.col(i).array() == S(0)).all())
      return false;
  }
  return true;
}

/// The atoms of another dictionary, each times the power of two that brings its length to [1, 2):
/// what is chosen from them is the same but for what over- or underflows.
template <Real S>
class EvenAtoms {
 public:
  using Scalar = S;

  explicit EvenAtoms(const Matrix<S>& atoms) : atoms_(atoms), scales_(atoms.cols()) {
    for (Index i = 0; i < atoms.cols(); ++i) {
      const S length = atoms.col(i).norm();
      scales_[i] = length > S(0) ? std::ldexp(S(1), -std::ilogb(length)) : S(1);
      atoms_.col(i) *= scales_[i];
    }
  }

  [[nodiscard]] Index dim() const noexcept { return atoms_.rows(); }
  [[nodiscard]] Index num_atoms() const noexcept { return atoms_.cols(); }
  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }
  [[nodiscard]] Matrix<S> decode(const MatrixArg<S>& codes) const { return atoms_ * codes; }
  [[nodiscard]] Matrix<S> decode(const SparseCodes<S>& codes) const { return atoms_ * codes; }
  [[nodiscard]] Matrix<S> correlate(const MatrixArg<S>& signals) const {
    return atoms_.transpose() * signals;
  }

  /// Codes of these atoms become codes of those that they were made from.
  void scale_back(SparseCodes<S>& codes) const {
    for (Index j = 0; j < codes.outerSize(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
        entry.valueRef() *= scales_[entry.row()];
  }

 private:
  Matrix<S> atoms_;
  Vector<S> scales_;
};

/// `select(d)`, a solution with sparse codes, by way of even atoms where the squares of d's do not
/// fit. @throws std::invalid_argument naming an atom whose squared length over- or underflows.
template <ExplicitDictionary D, class Select>
[[nodiscard]] auto select_where_squares_fit(const char* where, const D& d, Select&& select) {
  if (squares_fit(d.atoms())) return select(d);
  check_squares(where, d.atoms());
  const EvenAtoms<ScalarOf<D>> even(d.atoms());
  auto solution = select(even);
  even.scale_back(solution.codes);
  return solution;
}

/// The Gram matrix of a pursuit: the dictionary's own where it carries one, one made here where
/// that pays, or none.
template <ExplicitDictionary D>
class GramForm {
 public:
  using S = ScalarOf<D>;

  /// @param choices  atoms that a signal is expected to choose. @param threads  of the product,
  /// 0 for all cores. @param setup_flops  is added to.
  /// @throws std::invalid_argument naming an atom whose squared length over- or underflows.
  GramForm(const char* where, const D& d, Index n, Index choices, Index threads,
           std::int64_t& setup_flops) {
    check_squares(where, d.atoms());
    if constexpr (GramDictionary<D>) {
      if (d.has_gram()) {
        gram_ = &d.gram();
        return;
      }
    }
    // It saves some (2 dim - choices) num_atoms flops a choice and costs dim num_atoms^2 once. Up
    // to 8192 atoms: 256 MiB.
    if (d.num_atoms() > 8192 || n * choices * (2 * d.dim() - choices) <= d.dim() * d.num_atoms())
      return;
    own_ = gram_matrix(d.atoms(), threads);
    gram_ = &own_;
    setup_flops += std::int64_t{d.dim()} * d.num_atoms() * d.num_atoms();
  }
  GramForm(const GramForm&) = delete;
  GramForm& operator=(const GramForm&) = delete;

  /// Null where there is none.
  [[nodiscard]] const Matrix<S>* gram() const noexcept { return gram_; }

 private:
  Matrix<S> own_;
  const Matrix<S>* gram_ = nullptr;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_GRAM_FORM_HPP
