#include "storage/bulk_load.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <signal.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/child_process.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class BulkLoadTest : public StoreFixture {
 protected:
  std::unique_ptr<BulkLoad> RowLoad(EntityKind kind, DuplicatePolicy policy) {
    auto load = store().BeginRowLoad(kind, policy);
    EXPECT_OK(load);
    return std::move(load).value();
  }
  std::unique_ptr<BulkLoad> PairLoad(DuplicatePolicy policy) {
    auto load = store().BeginRelevanceLoad(policy);
    EXPECT_OK(load);
    return std::move(load).value();
  }
  // Expects these ids and texts of documents, and no others.
  void ExpectRows(const std::map<std::string, std::string>& expected) {
    const auto view = Snapshot();
    EXPECT_EQ(Rows(*view, EntityKind::kDocument).size(), expected.size());
    for (const auto& [id, text] : expected) {
      const std::optional<Ordinal> ordinal = Find(*view, EntityKind::kDocument, id);
      ASSERT_TRUE(ordinal.has_value()) << id;
      EXPECT_EQ(view->GetRow(EntityKind::kDocument, *ordinal).value()->text, text) << id;
    }
  }
  // Loads "<prefix><i>" for i below `count`; text is long enough for many blocks.
  void LoadRows(EntityKind kind, const std::string& prefix, int count, int text_bytes = 0) {
    const auto load = RowLoad(kind, DuplicatePolicy::kFail);
    for (int i = 0; i < count; ++i) {
      ASSERT_OK(load->AddRow(
          Row(prefix + std::to_string(i), std::string(static_cast<std::size_t>(text_bytes), 'x'))));
    }
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, static_cast<std::uint64_t>(count));
  }
};

TEST_F(BulkLoadTest, LoadsSmallAndLargeStreams) {
  Open();
  for (const int count : {1, 20000}) {
    const std::string prefix = "n" + std::to_string(count) + "-";
    const auto load = RowLoad(EntityKind::kDocument, DuplicatePolicy::kFail);
    for (int i = 0; i < count; ++i) {
      EntityRow row = Row(prefix + std::to_string(i), "text of " + std::to_string(i));
      row.split = "train";
      row.attributes = {{16, Value::Integer(i)}};
      ASSERT_OK(load->AddRow(row));
    }
    EXPECT_EQ(Find(*Snapshot(), EntityKind::kDocument, prefix + "0"), std::nullopt);
    std::uint64_t last_done = 0;
    auto counts = load->Commit([&](std::uint64_t done, std::uint64_t total) {
      EXPECT_GE(done, last_done);
      EXPECT_EQ(total, static_cast<std::uint64_t>(count));
      last_done = done;
    });
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, static_cast<std::uint64_t>(count));
    EXPECT_EQ(last_done, static_cast<std::uint64_t>(count));
  }
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 2U);
  Open();
  {
    const auto view = Snapshot();
    EXPECT_EQ(Rows(*view, EntityKind::kDocument).size(), 20001U);
    const Ordinal ordinal = *Find(*view, EntityKind::kDocument, "n20000-777");
    const EntityRow row = *view->GetRow(EntityKind::kDocument, ordinal).value();
    EXPECT_EQ(row.text, "text of 777");
    EXPECT_EQ(row.split, "train");
    EXPECT_EQ(row.attributes.at(0).value, Value::Integer(777));
    EXPECT_EQ(view->CommitSequence().value(), 2U);
  }
  EXPECT_GE(ToInteger(Insert(EntityKind::kDocument, "next")), 20001U);
  EXPECT_TRUE(fs::is_empty(directory() + "/tmp"));
}

TEST_F(BulkLoadTest, ADroppedLoadLeavesNothing) {
  Open();
  {
    const auto load = RowLoad(EntityKind::kLabel, DuplicatePolicy::kFail);
    for (int i = 0; i < 20000; ++i) {
      ASSERT_OK(load->AddRow(Row("l" + std::to_string(i), std::string(50, 'x'))));
    }
    EXPECT_FALSE(fs::is_empty(directory() + "/tmp"));
  }
  EXPECT_TRUE(fs::is_empty(directory() + "/tmp"));
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), IsEmpty());
  LoadRows(EntityKind::kLabel, "m", 3);
}

