// SPDX-License-Identifier: MIT
#include "reproduce/figures_panel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>

#include "reproduce/figures_labels.hpp"
#include "support/figure.hpp"

namespace lacuna::examples::figures {

namespace {

// Around the area between the axes, in pixels.
constexpr double left = 90, right = 18, top = 34;

struct Range {
  double low, high;
};

bool positive_only(Scale scale) { return scale == Scale::logarithmic || scale == Scale::base_2; }

bool can_show(const Axis& axis, const Number& value) {
  return value.known() && (!positive_only(axis.scale) || value.mean > 0);
}

// What an axis has to show, with air.
Range range_of(const Axis& axis, const std::vector<Number>& values) {
  double low = values[0].mean, high = low;
  for (const Number& value : values) {
    low = std::min(low, value.mean);
    high = std::max(high, value.mean);
  }
  switch (axis.scale) {
    case Scale::whole:
      return {-0.02, 1.05};
    case Scale::base_2:
      return {low / 1.2, high * 1.2};
    case Scale::logarithmic:
      // Marks stand at powers of ten: at least two of them.
      if (high / low < 30)
        return {std::pow(10, std::floor(std::log10(low) - 0.01)),
                std::pow(10, std::ceil(std::log10(high) + 0.01))};
      return {low / 2, high * 2};
    case Scale::share:
      return {std::floor((low - 0.02) * 10) / 10,
              high > 0.9 ? 1.02 : std::ceil((high + 0.02) * 10) / 10};
    case Scale::linear:
      break;
  }
  const double air = high > low ? 0.05 * (high - low) : 0.05 * std::abs(high) + 1e-9;
  return {low - air, high + air};
}

std::string names_text(const std::vector<std::pair<double, std::string>>& names) {
  std::string text;
  for (const auto& [place, name] : names)
    text += (text.empty() ? "" : ", ") + in_quotes(name) + " " + text_of_number(place);
  return text;
}

std::string axis_commands(char name, const Axis& axis, const Range& range) {
  const std::string n(1, name);
  // The last panel's scale goes first: its logarithm could not take the range.
  std::string text = "unset logscale " + n + "\nset " + n + "range [" + text_of_number(range.low) +
                     ":" + text_of_number(range.high) + "]\nset " + n + "label " +
                     in_quotes(axis.label) + " noenhanced\nset " + n +
                     "tics autofreq norotate\nset format " + n + " '%g'\n";
  if (axis.scale == Scale::logarithmic)
    text += "set logscale " + n + "\nset format " + n + " '10^{%T}'\n";
  if (axis.scale == Scale::base_2) {
    std::vector<std::pair<double, std::string>> powers;
    for (double v = std::exp2(std::ceil(std::log2(range.low))); v <= range.high; v *= 2)
      powers.emplace_back(v, text_of_number(v));
    text += "set logscale " + n + " 2\nset " + n + "tics (" + names_text(powers) + ")\n";
  }
  if (!axis.names.empty()) text += "set " + n + "tics (" + names_text(axis.names) + ")\n";
  return text;
}

double clamped(double value, const Range& range) {
  return std::clamp(value, range.low, range.high);
}

// x, y, then both ends of y and of x.
std::string points_text(const std::vector<Point>& points, const Range& x, const Range& y) {
  std::string text;
  for (const Point& p : points) {
    for (const double value :
         {p.x.mean, p.y.mean, clamped(p.y.mean - p.y.deviation, y),
          clamped(p.y.mean + p.y.deviation, y), clamped(p.x.mean - p.x.deviation, x),
          clamped(p.x.mean + p.x.deviation, x)})
      text += text_of_number(value) + " ";
    text += '\n';
  }
  return text;
}

// Where it is between the ends of an axis, 0 to 1.
double place(const Axis& axis, const Range& range, double value) {
  if (!positive_only(axis.scale)) return (value - range.low) / (range.high - range.low);
  return std::log(value / range.low) / std::log(range.high / range.low);
}

std::string line_clause(const Curve& curve) {
  return std::string(curve.joined ? "with linespoints lw 1.7 dt " +
                                        std::string(curve.published ? "'-'" : "1") + " pi " +
                                        std::to_string(1 + curve.points.size() / 12)
                                  : "with points") +
         " lc rgb '" + curve.style.colour + "' ps 0.6 pt " +
         std::to_string(curve.published ? curve.style.symbol - 1 : curve.style.symbol);
}

}  // namespace

std::string in_quotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + "'";
}

std::string text_of_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

