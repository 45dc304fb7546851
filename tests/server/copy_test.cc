// COPY between sockets and a real database: clients that are slow, break off or lie.

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "dashi/database.h"
#include "server/server.h"
#include "sql/shell/session_runner.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

// A client that has sent as many keeps others from loading.
constexpr std::size_t kBytesHeld = (std::size_t{1} << 20) + 100;
constexpr const char* kCopyIn = "COPY labels (id, text) FROM STDIN";

std::string Data(std::string_view bytes) { return MessageBytes('d', bytes); }
std::string Done() { return MessageBytes('c', ""); }

class ServerCopyTest : public ::testing::Test {
 protected:
  ServerCopyTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("server_copy_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    options_.port = 0;
  }
  ~ServerCopyTest() override {
    server_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    auto database = Database::Open((folder_ / "w.db").string());
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(*database);
    const auto make_runner = [this]() -> Result<std::unique_ptr<StatementRunner>> {
      auto session = database_->NewSession();
      if (!session.ok()) {
        return session.status();
      }
      return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(*session)));
    };
    auto server = Server::Start(options_, make_runner, [] { return 7U; });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
  }

  std::unique_ptr<WireClient> Client() {
    auto client = std::make_unique<WireClient>(server_->port());
    client->LogIn();
    return client;
  }
  std::string Count() {
    const auto messages = Client()->Query("SELECT count(*) FROM labels");
    return messages.size() == 4 ? ValuesOf(messages[1])[0] : TranscriptOf(messages);
  }
  // A client whose COPY waits for rows.
  std::unique_ptr<WireClient> Waiting(std::string_view before = "") {
    auto client = Client();
    client->Send(QueryBytes(kCopyIn));
    EXPECT_EQ(client->Read().type, 'G');
    client->Send(before);
    return client;
  }

  // Tries to load until another client's load is in the way.
  static void UntilItWaits(WireClient& client) {
    client.Query("SET lock_timeout = '10ms'");
    std::string said;
    while (said != "G E:55P03 Z:I") {
      client.Send(QueryBytes("COPY anchors (id, text) FROM STDIN (on_conflict = 'ignore')") +
                  Data("x\ty\n") + Done());
      said = TranscriptOf(client.ReadUntilReady());
    }
  }

  const std::filesystem::path folder_;
  ServerOptions options_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerCopyTest, LoadsMoreThanIsKeptInMemory) {
  Start();
  const auto client = Waiting();
  std::string rows;
  for (int i = 0; i < 100'000; ++i) {
    rows += std::to_string(i) + "\tthe text of a label, which has some length\n";
  }
  for (std::size_t at = 0; at < rows.size(); at += 777) {
    client->Send(Data(std::string_view(rows).substr(at, 777)));
  }
  client->Send(Done());
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "C:COPY 100000 Z:I");
  client->Send(QueryBytes("COPY (SELECT id, text FROM labels ORDER BY rowid) TO STDOUT"));
  std::string written;
  for (const ServerMessage& message : client->ReadUntilReady()) {
    written += message.type == 'd' ? message.body : "";
  }
  EXPECT_TRUE(written == rows) << written.size() << " bytes of " << rows.size();
}

TEST_F(ServerCopyTest, ABadRowIsToldToAClientThatWaits) {
  Start();
  const std::string long_row = "a\t" + std::string(kBytesHeld, 'x') + "\n";
  const auto client = Waiting(Data(long_row + "b\ttwo\tthree\n"));
  const auto messages = client->ReadUntilReady();
  ASSERT_EQ(TranscriptOf(messages), "E:22P04 Z:I");
  EXPECT_NE(FieldOf(messages[0], 'M').find("line 2 of standard input"), std::string::npos);
  client->Send(Data("c\tfour\n") + Done() + QueryBytes("SELECT 1 AS one"));
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "T D C:SELECT 1 Z:I");
  EXPECT_EQ(Count(), "0");
}

TEST_F(ServerCopyTest, ACancelReachesACopyThatWaits) {
  Start();
  const auto client = Waiting(Data("a\tone\n"));
  for (int i = 0; i < 2; ++i) {
    WireClient other(server_->port());
    other.Send(CancelRequestBytes(client->process_id(), client->secret()));
    EXPECT_TRUE(other.AtEnd());
  }
  const auto messages = client->ReadUntilReady();
  EXPECT_EQ(TranscriptOf(messages), "E:57014 Z:I");
  EXPECT_EQ(Count(), "0");
  EXPECT_EQ(TranscriptOf(client->Query("SELECT 1 AS one")), "T D C:SELECT 1 Z:I");
}