TEST_F(BulkLoadTest, AnEmptyLoadChangesNothing) {
  Open();
  auto counts = RowLoad(EntityKind::kLabel, DuplicatePolicy::kFail)->Commit({});
  ASSERT_OK(counts);
  EXPECT_EQ(counts->inserted, 0U);
  EXPECT_EQ(Snapshot()->CommitSequence().value(), 0U);
}

TEST_F(BulkLoadTest, BadRowsAreReportedAndTheLoadGoesOn) {
  Open();
  Insert(EntityKind::kLabel, "stored");
  const auto load = RowLoad(EntityKind::kLabel, DuplicatePolicy::kFail);
  ASSERT_OK(load->AddRow(Row("a")));
  EXPECT_EQ(load->AddRow(Row("")).sqlstate(), "22023");
  EXPECT_EQ(load->AddRow(Row("b\xFF")).sqlstate(), "22021");
  EXPECT_EQ(load->AddRow(Row("a")).sqlstate(), "23505");
  EXPECT_EQ(load->AddRow(Row("stored")).sqlstate(), "23505");
  EXPECT_EQ(load->AddRelevance("d", "l", 1).code(), StatusCode::kInvalidArgument);
  ASSERT_OK(load->AddRow(Row("b")));
  auto counts = load->Commit({});
  ASSERT_OK(counts);
  EXPECT_EQ(counts->inserted, 2U);
  EXPECT_EQ(load->AddRow(Row("c")).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(load->Commit({}).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Rows(*Snapshot(), EntityKind::kLabel), ElementsAre("stored=", "a=", "b="));
}

TEST_F(BulkLoadTest, ReplaceAndIgnoreCountAndKeepOrdinals) {
  Open();
  // Enough rows that the first ones stand in written blocks when they come again.
  LoadRows(EntityKind::kLabel, "l", 3000, 40);
  const Ordinal before = *Find(*Snapshot(), EntityKind::kLabel, "l7");
  for (const DuplicatePolicy policy : {DuplicatePolicy::kReplace, DuplicatePolicy::kIgnore}) {
    const auto load = RowLoad(EntityKind::kLabel, policy);
    const std::string mark = policy == DuplicatePolicy::kReplace ? "replaced" : "ignored";
    for (int i = 2000; i < 4000; ++i) {
      ASSERT_OK(load->AddRow(Row("l" + std::to_string(i), std::string(40, 'y'))));
    }
    ASSERT_OK(load->AddRow(Row("l7", mark)));
    ASSERT_OK(load->AddRow(Row("l3500", mark)));
    ASSERT_OK(load->AddRow(Row("l7", mark + " again")));
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    if (policy == DuplicatePolicy::kReplace) {
      EXPECT_EQ(counts->inserted, 1000U);
      EXPECT_EQ(counts->replaced, 1003U);
    } else {
      EXPECT_EQ(counts->inserted, 0U);
      EXPECT_EQ(counts->ignored, 2003U);
    }
    const auto view = Snapshot();
    EXPECT_EQ(Find(*view, EntityKind::kLabel, "l7"), before);
    EXPECT_EQ(view->GetRow(EntityKind::kLabel, before).value()->text, "replaced again");
    EXPECT_EQ(Rows(*view, EntityKind::kLabel).size(), 4000U);
  }
}

TEST_F(BulkLoadTest, RelevanceComesBackFromBothSides) {
  constexpr std::uint64_t kSeed = 4711;
  SCOPED_TRACE(kSeed);
  Open();
  LoadRows(EntityKind::kDocument, "d", 500);
  LoadRows(EntityKind::kLabel, "l", 100);
  Random random(kSeed);
  std::map<std::uint32_t, std::map<std::uint32_t, float>> by_document;
  std::map<std::uint32_t, std::map<std::uint32_t, float>> by_label;
  for (int round = 0; round < 3; ++round) {
    const auto load = PairLoad(DuplicatePolicy::kReplace);
    const int count = round == 1 ? 40 : 9000;  // One that fits a block, two that do not.
    std::uint64_t inserted = 0;
    for (int i = 0; i < count; ++i) {
      const auto document = static_cast<std::uint32_t>(random.Uniform(500));
      const auto label = static_cast<std::uint32_t>(random.Uniform(100));
      const float weight = 0.5F * static_cast<float>(random.Uniform(4));
      inserted += by_document[document].emplace(label, weight).second ? 1 : 0;
      by_document[document][label] = weight;
      by_label[label][document] = weight;
      ASSERT_OK(
          load->AddRelevance("d" + std::to_string(document), "l" + std::to_string(label), weight));
    }
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, inserted);
    EXPECT_EQ(counts->inserted + counts->replaced, static_cast<std::uint64_t>(count));
  }
  const auto expect_same = [](const auto& view, const auto& expected, bool documents) {
    for (const auto& [node, neighbours] : expected) {
      const auto read = documents ? view.LabelsOf(Ordinal{node}) : view.DocumentsOf(Ordinal{node});
      const std::vector<std::pair<std::uint32_t, float>> wanted(neighbours.begin(),
                                                                neighbours.end());
      ASSERT_EQ(Pairs(read.value()), wanted);
    }
  };
  for (int round = 0; round < 2; ++round) {
    {
      const auto view = Snapshot();
      expect_same(*view, by_document, /*documents=*/true);
      expect_same(*view, by_label, /*documents=*/false);
      const auto cursor = view->ScanRelevance();
      for (const auto& [document, labels] : by_document) {
        ASSERT_TRUE(cursor->Next().value());
        EXPECT_EQ(ToInteger(cursor->document()), document);
        EXPECT_EQ(cursor->labels().size(), labels.size());
      }
      EXPECT_FALSE(cursor->Next().value());
    }
    Open();
  }
}

