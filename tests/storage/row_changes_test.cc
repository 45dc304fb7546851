#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

class RowChangesTest : public StoreFixture {
 protected:
  static constexpr EntityKind kKind = EntityKind::kLabel;

  void Commit(const std::function<void(Transaction&)>& change) {
    const auto transaction = Begin();
    change(*transaction);
    ASSERT_OK(transaction->Commit());
  }

  /// "sequence operation first+count", operations as they are numbered; an own change is "own".
  static std::vector<std::string> Changes(const View& view, std::uint64_t since) {
    const auto changes = view.ChangesSince(kKind, since);
    EXPECT_OK(changes);
    EXPECT_TRUE(changes->complete);
    std::vector<std::string> shown;
    for (const RowChanges::Entry& entry : changes->entries) {
      shown.push_back(fmt::format(
          "{} {} {}+{}",
          entry.commit_sequence == RowChanges::kUncommitted ? "own"
                                                            : std::to_string(entry.commit_sequence),
          static_cast<int>(entry.run.operation), ToInteger(entry.run.first), entry.run.count));
    }
    return shown;
  }
};

using Strings = std::vector<std::string>;

TEST_F(RowChangesTest, AViewHasTheChangesOfItsCommitsAndOfItsKind) {
  Open();
  const Ordinal first = Insert(kKind, "a", "one");
  Insert(kKind, "b", "two");
  auto between = Snapshot();
  Insert(EntityKind::kDocument, "d", "three");
  Commit([&](Transaction& transaction) {
    ASSERT_OK(transaction.UpdateRow(kKind, first, Row("a", "four")));
    ASSERT_OK(transaction.InsertRow(kKind, Row("c")));
  });
  Commit([&](Transaction& transaction) { ASSERT_OK(transaction.DeleteRow(kKind, first)); });
  EXPECT_EQ(Changes(*between, 0), (Strings{"1 1 0+1", "2 1 1+1"}));
  EXPECT_EQ(Changes(*between, 1), (Strings{"2 1 1+1"}));
  EXPECT_EQ(Changes(*Snapshot(), 2), (Strings{"4 1 2+1", "4 2 0+1", "5 3 0+1"}));
  EXPECT_EQ(Changes(*Snapshot(), 5), Strings{});
  between.reset();
  Open();
  EXPECT_EQ(Changes(*Snapshot(), 3), (Strings{"4 1 2+1", "4 2 0+1", "5 3 0+1"}));
}

TEST_F(RowChangesTest, ATransactionHasItsOwnChangesLast) {
  Open();
  const Ordinal stored = Insert(kKind, "a", "one");
  const auto transaction = Begin();
  Insert(kKind, "later", "after the transaction began");
  EXPECT_EQ(Changes(*transaction, 0), (Strings{"1 1 0+1"}));
  const auto own = transaction->InsertRow(kKind, Row("b"));
  ASSERT_OK(own);
  ASSERT_OK(transaction->UpdateRow(kKind, stored, Row("a", "two")));
  EXPECT_EQ(Changes(*transaction, 1),
            (Strings{"own 2 0+1", fmt::format("own 1 {}+1", ToInteger(*own))}));
  transaction->SetSavepoint();
  ASSERT_OK(transaction->DeleteRow(kKind, stored));
  EXPECT_EQ(Changes(*transaction, 1).front(), "own 3 0+1");
  ASSERT_OK(transaction->RollbackToSavepoint());
  EXPECT_EQ(Changes(*transaction, 1).front(), "own 2 0+1");
}

TEST_F(RowChangesTest, WhatWasTrimmedIsToldAndAnOlderViewStillHasIt) {
  Open();
  for (int i = 0; i < 10; ++i) {
    Insert(kKind, "l" + std::to_string(i), "text");
  }
  const auto transaction = Begin();  // It holds no entry back, but its snapshot has them.
  for (int i = 10; i < 600; ++i) {
    Insert(kKind, "l" + std::to_string(i), "text");
  }
  const auto now = Snapshot()->ChangesSince(kKind, 3);
  ASSERT_OK(now);
  EXPECT_FALSE(now->complete);
  EXPECT_EQ(Changes(*transaction, 3).size(), 7U);
  EXPECT_EQ(Changes(*Snapshot(), 599).size(), 1U);
}

TEST_F(RowChangesTest, ALoadIsOneRun) {
  Open();
  const std::uint64_t before = Snapshot()->CommitSequence().value();
  auto load = store().BeginRowLoad(kKind, DuplicatePolicy::kFail);
  ASSERT_OK(load);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK((*load)->AddRow(Row("l" + std::to_string(i), "text")));
  }
  ASSERT_OK((*load)->Commit({}));
  EXPECT_EQ(Changes(*Snapshot(), before), (Strings{"1 1 0+1000"}));
}

}  // namespace
}  // namespace dashi::storage
