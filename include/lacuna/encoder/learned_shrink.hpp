// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_LEARNED_SHRINK_HPP
#define LACUNA_ENCODER_LEARNED_SHRINK_HPP

#include <algorithm>

#include <lacuna/core/matrix.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/core/real.hpp>
#include <lacuna/operator/column_passes.hpp>

namespace lacuna::detail {

/// The shrink of `ListaEncoder`, with a learned threshold a row: max(v - theta, 0), for codes of
/// either sign less max(-v - theta, 0), which is the soft threshold for theta >= 0 and stays
/// continuous below.
template <Real S>
class LearnedShrink {
 public:
  /// The thresholds outlive it.
  LearnedShrink(ConstParameterView<S> thresholds, bool nonnegative)
      : thresholds_(thresholds), nonnegative_(nonnegative) {}

  /// values = shrink(values, theta), as many rows as thresholds.
  void apply(Matrix<S>& values, Index threads) const {
    const Index rows = thresholds_.size();
    const S* theta = thresholds_.data();
    const bool nonnegative = nonnegative_;
    for_each_columns(rows, values.cols(), threads, [&](Block block) {
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        S* v = values.data() + j * rows;
        if (nonnegative)
          for (Index i = 0; i < rows; ++i) v[i] = rectified(v[i] - theta[i]);
        else
          for (Index i = 0; i < rows; ++i)
            v[i] = rectified(v[i] - theta[i]) - rectified(-v[i] - theta[i]);
      }
    });
  }

  /// g = dL/dcodes becomes dL/dv; adds dL/dtheta to by_theta, unless that is null.
  void backward(const Matrix<S>& codes, Matrix<S>& g, S* by_theta, Index threads) const {
    const Index num_rows = thresholds_.size();
    const S* theta = thresholds_.data();
    const bool nonnegative = nonnegative_;
    constexpr Index part = 1024;
    for_each_block(num_rows, part, g.size() < (Index{1} << 20) ? 1 : threads,
                   [&](Block rows, Index) {
                     Vector<S> sum = Vector<S>::Zero(rows.count);
                     for (Index j = 0; j < g.cols(); ++j) {
                       const S* code = codes.data() + j * num_rows + rows.begin;
                       const S* t = theta + rows.begin;
                       S* v = g.data() + j * num_rows + rows.begin;
                       if (nonnegative)
                         for (Index i = 0; i < rows.count; ++i) {
                           v[i] = code[i] > S(0) ? v[i] : S(0);
                           sum[i] -= v[i];
                         }
                       else
                         for (Index i = 0; i < rows.count; ++i) {
                           const S up = is_up(code[i], t[i]), down = is_down(code[i], t[i]);
                           sum[i] += (down - up) * v[i];
                           v[i] *= up + down;
                         }
                     }
                     if (by_theta)
                       for (Index i = 0; i < rows.count; ++i) by_theta[rows.begin + i] += sum[i];
                   });
  }

 private:
  [[nodiscard]] static S rectified(S value) { return value > S(0) ? value : S(0); }

  /// Of a code s = shrink(v, theta), through which of its two branches v came: both only below
  /// theta < 0, where s = 2 v and the branches meet at s = +-2 theta.
  [[nodiscard]] static S is_up(S code, S theta) {
    return code > std::min(S(0), 2 * theta) ? S(1) : S(0);
  }
  [[nodiscard]] static S is_down(S code, S theta) {
    return code < std::max(S(0), -2 * theta) ? S(1) : S(0);
  }

  ConstParameterView<S> thresholds_;
  bool nonnegative_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_LEARNED_SHRINK_HPP
