// SPDX-License-Identifier: MIT
#include "reproduce/document.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/metric/published_flops.hpp>

#include "reproduce/document_experiment.hpp"
#include "reproduce/experiment.hpp"
#include "reproduce/setting.hpp"

namespace lacuna::examples {
namespace {

[[nodiscard]] Row read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  try {
    return Row::parse(file);
  } catch (const Row::exception& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

[[nodiscard]] std::string command(const std::string& experiment, const std::string& options = "") {
  return "`./run reproduce " + options + experiment + "`";
}

/// What was asked for beside the default.
[[nodiscard]] std::string options_of(const Report& report) {
  std::string options;
  const Row runs = report.setting("runs");
  if (runs != Row(Setting().runs)) options += "--runs " + runs.dump() + " ";
  const Row active = report.setting("active");
  if (active.is_array() && active != Row(Setting().active)) {
    std::string list;
    for (const Row& k : active) list += (list.empty() ? "" : ",") + k.dump();
    options += "--active " + list + " ";
  }
  const Row usual = make_experiment(report.name(), Setting()).settings;
  if (usual.contains("paper_seed") && !report.setting("paper_seed").is_number())
    options += "--no-paper-data ";
  return options;
}

[[nodiscard]] std::string share(const Tally& tally) {
  return tally.all == 0 ? "-" : print("%.1f %%", 100.0 * tally.agree / tally.all);
}

// ---- the document -------------------------------------------------------------------------------

class Document {
 public:
  Document(const std::filesystem::path& results, const std::filesystem::path& data,
           std::filesystem::path figures)
      : published_(read_json(data / "published.json")),
        remarks_(read_json(data / "remarks.json")),
        figures_(std::move(figures)) {
    for (const Protocol& protocol : protocols) {
      const auto path = results / protocol.experiment / "results.json";
      if (!std::filesystem::exists(path)) continue;
      reports_.push_back(make_report(protocol, read_json(path), published_));
    }
  }

  [[nodiscard]] std::string text() const {
    std::string result =
        "# Reproduction\n\nO'Neill, Gumran & Klindt, \"Compute Optimal Inference and Provable "
        "Amortisation Gap in Sparse Autoencoders\" (ICML 2025, arXiv 2411.13117): every "
        "experiment run again, beside the numbers of the paper's own repository. This text is "
        "written by the program that ran them, from its results, and not by hand: `./run "
        "reproduce EXPERIMENT` runs an experiment, `everything` all of them, and `document` "
        "writes this.\n\n";
    result += made() + "## Summary\n\n" + agreement() + amortisation() + training_cost() + bars();
    for (const Protocol& protocol : protocols) result += section(protocol);
    while (result.ends_with("\n\n")) result.pop_back();
    return result;
  }

 private:
  [[nodiscard]] const Report* find(const std::string& experiment) const {
    for (const Report& report : reports_)
      if (report.name() == experiment) return &report;
    return nullptr;
  }

  [[nodiscard]] static std::string state(const Report* report) {
    if (report == nullptr) return "not run yet";
    if (report->setting("complete") == Row(false)) return "interrupted";
    return report->setting("quick") == Row(true) ? "at its quick size: the numbers mean little"
                                                 : "complete";
  }

  [[nodiscard]] std::string made() const {
    MarkdownTable table(
        {"experiment", "command", "seconds", "CPU s", "version", "seed", "state"});
    std::map<std::string, std::string> by_slips;  // the experiments with the same slips
    std::string with_paper_data;
    for (const Protocol& protocol : protocols) {
      const Report* report = find(protocol.experiment);
      std::vector<std::string> cells = {protocol.experiment, command(protocol.experiment)};
      if (report == nullptr) {
        cells.insert(cells.end(), {"-", "-", "-", "-"});
      } else {
        for (const char* seconds : {"seconds", "cpu_seconds"})
          cells.push_back(
              written(number_or_nan(&report->document.at("settings"), seconds), Style::seconds));
        cells.push_back(written(value_of(report->document, "lacuna_version")));
        cells.push_back(value_of(report->document, "seed").dump());
        cells[1] = command(protocol.experiment, options_of(*report));
        if (report->setting("paper_seed").is_number())
          with_paper_data += (with_paper_data.empty() ? "" : ", ") + report->name();
        std::string& names = by_slips[slips_of(*report)];
        names += (names.empty() ? "" : ", ") + report->name();
      }
      cells.push_back(state(report));
      table.add(cells);
    }
    std::string text = table.text();
    if (!with_paper_data.empty())
      text +=
          "The data sets of " + with_paper_data +
          " are the paper's own, made anew from the seeds of its scripts with NumPy's and PyTorch's "
          "random numbers, and so is where its models begin, as far as its code tells: known codes "
          "begin where its other models do, and what 7a did is a guess. Where the paper ran fewer, "
          "the seeds that follow go on. With `--no-paper-data`, and in the other experiments, this "
          "library draws them from `--seed`, as it does for the corrected protocol's trainings.\n\n";
    for (const auto& [slips, names] : by_slips) {
      if (slips.empty()) continue;
      text +=
          "The published protocol keeps slips of the paper's code, each under a flag of its "
          "name: " +
          slips + (by_slips.size() > 1 ? " (" + names + ")" : "") + ".\n\n";
    }
    return text;
  }

  [[nodiscard]] static std::string slips_of(const Report& report) {
    std::string text;
    for (const auto& [name, kept] : report.setting("slips").items()) {
      std::string flag = name;
      std::replace(flag.begin(), flag.end(), '_', '-');
      if (kept == Row(true)) text += (text.empty() ? "`--" : ", `--") + flag + "`";
    }
    return text;
  }

  // ---- summary: agreement -----------------------------------------------------------------------

  [[nodiscard]] static std::string median(std::vector<double> values) {
    if (values.empty()) return "-";
    std::sort(values.begin(), values.end());
    const auto half = values.size() / 2;
    return print("%.4f", values.size() % 2 == 1 ? values[half]
                                                 : (values[half - 1] + values[half]) / 2);
  }

  [[nodiscard]] std::string agreement() const {
    MarkdownTable table({"experiment", "rows that agree", "share", "9 in 10", "by code MCC alone",
                         "numbers", "points of curves", "off on the paper's data"});
    Tally rows_in_bar, mcc_in_bar, by_sample;
    bool all_run = true;
    for (const Protocol& protocol : protocols) {
      const Report* report = find(protocol.experiment);
      if (report == nullptr) {
        const auto& rows = published_.at("rows");
        const bool has_numbers = std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
          return row.at("experiment") == protocol.experiment;
        });
        if (has_numbers) table.add({protocol.experiment, "not run yet"});
        all_run = all_run && !protocol.in_bar;
        continue;
      }
      if (report->finals.empty()) continue;
      Tally rows, by_mcc, numbers, points;
      std::vector<double> off;  // of code MCC, on the paper's data
      for (const Comparison& row : report->finals) {
        rows.add(row.verdict);
        if (protocol.in_bar) by_sample.add(row.by_sample);
        by_mcc.add(row.find("code_mcc")->verdict);
        if (std::isfinite(row.on_its_data))
          off.push_back(std::abs(row.on_its_data - row.find("code_mcc")->paper));
        for (const Number& number : row.numbers)
          if (is_judged(number.measure)) numbers.add(number.verdict);
      }
      for (const Comparison& point : report->points)
        if (point.mean != nullptr) points.add(point.find("code_mcc")->verdict);
      table.add({protocol.experiment, out_of(rows), share(rows),
                 !protocol.in_bar   ? "not asked"
                 : rows.meets_bar() ? "yes"
                                    : "**no**",
                 out_of(by_mcc), out_of(numbers), points.all == 0 ? "-" : out_of(points),
                 median(off)});
      if (!protocol.in_bar) continue;
      rows_in_bar.add(rows);
      mcc_in_bar.add(by_mcc);
    }
    table.add({"all that are asked", out_of(rows_in_bar), share(rows_in_bar),
               !all_run                  ? "not all run"
               : rows_in_bar.meets_bar() ? "yes"
                                         : "**no**",
               out_of(mcc_in_bar)});
    return "### Does it agree with the paper?\n\nA number agrees when |ours - paper| ≤ max(.03, "
           "2 s √(1/n + 1/p)): s our standard deviation between n data sets, p the data sets "
           "behind the paper's number; with n below 5 there is no verdict. A row (a method in a "
           "setting) agrees when all its numbers on a scale of 0 to 1 do (MCC and L0); a row of "
           "the contours is the code MCC of a method in a cell, for K = 3. Nine rows in ten are "
           "to agree; one without verdict counts as one that does not. Points of curves, of "
           "those steps that both measured, are counted apart. The last column is the median of how "
           "far our code MCC over the paper's own data sets alone, and from its starts, lies from "
           "the paper's, where each of its runs has a data set: which optimum a training ends in, "
           "rounding can decide.\n\n" +
           table.text() +
           "Here s has squares divided by n, as the tables and the paper's files have it. Divided "
           "by n - 1, as what estimates it from a sample, the same rule has " +
           out_of(by_sample) + " rows of all that are asked, " + share(by_sample) + ".\n\n";
  }

