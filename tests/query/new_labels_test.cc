#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "query/evaluate.h"
#include "storage/memory_budget.h"
#include "tests/query/delta_fixture.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using testing::ReleaseShape;

constexpr ReleaseShape kRanked = {.ranker = 0.4};

class NewLabelsTest : public DeltaFixture {
 protected:
  std::string Best(const std::shared_ptr<const storage::View>& view, std::string_view text) {
    const std::vector<Found> found = TopK(view, text, 1, 1, /*ranker=*/false);
    return found.empty() ? "" : found[0].id;
  }
  /// Compares list by list, for messages that can be read.
  static void ExpectSame(const std::vector<std::vector<Found>>& got,
                         const std::vector<std::vector<Found>>& expected) {
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t list = 0; list < got.size(); ++list) {
      ASSERT_EQ(got[list].size(), expected[list].size()) << "list " << list;
      for (std::size_t i = 0; i < got[list].size(); ++i) {
        ASSERT_EQ(got[list][i], expected[list][i]) << "list " << list << ", rank " << i;
      }
    }
  }
  std::set<std::string> Ids(const std::shared_ptr<const storage::View>& view) {
    std::set<std::string> ids;
    for (const Found& found : TopK(view, "word3 group3", 50'000)) {
      EXPECT_TRUE(ids.insert(found.id).second) << found.id << " came twice";
    }
    return ids;
  }
};

TEST_F(NewLabelsTest, AnsweredLikeAReleaseThatWasMadeWithThem) {
  AddFirstRelease(kRanked);
  InsertLabel("new", "word3 word7");
  InsertLabel("empty", "");
  UpdateLabel("L11", "word12 group2");
  {
    const auto transaction = Begin();
    Delete(*transaction, EntityKind::kLabel, "L3");
    Insert(*transaction, EntityKind::kLabel, "L3", "word3 group3 word4");
    Delete(*transaction, EntityKind::kLabel, "L4");
    Insert(*transaction, EntityKind::kDocument, "new document", "word59 word3");
    Update(*transaction, EntityKind::kDocument, "D1", "group2 word7");
    ASSERT_TRUE(transaction->Commit().ok());
  }
  const std::uint32_t twin = MakeTwin();
  ExpectSame(Everything(View(), 1), Everything(View(), twin));
  EXPECT_EQ(Ids(View()).size(), std::size_t{kNumLabels} + 1);
}

TEST_F(NewLabelsTest, AreFoundAtOnceAndByTheirTextOfTheMoment) {
  AddFirstRelease({});
  const auto before = View();
  InsertLabel("new", "word5 word9");
  const auto first = View();
  EXPECT_EQ(Best(first, "word5 word9"), "new");
  UpdateLabel("new", "word6 word10");
  EXPECT_EQ(Best(View(), "word6 word10"), "new");
  EXPECT_NE(Best(View(), "word5 word9"), "new");
  // Older views see what was theirs.
  EXPECT_EQ(Best(first, "word5 word9"), "new");
  EXPECT_NE(Best(first, "word6 word10"), "new");
  EXPECT_FALSE(Ids(before).contains("new"));
}

TEST_F(NewLabelsTest, AReplacedTextIsNotFoundWithItsOldEmbedding) {
  AddFirstRelease({.hnsw = true});
  EXPECT_EQ(Best(View(), "word17 group3"), "L17");
  UpdateLabel("L17", "word58 group0 word40");
  EXPECT_NE(Best(View(), "word17 group3"), "L17");
  EXPECT_EQ(Best(View(), "word58 group0 word40"), "L17");
  EXPECT_EQ(Ids(View()).size(), std::size_t{kNumLabels});
  UpdateLabel("L17", "word17 group3");  // Back to what the release has.
  EXPECT_EQ(Best(View(), "word17 group3"), "L17");
  EXPECT_NE(Best(View(), "word58 group0 word40"), "L17");
}

