// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_CANDIDATES_FOR_LARGEST_HPP
#define LACUNA_OPERATOR_CANDIDATES_FOR_LARGEST_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/quantised.hpp>
#include <lacuna/operator/sampled_product.hpp>
#include <lacuna/operator/select_largest.hpp>
#include <lacuna/operator/simd.hpp>

namespace lacuna::detail {

/// Which entries of a column of W x + b can be among its k largest positive ones, by products of
/// 16-bit integers. With w_i ~ s_i q_i and x ~ t p, entry i is between
///
///   s_i t (q_i.p - e) + b_i  and  s_i t (q_i.p + e) + b_i,  e = Quantised::error_bound(dim).
///
/// A candidate's upper bound is above 0, and not below the k-th largest of the lower bounds. What
/// it is compared with rises while the rows are gone through, to that of all rows in the end.
class CandidatesForLargest {
 public:
  /// The rows of W, for any number of calls. @param directions  W^T, dim x num_atoms;
  /// @param bias  num_atoms, or empty for none.
  template <Real S>
  void set_rows(const MatrixArg<S>& directions, const Eigen::Ref<const Vector<S>>& bias,
                Index threads) {
    rows_.set_columns<Tile::rows, S>(directions, threads);
    error_ = Quantised::error_bound(directions.rows());
    num_rows_ = directions.cols();
    // Rows beyond the last are never candidates.
    shifts_.assign(to_size(num_blocks(num_rows_, Tile::rows) * Tile::rows),
                   -std::numeric_limits<float>::infinity());
    // What a sum with a bias may be off by for its rounding to a float. NaN is no candidate, and an
    // infinite bias needs no slack.
    slack_ = 0;
    for (Index i = 0; i < bias.size(); ++i)
      if (std::isfinite(bias[i]))
        slack_ = std::max(slack_, 4e-7F * std::abs(static_cast<float>(bias[i])));
    for (Index i = 0; i < num_rows_; ++i)
      shifts_[to_size(i)] = slack_ + (bias.size() > 0 ? static_cast<float>(bias[i]) : 0.0F);
  }

  /// The candidates of each signal, in order of their rows; none of a signal in `given_up()`.
  /// @param k  at least 1.
  template <Real S>
  const SampledEntries& find(const MatrixArg<S>& signals, Index k, Index threads) {
    most_ = k;
    columns_.set_columns<Tile::cols, S>(signals, threads);
    screen(signals.cols(), threads);
    return found_;
  }

  /// Signals with too many candidates, equal ones say, or for which no integers can stand.
  [[nodiscard]] const std::vector<Index>& given_up() const noexcept { return given_up_; }

 private:
  using Float = Simd<float>;
  using Tile = IntegerTile;
  using Size = std::size_t;
  static constexpr Index most_columns = 66;  // that go through the rows together, in the cache
  static Size to_size(Index i) { return static_cast<Size>(i); }

  struct Candidate {
    std::int32_t row;
    float upper;
  };

  struct Column {
    float scale, reach;  // t and t e
    /// No upper bound of a candidate is below.
    float least = std::numeric_limits<float>::denorm_min();
    std::int32_t size = 0;
    void give_up() { least = std::numeric_limits<float>::quiet_NaN(); }  // nothing is above it
    [[nodiscard]] bool given_up() const { return std::isnan(least); }
  };

  struct Workspace {
    std::vector<Column> columns;
    std::vector<Candidate> candidates;
    std::vector<float> uppers, lower;
  };

