// Cursors and prepared statements of SQL, over a fake engine.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/client_query.h"
#include "tests/server/conversation.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

using Strings = std::vector<std::string>;

class CursorTest : public ::testing::Test {
 protected:
  CursorTest() {
    FakeOutcome& five = engine()["SELECT five"];
    five.columns = {{"n", ValueType::kNull}};
    for (int i = 1; i <= 5; ++i) {
      five.rows.push_back({Value::Integer(i)});
    }
    engine()["SELECT $1"].columns = {{"n", ValueType::kText}};
    engine()["SELECT $1"].parameter_types = {SqlType::kUnknown};
    engine()["DELETE FROM t"].tag = "INSERT 0 1";
    engine()["RESET ALL"].tag = "RESET";
    engine()["SELECT labl"].status = UnknownColumn(7);
  }

  FakeStatementRunner& engine() { return conversation_.engine(); }
  std::string Said(std::string_view bytes) { return conversation_.Said(bytes); }
  std::string Query(std::string_view sql) { return Said(QueryBytes(sql)); }

  Conversation conversation_;
};

TEST_F(CursorTest, RowsAreFetched) {
  EXPECT_EQ(Query("BEGIN; DECLARE c CURSOR FOR SELECT five"), "C:BEGIN C:DECLARE CURSOR Z:T");
  EXPECT_EQ(Query("FETCH c"), "T D C:FETCH 1 Z:T");
  EXPECT_EQ(Query("FETCH FORWARD 2 FROM c"), "T D D C:FETCH 2 Z:T");
  EXPECT_EQ(Query("MOVE c"), "C:MOVE 1 Z:T");
  EXPECT_EQ(Query("FETCH ALL c"), "T D C:FETCH 1 Z:T");
  EXPECT_EQ(Query("FETCH ALL c"), "T C:FETCH 0 Z:T");
  EXPECT_EQ(Query("CLOSE c"), "C:CLOSE CURSOR Z:T");
  EXPECT_EQ(Query("FETCH c"), "E:34000 Z:E");
  EXPECT_EQ(Query("ROLLBACK"), "C:ROLLBACK Z:I");
}

TEST_F(CursorTest, AreForTransactions) {
  EXPECT_EQ(Query("DECLARE c CURSOR FOR SELECT five"), "E:25P01 Z:I");
  EXPECT_EQ(Query("DECLARE c CURSOR FOR SELECT five; FETCH 2 c"),
            "C:DECLARE CURSOR T D D C:FETCH 2 Z:I")
      << "several statements are a transaction";
  EXPECT_EQ(Query("FETCH c"), "E:34000 Z:I");
  EXPECT_EQ(Said(ParseBytes("", "DECLARE c CURSOR FOR SELECT five") + BindBytes("", "") +
                 ExecuteBytes("") + FlushBytes()),
            "1 2 E:25P01");
  EXPECT_EQ(Said(SyncBytes()), "Z:I");
}

TEST_F(CursorTest, HeldOnesOutliveTheirs) {
  EXPECT_EQ(Query("DECLARE c CURSOR WITH HOLD FOR SELECT five"), "C:DECLARE CURSOR Z:I");
  EXPECT_EQ(Query("FETCH 2 c"), "T D D C:FETCH 2 Z:I");
  EXPECT_EQ(Query("BEGIN; DECLARE d CURSOR WITH HOLD FOR SELECT five; ROLLBACK"),
            "C:BEGIN C:DECLARE CURSOR C:ROLLBACK Z:I");
  EXPECT_EQ(Query("FETCH d"), "E:34000 Z:I") << "undone";
  EXPECT_EQ(Query("FETCH ALL c"), "T D D D C:FETCH 3 Z:I") << "not touched by another's end";
  EXPECT_EQ(Query("CLOSE ALL"), "C:CLOSE CURSOR ALL Z:I");
  EXPECT_EQ(Query("FETCH c"), "E:34000 Z:I");
}

