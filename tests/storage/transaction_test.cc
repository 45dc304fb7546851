#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class TransactionTest : public StoreFixture {
 protected:
  TransactionTest() { Open(); }
};

TEST_F(TransactionTest, SeesItsOwnWritesAndOthersDoNot) {
  const Ordinal stored = Insert(EntityKind::kDocument, "a", "old");
  Insert(EntityKind::kDocument, "b");
  auto transaction = Begin();
  EXPECT_FALSE(transaction->has_writes());
  const Ordinal fresh = transaction->InsertRow(EntityKind::kDocument, Row("c", "new")).value();
  ASSERT_OK(transaction->UpdateRow(EntityKind::kDocument, stored, Row("a2", "edited")));
  ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument,
                                   *Find(*transaction, EntityKind::kDocument, "b")));
  EXPECT_TRUE(transaction->has_writes());
  EXPECT_THAT(Rows(*transaction, EntityKind::kDocument), ElementsAre("a2=edited", "c=new"));
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kDocument), ElementsAre("a=old", "b="));
  EXPECT_EQ(Find(*transaction, EntityKind::kDocument, "a"), std::nullopt);
  EXPECT_EQ(Find(*transaction, EntityKind::kDocument, "a2"), stored);
  EXPECT_EQ(Find(*transaction, EntityKind::kDocument, "c"), fresh);
  const std::vector<Ordinal> wanted = {fresh, stored, Ordinal{1}, fresh, Ordinal{77}};
  const auto rows = transaction->GetRows(EntityKind::kDocument, wanted).value();
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0]->id, "c");
  EXPECT_EQ(rows[1]->id, "a2");
  EXPECT_FALSE(rows[2].has_value());
  EXPECT_EQ(rows[3]->id, "c");
  EXPECT_FALSE(rows[4].has_value());
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kDocument), ElementsAre("a2=edited", "c=new"));
}

TEST_F(TransactionTest, ADroppedTransactionLeavesNothing) {
  {
    auto transaction = Begin();
    ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row("a")));
  }
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), IsEmpty());
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 0U);
}

TEST_F(TransactionTest, IsOverAfterCommit) {
  auto transaction = Begin();
  ASSERT_OK(transaction->Commit());
  EXPECT_EQ(transaction->Commit().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(transaction->InsertRow(EntityKind::kLabel, Row("a")).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(TransactionTest, BadRowsAreRefusedWithTheirSqlState) {
  auto transaction = Begin();
  const auto state = [&](EntityKind kind, const EntityRow& row) {
    return std::string(transaction->InsertRow(kind, row).status().sqlstate());
  };
  EXPECT_EQ(state(EntityKind::kLabel, Row("")), "22023");
  EXPECT_EQ(state(EntityKind::kLabel, Row(std::string(kIdBytesMax + 1, 'x'))), "54000");
  EXPECT_EQ(state(EntityKind::kLabel, Row("a", std::string(kTextBytesMax + 1, 'x'))), "54000");
  EXPECT_EQ(state(EntityKind::kLabel, Row("a\xFF")), "22021");
  EXPECT_EQ(state(EntityKind::kLabel, Row("a", "caf\xC3")), "22021");
  EntityRow split = Row("a");
  split.split = "dev";
  EXPECT_EQ(state(EntityKind::kDocument, split), "23514");
  split.split = "test";
  EXPECT_EQ(state(EntityKind::kLabel, split), "22023");
  EntityRow attributes = Row("a");
  attributes.attributes = {{17, Value::Integer(1)}, {16, Value::Integer(1)}};
  EXPECT_EQ(state(EntityKind::kLabel, attributes), "22023");
  attributes.attributes = {{16, Value::Text("\xFF")}};
  EXPECT_EQ(state(EntityKind::kLabel, attributes), "22021");
  EXPECT_FALSE(transaction->has_writes());
  EXPECT_EQ(state(EntityKind::kDocument, Row(std::string(kIdBytesMax, 'x'))), "00000");
}

TEST_F(TransactionTest, DuplicateIdsAreRefusedByName) {
  Insert(EntityKind::kLabel, "a");
  auto transaction = Begin();
  const Ordinal other = transaction->InsertRow(EntityKind::kLabel, Row("b")).value();
  for (const char* id : {"a", "b"}) {
    const Status status = transaction->InsertRow(EntityKind::kLabel, Row(id)).status();
    EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
    EXPECT_EQ(status.sqlstate(), "23505");
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("labels already has a row with id '" + std::string(id) + "'"));
  }
  EXPECT_EQ(transaction->UpdateRow(EntityKind::kLabel, other, Row("a")).sqlstate(), "23505");
  ASSERT_OK(transaction->InsertRow(EntityKind::kDocument, Row("a")));  // Kinds are apart.
}

TEST_F(TransactionTest, AnIdIsFreeAgainAfterRenameAndDelete) {
  const Ordinal a = Insert(EntityKind::kLabel, "a", "1");
  auto transaction = Begin();
  ASSERT_OK(transaction->UpdateRow(EntityKind::kLabel, a, Row("b", "1")));
  ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row("a", "2")));
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("b=1", "a=2"));
  transaction = Begin();
  ASSERT_OK(transaction->DeleteRow(EntityKind::kLabel, a));
  ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row("b", "3")));
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("a=2", "b=3"));
}

