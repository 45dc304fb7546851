#include "sql/shell/text_plot.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sql/shell/display_width.h"

namespace dashi {
namespace {

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

TEST(PlotCurveTest, FallsFromTheLeftToTheRight) {
  const std::vector<double> losses = {4, 3, 2, 1};
  EXPECT_EQ(PlotCurve(losses, 1, 15),
            " 4 |██\n"
            "   |██\n"
            "   |██▃▃\n"
            "   |████\n"
            "   |████\n"
            "   |████▆▆\n"
            "   |██████\n"
            " 1 |██████▁▁\n"
            "    1      4\n");
}

TEST(PlotCurveTest, FitsAnyTerminal) {
  std::vector<double> losses;
  for (int i = 0; i < 1000; ++i) {
    losses.push_back(1.0 / (1 + i));
  }
  for (std::size_t width = 10; width < 200; ++width) {
    for (const std::string& line : LinesOf(PlotCurve(losses, 0, width))) {
      // The numbers below the curve need their place.
      EXPECT_LE(DisplayWidth(line), std::max<std::size_t>(width, 16)) << width << ": " << line;
    }
  }
}

TEST(PlotCurveTest, DrawsWhatIsOddWithoutAPicture) {
  EXPECT_EQ(PlotCurve({}, 0, 80), "");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(PlotCurve(std::vector<double>{nan, INFINITY}, 0, 80), "");
  const std::vector<double> flat = {2, 2, 2};
  const std::vector<std::string> lines = LinesOf(PlotCurve(flat, 0, 80));
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(lines[7], " 2 |▁▁▁▁▁▁▁▁▁▁▁▁");
  const std::vector<double> gap = {2, nan, 1};
  EXPECT_NE(PlotCurve(gap, 0, 80).find("|████    ▁▁▁▁\n"), std::string::npos)
      << PlotCurve(gap, 0, 80);
}

TEST(PlotBarsTest, SharesOneScale) {
  const std::vector<PlotBar> bars = {{"P@1 head", 0.8, 0.75, 0.85}, {"P@1 tail", 0.4, {}, {}}};
  EXPECT_EQ(PlotBars(bars, 56),
            " P@1 head  ██████████████████▉   0.800  0.750 to 0.850\n"
            " P@1 tail  █████████▍            0.400\n");
}

TEST(PlotBarsTest, DrawsNothingOfNothing) {
  EXPECT_EQ(PlotBars({}, 80), "");
  const std::vector<PlotBar> zero = {{"x", 0, {}, {}}};
  EXPECT_EQ(PlotBars(zero, 10), " x        0.000\n");
}

}  // namespace
}  // namespace dashi
