// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_FIGURES_PANEL_HPP
#define LACUNA_EXAMPLES_REPRODUCE_FIGURES_PANEL_HPP

#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "reproduce/figures_measured.hpp"

namespace lacuna::examples::figures {

/// How a method looks, in all figures: a colour that colour-blind readers can tell from its
/// neighbours, and a symbol (gnuplot's number of the filled one; the open one is one less).
struct Style {
  std::string colour;
  int symbol;
};
[[nodiscard]] Style style_of(const std::string& method);

struct Point {
  Number x, y;
  std::string label = "";  ///< written beside it, where there is room
};

/// A line through points in their order, with a band or crosses of one standard deviation.
struct Curve {
  std::string legend;
  Style style;
  bool published = false;  ///< dashed, with open symbols
  std::vector<Point> points;
  bool crosses = false;  ///< the deviation in both directions: where x is measured too
  bool joined = true;    ///< false: points alone
};

/// share: 1 at most; whole: 0 to 1 whatever the values are.
enum class Scale { linear, logarithmic, base_2, share, whole };

struct Axis {
  std::string label;
  Scale scale = Scale::linear;
  std::vector<std::pair<double, std::string>> names = {};  ///< of places, instead of numbers
};

/// Axes and what is drawn between them.
struct Panel {
  std::string title;
  Axis x, y;
  std::vector<Curve> curves;
  double mark = std::numeric_limits<double>::quiet_NaN();  ///< an x with a line through it
  std::string mark_name = "";                              ///< in the legend
};

/// A bar, or a group of bars where x is close.
struct Bar {
  double x;
  Number height;
  std::string colour;
  bool light = false;
};
struct BarPanel {
  std::string title, label;
  bool share = true;  ///< the axis ends at 1
  std::vector<Bar> bars = {};
  std::vector<std::pair<double, std::string>> names = {};
};

/// Panels in rows of `columns`, each with an area of width x height pixels between its axes, and
/// under them one legend.
class Figure {
 public:
  Figure(int columns, double width, double height)
      : columns_(columns), width_(width), height_(height) {}

  /// Left out if it has no point that its axes can show.
  void add(const Panel& panel);
  void add(const BarPanel& panel);
  /// gnuplot commands that draw one panel.
  void add(const std::string& commands);
  /// An empty place.
  void skip() { panels_.emplace_back(); }

  /// Names a block of data for the commands.
  [[nodiscard]] std::string block(const std::string& text);
  /// An entry of the legend, once: gnuplot's `clause` with NaN drawn by it.
  void legend(const std::string& title, const std::string& clause);
  /// gnuplot's box of colours under the panels, with what it shows.
  void colours(const std::string& label) { colours_ = label; }

  [[nodiscard]] bool empty() const;
  /// @return false without gnuplot, or with nothing to draw.
  [[nodiscard]] bool draw(const std::filesystem::path& path) const;

 private:
  int columns_;
  double width_, height_, bottom_ = 58;
  std::string data_, colours_;
  int blocks_ = 0;
  bool published_ = false, corrected_ = false;  // there are curves of it
  std::vector<std::string> panels_;
  std::vector<std::pair<std::string, std::string>> legend_;
};

/// A text in gnuplot's single quotes.
[[nodiscard]] std::string in_quotes(const std::string& text);
/// A number as gnuplot reads it, short.
[[nodiscard]] std::string text_of_number(double value);

}  // namespace lacuna::examples::figures

#endif  // LACUNA_EXAMPLES_REPRODUCE_FIGURES_PANEL_HPP
