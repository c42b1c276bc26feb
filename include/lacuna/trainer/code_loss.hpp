// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_CODE_LOSS_HPP
#define LACUNA_TRAINER_CODE_LOSS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/check.hpp>

namespace lacuna {

namespace detail {

/// Calls `visit(row, column, code, target)` where the target is not 0, with the code's value there.
template <Real S, class Visit>
void for_each_target(const Matrix<S>& codes, const SparseCodes<S>& targets, Visit&& visit) {
  for (Index j = 0; j < targets.cols(); ++j)
    for (typename SparseCodes<S>::InnerIterator target(targets, j); target; ++target)
      visit(target.row(), j, codes(target.row(), j), target.value());
}
template <Real S, class Visit>
void for_each_target(const SparseCodes<S>& codes, const SparseCodes<S>& targets, Visit&& visit) {
  using Entry = typename SparseCodes<S>::InnerIterator;
  for (Index j = 0; j < targets.cols(); ++j) {
    Entry code(codes, j);
    for (Entry target(targets, j); target; ++target) {
      while (code && code.row() < target.row()) ++code;
      visit(target.row(), j, code && code.row() == target.row() ? code.value() : S(0),
            target.value());
    }
  }
}

/// gradient -= weight(row) * target wherever the target is not 0, and, for a sparse gradient, the
/// gradient has an entry.
template <Real S>
void subtract_targets(const Vector<S>& weight, const SparseCodes<S>& targets,
                      Matrix<S>& gradient) {
  for (Index j = 0; j < targets.cols(); ++j)
    for (typename SparseCodes<S>::InnerIterator target(targets, j); target; ++target)
      gradient(target.row(), j) -= weight[target.row()] * target.value();
}
template <Real S>
void subtract_targets(const Vector<S>& weight, const SparseCodes<S>& targets,
                      SparseCodes<S>& gradient) {
  using Entry = typename SparseCodes<S>::InnerIterator;
  for (Index j = 0; j < targets.cols(); ++j) {
    Entry target(targets, j);
    for (Entry entry(gradient, j); entry; ++entry) {
      while (target && target.row() < entry.row()) ++target;
      if (target && target.row() == entry.row())
        entry.valueRef() -= weight[entry.row()] * target.value();
    }
  }
}

/// gradient = codes with row i times weight[i]; the pattern of the codes.
template <Real S>
void scale_rows(const Vector<S>& weight, const Matrix<S>& codes, Matrix<S>& gradient) {
  gradient = codes.array().colwise() * weight.array();
}
template <Real S>
void scale_rows(const Vector<S>& weight, const SparseCodes<S>& codes, SparseCodes<S>& gradient) {
  gradient = codes;
  for (Index j = 0; j < gradient.cols(); ++j)
    for (typename SparseCodes<S>::InnerIterator entry(gradient, j); entry; ++entry)
      entry.valueRef() *= weight[entry.row()];
}

/// Sum of squares of each row.
template <Real S>
[[nodiscard]] Vector<S> squared_row_norms(const Matrix<S>& codes) {
  return codes.array().square().rowwise().sum();
}
template <Real S>
[[nodiscard]] Vector<S> squared_row_norms(const SparseCodes<S>& codes) {
  Vector<S> sums = Vector<S>::Zero(codes.rows());
  for (Index j = 0; j < codes.cols(); ++j)
    for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
      sums[entry.row()] += entry.value() * entry.value();
  return sums;
}

}  // namespace detail

/// The seed paper's loss on known codes: minus the mean over latents of the cosine, across the batch,
/// between a latent's true and encoded values. Not centred; a row shorter than 1e-8 counts as that
/// long, so a dead latent has cosine 0. Blind to the scale of each latent.
struct CosineLoss {
  /// Loss, and gradient = dloss/dcodes in the form (and pattern) of the codes.
  template <Real S, CodesOf<S> Codes>
  static double evaluate(const Codes& codes, const SparseCodes<S>& targets, Codes& gradient) {
    check_same_shape("CosineLoss", "codes", codes, "known codes", targets);
    constexpr S shortest = S(1e-8);
    const Index n = codes.rows();
    const Vector<S> code_norm = detail::squared_row_norms<S>(codes).cwiseSqrt();
    const Vector<S> target_norm =
        detail::squared_row_norms<S>(targets).cwiseSqrt().cwiseMax(shortest);
    Vector<S> inner = Vector<S>::Zero(n);
    detail::for_each_target<S>(codes, targets,
                               [&](Index i, Index, S code, S target) { inner[i] += code * target; });
    Vector<S> along(n), across(n);
    double cosines = 0;
    for (Index i = 0; i < n; ++i) {
      const S length = std::max(code_norm[i], shortest);
      const S scale = 1 / (length * target_norm[i] * static_cast<S>(n));
      cosines += static_cast<double>(inner[i] / (length * target_norm[i]));
      across[i] = scale;
      along[i] = code_norm[i] > shortest ? inner[i] * scale / (length * length) : S(0);
    }
    detail::scale_rows<S>(along, codes, gradient);
    detail::subtract_targets<S>(across, targets, gradient);
    return -cosines / static_cast<double>(n);
  }

  /// Audited flops of `evaluate` for this many code entries and non-zero targets.
  [[nodiscard]] static std::int64_t flops(std::int64_t entries, std::int64_t targets) {
    return 3 * entries + 6 * targets;
  }
};

/// Mean over all entries of (codes - known codes)^2.
struct SquaredLoss {
  /// Loss, and gradient = dloss/dcodes in the form (and pattern) of the codes.
  template <Real S, CodesOf<S> Codes>
  static double evaluate(const Codes& codes, const SparseCodes<S>& targets, Codes& gradient) {
    check_same_shape("SquaredLoss", "codes", codes, "known codes", targets);
    const double size = static_cast<double>(codes.rows()) * static_cast<double>(codes.cols());
    const S scale = static_cast<S>(2 / size);
    double inner = 0;
    detail::for_each_target<S>(codes, targets, [&](Index, Index, S code, S target) {
      inner += static_cast<double>(target) * static_cast<double>(target) -
               2 * static_cast<double>(code) * static_cast<double>(target);
    });
    const Vector<S> weight = Vector<S>::Constant(codes.rows(), scale);
    detail::scale_rows<S>(weight, codes, gradient);
    detail::subtract_targets<S>(weight, targets, gradient);
    return (static_cast<double>(codes.squaredNorm()) + inner) / size;
  }

  /// Audited flops of `evaluate` for this many code entries and non-zero targets.
  [[nodiscard]] static std::int64_t flops(std::int64_t entries, std::int64_t targets) {
    return 3 * entries + 6 * targets;
  }
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_CODE_LOSS_HPP
