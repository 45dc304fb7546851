#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dashi {

/// Returns a curve of values from left to right as a picture of text, each line with its newline:
///
///      2.31 |█
///           |█▄
///           |██▄▂
///      0.41 |████▆▃▂▁
///            1      8
///
/// The lowest value stands on the floor. Where there are more values than columns, a column is the
/// mean of its values; values that are not finite leave a gap. `first` numbers the first value. ""
/// when there is nothing to draw.
std::string PlotCurve(std::span<const double> values, std::size_t first, std::size_t width);

/// One bar: a value from 0 to 1, and the ends of its confidence interval where they are known.
struct PlotBar {
  std::string name;
  double value = 0;
  std::optional<double> low;
  std::optional<double> high;
};

/// Returns bars below each other, on a common scale from 0 to the largest end:
///
///     head   ██████████████▌         0.612  0.598 to 0.627
///     tail   ████                    0.204
std::string PlotBars(std::span<const PlotBar> bars, std::size_t width);

}  // namespace dashi
