#include "server/select_types.h"

#include <string>

#include <gtest/gtest.h>

namespace dashi {
namespace {

// The types as letters: integer, real, text, blob; "-" for none.
std::string Types(std::string_view statement, std::size_t num_columns) {
  const std::vector<Column> columns =
      WithSelectTypes(std::vector<Column>(num_columns, {"x", ValueType::kNull}), statement);
  std::string types;
  for (const Column& column : columns) {
    types += "-irtb"[static_cast<std::size_t>(column.type)];
  }
  return types;
}

TEST(SelectTypesTest, NumbersTellTheirType) {
  EXPECT_EQ(Types("SELECT 1, -2, 1.5, 1e3, +7", 5), "iirri");
  EXPECT_EQ(Types("SELECT 1 AS a, 1.5 b, -3 \"c\"", 3), "iri");
  EXPECT_EQ(Types("SELECT 9223372036854775808, 'x', NULL, $1, 1 + 1", 5), "-----");
}

TEST(SelectTypesTest, CastsTellTheirType) {
  EXPECT_EQ(Types("SELECT x::int, $1::bigint, (a + b)::float8, f(x)::text, t.x::numeric(3, 1)", 5),
            "iirtr");
  EXPECT_EQ(
      Types("SELECT CAST(x AS INTEGER), CAST(f(x) AS double precision) AS d, CAST(x AS BLOB)", 3),
      "irb");
  EXPECT_EQ(Types("SELECT x::text::int, x::date, x::boolean", 3), "-ti");
  EXPECT_EQ(Types("SELECT 1 + x::int, x::int || 'a', -x::int, CAST(x AS INT) + 0.5", 4), "----");
  EXPECT_EQ(Types("SELECT CAST(CAST(x AS TEXT) AS INT)", 1), "i");
}

TEST(SelectTypesTest, SomeFunctionsTellTheirType) {
  EXPECT_EQ(Types("SELECT count(*), Count(DISTINCT x) AS n, avg(y), length(z) l FROM t", 4),
            "iiri");
  EXPECT_EQ(Types("SELECT count(*) FILTER (WHERE x > 1), row_number() OVER (ORDER BY id), "
                  "count(*) OVER w, EXISTS (SELECT 1 FROM u) FROM t WINDOW w AS ()",
                  4),
            "iiii");
  EXPECT_EQ(Types("SELECT sum(x), max(x), count(*) + 0.5, count(*) || 'x', (count(*)) FROM t", 5),
            "-----");
}

TEST(SelectTypesTest, ItemsAreToldApart) {
  EXPECT_EQ(Types("SELECT f(1, 2), count(*) FROM t WHERE a IN (SELECT 1, 2)", 2), "-i");
  EXPECT_EQ(Types("WITH c AS (SELECT 'x', 'y') SELECT DISTINCT 1, x FROM c", 2), "i-");
  EXPECT_EQ(Types("SELECT (SELECT 1 FROM t), 2", 2), "-i");
  EXPECT_EQ(Types("SELECT 1 UNION SELECT 'x'", 1), "-");
  EXPECT_EQ(Types("SELECT 1 LIMIT 1", 1), "i");
  EXPECT_EQ(Types("SELECT 1;", 1), "i");
  EXPECT_EQ(Types("VALUES (1)", 1), "-");
}

TEST(SelectTypesTest, AStarStandsForTheRest) {
  EXPECT_EQ(Types("SELECT count(*) OVER (), t.*, 1.5 FROM t", 5), "i---r");
  EXPECT_EQ(Types("SELECT * FROM t", 3), "---");
  EXPECT_EQ(Types("SELECT 1, *, 2, u.*, 3 FROM t, u", 7), "i------");
  EXPECT_EQ(Types("SELECT 1, 2, *, 3", 2), "--") << "less than there are items";
}

TEST(SelectTypesTest, WhatIsNotUnderstoodHasNone) {
  EXPECT_EQ(Types("SELECT 1, 2", 3), "---");
  EXPECT_EQ(Types("SELECT 'open", 1), "-");
  EXPECT_EQ(Types("SELECT", 1), "-");
  EXPECT_EQ(Types("SELECT ,,", 1), "-");
  EXPECT_EQ(Types("SELECT )(", 1), "-");
  EXPECT_EQ(Types("SELECT 1 /*" + std::string(100'000, ' ') + "*/", 1), "-");
}

TEST(SelectTypesTest, DeclaredTypesStay) {
  const std::vector<Column> columns = WithSelectTypes(
      {{"a", ValueType::kText}, {"b", ValueType::kNull}}, "SELECT count(*), count(*)");
  EXPECT_EQ(columns[0].type, ValueType::kText);
  EXPECT_EQ(columns[1].type, ValueType::kInteger);
}

}  // namespace
}  // namespace dashi