TEST_F(TransactionTest, RowsThatAreNotThereCannotBeChanged) {
  auto transaction = Begin();
  EXPECT_EQ(transaction->UpdateRow(EntityKind::kLabel, Ordinal{5}, Row("a")).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(transaction->DeleteRow(EntityKind::kLabel, Ordinal{5}).code(), StatusCode::kNotFound);
}

TEST_F(TransactionTest, RelevanceIsSeenFromBothSides) {
  const Ordinal d0 = Insert(EntityKind::kDocument, "d0");
  const Ordinal d1 = Insert(EntityKind::kDocument, "d1");
  const Ordinal l0 = Insert(EntityKind::kLabel, "l0");
  const Ordinal l1 = Insert(EntityKind::kLabel, "l1");
  auto transaction = Begin();
  EXPECT_TRUE(transaction->PutRelevance(d1, l1, 1.0F).value());
  EXPECT_TRUE(transaction->PutRelevance(d1, l0, 0.5F).value());
  EXPECT_FALSE(transaction->PutRelevance(d1, l1, 2.0F).value());
  EXPECT_TRUE(transaction->PutRelevance(d0, l1, 1.0F).value());
  EXPECT_FALSE(transaction->DeleteRelevance(d0, l0).value());
  const auto check = [&](const View& view) {
    EXPECT_THAT(Pairs(view.LabelsOf(d0).value()), ElementsAre(Pair(1, 1.0F)));
    EXPECT_THAT(Pairs(view.LabelsOf(d1).value()), ElementsAre(Pair(0, 0.5F), Pair(1, 2.0F)));
    EXPECT_THAT(Pairs(view.DocumentsOf(l0).value()), ElementsAre(Pair(1, 0.5F)));
    EXPECT_THAT(Pairs(view.DocumentsOf(l1).value()), ElementsAre(Pair(0, 1.0F), Pair(1, 2.0F)));
    const auto cursor = view.ScanRelevance();
    ASSERT_TRUE(cursor->Next().value());
    EXPECT_EQ(cursor->document(), d0);
    ASSERT_TRUE(cursor->Next().value());
    EXPECT_EQ(cursor->document(), d1);
    EXPECT_EQ(cursor->labels().size(), 2U);
    EXPECT_FALSE(cursor->Next().value());
  };
  check(*transaction);
  EXPECT_THAT(Pairs(Snapshot()->LabelsOf(d1).value()), IsEmpty());
  ASSERT_OK(transaction->Commit());
  check(*Snapshot());
  transaction = Begin();
  EXPECT_TRUE(transaction->DeleteRelevance(d1, l0).value());
  EXPECT_FALSE(transaction->DeleteRelevance(d1, l0).value());
  EXPECT_TRUE(transaction->DeleteRelevance(d1, l1).value());
  EXPECT_THAT(Pairs(transaction->DocumentsOf(l0).value()), IsEmpty());
  ASSERT_OK(transaction->Commit());
  const auto view = Snapshot();
  const auto cursor = view->ScanRelevance();
  ASSERT_TRUE(cursor->Next().value());
  EXPECT_EQ(cursor->document(), d0);
  EXPECT_FALSE(cursor->Next().value());
}

TEST_F(TransactionTest, PairsOfUnknownRowsAndBadWeightsAreRefused) {
  const Ordinal d = Insert(EntityKind::kDocument, "d");
  const Ordinal l = Insert(EntityKind::kLabel, "l");
  auto transaction = Begin();
  EXPECT_EQ(transaction->PutRelevance(Ordinal{9}, l, 1).status().sqlstate(), "23503");
  EXPECT_EQ(transaction->PutRelevance(d, Ordinal{9}, 1).status().sqlstate(), "23503");
  EXPECT_EQ(
      transaction->PutRelevance(d, l, std::numeric_limits<float>::infinity()).status().sqlstate(),
      "22023");
  ASSERT_OK(transaction->DeleteRow(EntityKind::kLabel, l));
  EXPECT_EQ(transaction->PutRelevance(d, l, 1).status().sqlstate(), "23503");
}

TEST_F(TransactionTest, DeletingARowTakesItsPairsAlong) {
  const Ordinal d0 = Insert(EntityKind::kDocument, "d0");
  const Ordinal d1 = Insert(EntityKind::kDocument, "d1");
  const Ordinal l0 = Insert(EntityKind::kLabel, "l0");
  const Ordinal l1 = Insert(EntityKind::kLabel, "l1");
  auto transaction = Begin();
  for (const Ordinal d : {d0, d1}) {
    for (const Ordinal l : {l0, l1}) {
      ASSERT_OK(transaction->PutRelevance(d, l, 1));
    }
  }
  ASSERT_OK(transaction->Commit());
  transaction = Begin();
  ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument, d0));
  ASSERT_OK(transaction->DeleteRow(EntityKind::kLabel, l1));
  ASSERT_OK(transaction->Commit());
  const auto view = Snapshot();
  EXPECT_THAT(Pairs(view->LabelsOf(d0).value()), IsEmpty());
  EXPECT_THAT(Pairs(view->LabelsOf(d1).value()), ElementsAre(Pair(0, 1.0F)));
  EXPECT_THAT(Pairs(view->DocumentsOf(l0).value()), ElementsAre(Pair(1, 1.0F)));
  EXPECT_THAT(Pairs(view->DocumentsOf(l1).value()), IsEmpty());
}

