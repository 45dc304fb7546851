// The extended protocol over a fake engine. That it is PostgreSQL's is another test's matter
// (tests/differential/postgres_protocol_test.cc).

#include "server/extended_query.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/byte_codec.h"
#include "tests/server/conversation.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

using Strings = std::vector<std::string>;
using std::string_literals::operator""s;

class ExtendedQueryTest : public ::testing::Test {
 protected:
  ExtendedQueryTest() {
    engine()["SELECT n"] = NumbersOutcome();
    engine()["SELECT n WHERE $1, $2"] = NumbersOutcome();
    engine()["SELECT n WHERE $1, $2"].parameter_types = {SqlType::kInteger, SqlType::kUnknown};
    engine()["DELETE FROM t"].tag = "INSERT 0 1";
    engine()["TRAIN MODEL m"].tag = "TRAIN MODEL";
    engine()["SELECT labl"].status = UnknownColumn(7);
    FakeOutcome& untyped = engine()["SELECT untyped"];
    untyped.columns = {{"untyped", ValueType::kNull}};
    untyped.rows = {{Value::Integer(3)}};
  }

  FakeStatementRunner& engine() { return conversation_.engine(); }
  std::string Said(std::string_view bytes) { return conversation_.Said(bytes); }
  std::vector<ServerMessage> Messages(std::string_view bytes) {
    return MessagesOf(conversation_.Exchange(bytes));
  }
  static std::string Prepared(std::string_view sql) {
    return ParseBytes("", sql) + BindBytes("", "");
  }

  Conversation conversation_;
};

TEST_F(ExtendedQueryTest, RunsAStatementWithItsValues) {
  const auto messages =
      Messages(ParseBytes("s", "SELECT n WHERE $1, $2") + DescribeBytes('S', "s") +
               BindBytes("", "s", {.parameter_formats = {}, .parameters = {"7", std::nullopt}}) +
               DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes());
  EXPECT_EQ(TranscriptOf(messages), "1 t T 2 T D D C:SELECT 2 Z:I");
  EXPECT_EQ(messages[1].body, "\0\2\0\0\0\24\0\0\0\31"s) << "int8, text";
  using Columns = std::vector<std::pair<std::string, std::uint32_t>>;
  EXPECT_EQ(ColumnsOf(messages[2]), (Columns{{"n", 20}, {"name", 25}}));
  EXPECT_EQ(ValuesOf(messages[6]), (Strings{"2", "two"}));
  EXPECT_EQ(engine().values(), (std::vector<Value>{Value::Integer(7), Value::Null()}));
  EXPECT_EQ(engine().statements(), Strings{"SELECT n WHERE $1, $2"}) << "alone, so no transaction";
}

TEST_F(ExtendedQueryTest, TypesThatTheClientNamesAreKept) {
  const auto messages = Messages(ParseBytes("s", "SELECT n WHERE $1, $2", {21, 0, 23}) +
                                 DescribeBytes('S', "s") + SyncBytes());
  EXPECT_EQ(messages[1].body, "\0\3\0\0\0\25\0\0\0\31\0\0\0\27"s);
  EXPECT_EQ(
      Said(BindBytes("", "s", {.parameter_formats = {1, 0, 0}, .parameters = {"\0\5"s, "x", "9"}}) +
           ExecuteBytes("") + SyncBytes()),
      "2 D D C:SELECT 2 Z:I");
  EXPECT_EQ(engine().values(), (std::vector<Value>{Value::Integer(5), Value::Text("x")}))
      << "the third is not in the statement";
}

TEST_F(ExtendedQueryTest, ResultsComeInTheFormatsAskedFor) {
  const auto messages =
      Messages(ParseBytes("", "SELECT n") + BindBytes("", "", {.result_formats = {1, 0}}) +
               DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes());
  ASSERT_EQ(TranscriptOf(messages), "1 2 T D D C:SELECT 2 Z:I");
  EXPECT_EQ(ValuesOf(messages[3]), (Strings{"\0\0\0\0\0\0\0\1"s, "one"}));
  EXPECT_EQ(messages[2].body.substr(20, 2), "\0\1"s) << "the format of the first column";
}

