#include <string>

#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

// Trims happen every 256 commits, so that many entries may be left over, and as many again.
constexpr std::uint64_t kLeftMax = 512;
// Fewer than this are not worth a write at open.
constexpr std::uint64_t kLeftAtOpenMax = 128;

class ChangeTrimTest : public StoreFixture {
 protected:
  void Commit(int num_commits) {
    for (int i = 0; i < num_commits; ++i) {
      Insert(EntityKind::kLabel, "l" + std::to_string(next_++));
    }
  }
  std::uint64_t NumChanges() { return Snapshot()->CountChanges().value(); }

 private:
  int next_ = 0;
};

TEST_F(ChangeTrimTest, WhatNobodyReadsGoes) {
  Open();
  Commit(2000);
  EXPECT_LE(NumChanges(), kLeftMax);
  Open();
  EXPECT_LE(NumChanges(), kLeftAtOpenMax);
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 2000U);
  Commit(10);
  EXPECT_LE(NumChanges(), kLeftAtOpenMax + 10);
  EXPECT_GE(NumChanges(), 10U);
}

TEST_F(ChangeTrimTest, WhatAnOldViewMayReadStays) {
  Open();
  Commit(100);
  {
    const auto view = Snapshot();
    Commit(1500);
    EXPECT_GE(NumChanges(), 1500U);
  }
  Commit(600);
  EXPECT_LE(NumChanges(), kLeftMax);
}

TEST_F(ChangeTrimTest, WhatAReleaseLacksStays) {
  Open();
  Commit(50);
  ReleaseRecord release;
  release.model = "m";
  release.number = 1;
  release.snapshot_sequence = Snapshot()->CommitSequence().value();
  {
    const auto transaction = Begin();
    ASSERT_OK(transaction->PutRelease(release));
    ASSERT_OK(transaction->Commit());
  }
  Commit(1000);
  Open();
  EXPECT_GE(NumChanges(), 1001U);
  EXPECT_LE(NumChanges(), 1001U + kLeftAtOpenMax);
  {
    const auto transaction = Begin();
    ASSERT_OK(transaction->DeleteRelease("m", 1));
    ASSERT_OK(transaction->Commit());
  }
  Open();
  EXPECT_LE(NumChanges(), kLeftAtOpenMax);
}

TEST_F(ChangeTrimTest, ALoadFindsItsConflictsHoweverManyCommitsLater) {
  Open();
  const Ordinal ordinal = Insert(EntityKind::kDocument, "d", "before");
  auto begun = store().BeginRowLoad(EntityKind::kDocument, DuplicatePolicy::kReplace);
  ASSERT_OK(begun);
  ASSERT_OK((*begun)->AddRow(Row("d", "loaded")));
  {
    const auto transaction = Begin();
    ASSERT_OK(transaction->UpdateRow(EntityKind::kDocument, ordinal, Row("d", "after")));
    ASSERT_OK(transaction->Commit());
  }
  Commit(1000);
  EXPECT_EQ((*begun)->Commit({}).status().sqlstate(), "40001");
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kDocument), std::vector<std::string>{"d=after"});
}

}  // namespace
}  // namespace dashi::storage
