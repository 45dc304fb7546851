#include "server/client_statement.h"

#include <string>

#include <gtest/gtest.h>

#include "server/statement_kind.h"

namespace dashi {
namespace {

template <typename Kind>
Kind Parsed(std::string_view statement) {
  const Result<std::optional<ClientStatement>> parsed = ParseClientStatement(statement);
  EXPECT_TRUE(parsed.ok()) << statement << ": " << parsed.status().ToString();
  EXPECT_TRUE(parsed.ok() && *parsed && std::holds_alternative<Kind>(**parsed)) << statement;
  return std::get<Kind>(**parsed);
}

std::string Refusal(std::string_view statement) {
  return std::string(ParseClientStatement(statement).status().sqlstate());
}

TEST(ClientStatementTest, ReadsDeclare) {
  auto declare = Parsed<DeclareCursor>("DECLARE \"Named\" CURSOR FOR SELECT * FROM t");
  EXPECT_EQ(declare.name, "Named");
  EXPECT_FALSE(declare.held);
  EXPECT_EQ(declare.query.text, "SELECT * FROM t");
  EXPECT_EQ(declare.query.offset, 27U);
  declare = Parsed<DeclareCursor>("declare C no scroll cursor with hold for values (1)");
  EXPECT_EQ(declare.name, "c");
  EXPECT_TRUE(declare.held);
  EXPECT_FALSE(
      Parsed<DeclareCursor>("DECLARE c INSENSITIVE CURSOR WITHOUT HOLD FOR SELECT 1").held);
  EXPECT_EQ(Parsed<DeclareCursor>("DECLARE c CURSOR FOR SELECT 1 FOR READ ONLY").query.text,
            "SELECT 1 ");
  EXPECT_EQ(Parsed<DeclareCursor>("DECLARE c CURSOR FOR SELECT 'FOR READ ONLY'").query.text,
            "SELECT 'FOR READ ONLY'");
  EXPECT_EQ(Refusal("DECLARE c SCROLL CURSOR FOR SELECT 1"), "0A000");
  EXPECT_EQ(Refusal("DECLARE c BINARY CURSOR FOR SELECT 1"), "0A000");
  EXPECT_EQ(Refusal("DECLARE c CURSOR FOR DELETE FROM labels"), "42601");
  EXPECT_EQ(Refusal("DECLARE c"), "42601");
}

TEST(ClientStatementTest, ReadsFetch) {
  const auto fetch = [](std::string_view statement) {
    const auto parsed = Parsed<FetchCursor>(statement);
    EXPECT_EQ(parsed.name, "c") << statement;
    return parsed.num_rows;
  };
  EXPECT_EQ(fetch("FETCH c"), 1U);
  EXPECT_EQ(fetch("FETCH FROM c"), 1U);
  EXPECT_EQ(fetch("FETCH NEXT IN c"), 1U);
  EXPECT_EQ(fetch("FETCH FORWARD FROM c"), 1U);
  EXPECT_EQ(fetch("FETCH 7 FROM c"), 7U);
  EXPECT_EQ(fetch("fetch forward 7 from \"c\""), 7U);
  EXPECT_EQ(fetch("FETCH ALL c"), FetchCursor::kAll);
  EXPECT_EQ(fetch("FETCH FORWARD ALL FROM c"), FetchCursor::kAll);
  EXPECT_TRUE(Parsed<FetchCursor>("MOVE 3 FROM c").moves);
  EXPECT_EQ(Parsed<FetchCursor>("FETCH next").name, "next");
  for (const char* backwards :
       {"FETCH PRIOR FROM c", "FETCH -1 FROM c", "FETCH BACKWARD 2 FROM c", "FETCH FIRST FROM c",
        "FETCH ABSOLUTE 1 FROM c", "MOVE LAST FROM c"}) {
    EXPECT_EQ(Refusal(backwards), "55000") << backwards;
  }
  EXPECT_EQ(Refusal("FETCH"), "42601");
  EXPECT_EQ(Refusal("FETCH 99999999999999999999 FROM c"), "42601");
}

TEST(ClientStatementTest, ReadsPreparedStatements) {
  const auto prepare = Parsed<PrepareStatement>("PREPARE p (int, text) AS SELECT $1, $2");
  EXPECT_EQ(prepare.name, "p");
  ASSERT_EQ(prepare.parameter_types.size(), 2U);
  EXPECT_EQ(prepare.parameter_types[0].kind, sql::postgres::CastKind::kInt4);
  EXPECT_EQ(prepare.statement.text, "SELECT $1, $2");
  EXPECT_EQ(Refusal("PREPARE p (nonsense) AS SELECT 1"), "42704");
  EXPECT_EQ(Refusal("PREPARE p AS"), "42601");
  EXPECT_EQ(Parsed<ExecutePrepared>("EXECUTE p (1, ')')").values.text, "1, ')'");
  EXPECT_EQ(Parsed<ExecutePrepared>("EXECUTE p").values.text, "");
  EXPECT_EQ(Refusal("EXECUTE p (1"), "42601");
  EXPECT_EQ(Refusal("EXECUTE p 1"), "42601");
  EXPECT_EQ(Parsed<Deallocate>("DEALLOCATE PREPARE p").name, "p");
  EXPECT_EQ(Parsed<Deallocate>("DEALLOCATE ALL").name, std::nullopt);
}

TEST(ClientStatementTest, ReadsWhatPoolsSend) {
  EXPECT_EQ(Parsed<CloseCursor>("CLOSE ALL").name, std::nullopt);
  EXPECT_EQ(Parsed<CloseCursor>("CLOSE \"C\"").name, "C");
  EXPECT_TRUE(Parsed<Discard>("DISCARD ALL").all);
  EXPECT_EQ(Parsed<Discard>("DISCARD temporary").what, "TEMP");
  EXPECT_EQ(Refusal("DISCARD nothing"), "42601");
  EXPECT_EQ(Parsed<ResetUser>("SET SESSION AUTHORIZATION DEFAULT").tag, "SET");
  EXPECT_EQ(Parsed<ResetUser>("reset session authorization").tag, "RESET");
  Parsed<Unlisten>("UNLISTEN *");
  Parsed<Unlisten>("UNLISTEN channel");
  Parsed<UnlockAll>("SELECT pg_advisory_unlock_all()");
  Parsed<UnlockAll>("select pg_catalog . PG_ADVISORY_UNLOCK_ALL ( )");
}

TEST(ClientStatementTest, LeavesTheRestToTheDatabase) {
  for (const char* statement :
       {"SELECT 1", "SELECT pg_advisory_unlock_all() FROM labels", "CLOSED", "fetching",
        "'DECLARE'", "SELECT 'unterminated", "DECLARE 'unterminated", "", "RESET ALL",
        "SET SESSION AUTHORIZATION ann", "SET a = 1"}) {
    const auto parsed = ParseClientStatement(statement);
    EXPECT_TRUE(parsed.ok() && !*parsed) << statement;
  }
}

TEST(StatementKindTest, GoesByTheFirstWords) {
  const auto kind = [](std::string_view statement) { return KindOf(statement); };
  EXPECT_EQ(kind("begin read only"), StatementKind::kBegin);
  EXPECT_EQ(kind("START TRANSACTION"), StatementKind::kBegin);
  EXPECT_EQ(kind("END"), StatementKind::kCommit);
  EXPECT_EQ(kind("/* a */ COMMIT"), StatementKind::kCommit);
  EXPECT_EQ(kind("-- a\n ROLLBACK"), StatementKind::kRollback);
  EXPECT_EQ(kind("ROLLBACK WORK TO SAVEPOINT s"), StatementKind::kRollbackTo);
  EXPECT_EQ(kind("ROLLBACK/**/TO s"), StatementKind::kRollbackTo);
  EXPECT_EQ(kind("ROLLBACK TRANSACTION"), StatementKind::kRollback);
  EXPECT_EQ(kind("SAVEPOINT s"), StatementKind::kSavepoint);
  EXPECT_EQ(kind("VALUES (1)"), StatementKind::kQuery);
  EXPECT_EQ(kind("WITH x AS (SELECT 1) SELECT * FROM x"), StatementKind::kQuery);
  EXPECT_EQ(kind("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"), StatementKind::kWrite);
  EXPECT_EQ(kind("WITH x AS (SELECT 'delete') SELECT * FROM x"), StatementKind::kQuery);
  EXPECT_EQ(kind("WITH " + std::string(100'000, ' ')), StatementKind::kWrite);
  EXPECT_EQ(kind("SET a = 1"), StatementKind::kSetting);
  EXPECT_EQ(kind("EXPLAIN SELECT 1"), StatementKind::kRead);
  EXPECT_EQ(kind("EXPLAIN ANALYZE DELETE FROM t"), StatementKind::kOther);
  EXPECT_EQ(kind("EXPLAIN (ANALYZE) DELETE FROM t"), StatementKind::kOther);
  EXPECT_EQ(kind("FETCH c"), StatementKind::kRead);
  EXPECT_EQ(kind("delete from t"), StatementKind::kWrite);
  EXPECT_EQ(kind("EXECUTE p"), StatementKind::kOther);
  EXPECT_EQ(kind("selection"), StatementKind::kOther);
  EXPECT_EQ(kind(""), StatementKind::kOther);
  EXPECT_EQ(kind("/* open"), StatementKind::kOther);
}

}  // namespace
}  // namespace dashi
