// Sessions of a server's clients, as SHOW SESSIONS and those who end them see them.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "dashi/database.h"
#include "server/operations/probes.h"
#include "server/served_databases.h"
#include "server/server.h"
#include "sql/shell/session_runner.h"
#include "tests/server/wire_client.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

constexpr const char* kEndless =
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r";

class ServerSessionsTest : public ::testing::Test {
 protected:
  ServerSessionsTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("server_sessions_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    options_.port = 0;
  }
  ~ServerSessionsTest() override {
    server_.reset();
    databases_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    std::vector<std::string> directories = {(folder_ / "w.db").string()};
    if (two_databases_) {
      directories.push_back((folder_ / "x.db").string());
    }
    auto databases = ServedDatabases::Open(directories, {});
    ASSERT_TRUE(databases.ok()) << databases.status().ToString();
    databases_ = std::move(*databases);
    ServerHooks hooks;
    hooks.make_runner =
        [this](const ClientIdentity& client,
               const ClientControls& controls) -> Result<std::unique_ptr<StatementRunner>> {
      SessionOptions options;
      options.user = client.user;
      options.id = controls.process_id;
      options.client = client.address;
      options.on_cancel = controls.cancel;
      options.on_terminate = controls.terminate;
      options.on_statement = [this](const StatementReport& report) { metrics_.Note(report); };
      options.statement_memory_bytes_max = statement_memory_bytes_max_;
      auto session = databases_->all().front()->NewSession(options);
      if (!session.ok()) {
        return session.status();
      }
      return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(*session)));
    };
    hooks.secrets = [] { return 7U; };
    auto server = Server::Start(options_, hooks);
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
  }

  std::unique_ptr<WireClient> Client(const std::string& application = "") {
    auto client = std::make_unique<WireClient>(server_->port());
    client->LogIn({{"user", "ann"}, {"application_name", application}});
    return client;
  }
  // Asks until the answer is `wanted`.
  static void WaitFor(WireClient& client, const std::string& sql, const std::string& wanted) {
    std::string got;
    while (got != wanted) {
      const auto messages = client.Query(sql);
      got = messages.size() == 4 ? ValuesOf(messages[1])[0] : TranscriptOf(messages);
    }
  }
  static std::string StateOf(const WireClient& client) {
    return "SELECT state FROM sessions WHERE id = " + std::to_string(client.process_id());
  }

  const std::filesystem::path folder_;
  ServerOptions options_;
  StatementMetrics metrics_;
  bool two_databases_ = false;
  std::uint64_t statement_memory_bytes_max_ = 0;
  std::optional<ServedDatabases> databases_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerSessionsTest, AreSeenInWhatTheyDo) {
  Start();
  const auto watcher = Client("watcher");
  const auto client = Client("worker");
  const std::string where = " FROM sessions WHERE id = " + std::to_string(client->process_id());
  WaitFor(*watcher, StateOf(*client), "idle");
  const auto seen = watcher->Query("SELECT user, client, application_name" + where);
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(ValuesOf(seen[1]), (std::vector<std::string>{"ann", "127.0.0.1", "worker"}));
  client->Query("BEGIN");
  WaitFor(*watcher, StateOf(*client), "idle in transaction");
  client->Query("SELECT nope");
  WaitFor(*watcher, StateOf(*client), "idle in transaction (aborted)");
  client->Query("ROLLBACK");
  WaitFor(*watcher, StateOf(*client), "idle");
  WaitFor(*watcher, "SELECT statement" + where, "ROLLBACK");
  client->Query("CREATE ROLE eve PASSWORD 'hunter2'");
  WaitFor(*watcher, "SELECT statement" + where, "CREATE ROLE ...");
  client->Send(QueryBytes(kEndless));
  WaitFor(*watcher, StateOf(*client), "active");
  WaitFor(*watcher, "SELECT statement" + where, kEndless);
  EXPECT_EQ(TranscriptOf(watcher->Query("CANCEL SESSION " + std::to_string(client->process_id()))),
            "C:CANCEL SESSION Z:I");
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "E:57014 Z:I");
  WaitFor(*watcher, StateOf(*client), "idle");
}