  void screen(Index n, Index threads) {
    // As many columns for every thread: the answer does not depend on who else is in the part.
    const Index workers = resolve_threads(threads);
    const Index parts = num_blocks(n, most_columns * workers) * workers;
    const Index part = num_blocks(num_blocks(n, parts), Tile::cols) * Tile::cols;
    rows_of_part_.resize(to_size(num_blocks(n, part)));
    workspaces_.resize(to_size(workers));
    refused_.assign(to_size(n), 0);
    found_.begin.assign(to_size(n + 1), 0);
    for_each_block(n, part, threads, [&](Block block, Index worker) {
      Workspace& w = workspaces_[to_size(worker)];
      screen_part(block, w);
      std::vector<std::int32_t>& found = rows_of_part_[to_size(block.index)];
      found.clear();
      for (Index j = 0; j < block.count; ++j) {
        Column& column = w.columns[to_size(j)];
        Candidate* candidates = w.candidates.data() + j * room();
        if (column.size > most_) raise(column, candidates, w.lower);
        if (column.given_up()) column.size = 0;
        refused_[to_size(block.begin + j)] = column.given_up();
        found_.begin[to_size(block.begin + j + 1)] = column.size;
        for (Index i = 0; i < column.size; ++i) found.push_back(candidates[i].row);
      }
    });
    given_up_.clear();
    for (Index j = 0; j < n; ++j) {
      found_.begin[to_size(j + 1)] += found_.begin[to_size(j)];
      if (refused_[to_size(j)] != 0) given_up_.push_back(j);
    }
    found_.rows.clear();
    for (const auto& rows : rows_of_part_)
      found_.rows.insert(found_.rows.end(), rows.begin(), rows.end());
  }

  [[nodiscard]] Index room() const { return 3 * most_ + 64; }

  void screen_part(Block block, Workspace& w) {
    // The first rows are looked at together: candidates that come before there is a bound to
    // compare them with would be many.
    const Index maxima = num_blocks(2 * most_, Tile::rows) * Tile::rows;
    const Index first = std::min<Index>(8, num_rows_ / maxima) * maxima;
    w.columns.resize(to_size(block.count));
    w.candidates.resize(to_size(block.count * room()));
    w.uppers.resize(to_size(block.count * first));
    Column* const columns = w.columns.data();
    Candidate* const candidates = w.candidates.data();
    float* const uppers = w.uppers.data();
    for (Index j = 0; j < block.count; ++j) {
      const float scale = columns_.scale(block.begin + j);
      columns[j] = {.scale = scale, .reach = scale * error_};
      if (!std::isfinite(scale)) columns[j].give_up();
    }
    const auto for_each_column = [&](Index top, const auto& work) {
      for (Index left = 0; left < block.count; left += Tile::cols) {
        rows_.prefetch(top + Tile::rows, left / Tile::cols, num_blocks(block.count, Tile::cols));
        alignas(64) std::int32_t sums[Tile::rows * Tile::cols];
        Tile::multiply(rows_.num_pairs(), rows_.pairs(top), columns_.pairs(block.begin + left),
                       sums);
        for (Index j = left; j < std::min(left + Tile::cols, block.count); ++j)
          work(j, sums + (j - left) * Tile::rows);
      }
    };
    for (Index top = 0; top < first; top += Tile::rows)
      for_each_column(top, [&](Index j, const std::int32_t* sums) {
        bound(top, sums, columns[j], uppers + j * first + top);
      });
    for (Index j = 0; j < block.count && first > 0; ++j)
      begin(maxima, first, uppers + j * first, columns[j], candidates + j * room(), w.lower);
    for (Index top = first; top < num_rows_; top += Tile::rows) {
      // Columns with candidates are listed without a branch, which could not be foreseen.
      float upper[most_columns * Tile::rows];
      unsigned mask[most_columns];
      Index listed[most_columns], count = 0;
      for_each_column(top, [&](Index j, const std::int32_t* sums) {
        mask[j] = bound(top, sums, columns[j], upper + j * Tile::rows);
        listed[count] = j;
        count += mask[j] != 0 ? 1 : 0;
      });
      for (Index i = 0; i < count; ++i) {
        const Index j = listed[i];
        add(top, upper + j * Tile::rows, mask[j], columns[j], candidates + j * room(), w.lower);
      }
    }
  }

