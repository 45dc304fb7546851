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

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
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
  static std::string QuotesDoubled(const std::string& text) {
    std::string doubled;
    for (const char c : text) {
      doubled.append(c == '\'' ? 2 : 1, c);
    }
    return doubled;
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

TEST_F(FilteredTopKTest, ABatchGivesToEachOfItsQueriesTheBestOfThoseThatPass) {
  constexpr std::uint64_t kSeed = 6;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  std::size_t num_found = 0;
  std::size_t num_wanted = 0;
  for (const char* predicate :
       {"few = 17", "few < 20", "many = 1", "many = 0 AND few < 100", "many < 5", "many > 7",
        "many = 1 AND few = 4", "few = 7 AND label > 'L3'", "text LIKE '%group7'", "score > 0.6"}) {
    const std::size_t k = std::size_t{1} << random.Uniform(6);
    std::vector<std::string> texts;
    std::string values = "VALUES ";
    for (int i = 0; i < 12; ++i) {
      texts.push_back("word" + std::to_string(random.Uniform(900)) + " group" +
                      std::to_string(random.Uniform(61)));
      values += (i == 0 ? "(" : ", (") + std::to_string(i) + ", ''" + texts.back() + "'')";
    }
    SCOPED_TRACE(std::string(predicate) + ", k " + std::to_string(k));
    const auto batch = [&](const std::string& options, std::size_t query) {
      return Rows("WITH every AS MATERIALIZED (SELECT * FROM topk_batch('" + values + "', " +
                  std::to_string(k) + options + ") WHERE " + predicate +
                  ") SELECT label FROM every WHERE id = " + std::to_string(query) +
                  " ORDER BY rank");
    };
    for (std::size_t i = 0; i < texts.size(); ++i) {
      SCOPED_TRACE(texts[i]);
      std::vector<std::string> truth =
          Rows("WITH every AS MATERIALIZED (SELECT * FROM topk('" + texts[i] +
               "', 100000, '{\"exact\": true}')) SELECT label FROM every WHERE " + predicate +
               " ORDER BY rank");
      truth.resize(std::min(truth.size(), k));
      EXPECT_EQ(batch(", '{\"exact\": true}'", i), truth);
      const std::vector<std::string> found = batch("", i);
      ASSERT_EQ(found.size(), truth.size());
      const std::set<std::string> ids(found.begin(), found.end());
      ASSERT_EQ(ids.size(), found.size());
      num_wanted += truth.size();
      for (const std::string& id : truth) {
        num_found += ids.contains(id) ? 1 : 0;
      }
    }
  }
  EXPECT_GE(static_cast<double>(num_found), 0.95 * static_cast<double>(num_wanted));
}

TEST_F(FilteredTopKTest, ExplainAnalyzeTellsOfEachSearchOfABatch) {
  const auto told = Rows(
      "EXPLAIN ANALYZE SELECT label FROM topk_batch('SELECT id, text FROM labels WHERE few = 3 "
      "LIMIT 12', 2) WHERE few = 17");
  ASSERT_EQ(told.size(), 34U);
  EXPECT_THAT(told[0],
              MatchesRegex("SCAN topk_batch VIRTUAL TABLE INDEX 2:k best of every row where few = "
                           "BINARY \\(1 walk, 24 rows, [0-9.]+ ms\\)"));
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_THAT(told[3 * i + 1],
                MatchesRegex(
                    "  topk_batch: m@1, graph of 6000 rows, (ready|verifying); built, entered .*"));
    EXPECT_EQ(told[3 * i + 2],
              "    filter: 30 of 6000 rows can pass (0.5 %), by an index; 0 found and dropped");
    EXPECT_EQ(told[3 * i + 3],
              "    search: exact scan of the subset; visited 30, refills 0; exact");
  }
  EXPECT_EQ(told[31], "  and 2 more searches: visited 60, refills 0");
  EXPECT_THAT(told[32], MatchesRegex("in a function: labels VIRTUAL TABLE INDEX .*1 walk, 12 .*"));
  EXPECT_THAT(told[33], MatchesRegex("24 rows in [0-9.]+ ms"));
}