Style style_of(const std::string& method) {
  static const std::map<std::string, Style> known = {
      {"sae", {"#e69f00", 5}},
      {"sae_topk", {"#8c510a", 7}},
      {"topk_sae", {"#8c510a", 7}},
      {"sae_ito", {"#d55e00", 13}},
      {"sae_ito_from_codes", {"#d55e00", 9}},
      {"mlp", {"#56b4e9", 7}},
      {"mlp_32", {"#56b4e9", 7}},
      {"mlp_64", {"#1f93d6", 9}},
      {"mlp_256", {"#0072b2", 11}},
      {"mlp_1024", {"#003f6b", 15}},
      {"sparse_coding", {"#009e73", 9}},
      {"dictionary_learning", {"#332288", 13}},
      {"lista_16", {"#cc79a7", 11}},
      {"refined(sae) 10", {"#999933", 5}},
      {"refined(sae) 100", {"#999933", 9}},
      // Greedy, convex, made of others.
      {"marginal_threshold", {"#882255", 5}},
      {"matching_pursuit", {"#882255", 7}},
      {"omp", {"#882255", 9}},
      {"ols", {"#882255", 11}},
      {"iht", {"#cc6677", 13}},
      {"cosamp", {"#cc6677", 15}},
      {"ista", {"#7f7f7f", 5}},
      {"fista", {"#7f7f7f", 7}},
      {"coordinate_descent", {"#7f7f7f", 9}},
      {"active_set", {"#7f7f7f", 11}},
      {"lca", {"#7f7f7f", 13}},
      {"adam_inference", {"#7f7f7f", 15}},
      {"truncated(active_set)", {"#000000", 5}},
      {"debiased(active_set)", {"#000000", 9}},
      {"debiased(truncated(active_set))", {"#000000", 13}},
      {"exhaustive_search", {"#000000", 15}},
      {"sae_l1", {"#e69f00", 5}},
      {"mlp_l1", {"#56b4e9", 7}},
      {"mlp_topk", {"#0072b2", 11}},
      {"sparse_coding_l1", {"#009e73", 9}},
      {"sparse_coding_topk", {"#7b5ea7", 13}},
      {"sparse_coding_inference_topk", {"#332288", 15}},
      {"sparse_coding_optimise_topk", {"#d55e00", 5}},
  };
  // "omp on the learned dictionary" looks as omp.
  const auto found = known.find(method.substr(0, method.find(" on ")));
  if (found != known.end()) return found->second;
  // Any other: what its name gives, the same in each figure.
  static const std::array<const char*, 5> colours = {"#661100", "#6699cc", "#117733", "#b8860b",
                                                     "#7b5ea7"};
  unsigned hash = 2166136261U;
  for (const char c : method) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  hash ^= hash >> 15U;
  return {colours[hash % 5], 5 + 2 * static_cast<int>(hash / 5 % 6)};
}

std::string Figure::block(const std::string& text) {
  const std::string name = "$d" + std::to_string(blocks_++);
  data_ += name + " << END\n" + text + "END\n";
  return name;
}

void Figure::legend(const std::string& title, const std::string& clause) {
  for (const auto& [there, ignored] : legend_)
    if (there == title) return;
  legend_.emplace_back(title, clause);
}

void Figure::add(const std::string& commands) { panels_.push_back(commands); }