TEST_F(ExtendedQueryTest, ValuesThatDoNotFitTheirColumnAreRefusedInBinary) {
  FakeOutcome& outcome = engine()["SELECT mixed"];
  outcome.columns = {{"x", ValueType::kInteger}};
  outcome.rows = {{Value::Integer(1)}, {Value::Real(2)}, {Value::Text("three")}};
  const std::string binary =
      ParseBytes("", "SELECT mixed") + BindBytes("", "", {.result_formats = {1}});
  EXPECT_EQ(Said(binary + ExecuteBytes("") + SyncBytes()), "1 2 D D E:42804 Z:I");
  EXPECT_EQ(Said(Prepared("SELECT mixed") + ExecuteBytes("") + SyncBytes()),
            "1 2 D D D C:SELECT 3 Z:I");
}

TEST_F(ExtendedQueryTest, UndeclaredColumnsShowTheirTypeOnceThePortalIsDescribed) {
  auto messages =
      Messages(ParseBytes("s", "SELECT untyped") + DescribeBytes('S', "s") + BindBytes("", "s") +
               DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes());
  ASSERT_EQ(TranscriptOf(messages), "1 t T 2 T D C:SELECT 1 Z:I");
  EXPECT_EQ(ColumnsOf(messages[2])[0].second, 25U);
  EXPECT_EQ(ColumnsOf(messages[4])[0].second, 20U);
  // Without a Describe the last one counts.
  messages = Messages(BindBytes("", "s", {.result_formats = {1}}) + ExecuteBytes("") + SyncBytes());
  EXPECT_EQ(ValuesOf(messages[1]), Strings{"\0\0\0\0\0\0\0\3"s});
}

TEST_F(ExtendedQueryTest, ColumnsAreWhatTheirValuesStandFor) {
  FakeOutcome& outcome = engine()["SELECT all"];
  outcome.columns = {{"b", ValueType::kInteger, SqlType::kBoolean},
                     {"t", ValueType::kText, SqlType::kTimestamp},
                     {"d", ValueType::kText, SqlType::kDate}};
  outcome.rows = {{Value::Integer(1), Value::Text("2000-01-01 00:00:00.000001+00"), Value::Null()}};
  const auto messages =
      Messages(ParseBytes("", "SELECT all") + DescribeBytes('S', "") +
               BindBytes("", "", {.result_formats = {0, 1, 1}}) + ExecuteBytes("") + SyncBytes());
  ASSERT_EQ(TranscriptOf(messages), "1 t T 2 D C:SELECT 1 Z:I");
  using Columns = std::vector<std::pair<std::string, std::uint32_t>>;
  EXPECT_EQ(ColumnsOf(messages[2]), (Columns{{"b", 16}, {"t", 1184}, {"d", 1082}}));
  EXPECT_EQ(ValuesOf(messages[4]), (Strings{"t", "\0\0\0\0\0\0\0\1"s, "<null>"}));
}

TEST_F(ExtendedQueryTest, PortalsAreSuspended) {
  EXPECT_EQ(Said(QueryBytes("BEGIN")), "C:BEGIN Z:T");
  EXPECT_EQ(
      Said(ParseBytes("", "SELECT n") + BindBytes("p", "") + ExecuteBytes("p", 2) + SyncBytes()),
      "1 2 D D s Z:T")
      << "exactly as many rows as there are";
  EXPECT_EQ(Said(ExecuteBytes("p", 2) + SyncBytes()), "C:SELECT 0 Z:T");
  EXPECT_EQ(Said(ExecuteBytes("p", 0) + SyncBytes()), "C:SELECT 0 Z:T");
  EXPECT_EQ(Said(BindBytes("q", "") + ExecuteBytes("q", 1) + ExecuteBytes("q") + SyncBytes()),
            "2 D s D C:SELECT 1 Z:T");
  EXPECT_EQ(Said(QueryBytes("COMMIT")), "C:COMMIT Z:I");
  EXPECT_EQ(Said(ExecuteBytes("p") + SyncBytes()), "E:34000 Z:I");
}

TEST_F(ExtendedQueryTest, PortalsDieAtTheSyncWithoutABlock) {
  EXPECT_EQ(Said(ParseBytes("", "SELECT n") + BindBytes("p", "") + ExecuteBytes("p", 1) +
                 SyncBytes() + ExecuteBytes("p") + SyncBytes()),
            "1 2 D s Z:I E:34000 Z:I");
}

