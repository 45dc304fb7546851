// What outlives what, and calls that meet: misuse gets an error and does no harm.

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

class SessionLifetimeTest : public SessionFixture {
 protected:
  static Result<ResultSet> Failed() { return Status::Internal("no result"); }
};

TEST_F(SessionLifetimeTest, SessionsKeepTheDatabaseOpen) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2')");
  auto other = NewSession();
  database_.reset();
  Must("INSERT INTO labels (id, text) VALUES ('c', '3')");
  EXPECT_EQ(CountOf(*other, "labels"), 3);
  // The directory is still taken.
  EXPECT_EQ(Database::Open(directory_.path() + "/test.db").status().sqlstate(), "55006");
  session_.reset();
  EXPECT_EQ(CountOf(*other, "labels"), 3);
  other.reset();
  EXPECT_TRUE(Database::Open(directory_.path() + "/test.db").ok());
}

TEST_F(SessionLifetimeTest, ResultsAndPreparedStatementsSayThatTheirSessionIsGone) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2')");
  auto rows = session_->Execute("SELECT id FROM labels");
  auto prepared = session_->Prepare("SELECT text FROM labels WHERE id = $1");
  const std::vector<Value> values = {Value::Text("a")};
  auto half_read = prepared->Execute(values);
  Row row;
  ASSERT_TRUE(*half_read->Next(&row));
  auto write = session_->Prepare("INSERT INTO labels (id, text) VALUES ($1, 'x')");
  ASSERT_TRUE(rows.ok() && prepared.ok() && half_read.ok() && write.ok());
  session_.reset();
  database_.reset();
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "24000");
  EXPECT_EQ(half_read->Next(&row).status().sqlstate(), "24000");
  EXPECT_EQ(half_read->columns().at(0).name, "text");
  EXPECT_EQ(half_read->command_tag(), "SELECT 1");
  EXPECT_EQ(prepared->Execute(values).status().sqlstate(), "26000");
  EXPECT_EQ(prepared->num_parameters(), 1U);
  EXPECT_EQ(prepared->columns().at(0).name, "text");
  EXPECT_EQ(write->Execute(values).status().sqlstate(), "26000");
}

TEST_F(SessionLifetimeTest, ResultsMayGoBeforeOrAfterTheirPreparedStatement) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2')");
  Row row;
  auto rows = Failed();
  {
    auto prepared = session_->Prepare("SELECT id FROM labels ORDER BY id");
    ASSERT_TRUE(prepared.ok());
    rows = prepared->Execute();
    ASSERT_TRUE(*rows->Next(&row));
  }
  ASSERT_TRUE(*rows->Next(&row));
  EXPECT_EQ(row[0].text(), "b");
  auto prepared = session_->Prepare("SELECT id FROM labels ORDER BY id");
  {
    auto dropped = prepared->Execute();
    ASSERT_TRUE(*dropped->Next(&row));
  }
  auto again = prepared->Execute();
  ASSERT_TRUE(*again->Next(&row));
  EXPECT_EQ(row[0].text(), "a");
}

TEST_F(SessionLifetimeTest, WhatWasMovedAwaySaysSo) {
  auto rows = session_->Execute("SELECT 1");
  auto prepared = session_->Prepare("SELECT $1");
  ASSERT_TRUE(rows.ok() && prepared.ok());
  const ResultSet taken_rows = std::move(*rows);
  const PreparedStatement taken = std::move(*prepared);
  Row row;
  // NOLINTBEGIN(bugprone-use-after-move): what is left is what is tested.
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "24000");
  EXPECT_TRUE(rows->columns().empty());
  EXPECT_TRUE(rows->notices().empty());
  EXPECT_EQ(rows->command_tag(), "");
  EXPECT_EQ(prepared->Execute().status().sqlstate(), "26000");
  EXPECT_EQ(prepared->num_parameters(), 0U);
  EXPECT_TRUE(prepared->columns().empty());
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(taken.num_parameters(), 1U);
}

TEST_F(SessionLifetimeTest, AnOpenBlockIsRolledBackAtTheEnd) {
  auto other = NewSession();
  ASSERT_TRUE(Run(*other, "BEGIN").ok());
  ASSERT_TRUE(Run(*other, "INSERT INTO labels (id, text) VALUES ('a', '1')").ok());
  other.reset();
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
}

TEST_F(SessionLifetimeTest, CallsThatMeetInASessionAreRefused) {
  std::promise<void> running;
  std::promise<void> refused;
  std::atomic<int> asked{0};
  auto rows = session_->Execute("SELECT 1 UNION ALL SELECT 2");
  auto prepared = session_->Prepare("SELECT 1");
  ASSERT_TRUE(rows.ok() && prepared.ok());
  session_->SetCancelCheck([&] {
    if (asked.fetch_add(1) == 0) {
      // A callback of the session that uses it.
      EXPECT_EQ(session_->Execute("SELECT 1").status().sqlstate(), "55006");
      running.set_value();
      refused.get_future().wait();
    }
    return false;
  });
  std::thread runner([&] { EXPECT_TRUE(Run(*session_, "SELECT 1").ok()); });
  running.get_future().wait();
  Row row;
  EXPECT_EQ(session_->Execute("SELECT 1").status().sqlstate(), "55006");
  EXPECT_EQ(session_->Prepare("SELECT 1").status().sqlstate(), "55006");
  EXPECT_EQ(prepared->Execute().status().sqlstate(), "55006");
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "55006");
  refused.set_value();
  runner.join();
  session_->SetCancelCheck(nullptr);
  EXPECT_TRUE(*rows->Next(&row));  // Nothing was lost by it.
  EXPECT_TRUE(prepared->Execute().ok());
  Must("SELECT 1");
}

TEST_F(SessionLifetimeTest, AScriptsCallbackMayUseTheSession) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  std::vector<std::int64_t> counts;
  const Status status = session_->ExecuteScript("SELECT 1; SELECT 2", [&](ResultSet&) {
    counts.push_back(CountOf(*session_, "labels"));
    return Status();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(counts, (std::vector<std::int64_t>{1, 1}));
}

}  // namespace
}  // namespace dashi