TEST_F(ServerSessionsTest, CanBeEnded) {
  Start();
  const auto admin = Client();
  const auto idle = Client();
  const auto in_block = Client();
  const auto busy = Client();
  const auto loading = Client();
  in_block->Query("BEGIN");
  in_block->Query("INSERT INTO labels (id, text) VALUES ('a', 'b')");
  busy->Send(QueryBytes(kEndless));
  loading->Send(QueryBytes("COPY labels FROM STDIN"));
  EXPECT_EQ(loading->Read().type, 'G');
  WaitFor(*admin, StateOf(*busy), "active");
  for (const auto* client : {&idle, &in_block, &busy, &loading}) {
    EXPECT_EQ(
        TranscriptOf(admin->Query("TERMINATE SESSION " + std::to_string((*client)->process_id()))),
        "C:TERMINATE SESSION Z:I");
  }
  EXPECT_EQ(TranscriptOf(idle->ReadUntilReady()), "E!:57P01 .");
  EXPECT_EQ(TranscriptOf(in_block->ReadUntilReady()), "E!:57P01 .");
  for (const auto* client : {&busy, &loading}) {
    EXPECT_EQ(TranscriptOf((*client)->ReadUntilReady()), "E:57014 Z:I");
    EXPECT_EQ(TranscriptOf((*client)->ReadUntilReady()), "E!:57P01 .");
  }
  WaitFor(*admin, "SELECT count(*) FROM sessions", "1");
  WaitFor(*admin, "SELECT count(*) FROM labels", "0");
  EXPECT_EQ(TranscriptOf(admin->Query("TERMINATE SESSION 4000000000")), "E:42704 Z:I");
  const auto other = Client();
  const std::string pid = std::to_string(other->process_id());
  WaitFor(*other, "SELECT pg_backend_pid()", pid);
  WaitFor(*admin, "SELECT query FROM pg_stat_activity WHERE pid = " + pid,
          "SELECT pg_backend_pid()");
  other->Send(QueryBytes(kEndless));
  WaitFor(*admin, StateOf(*other), "active");
  WaitFor(*admin, "SELECT pg_cancel_backend(" + pid + ")", "t");
  EXPECT_EQ(TranscriptOf(other->ReadUntilReady()), "E:57014 Z:I");
  WaitFor(*admin, "SELECT pg_terminate_backend(" + pid + ")", "t");
  EXPECT_EQ(TranscriptOf(other->ReadUntilReady()), "E!:57P01 .");
  WaitFor(*admin, "SELECT pg_terminate_backend(4000000000)", "f");
  EXPECT_EQ(TranscriptOf(admin->Query("CANCEL SESSION x")), "E:42601 Z:I");
}

TEST_F(ServerSessionsTest, ThatWaitTooLongAreEnded) {
  Start();
  const auto client = Client();
  client->Query("SET idle_session_timeout = '50ms'");
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "E!:57P05 .");
  const auto in_block = Client();
  in_block->Query("SET idle_in_transaction_session_timeout = '50ms'");
  in_block->Query("BEGIN");
  EXPECT_EQ(TranscriptOf(in_block->ReadUntilReady()), "E!:25P03 .");
  const auto working = Client();
  working->Query("SET idle_session_timeout = '500ms'");
  for (int i = 0; i < 5; ++i) {
    // Each takes a fifth of the limit, and none of it counts.
    working->Query(
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 50000) "
        "SELECT max(n) FROM r");
  }
  working->Query("SET idle_session_timeout = 0");
  EXPECT_EQ(TranscriptOf(working->Query("SELECT 1 AS one")), "T D C:SELECT 1 Z:I");
}

TEST_F(ServerSessionsTest, RequestsDoNotWaitForEverForAWorker) {
  options_.num_workers = 1;
  options_.queue_wait_max = std::chrono::milliseconds(20);
  Start();
  const auto busy = Client();
  const auto client = Client();
  busy->Send(QueryBytes(kEndless));
  // One of its requests waits for longer than that.
  const Stopwatch waited;
  while (server_->counters().num_jobs_waiting == 0 || waited.Seconds() < 0.1) {
    if (server_->counters().num_jobs_waiting == 0) {
      client->Send(QueryBytes("SELECT 1 AS one"));
    }
    std::this_thread::yield();
  }
  WireClient(server_->port()).Send(CancelRequestBytes(busy->process_id(), busy->secret()));
  EXPECT_EQ(TranscriptOf(busy->ReadUntilReady()), "E:57014 Z:I");
  std::string said;
  while (said.find("53300") == std::string::npos) {
    said = TranscriptOf(client->ReadUntilReady());
    ASSERT_TRUE(said == "T D C:SELECT 1 Z:I" || said == "E:53300 Z:I") << said;
  }
}

