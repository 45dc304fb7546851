// topk() over indexed columns of many labels, where a graph is walked, and what EXPLAIN ANALYZE
// tells of it.

#include <algorithm>
#include <memory>
#include <set>
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

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class FilteredTopKTest : public ::testing::Test {
 protected:
  static constexpr int kNumLabels = 6000;

  void SetUp() override {
    path_ = directory_.path() + "/test.db";
    std::vector<std::pair<std::string, std::string>> labels;
    for (int i = 0; i < kNumLabels; ++i) {
      labels.emplace_back("L" + std::to_string(i),
                          "word" + std::to_string(i % 900) + " group" + std::to_string(i % 61));
    }
    {
      const auto store = testing::OpenStore(path_);
      testing::AddRows(*store, labels, {});
      testing::AddRelease(*store, "m", {.seed = 3, .hnsw = true});
    }
    Open();
    const Status status = session_->ExecuteScript(
        "PUBLISH m@1;"
        "ALTER TABLE labels ADD COLUMN many INTEGER;"
        "ALTER TABLE labels ADD COLUMN few INTEGER;"
        "UPDATE labels SET many = CAST(substr(id, 2) AS INTEGER) % 2, "
        "few = CAST(substr(id, 2) AS INTEGER) % 200;"
        "CREATE INDEX many_idx ON labels (many); CREATE INDEX few_idx ON labels (few);"
        "SET ann.ef = 24;",
        {});
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }
  void Open() {
    session_.reset();
    database_.reset();
    database_ = std::move(*Database::Open(path_));
    session_ = std::move(*database_->NewSession());
  }

  std::vector<std::string> Rows(const std::string& sql) {
    std::vector<std::string> rows;
    auto result = session_->Execute(sql);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    Row row;
    while (result.ok()) {
      const auto more = result->Next(&row);
      EXPECT_TRUE(more.ok()) << sql << ": " << more.status().ToString();
      if (!more.ok() || !*more) {
        break;
      }
      rows.emplace_back(row[0].ToString());
    }
    return rows;
  }
  std::string SqlState(const std::string& sql) {
    auto result = session_->Execute(sql);
    Row row;
    const Status status = result.ok() ? result->Next(&row).status() : result.status();
    return std::string(status.sqlstate());
  }

  testing::TemporaryDirectory directory_;
  std::string path_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

TEST_F(FilteredTopKTest, GivesTheBestOfThoseThatPassAtAnySelectivity) {
  constexpr std::uint64_t kSeed = 5;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  std::size_t num_found = 0;
  std::size_t num_wanted = 0;
  for (int round = 0; round < 40; ++round) {
    static constexpr const char* kPredicates[] = {"few = 17",
                                                  "few < 20",
                                                  "many = 1",
                                                  "many = 0 AND few < 100",
                                                  "many < 5",
                                                  "few IN (3)",
                                                  "many > 7",
                                                  "many = 1 AND few = 4",
                                                  "few = 7 AND label > 'L3'",
                                                  "many IS NULL"};
    const std::string predicate = kPredicates[round % 10];
    const std::string query = "word" + std::to_string(random.Uniform(900)) + " group" +
                              std::to_string(random.Uniform(61));
    const std::size_t k = std::size_t{1} << random.Uniform(6);
    SCOPED_TRACE(query + " where " + predicate + ", k " + std::to_string(k));
    std::vector<std::string> truth =
        Rows("WITH every AS MATERIALIZED (SELECT * FROM topk('" + query +
             "', 100000, '{\"exact\": true}')) SELECT label FROM every WHERE " + predicate +
             " ORDER BY rank");
    truth.resize(std::min(truth.size(), k));
    const std::string select =
        "SELECT label FROM topk('" + query + "', " + std::to_string(k) + ") WHERE " + predicate;
    const std::vector<std::string> found = Rows(select);
    ASSERT_EQ(found.size(), truth.size());
    const std::set<std::string> ids(found.begin(), found.end());
    ASSERT_EQ(ids.size(), found.size());
    num_wanted += truth.size();
    for (const std::string& id : truth) {
      num_found += ids.contains(id) ? 1 : 0;
    }
    const std::string told = ::testing::PrintToString(Rows("EXPLAIN ANALYZE " + select));
    if (told.find("; exact\"") != std::string::npos && told.find("by an index") != told.npos &&
        told.find("refills 0") != std::string::npos) {
      EXPECT_EQ(found, truth) << told;
    }
  }
  EXPECT_GE(static_cast<double>(num_found), 0.95 * static_cast<double>(num_wanted));
}

TEST_F(FilteredTopKTest, ExplainAnalyzeTellsHowAnswersWereFound) {
  const auto told = [&](const std::string& select) { return Rows("EXPLAIN ANALYZE " + select); };
  EXPECT_THAT(told("SELECT label FROM topk('word5 group5', 5) WHERE few = 17"),
              ElementsAre(HasSubstr("SCAN topk"),
                          MatchesRegex("topk: m@1, graph of 6000 rows, (ready|verifying)"),
                          "  filter: 30 of 6000 rows can pass (0.5 %), by an index; 0 found and "
                          "dropped",
                          "  search: exact scan of the subset; visited 30, refills 0; exact",
                          MatchesRegex("5 rows in [0-9.]+ ms")));
  EXPECT_THAT(told("SELECT label FROM topk('word5 group5', 5)"),
              ElementsAre(HasSubstr("SCAN topk"),
                          MatchesRegex("topk: m@1, graph of 6000 rows, (ready|verifying)"),
                          "  filter: no rows ruled out before the search; 0 found and dropped",
                          MatchesRegex("  search: graph; visited [0-9]+, refills 0; approximate"),
                          MatchesRegex("5 rows in [0-9.]+ ms")));
  EXPECT_THAT(told("SELECT label FROM topk('word5 group5', 5, '{\"exact\": true}')")[3],
              "  search: exact scan; visited 6000, refills 0; exact");
  // The ids are the labels': nothing passes.
  EXPECT_THAT(told("SELECT label FROM topk('word5', 5) WHERE few = 1000")[3], "  search: none");
  EXPECT_THAT(told("SELECT id FROM nearest('labels', 'word5', 5)")[1],
              "nearest: m@1, scan of 6000 rows");
  // One search a row of another table; the first ten have lines of their own.
  const auto many =
      told("SELECT t.label FROM labels l, topk(l.text, 1) t WHERE l.few = 3 AND l.many = 1");
  EXPECT_THAT(many[many.size() - 2], MatchesRegex("and 20 more searches: visited [0-9]+, refills "
                                                  "0"));
  EXPECT_THAT(told("VALUES (1), (2)").back(), MatchesRegex("2 rows in [0-9.]+ ms"));
}

TEST_F(FilteredTopKTest, AnIndexIsLookedUpOnceManyRowsWereDropped) {
  // The half of the labels that is nearest to the query does not pass.
  const Status status = session_->ExecuteScript(
      "ALTER TABLE labels ADD COLUMN far INTEGER DEFAULT 1;"
      "UPDATE labels SET far = 0 WHERE id IN "
      "(SELECT label FROM topk('word5 group5', 3000, '{\"exact\": true}'));"
      "CREATE INDEX far_idx ON labels (far);",
      {});
  ASSERT_TRUE(status.ok()) << status.ToString();
  // How many entries the index has is only known about, so that it may be looked up at once.
  const std::string select = "SELECT label FROM topk('word5 group5', 3) WHERE far = 1";
  const std::vector<std::string> told = Rows("EXPLAIN ANALYZE " + select);
  EXPECT_THAT(told[2], MatchesRegex("  filter: 3000 of 6000 rows can pass \\(50 %\\), by an index; "
                                    "[0-9]+ found and dropped"));
  EXPECT_LT(std::stoi(told[2].substr(told[2].find("; ") + 2)), 400);
  EXPECT_THAT(told.back(), MatchesRegex("3 rows in [0-9.]+ ms"));
  const std::vector<std::string> all =
      Rows("SELECT label FROM topk('word5 group5', 3003, '{\"exact\": true}')");
  const std::vector<std::string> best(all.begin() + 3000, all.end());
  EXPECT_EQ(Rows("SELECT label FROM topk('word5 group5', 3, '{\"exact\": true}') WHERE far = 1"),
            best);
  EXPECT_EQ(Rows(select).size(), 3U);
}

TEST_F(FilteredTopKTest, OptionsOfASearchWinOverSettings) {
  const auto search = [&](const std::string& options) {
    return Rows("EXPLAIN ANALYZE SELECT label FROM topk('word5 group5', 5" + options + ")")[3];
  };
  EXPECT_THAT(search(""), HasSubstr("graph; "));
  Rows("SET ann.exact = on");
  EXPECT_THAT(search(""), HasSubstr("exact scan; visited 6000"));
  EXPECT_THAT(search(", '{\"exact\": false}'"), HasSubstr("graph; "));
  EXPECT_THAT(
      Rows("EXPLAIN ANALYZE SELECT label FROM topk_batch('SELECT id, text FROM labels LIMIT 3', 2)")
          .back(),
      MatchesRegex("6 rows in .*"));
  Rows("RESET ann.exact");
  Rows("SET ann.ef = 16");
  const std::string narrow = search("");
  EXPECT_NE(search(", '{\"ef\": 60}'"), narrow);
  Rows("SET ann.ef = 60");
  EXPECT_EQ(search(", '{\"ef\": 16}'"), narrow);
  EXPECT_NE(search(""), narrow);
}

TEST_F(FilteredTopKTest, AnIndexCanBeRequired) {
  Rows("SET ann.require_index = on");
  EXPECT_EQ(Rows("SELECT label FROM topk('word5 group5', 5)").size(), 5U);
  EXPECT_EQ(SqlState("SELECT label FROM topk('word5', 5, '{\"require_index\": 1}')"), "22023");
}

}  // namespace
}  // namespace dashi
