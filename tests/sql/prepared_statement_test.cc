// What a prepared statement knows of itself before it runs.

#include <string>
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
      text +=
          (text.empty() ? "" : ", ") + column.name + " " + std::string(ValueTypeName(column.type));
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
            "id TEXT, twice NULL, 1 NULL");
  EXPECT_EQ(ColumnsOf("WITH a AS (SELECT 1 AS n) SELECT n FROM a WHERE n = $1"), "n NULL");
  EXPECT_EQ(ColumnsOf("EXPLAIN SELECT 1"), "QUERY PLAN TEXT");
  EXPECT_EQ(ColumnsOf("INSERT INTO labels (id, text) VALUES ($1, $2)"), "");
  EXPECT_EQ(ColumnsOf("INSERT INTO labels (id, text) VALUES ($1, $2) RETURNING id, price"),
            "id TEXT, price REAL");
  EXPECT_EQ(ColumnsOf("UPDATE labels SET text = 'x' RETURNING text AS t"), "t TEXT");
  EXPECT_EQ(ColumnsOf("DELETE FROM labels WHERE id = $1 RETURNING price"), "price REAL");
  EXPECT_EQ(ColumnsOf("DELETE FROM labels"), "");
  EXPECT_EQ(ColumnsOf("BEGIN"), "");
  EXPECT_EQ(ColumnsOf("CREATE MODEL m USING ngame"), "");
  EXPECT_EQ(CountOf(*session_, "models"), 0);
  EXPECT_EQ(ColumnsOf("SELECT missing FROM labels"), "42703");
  EXPECT_EQ(ColumnsOf("DELETE FROM labels RETURNING missing"), "42703");
}

TEST_F(PreparedStatementTest, ColumnsAreThoseOfTheResult) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  for (const char* sql :
       {"SELECT * FROM labels", "SHOW MODELS", "SHOW JOBS", "SHOW TABLES", "EXPLAIN SELECT 1",
        "UPDATE labels SET text = text RETURNING *", "DELETE FROM labels RETURNING *"}) {
    auto prepared = session_->Prepare(sql);
    ASSERT_TRUE(prepared.ok()) << sql << ": " << prepared.status().ToString();
    auto result = prepared->Execute();
    ASSERT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    EXPECT_FALSE(prepared->columns().empty()) << sql;
    EXPECT_EQ(Describe(prepared->columns()), Describe(result->columns())) << sql;
  }
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