TEST_F(ExtendedQueryTest, WhatReturnsNoRowsRunsOnce) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + DescribeBytes('P', "") + ExecuteBytes("") +
                 ExecuteBytes("") + SyncBytes()),
            "1 2 n C:INSERT 0 1 E:55000 Z:I");
}

TEST_F(ExtendedQueryTest, EmptyStatementsHaveTheirOwnAnswer) {
  EXPECT_EQ(Said(ParseBytes("", " ; ") + DescribeBytes('S', "") + BindBytes("", "") +
                 DescribeBytes('P', "") + ExecuteBytes("") + ExecuteBytes("") + SyncBytes()),
            "1 t n 2 n I I Z:I");
}

TEST_F(ExtendedQueryTest, ASeriesIsOneTransaction) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + Prepared("SELECT n") +
                 ExecuteBytes("") + SyncBytes()),
            "1 2 C:INSERT 0 1 1 2 D D C:SELECT 2 Z:I");
  EXPECT_EQ(engine().statements(), (Strings{"BEGIN", "DELETE FROM t", "SELECT n", "COMMIT"}));
}

TEST_F(ExtendedQueryTest, AnErrorUndoesTheSeriesAndSkipsItsRest) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + Prepared("SELECT labl") +
                 ExecuteBytes("") + Prepared("DELETE FROM t") + ExecuteBytes("") + SyncBytes() +
                 QueryBytes("SELECT n")),
            "1 2 C:INSERT 0 1 1 2 E:42703 Z:I T D D C:SELECT 2 Z:I");
  EXPECT_EQ(engine().statements(),
            (Strings{"BEGIN", "DELETE FROM t", "SELECT labl", "ROLLBACK", "SELECT n"}));
}

TEST_F(ExtendedQueryTest, AnErrorBehindTheLastExecuteUndoesItToo) {
  EXPECT_EQ(
      Said(Prepared("DELETE FROM t") + ExecuteBytes("") + BindBytes("", "nope") + SyncBytes()),
      "1 2 C:INSERT 0 1 E:26000 Z:I");
  EXPECT_EQ(engine().statements(), (Strings{"BEGIN", "DELETE FROM t", "ROLLBACK"}));
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + CloseBytes('P', "") + SyncBytes()),
            "1 2 C:INSERT 0 1 3 Z:I");
  EXPECT_EQ(engine().statements().back(), "DELETE FROM t") << "a Close cannot fail";
}

TEST_F(ExtendedQueryTest, AWriteWhoseRowsCannotBeSentIsUndone) {
  FakeOutcome& outcome = engine()["DELETE FROM t RETURNING b"];
  outcome.columns = {{"b", ValueType::kInteger, SqlType::kBoolean}};
  outcome.rows = {{Value::Integer(7)}};
  EXPECT_EQ(Said(Prepared("DELETE FROM t RETURNING b") + ExecuteBytes("") + SyncBytes()),
            "1 2 E:42804 Z:I");
  EXPECT_EQ(engine().statements().back(), "ROLLBACK");
}

TEST_F(ExtendedQueryTest, AFlushKeepsTheSeriesOpen) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + FlushBytes()), "1 2 C:INSERT 0 1");
  EXPECT_EQ(Said(SyncBytes()), "Z:I");
  EXPECT_EQ(engine().statements(), (Strings{"BEGIN", "DELETE FROM t", "COMMIT"}));
  // Nothing has run yet when asyncpg asks what a statement is, so it stays alone.
  EXPECT_EQ(Said(ParseBytes("t", "TRAIN MODEL m") + DescribeBytes('S', "t") + FlushBytes()),
            "1 t n");
  EXPECT_EQ(Said(BindBytes("", "t") + ExecuteBytes("") + SyncBytes()), "2 C:TRAIN MODEL Z:I");
  EXPECT_EQ(engine().statements().back(), "TRAIN MODEL m");
}

TEST_F(ExtendedQueryTest, ABadSyncUndoesTheSeries) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + MessageBytes('S', "x")),
            "1 2 C:INSERT 0 1 E:08P01 Z:I");
  EXPECT_EQ(engine().statements(), (Strings{"BEGIN", "DELETE FROM t", "ROLLBACK"}));
}

