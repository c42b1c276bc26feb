// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_LARGEST_PRODUCTS_HPP
#define LACUNA_OPERATOR_LARGEST_PRODUCTS_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/operator/blocked_product.hpp>
#include <lacuna/operator/candidates_for_largest.hpp>
#include <lacuna/operator/keep_largest.hpp>
#include <lacuna/operator/sampled_product.hpp>
#include <lacuna/operator/select_largest.hpp>

namespace lacuna {

/// The k largest positive entries of each column of W x + b, for W num_atoms x dim and x dim x n,
/// without all of the products: those of 16-bit integers, which a processor makes faster, tell
/// which entries can be among the k largest, and no more than these are made as they are asked for.
/// Beside the k largest they are some tenth of k where products are spread as those of activations
/// are. A signal with too many of them is gone through as a whole.
///
/// The answer is that of all products, up to their rounding: of equal entries the lower row wins.
/// The bits are the same at any number of threads, and for a signal whatever other signals there
/// are, unless it is gone through as a whole.
///
/// @code
/// LargestProducts<float> largest;
/// SparseCodes<float> codes;
/// largest(weights, bias, signals, 32, codes, 2);  // num_atoms x n, on two threads
/// @endcode
template <Real S>
class LargestProducts {
 public:
  /// Whether this is faster than `keep_largest_positive` of a dense product.
  [[nodiscard]] static constexpr bool pays(Index dim, Index num_atoms, Index n, Index k) noexcept {
    return detail::has_fast_integers && dim >= 64 && dim <= detail::Quantised::most_dim &&
           num_atoms >= 512 && n >= 256 && k <= num_atoms / 32;
  }

  /// kept, num_atoms x n, keeps its memory, and so does the work space. @param bias  num_atoms, or
  /// empty for none; @param threads  0 for all cores. Shapes are the caller's to check.
  /// @throws std::invalid_argument for 2^31 entries or more, or a dim above 2^14.
  void operator()(const MatrixArg<S>& weights, const Eigen::Ref<const Vector<S>>& bias,
                  const MatrixArg<S>& signals, Index k, SparseCodes<S>& kept, Index threads = 1) {
    require(weights.cols() <= detail::Quantised::most_dim, "LargestProducts",
            "dim is " + std::to_string(weights.cols()) + ", above " +
                std::to_string(detail::Quantised::most_dim));
    const Index n = signals.cols();
    most_ = std::clamp<Index>(k, 0, weights.rows());
    detail::check_entries(most_, n);
    kept.resize(weights.rows(), n);
    kept.resizeNonZeros(most_ * n);
    count_.assign(to_size(n), 0);
    if (most_ > 0) candidates_.template set_rows<S>(weights, bias, threads);
    for (Index first = 0; first < n && most_ > 0; first += most_signals) {
      const auto part = signals.middleCols(first, std::min(most_signals, n - first));
      const auto& entries = candidates_.template operator()<S>(part, most_, threads);
      choose(first, entries, product_(weights, bias, part, entries, threads), kept, threads);
      choose_of_all(first, weights, bias, part, kept, threads);
    }
    detail::close_gaps(most_, count_, kept);
  }

 private:
  static constexpr Index most_signals = 8192;  // that are integers at a time
  static std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }

  /// The largest of the candidates.
  void choose(Index first, const detail::SampledEntries& entries, const Vector<S>& values,
              SparseCodes<S>& kept, Index threads) {
    const Index n = static_cast<Index>(entries.begin.size()) - 1;
    for_each_block(n, 256, threads, [&](Block block, Index) {
      SelectLargest<S> select(4 * most_);
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        const Index begin = entries.begin[to_size(j)], end = entries.begin[to_size(j + 1)];
        const auto some = values.segment(begin, end - begin);
        write(first + j, select(some, most_, true), some, kept,
              [&](Index i) { return entries.rows[to_size(begin + i)]; });
      }
    });
  }

  /// The largest of all entries, where the candidates were too many.
  void choose_of_all(Index first, const MatrixArg<S>& weights,
                     const Eigen::Ref<const Vector<S>>& bias, const MatrixArg<S>& signals,
                     SparseCodes<S>& kept, Index threads) {
    const std::vector<Index>& columns = candidates_.given_up();
    if (columns.empty()) return;
    const Matrix<S> part = signals(Eigen::all, columns);
    Matrix<S> products(weights.rows(), part.cols());
    blocked_product(weights, part, products, threads);
    if (bias.size() > 0) products.colwise() += bias;
    SelectLargest<S> select(weights.rows());
    for (Index j = 0; j < part.cols(); ++j)
      write(first + columns[to_size(j)], select(products.col(j), most_, true), products.col(j),
            kept, [](Index i) { return i; });
  }

  template <class Values, class RowOf>
  void write(Index column, const std::vector<Index>& chosen, const Values& values,
             SparseCodes<S>& kept, const RowOf& row_of) {
    Index next = column * most_;
    for (const Index i : chosen) {
      kept.innerIndexPtr()[next] = static_cast<typename SparseCodes<S>::StorageIndex>(row_of(i));
      kept.valuePtr()[next++] = values[i];
    }
    count_[to_size(column)] = next - column * most_;
  }

  Index most_ = 0;
  detail::CandidatesForLargest candidates_;
  detail::SampledProduct<S> product_;
  std::vector<Index> count_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_LARGEST_PRODUCTS_HPP
