// What SQLite gets of PostgreSQL's spellings, and where its bytes come from.

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "sql/parser.h"
#include "sql/write_text.h"

namespace dashi::sql {
namespace {

SqliteText TextOf(const ParsedStatement& statement, const char* prefix) {
  return MainText(statement, std::get<SqliteStatement>(statement.node).replaced, prefix);
}

std::string Rewritten(const std::string& sql) {
  const auto parsed = ParseOne(sql);
  EXPECT_TRUE(parsed.ok()) << sql << ": " << parsed.status().ToString();
  return parsed.ok() ? TextOf(*parsed, "").text() : std::string();
}

bool IsRewritten(const std::string& sql) {
  const auto parsed = ParseOne(sql);
  EXPECT_TRUE(parsed.ok()) << sql << ": " << parsed.status().ToString();
  return parsed.ok() && !std::get<SqliteStatement>(parsed->node).replaced.empty();
}

TEST(PostgresRewriterTest, LeavesAloneWhatNeedsNothing) {
  for (const char* sql :
       {"SELECT * FROM labels", "SELECT id, text AS t FROM labels WHERE id = $1 AND text LIKE 'a%'",
        "SELECT label, score FROM topk('a hat', 10) WHERE label IN (SELECT id FROM labels)",
        "SELECT count(*), max(id) FROM labels l LEFT JOIN relevance r ON r.label = l.id GROUP BY 1 "
        "HAVING count(*) > 2 ORDER BY 2 DESC NULLS LAST LIMIT 10 OFFSET 5",
        "SELECT 1 + 2 * 3 - -4 / 2, 'a' || 'b' || x'00', NOT 1 = 2 AND 3 BETWEEN 1 AND 2 FROM "
        "labels",
        "SELECT CASE id WHEN 'a' THEN 1 ELSE 2 END FROM labels",
        "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 9) SELECT x "
        "FROM n",
        "SELECT row_number() OVER (PARTITION BY split ORDER BY id ROWS BETWEEN 1 PRECEDING AND "
        "CURRENT ROW) FROM documents",
        "INSERT INTO labels (id, text) VALUES ('a', 'b'), ('c', 'd') ON CONFLICT (id) DO NOTHING",
        "UPDATE labels SET text = 'x' WHERE id IS NOT NULL AND text GLOB 'a*' RETURNING *",
        "DELETE FROM labels WHERE id IN ('a', 'b')", "SELECT x -> 'a' ->> 'b' FROM labels",
        "REPLACE INTO anchors VALUES ('a', 'b')"}) {
    EXPECT_FALSE(IsRewritten(sql)) << Rewritten(sql);
  }
}

TEST(PostgresRewriterTest, KeepsWhatStandsAroundARewrittenPart) {
  EXPECT_EQ(Rewritten("SELECT /* a */ '5'::int AS n -- b\nFROM labels"),
            "SELECT /* a */  5 AS n -- b\nFROM labels");
  EXPECT_EQ(Rewritten("SELECT left(text, 2) FROM labels"),
            "SELECT \"left\"(text, 2) AS \"left(text, 2)\" FROM labels");
  EXPECT_EQ(Rewritten("SELECT id FROM labels OFFSET 2 ROWS FETCH NEXT 3 ROWS ONLY"),
            "SELECT id FROM labels  LIMIT 3 OFFSET 2 ");
  EXPECT_EQ(Rewritten("SELECT * FROM documents d, LATERAL topk(d.text, 5) t"),
            "SELECT * FROM documents d,  topk(d.text, 5) t");
  EXPECT_EQ(Rewritten("SELECT id FROM labels WHERE a = b LIKE 'x'"),
            "SELECT id FROM labels WHERE a = (b LIKE 'x')");
}

TEST(PostgresRewriterTest, KnowsWhereTheBytesOfASourceComeFrom) {
  const std::string sql = "SELECT id FROM labels WHERE a::text ILIKE b::text";
  const auto parsed = ParseOne(sql);
  ASSERT_TRUE(parsed.ok());
  const SqliteText text = TextOf(*parsed, "EXPLAIN ");
  for (const char* name : {"a", "b"}) {
    const std::size_t at = text.text().find(std::string("dashi_cast(") + name);
    ASSERT_NE(at, std::string::npos) << text.text();
    EXPECT_EQ(text.SourceOffset(at + std::string("dashi_cast(").size()),
              sql.find(std::string(name) + "::"));
  }
}

TEST(PostgresRewriterTest, RefusesWhatIsNestedTooDeeply) {
  std::string casts = "SELECT a";
  for (int i = 0; i < 1000; ++i) {
    casts += "::int::text";
  }
  EXPECT_EQ(ParseOne(casts).status().sqlstate(), "54001");
  const std::string open(100000, '(');
  EXPECT_EQ(ParseOne("SELECT " + open).status().sqlstate(), "54001");
  std::string minus = "SELECT ";
  for (int i = 0; i < 100000; ++i) {
    minus += "- ";
  }
  EXPECT_EQ(ParseOne(minus + "1").status().sqlstate(), "54001");
}

TEST(PostgresRewriterTest, ReadsLongChainsThatNeedNothing) {
  std::string sum = "SELECT 1";
  std::string rows = "INSERT INTO labels (id, text) VALUES ('a', 'b')";
  for (int i = 0; i < 100000; ++i) {
    sum += " + 1";
    rows += ", ('a', 'b')";
  }
  EXPECT_FALSE(IsRewritten(sum));
  EXPECT_FALSE(IsRewritten(rows));
}

}  // namespace
}  // namespace dashi::sql
