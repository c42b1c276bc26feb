// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_FIGURES_MEASURED_HPP
#define LACUNA_EXAMPLES_REPRODUCE_FIGURES_MEASURED_HPP

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/results.hpp"

namespace lacuna::examples::figures {

/// A mean over data sets and its standard deviation, 0 where none is known.
struct Number {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = 0;
  [[nodiscard]] bool known() const;
};

/// A "mean" row with its "std" row, if there is one.
class Measured {
 public:
  Measured(const Row& mean, const Row* deviation) : mean_(&mean), deviation_(deviation) {}

  [[nodiscard]] Number operator[](const std::string& column) const;
  /// The column as text: a string as it is, null and absent as "".
  [[nodiscard]] std::string text(const std::string& column) const;
  [[nodiscard]] std::string method() const { return text("method"); }
  [[nodiscard]] bool published() const { return text("protocol") == "published"; }
  /// What is measured at the end of training, or has none.
  [[nodiscard]] bool last() const { return text("final") != "false"; }

 private:
  const Row* mean_;
  const Row* deviation_;  // may be null
};

/// The "mean" rows in their order. They refer to `rows`.
[[nodiscard]] std::vector<Measured> measured(const std::vector<Row>& rows);

using Filter = std::function<bool(const Measured&)>;
[[nodiscard]] std::vector<Measured> only(const std::vector<Measured>& from, const Filter& filter);

/// The values of a column, each once, numbers ascending.
[[nodiscard]] std::vector<double> values_of(const std::vector<Measured>& from,
                                            const std::string& column);

/// The corrected method, exhaustive search apart, with the highest sum of code MCC over its rows:
/// what the library offers. "" if there is none.
[[nodiscard]] std::string best_corrected(const std::vector<Measured>& from);

}  // namespace lacuna::examples::figures

#endif  // LACUNA_EXAMPLES_REPRODUCE_FIGURES_MEASURED_HPP
