#include "dashi/session.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

/// A query that would run for hours.
constexpr const char* kEndless =
    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) "
    "SELECT count(*) FROM n WHERE x < 0";

class SessionTest : public SessionFixture {};

TEST_F(SessionTest, RowsComeOneByOneWithTheirTypes) {
  Must("INSERT INTO relevance SELECT 1, 2, 3 WHERE 0");
  auto result = session_->Execute(
      "SELECT weight, document, 1 + 1, k AS hits, max(m) FROM relevance "
      "JOIN (SELECT 5 AS k) JOIN (VALUES (1)) AS v(m) WHERE 0 GROUP BY k");
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ASSERT_EQ(result->columns().size(), 5U);
  EXPECT_EQ(result->columns()[0].name, "weight");
  EXPECT_EQ(result->columns()[0].type, ValueType::kReal);
  EXPECT_EQ(result->columns()[1].type, ValueType::kText);
  EXPECT_EQ(result->columns()[2].type, ValueType::kInteger);
  EXPECT_EQ(result->columns()[3].type, ValueType::kInteger) << "as the subquery has it";
  EXPECT_EQ(result->columns()[3].name, "hits");
  EXPECT_EQ(result->columns()[4].type, ValueType::kNull) << "a list of names tells no types";

  // Far more rows than could be computed: only those that are pulled are.
  auto endless = session_->Execute(
      "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT x FROM n");
  ASSERT_TRUE(endless.ok());
  Row row;
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(*endless->Next(&row));
    EXPECT_EQ(row[0].integer(), i);
  }
  EXPECT_EQ(endless->command_tag(), "SELECT 3");
}

TEST_F(SessionTest, ValuesAreBoundByNumber) {
  const auto result = Run(*session_, "SELECT $2 || $1 || $2", {Value::Text("b"), Value::Text("ä")});
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->at(0).text(), "äbä");
  EXPECT_EQ(Run(*session_, "SELECT $1", {Value::Null()})->at(0), Value::Null());
  EXPECT_EQ(Run(*session_, "SELECT $1", {Value::Integer(-5)})->at(0), Value::Integer(-5));
  EXPECT_EQ(Run(*session_, "SELECT $1", {Value::Real(0.5)})->at(0), Value::Real(0.5));
  EXPECT_EQ(Run(*session_, "SELECT $1", {Value::Bytes(std::string("\0x", 2))})->at(0),
            Value::Bytes(std::string("\0x", 2)));
  EXPECT_EQ(Run(*session_, "SELECT $1", {Value::Bytes("")})->at(0), Value::Bytes(""));
  EXPECT_EQ(State("SELECT $1"), "07001");
  EXPECT_EQ(State("SELECT 1", {Value::Null()}), "07001");
  EXPECT_EQ(State("SELECT $1", {Value::Text("\xff")}), "22021");
  EXPECT_EQ(State("SELECT $1", {Value::Text(std::string("a\0b", 3))}), "22021");
}

TEST_F(SessionTest, PreparedStatementsRunManyTimes) {
  auto insert = session_->Prepare("INSERT INTO labels (id, text) VALUES ($1, $2)");
  ASSERT_TRUE(insert.ok()) << insert.status().ToString();
  EXPECT_EQ(insert->num_parameters(), 2U);
  for (int i = 0; i < 3; ++i) {
    const std::vector<Value> values = {Value::Text("l" + std::to_string(i)), Value::Text("text")};
    const auto done = insert->Execute(values);
    ASSERT_TRUE(done.ok()) << done.status().ToString();
    EXPECT_EQ(done->command_tag(), "INSERT 0 1");
  }
  auto select = session_->Prepare("SELECT id FROM labels WHERE id >= $1 ORDER BY id");
  ASSERT_TRUE(select.ok());
  // Two at once, then again: each has its own place.
  const std::vector<Value> from_start = {Value::Text("l0")};
  const std::vector<Value> from_last = {Value::Text("l2")};
  auto first = select->Execute(from_start);
  auto second = select->Execute(from_last);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());
  Row row;
  ASSERT_TRUE(*first->Next(&row));
  EXPECT_EQ(row[0].text(), "l0");
  ASSERT_TRUE(*second->Next(&row));
  EXPECT_EQ(row[0].text(), "l2");
  ASSERT_TRUE(*first->Next(&row));
  EXPECT_EQ(row[0].text(), "l1");
  EXPECT_FALSE(*second->Next(&row));
  // A prepared statement sees what was committed since.
  Must("INSERT INTO labels (id, text) VALUES ('l9', 'new')");
  auto third = select->Execute(from_last);
  ASSERT_TRUE(third.ok());
  ASSERT_TRUE(*third->Next(&row));
  ASSERT_TRUE(*third->Next(&row));
  EXPECT_EQ(row[0].text(), "l9");
  EXPECT_EQ(session_->Prepare("SELECT missing").status().sqlstate(), "42703");
}

