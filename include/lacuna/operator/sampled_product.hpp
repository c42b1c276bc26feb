// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_SAMPLED_PRODUCT_HPP
#define LACUNA_OPERATOR_SAMPLED_PRODUCT_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/simd.hpp>

namespace lacuna::detail {

/// Entries (rows[e], j) of a matrix of n columns, for e from begin[j] to begin[j + 1].
struct SampledEntries {
  std::vector<Index> begin = {0};
  std::vector<std::int32_t> rows;
};

/// Those entries of W x + b that are asked for, for W^T dim x num_atoms. Keeps its work space from
/// call to call. Cost: 2 dim flops an entry. A value has the same bits whatever else is asked for,
/// at any number of threads.
template <Real S>
class SampledProduct {
 public:
  /// The values, in the order of the entries. @param bias  num_atoms, or empty for none.
  const Vector<S>& operator()(const MatrixArg<S>& directions,
                              const Eigen::Ref<const Vector<S>>& bias, const MatrixArg<S>& signals,
                              const SampledEntries& entries, Index threads) {
    // By rows of W: each is fetched once.
    sort_by_row(directions.cols(), entries);
    values_.resize(static_cast<Index>(entries.rows.size()));
    for_each_block(directions.cols(), 64, threads, [&](Block block, Index) {
      for (Index i = 0; i < block.count; ++i) {
        const Index row = block.begin + i;
        const S shift = bias.size() > 0 ? bias[row] : S(0);
        const Place* place = places_.data() + begin_[to_size(row)];
        const Place* const end = places_.data() + begin_[to_size(row + 1)];
        const auto multiply_few = [&](auto count) {
          multiply<count()>(directions.col(row), signals, place, shift);
          place += count();
        };
        while (end - place >= 4) multiply_few(std::integral_constant<int, 4>());
        while (place < end) multiply_few(std::integral_constant<int, 1>());
      }
    });
    return values_;
  }

 private:
  /// Where an entry of a row is: its column, and its position among all.
  struct Place {
    std::int32_t column, at;
  };

  static std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }

  void sort_by_row(Index num_rows, const SampledEntries& entries) {
    begin_.assign(to_size(num_rows + 2), 0);
    for (const std::int32_t row : entries.rows) ++begin_[to_size(row + 2)];
    for (std::size_t i = 2; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    places_.resize(entries.rows.size());
    for (std::size_t j = 0; j + 1 < entries.begin.size(); ++j)
      for (Index at = entries.begin[j]; at < entries.begin[j + 1]; ++at) {
        Index& next = begin_[to_size(entries.rows[to_size(at)] + 1)];
        places_[to_size(next++)] = {static_cast<std::int32_t>(j), static_cast<std::int32_t>(at)};
      }
  }

  /// Products of a row with a few signals, which wait for one another no more than for the row.
  template <int count, class Row>
  void multiply(const Row& row, const MatrixArg<S>& signals, const Place* place, S shift) {
    using Register = typename Simd<S>::Register;
    constexpr Index lanes = Simd<S>::lanes;
    const S* const weights = row.data();
    const S* columns[count];
    for (int c = 0; c < count; ++c) columns[c] = &signals.coeffRef(0, place[c].column);
    Register even[count] = {}, odd[count] = {};
    const auto add = [&](Index k, Register(&sums)[count]) {
      Register weight, value;
      std::memcpy(&weight, weights + k, sizeof(weight));
      for (int c = 0; c < count; ++c) {
        std::memcpy(&value, columns[c] + k, sizeof(value));
        sums[c] += weight * value;
      }
    };
    Index k = 0;
    for (; k + 2 * lanes <= row.size(); k += 2 * lanes) {
      add(k, even);
      add(k + lanes, odd);
    }
    for (int c = 0; c < count; ++c) {
      S total = shift;
      for (Index i = k; i < row.size(); ++i) total += weights[i] * columns[c][i];
      even[c] += odd[c];
      for (Index l = 0; l < lanes; ++l) total += even[c][l];
      values_[place[c].at] = total;
    }
  }

  std::vector<Index> begin_;
  std::vector<Place> places_;
  Vector<S> values_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_SAMPLED_PRODUCT_HPP