TEST_F(FilteredTopKTest, ExplainAnalyzeTellsHowAnswersWereFound) {
  const auto told = [&](const std::string& select) { return Rows("EXPLAIN ANALYZE " + select); };
  EXPECT_THAT(
      told("SELECT label FROM topk('word5 group5', 5) WHERE few = 17"),
      ElementsAre(
          HasSubstr("SCAN topk"),
          MatchesRegex("  topk: m@1, graph of 6000 rows, (ready|verifying); built, entered .*"),
          "    filter: 30 of 6000 rows can pass (0.5 %), by an index; 0 found and "
          "dropped",
          "    search: exact scan of the subset; visited 30, refills 0; exact",
          MatchesRegex("5 rows in [0-9.]+ ms")));
  EXPECT_THAT(
      told("SELECT label FROM topk('word5 group5', 5)"),
      ElementsAre(
          HasSubstr("SCAN topk"),
          MatchesRegex("  topk: m@1, graph of 6000 rows, (ready|verifying); built, entered .*"),
          "    filter: no rows ruled out before the search; 0 found and dropped",
          MatchesRegex("    search: graph; visited [0-9]+, refills 0; approximate"),
          MatchesRegex("5 rows in [0-9.]+ ms")));
  EXPECT_THAT(told("SELECT label FROM topk('word5 group5', 5, '{\"exact\": true}')")[3],
              "    search: exact scan; visited 6000, refills 0; exact");
  // The ids are the labels': nothing passes.
  EXPECT_THAT(told("SELECT label FROM topk('word5', 5) WHERE few = 1000")[3], "    search: none");
  EXPECT_THAT(told("SELECT id FROM nearest('labels', 'word5', 5)")[1],
              "  nearest: m@1, scan of 6000 rows");
  // One search a row of another table; the first ten have lines of their own.
  const auto many =
      told("SELECT t.label FROM labels l, topk(l.text, 1) t WHERE l.few = 3 AND l.many = 1");
  EXPECT_THAT(many[many.size() - 3], MatchesRegex("  and 20 more searches: visited [0-9]+, refills "
                                                  "0"));
  EXPECT_THAT(told("VALUES (1), (2)").back(), MatchesRegex("2 rows in [0-9.]+ ms"));
}