TEST_F(TransactionTest, SavepointsUndoAndNest) {
  const Ordinal d = Insert(EntityKind::kDocument, "d", "0");
  const Ordinal l = Insert(EntityKind::kLabel, "l");
  auto transaction = Begin();
  ASSERT_OK(transaction->PutRelevance(d, l, 1.0F));
  transaction->SetSavepoint();
  ASSERT_OK(transaction->UpdateRow(EntityKind::kDocument, d, Row("d", "1")));
  transaction->SetSavepoint();
  ASSERT_OK(transaction->PutRelevance(d, l, 2.0F));
  ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument, d));
  EXPECT_THAT(Rows(*transaction, EntityKind::kDocument), IsEmpty());
  ASSERT_OK(transaction->RollbackToSavepoint());
  EXPECT_THAT(Rows(*transaction, EntityKind::kDocument), ElementsAre("d=1"));
  EXPECT_THAT(Pairs(transaction->DocumentsOf(l).value()), ElementsAre(Pair(0, 1.0F)));
  transaction->SetSavepoint();
  const Ordinal fresh = transaction->InsertRow(EntityKind::kLabel, Row("x")).value();
  ASSERT_OK(transaction->PutRelevance(d, fresh, 1.0F));
  transaction->ReleaseSavepoint();
  ASSERT_OK(transaction->RollbackToSavepoint());  // The outer one takes the released along.
  EXPECT_THAT(Rows(*transaction, EntityKind::kDocument), ElementsAre("d=0"));
  EXPECT_THAT(Rows(*transaction, EntityKind::kLabel), ElementsAre("l="));
  EXPECT_EQ(transaction->PutRelevance(d, fresh, 1.0F).status().sqlstate(), "23503");
  EXPECT_EQ(transaction->RollbackToSavepoint().code(), StatusCode::kFailedPrecondition);
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Pairs(Snapshot()->LabelsOf(d).value()), ElementsAre(Pair(0, 1.0F)));
}

TEST_F(TransactionTest, TheFirstCommitterWins) {
  const Ordinal d = Insert(EntityKind::kDocument, "d", "0");
  auto first = Begin();
  auto second = Begin();
  ASSERT_OK(first->UpdateRow(EntityKind::kDocument, d, Row("d", "1")));
  ASSERT_OK(second->UpdateRow(EntityKind::kDocument, d, Row("d", "2")));
  ASSERT_OK(first->Commit());
  const Status status = second->Commit();
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(status.sqlstate(), "40001");
  EXPECT_FALSE(status.hint().empty());
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kDocument), ElementsAre("d=1"));
}

