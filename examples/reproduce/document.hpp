// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_HPP
#define LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_HPP

#include <filesystem>
#include <string>

namespace lacuna::examples {

/// The text of docs/reproduction.md: what was reproduced, beside the paper's numbers.
///
/// Experiments without results are named as not run yet, so that it can be written at any time.
/// @param results holds <experiment>/results.json of those that were run.
/// @param data holds published.json, the paper's numbers, and remarks.json, reasons for rows that
///        do not agree.
/// @param figures holds <experiment>-*.svg. The document stands beside this folder and names a
///        figure by the folder's last name: reproduction/<file> for docs/reproduction.
/// @throws std::runtime_error naming a file that cannot be read.
[[nodiscard]] std::string reproduction_document(const std::filesystem::path& results,
                                                const std::filesystem::path& data,
                                                const std::filesystem::path& figures);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_HPP
