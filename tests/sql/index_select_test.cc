// SELECT over indexed columns against SELECT over columns of the same values without an index.

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

struct ColumnPair {
  const char* type;
  const char* indexed;
  const char* plain;
};

constexpr ColumnPair kColumns[] = {{"INTEGER", "i", "pi"},
                                   {"REAL", "r", "pr"},
                                   {"TEXT", "t", "pt"},
                                   {"BOOLEAN", "b", "pb"},
                                   {"TIMESTAMP", "s", "ps"}};

class IndexSelectTest : public ::testing::Test {
 protected:
  static constexpr int kNumRows = 400;

  void SetUp() override {
    database_ = std::move(*Database::Open(directory_.path() + "/test.db"));
    session_ = std::move(*database_->NewSession());
    for (const ColumnPair& pair : kColumns) {
      for (const char* name : {pair.indexed, pair.plain}) {
        Must("ALTER TABLE documents ADD COLUMN " + std::string(name) + " " + pair.type);
      }
    }
    for (int i = 0; i < kNumRows; ++i) {
      Insert(random_, i);
    }
    for (const ColumnPair& pair : kColumns) {
      Must("CREATE INDEX " + std::string(pair.indexed) + "_idx ON documents (" + pair.indexed +
           ")");
    }
  }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }

  void Must(const std::string& sql) {
    const auto result = session_->Execute(sql);
    ASSERT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
  }

  static std::string RandomStored(const std::string& type, Random& random) {
    if (random.Uniform(6) == 0) {
      return "NULL";
    }
    const std::string number = std::to_string(static_cast<int>(random.Uniform(40)) - 20);
    if (type == "INTEGER") {
      return random.Uniform(20) == 0 ? "9007199254740993" : number;
    }
    if (type == "REAL") {
      return random.Uniform(20) == 0 ? "9007199254740992.0"
                                     : number + (random.Uniform(2) == 0 ? ".5" : ".0");
    }
    if (type == "BOOLEAN") {
      return random.Uniform(2) == 0 ? "TRUE" : "FALSE";
    }
    if (type == "TIMESTAMP") {
      return "'2026-11-" + std::to_string(10 + random.Uniform(15)) +
             (random.Uniform(2) == 0 ? "'" : "T05:06:07.5Z'");
    }
    static constexpr const char* kTexts[] = {"'a'",  "'A'",   "'ab'", "''", "'5'",
                                             "'05'", "'5.0'", "'zz'", "'é'"};
    return random.Uniform(30) == 0 ? "'" + std::string(300, 'x') + number + "'"
                                   : kTexts[random.Uniform(std::size(kTexts))];
  }

  void Insert(Random& random, int id) {
    std::string columns = "id, text";
    std::string values = "'d" + std::to_string(id) + "', 'x'";
    for (const ColumnPair& pair : kColumns) {
      const std::string value = RandomStored(pair.type, random);
      columns += ", " + std::string(pair.indexed) + ", " + pair.plain;
      values += ", " + value + ", " + value;
    }
    Must("INSERT OR REPLACE INTO documents (" + columns + ") VALUES (" + values + ")");
  }

  static std::string RandomOperand(const ColumnPair& pair, Random& random) {
    static constexpr const char* kOthers[] = {"5",
                                              "5.0",
                                              "-3.5",
                                              "'5'",
                                              "'abc'",
                                              "NULL",
                                              "x'41'",
                                              "1e300",
                                              "-1e300",
                                              "'5.0'",
                                              "9007199254740993",
                                              "'2026-11-15'",
                                              "'2026-11-15 05:06:07.500000+00'",
                                              "TRUE"};
    if (random.Uniform(3) != 0) {
      return RandomStored(pair.type, random);
    }
    const std::string other = kOthers[random.Uniform(std::size(kOthers))];
    // A string that stands beside a column of another type would be taken to that type.
    const bool text = std::string_view(pair.type) == "TEXT";
    return other.starts_with('\'') && !text ? "substr(" + other + ", 1)" : other;
  }

  // A condition with @ in place of the column.
  static std::string RandomCondition(const ColumnPair& pair, Random& random) {
    static constexpr const char* kOps[] = {"=", "<", "<=", ">", ">=", "IS", "<>", "IS NOT"};
    const auto operand = [&] { return RandomOperand(pair, random); };
    const std::string collate = random.Uniform(8) == 0 ? " COLLATE NOCASE" : "";
    switch (random.Uniform(7)) {
      case 0:
        return random.Uniform(2) == 0 ? "@ IS NULL" : "@ IS NOT NULL";
      case 1:
        return "@" + collate + " IN (" + operand() + ", " + operand() + ", " + operand() + ")";
      case 2:
        return "@ BETWEEN " + operand() + " AND " + operand();
      case 3:
        return "@ > " + operand() + " AND @ <= " + operand();
      case 4:
        return "(@ = " + operand() + " OR @ < " + operand() + ")";
      default:
        return "@" + collate + " " + kOps[random.Uniform(std::size(kOps))] + " " + operand();
    }
  }

  static std::string With(std::string condition, const std::string& column) {
    for (std::size_t at = condition.find('@'); at != std::string::npos; at = condition.find('@')) {
      condition.replace(at, 1, column);
    }
    return condition;
  }

  std::vector<std::string> Rows(const std::string& sql, std::vector<Value> values = {}) {
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
      rows.push_back(text);
    }
    return rows;
  }

  // Compares some random queries; returns how many of them used an index.
  int Compare(int count) {
    int num_indexed = 0;
    for (int i = 0; i < count; ++i) {
      const ColumnPair& pair = kColumns[random_.Uniform(std::size(kColumns))];
      std::string condition = RandomCondition(pair, random_);
      if (random_.Uniform(3) == 0) {
        condition += " AND " + RandomCondition(pair, random_);
      }
      const bool ordered = random_.Uniform(3) == 0;
      std::string direction = random_.Uniform(2) == 0 ? " DESC" : "";
      const auto query = [&](const std::string& column) {
        const std::string select =
            "SELECT id, " + column + " FROM documents WHERE " + With(condition, column);
        // Rows of equal value come in any order: the value alone is compared.
        return ordered ? "SELECT " + column + " FROM documents WHERE " + With(condition, column) +
                             " ORDER BY " + column + direction + (i % 2 == 0 ? " LIMIT 5" : "")
                       : "SELECT * FROM (" + select + ") ORDER BY id";
      };
      EXPECT_EQ(Rows(query(pair.indexed)), Rows(query(pair.plain))) << query(pair.indexed);
      for (const std::string& line : Rows("EXPLAIN " + query(pair.indexed))) {
        num_indexed += line.find("_idx: ") != std::string::npos ? 1 : 0;
      }
      for (const std::string& line : Rows("EXPLAIN " + query(pair.plain))) {
        EXPECT_EQ(line.find("_idx: "), std::string::npos);
      }
    }
    return num_indexed;
  }

  Random random_{31};
  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