TEST_F(TransactionTest, TheSameIdInsertedTwiceAtOnceBecomesOneRow) {
  auto first = Begin();
  auto second = Begin();
  ASSERT_OK(first->InsertRow(EntityKind::kLabel, Row("a", "1")));
  ASSERT_OK(second->InsertRow(EntityKind::kLabel, Row("a", "2")));
  ASSERT_OK(first->Commit());
  EXPECT_EQ(second->Commit().code(), StatusCode::kAborted);
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("a=1"));
}

TEST_F(TransactionTest, APairNeverOutlivesItsRows) {
  const Ordinal d = Insert(EntityKind::kDocument, "d");
  for (const bool delete_first : {true, false}) {
    for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
      const Ordinal l = Insert(EntityKind::kLabel, "l");
      const Ordinal e = Insert(EntityKind::kDocument, "e");
      auto putting = Begin();
      auto deleting = Begin();
      ASSERT_OK(putting->PutRelevance(kind == EntityKind::kLabel ? d : e, l, 1));
      ASSERT_OK(deleting->DeleteRow(kind, kind == EntityKind::kLabel ? l : e));
      Transaction& first = delete_first ? *deleting : *putting;
      Transaction& second = delete_first ? *putting : *deleting;
      ASSERT_OK(first.Commit());
      EXPECT_EQ(second.Commit().code(), StatusCode::kAborted);
      auto cleaning = Begin();
      for (const auto& [rest, id] :
           {std::pair(EntityKind::kDocument, "e"), std::pair(EntityKind::kLabel, "l")}) {
        if (const auto ordinal = Find(*cleaning, rest, id)) {
          ASSERT_OK(cleaning->DeleteRow(rest, *ordinal));
        }
      }
      ASSERT_OK(cleaning->Commit());
    }
  }
}

TEST_F(TransactionTest, PairsOfOneLabelFromManyDocumentsDoNotConflict) {
  const Ordinal l = Insert(EntityKind::kLabel, "l");
  const Ordinal d0 = Insert(EntityKind::kDocument, "d0");
  const Ordinal d1 = Insert(EntityKind::kDocument, "d1");
  auto first = Begin();
  auto second = Begin();
  auto editing = Begin();
  ASSERT_OK(first->PutRelevance(d0, l, 1));
  ASSERT_OK(second->PutRelevance(d1, l, 1));
  ASSERT_OK(editing->UpdateRow(EntityKind::kLabel, l, Row("l", "new text")));
  ASSERT_OK(first->Commit());
  ASSERT_OK(editing->Commit());
  ASSERT_OK(second->Commit());
  EXPECT_EQ(Snapshot()->DocumentsOf(l).value().size(), 2U);
}

TEST_F(TransactionTest, TooLargeATransactionFailsAndStaysUsable) {
  StoreOptions options;
  options.transaction_bytes_max = 1 << 20;
  Open(options);
  auto transaction = Begin();
  ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row("small")));
  const Status status =
      transaction->InsertRow(EntityKind::kLabel, Row("large", std::string(1 << 20, 'x'))).status();
  EXPECT_EQ(status.sqlstate(), "54000");
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 MiB"));
  ASSERT_OK(transaction->Commit());
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("small="));
}

TEST_F(TransactionTest, AScanMayChangeWhatItWalks) {
  for (int i = 0; i < 50; ++i) {
    Insert(EntityKind::kLabel, "l" + std::to_string(i), "0");
  }
  auto transaction = Begin();
  const auto cursor = transaction->ScanRows(EntityKind::kLabel);
  int visited = 0;
  while (cursor->Next().value()) {
    ++visited;
    const Ordinal ordinal = cursor->ordinal();
    EntityRow row = cursor->row();
    if (ToInteger(ordinal) % 2 == 0) {
      row.text += "!";
      ASSERT_OK(transaction->UpdateRow(EntityKind::kLabel, ordinal, row));
    } else {
      ASSERT_OK(transaction->DeleteRow(EntityKind::kLabel, ordinal));
    }
  }
  EXPECT_EQ(visited, 50);
  ASSERT_OK(transaction->Commit());
  EXPECT_EQ(Rows(*Snapshot(), EntityKind::kLabel).size(), 25U);
}

