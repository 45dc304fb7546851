// What a prepared statement knows of itself before it runs.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class PreparedStatementTest : public SessionFixture {
 protected:
  static std::string Describe(const std::vector<Column>& columns) {
    std::string text;
    for (const Column& column : columns) {
      text += (text.empty() ? "" : ", ") + column.name + " " +
              std::string(ValueTypeName(column.type)) + " " +
              std::string(SqlTypeName(column.sql_type));
    }
    return text;
  }
  std::string ColumnsOf(const std::string& sql) {
    const auto prepared = session_->Prepare(sql);
    return prepared.ok() ? Describe(prepared->columns())
                         : std::string(prepared.status().sqlstate());
  }
};

TEST_F(PreparedStatementTest, ColumnsAreKnownWithoutRunning) {
  Must("ALTER TABLE labels ADD COLUMN price REAL");
  EXPECT_EQ(ColumnsOf("SELECT id, price * 2 AS twice, 1 FROM labels"),
            "id TEXT text, twice REAL double precision, 1 INTEGER bigint");
  EXPECT_EQ(ColumnsOf("WITH a AS (SELECT 1 AS n) SELECT n FROM a WHERE n = $1"),
            "n INTEGER bigint");
  EXPECT_EQ(ColumnsOf("EXPLAIN SELECT 1"), "QUERY PLAN TEXT text");
  EXPECT_EQ(ColumnsOf("INSERT INTO labels (id, text) VALUES ($1, $2)"), "");
  EXPECT_EQ(ColumnsOf("INSERT INTO labels (id, text) VALUES ($1, $2) RETURNING id, price"),
            "id TEXT text, price REAL double precision");
  EXPECT_EQ(ColumnsOf("UPDATE labels SET text = 'x' RETURNING text AS t, now() AS n"),
            "t TEXT text, n TEXT timestamp with time zone");
  EXPECT_EQ(ColumnsOf("DELETE FROM labels WHERE id = $1 RETURNING price, price > 1 AS dear"),
            "price REAL double precision, dear INTEGER boolean");
  EXPECT_EQ(ColumnsOf("DELETE FROM labels"), "");
  EXPECT_EQ(ColumnsOf("BEGIN"), "");
  EXPECT_EQ(ColumnsOf("CREATE MODEL m USING ngame"), "");
  EXPECT_EQ(CountOf(*session_, "models"), 0);
  EXPECT_EQ(ColumnsOf("SELECT missing FROM labels"), "42703");
  EXPECT_EQ(ColumnsOf("DELETE FROM labels RETURNING missing"), "42703");
}

TEST_F(PreparedStatementTest, ColumnsHaveTheTypesThatTheStatementTells) {
  Must("ALTER TABLE labels ADD COLUMN active BOOLEAN");
  Must("ALTER TABLE labels ADD COLUMN seen TIMESTAMP");
  const auto types = [&](const std::string& sql) {
    std::string text;
    const auto prepared = session_->Prepare(sql);
    EXPECT_TRUE(prepared.ok()) << sql << ": " << prepared.status().ToString();
    for (const Column& column : prepared->columns()) {
      text += (text.empty() ? "" : ", ") + std::string(SqlTypeName(column.sql_type));
    }
    return text;
  };
  EXPECT_EQ(types("SELECT * FROM labels"),
            "text, text, timestamp with time zone, boolean, timestamp with time zone");
  EXPECT_EQ(types("SELECT *, 1 FROM labels"),
            "text, text, timestamp with time zone, boolean, timestamp with time zone, unknown");
  EXPECT_EQ(types("SELECT active AND TRUE, NOT active, active IS NULL, id LIKE 'a' FROM labels"),
            "boolean, boolean, boolean, boolean");
  EXPECT_EQ(types("SELECT count(*), 1 + 1, 1.5, sum(1.5), 'a' || 'b', x'00', NULL FROM labels"),
            "bigint, bigint, double precision, double precision, text, bytea, unknown");
  EXPECT_EQ(types("SELECT now(), date '2026-01-01', interval '1 day', '1'::int, 1::text"),
            "timestamp with time zone, date, interval, bigint, text");
  EXPECT_EQ(types("SELECT 1 UNION SELECT 2.5"), "double precision");
  EXPECT_EQ(types("SELECT 1, 'a' UNION ALL SELECT 'b', 'c'"), "unknown, text");
  EXPECT_EQ(types("SELECT (SELECT 1), (SELECT 'a' UNION SELECT 'b')"), "unknown, unknown");
  EXPECT_EQ(types("SELECT rank, label, score FROM topk('a', 3)"), "bigint, text, double precision");
  EXPECT_EQ(types("SELECT * FROM jobs LIMIT 0").find("unknown"), std::string::npos);
}

