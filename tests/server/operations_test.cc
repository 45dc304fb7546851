// Probes, metrics and the log of slow statements.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log_line.h"
#include "server/auth/audit_log.h"
#include "server/operations/http_server.h"
#include "server/operations/log_file.h"
#include "server/operations/prometheus_text.h"
#include "server/operations/slow_log.h"
#include "server/operations/statement_metrics.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

StatementReport Report(std::string_view kind, std::int64_t micros, std::string_view sqlstate) {
  StatementReport report;
  report.kind = kind;
  report.statement = "SELECT 'a\nb'";
  report.duration = std::chrono::microseconds(micros);
  report.num_rows = 3;
  report.sqlstate = sqlstate;
  return report;
}

TEST(PrometheusTextTest, EscapesWhatTheFormatGivesAMeaning) {
  PrometheusText text;
  text.Metric("m", "gauge", "a\\b\nc \"d\"");
  text.Sample("m", {{"x", "a\\b\n\"c\""}, {"y", "é"}}, 0.5);
  text.Sample("m", {}, std::uint64_t{18'446'744'073'709'551'615U});
  text.Sample("m", {}, 1.0 / 0.0);
  EXPECT_EQ(text.text(),
            "# HELP m a\\\\b\\nc \"d\"\n# TYPE m gauge\n"
            "m{x=\"a\\\\b\\n\\\"c\\\"\",y=\"é\"} 0.5\nm 18446744073709551615\nm +Inf\n");
}

TEST(PrometheusTextTest, SamplesOfAMetricStandTogether) {
  PrometheusText text;
  for (const char* database : {"a.db", "b\"", ""}) {
    text.SetDatabase(database);
    text.Gauge("rows", "how many", 2.0);
    text.Metric("bytes", "gauge", "how large");
    text.Sample("bytes", {{"of", "index"}}, std::uint64_t{7});
  }
  EXPECT_EQ(text.text(),
            "# HELP rows how many\n# TYPE rows gauge\n"
            "rows{database=\"a.db\"} 2\nrows{database=\"b\\\"\"} 2\nrows 2\n"
            "# HELP bytes how large\n# TYPE bytes gauge\n"
            "bytes{database=\"a.db\",of=\"index\"} 7\nbytes{database=\"b\\\"\",of=\"index\"} 7\n"
            "bytes{of=\"index\"} 7\n");
}

TEST(StatementMetricsTest, CountsByKindWithBucketsThatAddUp) {
  StatementMetrics metrics;
  metrics.Note(Report("SELECT", 100, "00000"));
  metrics.Note(Report("SELECT", 101, "00000"));
  metrics.Note(Report("SELECT", 999'999'999, "57014"));
  metrics.Note(Report("INSERT", 5, "23505"));
  PrometheusText text;
  metrics.Append(&text);
  const auto has = [&text](std::string_view line) {
    return ("\n" + text.text()).find("\n" + std::string(line) + "\n") != std::string::npos;
  };
  EXPECT_TRUE(has("dashi_statement_seconds_bucket{kind=\"SELECT\",le=\"0.0001\"} 1"));
  EXPECT_TRUE(has("dashi_statement_seconds_bucket{kind=\"SELECT\",le=\"0.00025\"} 2"));
  EXPECT_TRUE(has("dashi_statement_seconds_bucket{kind=\"SELECT\",le=\"600\"} 2"));
  EXPECT_TRUE(has("dashi_statement_seconds_bucket{kind=\"SELECT\",le=\"+Inf\"} 3"));
  EXPECT_TRUE(has("dashi_statement_seconds_count{kind=\"SELECT\"} 3"));
  EXPECT_TRUE(has("dashi_statement_rows_total{kind=\"SELECT\"} 9"));
  EXPECT_TRUE(has("dashi_statement_errors_total{kind=\"SELECT\",sqlstate=\"57014\"} 1"));
  EXPECT_TRUE(has("dashi_statement_errors_total{kind=\"INSERT\",sqlstate=\"23505\"} 1"));
}

