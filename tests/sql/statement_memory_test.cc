// What statements and roles may allocate: the setting statement_memory and MEMORY LIMIT.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sql/session_fixture.h"

namespace dashi {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
/// What a session keeps of what it has met: declared tables, the text of an error.
constexpr std::int64_t kKeptBytes = 8 * kKiB;

class StatementMemoryTest : public SessionFixture {
 protected:
  void SetUp() override {
    SessionFixture::SetUp();
    Must(
        "INSERT INTO labels (id, text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        "FROM n WHERE i < 300) SELECT 'l' || i, 'label ' || i * 7919 % 1000 FROM n");
  }

  std::unique_ptr<Session> As(const std::string& role) {
    SessionOptions options;
    options.user = role;
    options.unrestricted = false;
    auto session = database_->NewSession(options);
    EXPECT_TRUE(session.ok()) << role << session.status().ToString();
    return std::move(*session);
  }
  static std::string IdOf(Session& session) {
    const auto id = Run(session, "SELECT pg_backend_pid()");
    EXPECT_TRUE(id.ok());
    return id.ok() ? id->front().ToString() : "";
  }
  /// What a session holds, as another one sees it.
  std::int64_t BytesOf(const std::string& id) {
    const auto watcher = NewSession();
    const auto bytes = Run(*watcher, "SELECT memory_bytes FROM sessions WHERE id = " + id);
    EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
    return bytes.ok() ? bytes->front().integer() : -1;
  }
  /// The rows of a statement as one text, or its error.
  static Result<std::string> TextOf(Session& session, const std::string& sql) {
    auto result = session.Execute(sql);
    if (!result.ok()) {
      return std::move(result).status();
    }
    std::string text;
    Row row;
    for (;;) {
      auto more = result->Next(&row);
      if (!more.ok()) {
        return std::move(more).status();
      }
      if (!*more) {
        return text;
      }
      for (const Value& value : row) {
        text += value.ToString() + "|";
      }
      text += "\n";
    }
  }
};

TEST_F(StatementMemoryTest, IsASettingWithADefaultOfTheSessions) {
  EXPECT_EQ(TextOf(*session_, "SHOW statement_memory").value(), "0|\n");
  Must("SET statement_memory = '64 mb'");
  EXPECT_EQ(TextOf(*session_, "SHOW statement_memory").value(), "64MB|\n");
  Must("SET statement_memory = 1000");
  EXPECT_EQ(TextOf(*session_, "SHOW statement_memory").value(), "1000|\n");
  for (const char* wrong : {"'-1'", "'many'", "'1.5GB'", "'2000TB'"}) {
    EXPECT_EQ(State(std::string("SET statement_memory = ") + wrong), "22023") << wrong;
  }
  SessionOptions options;
  options.statement_memory_bytes_max = 256 << 20;
  auto session = database_->NewSession(options);
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(TextOf(**session, "SHOW statement_memory").value(), "256MB|\n");
  ASSERT_TRUE(Run(**session, "SET statement_memory = 0").ok());
  EXPECT_EQ(TextOf(**session, "SHOW statement_memory").value(), "0|\n");
  ASSERT_TRUE(Run(**session, "RESET ALL").ok());
  EXPECT_EQ(
      TextOf(**session, "SELECT value, default_value FROM settings WHERE name = 'statement_memory'")
          .value(),
      "256MB|256MB|\n");
}

TEST_F(StatementMemoryTest, ASortBeyondTheLimitFailsAndItsSessionGoesOn) {
  const std::string rows =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
      "SELECT i, 'some text of a row ' || i AS t FROM n ORDER BY t DESC";
  const std::string id = IdOf(*session_);
  Must(rows);
  const std::int64_t before = BytesOf(id);
  Must("SET statement_memory = '900kB'");
  const Status failed = Run(*session_, rows).status();
  EXPECT_EQ(failed.sqlstate(), "53200") << failed.ToString();
  EXPECT_EQ(failed.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(failed.message().find("900kB"), std::string::npos) << failed.ToString();
  EXPECT_NE(failed.message().find("statement_memory"), std::string::npos) << failed.ToString();
  EXPECT_FALSE(failed.hint().empty());
  EXPECT_LT(BytesOf(id), before + kKeptBytes) << "all of it is given back";
  const auto first = Run(*session_, rows + " LIMIT 2");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(first->front().integer(), 9999);
  Must("SET statement_memory = '64MB'");
  Must(rows);
}

TEST_F(StatementMemoryTest, ValuesThatGrowAreStopped) {
  Must("SET statement_memory = '16MB'");
  const std::string id = IdOf(*session_);
  const std::int64_t before = BytesOf(id);
  for (const char* sql : {
           "SELECT replace(hex(zeroblob(10000000)), '0', 'aa')",
           "SELECT length(hex(zeroblob(10000000)))",
           "SELECT zeroblob(20000000)",
           "SELECT upper(zeroblob(20000000))",
           "SELECT zeroblob(6000000), zeroblob(6000000), zeroblob(6000000)",
           "SELECT repeat('x', 20000000)",
           "SELECT printf('%.20000000c', 'x')",
           "WITH RECURSIVE n(i, t) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, t || t FROM n WHERE "
           "i < 26) SELECT length(t) FROM n",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
           "SELECT length(group_concat(i || ' and some text')) FROM n",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
           "SELECT length(json_group_array(i || ' and some text')) FROM n",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
           "SELECT length(string_agg(i || ' and some text', ',')) FROM n",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
           "SELECT array_length(array_agg(i ORDER BY -i), 1) FROM n",
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) "
           "SELECT length(sparkline(i)) FROM n",
           "SELECT count(*) FROM json_each('[0' || replace(hex(zeroblob(2000000)), '00', ',1') || "
           "']')",
           "SELECT count(*) FROM unnest(('{0' || replace(hex(zeroblob(2000000)), '00', ',1') || "
           "'}')::int[])",
       }) {
    const Status status = Run(*session_, sql).status();
    EXPECT_EQ(status.sqlstate(), "53200") << sql << ": " << status.ToString();
    EXPECT_NE(status.message().find("statement_memory"), std::string::npos)
        << sql << ": " << status.ToString();
    EXPECT_LT(BytesOf(id), before + kKeptBytes) << sql;
  }
  Must("SELECT length(hex(zeroblob(1000000)))");
}

TEST_F(StatementMemoryTest, ALongStatementIsStoppedWhileItIsRead) {
  std::string sql = "SELECT 1";
  for (int i = 0; i < 200'000; ++i) {
    sql += "+1";
  }
  EXPECT_EQ(State(sql), "54001") << "too deep, without a limit";
  Must("SET statement_memory = '4MB'");
  EXPECT_EQ(State(sql), "53200");
  EXPECT_EQ(session_->Prepare(sql).status().sqlstate(), "53200");
  Status script = session_->ExecuteScript("SELECT 1; " + sql, nullptr);
  EXPECT_EQ(script.sqlstate(), "53200") << script.ToString();
  Must("SELECT 1");
}

TEST_F(StatementMemoryTest, AFailedStatementLeavesItsBlockAsAnyErrorDoes) {
  Must("SET statement_memory = '2MB'");
  Must("BEGIN");
  Must("INSERT INTO labels (id, text) VALUES ('kept', 'x')");
  Must("SAVEPOINT here");
  EXPECT_EQ(State("INSERT INTO labels (id, text) SELECT 'new ' || id, hex(zeroblob(8000)) FROM "
                  "labels RETURNING id, text"),
            "53200");
  EXPECT_EQ(State("SELECT 1"), "25P02");
  Must("ROLLBACK TO here");
  EXPECT_EQ(CountOf(*session_, "labels"), 301);
  EXPECT_EQ(State("DELETE FROM labels RETURNING hex(zeroblob(4000))"), "53200");
  Must("ROLLBACK TO here");
  EXPECT_EQ(CountOf(*session_, "labels"), 301);
  EXPECT_EQ(State("INSERT INTO labels (id, text) SELECT id, hex(zeroblob(4000)) FROM labels WHERE "
                  "true ON CONFLICT (id) DO UPDATE SET text = excluded.text"),
            "53200");
  Must("ROLLBACK TO here");
  Must("COMMIT");
  EXPECT_EQ(CountOf(*session_, "labels"), 301);
  EXPECT_EQ(Run(*session_, "SELECT max(length(text)) FROM labels")->front().integer(), 9);
  EXPECT_EQ(State("INSERT INTO labels (id, text) SELECT 'new ' || id, hex(zeroblob(8000)) FROM "
                  "labels RETURNING id, text"),
            "53200");
  EXPECT_EQ(CountOf(*session_, "labels"), 301) << "nothing of it is there";
}

TEST_F(StatementMemoryTest, RowsThatAreReadKeepTheirStatementsLimit) {
  const std::string rows =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
      "SELECT i, hex(zeroblob(i * 1000)) FROM n";
  auto prepared = session_->Prepare(rows);
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  const std::string id = IdOf(*session_);
  Must(rows);
  const std::int64_t before = BytesOf(id);
  Must("SET statement_memory = '300kB'");
  auto limited = prepared->Execute();
  ASSERT_TRUE(limited.ok());
  Must("SET statement_memory = 0");
  auto unlimited = session_->Execute(rows);
  ASSERT_TRUE(unlimited.ok());
  Row row;
  int num_rows = 0;
  Result<bool> more = true;
  while ((more = limited->Next(&row)).ok() && *more) {
    ++num_rows;
    ASSERT_TRUE(unlimited->Next(&row).ok());
  }
  EXPECT_EQ(more.status().sqlstate(), "53200") << more.status().ToString();
  EXPECT_GT(num_rows, 20);
  EXPECT_LT(num_rows, 150);
  EXPECT_EQ(limited->Next(&row).status().sqlstate(), "53200") << "and it stays so";
  EXPECT_GT(BytesOf(id), before) << "the other one still has its row";
  while ((more = unlimited->Next(&row)).ok() && *more) {
    ++num_rows;
  }
  EXPECT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_EQ(num_rows, 300);
  EXPECT_LT(BytesOf(id), before + kKeptBytes);
  auto again = prepared->Execute();
  ASSERT_TRUE(again.ok());
  for (num_rows = 0; (more = again->Next(&row)).ok() && *more;) {
    ++num_rows;
  }
  EXPECT_EQ(num_rows, 300) << "a prepared statement that failed runs again";
}

TEST_F(StatementMemoryTest, ARoleHasALimitForAllItsSessions) {
  Must("CREATE ROLE ann MEMORY LIMIT '32MB' LOGIN");
  Must("CREATE ROLE bob");
  Must("GRANT reader TO ann, bob");
  EXPECT_EQ(Run(*session_, "SELECT memory_limit FROM roles WHERE name = 'ann'")->front().integer(),
            32 * kMiB);
  const auto first = As("ann");
  const auto second = As("ann");
  const auto other = As("bob");
  const std::string large = "SELECT zeroblob(6000000) || x'00'";
  auto kept = first->Execute("SELECT hex(zeroblob(4000000)) UNION ALL SELECT 'end'");
  Row row;
  ASSERT_TRUE(kept.ok());
  ASSERT_TRUE(kept->Next(&row).ok());
  const Status refused = Run(*second, large).status();
  EXPECT_EQ(refused.sqlstate(), "53200") << refused.ToString();
  EXPECT_NE(refused.message().find("role ann"), std::string::npos) << refused.ToString();
  EXPECT_NE(refused.message().find("32MB"), std::string::npos) << refused.ToString();
  EXPECT_TRUE(Run(*other, large).ok()) << "another role's";
  EXPECT_TRUE(Run(*session_, large).ok()) << "and whoever may do everything";
  EXPECT_TRUE(Run(*second, "SELECT 1").ok());
  { const ResultSet gone = std::move(*kept); }
  EXPECT_TRUE(Run(*second, large).ok());
  Must("ALTER ROLE ann MEMORY LIMIT 4000000");
  EXPECT_EQ(Run(*second, large).status().sqlstate(), "53200");
  EXPECT_TRUE(Run(*first, "SELECT 1").ok());
  Must("ALTER ROLE ann MEMORY LIMIT 1");  // Sessions begin all the same.
  const auto third = As("ann");
  EXPECT_EQ(Run(*third, "SELECT 1").status().sqlstate(), "53200");
  EXPECT_TRUE(Run(*third, "SET statement_timeout = 0").ok());
  Must("ALTER ROLE ann MEMORY LIMIT -1");
  EXPECT_TRUE(Run(*third, large).ok());
  EXPECT_TRUE(
      Run(*session_, "SELECT memory_limit FROM roles WHERE name = 'ann'")->front().is_null());
}

TEST_F(StatementMemoryTest, AMemoryLimitIsASizeAndForAdmins) {
  Must("CREATE ROLE ann LOGIN PASSWORD 'x'");
  auto ann = As("ann");
  EXPECT_TRUE(Run(*ann, "ALTER ROLE ann PASSWORD 'y'").ok());
  EXPECT_EQ(Run(*ann, "ALTER ROLE ann PASSWORD 'y' MEMORY LIMIT '1GB'").status().sqlstate(),
            "42501");
  ann.reset();
  for (const char* wrong :
       {"MEMORY", "MEMORY LIMIT", "MEMORY LIMIT -2", "MEMORY LIMIT 1.5", "MEMORY LIMIT x"}) {
    EXPECT_EQ(State(std::string("ALTER ROLE ann ") + wrong), "42601") << wrong;
  }
  EXPECT_EQ(State("ALTER ROLE ann MEMORY LIMIT 'much'"), "22023");
  EXPECT_EQ(State("ALTER ROLE ann MEMORY LIMIT '2000TB'"), "22023");
  Must("ALTER ROLE ann MEMORY LIMIT '1gb' CONNECTION LIMIT 3");
  session_.reset();
  Open({});
  EXPECT_EQ(TextOf(*session_, "SELECT name, connection_limit, memory_limit FROM roles").value(),
            "ann|3|1073741824|\n");
}

TEST_F(StatementMemoryTest, ShowMemoryCountsWhatStatementsHold) {
  const std::string query = "SELECT bytes FROM memory WHERE name = 'statements'";
  const std::int64_t before = Run(*session_, query)->front().integer();
  EXPECT_GT(before, 0);
  auto kept = session_->Execute("SELECT hex(zeroblob(5000000)) UNION ALL SELECT 'end'");
  Row row;
  ASSERT_TRUE(kept.ok() && kept->Next(&row).ok());
  EXPECT_GE(Run(*session_, query)->front().integer(), before + 10'000'000);
  { const ResultSet gone = std::move(*kept); }
  EXPECT_LT(Run(*session_, query)->front().integer(), before + 200'000);
}

// What is run with less and less memory.
constexpr const char* kStatements[] = {
    "SELECT id, text FROM labels ORDER BY text DESC, id",
    "SELECT DISTINCT length(text) FROM labels ORDER BY 1",
    "SELECT length(id), count(*), group_concat(id), string_agg(id, ',' ORDER BY id) FROM "
    "labels GROUP BY 1 ORDER BY 1",
    "SELECT id, sum(length(text)) OVER (ORDER BY id ROWS 3 PRECEDING), string_agg(id, '-') "
    "OVER (ORDER BY id ROWS 2 PRECEDING) FROM labels ORDER BY id LIMIT 20",
    "WITH RECURSIVE n(i, t) AS (SELECT 1, 'x' UNION SELECT i + 1, t || i FROM n WHERE i < "
    "20) SELECT * FROM n",
    "SELECT a.id FROM labels a JOIN labels b ON b.text = a.text AND b.id < a.id ORDER BY 1",
    "SELECT id FROM labels WHERE text IN (SELECT text FROM labels WHERE id LIKE 'l1%') "
    "UNION SELECT id FROM labels WHERE id = 'l7' EXCEPT SELECT 'l9' ORDER BY 1",
    "SELECT value FROM json_each(json_group_array_of()) ORDER BY 1",
    "SELECT u FROM unnest('{3,1,2}'::int[]) AS u ORDER BY u",
    "SELECT hex(zeroblob(3000)), upper(zeroblob(3000) || ''), zeroblob(5000)",
    "SELECT l2_distance(zeroblob(4096), zeroblob(4096)), vector_dims(zeroblob(400))",
    "SELECT upper(text), array_agg(id ORDER BY id) FROM labels WHERE text ~ '[13]$' GROUP BY 1 "
    "ORDER BY 1",
    "SELECT sparkline(length(text)), json_object('a', max(id)) FROM labels",
    "EXPLAIN SELECT * FROM labels a JOIN labels b ON a.id = b.id ORDER BY a.text",
    "SELECT relname FROM pg_class ORDER BY 1 LIMIT 5",
    "SELECT * FROM roles",
    "SHOW TABLES",
    "SELECT nothing FROM labels",
    "SELECT no_function(1)",
    "SELECT 1 FROM no_table",
    "SELECT text::integer FROM labels",
    "INSERT INTO labels (id, text) VALUES ('l1', 'there already')",
    "UPDATE labels SET n = length(text) WHERE id LIKE 'l1%' RETURNING id, n",
    "DELETE FROM labels WHERE id LIKE 'l29%' RETURNING id, text",
    "INSERT INTO labels (id, text) SELECT 'l' || (length(id) + 299), text FROM labels WHERE "
    "id < 'l2' ORDER BY id LIMIT 5",
    "INSERT INTO labels (id, text, n) SELECT id, upper(text), 3 FROM labels ORDER BY id "
    "LIMIT 5 ON CONFLICT (id) DO UPDATE SET n = excluded.n, text = labels.text RETURNING id",
};

// Every allocation of a statement fails once: the limit is raised in small steps until it succeeds.
TEST_F(StatementMemoryTest, StatementsFailCleanlyWhereverTheMemoryEnds) {
  constexpr std::int64_t kStepBytes = 67;
  constexpr std::int64_t kBytesMax = 8 * kMiB;
  const std::string check = "SELECT count(*), sum(length(text)) FROM labels";
  const std::string expected_check = TextOf(*session_, check).value();
  Must("ALTER TABLE labels ADD COLUMN n INTEGER");
  for (const char* sql : kStatements) {
    SCOPED_TRACE(sql);
    std::string statement = sql;
    const std::string::size_type of = statement.find("json_group_array_of()");
    if (of != std::string::npos) {
      statement.replace(of, 21, "(SELECT json_group_array(json_object('id', id)) FROM labels)");
    }
    const auto run = [&](Session& session) -> Result<std::string> {
      EXPECT_TRUE(Run(session, "BEGIN").ok());
      Result<std::string> text = TextOf(session, statement);
      EXPECT_TRUE(Run(session, "ROLLBACK").ok());
      return text;
    };
    const Result<std::string> expected = run(*session_);
    const auto limited = NewSession();
    std::optional<Result<std::string>> last;
    int num_failed = 0;
    for (std::int64_t bytes = kKiB; bytes < kBytesMax; bytes += kStepBytes) {
      ASSERT_TRUE(Run(*limited, "SET statement_memory = " + std::to_string(bytes)).ok());
      last = run(*limited);
      if (last->status().sqlstate() != "53200") {
        break;
      }
      ASSERT_NE(last->status().message().find("statement_memory"), std::string::npos)
          << last->status().ToString();
      ++num_failed;
      if (num_failed % 16 == 0) {
        ASSERT_TRUE(Run(*limited, "SET statement_memory = 0").ok());
        ASSERT_EQ(TextOf(*limited, check).value(), expected_check);
      }
    }
    ASSERT_TRUE(last);
    EXPECT_GT(num_failed, expected.ok() ? 50 : 0);
    ASSERT_EQ(last->status().ToString(), expected.status().ToString());
    if (expected.ok()) {
      EXPECT_EQ(last->value(), expected.value());
    }
  }
}

}  // namespace
}  // namespace dashi
