#include "server/simple_query.h"

#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/wire_columns.h"
#include "tests/server/conversation.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

class SimpleQueryTest : public ::testing::Test {
 protected:
  SimpleQueryTest() {
    runner()["SELECT n"] = NumbersOutcome();
    runner()["DELETE FROM t"].tag = "INSERT 0 1";
    runner()["SELECT labl"].status = UnknownColumn(7);
  }

  std::vector<ServerMessage> Run(std::string_view query) {
    StringMessageSink sink;
    EXPECT_TRUE(SimpleQuery(conversation_.session(), sink, conversation_.inbox()).Run(query).ok());
    return MessagesOf(sink.text);
  }

  FakeStatementRunner& runner() { return conversation_.engine(); }

  Conversation conversation_;
};

using Strings = std::vector<std::string>;

TEST_F(SimpleQueryTest, SendsRows) {
  const auto messages = Run("SELECT n");
  ASSERT_EQ(TypesOf(messages), "TDDCZ");
  using Columns = std::vector<std::pair<std::string, std::uint32_t>>;
  EXPECT_EQ(ColumnsOf(messages[0]), (Columns{{"n", 20}, {"name", 25}}));
  EXPECT_EQ(ValuesOf(messages[2]), (Strings{"2", "two"}));
  EXPECT_EQ(messages[3].body, std::string("SELECT 2\0", 9));
  EXPECT_EQ(messages[4].body, "I");
}

TEST_F(SimpleQueryTest, EmptyQueriesHaveTheirOwnAnswer) {
  EXPECT_EQ(TypesOf(Run("")), "IZ");
  EXPECT_EQ(TypesOf(Run(" ; ;\n")), "IZ");
  EXPECT_EQ(TypesOf(Run("-- nothing")), "IZ");
  EXPECT_TRUE(runner().statements().empty());
}

TEST_F(SimpleQueryTest, ErrorsCarryAllFields) {
  const auto messages = Run("SELECT labl");
  ASSERT_EQ(TypesOf(messages), "EZ");
  EXPECT_EQ(FieldOf(messages[0], 'S'), "ERROR");
  EXPECT_EQ(FieldOf(messages[0], 'V'), "ERROR");
  EXPECT_EQ(FieldOf(messages[0], 'C'), "42703");
  EXPECT_EQ(FieldOf(messages[0], 'M'), "column \"labl\" does not exist");
  EXPECT_EQ(FieldOf(messages[0], 'H'), "Perhaps you meant \"label\".");
  EXPECT_EQ(FieldOf(messages[0], 'P'), "8");
}

TEST_F(SimpleQueryTest, PositionsCountCharactersOfTheWholeQuery) {
  runner()["SELECT 'é'"].tag = "SELECT 0";
  const auto messages = Run("SELECT 'é'; SELECT labl");
  // 10 characters, semicolon, blank, then the eighth of the second statement.
  EXPECT_EQ(FieldOf(messages[messages.size() - 2], 'P'), "20");
}

TEST_F(SimpleQueryTest, SeveralStatementsAreOneTransaction) {
  EXPECT_EQ(TypesOf(Run("DELETE FROM t; SELECT n; DELETE FROM t")), "CTDDCCZ");
  EXPECT_EQ(runner().statements(),
            (Strings{"BEGIN", "DELETE FROM t", "SELECT n", "DELETE FROM t", "COMMIT"}));
}

TEST_F(SimpleQueryTest, AnErrorUndoesThemAll) {
  const auto messages = Run("DELETE FROM t; SELECT labl; DELETE FROM t");
  EXPECT_EQ(TypesOf(messages), "CEZ");
  EXPECT_EQ(messages.back().body, "I");
  EXPECT_EQ(runner().statements(), (Strings{"BEGIN", "DELETE FROM t", "SELECT labl", "ROLLBACK"}));
}

TEST_F(SimpleQueryTest, AFailedCommitReplacesTheLastTag) {
  runner()["COMMIT"].status = Status::Aborted("write conflict").WithSqlState("40001");
  const auto messages = Run("DELETE FROM t; DELETE FROM t");
  EXPECT_EQ(TypesOf(messages), "CEZ");
  EXPECT_EQ(FieldOf(messages[1], 'C'), "40001");
}

TEST_F(SimpleQueryTest, TransactionsOfTheirOwnAreLeftAlone) {
  EXPECT_EQ(TypesOf(Run("BEGIN; DELETE FROM t; COMMIT")), "CCCZ");
  EXPECT_EQ(runner().statements(), (Strings{"BEGIN", "DELETE FROM t", "COMMIT"}));
}

TEST_F(SimpleQueryTest, ABeginTakesOverWhatCameBeforeIt) {
  EXPECT_EQ(TypesOf(Run("DELETE FROM t; BEGIN; DELETE FROM t; COMMIT; DELETE FROM t")), "CCCCCZ");
  EXPECT_EQ(runner().statements(), (Strings{"BEGIN", "DELETE FROM t", "BEGIN", "DELETE FROM t",
                                            "COMMIT", "BEGIN", "DELETE FROM t", "COMMIT"}));
}

TEST_F(SimpleQueryTest, OpenTransactionsGoOn) {
  EXPECT_EQ(Run("BEGIN").back().body, "T");
  EXPECT_EQ(Run("DELETE FROM t; DELETE FROM t").back().body, "T");
  EXPECT_EQ(Run("SELECT labl; DELETE FROM t").back().body, "E");
  const auto messages = Run("COMMIT");
  EXPECT_EQ(messages[0].body, std::string("ROLLBACK\0", 9));
  EXPECT_EQ(messages.back().body, "I");
}

