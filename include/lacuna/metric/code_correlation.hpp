// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_CODE_CORRELATION_HPP
#define LACUNA_METRIC_CODE_CORRELATION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/metric/any_codes.hpp>

namespace lacuna {

/// Pearson's correlation of every true latent with every learned one, over signals that come in
/// batches: what the MCC of codes is made of.
///
/// Sums are kept in double about the running means: each block of signals is centred by its own
/// means and merged as in Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for
/// computing sample variances", 1979. So means that are large beside the spread cost little, and
/// how the signals are split into batches changes the answer by rounding only.
///
/// Cost of n signals: 2 num_true num_codes n flops for dense codes; only the active entries of a
/// sparse side are multiplied, and no more than a block of it is ever made dense.
///
/// @code
/// CodeCorrelation correlation(truth.rows(), codes.rows());
/// correlation.add(truth, codes);
/// Matrix<double> pearson = correlation.matrix();
/// @endcode
class CodeCorrelation {
 public:
  /// Variances (about the mean, over n) below this count as none: the guard of the seed paper's
  /// code.
  static constexpr double min_variance = 1e-12;

  /// @throws std::invalid_argument if a number is negative.
  CodeCorrelation(Index num_true, Index num_codes)
      : true_(checked(num_true)),
        codes_(checked(num_codes)),
        cross_(Matrix<double>::Zero(num_codes, num_true)) {}

  [[nodiscard]] Index num_true() const noexcept { return true_.mean.size(); }
  [[nodiscard]] Index num_codes() const noexcept { return codes_.mean.size(); }
  /// Signals seen.
  [[nodiscard]] Index count() const noexcept { return count_; }

  /// Takes n more signals: true codes num_true x n, codes num_codes x n.
  /// @throws std::invalid_argument with both shapes if they do not fit, or naming the column that
  ///         holds a NaN or an infinity; nothing has been added then.
  template <AnyCodes T, AnyCodes C>
  void add(const T& true_codes, const C& codes) {
    decltype(auto) t = detail::as_argument(true_codes);
    decltype(auto) c = detail::as_argument(codes);
    check(t, c);
    if constexpr (detail::is_sparse_argument<decltype(t)> &&
                  detail::is_sparse_argument<decltype(c)>) {
      if (!has_busy_row(t) || !has_busy_row(c)) {
        add_sparse(t, c);
        return;
      }
    }
    const Index room = Index{1} << 19;  // doubles, for both sides of a block: 4 MiB
    // A block ends with passes over num_true x num_codes. Beside the product of dense sides they
    // are little; with a sparse side a signal costs less than that, and a block holds more of them.
    const Index block = detail::is_sparse_argument<decltype(t)>
                            ? 1024
                            : std::clamp(room / std::max<Index>(1, num_true() + num_codes()),
                                         Index{32}, Index{1024});
    for (Index begin = 0; begin < t.cols(); begin += block)
      add_block(t, c, begin, std::min(block, t.cols() - begin));
  }

  /// The variance of each latent about its mean, over the signals seen; 0 before the first.
  [[nodiscard]] Vector<double> true_variances() const { return variances(true_); }
  [[nodiscard]] Vector<double> code_variances() const { return variances(codes_); }

  /// num_true x num_codes, each entry in [-1, 1]; 0 where either variance is below `min_variance`.
  template <Real S = double>
  [[nodiscard]] Matrix<S> matrix() const {
    const double floor = min_variance * static_cast<double>(count_);
    Matrix<S> pearson = Matrix<S>::Zero(num_true(), num_codes());
    if (count_ == 0) return pearson;
    for (Index k = 0; k < num_codes(); ++k) {
      if (!(codes_.scatter[k] >= floor)) continue;
      for (Index i = 0; i < num_true(); ++i) {
        if (!(true_.scatter[i] >= floor)) continue;
        const double scale = std::sqrt(true_.scatter[i]) * std::sqrt(codes_.scatter[k]);
        pearson(i, k) = static_cast<S>(std::clamp(cross_(k, i) / scale, -1.0, 1.0));
      }
    }
    return pearson;
  }

 private:
  /// Of one side, row by row: the mean and the sum of squares about it.
  struct Moments {
    Vector<double> mean;
    Vector<double> scatter;

    explicit Moments(Index rows)
        : mean(Vector<double>::Zero(rows)), scatter(Vector<double>::Zero(rows)) {}
  };

  [[nodiscard]] Vector<double> variances(const Moments& m) const {
    return m.scatter / static_cast<double>(std::max<Index>(1, count_));
  }

  static Index checked(Index number) {
    require(number >= 0, "CodeCorrelation",
            "the number of latents must be at least 0, got " + std::to_string(number));
    return number;
  }

  template <class T, class C>
  void check(const T& t, const C& c) const {
    const char* where = "CodeCorrelation::add";
    require(t.rows() == num_true() && c.rows() == num_codes() && t.cols() == c.cols(), where,
            "true codes are " + shape_of(t.rows(), t.cols()) + ", codes are " +
                shape_of(c.rows(), c.cols()) + ": expected " + std::to_string(num_true()) +
                " and " + std::to_string(num_codes()) + " rows and as many columns");
    detail::check_finite_argument(where, "true codes", t);
    detail::check_finite_argument(where, "codes", c);
  }

