#include "storage/change_codec.h"

#include <gtest/gtest.h>

#include "tests/storage/damaged_bytes.h"

namespace dashi::storage {
namespace {

TEST(ChangeCodecTest, JoinsOrdinalsIntoRuns) {
  ChangeSet changes;
  for (const std::uint32_t ordinal : {5U, 6U, 7U, 100U, 3U, 4U, 6U}) {
    changes.Add(ChangedTable::kLabels, ChangeOperation::kInsert, Ordinal{ordinal});
  }
  changes.Add(ChangedTable::kRelevance, ChangeOperation::kUpdate, Ordinal{0xFFFFFFFE});
  std::vector<ChangeRun> runs;
  ASSERT_TRUE(DecodeChanges(changes.Encode(), &runs));
  const std::vector<ChangeRun> expected = {
      {ChangedTable::kLabels, ChangeOperation::kInsert, Ordinal{3}, 5},
      {ChangedTable::kLabels, ChangeOperation::kInsert, Ordinal{100}, 1},
      {ChangedTable::kRelevance, ChangeOperation::kUpdate, Ordinal{0xFFFFFFFE}, 1}};
  EXPECT_EQ(runs, expected);
}

TEST(ChangeCodecTest, AMillionRowsInARowTakeAFewBytes) {
  ChangeSet changes;
  for (std::uint32_t ordinal = 0; ordinal < 1000000; ++ordinal) {
    changes.Add(ChangedTable::kDocuments, ChangeOperation::kInsert, Ordinal{ordinal});
  }
  EXPECT_LT(changes.Encode().size(), 16U);
}

TEST(ChangeCodecTest, DamageIsRefusedOrHarmless) {
  ChangeSet changes;
  for (const std::uint32_t ordinal : {1U, 2U, 300U, 70000U}) {
    changes.Add(ChangedTable::kDocuments, ChangeOperation::kUpdate, Ordinal{ordinal});
    changes.Add(ChangedTable::kAnchors, ChangeOperation::kDelete, Ordinal{ordinal});
  }
  ForEachDamage(changes.Encode(), [](const std::string& damaged) {
    std::vector<ChangeRun> runs;
    if (DecodeChanges(damaged, &runs)) {
      for (const ChangeRun& run : runs) {
        EXPECT_GT(run.count, 0U);
        EXPECT_LE(std::uint64_t{ToInteger(run.first)} + run.count, std::uint64_t{1} << 32U);
      }
    }
  });
}

}  // namespace
}  // namespace dashi::storage