TEST_F(SimpleQueryTest, SendsNoticesBeforeTheTag) {
  runner()["DELETE FROM t"].notices = {"careful"};
  const auto messages = Run("DELETE FROM t");
  ASSERT_EQ(TypesOf(messages), "NCZ");
  EXPECT_EQ(FieldOf(messages[0], 'S'), "NOTICE");
  EXPECT_EQ(FieldOf(messages[0], 'M'), "careful");
}

TEST_F(SimpleQueryTest, NoticesOfTransactionsAreWarnings) {
  for (const auto& [text, sqlstate] :
       {std::pair("there is already a transaction in progress", "25001"),
        std::pair("there is no transaction in progress", "25P01")}) {
    runner()["DELETE FROM t"].notices = {text};
    const auto messages = Run("DELETE FROM t");
    ASSERT_EQ(TypesOf(messages), "NCZ");
    EXPECT_EQ(FieldOf(messages[0], 'S'), "WARNING");
    EXPECT_EQ(FieldOf(messages[0], 'V'), "WARNING");
    EXPECT_EQ(FieldOf(messages[0], 'C'), sqlstate);
    EXPECT_EQ(FieldOf(messages[0], 'M'), text);
  }
}

TEST_F(SimpleQueryTest, ErrorsMidwayFollowTheRows) {
  runner()["SELECT n"].status_midway = Status::IoError("disk gone");
  EXPECT_EQ(TypesOf(Run("SELECT n")), "TDDEZ");
}

TEST_F(SimpleQueryTest, ValuesHaveTheTextFormatOfPostgreSql) {
  FakeOutcome& outcome = runner()["SELECT values"];
  outcome.columns = {{"a", ValueType::kReal},    {"b", ValueType::kReal}, {"c", ValueType::kReal},
                     {"d", ValueType::kBlob},    {"e", ValueType::kNull}, {"f", ValueType::kText},
                     {"g", ValueType::kInteger}, {"h", ValueType::kReal}};
  outcome.rows = {{Value::Real(std::numeric_limits<double>::infinity()),
                   Value::Real(-std::numeric_limits<double>::infinity()),
                   Value::Real(std::numeric_limits<double>::quiet_NaN()),
                   Value::Bytes(std::string("\0\xff", 2)), Value::Null(), Value::Text(""),
                   Value::Integer(-1), Value::Real(1)}};
  const auto messages = Run("SELECT values");
  EXPECT_EQ(ValuesOf(messages[1]),
            (Strings{"Infinity", "-Infinity", "NaN", "\\x00ff", "<null>", "", "-1", "1"}));
  std::vector<std::uint32_t> types;
  for (const auto& [name, type] : ColumnsOf(messages[0])) {
    types.push_back(type);
  }
  EXPECT_EQ(types, (std::vector<std::uint32_t>{701, 701, 701, 17, 25, 25, 20, 701}));
}

TEST_F(SimpleQueryTest, UndeclaredColumnsTakeTheTypeOfTheirValues) {
  const auto type_of = [](const std::vector<Value>& values) {
    std::deque<Row> rows;
    for (const Value& value : values) {
      rows.push_back({value});
    }
    return WireColumnsOf({{"x", ValueType::kNull}}, rows).front().type;
  };
  EXPECT_EQ(type_of({}), TypeOid::kText);
  EXPECT_EQ(type_of({Value::Null()}), TypeOid::kText);
  EXPECT_EQ(type_of({Value::Null(), Value::Integer(1)}), TypeOid::kInt8);
  EXPECT_EQ(type_of({Value::Integer(1), Value::Real(0.5)}), TypeOid::kFloat8);
  EXPECT_EQ(type_of({Value::Integer(1), Value::Text("a")}), TypeOid::kText);
  EXPECT_EQ(type_of({Value::Bytes("a")}), TypeOid::kBytea);
}

TEST_F(SimpleQueryTest, LargeResultsGoInChunks) {
  FakeOutcome& outcome = runner()["SELECT many"];
  outcome.columns = {{"x", ValueType::kText}};
  outcome.rows.assign(2000, {Value::Text(std::string(1000, 'x'))});
  StringMessageSink sink;
  EXPECT_TRUE(
      SimpleQuery(conversation_.session(), sink, conversation_.inbox()).Run("SELECT many").ok());
  EXPECT_EQ(MessagesOf(sink.text).size(), 2003U);
  EXPECT_LT(sink.largest, 70'000U);
}

TEST_F(SimpleQueryTest, AClientThatHasGoneEndsTheQueryAndItsTransaction) {
  FakeOutcome& outcome = runner()["SELECT many"];
  outcome.columns = {{"x", ValueType::kText}};
  outcome.rows.assign(2000, {Value::Text(std::string(1000, 'x'))});
  StringMessageSink sink;
  sink.num_sends_left = 1;
  EXPECT_EQ(SimpleQuery(conversation_.session(), sink, conversation_.inbox())
                .Run("DELETE FROM t; SELECT many; DELETE FROM t")
                .status()
                .code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(runner().statements(), (Strings{"BEGIN", "DELETE FROM t", "SELECT many", "ROLLBACK"}));
}

}  // namespace
}  // namespace dashi
