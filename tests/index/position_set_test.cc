#include "index/position_set.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::index {
namespace {

// Lists all members in pieces of changing size.
std::vector<Position> ListAll(const PositionSet& set, Random& random) {
  std::vector<Position> all;
  Position next = 0;
  for (;;) {
    std::vector<Position> piece(1 + random.Uniform(100));
    const std::size_t size = set.List(&next, piece);
    if (size == 0) {
      return all;
    }
    EXPECT_EQ(next, piece[size - 1] + 1);
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

void ExpectSame(const PositionSet& set, const std::set<Position>& expected,
                std::size_t num_positions, Random& random) {
  ASSERT_EQ(set.size(), expected.size());
  ASSERT_EQ(set.num_positions(), num_positions);
  const std::vector<Position> listed = ListAll(set, random);
  ASSERT_EQ(std::vector<Position>(expected.begin(), expected.end()), listed);
  for (std::size_t i = 0; i < num_positions; ++i) {
    const auto position = static_cast<Position>(i);
    ASSERT_EQ(set.Contains(position), expected.contains(position)) << i;
  }
}

TEST(PositionSetTest, HoldsWhatASetHoldsHoweverDenseItIs) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t num_positions = 1 + random.Uniform(4000);
    // From none to all, and so sparse that members are listed.
    const double share = seed % 3 == 0 ? 0.002 : random.UniformReal() * 1.1;
    std::vector<Position> members;
    std::vector<Position> others;
    for (std::size_t i = 0; i < num_positions; ++i) {
      (random.UniformReal() < share ? members : others).push_back(static_cast<Position>(i));
    }
    const std::set<Position> expected(members.begin(), members.end());
    ExpectSame(PositionSet(members, num_positions), expected, num_positions, random);
    ExpectSame(PositionSet::AllBut(others, num_positions), expected, num_positions, random);
    const auto passes = [&](Position position) { return expected.contains(position); };
    ExpectSame(PositionSet::Where(num_positions, passes), expected, num_positions, random);
  }
}

TEST(PositionSetTest, MembersComeAndGo) {
  SCOPED_TRACE("seed 9");
  Random random(9);
  for (const std::size_t num_positions : {1UL, 64UL, 1000UL}) {
    std::set<Position> expected;
    PositionSet set({}, num_positions);
    for (int change = 0; change < 300; ++change) {
      const auto position = static_cast<Position>(random.Uniform(num_positions));
      const bool member = random.Uniform(2) == 0;
      set.Set(position, member);
      member ? (void)expected.insert(position) : (void)expected.erase(position);
    }
    ExpectSame(set, expected, num_positions, random);
  }
}

TEST(PositionSetTest, WhatTwoSetsShare) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t num_positions = 1 + random.Uniform(4000);
    const auto make = [&](double share, std::set<Position>* expected) {
      for (std::size_t i = 0; i < num_positions; ++i) {
        if (random.UniformReal() < share) {
          expected->insert(static_cast<Position>(i));
        }
      }
      return PositionSet({expected->begin(), expected->end()}, num_positions);
    };
    // Listed, or of words, or one of each kind.
    std::set<Position> of_a;
    std::set<Position> of_b;
    const PositionSet a = make(seed % 2 == 0 ? 0.002 : 0.4, &of_a);
    const PositionSet b = make(seed % 3 == 0 ? 0.002 : 0.6, &of_b);
    std::set<Position> expected;
    std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                          std::inserter(expected, expected.begin()));
    EXPECT_EQ(PositionSet::CountCommon(a, b), expected.size());
    ExpectSame(PositionSet::Common(a, b), expected, num_positions, random);
  }
}

TEST(PositionSetTest, AnEmptySetHoldsNothing) {
  Random random(1);
  ExpectSame(PositionSet(), {}, 0, random);
  ExpectSame(PositionSet({}, 100), {}, 100, random);
  ExpectSame(PositionSet::AllBut({}, 0), {}, 0, random);
  ExpectSame(
      PositionSet::AllBut({}, 64),
      [] {
        std::set<Position> all;
        for (Position i = 0; i < 64; ++i) {
          all.insert(i);
        }
        return all;
      }(),
      64, random);
}

}  // namespace
}  // namespace dashi::index
