// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_SELECTED_ENTRIES_HPP
#define LACUNA_ENCODER_SELECTED_ENTRIES_HPP

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>

namespace lacuna::detail {

/// Chosen atoms and coefficients of all signals, `most` places a signal, so that threads write
/// their own.
template <Real S>
class SelectedEntries {
 public:
  /// @throws std::invalid_argument where sparse codes cannot hold that many.
  SelectedEntries(const char* where, Index most, Index n)
      : most_(checked(where, most, n)),
        counts_(static_cast<std::size_t>(n), 0),
        rows_(static_cast<std::size_t>(most * n)),
        values_(static_cast<std::size_t>(most * n)) {}

  /// Keeps a signal's entries in order of their row. Entries of 0 are kept.
  template <class Selection>
  void set(Index column, const Selection& selection) {
    const auto& support = selection.support();
    int* rows = rows_.data() + column * most_;
    S* values = values_.data() + column * most_;
    Index count = 0;
    for (std::size_t k = 0; k < support.size(); ++k, ++count) {
      Index place = count;
      const auto row = static_cast<int>(support[k]);
      for (; place > 0 && rows[place - 1] > row; --place) {
        rows[place] = rows[place - 1];
        values[place] = values[place - 1];
      }
      rows[place] = row;
      values[place] = selection.coefficient(static_cast<Index>(k));
    }
    counts_[static_cast<std::size_t>(column)] = count;
  }

  /// codes, num_atoms x n, compressed.
  void assemble(SparseCodes<S>& codes) const {
    Index total = 0;
    for (const Index count : counts_) total += count;
    codes.resizeNonZeros(total);
    Index next = 0;
    for (Index j = 0; j < codes.cols(); ++j) {
      codes.outerIndexPtr()[j] = static_cast<int>(next);
      const Index count = counts_[static_cast<std::size_t>(j)];
      std::copy_n(rows_.data() + j * most_, count, codes.innerIndexPtr() + next);
      std::copy_n(values_.data() + j * most_, count, codes.valuePtr() + next);
      next += count;
    }
    codes.outerIndexPtr()[codes.cols()] = static_cast<int>(next);
  }

 private:
  [[nodiscard]] static Index checked(const char* where, Index most, Index n) {
    require(n == 0 || most <= std::numeric_limits<int>::max() / n, where,
            std::to_string(n) + " signals of up to " + std::to_string(most) +
                " entries exceed the 2^31 of sparse codes: encode them in parts");
    return most;
  }

  Index most_;
  std::vector<Index> counts_;
  std::vector<int> rows_;
  std::vector<S> values_;
};

}  // namespace lacuna::detail

#endif  // LACUNA_ENCODER_SELECTED_ENTRIES_HPP