TEST_F(ServerCopyTest, ATimeLimitReachesACopyThatWaits) {
  Start();
  const auto client = Client();
  client->Query("SET statement_timeout = '100ms'");
  client->Send(QueryBytes(kCopyIn) + Data("a\tone\n"));
  const auto messages = client->ReadUntilReady();
  EXPECT_EQ(TranscriptOf(messages), "G E:57014 Z:I");
  EXPECT_NE(FieldOf(messages[1], 'M').find("statement_timeout"), std::string::npos)
      << FieldOf(messages[1], 'M');
}

TEST_F(ServerCopyTest, AClientThatKeepsOthersFromLoadingMustNotPause) {
  options_.copy_stalled_max = std::chrono::milliseconds(300);
  Start();
  const std::string long_row = "a\t" + std::string(kBytesHeld, 'x') + "\n";
  const auto client = Waiting(Data(long_row));
  const auto other = Client();
  UntilItWaits(*other);
  other->Query("SET lock_timeout = 0");
  other->Send(QueryBytes("COPY anchors (id, text) FROM STDIN") + Data("c\td\n") + Done());
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "E:57014 Z:I");
  EXPECT_EQ(TranscriptOf(other->ReadUntilReady()), "G C:COPY 1 Z:I");
  EXPECT_EQ(Count(), "0");
}

TEST_F(ServerCopyTest, ACopyThatWaitsForAnotherCanBeCancelled) {
  Start();
  const auto client = Waiting(Data("a\t" + std::string(kBytesHeld, 'x') + "\n"));
  const auto other = Client();
  UntilItWaits(*other);
  other->Query("SET lock_timeout = 0");
  other->Send(QueryBytes(kCopyIn) + Data("c\td\n") + Done());
  EXPECT_EQ(other->Read().type, 'G');
  WireClient(server_->port()).Send(CancelRequestBytes(other->process_id(), other->secret()));
  EXPECT_EQ(TranscriptOf(other->ReadUntilReady()), "E:57014 Z:I");
  client->Send(Done());
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "C:COPY 1 Z:I");
}

TEST_F(ServerCopyTest, AClientThatGoesLeavesNothing) {
  Start();
  {
    const auto client = Waiting(Data("a\tone\nb\ttwo\n"));
    const auto politely = Waiting(Data("c\tone\n") + MessageBytes('X', ""));
  }
  server_->BeginStop();
  EXPECT_TRUE(server_->WaitUntilIdle(std::chrono::seconds(60)));
  server_.reset();
  database_.reset();
  Start();
  EXPECT_EQ(Count(), "0");
}

TEST_F(ServerCopyTest, AServerThatStopsEndsWhatWaits) {
  Start();
  const auto client = Waiting(Data("a\tone\n"));
  server_->BeginStop();
  EXPECT_FALSE(server_->WaitUntilIdle(std::chrono::milliseconds(100)));
  server_.reset();  // Cancels it.
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "E:57014 Z:I");
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "E!:57P01 .");
}

TEST_F(ServerCopyTest, ClientsThatKeepACopyWaitingHinderNobody) {
  options_.num_workers = 2;
  Start();
  std::vector<std::unique_ptr<WireClient>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(Waiting(Data("w" + std::to_string(i) + "\tx\n")));
  }
  const auto client = Client();
  EXPECT_EQ(TranscriptOf(client->Query("INSERT INTO labels (id, text) VALUES ('a', 'b')")),
            "C:INSERT 0 1 Z:I");
  client->Send(QueryBytes(kCopyIn) + Data("c\td\n") + Done());
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "G C:COPY 1 Z:I");
  EXPECT_EQ(Count(), "2");
  for (const auto& other : waiting) {
    other->Send(Done());
    EXPECT_EQ(TranscriptOf(other->ReadUntilReady()), "C:COPY 1 Z:I");
  }
  EXPECT_EQ(Count(), "22");
}

TEST_F(ServerCopyTest, AClientThatDoesNotReadItsRowsIsHeldBackAndDropped) {
  options_.send_queue_bytes_max = std::size_t{64} << 10;
  options_.send_stalled_max = std::chrono::milliseconds(200);
  Start();
  const auto client = Client();
  client->Send(
      QueryBytes("COPY (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
                 "SELECT n FROM r) TO STDOUT"));
  EXPECT_EQ(client->Read().type, 'H');
  while (server_->num_connections() > 0) {
    std::this_thread::yield();
  }
}

TEST_F(ServerCopyTest, RowsOfAMessageTooLongAreRefused) {
  Start();
  const auto client =
      Waiting(Data("a\t" + std::string(std::size_t{17} << 20, 'x') + "\n") + Done());
  EXPECT_EQ(TranscriptOf(client->ReadUntilReady()), "E:54000 Z:I");
  const auto other = Waiting("d\x7f\xff\xff\xff");
  EXPECT_EQ(TranscriptOf(other->ReadUntilReady()), ".");
}

}  // namespace
}  // namespace dashi