TEST_F(ServerSessionsTest, ProbesTellOfThem) {
  Start();
  Probes probes(*databases_, *server_, metrics_);
  const auto client = Client();
  client->Query("SELECT nope");
  const auto watcher = Client();
  WaitFor(*watcher, StateOf(*client), "idle");
  EXPECT_EQ(probes.Answer("/healthz").status, 200);
  EXPECT_EQ(probes.Answer("/readyz").status, 200);
  EXPECT_EQ(probes.Answer("/other").status, 404);
  const HttpReply metrics = probes.Answer("/metrics");
  EXPECT_EQ(metrics.status, 200);
  for (const char* line :
       {"dashi_connections 2\n", "dashi_sessions{state=\"idle\"} ",
        "dashi_memory_bytes{use=\"cache\"}", "dashi_connections_accepted_total 2\n",
        "dashi_statement_errors_total{kind=\"SELECT\",sqlstate=\"42703\"} 1\n",
        "dashi_storage_live_sst_bytes ", "dashi_storage_write_stopped 0\n",
        "# TYPE dashi_storage_block_cache_capacity_bytes gauge\n",
        "dashi_topk_seconds_bucket{part=\"encode\",le=\"1e-05\"} 0\n",
        "dashi_topk_seconds_bucket{part=\"rank\",le=\"+Inf\"} 0\n",
        "dashi_topk_seconds_count{part=\"search\"} 0\n", "process_resident_memory_bytes "}) {
    EXPECT_NE(metrics.body.find(line), std::string::npos) << line << "\n" << metrics.body;
  }
  probes.BeginStop();
  EXPECT_EQ(probes.Answer("/readyz").status, 503);
  EXPECT_EQ(probes.Answer("/healthz").status, 200);
}

TEST_F(ServerSessionsTest, AStatementBeyondItsMemoryFailsAlone) {
  statement_memory_bytes_max_ = std::uint64_t{8} << 20;
  Start();
  const auto client = Client();
  const auto other = Client();
  const std::string large = "SELECT replace(hex(zeroblob(4000000)), '0', 'aaaa')";
  const auto fails = [](const std::vector<ServerMessage>& messages, const std::string& state) {
    const std::string transcript = TranscriptOf(messages);
    EXPECT_TRUE(transcript.ends_with("E:53200 Z:" + state)) << transcript;
  };
  fails(client->Query(large), "I");
  EXPECT_EQ(TranscriptOf(client->Query("SELECT 1 AS one")), "T D C:SELECT 1 Z:I");
  // Rows come until one is too large; prepared, in a portal, a cursor and a COPY.
  const std::string rows =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT "
      "hex(zeroblob(i * 500000))::text FROM n";
  fails(client->Query(rows), "I");
  for (int i = 0; i < 2; ++i) {
    client->Send(ParseBytes("", rows) + BindBytes("", "") + ExecuteBytes("", 1) + SyncBytes());
    EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "1 2 D s Z:I");
    client->Send(BindBytes("", "") + ExecuteBytes("", 2) + ExecuteBytes("", 2) + SyncBytes());
    fails(client->ReadUntilReady(), "I");
  }
  EXPECT_EQ(TranscriptOf(client->Query("BEGIN")), "C:BEGIN Z:T");
  client->Query("INSERT INTO labels (id, text) VALUES ('a', 'x')");
  EXPECT_EQ(TranscriptOf(client->Query("SAVEPOINT s")), "C:SAVEPOINT Z:T");
  EXPECT_EQ(TranscriptOf(client->Query("DECLARE c CURSOR FOR " + rows)), "C:DECLARE CURSOR Z:T");
  EXPECT_EQ(TranscriptOf(client->Query("FETCH 1 FROM c")), "T D C:FETCH 1 Z:T");
  fails(client->Query("FETCH ALL FROM c"), "E");
  EXPECT_EQ(TranscriptOf(client->Query("ROLLBACK TO s")), "C:ROLLBACK Z:T");
  fails(client->Query("COPY (" + rows + ") TO STDOUT"), "E");
  client->Query("ROLLBACK TO s");
  EXPECT_EQ(TranscriptOf(client->Query("COMMIT")), "C:COMMIT Z:I");
  WaitFor(*other, "SELECT count(*) FROM labels", "1");
  // What it took is there again, and its session's alone.
  WaitFor(*other,
          "SELECT memory_bytes < 300000 FROM sessions WHERE id = " +
              std::to_string(client->process_id()),
          "t");
  client->Query("SET statement_memory = '64MB'");
  EXPECT_EQ(TypesOf(client->Query(rows)), "TDDDDCZ");
  fails(other->Query(large), "I");
  client->Query("RESET statement_memory");
  EXPECT_EQ(ValuesOf(client->Query("SHOW statement_memory")[1])[0], "8MB");
  Probes probes(*databases_, *server_, metrics_);
  client->Query("CREATE ROLE ann MEMORY LIMIT '96MB'");
  const std::string metrics = probes.Answer("/metrics").body;
  EXPECT_NE(metrics.find("dashi_role_memory_bytes{role=\"ann\"} "), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("dashi_role_memory_limit_bytes{role=\"ann\"} 100663296\n"),
            std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("dashi_memory_bytes{use=\"statements\"} "), std::string::npos) << metrics;
}

