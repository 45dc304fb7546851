#include "index/search_plan.h"

#include <gtest/gtest.h>

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 250'000;

FilteredTask Passing(double share, std::size_t m = 10) {
  return {kRows, /*dim=*/384, static_cast<std::size_t>(share * static_cast<double>(kRows)), m,
          /*ef=*/128};
}

TEST(FilteredPlanTest, WalksWhereManyPassAndScansWhereFewDo) {
  EXPECT_TRUE(FilteredPlan(Passing(1)).walks());
  EXPECT_TRUE(FilteredPlan(Passing(0.5)).walks());
  EXPECT_TRUE(FilteredPlan(Passing(0.2)).walks());
  EXPECT_FALSE(FilteredPlan(Passing(0.05)).walks());
  EXPECT_FALSE(FilteredPlan(Passing(0.001)).walks());
  EXPECT_FALSE(FilteredPlan(Passing(0)).walks());
  EXPECT_FALSE(FilteredPlan(Passing(1, /*m=*/100'000)).walks());
  // The more rows there are, the smaller a share is worth a walk.
  EXPECT_TRUE(FilteredPlan({100 * kRows, 384, 2 * kRows, 10, 128}).walks());
  // A node costs more than a row, the more so the shorter rows are.
  EXPECT_TRUE(FilteredPlan({20'000, 768, 8000, 10, 64}).walks());
  EXPECT_FALSE(FilteredPlan({20'000, 64, 8000, 10, 64}).walks());
}

TEST(FilteredPlanTest, TheBeamHoldsWhatIsWantedAndIsThatOfTheSearchWithoutAFilterWhenAllPass) {
  EXPECT_EQ(FilteredPlan(Passing(1)).beam(), 128U);
  EXPECT_EQ(FilteredPlan(Passing(0.5, 500)).beam(), 500U);
  EXPECT_LT(FilteredPlan(Passing(0.1)).beam(), 100U);
  EXPECT_GT(FilteredPlan(Passing(0.1)).beam(), 40U);
}

TEST(FilteredPlanTest, GivesUpWhenWhatPassesIsNotWhereTheQueryIs) {
  const FilteredPlan plan(Passing(0.5));
  // Until 2 % of the scan's cost are spent nothing is asked.
  EXPECT_TRUE(plan.GoesOn({0, 0, 0, 0}));
  EXPECT_TRUE(plan.GoesOn({1300, 100, 0, 100}));
  EXPECT_FALSE(plan.GoesOn({1500, 100, 0, 100}));
  EXPECT_FALSE(plan.GoesOn({1500, 100, 5, 0}));
  EXPECT_TRUE(plan.GoesOn({1500, 100, 10, 0}));
  EXPECT_TRUE(plan.GoesOn({5000, 400, 200, 0}));
  // A walk that would have to go on for longer than the scan takes ends, too.
  EXPECT_FALSE(plan.GoesOn({20'000, 400, 90, 2000}));
}

TEST(ScanIsCheaperTest, AWideBeamOrFewRowsAreScanned) {
  EXPECT_TRUE(ScanIsCheaper(0, 1));
  EXPECT_TRUE(ScanIsCheaper(5000, 128));
  EXPECT_FALSE(ScanIsCheaper(20'000, 128));
  EXPECT_TRUE(ScanIsCheaper(20'000, 1000));
}

}  // namespace
}  // namespace dashi::index