// A load of many pairs reads all ids into memory on its way: answers stay the same.
TEST_F(BulkLoadTest, IdsAreFoundBeforeAndAfterTheyAreAllInMemory) {
  Open();
  constexpr int kNumDocuments = 4000;
  LoadRows(EntityKind::kDocument, "d", kNumDocuments);
  LoadRows(EntityKind::kLabel, "l", 3);
  const auto load = PairLoad(DuplicatePolicy::kFail);
  for (int i = 0; i < kNumDocuments; ++i) {
    ASSERT_OK(load->AddRelevance("d" + std::to_string(i), "l" + std::to_string(i % 3), 1));
    EXPECT_EQ(load->AddRelevance("e" + std::to_string(i), "l0", 1).sqlstate(), "23503");
  }
  EXPECT_EQ(load->Commit({}).value().inserted, static_cast<std::uint64_t>(kNumDocuments));
  const auto view = Snapshot();
  for (std::uint32_t i = 0; i < kNumDocuments; ++i) {
    ASSERT_THAT(Pairs(view->LabelsOf(Ordinal{i}).value()), ElementsAre(Pair(i % 3, 1.0F)));
  }
}

TEST_F(BulkLoadTest, PairsOfUnknownRowsAndDuplicatesAreReported) {
  Open();
  LoadRows(EntityKind::kDocument, "d", 2);
  LoadRows(EntityKind::kLabel, "l", 2);
  auto load = PairLoad(DuplicatePolicy::kFail);
  ASSERT_OK(load->AddRelevance("d0", "l0", 1));
  const Status unknown = load->AddRelevance("d9", "l0", 1);
  EXPECT_EQ(unknown.sqlstate(), "23503");
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("'d9' in documents"));
  EXPECT_THAT(std::string(load->AddRelevance("d0", "x", 1).message()), HasSubstr("'x' in labels"));
  EXPECT_EQ(load->AddRelevance("d0", "l0", 1).sqlstate(), "23505");
  EXPECT_EQ(load->AddRelevance("d0", "l1", std::numeric_limits<float>::quiet_NaN()).sqlstate(),
            "22023");
  EXPECT_EQ(load->AddRow(Row("a")).code(), StatusCode::kInvalidArgument);
  ASSERT_OK(load->Commit({}));
  load = nullptr;
  load = PairLoad(DuplicatePolicy::kFail);
  EXPECT_EQ(load->AddRelevance("d0", "l0", 1).sqlstate(), "23505");
  load = nullptr;
  load = PairLoad(DuplicatePolicy::kIgnore);
  ASSERT_OK(load->AddRelevance("d0", "l0", 7));
  ASSERT_OK(load->AddRelevance("d0", "l1", 1));
  EXPECT_EQ(load->Commit({}).value().ignored, 1U);
  EXPECT_THAT(Pairs(Snapshot()->LabelsOf(Ordinal{0}).value()),
              ElementsAre(Pair(0, 1.0F), Pair(1, 1.0F)));
}

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

