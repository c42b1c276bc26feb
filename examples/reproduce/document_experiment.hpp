// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_EXPERIMENT_HPP
#define LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_EXPERIMENT_HPP

#include <cmath>
#include <string>
#include <vector>

#include "reproduce/agreement.hpp"
#include "reproduce/document_protocols.hpp"
#include "reproduce/document_table.hpp"

namespace lacuna::examples {

/// An experiment of which there are results, beside what the paper has of it.
struct Report {
  const Protocol* protocol;
  Row document;
  std::vector<Measured> rows = {};      ///< final ones
  std::vector<Comparison> finals = {};  ///< one for each final row of the paper
  std::vector<Comparison> points = {};  ///< of its curves

  [[nodiscard]] std::string name() const { return protocol->experiment; }
  [[nodiscard]] const Row& setting(const std::string& key) const {
    return value_of(value_of(document, "settings"), key);
  }
};

[[nodiscard]] Report make_report(const Protocol& protocol, Row document, const Row& published);

[[nodiscard]] inline bool is_of(const Measured& row, const std::string& protocol) {
  return value_of(*row.mean, "protocol") == protocol;
}

[[nodiscard]] inline double mean_of(const Measured& row, const std::string& column) {
  return number_or_nan(row.mean, column);
}

/// .676 ± .015, without the spread where there is one run.
[[nodiscard]] std::string with_spread(const Measured& row, const std::string& column);
/// "35 of 36 (1 without verdict)".
[[nodiscard]] std::string out_of(const Tally& tally);

// ---- tables, each "" where there is nothing to show ---------------------------------------------

/// The paper's numbers that are judged, beside ours.
[[nodiscard]] std::string judged_table(const Report& report);
/// Errors and costs, which are not judged: the paper's, ours, and ours over the paper's.
[[nodiscard]] std::string error_table(const Report& report);
/// Code MCC along the training, the paper's and ours.
[[nodiscard]] std::string curve_table(const Report& report);
/// Rows of ours, with the columns that some of them have.
[[nodiscard]] std::string table_of(const std::vector<Measured>& rows);
/// What does not agree, under its reasons; what has none comes last.
[[nodiscard]] std::string differences(const Report& report, const Row& remarks);

// ---- contours -----------------------------------------------------------------------------------

/// A cell of the contours: the best of the paper's methods, and one of ours.
struct Cell {
  double active, dim, atoms;
  const Row* best;  ///< the paper's number; where it has none, our run of its protocol
  bool from_paper;
  const Measured* ours;  ///< null: not run

  [[nodiscard]] double boundary() const { return 2 * active * std::log(atoms / active); }
  [[nodiscard]] bool is_above() const { return dim >= boundary(); }
  [[nodiscard]] double difference() const {
    return ours == nullptr ? std::nan("")
                           : mean_of(*ours, "code_mcc") - number_or_nan(best, "code_mcc");
  }
  [[nodiscard]] bool holds() const { return difference() >= -0.005 - 1e-9; }
};

/// The cells with `method` of the corrected protocol, those of the paper first.
[[nodiscard]] std::vector<Cell> contour_cells(const Report& report, const std::string& method);
/// How many cells of the paper above the boundary hold.
[[nodiscard]] Tally contour_tally(const std::vector<Cell>& cells);
/// The one method of the corrected protocol that holds in most cells; "" where there is none.
[[nodiscard]] std::string best_contour_method(const Report& report);
[[nodiscard]] std::string contour_table(const Report& report);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_EXPERIMENT_HPP
