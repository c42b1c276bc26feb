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

/// The Gram matrix of a pursuit: the dictionary's own where it carries one, one made here where
/// that pays, or none.
template <ExplicitDictionary D>
class GramForm {
 public:
  using S = ScalarOf<D>;

  /// @param choices  atoms that a signal is expected to choose. @param setup_flops  is added to.
  /// @throws std::invalid_argument naming an atom whose squared length over- or underflows.
  GramForm(const char* where, const D& d, Index n, Index choices, std::int64_t& setup_flops) {
    for (Index i = 0; i < d.num_atoms(); ++i) {
      const S square = d.atoms().col(i).squaredNorm();
      const bool fits = square > std::numeric_limits<S>::min() && std::isfinite(square);
      require(fits || (d.atoms().col(i).array() == S(0)).all(), where,
              "the squared length of atom " + std::to_string(i) +
                  " does not fit the element type: rescale the atoms");
    }
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
    own_ = gram_matrix(d.atoms());
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