// Rows of every size and in any order of ids, some given twice, against the same rows inserted one
// by one: what is staged, what is spooled and what fits one batch must look the same.
TEST_F(BulkLoadTest, LoadsEqualInsertsOneByOne) {
  constexpr std::uint64_t kSeed = 8912;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  const auto reset = [this] {
    Close();
    fs::remove_all(directory());
    Open();
  };
  for (const int count : {50, 3000, 9000}) {
    for (const DuplicatePolicy policy : {DuplicatePolicy::kIgnore, DuplicatePolicy::kReplace}) {
      reset();
      std::map<std::string, std::string> expected;
      for (int i = 0; i < 40; ++i) {
        const std::string id = "r" + std::to_string(random.Uniform(20000));
        if (expected.emplace(id, "stored").second) {
          Insert(EntityKind::kDocument, id, "stored");
        }
      }
      auto load = RowLoad(EntityKind::kDocument, policy);
      BulkLoad::Counts counts;
      for (int i = 0; i < count; ++i) {
        const std::string id = "r" + std::to_string(random.Uniform(20000));
        const std::string text(random.Uniform(i % 100 == 0 ? 9000 : 300), 'a' + i % 26);
        ASSERT_OK(load->AddRow(Row(id, text)));
        const bool is_new = expected.emplace(id, text).second;
        ++(is_new                                ? counts.inserted
           : policy == DuplicatePolicy::kReplace ? counts.replaced
                                                 : counts.ignored);
        if (policy == DuplicatePolicy::kReplace) {
          expected[id] = text;
        }
      }
      const auto committed = load->Commit({});
      ASSERT_OK(committed);
      EXPECT_EQ(committed->inserted, counts.inserted);
      EXPECT_EQ(committed->replaced, counts.replaced);
      EXPECT_EQ(committed->ignored, counts.ignored);
      load = nullptr;
      for (int round = 0; round < 2; ++round) {
        ExpectRows(expected);
        Open();
      }
      // What was loaded can be changed, found as a duplicate and deleted like any other row.
      const std::string first = expected.begin()->first;
      auto transaction = Begin();
      EXPECT_EQ(transaction->InsertRow(EntityKind::kDocument, Row(first)).status().sqlstate(),
                "23505");
      const Ordinal ordinal = *transaction->FindOrdinal(EntityKind::kDocument, first).value();
      ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument, ordinal));
      ASSERT_OK(transaction->Commit());
      EXPECT_EQ(Find(*Snapshot(), EntityKind::kDocument, first), std::nullopt);
      Insert(EntityKind::kDocument, first, "again");
      EXPECT_EQ(Rows(*Snapshot(), EntityKind::kDocument).size(), expected.size());
    }
  }
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

// The directory that a killed child leaves behind, and what must be in it.
struct LoadDeath {
  std::string way;    ///< how the rows go in: "staged", "spooled", or "indexed" row by row
  std::string point;  ///< where the child dies
};