TEST_F(NewLabelsTest, AFilterNamesOldReplacedAndNewOnes) {
  AddFirstRelease({.hnsw = true});
  InsertLabel("new", "word5 word9");
  InsertLabel("other", "word5 word10");
  UpdateLabel("L11", "word12 group2");
  const auto view = View();
  auto only = std::make_shared<index::RowSet>();
  for (const char* id : {"L5", "L11", "new"}) {
    only->Add(ToInteger(*view->FindOrdinal(EntityKind::kLabel, id).value()));
  }
  TopKOptions options{"m", 1};
  options.only = only;
  const auto cursor = OpenTopK(view, *releases_, "word5 word12", 100, options).value();
  std::set<std::string> ids;
  for (TopKHit hit; cursor->Next(&hit).value();) {
    EXPECT_TRUE(ids.insert(hit.row.id).second);
  }
  EXPECT_EQ(ids, (std::set<std::string>{"L11", "L5", "new"}));
  // L11 is there once: by its new text.
  EXPECT_EQ(cursor->Summary().num_passing, 3U);
  EXPECT_EQ(cursor->Summary().statistics.num_visited, 1U + 2U);
}

TEST_F(NewLabelsTest, WhatWasDeletedIsNotEvenScored) {
  AddFirstRelease({.hnsw = true});
  InsertLabel("new", "word5 word9");
  UpdateLabel("L11", "word12 group2");
  {
    const auto transaction = Begin();
    Delete(*transaction, EntityKind::kLabel, "L4");
    Delete(*transaction, EntityKind::kLabel, "L50");
    ASSERT_TRUE(transaction->Commit().ok());
  }
  const auto cursor = OpenTopK(View(), *releases_, "word5 word12", 100, {"m", 1}).value();
  TopKHit hit;
  ASSERT_TRUE(cursor->Next(&hit).value());
  const SearchSummary summary = cursor->Summary();
  EXPECT_EQ(summary.num_rows, std::size_t{kNumLabels} - 2 + 1);
  EXPECT_EQ(summary.num_passing, std::nullopt);
  EXPECT_EQ(summary.statistics.num_visited, summary.num_rows);
}

TEST_F(NewLabelsTest, ACursorThatIsRestrictedOnTheWayGivesTheRestOfTheSet) {
  AddFirstRelease({});
  InsertLabel("new", "word5 word9");
  const auto view = View();
  auto only = std::make_shared<index::RowSet>();
  std::set<std::string> left{"L1", "L20", "L33", "L47", "new"};
  for (const std::string& id : left) {
    only->Add(ToInteger(*view->FindOrdinal(EntityKind::kLabel, id).value()));
  }
  const auto cursor = OpenTopK(view, *releases_, "word3 group3", 3, {"m", 1}).value();
  TopKHit hit;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(cursor->Next(&hit).value());
    left.erase(hit.row.id);
  }
  cursor->Restrict(only);
  // Rows that were read already may still come.
  for (int i = 0; cursor->Next(&hit).value(); ++i) {
    left.erase(hit.row.id);
    ASSERT_LT(i, 64);
  }
  EXPECT_EQ(left, std::set<std::string>());
  EXPECT_EQ(cursor->Summary().num_passing, 5U);
}