TEST_F(SessionTest, RowsThatOutliveTheirSessionSaySo) {
  auto rows = session_->Execute("SELECT 1");
  ASSERT_TRUE(rows.ok());
  session_.reset();
  Row row;
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "24000");
}

TEST_F(SessionTest, CancelEndsTheRunningStatementAlone) {
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      session_->Cancel();
      std::this_thread::yield();
    }
  });
  const auto result = Run(*session_, kEndless);
  done = true;
  other.join();
  EXPECT_EQ(result.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(result.status().sqlstate(), "57014");
  EXPECT_TRUE(Run(*session_, "SELECT 1").ok());
  session_->Cancel();  // Nothing runs: the next statement does not suffer.
  EXPECT_TRUE(Run(*session_, "SELECT 1").ok());
}

TEST_F(SessionTest, TheCancelCheckEndsStatementsUntilItIsTakenAway) {
  std::atomic<bool> stop{true};
  session_->SetCancelCheck([&] { return stop.load(); });
  for (const char* statement :
       {kEndless, "SELECT 1", "INSERT INTO labels (id, text) VALUES ('a', 'b')"}) {
    EXPECT_EQ(State(statement), "57014") << statement;
  }
  stop = false;
  EXPECT_TRUE(Run(*session_, "SELECT 1").ok());
  stop = true;
  session_->SetCancelCheck(nullptr);
  EXPECT_TRUE(Run(*session_, "SELECT 1").ok());
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
}

TEST_F(SessionTest, AStatementEndsWhenItsTimeIsUp) {
  Must("SET statement_timeout = '20ms'");
  const auto result = Run(*session_, kEndless);
  EXPECT_EQ(result.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(result.status().sqlstate(), "57014");
  const auto write = Run(*session_, std::string("INSERT INTO labels (id, text) SELECT * FROM (") +
                                        kEndless + "), (SELECT 'x')");
  EXPECT_EQ(write.status().sqlstate(), "57014");
  // On a busy machine 20 ms may be over before any statement of this session has begun.
  EXPECT_EQ(CountOf(*NewSession(), "labels"), 0);
}

TEST_F(SessionTest, AScriptStopsAtItsFirstError) {
  std::vector<std::string> tags;
  const auto keep = [&](ResultSet& result) {
    Row row;
    while (*result.Next(&row)) {
    }
    tags.push_back(result.command_tag());
    return Status::Ok();
  };
  const Status status = session_->ExecuteScript(
      "INSERT INTO labels (id, text) VALUES ('a', ';');\n"
      "SELECT * FROM labels;\n"
      "  SELECT missing;\n"
      "DELETE FROM labels;",
      keep);
  EXPECT_EQ(status.sqlstate(), "42703");
  ASSERT_TRUE(status.position());
  EXPECT_EQ(status.position()->line, 3U);
  EXPECT_EQ(status.position()->column, 10U);
  EXPECT_EQ(tags, (std::vector<std::string>{"INSERT 0 1", "SELECT 1"}));
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
}

TEST_F(SessionTest, NoticesTellWhatDidNotHappen) {
  auto commit = session_->Execute("COMMIT");
  ASSERT_TRUE(commit.ok());
  ASSERT_EQ(commit->notices().size(), 1U);
  EXPECT_EQ(commit->command_tag(), "COMMIT");
  Must("BEGIN");
  auto begin = session_->Execute("BEGIN");
  ASSERT_TRUE(begin.ok());
  EXPECT_EQ(begin->notices().size(), 1U);
}

TEST_F(SessionTest, AReadOnlyDatabaseRefusesWrites) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  Must("CREATE MODEL m USING ngame");
  OpenOptions options;
  options.read_only = true;
  Open(options);
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
  for (const char* sql :
       {"DELETE FROM labels", "CREATE MODEL n USING ngame", "COPY labels FROM 'x.csv'",
        "TRAIN MODEL m", "PUBLISH m@1", "REVERT MODEL m", "DROP MODEL m"}) {
    EXPECT_EQ(State(sql), "25006") << sql;
  }
  Must("BEGIN");
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
  Must("COMMIT");
}

}  // namespace
}  // namespace dashi