void Figure::add(const Panel& panel) {
  Panel shown = panel;
  std::vector<Number> xs, ys;
  for (Curve& curve : shown.curves) {
    std::erase_if(curve.points, [&](const Point& p) {
      return !can_show(panel.x, p.x) || !can_show(panel.y, p.y);
    });
    for (const Point& p : curve.points) {
      xs.push_back(p.x);
      ys.push_back(p.y);
    }
  }
  std::erase_if(shown.curves, [](const Curve& curve) { return curve.points.empty(); });
  if (shown.curves.empty()) return;

  const Range x = range_of(panel.x, xs), y = range_of(panel.y, ys);
  std::string under, over;
  std::vector<Spot> spots;
  std::vector<Box> taken;
  for (const Curve& curve : shown.curves) {
    (curve.published ? published_ : corrected_) = true;
    const std::string name = block(points_text(curve.points, x, y));
    const std::string colour = "'" + curve.style.colour + "'";
    if (curve.crosses)
      under +=
          name + " using 1:2:5:6:3:4 with xyerrorbars lw 0.7 pt 0 lc rgb " + colour + " notitle, ";
    else if (curve.points.size() == 1 || !curve.joined)
      under += name + " using 1:2:3:4 with yerrorbars lw 0.8 pt 0 lc rgb " + colour + " notitle, ";
    else
      under += name + " using 1:3:4 with filledcurves fc rgb " + colour +
               " fs transparent solid 0.16 noborder notitle, ";
    over += name + " using 1:2 " + line_clause(curve) + " notitle, ";
    Curve entry = curve;  // in the legend a method stands once, as the corrected protocol has it
    entry.published = false;
    if (!curve.legend.empty()) legend(curve.legend, line_clause(entry));
    const auto at = [&](double px, double py) {
      return std::pair(place(panel.x, x, px) * width_, place(panel.y, y, py) * height_);
    };
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
      const Point& p = curve.points[i];
      const auto [px, py] = at(p.x.mean, p.y.mean);
      if (!p.label.empty())
        spots.push_back({px, py, p.label, curve.joined ? curve.style.colour : "#000000"});
      taken.push_back(around(px, py, 5));
      const double low = at(p.x.mean, clamped(p.y.mean - p.y.deviation, y)).second;
      const double high = at(p.x.mean, clamped(p.y.mean + p.y.deviation, y)).second;
      taken.push_back({px - 3, px + 3, low, high});
      if (curve.crosses)
        taken.push_back({at(clamped(p.x.mean - p.x.deviation, x), p.y.mean).first,
                         at(clamped(p.x.mean + p.x.deviation, x), p.y.mean).first, py - 3, py + 3});
      if (!curve.joined || i == 0) continue;
      const auto [qx, qy] = at(curve.points[i - 1].x.mean, curve.points[i - 1].y.mean);
      const double pieces = 1 + std::floor(std::hypot(px - qx, py - qy) / 6);
      for (double k = 1; k < pieces; ++k)
        taken.push_back(around(qx + (px - qx) * k / pieces, qy + (py - qy) * k / pieces, 1.5));
    }
  }
  std::string mark;
  if (panel.mark >= x.low && panel.mark <= x.high) {
    mark = "set arrow from first " + text_of_number(panel.mark) + ", graph 0 to first " +
           text_of_number(panel.mark) + ", graph 1 nohead lw 1.2 dt 3 lc rgb '#000000'\n";
    legend(panel.mark_name, "with lines lw 1.2 dt 3 lc rgb '#000000'");
  }
  const std::string plots = under + over;
  panels_.push_back("set title " + in_quotes(panel.title) + " noenhanced\n" +
                    axis_commands('x', panel.x, x) + axis_commands('y', panel.y, y) + mark +
                    label_commands(spots, taken, width_, height_) + "plot " +
                    plots.substr(0, plots.size() - 2) + "\n");
}

void Figure::add(const BarPanel& panel) {
  std::vector<Bar> bars = panel.bars;
  std::erase_if(bars, [](const Bar& bar) { return !bar.height.known(); });
  if (bars.empty()) return;
  double highest = 0, lowest = 0, step = 1;
  std::string plots;
  for (const Bar& bar : bars) {
    highest = std::max(highest, bar.height.mean + bar.height.deviation);
    lowest = std::min(lowest, bar.height.mean - bar.height.deviation);
    for (const Bar& other : bars)
      if (other.x > bar.x) step = std::min(step, other.x - bar.x);
  }
  for (const Bar& bar : bars) {
    const std::string name = block(text_of_number(bar.x) + " " + text_of_number(bar.height.mean) +
                                   " " + text_of_number(0.9 * std::min(step, 0.7)) + " " +
                                   text_of_number(bar.height.deviation) + "\n");
    plots += (plots.empty() ? "" : ", ") + name + " using 1:2:4:3 with boxerrorbars fc rgb '" +
             bar.colour + "' fs solid " + (bar.light ? "0.3" : "1") +
             " border lc rgb '#222222' lw 0.8 notitle";
  }
  std::size_t longest = 0;
  double first = bars[0].x, last = first;
  for (const Bar& bar : bars) {
    first = std::min(first, bar.x);
    last = std::max(last, bar.x);
  }
  for (const auto& [x, text] : panel.names) longest = std::max(longest, text.size());
  const bool steep = static_cast<double>(longest * panel.names.size()) * 7 > width_;
  // Names at an angle of 30 degrees take half their length.
  if (steep) bottom_ = std::max(bottom_, 24 + 2.8 * static_cast<double>(longest));
  panels_.push_back(
      "set title " + in_quotes(panel.title) +
      " noenhanced\nunset logscale\nset xlabel ''\nset ylabel " + in_quotes(panel.label) +
      " noenhanced\nset format y '%g'\nset ytics autofreq\nset yrange [" +
      text_of_number(1.1 * lowest) + ":" + text_of_number(panel.share ? 1.02 : 1.1 * highest) +
      "]\nset xrange [" + text_of_number(first - 0.7) + ":" + text_of_number(last + 0.7) +
      "]\nset xtics scale 0 noenhanced " +
      (steep ? "rotate by 30 right offset 0,-0.3 font ',9' (" : "norotate (") +
      names_text(panel.names) + ")\nplot " + plots + "\n");
}

