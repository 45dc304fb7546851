#include "dashi/session.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "dashi/database.h"
#include "storage/catalog_records.h"
#include "storage/store.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

/// A query that would run for hours.
constexpr const char* kEndless =
    "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) "
    "SELECT count(*) FROM n WHERE x < 0";

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override { Open({}); }
  void TearDown() override {
    session_.reset();
    database_.reset();
  }

  void Open(const OpenOptions& options) {
    session_.reset();
    database_.reset();
    auto database = Database::Open(directory_.path() + "/test.db", options);
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    session_ = NewSession();
  }

  std::unique_ptr<Session> NewSession() {
    auto session = database_->NewSession();
    EXPECT_TRUE(session.ok());
    return std::move(*session);
  }

  // Runs a statement to its end and returns its first column.
  static Result<std::vector<Value>> Run(Session& session, const std::string& sql,
                                        std::vector<Value> values = {}) {
    auto result = session.Execute(sql, values);
    if (!result.ok()) {
      return std::move(result).status();
    }
    std::vector<Value> column;
    Row row;
    for (;;) {
      auto more = result->Next(&row);
      if (!more.ok()) {
        return std::move(more).status();
      }
      if (!*more) {
        return column;
      }
      column.push_back(row[0]);
    }
  }
  void Must(const std::string& sql) {
    const auto result = Run(*session_, sql);
    ASSERT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
  }
  std::string State(const std::string& sql, std::vector<Value> values = {}) {
    return std::string(Run(*session_, sql, std::move(values)).status().sqlstate());
  }
  std::int64_t CountOf(Session& session, const std::string& table) {
    const auto result = Run(session, "SELECT count(*) FROM " + table);
    EXPECT_TRUE(result.ok());
    return result.ok() ? result->at(0).integer() : -1;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
};

TEST_F(SessionTest, AReleaseThatAStoppedJobStartsFromIsNotDropped) {
  session_.reset();
  database_.reset();
  std::string number;
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "shoes", "train", {"L"}}});
    testing::AddRelease(*store, "m");
    testing::AddRelease(*store, "m");
    const auto transaction = store->Begin().value();
    storage::JobRecord job;
    job.id = transaction->NextId("job").value();
    job.kind = "train";
    job.model = "m";
    job.state = storage::JobState::kPaused;
    job.options["warm_start"] = "m@1";
    ASSERT_TRUE(transaction->PutJob(job).ok());
    ASSERT_TRUE(transaction->Commit().ok());
    number = std::to_string(job.id);
  }
  Open({});
  const auto refused = Run(*session_, "DROP RELEASE m@1");
  EXPECT_EQ(refused.status().sqlstate(), "55006");
  EXPECT_NE(refused.status().message().find("job " + number), std::string::npos);
  // Nor does PUBLISH drop it, which has all others dropped, or an open.
  Must("ALTER MODEL m SET (retain_releases = 0)");
  Must("PUBLISH m@2");
  EXPECT_EQ(CountOf(*session_, "releases"), 2);
  Open({});
  EXPECT_EQ(CountOf(*session_, "releases"), 2);
  ASSERT_TRUE(Run(*session_, "CANCEL JOB " + number).ok());
  const auto dropped = Run(*session_, "DROP RELEASE m@1");
  EXPECT_TRUE(dropped.ok()) << dropped.status().ToString();
}

