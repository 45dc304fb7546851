#include "index/row_set.h"

#include <iterator>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::index {
namespace {

TEST(RowSetTest, HoldsWhatASetHolds) {
  Random random(3);
  RowSet rows[2];
  std::set<std::uint32_t> expected[2];
  for (int i = 0; i < 20'000; ++i) {
    const auto which = random.Uniform(2);
    // Dense at the start, sparse above.
    const auto row =
        static_cast<std::uint32_t>(random.Next() >> (random.Uniform(2) == 0 ? 49 : 32));
    rows[which].Add(row);
    expected[which].insert(row);
  }
  EXPECT_EQ(rows[0].size(), expected[0].size());
  std::set<std::uint32_t> both;
  for (const std::uint32_t row : expected[0]) {
    EXPECT_TRUE(rows[0].Contains(row));
    EXPECT_EQ(rows[1].Contains(row), expected[1].contains(row));
    if (expected[1].contains(row)) {
      both.insert(row);
    }
  }
  ASSERT_FALSE(both.empty());
  rows[0].IntersectWith(rows[1]);
  EXPECT_EQ(rows[0].size(), both.size());
  const RowSet moved = std::move(rows[0]);
  EXPECT_TRUE(moved.Contains(*both.begin()));
}

TEST(RowSetTest, AReaderGoesThroughTheRowsAndLeavesSomeOut) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    RowSet rows;
    std::set<std::uint32_t> expected;
    for (int i = 0; i < 3000; ++i) {
      const auto row = static_cast<std::uint32_t>(random.Next() >> (seed % 2 == 0 ? 50 : 32));
      rows.Add(row);
      expected.insert(row);
    }
    auto next = expected.begin();
    RowSet::Reader reader(rows);
    while (next != expected.end()) {
      ASSERT_FALSE(reader.at_end());
      ASSERT_EQ(reader.row(), *next);
      if (random.Uniform(3) == 0) {
        const std::uint32_t wanted =
            *next + static_cast<std::uint32_t>(random.Uniform(seed % 2 == 0 ? 100 : 1U << 28U));
        if (wanted < *next) {
          break;
        }
        reader.Seek(wanted);
        next = expected.lower_bound(wanted);
      } else {
        reader.Next();
        ++next;
      }
    }
    EXPECT_EQ(reader.at_end(), next == expected.end());
  }
}

TEST(RowSetTest, AnEmptySetHoldsNothing) {
  const RowSet rows;
  EXPECT_TRUE(RowSet::Reader(rows).at_end());
  EXPECT_EQ(rows.size(), 0U);
  EXPECT_FALSE(rows.Contains(0));
}

}  // namespace
}  // namespace dashi::index
