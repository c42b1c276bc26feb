// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_SETTING_HPP
#define LACUNA_EXAMPLES_REPRODUCE_SETTING_HPP

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <lacuna/core/matrix.hpp>

#include "support/options.hpp"
#include "support/results.hpp"

namespace lacuna::examples {

/// The slips of the paper's code that decide a number of it. Each is on in the published protocol
/// unless its flag says otherwise.
struct Slips {
  bool one_data_set = false;         ///< all runs on the data of run 0; off, or there is no spread
  bool raw_dictionary_gradient = true;  ///< with the part along the atom, which feeds Adam alone
  bool ignored_initial_codes = true;    ///< "from the SAE's codes", and begins at exp(-10) all the same
  bool frozen_support = true;           ///< top-k of codes, most without a gradient
  bool loss_without_bias = true;        ///< of sparse coding with a bias: the test loss forgets it

  [[nodiscard]] Row to_json() const {
    return {{"one_data_set", one_data_set},
            {"raw_dictionary_gradient", raw_dictionary_gradient},
            {"ignored_initial_codes", ignored_initial_codes},
            {"frozen_support", frozen_support},
            {"loss_without_bias", loss_without_bias}};
  }
};

/// What the experiments share.
struct Setting {
  CommonOptions common;
  Slips slips;
  Index runs = 5;
  std::vector<Index> active = {3};  ///< K of the contours
  bool paper_data = true;  ///< data and starts of the paper's seeds, where its scripts tell them

  /// The seed of a script of the paper, if it counts.
  [[nodiscard]] std::optional<std::uint32_t> paper(std::uint32_t seed) const {
    return paper_data ? std::optional(seed) : std::nullopt;
  }
  /// It in the settings of an experiment.
  [[nodiscard]] Row paper_row(std::uint32_t seed) const {
    return paper_data ? Row(seed) : Row(nullptr);
  }
  [[nodiscard]] bool quick() const { return common.quick; }
  [[nodiscard]] Index data_sets() const { return quick() ? std::min<Index>(runs, 2) : runs; }
  /// A number of steps, of iterations or of signals as the protocol has it.
  [[nodiscard]] Index steps(Index full) const {
    return quick() ? std::max<Index>(10, full / 1000) : full;
  }
  [[nodiscard]] Index signals(Index full) const { return quick() ? std::min<Index>(full, 128) : full; }
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_SETTING_HPP