TEST_F(SessionTest, PublishWhenMeasuresRefusesAndRemembers) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}, {"K", "blue hats"}},
                     {{"d", "red shoes", "train", {"L"}}, {"e", "blue hats", "valid", {"K"}}});
    testing::AddRelease(*store, "m", {.seed = 1, .hnsw = true});
    testing::AddRelease(*store, "m", {.seed = 2, .hnsw = true});
    // As if the last graph that was built anew had been better than this one.
    const auto transaction = store->Begin().value();
    storage::ReleaseRecord release = *transaction->GetRelease("m", 2).value();
    release.metrics["ann recall@10 built"] = 1.02;
    ASSERT_TRUE(transaction->PutRelease(release).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }
  Open({});
  const auto notices = [&](const std::string& sql) {
    auto result = session_->Execute(sql);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    return result.ok() ? result->notices() : std::vector<std::string>();
  };
  const auto publications = [&](const std::string& path) {
    return Run(*session_, "SELECT json_extract(publications, '$" + path +
                              "') FROM releases WHERE name = 'm@2'")
        .value()
        .at(0)
        .ToString();
  };
  EXPECT_TRUE(notices("PUBLISH m@1").empty());
  EXPECT_EQ(State("BEGIN"), "00000");
  EXPECT_EQ(State("PUBLISH m@2 WHEN p@1 >= 0"), "25001");
  EXPECT_EQ(State("ROLLBACK"), "00000");
  const Status refused = Run(*session_, "PUBLISH m@2 WHEN p@1 > current").status();
  EXPECT_EQ(refused.sqlstate(), "55000");
  EXPECT_NE(refused.message().find("must be > 1.0000 (current, current 1.0000): 0.0000 off"),
            std::string_view::npos)
      << refused.message();
  EXPECT_EQ(Run(*session_, "SELECT name FROM releases WHERE published")->at(0).text(), "m@1");
  EXPECT_EQ(publications(""), "NULL");
  // A condition that names no release is one of syntax or of the name, as without conditions.
  EXPECT_EQ(State("PUBLISH m@9 WHEN p@1 >= 0"), "42704");
  EXPECT_EQ(State("PUBLISH nothing WHEN p@1 >= 0"), "42704");
  const auto lines = notices("PUBLISH m WHEN p@1 >= current - 0.002 AND latency_p50 <= '1 min'");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0],
            "m@2 meets all conditions, measured on 1 documents of split 'valid' and 2 stored "
            "queries, beside m@1");
  EXPECT_EQ(lines[1], "p@1 1.0000 >= 0.9980 (current - 0.002, current 1.0000)");
  EXPECT_TRUE(lines[3].starts_with("ann_recall@10 of m@2 is 1.0000, 0.0200 below")) << lines[3];
  EXPECT_EQ(publications("[0].replaced"), "1");
  EXPECT_EQ(publications("[0].split"), "valid");
  EXPECT_EQ(publications("[0].figures[0].condition"), "p@1 >= current - 0.002");
  EXPECT_EQ(publications("[0].figures[0].current"), "1");
  EXPECT_EQ(publications("[0].figures[2].metric"), "ann_recall@10");
  EXPECT_EQ(publications("[0].figures[2].value"), "1");
  // The release that serves already: nothing is written.
  EXPECT_EQ(notices("PUBLISH m@2 WHEN size >= current").size(), 2U);
  EXPECT_EQ(publications("[1]"), "NULL");
}

TEST_F(SessionTest, PublishWhenIsCancelledWhileItMeasures) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "red shoes", "test", {"L"}}});
    testing::AddRelease(*store, "m", {.seed = 1, .hnsw = true});
  }
  Open({});
  std::vector<std::string> phases;
  session_->SetProgressCallback([&](const Progress& progress) {
    EXPECT_EQ(progress.operation, "PUBLISH m@1");
    phases.push_back(progress.phase);
  });
  int asked = 0;
  session_->SetCancelCheck([&] {
    ++asked;
    return !phases.empty();
  });
  EXPECT_EQ(State("PUBLISH m@1 WHEN p@1 >= 0 AND ann_recall@10 >= 0"), "57014");
  EXPECT_GT(asked, 0);
  EXPECT_EQ(phases, std::vector<std::string>{"recall"});
  session_->SetCancelCheck(nullptr);
  EXPECT_EQ(CountOf(*session_, "releases WHERE published"), 0);
  EXPECT_EQ(State("PUBLISH m@1 WHEN p@1 >= 0 AND ann_recall@10 >= 0"), "00000");
  EXPECT_EQ(phases, (std::vector<std::string>{"recall", "recall", "ranking"}));
}

