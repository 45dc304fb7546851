#include "tests/differential/protocol_comparison.h"

#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "sql/shell/session_runner.h"

namespace dashi::differential {

namespace {

std::string ShownBytes(std::string_view bytes) {
  std::string shown;
  for (const char byte : bytes) {
    const bool plain = byte >= ' ' && byte <= '~';
    shown +=
        plain ? std::string(1, byte) : fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return shown;
}

// The transcript with the values of its rows.
std::string Shown(const std::vector<ServerMessage>& messages) {
  std::string shown;
  for (const ServerMessage& message : messages) {
    shown += (shown.empty() ? "" : " ") + TranscriptOf({message});
    if (message.type == 'D') {
      std::string values;
      for (const std::string& value : ValuesOf(message)) {
        values += (values.empty() ? "" : ",") + value;
      }
      shown += "(" + values + ")";
    } else if (message.type == 'd') {
      shown += "(" + ShownBytes(message.body) + ")";
    } else if (message.type == 'G' || message.type == 'H') {
      shown += "(" + ShownBytes(message.body) + ")";
    } else if (message.type == 'E' && !FieldOf(message, 'P').empty()) {
      shown += "@" + FieldOf(message, 'P');
    } else if (message.type == 'N') {
      shown += "(" + FieldOf(message, 'V') + " " + FieldOf(message, 'C') + ")";
    } else if (message.type == 'S') {
      shown += ":" + message.body.substr(0, message.body.find('\0'));
    }
  }
  return shown;
}

}  // namespace

std::string Prepared(std::string_view sql) { return ParseBytes("", sql) + BindBytes("", ""); }
std::string Run(std::string_view sql) { return Prepared(sql) + ExecuteBytes(""); }
std::string Described(std::string_view sql) {
  return Prepared(sql) + DescribeBytes('P', "") + ExecuteBytes("");
}

std::string Answers(WireClient& client, const Case& tried) {
  std::string answers;
  for (const Turn& turn : tried.turns) {
    client.Send(turn.bytes);
    std::vector<ServerMessage> messages;
    for (int i = 0; i < turn.num_ready; ++i) {
      const auto more = client.ReadUntilReady();
      messages.insert(messages.end(), more.begin(), more.end());
      if (messages.back().type != 'Z') {
        break;
      }
    }
    for (int i = 0; turn.num_ready == 0 && i < turn.num_messages; ++i) {
      messages.push_back(client.Read());
    }
    answers += (answers.empty() ? "" : " | ") + Shown(messages);
  }
  return answers;
}

std::string Asked(const std::string& bytes) {
  std::string asked;
  for (const ServerMessage& message : MessagesOf(bytes)) {
    asked += std::string(asked.empty() ? "" : " ") + message.type + "(";
    for (const char byte : message.body) {
      asked += byte >= ' ' && byte <= '~' ? byte : '.';
    }
    asked += ")";
  }
  return asked;
}

void PostgresProtocolTest::SetUpTestSuite() {
  auto postgres = PostgresServer::Start();
  ASSERT_TRUE(postgres.ok()) << postgres.status().ToString();
  shared_postgres = std::move(*postgres);
  shared_folder = std::filesystem::path(::testing::TempDir()) /
                  ("postgres_protocol_test_" + std::to_string(::getpid()));
  std::filesystem::remove_all(shared_folder);
  auto database = Database::Open((shared_folder / "w.db").string());
  ASSERT_TRUE(database.ok()) << database.status().ToString();
  shared_database = std::move(*database);
  const auto make_runner = []() -> Result<std::unique_ptr<StatementRunner>> {
    auto session = shared_database->NewSession();
    if (!session.ok()) {
      return session.status();
    }
    return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(*session)));
  };
  auto server = Server::Start({.port = 0}, make_runner, [] { return 7U; });
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  shared_server = std::move(*server);
  for (const char* sql : {"CREATE TABLE labels (id text PRIMARY KEY, text text)",
                          "CREATE TABLE anchors (id text PRIMARY KEY, text text)"}) {
    ASSERT_EQ(shared_postgres->AnswerOf(sql, 9).sqlstate, "");
  }
  WireClient ours(shared_server->port());
  ours.LogIn();
  const std::string rows =
      "INSERT INTO labels (id, text) VALUES ('L1', 'one'), ('L2', 'two'), ('L3', 'three')";
  ASSERT_EQ(shared_postgres->AnswerOf(rows, 9).sqlstate, "");
  ASSERT_EQ(TranscriptOf(ours.Query(rows)), "C:INSERT 0 3 Z:I");
}
void PostgresProtocolTest::TearDownTestSuite() {
  shared_server.reset();
  shared_database.reset();
  shared_postgres.reset();
  std::filesystem::remove_all(shared_folder);
}

void PostgresProtocolTest::Compare(const std::vector<Case>& cases) {
  for (const Case& tried : cases) {
    WireClient theirs(shared_postgres->socket_path());
    ASSERT_TRUE(
        TypesOf(theirs.LogIn({{"user", "dashi"}, {"database", "postgres"}})).ends_with("Z"));
    WireClient ours(shared_server->port());
    ASSERT_TRUE(TypesOf(ours.LogIn()).ends_with("Z"));
    const std::string wanted = Answers(theirs, tried);
    const std::string got = Answers(ours, tried);
    if (tried.why.empty()) {
      EXPECT_EQ(got, wanted) << tried.what;
    } else {
      EXPECT_EQ(got, tried.answer) << tried.what << ": " << tried.why;
      EXPECT_NE(got, wanted) << tried.what << " is the same by now";
    }
  }
}

}  // namespace dashi::differential