TEST_F(ExtendedQueryTest, AFailedCommitOfASeriesIsToldAtTheSync) {
  engine()["COMMIT"].status = Status::Aborted("write conflict").WithSqlState("40001");
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + Prepared("DELETE FROM t") +
                 ExecuteBytes("") + SyncBytes()),
            "1 2 C:INSERT 0 1 1 2 C:INSERT 0 1 E:40001 Z:I");
}

TEST_F(ExtendedQueryTest, ABeginTakesTheSeriesOver) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + Prepared("BEGIN") +
                 ExecuteBytes("") + SyncBytes()),
            "1 2 C:INSERT 0 1 1 2 C:BEGIN Z:T");
  EXPECT_EQ(Said(QueryBytes("ROLLBACK")), "C:ROLLBACK Z:I");
}

TEST_F(ExtendedQueryTest, ACommitInTheSeriesEndsIt) {
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + Prepared("COMMIT") +
                 ExecuteBytes("") + Prepared("DELETE FROM t") + ExecuteBytes("") + SyncBytes()),
            "1 2 C:INSERT 0 1 1 2 N C:COMMIT 1 2 C:INSERT 0 1 Z:I");
  EXPECT_EQ(engine().statements(), (Strings{"BEGIN", "DELETE FROM t", "COMMIT", "DELETE FROM t"}));
}

TEST_F(ExtendedQueryTest, ErrorsFailABlock) {
  EXPECT_EQ(Said(QueryBytes("BEGIN")), "C:BEGIN Z:T");
  EXPECT_EQ(Said(ExecuteBytes("nope") + SyncBytes()), "E:34000 Z:E");
  EXPECT_EQ(Said(ParseBytes("", "SELECT n") + SyncBytes()), "E:25P02 Z:E");
  EXPECT_EQ(Said(ParseBytes("", "") + BindBytes("", "") + SyncBytes()), "1 E:25P02 Z:E");
  EXPECT_EQ(Said(Prepared("COMMIT") + ExecuteBytes("") + SyncBytes()), "1 2 C:ROLLBACK Z:I");
}

TEST_F(ExtendedQueryTest, PreparedStatementsOfABlockThatFailsAreHeldBack) {
  EXPECT_EQ(Said(ParseBytes("s", "SELECT n") + SyncBytes()), "1 Z:I");
  EXPECT_EQ(Said(QueryBytes("BEGIN") + BindBytes("p", "s") + SyncBytes()), "C:BEGIN Z:T 2 Z:T");
  EXPECT_EQ(Said(QueryBytes("SELECT labl")), "E:42703 Z:E");
  EXPECT_EQ(Said(BindBytes("", "s") + SyncBytes()), "E:25P02 Z:E");
  EXPECT_EQ(Said(ExecuteBytes("p") + SyncBytes()), "E:25P02 Z:E");
  EXPECT_EQ(Said(DescribeBytes('S', "s") + SyncBytes()), "E:25P02 Z:E");
  EXPECT_EQ(Said(CloseBytes('S', "s") + SyncBytes()), "3 Z:E");
}

TEST_F(ExtendedQueryTest, NamesAreLookedUp) {
  EXPECT_EQ(Said(BindBytes("", "nope") + SyncBytes()), "E:26000 Z:I");
  EXPECT_EQ(Said(BindBytes("", "") + SyncBytes()), "E:26000 Z:I");
  EXPECT_EQ(Said(DescribeBytes('S', "nope") + SyncBytes()), "E:26000 Z:I");
  EXPECT_EQ(Said(DescribeBytes('P', "nope") + SyncBytes()), "E:34000 Z:I");
  EXPECT_EQ(Said(CloseBytes('S', "nope") + CloseBytes('P', "nope") + SyncBytes()), "3 3 Z:I");
  EXPECT_EQ(Said(ParseBytes("a", "SELECT n") + ParseBytes("a", "SELECT n") + SyncBytes()),
            "1 E:42P05 Z:I");
  EXPECT_EQ(Said(BindBytes("p", "a") + BindBytes("p", "a") + SyncBytes()), "2 E:42P03 Z:I");
  EXPECT_EQ(Said(CloseBytes('S', "a") + ParseBytes("a", "DELETE FROM t") + SyncBytes()), "3 1 Z:I");
}

