// topk() joined with a table whose text is the query: searches are made ahead, and nothing of that
// shows in what they find.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "dashi/database.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class JoinedTopKTest : public ::testing::Test {
 protected:
  static constexpr int kNumLabels = 300;
  static constexpr int kNumDocuments = 500;

  void SetUp() override {
    const std::string path = directory_.path() + "/test.db";
    std::vector<std::pair<std::string, std::string>> labels;
    for (int i = 0; i < kNumLabels; ++i) {
      labels.emplace_back("L" + std::to_string(i), TextOf(i));
    }
    std::vector<testing::TinyDocument> documents;
    for (int i = 0; i < kNumDocuments; ++i) {
      // Some texts stand twice, some are empty.
      const std::string text = i % 50 == 49 ? "" : TextOf(i % 3 == 2 ? i - 1 : 7 * i);
      documents.push_back({"D" + std::to_string(i), text, i % 5 == 0 ? "test" : "train", {}});
    }
    {
      const auto store = testing::OpenStore(path);
      testing::AddRows(*store, labels, documents);
      testing::AddRelease(*store, "m", {.seed = 3});
    }
    database_ = std::move(*Database::Open(path));
    session_ = std::move(*database_->NewSession());
    const Status status = session_->ExecuteScript(
        "PUBLISH m@1;"
        "ALTER TABLE labels ADD COLUMN shelf INTEGER;"
        "UPDATE labels SET shelf = CAST(substr(id, 2) AS INTEGER) % 9;"
        "ALTER TABLE documents ADD COLUMN n INTEGER;"
        "UPDATE documents SET n = CAST(substr(id, 2) AS INTEGER);"
        "CREATE INDEX n_idx ON documents (n);",
        {});
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }

  static std::string TextOf(int i) {
    return "word" + std::to_string(i % 90) + " group" + std::to_string(i % 17);
  }

  std::vector<std::string> Rows(const std::string& sql, const std::vector<Value>& values = {}) {
    std::vector<std::string> rows;
    auto result = session_->Execute(sql, values);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    Row row;
    while (result.ok()) {
      const auto more = result->Next(&row);
      EXPECT_TRUE(more.ok()) << sql << ": " << more.status().ToString();
      if (!more.ok() || !*more) {
        break;
      }
      std::string text;
      for (const Value& value : row) {
        text += value.ToString() + "|";
      }
      rows.push_back(std::move(text));
    }
    return rows;
  }
  std::string Analyzed(const std::string& sql) {
    std::string lines;
    for (const std::string& line : Rows("EXPLAIN ANALYZE " + sql)) {
      lines += line + "\n";
    }
    return lines;
  }
  // The rows of `hits` for the text, the second column, of each of the rows of `documents`.
  std::vector<std::string> OneByOne(const std::string& documents, const std::string& hits) {
    std::vector<std::string> rows;
    auto result = session_->Execute(documents);
    EXPECT_TRUE(result.ok()) << documents << ": " << result.status().ToString();
    Row row;
    while (result.ok() && *result->Next(&row)) {
      for (const std::string& hit : Rows(hits, {row[1]})) {
        rows.push_back(row[0].ToString() + "|" + hit);
      }
    }
    return rows;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

TEST_F(JoinedTopKTest, FindsWhatSingleSearchesFind) {
  constexpr std::uint64_t kSeed = 11;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  const auto pick = [&](std::initializer_list<const char*> choices) {
    return std::string(
        *(choices.begin() + static_cast<std::ptrdiff_t>(random.Uniform(choices.size()))));
  };
  for (int round = 0; round < 60; ++round) {
    // Tests that the walk makes itself, tests that SQLite makes behind it, and none.
    const std::string where =
        pick({"TRUE", "d.split = 'test'", "d.n < 333", "d.n BETWEEN 100 AND 250", "d.n % 2 = 0",
              "d.n % 7 = 3", "d.split || '' = 'train'", "d.text LIKE '%group1%'",
              "d.id IN ('D3', 'D4', 'D77')", "d.split = 'test' AND d.n % 20 <> 0", "d.text = ''",
              "length(d.text) > 100", "d.n > 40 AND d.n % 3 = 1", "d.split IS NULL"});
    const std::string condition =
        pick({"TRUE", "t.shelf = 4", "t.shelf < 3 AND t.score > 0", "t.label > 'L2'"});
    const std::string k = pick({"1", "3", "10"});
    const std::string order = pick({"rowid", "n"});
    const std::string limit = pick({"", " LIMIT 1", " LIMIT 7", " LIMIT 100"});
    const std::string joined =
        "SELECT d.id, t.rank, t.label, t.score FROM documents d, topk(d.text, " + k + ") t WHERE " +
        where + " AND " + condition + " ORDER BY d." + order + ", t.rank" + limit;
    SCOPED_TRACE(joined);
    std::vector<std::string> want =
        OneByOne("SELECT d.id, d.text FROM documents d WHERE " + where + " ORDER BY d." + order,
                 "SELECT t.rank, t.label, t.score FROM topk($1, " + k + ") t WHERE " + condition);
    if (!limit.empty()) {
      want.resize(std::min(want.size(), std::stoul(limit.substr(sizeof(" LIMIT")))));
    }
    ASSERT_EQ(Rows(joined), want);
  }
}

TEST_F(JoinedTopKTest, SearchesForRowsAheadTogether) {
  const std::string all = "SELECT count(*) FROM documents d, topk(d.text, 3) t";
  // 1, then 2, 4, ... 128 and what is left.
  EXPECT_THAT(Analyzed(all), HasSubstr("499 searches were made in 8 batches, for rows ahead"));
  EXPECT_THAT(Analyzed(all + " WHERE d.split = 'test'"),
              HasSubstr("99 searches were made in 6 batches, for rows ahead"));
  // The range of the index holds one more.
  EXPECT_THAT(Analyzed(all + " WHERE d.n < 10"),
              HasSubstr("10 searches were made in 3 batches, for rows ahead"));
  EXPECT_THAT(Analyzed("SELECT count(*) FROM documents d, nearest('labels', d.text, 3) t"),
              Not(HasSubstr("batches")));
  EXPECT_THAT(Analyzed("SELECT count(*) FROM documents d, topk('word' || d.n, 3) t"),
              Not(HasSubstr("batches")));
}

TEST_F(JoinedTopKTest, StopsWhereTheStatementDropsMostRows) {
  const std::string analyzed =
      Analyzed("SELECT count(*) FROM documents d, topk(d.text, 3) t WHERE d.split || '' = 'test'");
  // 100 of 500 documents pass a test that the walk does not know.
  EXPECT_THAT(analyzed,
              ::testing::ContainsRegex("[^0-9][0-9] searches were made in [0-9] batches"));
}

TEST_F(JoinedTopKTest, ReadsAFewRowsForALimit) {
  const std::string analyzed =
      Analyzed("SELECT t.label FROM documents d, topk(d.text, 3) t WHERE d.text <> '' LIMIT 20");
  EXPECT_THAT(analyzed, HasSubstr("6 searches were made in 2 batches, for rows ahead"));
}

TEST_F(JoinedTopKTest, AStatementThatWritesReadsNothingAhead) {
  ASSERT_TRUE(
      session_
          ->Execute("INSERT INTO anchors SELECT d.id || '/' || t.rank, t.label FROM documents "
                    "d, topk(d.text, 2) t WHERE d.n < 60")
          .ok());
  EXPECT_EQ(
      Rows("SELECT id, text FROM anchors ORDER BY rowid"),
      Rows("SELECT d.id || '/' || t.rank, t.label FROM documents d, topk(d.text, 2) t WHERE d.n "
           "< 60 ORDER BY d.rowid, t.rank"));
}

TEST_F(JoinedTopKTest, SeesOptionsThatChangeFromRowToRow) {
  EXPECT_EQ(
      Rows("SELECT d.id, t.label FROM documents d, topk(d.text, 1 + d.n % 3) t WHERE d.n < 40"),
      Rows("SELECT d.id, t.label FROM documents d, topk(d.text, 3) t WHERE d.n < 40 AND t.rank "
           "<= 1 + d.n % 3"));
}

}  // namespace
}  // namespace dashi