TEST_F(NewLabelsTest, ADeletedOneIsGoneAndAnotherMayHaveItsId) {
  AddFirstRelease({});
  InsertLabel("new", "word5 word9");
  const auto with = View();
  EXPECT_TRUE(Ids(with).contains("new"));
  {
    const auto transaction = Begin();
    Delete(*transaction, EntityKind::kLabel, "new");
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EXPECT_FALSE(Ids(View()).contains("new"));
  InsertLabel("new", "word1 word2");
  EXPECT_EQ(Best(View(), "word1 word2"), "new");
  EXPECT_NE(Best(View(), "word5 word9"), "new");
  EXPECT_EQ(Best(with, "word5 word9"), "new");
}

TEST_F(NewLabelsTest, ATransactionFindsWhatItHasNotCommitted) {
  AddFirstRelease({});
  InsertLabel("committed", "word1 word2");
  std::shared_ptr<storage::Transaction> transaction = Begin();
  Insert(*transaction, EntityKind::kLabel, "own", "word5 word9");
  Update(*transaction, EntityKind::kLabel, "committed", "word3 word4");
  Update(*transaction, EntityKind::kLabel, "L8", "word20 word21");
  EXPECT_EQ(Best(transaction, "word5 word9"), "own");
  EXPECT_EQ(Best(transaction, "word3 word4"), "committed");
  EXPECT_EQ(Best(transaction, "word20 word21"), "L8");
  EXPECT_NE(Best(transaction, "word8 group1"), "L8");
  EXPECT_EQ(Best(View(), "word1 word2"), "committed");
  EXPECT_EQ(Best(View(), "word8 group1"), "L8");
  EXPECT_FALSE(Ids(View()).contains("own"));
  // Others commit meanwhile; the transaction does not see it.
  InsertLabel("other", "word30 word31");
  EXPECT_EQ(Best(View(), "word30 word31"), "other");
  EXPECT_FALSE(Ids(transaction).contains("other"));
  transaction->SetSavepoint();
  Delete(*transaction, EntityKind::kLabel, "own");
  EXPECT_FALSE(Ids(transaction).contains("own"));
  ASSERT_TRUE(transaction->RollbackToSavepoint().ok());
  const auto inside = TopK(transaction, "word5 word9", 1000);
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(Best(View(), "word5 word9"), "own");
  EXPECT_EQ(inside.size() + 1, TopK(View(), "word5 word9", 1000).size());
}

TEST_F(NewLabelsTest, AreFoundAfterARestart) {
  AddFirstRelease(kRanked);
  InsertLabel("new", "word5 word9");
  UpdateLabel("L30", "word6 word10");
  const auto before = Everything(View());
  Open();
  EXPECT_EQ(Everything(View()), before);
  storage::StoreOptions read_only;
  read_only.read_only = true;
  Open(read_only);
  EXPECT_EQ(Everything(View()), before);
}

// Does not move: every opening of a follower takes no time by it, so that it follows each commit.
class StillClock : public Clock {
 public:
  std::int64_t NowMicros() const override { return 0; }
  std::int64_t MonotonicMicros() const override { return 0; }
};

TEST_F(NewLabelsTest, AFollowerFindsWhatTheWriterCommits) {
  AddFirstRelease({});
  const StillClock clock;
  storage::StoreOptions options;
  options.read_only = true;
  options.follow = true;
  options.clock = &clock;
  auto follower = storage::Store::Open(directory_.path(), options);
  ASSERT_TRUE(follower.ok()) << follower.status().ToString();
  ReleaseCache followed(follower.value().get(), &pool_);
  for (int i = 0; i < 5; ++i) {
    const std::string text = "word" + std::to_string(2 * i) + " word" + std::to_string(50 - i);
    InsertLabel("new" + std::to_string(i), text);
    auto cursor =
        OpenTopK(follower.value()->NewSnapshot().value(), followed, text, 1, {"m", 1, 0, false});
    ASSERT_TRUE(cursor.ok()) << cursor.status().ToString();
    TopKHit hit;
    ASSERT_TRUE(cursor.value()->Next(&hit).value());
    EXPECT_EQ(hit.row.id, "new" + std::to_string(i));
  }
}

TEST_F(NewLabelsTest, TenThousandAtOnceAreAllThere) {
  AddFirstRelease(kRanked);
  auto load = store_->BeginRowLoad(EntityKind::kLabel, storage::DuplicatePolicy::kFail);
  ASSERT_TRUE(load.ok());
  Random random(7);
  for (int i = 0; i < 10'000; ++i) {
    storage::EntityRow row;
    row.id = "N" + std::to_string(i);
    row.text = "word" + std::to_string(random.Uniform(60)) + " word" +
               std::to_string(random.Uniform(60)) + " group" + std::to_string(random.Uniform(7)) +
               " word" + std::to_string(random.Uniform(60));
    ASSERT_TRUE((*load)->AddRow(row).ok());
  }
  ASSERT_TRUE((*load)->Commit({}).ok());
  const auto view = View();
  const std::vector<Found> found = TopK(view, "word3 group3", 20'000);
  EXPECT_EQ(found.size(), std::size_t{10'000} + kNumLabels);
  const std::uint32_t twin = MakeTwin();
  for (const std::string_view query : kQueries) {
    // Equal texts score alike, so that only scores can be compared.
    const auto expected = TopK(View(), query, 500, twin);
    const auto got = TopK(view, query, 500);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].score, expected[i].score) << query << ' ' << i;
    }
  }
}

TEST_F(NewLabelsTest, WhatDoesNotFitTheMemoryLimitIsRefusedWithTheNumbers) {
  AddFirstRelease({.dim = 256});
  storage::StoreOptions small;
  small.memory_bytes_max = std::uint64_t{16} << 20;
  Open(small);
  EXPECT_EQ(Ids(View()).size(), std::size_t{kNumLabels});
  auto transaction = Begin();
  for (int i = 0; i < 30'000; ++i) {
    Insert(*transaction, EntityKind::kLabel, "N" + std::to_string(i), "word1 group1");
  }
  ASSERT_TRUE(transaction->Commit().ok());
  transaction.reset();
  const auto refused = OpenTopK(View(), *releases_, "word1", 1, {"m", 1, 0, false});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().sqlstate(), "53200") << refused.status().ToString();
  EXPECT_NE(refused.status().message().find("m@1"), std::string_view::npos);
  Open();
  EXPECT_EQ(Ids(View()).size(), std::size_t{kNumLabels} + 30'000);
  EXPECT_GE(store_->memory()->reserved_bytes(storage::MemoryUse::kReleases), 30'000U * 512U);
}

TEST_F(NewLabelsTest, WithoutTheChangeLogTextsAreCompared) {
  for (int i = 0; i < 600; ++i) {  // Nobody reads these, so they are trimmed.
    const auto transaction = Begin();
    Insert(*transaction, EntityKind::kDocument, "early" + std::to_string(i), "word1");
    ASSERT_TRUE(transaction->Commit().ok());
  }
  AddFirstRelease(kRanked);
  {
    const auto transaction = Begin();
    auto release = *transaction->GetRelease("m", 1).value();
    release.snapshot_sequence = 3;
    ASSERT_TRUE(transaction->PutRelease(release).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  ASSERT_FALSE(View()->ChangesSince(EntityKind::kLabel, 3)->complete);
  InsertLabel("new", "word5 word9");
  UpdateLabel("L11", "word12 group2");
  EXPECT_EQ(Best(View(), "word5 word9"), "new");
  std::shared_ptr<storage::Transaction> transaction = Begin();
  Insert(*transaction, EntityKind::kLabel, "own", "word20 word21");
  EXPECT_EQ(Best(transaction, "word20 word21"), "own");
  transaction.reset();
  EXPECT_FALSE(Ids(View()).contains("own"));
  const std::uint32_t twin = MakeTwin();
  ExpectSame(Everything(View(), 1), Everything(View(), twin));
  InsertLabel("later", "word30 word31");
  EXPECT_EQ(Best(View(), "word30 word31"), "later");
}

TEST_F(NewLabelsTest, AnEvaluationRanksThemToo) {
  AddFirstRelease(kRanked);
  {
    const auto transaction = Begin();
    Insert(*transaction, EntityKind::kLabel, "new", "word5 word9");
    Update(*transaction, EntityKind::kLabel, "L20", "word40 word41");
    for (const auto& [document, text, label] :
         {std::tuple{"T1", "word5 word9", "new"}, std::tuple{"T2", "word40 word41", "L20"}}) {
      storage::EntityRow row;
      row.id = document;
      row.text = text;
      row.split = "test";
      const auto ordinal = transaction->InsertRow(EntityKind::kDocument, row);
      ASSERT_TRUE(ordinal.ok());
      const auto found = transaction->FindOrdinal(EntityKind::kLabel, label).value();
      ASSERT_TRUE(transaction->PutRelevance(*ordinal, *found, 1.0F).ok());
    }
    ASSERT_TRUE(transaction->Commit().ok());
  }
  EvaluateRequest request;
  request.model = "m";
  request.release = 1;
  request.options = {{"k", "1"}, {"scores", "dense"}, {"bootstrap", "0"}};
  const auto records = Evaluate(*View(), *releases_, request, {}, {});
  ASSERT_TRUE(records.ok()) << records.status().ToString();
  EXPECT_EQ(records->front().metric, "P");
  EXPECT_EQ(records->front().value, 1.0);
}

// Random changes by one writer: every picture, old or new, answers like a release made of it.
TEST_F(NewLabelsTest, RandomChangesAreAnsweredLikeTheTwin) {
  constexpr std::uint64_t kSeed = 20240611;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  AddFirstRelease(kRanked);
  const auto text = [&] {
    return "word" + std::to_string(random.Uniform(60)) + " word" +
           std::to_string(random.Uniform(60)) + " word" + std::to_string(random.Uniform(60)) +
           " group" + std::to_string(random.Uniform(7));
  };
  std::vector<std::pair<std::shared_ptr<const storage::View>, std::vector<std::vector<Found>>>>
      older;
  int next = 0;
  for (int round = 0; round < 12; ++round) {
    for (std::uint64_t commits = 1 + random.Uniform(3); commits > 0; --commits) {
      const auto transaction = Begin();
      for (std::uint64_t changes = 1 + random.Uniform(6); changes > 0; --changes) {
        const auto kind = random.Uniform(4) == 0 ? EntityKind::kDocument : EntityKind::kLabel;
        const auto ordinal = storage::Ordinal{
            static_cast<std::uint32_t>(random.Uniform(View()->EstimateRows(kind).value()))};
        const auto row = transaction->GetRow(kind, ordinal).value();
        if (!row || random.Uniform(3) == 0) {
          Insert(*transaction, kind, "N" + std::to_string(next++), text());
        } else if (random.Uniform(3) == 0) {
          Delete(*transaction, kind, row->id);
        } else {
          Update(*transaction, kind, row->id, text());
        }
      }
      ASSERT_TRUE(transaction->Commit().ok());
    }
    if (random.Uniform(2) == 0) {
      continue;  // Several rounds reach the delta at once.
    }
    const auto view = View();
    const std::uint32_t twin = MakeTwin();
    auto answers = Everything(view);
    SCOPED_TRACE(round);
    ExpectSame(answers, Everything(View(), twin));
    older.emplace_back(view, std::move(answers));
    const auto& [old_view, old_answers] = older[random.Uniform(older.size())];
    ExpectSame(Everything(old_view), old_answers);
  }
}

TEST_F(NewLabelsTest, WritersFindWhatTheyCommittedWhileOthersWriteAndRead) {
  AddFirstRelease({});
  constexpr int kLabelsEach = 40;
  std::atomic<int> num_done{0};
  std::atomic<int> num_wrong{0};
  const auto write = [&](int writer) {
    for (int i = 0; i < kLabelsEach; ++i) {
      // A pair of words that no other label has.
      const std::string text = "word" + std::to_string(writer * 20 + i % 20) + " group" +
                               std::to_string(i / 20 + 3) + " word" + std::to_string(59 - writer);
      const std::string id = "W" + std::to_string(writer) + "-" + std::to_string(i);
      InsertLabel(id, text);
      const auto view = View();
      const std::vector<Found> found = TopK(view, text, 1);
      num_wrong += found.size() == 1 && found[0].id == id ? 0 : 1;
    }
    ++num_done;
  };
  const auto read = [&] {
    while (num_done < 2) {
      const auto view = View();
      std::size_t num_rows = 0;
      const auto cursor = view->ScanRows(EntityKind::kLabel);
      while (cursor->Next().value()) {
        ++num_rows;
      }
      num_wrong += TopK(view, "word3 group3", 1000).size() == num_rows ? 0 : 1;
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(write, 0);
  threads.emplace_back(write, 1);
  threads.emplace_back(read);
  threads.emplace_back(read);
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(num_wrong, 0);
  const std::uint32_t twin = MakeTwin();
  for (const std::string_view query : kQueries) {
    EXPECT_EQ(TopK(View(), query, 20), TopK(View(), query, 20, twin));
  }
}

}  // namespace
}  // namespace dashi::query
