// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_LARGEST_PRODUCTS_HPP
#define LACUNA_OPERATOR_LARGEST_PRODUCTS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/operator/candidates_for_largest.hpp>
#include <lacuna/operator/keep_largest.hpp>
#include <lacuna/operator/sampled_product.hpp>
#include <lacuna/operator/select_largest.hpp>

namespace lacuna {

/// The k largest positive entries of each column of W x + b, for W^T dim x num_atoms (a direction
/// for each atom, beside one another as atoms are) and x dim x n, without all of the products:
/// those of 16-bit integers, which a processor makes faster, tell which entries can be among the k
/// largest, and no more than these are made as they are asked for. Beside the k largest they are
/// some tenth of k where products are spread as those of activations are. A signal with too many of
/// them is gone through as a whole.
///
/// Cost: 2 dim num_atoms operations on integers a signal, and 2 dim flops a candidate; a signal
/// that is gone through as a whole 2 dim num_atoms flops.
///
/// Source: bounds by rounded vectors first, and exact values of what they leave, as in Weber, Schek
/// & Blott, "A quantitative analysis and performance study for similarity-search methods in
/// high-dimensional spaces", 1998 (the VA-file).
///
/// The answer is that of all products, up to their rounding: of equal entries the lower row wins.
/// The bits are the same at any number of threads, and for a signal whatever other signals there
/// are.
///
/// @code
/// LargestProducts<float> largest;
/// SparseCodes<float> codes;
/// largest(directions, bias, signals, 32, codes, 2);  // num_atoms x n, on two threads
/// @endcode
template <Real S>
class LargestProducts {
 public:
  /// Whether this is faster than `keep_largest_positive` of a dense product.
  [[nodiscard]] static constexpr bool pays(Index dim, Index num_atoms, Index n, Index k) noexcept {
    return detail::has_fast_integers && dim >= 64 && dim <= detail::Quantised::most_dim &&
           num_atoms >= 512 && n >= 256 && k <= num_atoms / 32;
  }

  /// kept, num_atoms x n, keeps its memory, and so does the work space. @param directions  W^T, at
  /// least 1 x 1; @param bias  num_atoms, or empty for none; @param threads  0 for all cores.
  /// @throws std::invalid_argument for shapes that do not fit, 2^31 entries or more, or a dim above
  /// 2^14.
  void operator()(const MatrixArg<S>& directions, const Eigen::Ref<const Vector<S>>& bias,
                  const MatrixArg<S>& signals, Index k, SparseCodes<S>& kept, Index threads = 1) {
    require(directions.rows() <= detail::Quantised::most_dim, "LargestProducts",
            "dim is " + std::to_string(directions.rows()) + ", above " +
                std::to_string(detail::Quantised::most_dim));
    const auto check = [&](const char* name, const auto& values, Index rows) {
      check_rows("LargestProducts", name, values.rows(), values.cols(), rows, "direction matrix",
                 directions.rows(), directions.cols());
    };
    check("signals", signals, directions.rows());
    if (bias.size() > 0) check("biases", bias, directions.cols());
    const Index n = signals.cols();
    most_ = std::clamp<Index>(k, 0, directions.cols());
    detail::check_entries(most_, n);
    kept.resize(directions.cols(), n);
    kept.resizeNonZeros(most_ * n);
    count_.assign(to_size(n), 0);
    if (most_ > 0) candidates_.template set_rows<S>(directions, bias, threads);
    const Index most_signals = std::min<Index>(8192, (Index{1} << 30) / (3 * most_ + 64));
    for (Index first = 0; first < n && most_ > 0; first += most_signals) {
      const auto part = signals.middleCols(first, std::min(most_signals, n - first));
      const auto& entries = candidates_.template find<S>(part, most_, threads);
      choose([&](Index j) { return first + j; }, entries,
             product_(directions, bias, part, entries, threads), kept, threads);
      choose_of_all(first, directions, bias, part, kept, threads);
    }
    detail::close_gaps(most_, count_, kept);
  }

 private:
  static std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }

  /// The largest of some entries, for the signals that their columns stand for.
  template <class SignalOf>
  void choose(const SignalOf& signal_of, const detail::SampledEntries& entries,
              const Vector<S>& values, SparseCodes<S>& kept, Index threads) {
    const Index n = static_cast<Index>(entries.begin.size()) - 1;
    for_each_block(n, 256, threads, [&](Block block, Index) {
      SelectLargest<S> select(longest(entries, block));
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        const Index begin = entries.begin[to_size(j)], end = entries.begin[to_size(j + 1)];
        const auto some = values.segment(begin, end - begin);
        write(signal_of(j), select(some, most_, true), some, entries.rows.data() + begin, kept);
      }
    });
  }

  /// The largest of all entries, where the candidates were too many; a few signals at a time.
  void choose_of_all(Index first, const MatrixArg<S>& directions,
                     const Eigen::Ref<const Vector<S>>& bias, const MatrixArg<S>& signals,
                     SparseCodes<S>& kept, Index threads) {
    const std::vector<Index>& given_up = candidates_.given_up();
    const Index n = static_cast<Index>(given_up.size()), num_atoms = directions.cols();
    const Index group = std::max<Index>(1, (Index{1} << 20) / num_atoms);
    for (Index begin = 0; begin < n; begin += group) {
      const Index count = std::min(group, n - begin);
      const std::vector<Index> columns(given_up.begin() + begin, given_up.begin() + begin + count);
      const Matrix<S> part = signals(Eigen::all, columns);
      all_.begin.resize(to_size(count + 1));
      all_.rows.resize(to_size(count * num_atoms));
      for (Index j = 0; j < count; ++j) {
        all_.begin[to_size(j + 1)] = (j + 1) * num_atoms;
        const auto rows = all_.rows.begin() + j * num_atoms;
        std::iota(rows, rows + num_atoms, 0);
      }
      choose([&](Index j) { return first + columns[to_size(j)]; }, all_,
             product_(directions, bias, part, all_, threads), kept, threads);
    }
  }

  /// The most entries that one of these columns has.
  [[nodiscard]] static Index longest(const detail::SampledEntries& entries, Block block) {
    Index most = 0;
    for (Index j = block.begin; j < block.begin + block.count; ++j)
      most = std::max(most, entries.begin[to_size(j + 1)] - entries.begin[to_size(j)]);
    return most;
  }

  template <class Values>
  void write(Index signal, const std::vector<Index>& chosen, const Values& values,
             const std::int32_t* rows, SparseCodes<S>& kept) {
    Index next = signal * most_;
    for (const Index i : chosen) {
      kept.innerIndexPtr()[next] = static_cast<typename SparseCodes<S>::StorageIndex>(rows[i]);
      kept.valuePtr()[next++] = values[i];
    }
    count_[to_size(signal)] = next - signal * most_;
  }

  Index most_ = 0;
  detail::CandidatesForLargest candidates_;
  detail::SampledProduct<S> product_;
  detail::SampledEntries all_;  // of the signals that are gone through as a whole
  std::vector<Index> count_;
};

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_LARGEST_PRODUCTS_HPP
