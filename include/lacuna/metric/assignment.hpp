// SPDX-License-Identifier: MIT
#ifndef LACUNA_METRIC_ASSIGNMENT_HPP
#define LACUNA_METRIC_ASSIGNMENT_HPP

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <lacuna/core/check.hpp>

namespace lacuna {

/// Who is matched with whom, each row and each column at most once.
struct Assignment {
  std::vector<Index> column_of_row;  ///< rows entries; -1 where a row has no partner
  double total = 0;                  ///< the sum of the matched weights
};

namespace detail {

/// Minimum-cost assignment of every row of a row-major `rows x cols` matrix, rows <= cols.
///
/// Invariants, to rounding: `price <= 0`, and 0 on free columns; a matched row has its partner
/// where cost - price is smallest in the row. They make a complete matching optimal, also where
/// columns are left over.
///
/// A template only so that who includes this and does not use it does not compile it.
template <class Cost = double>
class ShortestAugmentingPaths {
 public:
  ShortestAugmentingPaths(std::vector<Cost> cost, Index rows, Index cols)
      : cost_(std::move(cost)),
        rows_(rows),
        cols_(cols),
        price_(Vector<double>::Zero(cols)),
        distance_(cols),
        previous_(cols),
        nearest_(num_chunks(cols)),
        column_of_row_(static_cast<std::size_t>(rows), -1),
        row_of_column_(static_cast<std::size_t>(cols), -1) {}

  [[nodiscard]] const std::vector<Index>& solve() {
    std::vector<Index> free_rows(static_cast<std::size_t>(rows_));
    for (Index i = 0; i < rows_; ++i) free_rows[static_cast<std::size_t>(i)] = i;
    for (int pass = 0; pass < 2; ++pass) free_rows = reduce_rows(free_rows);
    for (const Index row : free_rows) augment(row);
    return column_of_row_;
  }

 private:
  // A chunk of distances stays in the first-level cache while it is updated and its minimum is
  // taken.
  static constexpr Index chunk = 256;
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  static Index num_chunks(Index cols) { return (cols + chunk - 1) / chunk; }
  [[nodiscard]] const double* cost_row(Index i) const { return cost_.data() + i * cols_; }
  [[nodiscard]] Index& column_of(Index row) {
    return column_of_row_[static_cast<std::size_t>(row)];
  }
  [[nodiscard]] Index& row_of(Index column) {
    return row_of_column_[static_cast<std::size_t>(column)];
  }

  /// Jonker & Volgenant's augmenting row reduction: each row takes its best column and lowers that
  /// price until the second best is as good; who held the column bids again at once. Returns the
  /// rows left free. The cap matters for nearly tied costs, where prices move by next to nothing.
  std::vector<Index> reduce_rows(const std::vector<Index>& rows) {
    std::vector<Index> free_rows;
    Index bids_left = 8 * rows_;
    for (Index row : rows) {
      while (row >= 0) {
        const double* cost = cost_row(row);
        double best = infinity, second = infinity;
        Index column = -1;
        for (Index j = 0; j < cols_; ++j) {
          const double reduced = cost[j] - price_[j];
          if (reduced > second) continue;
          // Of equally good columns a free one wins: dead latents give whole blocks of equal
          // weights.
          if (reduced < best || (reduced == best && row_of(j) < 0)) {
            second = best;
            best = reduced;
            column = j;
          } else {
            second = reduced;
          }
        }
        const Index holder = row_of(column);
        // One column only: there is no second best to bid against.
        const double lowered = cols_ > 1 ? price_[column] - (second - best) : price_[column];
        const bool moved = lowered < price_[column];
        if (holder >= 0 && (!moved || bids_left-- <= 0)) {
          free_rows.push_back(row);
          break;
        }
        price_[column] = lowered;
        row_of(column) = row;
        column_of(row) = column;
        if (holder >= 0) column_of(holder) = -1;
        row = holder;
      }
    }
    return free_rows;
  }

  /// Dijkstra over reduced costs from a free row to the nearest free column, then the exchange
  /// along the path and the prices that keep the invariants.
  void augment(Index source) {
    distance_.setConstant(infinity);
    open_price_ = price_;
    reached_.clear();
    Index row = source;
    Index column = -1;
    double length = 0;
    double offset = 0;
    while (true) {
      relax(row, offset);
      column = nearest_column();
      length = distance_[column];
      if (row_of(column) < 0) break;
      reached_.push_back({column, length});
      // Closed: no path over this column can look better again.
      distance_[column] = infinity;
      open_price_[column] = -infinity;
      row = row_of(column);
      offset = cost_row(row)[column] - price_[column] - length;
    }
    for (const Reached& r : reached_) price_[r.column] += r.distance - length;
    while (true) {
      const Index owner = previous_[column];
      row_of(column) = owner;
      std::swap(column_of(owner), column);
      if (owner == source) break;
    }
  }