TEST_F(TransactionTest, TheCatalogIsTransactional) {
  auto transaction = Begin();
  ASSERT_OK(transaction->PutModel({"b", "ngame", {}, 1, 1, {}, "", {}}));
  ASSERT_OK(transaction->PutModel({"a", "ngame", {{"dim", "8"}}, 1, 1, {}, "", {}}));
  for (const std::uint32_t number : {10U, 2U}) {
    ReleaseRecord release;
    release.model = "a";
    release.number = number;
    ASSERT_OK(transaction->PutRelease(release));
  }
  std::vector<EvaluationRecord> evaluations(3);
  for (EvaluationRecord& evaluation : evaluations) {
    evaluation.id = 1;
    evaluation.k = static_cast<std::uint32_t>(&evaluation - evaluations.data());
  }
  ASSERT_OK(transaction->PutEvaluations(evaluations));
  ASSERT_OK(transaction->PutSetting("theme", "dark"));
  EXPECT_EQ(transaction->ListModels().value().size(), 2U);
  EXPECT_TRUE(Snapshot()->ListModels().value().empty());
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  Open();
  const auto view = Snapshot();
  EXPECT_EQ(view->ListModels().value()[0].name, "a");
  EXPECT_EQ(view->GetModel("a").value()->options.at("dim"), "8");
  EXPECT_FALSE(view->GetModel("c").value().has_value());
  ASSERT_EQ(view->ListReleases().value().size(), 2U);
  EXPECT_EQ(view->ListReleases().value()[0].number, 2U);
  EXPECT_EQ(view->GetRelease("a", 10).value()->number, 10U);
  ASSERT_EQ(view->ListEvaluations().value().size(), 3U);
  EXPECT_EQ(view->ListEvaluations().value()[2].k, 2U);
  EXPECT_EQ(view->GetSetting("theme").value(), "dark");
  EXPECT_FALSE(view->GetSetting("other").value().has_value());
  transaction = Begin();
  ASSERT_OK(transaction->DeleteModel("a"));
  ASSERT_OK(transaction->DeleteRelease("a", 2));
  ASSERT_OK(transaction->Commit());
  EXPECT_EQ(Snapshot()->ListModels().value().size(), 1U);
  EXPECT_EQ(Snapshot()->ListReleases().value().size(), 1U);
  EXPECT_EQ(Begin()->PutModel({"", "ngame", {}, 1, 1, {}, "", {}}).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(TransactionTest, CommitSequencesCountCommitsThatWrote) {
  Insert(EntityKind::kLabel, "a");
  ASSERT_OK(Begin()->Commit());
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 1U);
  Insert(EntityKind::kLabel, "b");
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 2U);
  Open();
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 2U);
  EXPECT_EQ(Snapshot()->EstimateRows(EntityKind::kLabel).value(), 2U);
}

TEST_F(TransactionTest, ManyCommittersLoseNothing) {
  constexpr int kNumThreads = 4;
  constexpr int kNumRounds = 60;
  const Ordinal label = Insert(EntityKind::kLabel, "shared");
  const Ordinal counter = Insert(EntityKind::kDocument, "counter", "0");
  std::vector<std::thread> threads;
  std::array<int, kNumThreads> increments{};
  for (int thread = 0; thread < kNumThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < kNumRounds; ++round) {
        auto transaction = Begin();
        const std::string id = std::to_string(thread) + "/" + std::to_string(round);
        const auto document = transaction->InsertRow(EntityKind::kDocument, Row(id));
        ASSERT_OK(document);
        ASSERT_OK(transaction->PutRelevance(document.value(), label, 1));
        const bool counts = round % 4 == 0;
        if (counts) {
          EntityRow row = *transaction->GetRow(EntityKind::kDocument, counter).value();
          row.text = std::to_string(std::stoi(row.text) + 1);
          ASSERT_OK(transaction->UpdateRow(EntityKind::kDocument, counter, row));
        }
        const Status status = transaction->Commit();
        if (status.ok()) {
          increments[static_cast<std::size_t>(thread)] += counts ? 1 : 0;
        } else {
          ASSERT_EQ(status.code(), StatusCode::kAborted) << status.ToString();
          ASSERT_TRUE(counts);
          --round;  // Again, as a client would.
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  Open();
  const auto view = Snapshot();
  int total = 0;
  for (const int count : increments) {
    total += count;
  }
  EXPECT_EQ(total, kNumThreads * kNumRounds / 4);
  EXPECT_EQ(view->GetRow(EntityKind::kDocument, counter).value()->text, std::to_string(total));
  EXPECT_EQ(view->DocumentsOf(label).value().size(),
            static_cast<std::size_t>(kNumThreads * kNumRounds));
  EXPECT_EQ(Rows(*view, EntityKind::kDocument).size(),
            static_cast<std::size_t>(kNumThreads * kNumRounds) + 1);
}

}  // namespace
}  // namespace dashi::storage