TEST_F(SessionTest, PublishTellsWhatItDropped) {
  session_.reset();
  database_.reset();
  {
    const auto store = testing::OpenStore(directory_.path() + "/test.db");
    testing::AddRows(*store, {{"L", "red shoes"}}, {{"d", "shoes", "train", {"L"}}});
    for (int i = 0; i < 25; ++i) {
      testing::AddRelease(*store, "m", {.dim = 4});
    }
  }
  Open({});
  const auto notices = [&](const std::string& sql) {
    auto result = session_->Execute(sql);
    EXPECT_TRUE(result.ok()) << sql << ": " << result.status().ToString();
    return result.ok() ? result->notices() : std::vector<std::string>();
  };
  EXPECT_TRUE(notices("PUBLISH m@1").empty());
  EXPECT_EQ(notices("PUBLISH m@3"),
            std::vector<std::string>{"releases that nobody keeps were dropped: m@2"});
  EXPECT_TRUE(notices("REVERT MODEL m").empty());
  const auto many = notices("PUBLISH m");
  ASSERT_EQ(many.size(), 1U);
  EXPECT_TRUE(many[0].starts_with("releases that nobody keeps were dropped: m@3, m@4, "))
      << many[0];
  EXPECT_TRUE(many[0].ends_with(", m@22 and 2 more")) << many[0];
  EXPECT_EQ(CountOf(*session_, "releases"), 2);
  // What is pinned goes with its model alone.
  Must("PIN RELEASE m@1");
  EXPECT_EQ(State("DROP RELEASE m@1"), "55000");
  Must("DROP MODEL m");
  EXPECT_EQ(CountOf(*session_, "releases"), 0);
}

TEST_F(SessionTest, RowsComeOneByOneWithTheirTypes) {
  Must("INSERT INTO relevance SELECT 1, 2, 3 WHERE 0");
  auto result = session_->Execute(
      "SELECT weight, document, 1 + 1, k AS hits FROM relevance "
      "JOIN (SELECT 5 AS k) WHERE 0");
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ASSERT_EQ(result->columns().size(), 4U);
  EXPECT_EQ(result->columns()[0].name, "weight");
  EXPECT_EQ(result->columns()[0].type, ValueType::kReal);
  EXPECT_EQ(result->columns()[1].type, ValueType::kText);
  EXPECT_EQ(result->columns()[2].type, ValueType::kNull);
  EXPECT_EQ(result->columns()[3].name, "hits");

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

TEST_F(SessionTest, AStatementSeesOnePictureOfTheDatabase) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2'), ('c', '3')");
  auto rows = session_->Execute("SELECT id FROM labels");
  ASSERT_TRUE(rows.ok());
  Row row;
  ASSERT_TRUE(*rows->Next(&row));
  const auto other = NewSession();
  ASSERT_TRUE(Run(*other, "DELETE FROM labels").ok());
  Must("INSERT INTO labels (id, text) VALUES ('d', '4')");
  std::size_t num_rows = 1;
  while (*rows->Next(&row)) {
    ++num_rows;
  }
  EXPECT_EQ(num_rows, 3U);
  EXPECT_EQ(CountOf(*session_, "labels"), 1);
}

TEST_F(SessionTest, TransactionsThatMeetAreRefusedAtCommit) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  const auto other = NewSession();
  Must("BEGIN");
  ASSERT_TRUE(Run(*other, "BEGIN").ok());
  Must("UPDATE labels SET text = 'mine' WHERE id = 'a'");
  ASSERT_TRUE(Run(*other, "UPDATE labels SET text = 'theirs' WHERE id = 'a'").ok());
  EXPECT_TRUE(session_->in_transaction());
  Must("COMMIT");
  const auto late = Run(*other, "COMMIT");
  EXPECT_EQ(late.status().sqlstate(), "40001");
  EXPECT_EQ(late.status().code(), StatusCode::kAborted);
  EXPECT_FALSE(other->in_transaction());
  EXPECT_EQ(Run(*other, "SELECT text FROM labels")->at(0).text(), "mine");
}

TEST_F(SessionTest, AWriteInABlockEndsTheRowsThatAreReadFromIt) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1'), ('b', '2')");
  Must("BEGIN");
  auto rows = session_->Execute("SELECT id FROM labels");
  ASSERT_TRUE(rows.ok());
  Row row;
  ASSERT_TRUE(*rows->Next(&row));
  auto again = session_->Execute("SELECT id FROM labels");  // Reading twice is fine.
  ASSERT_TRUE(*again->Next(&row));
  ASSERT_TRUE(*rows->Next(&row));
  Must("DELETE FROM labels");
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "24000");
  EXPECT_EQ(again->Next(&row).status().sqlstate(), "24000");
  Must("ROLLBACK");
  EXPECT_EQ(CountOf(*session_, "labels"), 2);
}