class BulkLoadCrashTest : public StoreFixture, public ::testing::WithParamInterface<LoadDeath> {};

constexpr int kCrashRows = 40000;  // More than two chunks of rows.

constexpr std::uint32_t kCrashIndex = 1;

std::uint64_t NumIndexEntries(const View& view) {
  const auto cursor = view.ScanIndex(kCrashIndex, OrderedRange::All());
  std::uint64_t entries = 0;
  while (cursor->Next().value()) {
    ++entries;
  }
  return entries;
}

void ExpectWhole(const View& view, bool loaded) {
  std::uint64_t rows = 0;
  const auto cursor = view.ScanRows(EntityKind::kDocument);
  while (cursor->Next().value()) {
    ++rows;
  }
  EXPECT_EQ(rows, loaded ? kCrashRows + 1U : 1U);
  EXPECT_EQ(view.FindOrdinal(EntityKind::kDocument, "d0").value().has_value(), loaded);
  EXPECT_EQ(view.FindOrdinal(EntityKind::kDocument, "d" + std::to_string(kCrashRows - 1))
                .value()
                .has_value(),
            loaded);
  EXPECT_TRUE(view.FindOrdinal(EntityKind::kDocument, "acknowledged").value().has_value());
}

TEST_P(BulkLoadCrashTest, AKilledLoadIsThereWholeOrNotAtAll) {
  const std::string point = GetParam().point;
  const std::string way = GetParam().way;
  const std::uint64_t sequence_before = way == "indexed" ? 2 : 1;
  const bool loaded = point != "load.spooled";
  const ChildOutcome child =
      RunTestInChild("BulkLoadChild.DISABLED_Loads", {{"STORE_CHILD_DIRECTORY", directory()},
                                                      {"STORE_CHILD_WAY", way},
                                                      {"DASHI_FAILPOINTS", point}});
  ASSERT_EQ(child.signal, SIGKILL) << child.output;
  // Until the load is finished, a reader is told to wait.
  StoreOptions read_only;
  read_only.read_only = true;
  const Status reading = Store::Open(directory(), read_only).status();
  EXPECT_EQ(reading.ok(), point == "load.spooled" || point == "load.applied") << reading.ToString();
  if (!reading.ok()) {
    EXPECT_EQ(reading.sqlstate(), "55006");
  }
  // Killed once more while the open finishes the load, where it has something to finish.
  const ChildOutcome again =
      RunTestInChild("BulkLoadChild.DISABLED_Opens",
                     {{"STORE_CHILD_DIRECTORY", directory()},
                      {"DASHI_FAILPOINTS", way == "staged" ? "load.ingested" : "load.chunk:2"}});
  EXPECT_EQ(again.signal, reading.ok() ? 0 : SIGKILL) << again.output;
  for (int round = 0; round < 2; ++round) {
    Open();
    ExpectWhole(*Snapshot(), loaded);
    EXPECT_EQ(Snapshot()->CommitSequence().value(), sequence_before + (loaded ? 1 : 0));
    EXPECT_TRUE(fs::is_empty(directory() + "/tmp"));
    if (way == "indexed") {
      EXPECT_EQ(NumIndexEntries(*Snapshot()), loaded ? std::uint64_t{kCrashRows} : 0U);
    }
  }
  const Ordinal next = Insert(EntityKind::kDocument, "next");
  EXPECT_GE(ToInteger(next), loaded ? kCrashRows + 1U : 1U);
  Close();
}

std::vector<LoadDeath> LoadDeaths() {
  std::vector<LoadDeath> deaths;
  for (const std::string way : {"staged", "spooled", "indexed"}) {
    for (const std::string point : {"load.spooled", "load.committed", "load.applied"}) {
      deaths.push_back({way, point});
    }
    for (const std::string point : {"load.chunk", "load.chunk:2"}) {
      if (way != "staged") {
        deaths.push_back({way, point});
      }
    }
  }
  deaths.push_back({"staged", "load.ingested"});
  return deaths;
}