TEST_F(CursorTest, ShareTheirNamesWithPortals) {
  EXPECT_EQ(Query("BEGIN; DECLARE named CURSOR FOR SELECT five"), "C:BEGIN C:DECLARE CURSOR Z:T");
  const auto described =
      MessagesOf(conversation_.Exchange(DescribeBytes('P', "named") + SyncBytes()));
  ASSERT_EQ(TranscriptOf(described), "T Z:T");
  EXPECT_EQ(ColumnsOf(described[0])[0].second, 20U);
  EXPECT_EQ(Said(ParseBytes("", "FETCH FORWARD 2 FROM \"named\"") + BindBytes("", "") +
                 DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes()),
            "1 2 T D D C:FETCH 2 Z:T");
  EXPECT_EQ(Said(ExecuteBytes("named", 2) + SyncBytes()), "D D s Z:T");
  EXPECT_EQ(Said(ParseBytes("s", "SELECT five") + BindBytes("p", "s") + SyncBytes()), "1 2 Z:T");
  EXPECT_EQ(Query("FETCH 3 p"), "T D D D C:FETCH 3 Z:T");
  EXPECT_EQ(Query("CLOSE p"), "C:CLOSE CURSOR Z:T");
  EXPECT_EQ(Said(BindBytes("named", "s") + SyncBytes()), "E:42P03 Z:E");
}

TEST_F(CursorTest, AFetchInPiecesMovesTheCursorOnce) {
  EXPECT_EQ(Query("BEGIN; DECLARE c CURSOR FOR SELECT five"), "C:BEGIN C:DECLARE CURSOR Z:T");
  EXPECT_EQ(
      Said(ParseBytes("", "FETCH 3 c") + BindBytes("p", "") + ExecuteBytes("p", 1) + SyncBytes()),
      "1 2 D s Z:T");
  EXPECT_EQ(Query("FETCH ALL c"), "T D D C:FETCH 2 Z:T");
  EXPECT_EQ(Said(ExecuteBytes("p") + SyncBytes()), "D D C:FETCH 2 Z:T");
}

TEST_F(CursorTest, TakeParameters) {
  engine()["SELECT $1"].rows = {{Value::Text("x")}};
  EXPECT_EQ(Query("BEGIN"), "C:BEGIN Z:T");
  EXPECT_EQ(Said(ParseBytes("", "DECLARE c CURSOR FOR SELECT $1") + DescribeBytes('S', "") +
                 BindBytes("", "", {.parameters = {"v"}}) + ExecuteBytes("") + SyncBytes()),
            "1 t n 2 C:DECLARE CURSOR Z:T");
  EXPECT_EQ(engine().values(), std::vector<Value>{Value::Text("v")});
  EXPECT_EQ(Query("DECLARE d CURSOR FOR SELECT $1"), "E:42P02 Z:E") << "a simple query has none";
}

TEST_F(CursorTest, ErrorsPointIntoTheWholeStatement) {
  EXPECT_EQ(Query("BEGIN"), "C:BEGIN Z:T");
  const auto messages =
      MessagesOf(conversation_.Exchange(QueryBytes("DECLARE c CURSOR FOR SELECT labl")));
  ASSERT_EQ(TranscriptOf(messages), "E:42703 Z:E");
  EXPECT_EQ(FieldOf(messages[0], 'P'), "29");
}

TEST_F(CursorTest, WritesLeaveTheRowsOfCursors) {
  EXPECT_EQ(Query("BEGIN; DECLARE c CURSOR FOR SELECT five; FETCH c"),
            "C:BEGIN C:DECLARE CURSOR T D C:FETCH 1 Z:T");
  EXPECT_EQ(Query("DELETE FROM t"), "C:INSERT 0 1 Z:T");
  EXPECT_EQ(Query("FETCH ALL c"), "T D D D D C:FETCH 4 Z:T");
}

TEST_F(CursorTest, StatementsArePrepared) {
  engine()["SELECT 'a'"].rows = {{Value::Text("a")}};
  engine()["SELECT 'a'"].columns = {{"x", ValueType::kText}};
  EXPECT_EQ(Query("PREPARE p AS SELECT $1"), "C:PREPARE Z:I");
  EXPECT_EQ(Query("PREPARE p AS SELECT $1"), "E:42P05 Z:I");
  EXPECT_EQ(Query("EXECUTE p ('a')"), "T C:SELECT 0 Z:I");
  EXPECT_EQ(engine().values(), std::vector<Value>{Value::Text("a")});
  EXPECT_EQ(Query("EXECUTE p"), "E:42601 Z:I");
  EXPECT_EQ(Query("EXECUTE q"), "E:26000 Z:I");
  // Those of the protocol are the same.
  EXPECT_EQ(Said(BindBytes("", "p", {.parameters = {"v"}}) + ExecuteBytes("") + SyncBytes()),
            "2 C:SELECT 0 Z:I");
  EXPECT_EQ(Query("DEALLOCATE p"), "C:DEALLOCATE Z:I");
  EXPECT_EQ(Query("DEALLOCATE p"), "E:26000 Z:I");
  EXPECT_EQ(Query("DEALLOCATE ALL"), "C:DEALLOCATE ALL Z:I");
  EXPECT_EQ(Query("PREPARE p AS COMMIT"), "E:42601 Z:I");
  EXPECT_EQ(Query("PREPARE p AS EXECUTE q"), "E:42601 Z:I");
  EXPECT_EQ(Said(ParseBytes("q", "EXECUTE q") + DescribeBytes('S', "q") + BindBytes("", "q") +
                 DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes()),
            "1 t n 2 n E:0A000 Z:I")
      << "itself";
}