TEST_F(SessionTest, AnErrorWhileRowsAreReadFailsTheBlock) {
  Must("INSERT INTO labels (id, text) VALUES ('a', '1')");
  Must("BEGIN");
  auto rows = session_->Execute("SELECT abs(-9223372036854775807 - 1) FROM labels");
  ASSERT_TRUE(rows.ok());
  EXPECT_FALSE(session_->transaction_failed());
  Row row;
  EXPECT_EQ(rows->Next(&row).status().sqlstate(), "22003");
  EXPECT_TRUE(session_->transaction_failed());
  EXPECT_EQ(State("SELECT 1"), "25P02");
  Must("ROLLBACK");
  EXPECT_FALSE(session_->transaction_failed());
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

TEST_F(SessionTest, CopyReportsProgressAndCanBeCancelled) {
  const std::string path = directory_.path() + "/labels.csv";
  {
    std::ofstream file(path);
    for (int i = 0; i < 1000; ++i) {
      file << i << ",label " << i << "\n";
    }
  }
  const std::string copy = "COPY labels FROM '" + path + "'";
  session_->SetProgressCallback([&](const Progress&) { session_->Cancel(); });
  EXPECT_EQ(State(copy), "57014");
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
  std::vector<Progress> reports;
  session_->SetProgressCallback([&](const Progress& progress) { reports.push_back(progress); });
  Must(copy);
  ASSERT_GE(reports.size(), 2U);
  EXPECT_EQ(reports.front().operation, "COPY labels");
  EXPECT_EQ(reports.front().phase, "reading");
  EXPECT_EQ(reports.front().unit, "bytes");
  EXPECT_GT(reports.front().total, 10'000U);
  EXPECT_EQ(CountOf(*session_, "labels"), 1000);
}

// Edges are added many at a time; bad rows are told in the order of the file all the same.
TEST_F(SessionTest, BadRowsAmongManyEdgesKeepTheirLinesAndOrder) {
  ASSERT_TRUE(Run(*session_, "CREATE GRAPH g FROM documents TO labels").ok());
  ASSERT_TRUE(Run(*session_, "INSERT INTO labels (id, text) VALUES ('a', 'A')").ok());
  std::string values;
  for (int i = 1; i <= 700; ++i) {
    values += fmt::format("{}('d{}', 'text')", i == 1 ? "" : ", ", i);
  }
  ASSERT_TRUE(Run(*session_, "INSERT INTO documents (id, text) VALUES " + values).ok());
  std::ofstream file(directory_.path() + "/edges.tsv");
  for (int i = 1; i <= 700; ++i) {
    const bool is_unknown = i == 200 || i == 202 || i == 699;
    const char* weight = i == 201 ? "much" : i == 300 ? "-1" : "1";
    file << fmt::format("{}{}\ta\t{}{}\n", is_unknown ? "nobody" : "d", i, weight,
                        i == 203 ? "\textra" : "");
  }
  file.close();
  const std::string copy = "COPY edges (source, target, weight) FROM '" + directory_.path() +
                           "/edges.tsv' WITH (FORMAT tsv, graph = 'g'";
  const auto stopped = Run(*session_, copy + ")");
  EXPECT_EQ(stopped.status().sqlstate(), "23503");
  EXPECT_NE(stopped.status().message().find("line 200:"), std::string::npos)
      << stopped.status().ToString();
  ASSERT_TRUE(Run(*session_, copy + ", rejects = '" + directory_.path() + "/bad.txt')").ok());
  std::ifstream rejects(directory_.path() + "/bad.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(rejects, line);) {
    lines.push_back(line.substr(0, line.find('\t')));
  }
  EXPECT_EQ(lines, std::vector<std::string>({"200", "201", "202", "203", "300", "699"}));
  const auto edges = Run(*session_, "SELECT count(*) FROM edges");
  ASSERT_TRUE(edges.ok());
  EXPECT_EQ(edges->front(), Value::Integer(694));
}

TEST_F(SessionTest, BytesThatAreNotUtf8AreABadRow) {
  const std::string path = directory_.path() + "/bad.csv";
  std::ofstream(path, std::ios::binary) << "a,good\nb,b\xff"
                                        << "d\n";
  const auto result = Run(*session_, "COPY labels FROM '" + path + "'");
  EXPECT_EQ(result.status().sqlstate(), "22021");
  EXPECT_NE(result.status().message().find("line 2"), std::string_view::npos);
  EXPECT_EQ(CountOf(*session_, "labels"), 0);
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

TEST_F(SessionTest, ColumnsReachOpenSessionsAndPreparedStatements) {
  const auto other = NewSession();
  Must("INSERT INTO labels (id, text) VALUES ('a', 'x')");
  EXPECT_EQ(Run(*other, "SELECT lang FROM labels").status().sqlstate(), "42703");
  auto select = session_->Prepare("SELECT * FROM labels WHERE id = $1");
  auto insert = session_->Prepare("INSERT INTO labels (id, text) VALUES ($1, 'y')");
  ASSERT_TRUE(select.ok() && insert.ok());
  const Value a[] = {Value::Text("a")};
  const Value b[] = {Value::Text("b")};
  EXPECT_EQ(select->Execute(a)->columns().size(), 3U);

  ASSERT_TRUE(Run(*other, "ALTER TABLE labels ADD COLUMN lang TEXT DEFAULT 'en'").ok());
  {
    auto rows = select->Execute(a);
    ASSERT_TRUE(rows.ok()) << rows.status().ToString();
    ASSERT_EQ(rows->columns().size(), 4U);
    Row row;
    ASSERT_TRUE(*rows->Next(&row));
    EXPECT_EQ(row[3], Value::Text("en"));
    // Rows that are being read keep the table as it was.
    ASSERT_TRUE(Run(*other, "ALTER TABLE labels RENAME COLUMN lang TO language").ok());
    EXPECT_EQ(Run(*session_, "SELECT language FROM labels")->size(), 1U);
    EXPECT_FALSE(*rows->Next(&row));
  }
  ASSERT_TRUE(insert->Execute(b).ok());
  EXPECT_EQ(Run(*session_, "SELECT language FROM labels WHERE id = 'b'")->at(0), Value::Text("en"));
  ASSERT_TRUE(Run(*other, "ALTER TABLE labels DROP COLUMN language").ok());
  EXPECT_EQ(select->Execute(a)->columns().size(), 3U);
}

TEST_F(SessionTest, TransactionsThatAlterOneTableConflict) {
  const auto other = NewSession();
  Must("BEGIN");
  Must("ALTER TABLE documents ADD COLUMN mine INTEGER");
  ASSERT_TRUE(Run(*other, "ALTER TABLE documents ADD COLUMN theirs INTEGER").ok());
  ASSERT_TRUE(Run(*other, "ALTER TABLE labels ADD COLUMN free INTEGER").ok());
  EXPECT_EQ(State("COMMIT"), "40001");
  EXPECT_EQ(State("SELECT mine FROM documents"), "42703");
  Must("SELECT theirs FROM documents");
  Must("ALTER TABLE documents ADD COLUMN mine INTEGER");
  // A block that began before sees the columns of its start.
  Must("BEGIN");
  Must("INSERT INTO documents (id, text, mine) VALUES ('d', 'x', 5)");
  ASSERT_TRUE(Run(*other, "ALTER TABLE documents RENAME COLUMN mine TO ours").ok());
  Must("UPDATE documents SET mine = mine + 1");
  Must("COMMIT");
  EXPECT_EQ(Run(*session_, "SELECT ours FROM documents")->at(0).integer(), 6);
}

TEST_F(SessionTest, SessionsOfOneDatabaseRunAtOnce) {
  Must("INSERT INTO documents (id, text) VALUES ('d', 'x')");
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto session = NewSession();
      for (int i = 0; i < 20; ++i) {
        const std::string id = std::to_string(t) + "_" + std::to_string(i);
        const bool good =
            Run(*session, "INSERT INTO labels (id, text) VALUES ($1, 'x')", {Value::Text(id)})
                .ok() &&
            Run(*session, "SELECT count(*) FROM labels l JOIN documents d").ok();
        failures += good ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(CountOf(*session_, "labels"), 80);
}

}  // namespace
}  // namespace dashi
