#include "base/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace dashi {
namespace {

TEST(RandomTest, TheSequenceOfASeedNeverChanges) {
  Random random(1);
  const std::vector<std::uint64_t> first{random.Next(), random.Next(), random.Next()};
  EXPECT_EQ(first, (std::vector<std::uint64_t>{12966619160104079557ULL, 9600361134598540522ULL,
                                               10590380919521690900ULL}));
}

TEST(RandomTest, StateResumesTheSequence) {
  Random random(3);
  random.Next();
  Random copy = Random::FromState(random.state());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(random.Next(), copy.Next());
  }
}

TEST(RandomTest, UniformCoversItsRangeEvenly) {
  Random random(11);
  std::vector<int> counts(7);
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) {
    ++counts[random.Uniform(7)];
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, kDraws / 7, 400);  // four standard deviations
  }
}

TEST(RandomTest, NormalHasMeanZeroAndVarianceOne) {
  Random random(5);
  constexpr int kDraws = 100'000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.Normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 0.015);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.025);
}

TEST(RandomTest, ShuffleKeepsAllItems) {
  Random random(9);
  std::vector<int> items(50);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  random.Shuffle(std::span<int>(shuffled));
  EXPECT_NE(shuffled, items);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, items);
}

}  // namespace
}  // namespace dashi
