// Loads beside transactions, readers and other loads.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/bulk_load_fixture.h"

namespace dashi::storage {
namespace {

using ::testing::ElementsAre;

TEST_F(BulkLoadTest, ATransactionThatCommittedMeanwhileMakesTheLoadFail) {
  Open();
  const Ordinal stored = Insert(EntityKind::kLabel, "stored");
  const auto attempt = [&](const std::function<void(Transaction&)>& meanwhile) {
    const auto load = RowLoad(EntityKind::kLabel, DuplicatePolicy::kReplace);
    EXPECT_OK(load->AddRow(Row("new")));
    EXPECT_OK(load->AddRow(Row("stored", "loaded")));
    auto transaction = Begin();
    meanwhile(*transaction);
    EXPECT_OK(transaction->Commit());
    return load->Commit({}).status();
  };
  EXPECT_EQ(attempt([&](Transaction& t) {
              EXPECT_OK(t.InsertRow(EntityKind::kLabel, Row("new", "first")));
            }).sqlstate(),
            "40001");
  EXPECT_EQ(attempt([&](Transaction& t) {
              EXPECT_OK(t.UpdateRow(EntityKind::kLabel, stored, Row("renamed")));
            }).sqlstate(),
            "40001");
  EXPECT_EQ(attempt([&](Transaction& t) {
              EXPECT_OK(t.UpdateRow(EntityKind::kLabel, stored, Row("stored")));
            }).sqlstate(),
            "40001");
  EXPECT_EQ(attempt([&](Transaction& t) {
              EXPECT_OK(t.DeleteRow(EntityKind::kLabel, stored));
            }).sqlstate(),
            "40001");
  EXPECT_EQ(attempt([&](Transaction& t) {
              EXPECT_OK(t.InsertRow(EntityKind::kLabel, Row("unrelated")));
              EXPECT_OK(t.InsertRow(EntityKind::kDocument, Row("new")));
            }).sqlstate(),
            "00000");
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel),
              ElementsAre("new=", "stored=loaded", "unrelated="));
}

TEST_F(BulkLoadTest, ARowDeletedMeanwhileMakesTheLoadOfItsPairsFail) {
  Open();
  LoadRows(EntityKind::kDocument, "d", 2);
  LoadRows(EntityKind::kLabel, "l", 2);
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    const auto load = PairLoad(DuplicatePolicy::kReplace);
    ASSERT_OK(load->AddRelevance(kind == EntityKind::kDocument ? "d0" : "d1",
                                 kind == EntityKind::kDocument ? "l1" : "l0", 1));
    auto transaction = Begin();
    ASSERT_OK(transaction->DeleteRow(kind, Ordinal{0}));
    ASSERT_OK(transaction->Commit());
    EXPECT_EQ(load->Commit({}).status().sqlstate(), "40001");
  }
  const auto view = Snapshot();
  EXPECT_FALSE(view->ScanRelevance()->Next().value());
}

TEST_F(BulkLoadTest, ReadersSeeAllOrNothingWhileALoadIsApplied) {
  Open();
  const Ordinal label = Insert(EntityKind::kLabel, "l", "before");
  constexpr int kCount = 30000;
  const auto load = RowLoad(EntityKind::kLabel, DuplicatePolicy::kReplace);
  ASSERT_OK(load->AddRow(Row("l", "loaded")));
  for (int i = 1; i < kCount; ++i) {
    ASSERT_OK(load->AddRow(Row("l" + std::to_string(i), std::string(300, 'x'))));
  }
  int calls = 0;
  std::unique_ptr<Transaction> untouched;
  std::unique_ptr<Transaction> conflicting;
  auto counts = load->Commit([&](std::uint64_t /*done*/, std::uint64_t /*total*/) {
    ++calls;
    EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("l=before"));
    EXPECT_EQ(Snapshot()->CommitSequence().value(), 1U);
    if (calls == 1) {
      untouched = Begin();
      EXPECT_THAT(Rows(*untouched, EntityKind::kLabel), ElementsAre("l=before"));
      EXPECT_OK(untouched->InsertRow(EntityKind::kDocument, Row("beside")));
      conflicting = Begin();
      EXPECT_OK(conflicting->UpdateRow(EntityKind::kLabel, label, Row("l", "lost update")));
    }
  });
  ASSERT_OK(counts);
  EXPECT_GT(calls, 1);
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel).size(), static_cast<std::size_t>(kCount));
  EXPECT_OK(untouched->Commit());
  EXPECT_EQ(conflicting->Commit().sqlstate(), "40001");
  EXPECT_EQ(Snapshot()->GetRow(EntityKind::kLabel, label).value()->text, "loaded");
}

TEST_F(BulkLoadTest, LoadsAndCommitsTakeTurns) {
  Open();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      Insert(EntityKind::kDocument, "w" + std::to_string(i));
    }
  });
  std::thread second([&] { LoadRows(EntityKind::kLabel, "b", 4000, 100); });
  LoadRows(EntityKind::kLabel, "a", 4000, 100);
  LoadRows(EntityKind::kDocument, "d", 4000, 100);
  second.join();
  stop = true;
  writer.join();
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel).size(), 8000U);
}

// RocksDB does not see ingested rows when it looks for conflicts.
TEST_F(BulkLoadTest, ATransactionFromBeforeAStagedLoadMeetsItsIds) {
  Open();
  const Ordinal stored = Insert(EntityKind::kLabel, "stored");
  auto same_id = Begin();
  ASSERT_OK(same_id->InsertRow(EntityKind::kLabel, Row("n77", "mine")));
  auto renaming = Begin();
  ASSERT_OK(renaming->UpdateRow(EntityKind::kLabel, stored, Row("n15000")));
  auto other_id = Begin();
  ASSERT_OK(other_id->InsertRow(EntityKind::kLabel, Row("other")));
  ASSERT_OK(other_id->UpdateRow(EntityKind::kLabel, stored, Row("stored", "edited")));
  LoadRows(EntityKind::kLabel, "n", 20000, 50);
  EXPECT_EQ(same_id->Commit().sqlstate(), "40001");
  EXPECT_EQ(renaming->Commit().sqlstate(), "40001");
  EXPECT_OK(other_id->Commit());
  const auto view = Snapshot();
  EXPECT_EQ(view->GetRow(EntityKind::kLabel, *Find(*view, EntityKind::kLabel, "n77")).value()->text,
            std::string(50, 'x'));
  EXPECT_EQ(view->GetRow(EntityKind::kLabel, stored).value()->text, "edited");
  EXPECT_EQ(Rows(*view, EntityKind::kLabel).size(), 20002U);
}

TEST_F(BulkLoadTest, AStagedLoadConflictsWithTheSameIdCommittedMeanwhile) {
  Open();
  const auto load = RowLoad(EntityKind::kLabel, DuplicatePolicy::kFail);
  for (int i = 0; i < 20000; ++i) {
    ASSERT_OK(load->AddRow(Row("n" + std::to_string(i), std::string(50, 'x'))));
  }
  Insert(EntityKind::kLabel, "n12345");
  EXPECT_EQ(load->Commit({}).status().sqlstate(), "40001");
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("n12345="));
}

}  // namespace
}  // namespace dashi::storage
