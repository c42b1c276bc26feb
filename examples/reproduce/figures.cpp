// SPDX-License-Identifier: MIT
#include "reproduce/figures.hpp"

#include "reproduce/figures_kinds.hpp"

namespace lacuna::examples {

namespace {

using namespace figures;

// An experiment of its own regime, or the regimes of one that has several.
std::vector<Part> parts_of(const std::string& experiment, const std::vector<Measured>& rows) {
  struct Regime {
    const char *name, *experiment, *title;
    bool learned;
  };
  static constexpr Regime regimes[] = {
      {"known_codes", "known-codes", "known codes", false},
      {"known_dictionary", "known-dictionary", "known dictionary", false},
      {"unknown", "unknown", "unknown codes and dictionary", true}};
  std::vector<Part> parts;
  for (const Regime& regime : regimes) {
    Part part{regime.title,
              only(rows,
                   [&](const Measured& row) {
                     return experiment == regime.experiment || row.text("regime") == regime.name;
                   }),
              regime.learned};
    if (!part.rows.empty()) parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

std::vector<std::string> draw_figures(const std::string& experiment, const std::vector<Row>& rows,
                                      const std::filesystem::path& folder) {
  const auto all = measured(rows);
  std::vector<std::string> drawn;
  if (all.empty()) return drawn;
  std::filesystem::create_directories(folder);
  const auto draw = [&](const std::string& what, const Figure& figure) {
    const std::string name = experiment + "-" + what + ".svg";
    if (figure.draw(folder / name)) drawn.push_back(name);
  };

  const auto finals = only(all, [](const Measured& row) { return row.last(); });
  const auto parts = parts_of(experiment, all);
  if (!parts.empty()) {
    draw("steps", against_steps(parts));
    draw("flops", against_flops(parts));
    if (experiment == "large")
      draw("final", bars_of_parts(parts));
    else if (experiment != "zipf")
      draw("gap", gap_against_compute(finals));
  }
  if (experiment == "scaling") {
    draw("mcc", map_of_mcc(finals));
    draw("gain", map_of_gain(finals));
  }
  if (experiment == "penalty") draw("pareto", pareto_of_penalty(finals));
  if (experiment == "topk") draw("pareto", pareto_of_top_k(finals));
  if (experiment == "width") draw("curves", against_width(finals));
  if (experiment == "bias") draw("bars", bars_of_bias(finals));
  if (experiment == "sklearn") draw("cells", over_cells(finals));
  return drawn;
}

}  // namespace lacuna::examples
