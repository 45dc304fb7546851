// Callbacks of the application that throw, limits of time, and what can be cancelled.

#include <chrono>
#include <cstdint>
#include <fstream>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

constexpr const char* kEndless =
    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) "
    "SELECT count(*) FROM n WHERE x < 0";

class SessionCallbackTest : public SessionFixture {
 protected:
  std::string WriteRows(int count) {
    std::string path = directory_.path() + "/rows.csv";
    std::ofstream file(path);
    for (int i = 0; i < count; ++i) {
      file << "r" << i << ",text " << i << "\n";
    }
    return path;
  }
};

TEST_F(SessionCallbackTest, ACancelCheckThatThrowsEndsTheStatement) {
  int asked = 0;
  session_->SetCancelCheck([&]() -> bool {
    if (++asked == 3) {
      throw std::runtime_error("the application's own");
    }
    return false;
  });
  const Status status = Run(*session_, kEndless).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.sqlstate(), "XX000");
  EXPECT_EQ(status.message(), "the application's cancel check: the application's own");
  Must("SELECT 1");  // It throws no more.
  asked = 0;
  session_->SetCancelCheck([&]() -> bool { throw 5; });
  EXPECT_EQ(State("INSERT INTO labels (id, text) VALUES ('a', 'b')"), "XX000");
  session_->SetCancelCheck([&]() -> bool { throw std::bad_alloc(); });
  EXPECT_EQ(State("SELECT 1"), "53200");
  session_->SetCancelCheck(nullptr);
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
}

TEST_F(SessionCallbackTest, AProgressCallbackThatThrowsEndsTheStatement) {
  const std::string path = WriteRows(2000);
  session_->SetProgressCallback([](const Progress&) { throw std::runtime_error("boom"); });
  const Status copy = Run(*session_, "COPY labels FROM '" + path + "' WITH (FORMAT csv)").status();
  EXPECT_EQ(copy.message(), "the application's progress callback: boom");
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
  EXPECT_EQ(State("CHECK DATABASE"), "XX000");
  session_->SetProgressCallback(nullptr);
  Must("COPY labels FROM '" + path + "' WITH (FORMAT csv)");
  EXPECT_EQ(CountOf(*session_, "labels"), 2000);
  // The last report comes when the rows are there: the statement succeeds.
  const std::string copied = directory_.path() + "/out.csv";
  int reports = 0;
  session_->SetProgressCallback([&](const Progress& progress) {
    ++reports;
    if (progress.done == 2000) {
      throw std::runtime_error("too late");
    }
  });
  Must("COPY labels TO '" + copied + "' WITH (FORMAT csv)");
  EXPECT_GE(reports, 2);
  Must("SELECT 1");
}

TEST_F(SessionCallbackTest, AResultCallbackThatThrowsEndsTheScript) {
  const Status status = session_->ExecuteScript(
      "INSERT INTO labels (id, text) VALUES ('a', 'b'); SELECT 1; DELETE FROM labels",
      [](ResultSet& result) -> Status {
        if (!result.columns().empty()) {
          throw std::runtime_error("boom");
        }
        return Status();
      });
  EXPECT_EQ(status.message(), "the application's result callback: boom");
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
  EXPECT_TRUE(session_->ExecuteScript("SELECT 1", nullptr).ok());
}

TEST_F(SessionCallbackTest, TheTimeLimitEndsWhatRunsUntilItIsTakenAway) {
  session_->SetTimeLimit(std::chrono::milliseconds(20));
  const Status status = Run(*session_, kEndless).status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.sqlstate(), "57014");
  EXPECT_EQ(status.message(), "the session's time limit is over");
  EXPECT_EQ(State("SELECT 1"), "57014");  // The statements of a request share it.
  session_->SetTimeLimit(std::chrono::milliseconds(0));
  EXPECT_EQ(State("SELECT 1"), "57014");
  session_->SetTimeLimit(std::nullopt);
  Must("SELECT 1");
  // Rows that are being read end too.
  auto rows = session_->Execute(
      "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT x FROM n");
  Row row;
  ASSERT_TRUE(*rows->Next(&row));
  session_->SetTimeLimit(std::chrono::milliseconds(0));
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "57014");
  session_->SetTimeLimit(std::chrono::hours(1));
  Must("SET statement_timeout = '20ms'");
  EXPECT_EQ(Run(*session_, kEndless).status().message(),
            "the statement ran longer than statement_timeout");
}

/// Every long statement: it runs, and, cancelled when it asks for the n-th time, it ends with
/// 57014.
class CancelEverywhereTest : public SessionCallbackTest {
 protected:
  void SetUp() override {
    {
      const auto store = testing::OpenStore(directory_.path() + "/test.db");
      constexpr std::size_t kLabels = 300;
      std::vector<std::pair<std::string, std::string>> labels;
      labels.reserve(kLabels);
      for (std::size_t i = 0; i < kLabels; ++i) {
        labels.emplace_back("L" + std::to_string(i), "shoes number " + std::to_string(i));
      }
      testing::AddRows(*store, labels,
                       {{"d", "red shoes", "test", {"L1"}}, {"e", "shoes", "train", {"L2"}}});
      testing::AddRelease(*store, "m", {.seed = 1, .hnsw = true});
    }
    Open({});
    Must("PUBLISH m@1");
  }

  void Check(const std::string& statement, const std::string& undo) {
    SCOPED_TRACE(statement);
    int asked = 0;
    int cancel_at = -1;
    session_->SetCancelCheck([&] { return ++asked >= cancel_at && cancel_at > 0; });
    EXPECT_EQ(State(statement), "00000");
    const int asked_in_all = asked;
    EXPECT_GE(asked_in_all, 2) << "it is asked at its beginning alone";
    for (int n = 1; n <= asked_in_all; n += n < 4 ? 1 : asked_in_all / 4 + 1) {
      cancel_at = -1;
      if (!undo.empty()) {
        EXPECT_EQ(State(undo), "00000");
      }
      asked = 0;
      cancel_at = n;
      const std::string state = State(statement);
      // Past its last chance it succeeds.
      EXPECT_TRUE(state == "57014" || (state == "00000" && n >= asked && n > 1))
          << state << " " << n;
    }
    cancel_at = -1;
    if (!undo.empty()) {
      EXPECT_EQ(State(undo), "00000");
    }
    session_->SetCancelCheck(nullptr);
  }
};

TEST_F(CancelEverywhereTest, LongStatementsEndWhenTheyAreAskedTo) {
  const std::string path = WriteRows(5000);
  Check("COPY documents (id, text) FROM '" + path + "' WITH (FORMAT csv)",
        "DELETE FROM documents WHERE id LIKE 'r%'");
  Check("SELECT count(*) FROM labels a, labels b, labels c WHERE a.id < b.id AND c.id = 'L1'", "");
  Check(
      "INSERT INTO anchors (id, text) SELECT a.id || b.id, 'x' FROM labels a, labels b "
      "WHERE a.id = 'L1' OR a.id = 'L2' OR a.id = 'L3'",
      "DELETE FROM anchors");
  Check("COPY (SELECT a.id FROM labels a, labels b) TO '" + directory_.path() +
            "/out.csv' WITH (FORMAT csv)",
        "");
  Check("CHECK DATABASE", "");
  Check("EVALUATE MODEL m@1 ON 'test'", "");
  Check("SELECT count(*) FROM topk_batch('SELECT id, text FROM labels', 3)", "");
}

}  // namespace
}  // namespace dashi