bool Figure::empty() const {
  return std::all_of(panels_.begin(), panels_.end(),
                     [](const std::string& panel) { return panel.empty(); });
}

bool Figure::draw(const std::filesystem::path& path) const {
  if (empty()) return false;
  const int count = static_cast<int>(panels_.size());
  const int columns = std::min(columns_, count), rows = (count + columns - 1) / columns;

  auto legend = legend_;
  const std::string grey = "with linespoints lw 1.7 lc rgb '#555555' ps 0.6 ";
  if (published_) legend.emplace_back("published protocol", grey + "dt '-' pt 6");
  if (corrected_) legend.emplace_back("corrected protocol", grey + "dt 1 pt 7");
  const double total_width = columns * (left + width_ + right);
  std::size_t longest = 10;
  for (const auto& [title, clause] : legend) longest = std::max(longest, title.size());
  const int entries = static_cast<int>(legend.size());
  const int in_a_row =
      std::clamp(static_cast<int>(total_width / (7.2 * static_cast<double>(longest) + 60)), 1,
                 std::max(entries, 1));
  const double legend_height = entries == 0 ? 0 : 14 + 18 * ((entries + in_a_row - 1) / in_a_row);
  const double colours_height = colours_.empty() ? 0 : 68;
  const double under = legend_height + colours_height;
  const double total_height = rows * (top + height_ + bottom_) + under;

  const auto screen = [&](double pixels, double total) { return text_of_number(pixels / total); };
  const auto margins = [&](double x0, double x1, double y0, double y1) {
    return "set lmargin at screen " + screen(x0, total_width) + "\nset rmargin at screen " +
           screen(x1, total_width) + "\nset bmargin at screen " + screen(y0, total_height) +
           "\nset tmargin at screen " + screen(y1, total_height) + "\n";
  };
  std::string commands = data_ +
                         "set grid lc rgb '#dddddd' lw 0.6\nunset key\nset pointintervalbox 0\nset "
                         "tics font ',10'\nunset colorbox\n"
                         "set title offset 0,-0.6\nset xlabel offset 0,0.4\n";
  // Under the panels, drawn with the first of them.
  std::string box = colours_.empty()
                        ? ""
                        : "set colorbox horizontal user origin screen 0.3," +
                              screen(legend_height + 48, total_height) + " size screen 0.4," +
                              screen(14, total_height) + "\nset cblabel " + in_quotes(colours_) +
                              " noenhanced offset 0,0.4\n";
  commands += "set multiplot\n";
  for (int i = 0; i < count; ++i) {
    if (panels_[static_cast<std::size_t>(i)].empty()) continue;
    const double x0 = (i % columns) * (left + width_ + right) + left;
    const double y0 = under + (rows - 1 - i / columns) * (top + height_ + bottom_) + bottom_;
    commands += margins(x0, x0 + width_, y0, y0 + height_) + std::exchange(box, "") +
                panels_[static_cast<std::size_t>(i)] + "unset label\nunset arrow\nunset colorbox\n";
  }
  if (entries > 0) {
    commands += margins(10, total_width - 10, 2, legend_height) +
                "unset border\nunset tics\nunset grid\nunset title\nunset xlabel\nunset ylabel\n"
                "unset logscale\nset xrange [0:1]\nset yrange [0:1]\nset key inside center center "
                "horizontal maxcols " +
                std::to_string(in_a_row) + " Left reverse noenhanced samplen 2.6 font ',11'\nplot ";
    for (std::size_t i = 0; i < legend.size(); ++i)
      commands += (i == 0 ? "" : ", ") + std::string("NaN ") + legend[i].second + " title " +
                  in_quotes(legend[i].first);
    commands += "\n";
  }
  char size[48];
  std::snprintf(size, sizeof size, "%.0f,%.0f", total_width, total_height);
  return draw_figure(path, size, commands + "unset multiplot\n");
}

}  // namespace lacuna::examples::figures