  /// Whether a latent is active on more than half of the signals. Where it is not, its squared mean
  /// is at most its variance, and sums about 0 lose nothing.
  template <class S>
  static bool has_busy_row(const SparseCodes<S>& codes) {
    std::vector<Index> active(static_cast<std::size_t>(codes.rows()), 0);
    for (Index j = 0; j < codes.cols(); ++j)
      for (typename SparseCodes<S>::InnerIterator entry(codes, j); entry; ++entry)
        if (2 * ++active[static_cast<std::size_t>(entry.row())] > codes.cols()) return true;
    return false;
  }

  template <class S>
  static Moments moments_of(const SparseCodes<S>& codes, Index begin, Index count) {
    using Iterator = typename SparseCodes<S>::InnerIterator;
    Moments m(codes.rows());
    Vector<double> stored = Vector<double>::Zero(codes.rows());
    for (Index j = begin; j < begin + count; ++j)
      for (Iterator entry(codes, j); entry; ++entry) {
        m.mean[entry.row()] += static_cast<double>(entry.value());
        stored[entry.row()] += 1;
      }
    m.mean /= static_cast<double>(count);
    for (Index j = begin; j < begin + count; ++j)
      for (Iterator entry(codes, j); entry; ++entry) {
        const double centred = static_cast<double>(entry.value()) - m.mean[entry.row()];
        m.scatter[entry.row()] += centred * centred;
      }
    m.scatter.array() += (static_cast<double>(count) - stored.array()) * m.mean.array().square();
    return m;
  }

  /// The block less its row means, and those.
  template <class A>
  static Moments centre(const A& codes, Index begin, Index count, Matrix<double>& centred) {
    // Of sparse codes too this is a copy of one block.
    centred = codes.middleCols(begin, count).template cast<double>();
    Moments m(codes.rows());
    m.mean = centred.rowwise().sum() / static_cast<double>(count);
    centred.colwise() -= m.mean;
    m.scatter = centred.rowwise().squaredNorm();
    return m;
  }

  template <class T, class C>
  void add_block(const T& t, const C& c, Index begin, Index count) {
    Matrix<double> centred_codes;
    const Moments of_codes = centre(c, begin, count, centred_codes);
    if constexpr (detail::is_sparse_argument<T>) {
      for (Index j = 0; j < count; ++j)
        for (typename T::InnerIterator entry(t, begin + j); entry; ++entry)
          cross_.col(entry.row()) += static_cast<double>(entry.value()) * centred_codes.col(j);
      const Moments of_true = moments_of(t, begin, count);
      // The mean of the true side would drop out if the centred side summed to 0 without rounding.
      const Vector<double> remainder = centred_codes.rowwise().sum();
      cross_.noalias() -= remainder * of_true.mean.transpose();
      merge(of_true, of_codes, count);
    } else {
      Matrix<double> centred_true;
      const Moments of_true = centre(t, begin, count, centred_true);
      cross_.noalias() += centred_codes * centred_true.transpose();
      merge(of_true, of_codes, count);
    }
  }

  template <class T, class C>
  void add_sparse(const T& t, const C& c) {
    if (t.cols() == 0) return;
    for (Index j = 0; j < t.cols(); ++j)
      for (typename T::InnerIterator a(t, j); a; ++a)
        for (typename C::InnerIterator b(c, j); b; ++b)
          cross_(b.row(), a.row()) +=
              static_cast<double>(a.value()) * static_cast<double>(b.value());
    const Moments of_true = moments_of(t, 0, t.cols());
    const Moments of_codes = moments_of(c, 0, c.cols());
    cross_.noalias() -= (static_cast<double>(t.cols()) * of_codes.mean) * of_true.mean.transpose();
    merge(of_true, of_codes, t.cols());
  }

  /// Adds a block's moments; its sums of products about its own means are in `cross_` already.
  template <class M>
  void merge(const M& of_true, const M& of_codes, Index count) {
    const auto before = static_cast<double>(count_);
    const auto added = static_cast<double>(count);
    const double weight = before * added / (before + added);
    const Vector<double> true_shift = of_true.mean - true_.mean;
    const Vector<double> code_shift = of_codes.mean - codes_.mean;
    if (count_ > 0) cross_.noalias() += (weight * code_shift) * true_shift.transpose();
    true_.scatter += of_true.scatter + weight * true_shift.cwiseAbs2();
    codes_.scatter += of_codes.scatter + weight * code_shift.cwiseAbs2();
    true_.mean += true_shift * (added / (before + added));
    codes_.mean += code_shift * (added / (before + added));
    count_ += count;
  }

  Moments true_;
  Moments codes_;
  Matrix<double> cross_;  // num_codes x num_true: a sparse true entry adds to one column
  Index count_ = 0;
};

}  // namespace lacuna

#endif  // LACUNA_METRIC_CODE_CORRELATION_HPP
