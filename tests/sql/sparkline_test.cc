#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sql/sparkline_function.h"

namespace dashi::sql {
namespace {

using Values = std::vector<std::optional<double>>;

TEST(SparklineTest, GoesFromTheSmallestToTheLargest) {
  EXPECT_EQ(DrawSparkline(Values{0, 1, 2, 3, 4, 5, 6, 7}), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(DrawSparkline(Values{-1, 1, -1}), "▁█▁");
}

TEST(SparklineTest, NullAndInfinityAreGaps) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(DrawSparkline(Values{1, std::nullopt, 2, infinity, 1}), "▁ █ ▁");
}

TEST(SparklineTest, EqualValuesAreLow) { EXPECT_EQ(DrawSparkline(Values{5, 5}), "▁▁"); }

TEST(SparklineTest, NoValuesGiveNothing) {
  EXPECT_EQ(DrawSparkline({}), "");
  EXPECT_EQ(DrawSparkline(Values{std::nullopt}), " ");
}

TEST(SparklineTest, ManyValuesAreAveraged) {
  Values values;
  for (std::size_t i = 0; i < 10 * kSparklineWidth; ++i) {
    values.emplace_back(static_cast<double>(i));
  }
  const std::string line = DrawSparkline(values);
  EXPECT_EQ(line.size(), 3 * kSparklineWidth);  // Three bytes a block.
  EXPECT_TRUE(line.starts_with("▁"));
  EXPECT_TRUE(line.ends_with("█"));
}

}  // namespace
}  // namespace dashi::sql