  void relax(Index row, double offset) {
    for (Index c = 0; c < nearest_.size(); ++c) {
      const Index begin = c * chunk;
      const Index count = std::min(chunk, cols_ - begin);
      const double* cost = cost_row(row) + begin;
      const double* price = open_price_.data() + begin;
      double* distance = distance_.data() + begin;
      Index* previous = previous_.data() + begin;
      for (Index j = 0; j < count; ++j) {
        const double candidate = cost[j] - price[j] - offset;
        const bool shorter = candidate < distance[j];
        previous[j] = shorter ? row : previous[j];
        distance[j] = shorter ? candidate : distance[j];
      }
      nearest_[c] = distance_.segment(begin, count).minCoeff();
    }
  }

  /// The open column at the smallest distance; of several a free one, which ends the search.
  [[nodiscard]] Index nearest_column() const {
    const double nearest = nearest_.minCoeff();
    Index found = -1;
    for (Index c = 0; c < nearest_.size(); ++c) {
      if (nearest_[c] != nearest) continue;
      const Index end = std::min((c + 1) * chunk, cols_);
      for (Index j = c * chunk; j < end; ++j) {
        if (distance_[j] != nearest) continue;
        if (row_of_column_[static_cast<std::size_t>(j)] < 0) return j;
        if (found < 0) found = j;
      }
    }
    return found;
  }

  struct Reached {
    Index column;
    double distance;
  };

  std::vector<Cost> cost_;
  Index rows_;
  Index cols_;
  Vector<double> price_;
  Vector<double> open_price_;
  Vector<double> distance_;
  Eigen::Matrix<Index, Eigen::Dynamic, 1> previous_;
  Vector<double> nearest_;
  std::vector<Reached> reached_;
  std::vector<Index> column_of_row_;
  std::vector<Index> row_of_column_;
};

}  // namespace detail

/// The matching of min(rows, cols) pairs with the largest sum of weights.
///
/// Shortest augmenting paths (Jonker & Volgenant, "A shortest augmenting path algorithm for dense
/// and sparse linear assignment problems", Computing 1987), for rectangular matrices as in Crouse,
/// "On implementing 2D rectangular assignment algorithms", IEEE TAES 2016. Exact: the answer is
/// optimal up to the rounding of double sums. Weights may be negative; every member of the shorter
/// side is matched all the same.
///
/// Cost: one copy of the weights and, at worst, O(min^2 max) time; on dense matrices with few ties
/// it is far less.
/// @param weights  rows x cols, either longer; an empty matrix gives an empty matching.
/// @throws std::invalid_argument naming the column if a weight is NaN or infinite, and if one is
///         1e300 or more in absolute value.
template <class W>
[[nodiscard]] Assignment maximum_assignment(const Eigen::MatrixBase<W>& expression) {
  const MatrixArg<double> weights(expression.derived());
  check_finite<double>("maximum_assignment", "weights", weights);
  const Index rows = weights.rows();
  const Index cols = weights.cols();
  // Sums of reduced costs along a path must stay finite: an infinity means "closed" there.
  require(weights.size() == 0 || weights.cwiseAbs().maxCoeff() < 1e300, "maximum_assignment",
          "weights must be below 1e300 in absolute value");
  Assignment result{std::vector<Index>(static_cast<std::size_t>(rows), -1), 0.0};
  if (rows == 0 || cols == 0) return result;

  // The paths start from the shorter side, and walk along its lines of costs.
  const bool transposed = rows > cols;
  std::vector<double> cost(static_cast<std::size_t>(rows * cols));
  if (transposed) {
    Eigen::Map<Matrix<double>>(cost.data(), rows, cols) = -weights;
  } else {
    Eigen::Map<Matrix<double>>(cost.data(), cols, rows) = -weights.transpose();
  }
  detail::ShortestAugmentingPaths paths(std::move(cost), std::min(rows, cols),
                                        std::max(rows, cols));
  const std::vector<Index>& matched = paths.solve();
  for (Index k = 0; k < std::min(rows, cols); ++k) {
    const Index partner = matched[static_cast<std::size_t>(k)];
    const Index row = transposed ? partner : k;
    const Index column = transposed ? k : partner;
    result.column_of_row[static_cast<std::size_t>(row)] = column;
    result.total += weights(row, column);
  }
  return result;
}

}  // namespace lacuna

#endif  // LACUNA_METRIC_ASSIGNMENT_HPP