TEST(StatementMetricsTest, TextsThatAreNoStatementAreCountedApart) {
  StatementMetrics metrics;
  metrics.Note(Report("SELECT", 100, "00000"));
  metrics.Note(Report("", 0, "42601"));
  metrics.Note(Report("", 0, "42601"));
  metrics.Note(Report("", 0, "42P01"));
  PrometheusText text;
  metrics.Append(&text);
  const std::string out = text.text();
  EXPECT_NE(out.find("\ndashi_statements_unparsed_total{sqlstate=\"42601\"} 2\n"),
            std::string::npos);
  EXPECT_NE(out.find("\ndashi_statements_unparsed_total{sqlstate=\"42P01\"} 1\n"),
            std::string::npos);
  EXPECT_EQ(out.find("kind=\"\""), std::string::npos) << out;
  EXPECT_EQ(out.find("dashi_statement_errors_total{"), std::string::npos) << out;
}

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest()
      : path_(std::filesystem::path(::testing::TempDir()) /
              ("log_file_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove(path_);
  }
  ~LogFileTest() override { std::filesystem::remove(path_); }
  std::vector<nlohmann::json> Lines() const {
    std::ifstream file(path_);
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
    }
    return lines;
  }

  const std::filesystem::path path_;
};

TEST_F(LogFileTest, SlowStatementsAreLinesOfJson) {
  SlowLog log;
  ClientIdentity client;
  client.user = "ann \"x\"";
  client.address = "10.0.0.1";
  StatementReport report = Report("SELECT", 2'500'000, "00000");
  report.plan = {"SCAN labels"};
  log.Note(client, 7, report);  // Nowhere yet, and it is not slow.
  ASSERT_TRUE(log.Open(path_.string()).ok());
  log.Note(client, 7, report);
  report.slow = true;
  log.Note(client, 7, report);
  report.plan.clear();
  report.sqlstate = "57014";
  log.Note(client, 7, report);
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["seconds"], 2.5);
  EXPECT_EQ(lines[0]["statement"], "SELECT 'a\nb'");
  EXPECT_EQ(lines[0]["role"], "ann \"x\"");
  EXPECT_EQ(lines[0]["session"], 7);
  EXPECT_EQ(lines[0]["plan"], nlohmann::json({"SCAN labels"}));
  EXPECT_EQ(lines[0]["outcome"], "ok");
  EXPECT_EQ(lines[1]["outcome"], "57014");
  EXPECT_FALSE(lines[1].contains("plan"));
  const auto mode = std::filesystem::status(path_).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// The format is the process's; tests leave it as they found it.
class JsonLogFormat {
 public:
  JsonLogFormat() { SetLogFormat(LogFormat::kJson); }
  ~JsonLogFormat() { SetLogFormat(LogFormat::kText); }
};

TEST_F(LogFileTest, InALogOfJsonTheFieldsHaveTheNamesOfTheServersLog) {
  const JsonLogFormat json_format;
  SlowLog slow;
  ASSERT_TRUE(slow.Open(path_.string()).ok());
  ClientIdentity client;
  client.user = "ann\xff";
  client.address = "10.0.0.1";
  StatementReport report = Report("SELECT", 2'500'000, "00000");
  report.statement = "SELECT '\x01\xfe\n'";
  report.slow = true;
  slow.Note(client, 7, report);
  AuditLog audit;
  ASSERT_TRUE(audit.Open(path_.string()).ok());
  const LogScope scope({.session = 8});
  audit.Login({"ann", "shop", "local", false, "default", Status()});
  audit.Login(
      {"ann", "shop", "local", false, "default", Status::NotFound("no").WithSqlState("28000")});
  audit.Statement(client, {"PUBLISH", "m@3", "42501"});
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 4U);
  const char* const messages[] = {"slow statement", "login", "login failed", "statement"};
  const char* const levels[] = {"warning", "info", "warning", "warning"};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    SCOPED_TRACE(lines[i].dump());
    EXPECT_EQ(lines[i]["message"], messages[i]);
    EXPECT_EQ(lines[i]["level"], levels[i]);
    EXPECT_EQ(lines[i]["session"], i == 0 ? 7 : 8);
    EXPECT_EQ(lines[i]["client"], i == 0 || i == 3 ? "10.0.0.1" : "local");
    const std::string time = lines[i]["time"];
    EXPECT_TRUE(time.ends_with('Z') && time.find('T') == 10) << time;
    for (const char* name : {"event", "role", "address"}) {
      EXPECT_FALSE(lines[i].contains(name)) << name;
    }
  }
  EXPECT_EQ(lines[0]["user"], "ann\xef\xbf\xbd");
  EXPECT_EQ(lines[0]["statement"], "SELECT '\x01\xef\xbf\xbd\n'");
  EXPECT_EQ(lines[2]["outcome"], "28000");
  EXPECT_EQ(lines[3]["object"], "m@3");
}

