// Predicates that are applied inside topk() against the same predicates applied by SQLite to all
// labels: the naive way to "the k best of those that pass".

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "dashi/database.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

class TopKFilterTest : public ::testing::Test {
 protected:
  static constexpr int kNumLabels = 60;

  void SetUp() override {
    const std::string path = directory_.path() + "/test.db";
    std::vector<std::pair<std::string, std::string>> labels;
    static constexpr const char* kWords[] = {"red", "Blue", "GREEN ", "grün", "50%_off"};
    for (int i = 0; i < kNumLabels; ++i) {
      labels.emplace_back((i % 2 == 0 ? "L" : "l") + std::to_string(i),
                          std::string(kWords[i % 5]) + (i % 3 == 0 ? " shoes" : " Hat  "));
    }
    {
      const auto store = testing::OpenStore(path);
      testing::AddRows(*store, labels, {{"d", "red shoes", "train", {"L0"}}});
      testing::AddRelease(*store, "m");
    }
    database_ = std::move(*Database::Open(path));
    session_ = std::move(*database_->NewSession());
    ASSERT_TRUE(session_->Execute("PUBLISH m@1").ok());
    AddColumns();
  }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }

  // Columns with and without an index; every fifth label leaves them at their defaults.
  void AddColumns() {
    std::string sql =
        "ALTER TABLE labels ADD COLUMN lang TEXT DEFAULT 'en';"
        "ALTER TABLE labels ADD COLUMN year INTEGER;"
        "ALTER TABLE labels ADD COLUMN price REAL;"
        "ALTER TABLE labels ADD COLUMN \"the kind\" TEXT;";
    for (int i = 0; i < kNumLabels; ++i) {
      if (i % 5 != 0) {
        static constexpr const char* kLangs[] = {"de", "en", "EN", "fr"};
        sql += "UPDATE labels SET lang = '" + std::string(kLangs[i % 4]) +
               "', year = " + std::to_string(2000 + i / 6) + ", price = " + std::to_string(i % 7) +
               ".5, \"the kind\" = '" + std::string(1 + i % 3, 'k') + "' WHERE id ILIKE 'l" +
               std::to_string(i) + "';";
      }
    }
    sql +=
        "CREATE INDEX lang_idx ON labels (lang); CREATE INDEX year_idx ON labels (year);"
        "CREATE INDEX kind_idx ON labels (\"the kind\");";
    const Status status = session_->ExecuteScript(sql, {});
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  std::vector<std::string> Labels(const std::string& sql) {
    std::vector<std::string> labels;
    auto result = session_->Execute(sql);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    Row row;
    while (result.ok()) {
      const auto more = result->Next(&row);
      EXPECT_TRUE(more.ok()) << sql << ": " << more.status().ToString();
      if (!more.ok() || !*more) {
        break;
      }
      labels.emplace_back(row[0].text());
    }
    return labels;
  }

  static std::string RandomOperand(const std::string& column, Random& random) {
    if (column == "score") {
      static constexpr const char* kScores[] = {"0",    "0.5",  "1",   "'0.5'", "NULL",
                                                "1e30", "-0.2", "0.9", "x'00'", "1.5"};
      return kScores[random.Uniform(std::size(kScores))];
    }
    if (column == "lang" || column == "\"the kind\"") {
      static constexpr const char* kValues[] = {"'en'", "'de'", "'EN'", "'k'", "'kk'", "NULL", "5"};
      return kValues[random.Uniform(std::size(kValues))];
    }
    if (column == "year" || column == "price") {
      static constexpr const char* kNumbers[] = {"2003", "2005.0", "2004.5", "'2003'", "NULL",
                                                 "3.5",  "0",      "1e300",  "x'00'",  "2.5"};
      return kNumbers[random.Uniform(std::size(kNumbers))];
    }
    static constexpr const char* kTexts[] = {
        "'L10'", "'l11'", "'L2'",  "'red shoes'",  "'Blue Hat'", "'Blue Hat  '", "'RED Hat'",
        "5",     "NULL",  "x'41'", "'grün shoes'", "''",         "'m@1'",        "'GREEN %'"};
    return kTexts[random.Uniform(std::size(kTexts))];
  }

  static std::string RandomTest(Random& random) {
    static constexpr const char* kColumns[] = {"label", "text", "score", "release",
                                               "lang",  "year", "price", "\"the kind\""};
    const std::string column = kColumns[random.Uniform(8)];
    static constexpr const char* kCollations[] = {"", "", " COLLATE NOCASE", " COLLATE RTRIM",
                                                  " COLLATE BINARY"};
    const std::string collation = kCollations[random.Uniform(5)];
    static constexpr const char* kOps[] = {"=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"};
    static constexpr const char* kPatterns[] = {"'%hat%'",  "'R_d%'", "'%50!%%'", "'[Rr]ed*'",
                                                "'*shoes'", "NULL",   "5",        "'GRÜN%'"};
    switch (random.Uniform(6)) {
      case 0:
        return column + (random.Uniform(2) == 0 ? " LIKE " : " GLOB ") +
               kPatterns[random.Uniform(8)];
      case 1:
        return column + collation + (random.Uniform(2) == 0 ? " IN (" : " NOT IN (") +
               RandomOperand(column, random) + ", " + RandomOperand(column, random) + ")";
      case 2:
        return column + (random.Uniform(2) == 0 ? " IS NULL" : " IS NOT NULL");
      default:
        return column + collation + " " + kOps[random.Uniform(8)] + " " +
               RandomOperand(column, random);
    }
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

TEST_F(TopKFilterTest, NeverDropsARowThatSqliteKeeps) {
  constexpr std::uint64_t kSeed = 11;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  for (int i = 0; i < 600; ++i) {
    std::string predicate = RandomTest(random);
    if (random.Uniform(2) == 0) {
      predicate += " AND " + RandomTest(random);
    }
    // All labels are asked for, so every row that passes has to come back, in the same order.
    const std::string pushed = "SELECT label FROM topk('red hat', 100) WHERE " + predicate;
    const std::string naive =
        "WITH every AS MATERIALIZED (SELECT * FROM topk('red hat', 100)) "
        "SELECT label FROM every WHERE " +
        predicate + " ORDER BY rank";
    const std::vector<std::string> kept = Labels(naive);
    EXPECT_EQ(Labels(pushed), kept) << predicate;
    if (predicate.find("release") == std::string::npos) {  // A batch does not show it.
      EXPECT_EQ(
          Labels("SELECT label FROM topk_batch('VALUES (1, ''red hat'')', 100) WHERE " + predicate),
          kept)
          << predicate;
    }
  }
}

TEST_F(TopKFilterTest, GivesKRowsOfAnIndexedColumn) {
  for (const std::string condition :
       {"lang = 'de'", "lang IN ('de', 'fr')", "year >= 2008", "year BETWEEN 2001 AND 2002",
        "lang IS 'fr' AND year < 2004", "\"the kind\" = 'kkk'", "year IS NULL", "price = 2.5"}) {
    const std::string count = "SELECT id FROM labels WHERE " + condition;
    const std::size_t passing = Labels(count).size();
    ASSERT_GT(passing, 2U) << condition;
    EXPECT_EQ(Labels("SELECT label FROM topk('red hat', 3) WHERE " + condition).size(), 3U)
        << condition;
    EXPECT_EQ(Labels("SELECT label FROM topk('red hat', 100) WHERE " + condition).size(), passing)
        << condition;
  }
  // Changes of the transaction that asks count.
  ASSERT_TRUE(session_->Execute("BEGIN").ok());
  ASSERT_TRUE(session_->Execute("UPDATE labels SET lang = 'xx' WHERE id = 'L2'").ok());
  EXPECT_EQ(Labels("SELECT label FROM topk('red hat', 3) WHERE lang = 'xx'"),
            std::vector<std::string>{"L2"});
  ASSERT_TRUE(session_->Execute("ROLLBACK").ok());
}

TEST_F(TopKFilterTest, GivesKRowsWhenKRowsPass) {
  constexpr std::uint64_t kSeed = 12;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  static constexpr const char* kPredicates[] = {
      "text LIKE '%hat%'",
      "text GLOB 'red*'",
      "label > 'L30' AND label < 'l'",
      "label IN (SELECT id FROM labels WHERE text LIKE '%shoes')",
      "text COLLATE NOCASE >= 'green'",
      "score < 0.9 AND text <> 'red shoes'",
      "label GLOB '[^l]*' AND text IS NOT NULL",
      "label COLLATE NOCASE IN ('l1', 'l2', 'l3', 'l4', 'l5')",
  };
  for (const char* predicate : kPredicates) {
    const std::size_t k = 1 + random.Uniform(10);
    const std::string pushed =
        "SELECT label FROM topk('red hat', " + std::to_string(k) + ") WHERE " + predicate;
    const std::string naive =
        "WITH every AS MATERIALIZED (SELECT * FROM topk('red hat', 100)) "
        "SELECT label FROM every WHERE " +
        std::string(predicate) + " ORDER BY rank LIMIT " + std::to_string(k);
    const std::vector<std::string> kept = Labels(naive);
    EXPECT_EQ(Labels(pushed), kept) << predicate << " k = " << k;
    const std::string batch =
        "SELECT label FROM topk_batch('VALUES (1, ''blue shoes''), "
        "(2, ''red hat'')', " +
        std::to_string(k) + ") WHERE " + predicate + " AND id = 2";
    EXPECT_EQ(Labels(batch), kept) << predicate << " k = " << k;
  }
}

TEST_F(TopKFilterTest, ParametersAndSubqueriesCountAsValues) {
  const std::vector<Value> values = {Value::Text("red"), Value::Integer(4)};
  auto result = session_->Execute(
      "SELECT count(*), max(rank) FROM topk('red hat', $2) "
      "WHERE text >= $1 AND label >= (SELECT min(id) FROM labels)",
      values);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  Row row;
  ASSERT_TRUE(*result->Next(&row));
  EXPECT_EQ(row[0].integer(), 4);
  EXPECT_EQ(row[1].integer(), 4);
}

TEST_F(TopKFilterTest, JoinsSeeTheTopK) {
  const std::vector<std::string> top = Labels("SELECT label FROM topk('red hat', 7)");
  ASSERT_EQ(top.size(), 7U);
  for (const char* join : {
           "topk('red hat', 7) t JOIN labels l ON l.id = t.label",
           "labels l JOIN topk('red hat', 7) t ON t.label = l.id",
           "labels l JOIN topk('red hat', 7) t ON t.text = l.text AND t.label = l.id",
           "labels l, topk('red hat', 7) t WHERE l.id = t.label AND t.score < length(l.text) + 100",
           "labels l CROSS JOIN topk('red hat', 7) t ON t.label = l.id",
       }) {
    EXPECT_EQ(Labels(std::string("SELECT t.label FROM ") + join + " ORDER BY t.rank"), top) << join;
  }
}

TEST_F(TopKFilterTest, ASessionFindsItsOwnLabelsAtOnceHoweverMany) {
  constexpr int kMany = 200;
  const auto insert = [&](int round) {
    std::string sql = "INSERT INTO labels (id, text) VALUES ";
    for (int i = 0; i < kMany; ++i) {
      const std::string number = std::to_string(round * kMany + i);
      sql += (i == 0 ? "('N" : ", ('N") + number + "', 'red Hat " + number + "')";
    }
    ASSERT_TRUE(session_->Execute(sql).ok());
  };
  const auto count = [](Session& session) {
    auto result = session.Execute("SELECT count(*) FROM topk('red shoes', 5000)");
    Row row;
    EXPECT_TRUE(result.ok() && result->Next(&row).value());
    return row.empty() ? 0 : row[0].integer();
  };
  const auto other = std::move(*database_->NewSession());
  for (int round = 0; round < 6; ++round) {
    const bool in_block = round % 2 == 0;
    ASSERT_TRUE(!in_block || session_->Execute("BEGIN").ok());
    insert(round);
    const int wanted = kNumLabels + (round + 1) * kMany;
    EXPECT_EQ(count(*session_), wanted);
    ASSERT_TRUE(!in_block || session_->Execute("COMMIT").ok());
    EXPECT_EQ(count(*session_), wanted);
    // Another session sees all or fewer, and in a block all that was committed.
    EXPECT_LE(count(*other), wanted);
    ASSERT_TRUE(other->Execute("BEGIN").ok());
    EXPECT_EQ(count(*other), wanted);
    ASSERT_TRUE(other->Execute("COMMIT").ok());
  }
}

}  // namespace
}  // namespace dashi