TEST_F(FilteredTopKTest, ExplainAnalyzePutsWhatWasDoneIntoThePlan) {
  const auto told = [&](const std::string& select) { return Rows("EXPLAIN ANALYZE " + select); };
  // A search for each row of another table, and a look-up for each row found.
  EXPECT_THAT(
      told("SELECT d.text FROM labels l, topk(l.text, 2) t, labels d WHERE l.id IN ('L1', 'L2') "
           "AND d.id = t.label"),
      ElementsAre(MatchesRegex("SCAN l VIRTUAL TABLE INDEX .* \\(2 walks, 2 rows, [0-9.]+ ms\\)"),
                  MatchesRegex("SCAN t VIRTUAL TABLE INDEX .* \\(2 walks, 4 rows, [0-9.]+ ms\\)"),
                  HasSubstr("  topk: m@1"), HasSubstr("    filter:"), HasSubstr("    search:"),
                  HasSubstr("  topk: m@1"), HasSubstr("    filter:"), HasSubstr("    search:"),
                  MatchesRegex("SCAN d VIRTUAL TABLE INDEX .* \\(4 walks, 4 rows, [0-9.]+ ms\\)"),
                  MatchesRegex("4 rows in [0-9.]+ ms")));
  // The same table twice, by the same plan; and a part that is never reached.
  EXPECT_THAT(told("SELECT 1 FROM relevance a, relevance b WHERE false"),
              ElementsAre(HasSubstr("SCAN a VIRTUAL TABLE INDEX"),
                          HasSubstr("SCAN b VIRTUAL TABLE INDEX"), HasSubstr("0 rows in")));
  EXPECT_THAT(told("SELECT 1 FROM anchors a, labels b"),
              ElementsAre(HasSubstr("(1 walk, 0 rows, "), EndsWith("(never walked)"),
                          HasSubstr("0 rows in")));
  // Deeper nodes stand further in.
  const std::vector<std::string> nested = told(
      "SELECT count(*) FROM (SELECT few FROM labels WHERE many = 1 UNION SELECT many FROM "
      "labels WHERE few = 1)");
  EXPECT_THAT(nested, Contains(MatchesRegex(" +SCAN labels VIRTUAL TABLE .*rows.*")).Times(2));
  EXPECT_THAT(nested, Contains(HasSubstr("COMPOUND QUERY")));
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
  EXPECT_THAT(told[2],
              MatchesRegex("    filter: 3000 of 6000 rows can pass \\(50 %\\), by an index; "
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

TEST_F(FilteredTopKTest, AllSearchesOfAStatementShareWhatWasLookedUp) {
  const Status status = session_->ExecuteScript(
      "ALTER TABLE labels ADD COLUMN far INTEGER DEFAULT 1;"
      "UPDATE labels SET far = 0 WHERE id IN "
      "(SELECT label FROM topk('word5 group5', 3000, '{\"exact\": true}'));"
      "CREATE INDEX far_idx ON labels (far);",
      {});
  ASSERT_TRUE(status.ok()) << status.ToString();
  const std::string texts =
      "(VALUES (1, 'word5 group5'), (2, 'word5 group6'), (3, 'word6 group5'))";
  for (const std::string& from :
       {"FROM " + texts + " v, topk(v.column2, 1) WHERE far = 1 ORDER BY v.column1",
        "FROM topk_batch('SELECT * FROM " + QuotesDoubled(texts) + "', 1) WHERE far = 1"}) {
    SCOPED_TRACE(from);
    const std::vector<std::string> told = Rows("EXPLAIN ANALYZE SELECT label " + from);
    std::vector<std::string> filters;
    for (const std::string& line : told) {
      if (line.starts_with("    filter:")) {
        filters.push_back(line);
      }
    }
    ASSERT_EQ(filters.size(), 3U);
    EXPECT_THAT(filters[0], MatchesRegex("    filter: 3000 of 6000 rows can pass \\(50 %\\), by an "
                                         "index; [0-9]+ found and dropped"));
    for (std::size_t i = 1; i < 3; ++i) {
      EXPECT_EQ(filters[i],
                "    filter: 3000 of 6000 rows can pass (50 %), by an index; 0 found and "
                "dropped");
    }
    EXPECT_THAT(told.back(), MatchesRegex("3 rows in [0-9.]+ ms"));
  }
}

TEST_F(FilteredTopKTest, EachWayOfASearchThroughAFilterIsTold) {
  // `place`: how near to the query. `mixed`: few of the nearest pass, as few as a wider walk needs.
  const Status status = session_->ExecuteScript(
      "ALTER TABLE labels ADD COLUMN place INTEGER;"
      "UPDATE labels SET place = t.rank FROM topk('word5 group5', 6000, '{\"exact\": true}') AS t "
      "WHERE t.label = labels.id;"
      "CREATE INDEX place_idx ON labels (place);"
      "ALTER TABLE labels ADD COLUMN mixed INTEGER;"
      "UPDATE labels SET mixed = NOT (place <= 60 AND place % 10 > 2);"
      "CREATE INDEX mixed_idx ON labels (mixed);"
      "SET ann.ef = 16;",
      {});
  ASSERT_TRUE(status.ok()) << status.ToString();
  struct Way {
    std::string predicate;
    std::string filter;
    std::string search;
  };
  for (const Way& way : {Way{"few = 17", "30 of 6000 rows can pass \\(0.5 %\\)",
                             "exact scan of the subset; visited 30, refills 0; exact"},
                         Way{"few >= 20", "5400 of 6000 rows can pass \\(90 %\\)",
                             "graph; visited [0-9]+, refills 0; approximate"},
                         Way{"mixed = 1", "5958 of 6000 rows can pass \\(99.3 %\\)",
                             "graph, widened; visited [0-9]+, refills 0; approximate"},
                         Way{"place >= 1501", "4500 of 6000 rows can pass \\(75 %\\)",
                             "graph, then exact scan; visited [0-9]+, refills 1; exact"}}) {
    SCOPED_TRACE(way.predicate);
    // So many searches that what can pass is looked up before the first of them.
    const auto told = Rows(
        "EXPLAIN ANALYZE SELECT label FROM topk_batch('SELECT id, ''word5 group5'' FROM labels "
        "LIMIT 20', 10) WHERE " +
        way.predicate);
    ASSERT_GT(told.size(), 3U);
    EXPECT_THAT(told[2],
                MatchesRegex("    filter: " + way.filter + ", by an index; 0 found and dropped"));
    EXPECT_THAT(told[3], MatchesRegex("    search: " + way.search));
    EXPECT_THAT(told.back(), MatchesRegex("200 rows in [0-9.]+ ms"));
  }
}

TEST_F(FilteredTopKTest, WhatWasLookedUpForOtherValuesIsNotUsedAgain) {
  // The test's value is another in each walk.
  const std::vector<std::string> found = Rows(
      "SELECT (SELECT label FROM topk('word5 group5', 1) WHERE few = v.column1) "
      "FROM (VALUES (17), (18), (18), (300)) v");
  ASSERT_EQ(found.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_NE(found[i], "NULL");
    EXPECT_EQ(std::stoi(found[i].substr(1)) % 200, i == 0 ? 17 : 18);
  }
  EXPECT_EQ(found[3], "NULL");
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