TEST_F(PreparedStatementTest, ParametersHaveTheTypesThatTheStatementTells) {
  Must("ALTER TABLE labels ADD COLUMN price REAL");
  Must("ALTER TABLE labels ADD COLUMN stock INTEGER");
  Must("ALTER TABLE labels ADD COLUMN active BOOLEAN");
  Must("ALTER TABLE labels ADD COLUMN seen TIMESTAMP");
  const auto types = [&](const std::string& sql) {
    std::string text;
    const auto prepared = session_->Prepare(sql);
    EXPECT_TRUE(prepared.ok()) << sql << ": " << prepared.status().ToString();
    EXPECT_EQ(prepared->parameter_types().size(), prepared->num_parameters());
    for (const SqlType type : prepared->parameter_types()) {
      text += (text.empty() ? "" : ", ") + std::string(SqlTypeName(type));
    }
    return text;
  };
  EXPECT_EQ(types("SELECT 1"), "");
  EXPECT_EQ(types("SELECT $1, $3"), "unknown, unknown, unknown");
  EXPECT_EQ(types("SELECT id FROM labels WHERE id = $1 AND price > $2 AND $3 <= stock AND active = "
                  "$4 AND seen > ($5)"),
            "text, double precision, bigint, boolean, timestamp with time zone");
  EXPECT_EQ(
      types("SELECT id FROM labels WHERE stock IN ($2, 5, $1) AND price BETWEEN $3 AND $4 AND "
            "text LIKE $5 AND stock = ANY (ARRAY[$6])"),
      "bigint, bigint, double precision, double precision, text, bigint");
  EXPECT_EQ(types("SELECT $1::int, CAST($2 AS date), $3 + 1, $4 || 'a', NOT $5, $6 AND TRUE"),
            "bigint, date, bigint, text, boolean, boolean");
  EXPECT_EQ(types("SELECT id FROM labels WHERE id = ANY ($1) AND stock <> ALL ($2) AND price = ANY "
                  "($3) AND stock = ANY ($4::int[])"),
            "text[], bigint[], double precision[], bigint[]");
  EXPECT_EQ(types("SELECT id FROM labels LIMIT $1 OFFSET $2"), "bigint, bigint");
  EXPECT_EQ(types("SELECT id FROM labels FETCH FIRST $1 ROWS ONLY"), "bigint");
  EXPECT_EQ(types("SELECT label FROM topk($1, $2, $3)"), "text, bigint, text");
  EXPECT_EQ(types("SELECT left(id, $1) FROM labels, generate_series(1, $2) g"), "bigint, bigint");
  EXPECT_EQ(types("INSERT INTO labels VALUES ($1, $2, $3, $4, $5, $6, $7)"),
            "text, text, timestamp with time zone, double precision, bigint, boolean, timestamp "
            "with time zone");
  EXPECT_EQ(types("INSERT INTO labels (stock, id, text) VALUES ($3, $1, $2), ($3 + 1, lower($4), "
                  "'a')"),
            "text, text, bigint, unknown");
  EXPECT_EQ(types("UPDATE labels SET price = $1, active = $2 WHERE id = $3 RETURNING stock + $4"),
            "double precision, boolean, text, bigint");
  EXPECT_EQ(types("DELETE FROM labels WHERE stock < $1"), "bigint");
  EXPECT_EQ(types("EXPLAIN SELECT id FROM labels WHERE price = $1"), "double precision");
  EXPECT_EQ(types("SELECT id FROM labels WHERE price = $1 OR stock = $1"), "double precision");
}

TEST_F(PreparedStatementTest, ColumnsAreThoseOfTheResult) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  for (const char* sql :
       {"SELECT * FROM labels", "SHOW MODELS", "SHOW JOBS", "SHOW TABLES", "EXPLAIN SELECT 1",
        "CHECK DATABASE", "SHOW ann.ef", "DESCRIBE labels",
        "UPDATE labels SET text = text RETURNING *", "DELETE FROM labels RETURNING *"}) {
    auto prepared = session_->Prepare(sql);
    ASSERT_TRUE(prepared.ok()) << sql << ": " << prepared.status().ToString();
    auto result = prepared->Execute();
    ASSERT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    EXPECT_FALSE(prepared->columns().empty()) << sql;
    EXPECT_EQ(Describe(prepared->columns()), Describe(result->columns())) << sql;
  }
}