TEST_F(ExtendedQueryTest, TheUnnamedGiveWay) {
  EXPECT_EQ(Said(Prepared("SELECT n") + Prepared("DELETE FROM t") + ExecuteBytes("") + SyncBytes()),
            "1 2 1 2 C:INSERT 0 1 Z:I");
  EXPECT_EQ(Said(ParseBytes("", "no statement") + SyncBytes() + BindBytes("", "") + SyncBytes()),
            "E:42601 Z:I E:26000 Z:I")
      << "gone, even where the next one is none";
  EXPECT_EQ(Said(ParseBytes("", "SELECT n") + SyncBytes() + QueryBytes("SELECT n") +
                 BindBytes("", "") + SyncBytes()),
            "1 Z:I T D D C:SELECT 2 Z:I E:26000 Z:I")
      << "a simple query has it go";
}

TEST_F(ExtendedQueryTest, PortalsOutliveTheirStatement) {
  EXPECT_EQ(Said(ParseBytes("s", "SELECT n") + BindBytes("p", "s") + CloseBytes('S', "s") +
                 ExecuteBytes("p") + SyncBytes()),
            "1 2 3 D D C:SELECT 2 Z:I");
}

TEST_F(ExtendedQueryTest, CountsAreChecked) {
  const std::string parse = ParseBytes("", "SELECT n WHERE $1, $2");
  auto messages = Messages(parse + BindBytes("", "") + SyncBytes());
  EXPECT_EQ(TranscriptOf(messages), "1 E:08P01 Z:I");
  EXPECT_EQ(FieldOf(messages[1], 'M'),
            "bind message supplies 0 parameters, but prepared statement \"\" requires 2");
  messages = Messages(
      parse + BindBytes("", "", {.parameter_formats = {0, 0, 0}, .parameters = {"1", "2"}}) +
      SyncBytes());
  EXPECT_EQ(FieldOf(messages[1], 'M'), "bind message has 3 parameter formats but 2 parameters");
  messages = Messages(ParseBytes("", "SELECT n") +
                      BindBytes("", "", {.result_formats = {0, 0, 0}}) + SyncBytes());
  EXPECT_EQ(FieldOf(messages[1], 'M'), "bind message has 3 result formats but query has 2 columns");
}

TEST_F(ExtendedQueryTest, FormatsAreChecked) {
  const std::string parse = ParseBytes("", "SELECT n");
  EXPECT_EQ(
      Said(parse + BindBytes("", "", {.result_formats = {7}}) + ExecuteBytes("") + SyncBytes()),
      "1 2 E:22023 Z:I");
  EXPECT_EQ(
      Said(ParseBytes("", "SELECT n WHERE $1, $2") +
           BindBytes("", "", {.parameter_formats = {7}, .parameters = {"1", "2"}}) + SyncBytes()),
      "1 E:22023 Z:I");
}

TEST_F(ExtendedQueryTest, OneStatementIsPreparedAtATime) {
  EXPECT_EQ(Said(ParseBytes("", "SELECT n; SELECT n") + SyncBytes()), "E:42601 Z:I");
  EXPECT_EQ(Said(ParseBytes("", "SELECT n;") + SyncBytes()), "1 Z:I");
}

TEST_F(ExtendedQueryTest, PositionsCountCharactersOfTheWholeText) {
  const auto messages = Messages(ParseBytes("", "/* é */ SELECT labl") + BindBytes("", "") +
                                 ExecuteBytes("") + SyncBytes());
  ASSERT_EQ(TranscriptOf(messages), "1 2 E:42703 Z:I");
  EXPECT_EQ(FieldOf(messages[2], 'P'), "16");
}

TEST_F(ExtendedQueryTest, ChangedColumnsAreTold) {
  EXPECT_EQ(Said(ParseBytes("s", "SELECT n") + SyncBytes()), "1 Z:I");
  engine()["SELECT n"].columns.pop_back();
  engine()["SELECT n"].rows.clear();
  const auto messages = Messages(BindBytes("", "s") + ExecuteBytes("") + SyncBytes());
  ASSERT_EQ(TranscriptOf(messages), "2 E:0A000 Z:I");
  EXPECT_EQ(FieldOf(messages[1], 'R'), "RevalidateCachedQuery");
}