TEST_F(IndexSelectTest, FindsWhatAScanFinds) { EXPECT_GT(Compare(600), 150); }

TEST_F(IndexSelectTest, SeesTheChangesOfItsTransaction) {
  Must("BEGIN");
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 20; ++i) {
      Insert(random_, static_cast<int>(random_.Uniform(kNumRows + 60)));
    }
    Must("DELETE FROM documents WHERE i = " + std::to_string(round));
    // Walks the index that it changes.
    Must("UPDATE documents SET i = i + 1, pi = pi + 1 WHERE i BETWEEN 15 AND 18");
    EXPECT_GT(Compare(30), 0);
  }
  Must("COMMIT");
  EXPECT_GT(Compare(60), 10);
}

TEST_F(IndexSelectTest, ParametersAreLookedUpWhenTheStatementRuns) {
  auto indexed = session_->Prepare("SELECT count(*) FROM documents WHERE i = $1");
  auto plain = session_->Prepare("SELECT count(*) FROM documents WHERE pi = $1");
  ASSERT_TRUE(indexed.ok() && plain.ok());
  const auto count = [](PreparedStatement& statement, const Value& value) {
    auto result = statement.Execute(std::span(&value, 1));
    EXPECT_TRUE(result.ok());
    Row row;
    EXPECT_TRUE(*result->Next(&row));
    return row[0].integer();
  };
  for (const Value& value : {Value::Integer(3), Value::Integer(-20), Value::Integer(100),
                             Value::Real(3.0), Value::Real(3.5), Value::Text("3"),
                             Value::Text("three"), Value::Null(), Value::Real(1e300)}) {
    EXPECT_EQ(count(*indexed, value), count(*plain, value)) << value.ToString();
  }
}

TEST_F(IndexSelectTest, PlansTellTheIndexAndItsUse) {
  const auto plan = [this](const std::string& sql) { return Rows("EXPLAIN " + sql).at(0); };
  EXPECT_NE(plan("SELECT id FROM documents WHERE i = 3").find("i_idx: i = ?"), std::string::npos);
  EXPECT_NE(plan("SELECT id FROM documents WHERE r > 19 AND r < 19.6").find("r > ? AND r < ?"),
            std::string::npos);
  EXPECT_NE(plan("SELECT id FROM documents WHERE s IS NULL").find("s_idx: s IS NULL"),
            std::string::npos);
  // Half of the rows: a scan is cheaper, and an id is cheaper still.
  EXPECT_EQ(plan("SELECT id FROM documents WHERE b = TRUE").find("_idx"), std::string::npos);
  EXPECT_NE(plan("SELECT id FROM documents WHERE id = 'd1' AND i = 3").find("id = ?"),
            std::string::npos);
  // Ordered by the index: no sorting, and no more rows than are asked for.
  EXPECT_EQ(Rows("EXPLAIN SELECT id FROM documents ORDER BY r DESC LIMIT 3").size(), 1U);
  EXPECT_NE(plan("SELECT id FROM documents ORDER BY r DESC LIMIT 3").find("in order of r"),
            std::string::npos);
  Must("DROP INDEX i_idx");
  EXPECT_EQ(plan("SELECT id FROM documents WHERE i = 3").find("_idx"), std::string::npos);
}

}  // namespace
}  // namespace dashi
