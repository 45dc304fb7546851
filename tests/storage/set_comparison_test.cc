#include "storage/set_comparison.h"

#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::storage {
namespace {

using Side = SetComparison::Side;
using Item = std::pair<std::uint64_t, std::string>;
using Found = std::tuple<std::uint64_t, Side, std::string>;

// Compares as a check does, and returns what it finds.
std::vector<Found> Compare(const std::vector<Item>& left, const std::vector<Item>& right,
                           bool* partial = nullptr) {
  SetComparison comparison;
  for (const auto& [key, payload] : left) {
    comparison.Add(Side::kLeft, key, payload);
  }
  for (const auto& [key, payload] : right) {
    comparison.Add(Side::kRight, key, payload);
  }
  std::vector<Found> found;
  if (comparison.Equal()) {
    return found;
  }
  comparison.BeginSearch();
  for (const auto& [key, payload] : right) {
    comparison.Collect(Side::kRight, key, payload);
  }
  for (const auto& [key, payload] : left) {
    comparison.Collect(Side::kLeft, key, payload);
  }
  for (const SetComparison::Difference& difference : comparison.Differences()) {
    found.emplace_back(difference.key, difference.side, difference.payload);
  }
  if (partial != nullptr) {
    *partial = comparison.partial();
  }
  return found;
}

TEST(SetComparisonTest, FindsExactlyWhatOneSideAloneHas) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<Item> left;
    std::vector<Item> right;
    std::multiset<Found> expected;
    for (std::uint64_t key = 0; key < 3000; ++key) {
      const std::string payload = "v" + std::to_string(random.Uniform(4));
      const std::uint64_t fate = random.Uniform(500);
      if (fate != 0) {
        left.emplace_back(key, payload);
      }
      if (fate == 1) {
        right.emplace_back(key, payload + "'");
        expected.emplace(key, Side::kLeft, payload);
        expected.emplace(key, Side::kRight, payload + "'");
      } else if (fate != 2) {
        right.emplace_back(key, payload);
      }
      if (fate == 0) {
        expected.emplace(key, Side::kRight, payload);
      } else if (fate == 2) {
        expected.emplace(key, Side::kLeft, payload);
      } else if (fate == 3) {
        right.emplace_back(key, payload);  // The same item twice is a difference too.
        expected.emplace(key, Side::kRight, payload);
      }
    }
    for (std::size_t i = right.size(); i > 1; --i) {
      std::swap(right[i - 1], right[random.Uniform(i)]);
    }
    bool partial = true;
    const std::vector<Found> found = Compare(left, right, &partial);
    EXPECT_EQ(std::multiset<Found>(found.begin(), found.end()), expected);
    EXPECT_FALSE(partial && !expected.empty());
  }
}

TEST(SetComparisonTest, EqualPayloadsOfOtherKeysDoNotMakeUpForEachOther) {
  EXPECT_EQ(Compare({{1, "a"}, {2, "b"}}, {{1, "b"}, {2, "a"}}).size(), 4U);
  EXPECT_TRUE(Compare({{1, "a"}, {2, ""}}, {{2, ""}, {1, "a"}}).empty());
}

TEST(SetComparisonTest, ManyDifferencesAreFoundInPart) {
  std::vector<Item> left;
  for (std::uint64_t key = 0; key < 300'000; ++key) {
    left.emplace_back(key, "x");
  }
  bool partial = false;
  const std::vector<Found> found = Compare(left, {}, &partial);
  EXPECT_TRUE(partial);
  EXPECT_GT(found.size(), 100'000U);
  EXPECT_LE(found.size(), 200'000U);
}

}  // namespace
}  // namespace dashi::storage
