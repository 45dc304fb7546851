// Loads of rows, by themselves.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/bulk_load_fixture.h"

namespace dashi::storage {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace dashi::storage