TEST_F(PreparedStatementTest, ColumnsOfOwnStatementsAreThoseOfTheResult) {
  constexpr int kLabels = 12;
  constexpr int kDocuments = 48;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<testing::TinyDocument> documents;
  for (int i = 0; i < kLabels; ++i) {
    labels.emplace_back("l" + std::to_string(i), "thing" + std::to_string(i));
  }
  for (int i = 0; i < kDocuments; ++i) {
    const std::string label = std::to_string(i % kLabels);
    documents.push_back({"d" + std::to_string(i), "a thing" + label, "train", {"l" + label}});
  }
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, labels, documents);
    testing::AddRelease(*store, "m", {.seed = 1});
    testing::AddRelease(*store, "m", {.seed = 2});
  }
  Open({});
  const std::string folder = directory_.path();
  for (const std::string& sql :
       {std::string("PUBLISH m@1"), std::string("PUBLISH m@2"), std::string("REVERT MODEL m"),
        std::string("REFRESH MODEL m"), std::string("SHOW MODEL m"),
        std::string("EVALUATE MODEL m@1 ON 'train'"),
        std::string("COMPARE m@1 WITH m@2 ON 'train'"),
        std::string("COMPARE m@1 WITH m@2 ON 'train' WITH (rows = 'documents')"),
        "EXPORT MODEL m@1 TO '" + folder + "/exported'",
        "IMPORT MODEL n FROM '" + folder + "/exported'", "BACKUP TO '" + folder + "/backups'",
        "SHOW BACKUPS FROM '" + folder + "/backups'"}) {
    auto prepared = session_->Prepare(sql);
    ASSERT_TRUE(prepared.ok()) << sql << ": " << prepared.status().ToString();
    auto result = prepared->Execute();
    ASSERT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    EXPECT_FALSE(prepared->columns().empty()) << sql;
    EXPECT_EQ(Describe(prepared->columns()), Describe(result->columns())) << sql;
    Row row;
    while (*result->Next(&row)) {
      ASSERT_EQ(row.size(), prepared->columns().size()) << sql;
    }
  }
}

TEST_F(PreparedStatementTest, ATrainingTellsItsColumnsBefore) {
  EXPECT_EQ(ColumnsOf("EXPLAIN TRAIN MODEL m"), "QUERY PLAN TEXT text");
  EXPECT_EQ(ColumnsOf("TRAIN MODEL m"), "release TEXT text");
  EXPECT_EQ(ColumnsOf("TRAIN MODEL m WITH (wait = off)"), "job INTEGER bigint");
  EXPECT_EQ(ColumnsOf("WAIT JOB 2"), "result TEXT text");
  EXPECT_EQ(ColumnsOf("RESUME JOB 2"), "release TEXT text");
  EXPECT_EQ(ColumnsOf("RESUME JOB 2 WITH (wait = off)"), "");
}

TEST_F(PreparedStatementTest, AnAlteredTableShowsInTheResult) {
  auto prepared = session_->Prepare("SELECT * FROM labels");
  ASSERT_TRUE(prepared.ok());
  const std::size_t before = prepared->columns().size();
  Must("ALTER TABLE labels ADD COLUMN price REAL");
  auto result = prepared->Execute();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->columns().size(), before + 1);
  EXPECT_EQ(prepared->columns().size(), before);
}

TEST_F(PreparedStatementTest, ColumnsAreFoundByName) {
  auto rows = session_->Execute("SELECT 1 AS a, 2 AS \"B\", 3 AS b, 4 AS \"Ä\"");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(FindColumn(rows->columns(), "a"), 0U);
  EXPECT_EQ(FindColumn(rows->columns(), "A"), 0U);
  EXPECT_EQ(FindColumn(rows->columns(), "b"), 2U);
  EXPECT_EQ(FindColumn(rows->columns(), "B"), 1U);
  EXPECT_EQ(FindColumn(rows->columns(), "Ä"), 3U);
  EXPECT_EQ(FindColumn(rows->columns(), "ä"), std::nullopt);
  EXPECT_EQ(FindColumn(rows->columns(), ""), std::nullopt);
}

TEST_F(PreparedStatementTest, ARowThatIsGivenAgainHoldsTheNextRow) {
  auto rows = session_->Execute(
      "SELECT 'a long text that needs memory of its own' AS v UNION ALL SELECT 5 UNION ALL "
      "SELECT NULL UNION ALL SELECT 'b' UNION ALL SELECT x'00ff' UNION ALL SELECT ''");
  ASSERT_TRUE(rows.ok());
  Row row = {Value::Integer(1), Value::Text("of another result")};
  const std::vector<Value> want = {Value::Text("a long text that needs memory of its own"),
                                   Value::Integer(5),
                                   Value::Null(),
                                   Value::Text("b"),
                                   Value::Bytes(std::string("\0\xff", 2)),
                                   Value::Text("")};
  for (const Value& value : want) {
    ASSERT_TRUE(*rows->Next(&row));
    ASSERT_EQ(row.size(), 1U);
    EXPECT_EQ(row[0], value);
  }
  EXPECT_FALSE(*rows->Next(&row));
}

}  // namespace
}  // namespace dashi
