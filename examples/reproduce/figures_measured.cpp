// SPDX-License-Identifier: MIT
#include "reproduce/figures_measured.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

namespace lacuna::examples::figures {

namespace {

double number_in(const Row& row, const std::string& column) {
  const auto found = row.find(column);
  return found != row.end() && found->is_number() ? found->get<double>()
                                                  : std::numeric_limits<double>::quiet_NaN();
}

std::string text_in(const Row& row, const std::string& column) {
  const auto found = row.find(column);
  if (found == row.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// What a mean row and its std row have in common.
std::string key_of(const Row& row) {
  std::string key;
  for (const char* column : {"protocol", "method", "regime", "source", "dim", "atoms", "active",
                             "hidden", "lambda", "k", "bias", "step", "final"})
    key += text_in(row, column) + '\n';
  return key;
}

}  // namespace

bool Number::known() const { return std::isfinite(mean); }

Number Measured::operator[](const std::string& column) const {
  const double deviation = deviation_ ? number_in(*deviation_, column) : 0;
  return {number_in(*mean_, column), std::isfinite(deviation) ? deviation : 0};
}

std::string Measured::text(const std::string& column) const { return text_in(*mean_, column); }

std::vector<Measured> measured(const std::vector<Row>& rows) {
  std::map<std::string, const Row*> deviations;
  for (const Row& row : rows)
    if (text_in(row, "run") == "std") deviations[key_of(row)] = &row;
  std::vector<Measured> result;
  for (const Row& row : rows) {
    if (text_in(row, "run") != "mean") continue;
    const auto found = deviations.find(key_of(row));
    result.emplace_back(row, found == deviations.end() ? nullptr : found->second);
  }
  return result;
}

std::vector<Measured> only(const std::vector<Measured>& from, const Filter& filter) {
  std::vector<Measured> result;
  std::copy_if(from.begin(), from.end(), std::back_inserter(result), filter);
  return result;
}

std::vector<double> values_of(const std::vector<Measured>& from, const std::string& column) {
  std::vector<double> values;
  for (const Measured& row : from)
    if (row[column].known()) values.push_back(row[column].mean);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

std::string best_corrected(const std::vector<Measured>& from) {
  std::map<std::string, double> sums;
  for (const Measured& row : from)
    if (!row.published() && row["code_mcc"].known() && !row.method().starts_with("exhaustive"))
      sums[row.method()] += row["code_mcc"].mean;
  std::string best;
  for (const auto& [method, sum] : sums)
    if (best.empty() || sum > sums[best]) best = method;
  return best;
}

}  // namespace lacuna::examples::figures