TEST_F(CursorTest, ErrorsOfOtherTextsHaveNoPlaceInThis) {
  engine()["SELECT $1"].status = UnknownColumn(7);
  engine()["SELECT 'a'"].rows = {{Value::Text("a")}};
  EXPECT_EQ(Query("PREPARE p AS SELECT $1"), "C:PREPARE Z:I");
  const auto messages = MessagesOf(conversation_.Exchange(QueryBytes("EXECUTE p ('a')")));
  ASSERT_EQ(TranscriptOf(messages), "E:42703 Z:I");
  EXPECT_EQ(FieldOf(messages[0], 'P'), "");
  EXPECT_EQ(FieldOf(messages[0], 'H'), "Perhaps you meant \"label\".");
  engine()["SELECT n"] = NumbersOutcome();
  engine()["SELECT n"].status_midway = UnknownColumn(7);
  const auto fetched = MessagesOf(
      conversation_.Exchange(QueryBytes("DECLARE c CURSOR FOR SELECT n; FETCH ALL FROM c")));
  ASSERT_EQ(TranscriptOf(fetched), "C:DECLARE CURSOR T D D E:42703 Z:I");
  EXPECT_EQ(FieldOf(fetched[4], 'P'), "");
}

TEST_F(CursorTest, ValuesAreTakenToTheTypesOfPrepare) {
  engine()["SELECT '7'"].rows = {{Value::Text("7")}};
  engine()["SELECT 'x'"].rows = {{Value::Text("x")}};
  EXPECT_EQ(Query("PREPARE p (int) AS SELECT $1"), "C:PREPARE Z:I");
  EXPECT_EQ(Query("EXECUTE p ('7')"), "T C:SELECT 0 Z:I");
  EXPECT_EQ(engine().values(), std::vector<Value>{Value::Integer(7)});
  EXPECT_EQ(Query("EXECUTE p ('x')"), "E:22P02 Z:I");
}

TEST_F(CursorTest, PsqlHasTypesNamed) {
  const std::string asked =
      "SELECT name AS \"Column\", pg_catalog.format_type(tp, tpm) AS \"Type\"\n"
      "FROM (VALUES ('it''s', '20'::pg_catalog.oid, -1),('b', '7'::pg_catalog.oid, 4)";
  const auto messages =
      MessagesOf(conversation_.Exchange(QueryBytes(asked + ") s(name, tp, tpm)")));
  ASSERT_EQ(TranscriptOf(messages), "T D D C:SELECT 2 Z:I");
  EXPECT_EQ(ColumnsOf(messages[0])[1].first, "Type");
  EXPECT_EQ(ValuesOf(messages[1]), (Strings{"it's", "bigint"}));
  EXPECT_EQ(ValuesOf(messages[2]), (Strings{"b", "???"}));
  EXPECT_EQ(Query(asked + ") t(name, tp, tpm)"), "E:42601 Z:I") << "the database's";
}

TEST_F(CursorTest, PoolsResetTheirConnections) {
  EXPECT_EQ(Query("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"),
            "T D C:SELECT 1 C:CLOSE CURSOR ALL C:UNLISTEN C:RESET Z:I");
  EXPECT_EQ(Said(ParseBytes("s", "SELECT five") + SyncBytes()), "1 Z:I");
  EXPECT_EQ(Query("DISCARD ALL"), "C:DISCARD ALL Z:I");
  EXPECT_EQ(engine().statements().back(), "RESET ALL");
  EXPECT_EQ(Said(BindBytes("", "s") + SyncBytes()), "E:26000 Z:I");
  EXPECT_EQ(Query("DISCARD PLANS"), "C:DISCARD PLANS Z:I");
  EXPECT_EQ(Query("BEGIN; DISCARD ALL"), "C:BEGIN E:25001 Z:E");
}

}  // namespace
}  // namespace dashi