TEST_F(LogFileTest, AFileThatCannotBeOpenedChangesNothing) {
  LogFile log("log");
  ASSERT_TRUE(log.Open(path_.string()).ok());
  const Status status = log.Open((path_ / "below").string());
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_NE(status.message().find("cannot open the log"), std::string::npos);
  log.Write(LogLevel::kInfo, "still", {});
  ASSERT_EQ(Lines().size(), 1U);
  EXPECT_EQ(Lines()[0]["event"], "still");
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    auto server = HttpServer::Start("127.0.0.1", 0, [](std::string_view path) {
      HttpReply reply;
      if (path == "/boom") {
        throw std::runtime_error("boom");
      }
      reply.status = path == "/a" ? 200 : 404;
      reply.body = std::string(path) + "\n";
      return reply;
    });
    EXPECT_TRUE(server.ok());
    server_ = std::move(*server);
  }

  std::string Ask(std::string_view bytes) {
    WireClient client(server_->port());
    client.Send(bytes);
    return client.ReadBytes(std::size_t{1} << 20);
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersGetAndHead) {
  const std::string got = Ask("GET /a?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\n/a\n")) << got;
  const std::string head = Ask("HEAD /a HTTP/1.1\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 3"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_TRUE(Ask("GET /b HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(Ask("POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(Ask("GET /boom HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, ClosesOnWhatIsNoRequest) {
  EXPECT_EQ(Ask("\x16\x03\x01garbage\r\n\r\n"), "");
  EXPECT_EQ(Ask("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n"), "");
  EXPECT_EQ(Ask("POST /a HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + std::string(5000, 'x')), "");
  EXPECT_EQ(Ask("GET /a HTTP/1.1\r\n"), "") << "it never ends: closed after a while";
  EXPECT_TRUE(Ask("GET /a HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, TurnsAwayTooManyAtATime) {
  std::vector<std::unique_ptr<WireClient>> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(std::make_unique<WireClient>(server_->port()));
  }
  // The first sixteen wait for their time to be over; the rest was closed at once.
  int num_closed = 0;
  for (std::size_t i = 16; i < silent.size(); ++i) {
    num_closed += silent[i]->AtEnd() ? 1 : 0;
  }
  EXPECT_EQ(num_closed, 24);
  silent.clear();
  std::string got;
  while (!got.starts_with("HTTP/1.1 200")) {
    got = Ask("GET /a HTTP/1.1\r\n\r\n");
  }
}

TEST(HttpServerStartTest, TellsWhatIsWrongWithItsAddress) {
  const auto handler = [](std::string_view /*path*/) { return HttpReply(); };
  EXPECT_EQ(HttpServer::Start("nowhere", 0, handler).status().code(), StatusCode::kInvalidArgument);
  const auto first = HttpServer::Start("127.0.0.1", 0, handler);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(HttpServer::Start("127.0.0.1", (*first)->port(), handler).status().code(),
            StatusCode::kIoError);
}

}  // namespace
}  // namespace dashi
