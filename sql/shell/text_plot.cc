#include "sql/shell/text_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "sql/shell/display_width.h"

namespace dashi {

namespace {

constexpr std::size_t kCurveLines = 8;
constexpr std::size_t kColumnsPerValueMax = 4;
constexpr std::size_t kColumnsMax = 100;
constexpr std::size_t kBarColumnsMax = 40;
constexpr std::size_t kBarColumnsMin = 4;
constexpr std::size_t kEighths = 8;
// By how many eighths are full, from below and from the left.
constexpr std::array<std::string_view, 9> kColumnBlocks = {" ", "▁", "▂", "▃", "▄",
                                                           "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 9> kBarBlocks = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};

// The mean of what is finite; NaN when nothing is.
double Mean(std::span<const double> values) {
  double sum = 0;
  double count = 0;
  for (const double value : values) {
    if (std::isfinite(value)) {
      sum += value;
      count += 1;
    }
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

// As many values as `columns` at the most.
std::vector<double> Thinned(std::span<const double> values, std::size_t columns) {
  const std::size_t count = std::min(values.size(), columns);
  std::vector<double> thinned;
  thinned.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * values.size() / count;
    const std::size_t end = (i + 1) * values.size() / count;
    thinned.push_back(Mean(values.subspan(begin, end - begin)));
  }
  return thinned;
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

Range RangeOf(std::span<const double> values) {
  Range range;
  for (const double value : values) {
    if (std::isfinite(value)) {
      range.low = std::min(range.low, value);
      range.high = std::max(range.high, value);
    }
  }
  return range;
}

// How many eighths of a line the column of a value is high: one at least, so that it can be seen.
std::size_t HeightOf(double value, const Range& range) {
  if (!std::isfinite(value)) {
    return 0;
  }
  const double share = range.high > range.low ? (value - range.low) / (range.high - range.low) : 0;
  return 1 + static_cast<std::size_t>(
                 std::lround(share * static_cast<double>(kCurveLines * kEighths - 1)));
}

std::string_view BlockAt(std::size_t height, std::size_t lines_below) {
  const std::size_t below = lines_below * kEighths;
  return kColumnBlocks[height <= below ? 0 : std::min(height - below, kEighths)];
}

}  // namespace

std::string PlotCurve(std::span<const double> values, std::size_t first, std::size_t width) {
  const Range range = RangeOf(values);
  if (!(range.low <= range.high)) {
    return std::string();
  }
  const std::string high = fmt::format("{:.4g}", range.high);
  const std::string low = fmt::format("{:.4g}", range.low);
  const std::size_t margin = std::max(high.size(), low.size());
  const std::size_t room = width > margin + 4 ? std::min(width - margin - 4, kColumnsMax) : 1;
  const std::vector<double> columns = Thinned(values, room);
  const std::size_t repeated =
      std::clamp<std::size_t>(room / columns.size(), 1, kColumnsPerValueMax);
  std::string plot;
  for (std::size_t line = kCurveLines; line-- > 0;) {
    const std::string_view label = line + 1 == kCurveLines ? std::string_view(high)
                                   : line == 0             ? std::string_view(low)
                                                           : std::string_view();
    std::string drawn = fmt::format(" {:>{}} |", label, margin);
    for (const double value : columns) {
      for (std::size_t i = 0; i < repeated; ++i) {
        drawn += BlockAt(HeightOf(value, range), line);
      }
    }
    drawn.erase(drawn.find_last_not_of(' ') + 1);
    plot += drawn + "\n";
  }
  const std::string left = fmt::format("{}", first);
  const std::string right = fmt::format("{}", first + values.size() - 1);
  const std::size_t drawn_width = columns.size() * repeated;
  plot += std::string(margin + 3, ' ') + left;
  if (values.size() > 1) {
    const std::size_t used = left.size() + right.size();
    plot += std::string(drawn_width > used ? drawn_width - used : 1, ' ') + right;
  }
  return plot + "\n";
}

std::string PlotBars(std::span<const PlotBar> bars, std::size_t width) {
  std::size_t name_width = 0;
  double highest = 0;
  for (const PlotBar& bar : bars) {
    name_width = std::max(name_width, DisplayWidth(bar.name));
    highest = std::max({highest, bar.value, bar.high.value_or(0)});
  }
  constexpr std::size_t kFigures = 25;  // "  0.612  0.598 to 0.627"
  const std::size_t used = name_width + 3 + kFigures;
  const std::size_t room =
      std::clamp(width > used ? width - used : 0, kBarColumnsMin, kBarColumnsMax);
  std::string plot;
  for (const PlotBar& bar : bars) {
    const double share = highest > 0 && bar.value > 0 ? bar.value / highest : 0;
    const auto eighths =
        static_cast<std::size_t>(std::lround(share * static_cast<double>(room * kEighths)));
    plot += " " + bar.name + std::string(name_width - DisplayWidth(bar.name) + 2, ' ');
    for (std::size_t i = 0; i < eighths / kEighths; ++i) {
      plot += kBarBlocks[kEighths];
    }
    plot += kBarBlocks[eighths % kEighths];
    const std::size_t drawn = (eighths + kEighths - 1) / kEighths;
    plot += std::string(room - std::min(room, drawn), ' ') + fmt::format("  {:.3f}", bar.value);
    if (bar.low && bar.high) {
      plot += fmt::format("  {:.3f} to {:.3f}", *bar.low, *bar.high);
    }
    plot += "\n";
  }
  return plot;
}

}  // namespace dashi