INSTANTIATE_TEST_SUITE_P(Points, BulkLoadCrashTest, ::testing::ValuesIn(LoadDeaths()),
                         [](const auto& death) {
                           std::string name = death.param.way + "_" + death.param.point;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '.' || c == ':'; }, '_');
                           return name;
                         });

TEST(BulkLoadChild, DISABLED_Loads) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  auto store = Store::Open(directory, {});
  ASSERT_OK(store);
  auto transaction = store.value()->Begin();
  EntityRow row;
  row.id = "acknowledged";
  ASSERT_OK(transaction.value()->InsertRow(EntityKind::kDocument, row));
  ASSERT_OK(transaction.value()->Commit());
  const char* given_way = std::getenv("STORE_CHILD_WAY");
  const std::string way = given_way == nullptr ? "staged" : given_way;
  auto load = store.value()->BeginRowLoad(
      EntityKind::kDocument, way == "spooled" ? DuplicatePolicy::kReplace : DuplicatePolicy::kFail);
  ASSERT_OK(load);
  for (int i = 0; i < kCrashRows; ++i) {
    row.id = "d" + std::to_string(i);
    row.text = std::string(220, 'x');
    row.attributes = {{kUserColumnMin, Value::Integer(i)}};
    ASSERT_OK(load.value()->AddRow(row));
  }
  if (way == "indexed") {  // An index that comes while the rows are staged already.
    transaction = store.value()->Begin();
    SchemaRecord schema = *transaction.value()->GetSchema(EntityKind::kDocument).value();
    schema.next_column = kUserColumnMin + 1;
    schema.columns = {{kUserColumnMin, "price", ColumnType::kInteger, Value::Null(), false}};
    schema.indexes = {{kCrashIndex, "prices", kUserColumnMin, IndexState::kBuilding}};
    ASSERT_OK(transaction.value()->PutSchema(EntityKind::kDocument, std::move(schema)));
    ASSERT_OK(transaction.value()->Commit());
  }
  ASSERT_OK(load.value()->Commit({}));
}

TEST(BulkLoadChild, DISABLED_Opens) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  ASSERT_OK(Store::Open(directory, {}));
}

TEST_F(BulkLoadTest, ADamagedFileOfACommittedLoadIsReported) {
  struct Case {
    std::string way;
    std::string file;
  };
  for (const Case& damage : {Case{"spooled", "load-1.spool"},
                             {"staged", "load-1-rows-1.sst"},
                             {"staged", "load-1-ids-1.sst"},
                             {"indexed", "load-1-rows-1.sst"}}) {
    SCOPED_TRACE(damage.way + " " + damage.file);
    fs::remove_all(directory());
    const ChildOutcome child =
        RunTestInChild("BulkLoadChild.DISABLED_Loads", {{"STORE_CHILD_DIRECTORY", directory()},
                                                        {"STORE_CHILD_WAY", damage.way},
                                                        {"DASHI_FAILPOINTS", "load.committed"}});
    ASSERT_EQ(child.signal, SIGKILL) << child.output;
    const std::string path = directory() + "/tmp/" + damage.file;
    const std::uint64_t size = fs::file_size(path);
    const auto expect_damage = [&] {
      for (int round = 0; round < 2; ++round) {
        const Status damaged = Store::Open(directory(), {}).status();
        EXPECT_EQ(damaged.sqlstate(), "XX001");
        EXPECT_THAT(std::string(damaged.message()), HasSubstr(damage.file));
      }
    };
    std::string bytes(1, '\0');
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(size / 2));
      file.get(bytes[0]);
      file.seekp(static_cast<std::streamoff>(size / 2));
      file.put(static_cast<char>(bytes[0] ^ 1));
    }
    expect_damage();
    fs::resize_file(path, size - 1);
    expect_damage();
    fs::remove(path);
    expect_damage();
  }
}

}  // namespace
}  // namespace dashi::storage