  // ---- summary: the gap and its price -----------------------------------------------------------

  [[nodiscard]] std::string amortisation() const {
    std::string text =
        "### How much of the gap does each encoder close, and at what price?\n\nThe relative "
        "gap is how far an encoder's objective lies above the optimum on its dictionary, over "
        "half the signal's energy. *Closed* is the share of the way from the paper's SAE to the "
        "best code MCC of the table. Flops are of inference on one signal, by the audited "
        "count, which orders the table, and by the paper's formulas where it has one.\n\n";
    for (const char* name : {"known-codes", "known-dictionary", "unknown"}) {
      const Report* report = find(name);
      text += "**" + std::string(name) + "**";
      text += report == nullptr ? ": not run yet, " + command(name) + ".\n\n"
                                : "\n\n" + amortisation_table(*report);
    }
    return text;
  }

  [[nodiscard]] static std::string amortisation_table(const Report& report) {
    std::vector<Measured> rows;
    double sae = std::nan(""), best = std::nan("");
    for (const Measured& row : report.rows) {
      const double mcc = mean_of(row, "code_mcc");
      if (!std::isfinite(mcc)) continue;
      rows.push_back(row);
      best = std::fmax(best, mcc);
      const bool is_sae = value_of(*row.mean, "method") == "sae";
      if (is_sae && (std::isnan(sae) || is_of(row, "published"))) sae = mcc;
    }
    const auto flops = [](const Measured& row) {
      const double count = mean_of(row, "audited_inference_flops");
      return std::isnan(count) ? std::numeric_limits<double>::infinity()
                               : count;  // those without stand last
    };
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Measured& a, const Measured& b) { return flops(a) < flops(b); });
    MarkdownTable table({"method", "protocol", "code MCC", "closed", "relative gap",
                         "flops, audited", "flops, published", "train s"});
    for (const Measured& row : rows) {
      const double closed = (mean_of(row, "code_mcc") - sae) / (best - sae);
      table.add({quoted_method(*row.mean), written(value_of(*row.mean, "protocol")),
                 with_spread(row, "code_mcc"),
                 std::isfinite(closed) ? print("%.0f %%", 100 * closed) : "-",
                 written(mean_of(row, "gap"), Style::error),
                 written(mean_of(row, "audited_inference_flops"), Style::count),
                 written(mean_of(row, "published_inference_flops"), Style::count),
                 written(mean_of(row, "train_seconds"), Style::seconds)});
    }
    return table.text();
  }

  [[nodiscard]] std::string training_cost() const {
    std::string text = "### What does it cost to get there?\n\n" + miscount();
    for (const char* name : {"known-codes", "known-dictionary", "unknown"}) {
      const Report* report = find(name);
      if (report == nullptr) continue;
      double sae_published = std::nan(""), sae_audited = std::nan("");
      for (const Measured& row : report->rows)
        if (is_of(row, "published") && value_of(*row.mean, "method") == "sae") {
          sae_published = mean_of(row, "published_flops");
          sae_audited = mean_of(row, "audited_flops");
        }
      MarkdownTable table({"method", "flops, published", "over the SAE's", "flops, audited",
                           "over the SAE's", "published over audited", "train s", "code MCC"});
      std::string sparse_coding;
      for (const Measured& row : report->rows) {
        const double published = mean_of(row, "published_flops");
        const double audited = mean_of(row, "audited_flops");
        const double once = mean_of(row, "recosted_flops");
        if (!is_of(row, "published") || (std::isnan(published) && std::isnan(audited))) continue;
        table.add({quoted_method(*row.mean), written(published, Style::count),
                   times(published / sae_published), written(audited, Style::count),
                   times(audited / sae_audited), times(published / audited),
                   written(mean_of(row, "train_seconds"), Style::seconds),
                   with_spread(row, "code_mcc")});
        if (value_of(*row.mean, "method") == "sparse_coding")
          sparse_coding = "Sparse coding takes " + times(published / sae_published) +
                          " the SAE's flops by the published count and " +
                          times(audited / sae_audited) + " by the audited one" +
                          (std::isnan(once) ? ""
                                            : ", " + times(once / sae_published) +
                                                  " by the published formula with every term "
                                                  "counted once") +
                          ".\n\n";
      }
      if (!table.empty())
        text += "**" + std::string(name) + "**, training and a pass over the test signals:\n\n" +
                table.text() + sparse_coding;
    }
    return text;
  }

  [[nodiscard]] static std::string times(double ratio) {
    return std::isfinite(ratio) ? print(ratio < 10 ? "%.2f ×" : "%.0f ×", ratio) : "-";
  }

  [[nodiscard]] static std::string miscount() {
    const published_flops::Training step{.samples = 1024, .steps = 1};
    const auto published = published_flops::sparse_coding_training(8, 16, step);
    const auto once = published_flops::sparse_coding_training_recosted(8, 16, step);
    return "The published count of training by sparse coding multiplies terms by the number of "
           "signals that hold it already: at 8 × 16 with 1,024 signals a step is said to take " +
           in_thousands(published) + " flops; with every term counted once the same formula has " +
           in_thousands(once) + ", " +
           print("%.0f", static_cast<double>(published) / static_cast<double>(once)) +
           " times fewer. The audited count is what the steps take, operation by operation.\n\n";
  }

  /// 52,477,952.
  [[nodiscard]] static std::string in_thousands(std::int64_t count) {
    std::string text = std::to_string(count);
    for (auto at = static_cast<std::int64_t>(text.size()) - 3; at > 0; at -= 3)
      text.insert(static_cast<std::size_t>(at), ",");
    return text;
  }

  // ---- summary: the corrected protocol ----------------------------------------------------------

  /// The final row of the corrected protocol with the best code MCC; null where there is none.
  [[nodiscard]] static const Measured* best_of(const Report* report, bool exhaustive) {
    const Measured* best = nullptr;
    if (report == nullptr) return best;
    for (const Measured& row : report->rows) {
      if (!is_of(row, "corrected") || std::isnan(mean_of(row, "code_mcc"))) continue;
      const bool searches =
          value_of(*row.mean, "method").dump().find("exhaustive") != std::string::npos;
      if (searches && !exhaustive) continue;
      if (best == nullptr || mean_of(row, "code_mcc") > mean_of(*best, "code_mcc")) best = &row;
    }
    return best;
  }

  [[nodiscard]] std::string bars() const {
    MarkdownTable table({"claim", "asked", "paper", "ours", "method", "holds"});
    const auto add = [&](const char* claim, const char* column, double asked, const char* paper,
                         const Measured* row) {
      std::vector<std::string> cells = {claim, "≥ " + written(asked, Style::unit), paper};
      if (row == nullptr)
        cells.insert(cells.end(), {"not run yet", "-", "-"});
      else
        cells.insert(cells.end(), {with_spread(*row, column), quoted_method(*row->mean),
                                   mean_of(*row, column) >= asked ? "yes" : "**no**"});
      table.add(cells);
    };
    const Measured* given = best_of(find("known-dictionary"), false);
    const Measured* learned = best_of(find("unknown"), true);
    add("known dictionary, code MCC, without exhaustive search", "code_mcc", 0.99, ".967", given);
    add("neither known, code MCC", "code_mcc", 0.97, ".691", learned);
    add("neither known, dictionary MCC", "dictionary_mcc", 0.98, ".837", learned);

    const Report* scaling = find("scaling");
    const std::string method = scaling == nullptr ? "" : best_contour_method(*scaling);
    std::vector<std::string> cells = {"contours, K = 3, cells above the boundary",
                                      "paper's best - .005"};
    if (method.empty()) {
      cells.insert(cells.end(), {"-", "not run yet", "-", "-"});
    } else {
      const Tally tally = contour_tally(contour_cells(*scaling, method));
      cells.insert(cells.end(), {"-", out_of(tally), "`" + method + "`",
                                 tally.agree == tally.all ? "yes" : "**no**"});
    }
    table.add(cells);
    return "### What does the corrected protocol reach?\n\n" + table.text();
  }

  // ---- a section an experiment ------------------------------------------------------------------

  [[nodiscard]] std::string figures_of(const std::string& experiment) const {
    std::vector<std::string> names;
    if (std::filesystem::is_directory(figures_))
      for (const auto& entry : std::filesystem::directory_iterator(figures_)) {
        const auto file = entry.path().filename().string();
        if (file.starts_with(experiment + "-") && file.ends_with(".svg")) names.push_back(file);
      }
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& file : names)
      text += "![" + file.substr(0, file.size() - 4) + "](" + figures_.filename().string() + "/" +
              file + ")\n\n";
    return text;
  }

  [[nodiscard]] std::string section(const Protocol& protocol) const {
    std::string text = "## " + std::string(protocol.title) + "\n\n" + protocol.text + "\n\n";
    const Report* report = find(protocol.experiment);
    if (report == nullptr) return text + "Not run yet: " + command(protocol.experiment) + ".\n\n";
    if (state(report) != "complete")
      text +=
          "This run is " + state(report) + "; " + command(protocol.experiment) + " runs it.\n\n";
    text += figures_of(protocol.experiment);
    if (!report->finals.empty())
      text += "The published protocol (n: our data sets; ✗: further off than it may be):\n\n" +
              judged_table(*report) + differences(*report, remarks_) + error_table(*report) +
              curve_table(*report);

    std::set<const Row*> shown;
    for (const Comparison& row : report->finals) shown.insert(row.mean);
    std::vector<Measured> published, corrected;
    for (const Measured& row : report->rows)
      if (!shown.contains(row.mean))
        (is_of(row, "published") ? published : corrected).push_back(row);
    if (!published.empty())
      text += "The published protocol, where there is no number of the paper beside:\n\n" +
              table_of(published);
    const bool both = !published.empty() || !report->finals.empty();
    if (!corrected.empty())
      text += (both ? "The corrected protocol:\n\n" : "") + table_of(corrected);
    if (report->name() == "scaling") text += contour_table(*report);
    return text;
  }

  Row published_, remarks_;
  std::filesystem::path figures_;
  std::vector<Report> reports_;
};

}  // namespace

std::string reproduction_document(const std::filesystem::path& results,
                                  const std::filesystem::path& data,
                                  const std::filesystem::path& figures) {
  return Document(results, data, figures).text();
}

}  // namespace lacuna::examples