TEST_F(ServerSessionsTest, TextsThatAreNoStatementAreCounted) {
  Start();
  Probes probes(*databases_, *server_, metrics_);
  const auto client = Client();
  int wanted = 0;
  const auto expect_one_more = [&](const std::string& text) {
    ++wanted;
    const std::string metrics = probes.Answer("/metrics").body;
    EXPECT_NE(metrics.find("dashi_statements_unparsed_total{sqlstate=\"42601\"} " +
                           std::to_string(wanted) + "\n"),
              std::string::npos)
        << text << "\n"
        << metrics;
  };
  // Alone, in a query of several, the server's own, and in a block that has failed.
  for (const char* query : {"SELEKT 1", "SELECT 1; SELEKT 2", "DECLARE c CURSOR", "CLOSE"}) {
    client->Query(query);
    expect_one_more(query);
  }
  client->Query("BEGIN");
  client->Query("SELECT 1 / nope");
  client->Query("SELEKT 3");
  expect_one_more("in a failed block");
  client->Query("ROLLBACK");
  client->Query("");
  client->Send(ParseBytes("", "SELEKT 4") + SyncBytes());
  client->ReadUntilReady();
  expect_one_more("prepared");
  client->Send(ParseBytes("", "") + SyncBytes());
  client->ReadUntilReady();
  client->Query("SELECT 1");
  --wanted;
  expect_one_more("nothing but what is no statement");
}

TEST_F(ServerSessionsTest, MetricsTellWhatTopKTakes) {
  std::filesystem::create_directories(folder_);
  {
    const auto store = testing::OpenStore((folder_ / "w.db").string());
    ASSERT_NE(store, nullptr);
    testing::AddRows(*store, {{"L1", "word1"}, {"L2", "word2"}, {"L3", "word3"}}, {});
    testing::AddRelease(*store, "m");
  }
  Start();
  Probes probes(*databases_, *server_, metrics_);
  const auto client = Client();
  client->Query("PUBLISH m@1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(TypesOf(client->Query("SELECT label FROM topk('word1', 2)")), "TDDCZ");
  }
  const std::string metrics = probes.Answer("/metrics").body;
  for (const auto& [part, count] :
       {std::pair("encode", 3U), std::pair("search", 3U), std::pair("rank", 0U)}) {
    const std::string label = std::string("{part=\"") + part + "\"";
    std::istringstream lines(metrics);
    std::vector<std::uint64_t> below;
    double sum = -1;
    for (std::string line; std::getline(lines, line);) {
      const std::string value = line.substr(line.rfind(' ') + 1);
      if (line.starts_with("dashi_topk_seconds_bucket" + label)) {
        below.push_back(std::stoull(value));
      } else if (line.starts_with("dashi_topk_seconds_sum" + label)) {
        sum = std::stod(value);
      } else if (line.starts_with("dashi_topk_seconds_count" + label)) {
        EXPECT_EQ(std::stoull(value), count) << part;
      }
    }
    EXPECT_EQ(below.size(), 16U) << part;
    EXPECT_TRUE(std::is_sorted(below.begin(), below.end())) << metrics;
    EXPECT_EQ(below.empty() ? 0 : below.back(), count) << part;
    EXPECT_GE(sum, 0) << part;
    EXPECT_LT(sum, 60) << part;
  }
}

TEST_F(ServerSessionsTest, MetricsOfTwoDatabasesAreToldApart) {
  two_databases_ = true;
  Start();
  const auto client = Client();
  Probes probes(*databases_, *server_, metrics_);
  EXPECT_EQ(probes.Answer("/readyz").status, 200);
  const std::string metrics = probes.Answer("/metrics").body;
  EXPECT_NE(metrics.find("dashi_memory_bytes{database=\"w.db\",use=\"cache\"}"), std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("dashi_memory_bytes{database=\"x.db\",use=\"cache\"}"), std::string::npos);
  EXPECT_NE(metrics.find("dashi_connections 1\n"), std::string::npos);
  constexpr std::string_view kType = "# TYPE dashi_memory_bytes";
  EXPECT_EQ(metrics.find(kType), metrics.rfind(kType));
}

}  // namespace
}  // namespace dashi