  /// Upper bounds of the entries of a tile's rows; which of them are candidates, by bits.
  [[gnu::always_inline]] unsigned bound(Index top, const std::int32_t* sums, const Column& column,
                                        float* uppers) const {
    unsigned mask = 0;
    for (Index half = 0; half < Tile::rows; half += Float::lanes) {
      Tile::Pairs sum;
      Float::Register scale, shift;
      std::memcpy(&sum, sums + half, sizeof(sum));
      std::memcpy(&scale, rows_.scales(top + half), sizeof(scale));
      std::memcpy(&shift, shifts_.data() + top + half, sizeof(shift));
      const Float::Register product = __builtin_convertvector(sum, Float::Register);
      const Float::Register upper = (product * column.scale + column.reach) * scale + shift;
      std::memcpy(uppers + half, &upper, sizeof(upper));
      mask |= Float::mask_of(upper >= column.least) << half;
    }
    return mask;
  }

  [[nodiscard]] float lower_of(float upper, float scale, const Column& column) const {
    const float lower = upper - 2 * (column.reach * scale + slack_);
    return lower > 0 && upper <= std::numeric_limits<float>::max() ? lower : 0;
  }

  /// Takes the candidates among the first rows. Of numbers in `maxima` groups, the k-th largest of
  /// the groups' maxima is at most the k-th largest.
  void begin(Index maxima, Index first, const float* uppers, Column& column, Candidate* candidates,
             std::vector<float>& lower) const {
    lower.assign(to_size(maxima), 0.0F);
    const float* scales = rows_.scales(0);
    for (Index top = 0; top < first; top += maxima)
      for (Index i = 0; i < maxima; ++i) {
        const float value = lower_of(uppers[top + i], scales[top + i], column);
        lower[to_size(i)] = value > lower[to_size(i)] ? value : lower[to_size(i)];
      }
    if (!column.given_up())
      column.least = std::max(column.least, cut_largest(lower.data(), maxima, most_));
    for (Index top = 0; top < first; top += Tile::rows) {
      unsigned mask = 0;
      for (Index half = 0; half < Tile::rows; half += Float::lanes) {
        Float::Register upper;
        std::memcpy(&upper, uppers + top + half, sizeof(upper));
        mask |= Float::mask_of(upper >= column.least) << half;
      }
      add(top, uppers + top, mask, column, candidates, lower);
    }
  }

  void add(Index top, const float* uppers, unsigned mask, Column& column, Candidate* candidates,
           std::vector<float>& lower) const {
    for (; mask != 0; mask &= mask - 1) {
      const int i = std::countr_zero(mask);
      candidates[column.size++] = {static_cast<std::int32_t>(top + i), uppers[i]};
    }
    if (column.size <= room() - Tile::rows) return;
    raise(column, candidates, lower);
    if (column.size > room() - 2 * Tile::rows) column.give_up();
    if (column.given_up()) column.size = 0;
  }

  /// Raises what candidates are compared with, and keeps those that are not below.
  void raise(Column& column, Candidate* candidates, std::vector<float>& lower) const {
    lower.resize(to_size(column.size));
    for (Index i = 0; i < column.size; ++i)
      lower[to_size(i)] = lower_of(candidates[i].upper, rows_.scale(candidates[i].row), column);
    column.least =
        std::max(column.least, cut_largest<float>(lower.data(), column.size, most_));
    std::int32_t size = 0;
    for (Index i = 0; i < column.size; ++i)
      if (candidates[i].upper >= column.least) candidates[size++] = candidates[i];
    column.size = size;
  }

  Index most_ = 0, num_rows_ = 0;
  float error_ = 0, slack_ = 0;
  Quantised rows_, columns_;
  std::vector<float> shifts_;  // biases, with the slack
  std::vector<Workspace> workspaces_;
  std::vector<std::vector<std::int32_t>> rows_of_part_;
  std::vector<char> refused_;
  std::vector<Index> given_up_;
  SampledEntries found_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_OPERATOR_CANDIDATES_FOR_LARGEST_HPP