TEST_F(ExtendedQueryTest, StatementsAndPortalsAreBounded) {
  for (std::size_t i = 0; i < StatementStore::kStatementsMax; ++i) {
    ASSERT_EQ(Said(ParseBytes("s" + std::to_string(i), "SELECT n") + SyncBytes()), "1 Z:I");
  }
  EXPECT_EQ(Said(ParseBytes("more", "SELECT n") + SyncBytes()), "E:53200 Z:I");
  EXPECT_EQ(Said(QueryBytes("DEALLOCATE s0")), "C:DEALLOCATE Z:I");
  EXPECT_EQ(Said(ParseBytes("more", "SELECT n") + SyncBytes()), "1 Z:I");
  EXPECT_EQ(Said(QueryBytes("BEGIN")), "C:BEGIN Z:T");
  for (std::size_t i = 0; i < PortalStore::kPortalsMax; ++i) {
    ASSERT_EQ(Said(BindBytes("p" + std::to_string(i), "s1") + SyncBytes()), "2 Z:T");
  }
  EXPECT_EQ(Said(BindBytes("more", "s1") + SyncBytes()), "E:53200 Z:E");
}

TEST_F(ExtendedQueryTest, TheMemoryOfStatementsAndValuesIsBounded) {
  const std::string comment = "/*" + std::string(40 << 20, ' ') + "*/ SELECT n";
  EXPECT_EQ(Said(ParseBytes("a", comment) + SyncBytes()), "1 Z:I");
  EXPECT_EQ(Said(ParseBytes("b", comment) + SyncBytes()), "E:53200 Z:I");
  EXPECT_EQ(Said(CloseBytes('S', "a") + ParseBytes("b", comment) + SyncBytes()), "3 1 Z:I");
  const BindParts long_value = {.parameters = {"1", std::string(40 << 20, 'x')}};
  EXPECT_EQ(Said(ParseBytes("s", "SELECT n WHERE $1, $2") + BindBytes("p", "s", long_value) +
                 BindBytes("q", "s", long_value) + BindBytes("r", "s", long_value) + SyncBytes()),
            "1 2 2 E:53200 Z:I");
}

TEST_F(ExtendedQueryTest, LargeResultsGoInChunks) {
  FakeOutcome& outcome = engine()["SELECT many"];
  outcome.columns = {{"x", ValueType::kText}};
  outcome.rows.assign(2000, {Value::Text(std::string(1000, 'x'))});
  StringMessageSink sink;
  const auto end = ExtendedQuery(conversation_.session(), sink, conversation_.inbox())
                       .Run({ParseMessage{"", "SELECT many", {}}, BindMessage(), ExecuteMessage(),
                             SyncMessage()});
  EXPECT_EQ(*end, SeriesEnd::kSynced);
  EXPECT_EQ(MessagesOf(sink.text).size(), 2004U);
  EXPECT_LT(sink.largest, 70'000U);
}

TEST_F(ExtendedQueryTest, AClientThatHasGoneEndsItsSeries) {
  FakeOutcome& outcome = engine()["SELECT many"];
  outcome.columns = {{"x", ValueType::kText}};
  outcome.rows.assign(2000, {Value::Text(std::string(1000, 'x'))});
  StringMessageSink sink;
  sink.num_sends_left = 1;
  const auto end = ExtendedQuery(conversation_.session(), sink, conversation_.inbox())
                       .Run({ParseMessage{"", "SELECT many", {}}, BindMessage(), ExecuteMessage(),
                             FlushMessage()});
  EXPECT_EQ(end.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(engine().statements(), (Strings{"BEGIN", "SELECT many", "ROLLBACK"}));
}

TEST_F(ExtendedQueryTest, ACancelDoesNotKeepTheTransactionOpen) {
  engine()["TRAIN MODEL m"].status =
      Status::Cancelled("canceling statement due to user request").WithSqlState("57014");
  engine().Cancel();  // What comes next is cancelled too, until that is forgotten.
  engine().ForgetCancel();
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + FlushBytes()), "1 2 C:INSERT 0 1");
  engine().Cancel();
  EXPECT_EQ(Said(Prepared("DELETE FROM t") + ExecuteBytes("") + SyncBytes()), "1 2 E:57014 Z:I");
  EXPECT_FALSE(engine().in_transaction());
}

}  // namespace
}  // namespace dashi
