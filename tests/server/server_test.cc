// The server over real sockets and a fake engine: what well-meaning and hostile clients get.

#include "server/server.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "tests/server/certificates.h"
#include "tests/server/wire_client.h"
#include "tests/shell/fake_statement_runner.h"

namespace dashi {
namespace {

using std::chrono::milliseconds;

// Bounds what a test waits for that fails; a busy machine takes its time.
constexpr milliseconds kIdleWaitMax{180'000};

// What the server owns; the test keeps the engine behind it.
class SharedRunner final : public StatementRunner {
 public:
  explicit SharedRunner(std::shared_ptr<FakeStatementRunner> engine) : engine_(std::move(engine)) {}
  Result<std::unique_ptr<StatementResult>> Run(std::string_view statement) override {
    return engine_->Run(statement);
  }
  Result<std::unique_ptr<PreparedQuery>> Prepare(std::string_view statement) override {
    return engine_->Prepare(statement);
  }
  void FailTransaction() override { engine_->FailTransaction(); }
  void Cancel() override { engine_->Cancel(); }
  void ForgetCancel() override { engine_->ForgetCancel(); }
  void SetProgressCallback(ProgressCallback callback) override {
    engine_->SetProgressCallback(std::move(callback));
  }
  bool in_transaction() const override { return engine_->in_transaction(); }
  bool transaction_failed() const override { return engine_->transaction_failed(); }

 private:
  std::shared_ptr<FakeStatementRunner> engine_;  // Sharers: the server and the test.
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { options_.port = 0; }

  void Start() {
    auto server = Server::Start(
        options_, [this] { return MakeRunner(); }, [this] { return next_secret_++; });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(server).value();
  }

  Result<std::unique_ptr<StatementRunner>> MakeRunner() {
    if (!refusal_.ok()) {
      return refusal_;
    }
    auto engine = std::make_shared<FakeStatementRunner>();
    (*engine)["SELECT n"] = NumbersOutcome();
    (*engine)["DELETE FROM t"].tag = "INSERT 0 1";
    (*engine)["SET statement_timeout = '5s'"].tag = "SET";
    (*engine)["SELECT labl"].status = UnknownColumn(7);
    (*engine)["TRAIN MODEL m"].blocked = true;
    FakeOutcome& endless = (*engine)["SELECT endless"];
    endless.columns = {{"x", ValueType::kText}};
    endless.rows = {{Value::Text(std::string(1000, 'x'))}};
    endless.endless = true;
    const MutexLock lock(mutex_);
    engines_.push_back(engine);
    return std::unique_ptr<StatementRunner>(std::make_unique<SharedRunner>(engine));
  }

  std::shared_ptr<FakeStatementRunner> Engine(std::size_t index) {
    const MutexLock lock(mutex_);
    return engines_.at(index);
  }

  ServerOptions options_;
  Status refusal_;
  std::atomic<std::uint32_t> next_secret_{1000};
  Mutex mutex_;
  std::vector<std::shared_ptr<FakeStatementRunner>> engines_ DASHI_GUARDED_BY(mutex_);
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersQueries) {
  Start();
  WireClient client(server_->port());
  client.Send(SslRequestBytes());
  EXPECT_EQ(client.ReadBytes(1), "N");
  client.Send(GssEncRequestBytes());
  EXPECT_EQ(client.ReadBytes(1), "N");
  const auto greeting = client.LogIn();
  EXPECT_EQ(TypesOf(greeting), "R" + std::string(14, 'S') + "KZ");
  EXPECT_EQ(TypesOf(client.Query("SELECT n")), "TDDCZ");
  EXPECT_EQ(TypesOf(client.Query("SELECT labl")), "EZ");
  EXPECT_EQ(TypesOf(client.Query("")), "IZ");
  EXPECT_EQ(TypesOf(client.Query("DELETE FROM t; SELECT n")), "CTDDCZ");
  EXPECT_EQ(client.Query("BEGIN").back().body, "T");
  EXPECT_EQ(client.Query("SELECT labl").back().body, "E");
  EXPECT_EQ(client.Query("ROLLBACK").back().body, "I");
  client.Send(MessageBytes('X', ""));
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ServerTest, PipelinedQueriesAreAnsweredInOrder) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    bytes += QueryBytes(i % 2 == 0 ? "SELECT n" : "SELECT labl");
  }
  client.Send(bytes);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(TypesOf(client.ReadUntilReady()), i % 2 == 0 ? "TDDCZ" : "EZ") << i;
  }
}

TEST_F(ServerTest, StartupSettingsReachTheSession) {
  Start();
  WireClient client(server_->port());
  client.LogIn({{"user", "ann"}, {"options", "-c statement_timeout=5s"}});
  EXPECT_EQ(Engine(0)->statements(), std::vector<std::string>{"SET statement_timeout = '5s'"});
  WireClient wrong(server_->port());
  const auto refused = wrong.LogIn({{"user", "ann"}, {"bogus_guc", "1"}});
  ASSERT_EQ(TypesOf(refused), "E.");
  EXPECT_EQ(FieldOf(refused[0], 'S'), "FATAL");
}

TEST_F(ServerTest, SessionsThatCannotStartAreRefused) {
  refusal_ = Status::Unavailable("closing down").WithSqlState("57P03");
  Start();
  WireClient client(server_->port());
  const auto refused = client.LogIn();
  ASSERT_EQ(TypesOf(refused), "E.");
  EXPECT_EQ(FieldOf(refused[0], 'C'), "57P03");
}

TEST_F(ServerTest, OddStartupsAreClosedWithoutAnAnswer) {
  Start();
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartupBytes({}, 2U << 16),
        std::string("\0\0\x4e\x20", 4), std::string(100, '\xff'), CancelRequestBytes(77, 1)}) {
    WireClient client(server_->port());
    client.Send(bytes);
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST_F(ServerTest, BrokenFramesCloseOneConnectionOnly) {
  Start();
  WireClient good(server_->port());
  good.LogIn();
  for (const std::string& bytes :
       {std::string("Q\0\0\0\3", 5), std::string("Q\xff\xff\xff\xff", 5), std::string("~")}) {
    WireClient bad(server_->port());
    bad.LogIn();
    bad.Send(bytes);
    const ServerMessage last = bad.Read();
    EXPECT_TRUE(last.type == '\0' || last.type == 'E');
    EXPECT_TRUE(bad.AtEnd());
  }
  EXPECT_EQ(TypesOf(good.Query("SELECT n")), "TDDCZ");
}

TEST_F(ServerTest, CancelRequestsNeedTheKey) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  client.Send(QueryBytes("TRAIN MODEL m"));
  Engine(0)->WaitUntilRunning();
  const auto cancel = [&](std::uint32_t process_id, std::uint32_t secret) {
    WireClient canceller(server_->port());
    canceller.Send(CancelRequestBytes(process_id, secret));
    EXPECT_TRUE(canceller.AtEnd()) << "no reply";
  };
  cancel(client.process_id(), client.secret() + 1);
  cancel(client.process_id() + 1, client.secret());
  EXPECT_FALSE(Engine(0)->cancelled());
  cancel(client.process_id(), client.secret());
  const auto messages = client.ReadUntilReady();
  ASSERT_EQ(TypesOf(messages), "EZ");
  EXPECT_EQ(FieldOf(messages[0], 'C'), "57014");
  EXPECT_EQ(TypesOf(client.Query("SELECT n")), "TDDCZ") << "the session lives on";
}

TEST_F(ServerTest, ACancelRequestWithoutAQueryHarmsNoLaterOne) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  {
    WireClient canceller(server_->port());
    canceller.Send(CancelRequestBytes(client.process_id(), client.secret()));
    EXPECT_TRUE(canceller.AtEnd());
  }
  EXPECT_FALSE(Engine(0)->cancelled());
}

TEST_F(ServerTest, ADisconnectCancelsTheQuery) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  client.Send(QueryBytes("TRAIN MODEL m"));
  Engine(0)->WaitUntilRunning();
  client.Close();
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  EXPECT_TRUE(Engine(0)->cancelled());
}

TEST_F(ServerTest, AClientThatDoesNotReadHoldsBackItsQueryAndIsDropped) {
  options_.send_queue_bytes_max = 256 << 10;
  options_.send_stalled_max = milliseconds(300);
  Start();
  WireClient lazy(server_->port());
  lazy.LogIn();
  lazy.Send(QueryBytes("SELECT endless"));
  Engine(0)->WaitUntilRunning();
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
}

TEST_F(ServerTest, AClientThatReadsGetsAllItWants) {
  options_.send_queue_bytes_max = 256 << 10;
  Start();
  WireClient client(server_->port());
  client.LogIn();
  client.Send(QueryBytes("SELECT endless"));
  for (int i = 0; i < 20'000; ++i) {
    const ServerMessage message = client.Read();
    ASSERT_EQ(message.type, i == 0 ? 'T' : 'D');
  }
  WireClient canceller(server_->port());
  canceller.Send(CancelRequestBytes(client.process_id(), client.secret()));
  const auto rest = client.ReadUntilReady();
  ASSERT_GE(rest.size(), 2U);
  EXPECT_EQ(FieldOf(rest[rest.size() - 2], 'C'), "57014");
}

TEST_F(ServerTest, RepliesToAClientThatNeverReadsAreBounded) {
  options_.send_queue_bytes_max = 64 << 10;
  options_.send_stalled_max = milliseconds(300);
  Start();
  WireClient client(server_->port());
  client.LogIn();
  std::string syncs;
  for (int i = 0; i < 1000; ++i) {
    syncs += MessageBytes('S', "");
  }
  // 16 MB of requests whose replies nobody takes: the server stops reading, then lets go.
  std::thread sender([&] {
    for (int i = 0; i < 3000; ++i) {
      client.Send(syncs);
    }
  });
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  sender.join();
}

TEST_F(ServerTest, PipelinesOfTheExtendedProtocolAreAnsweredInOrder) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    const std::string sql = i % 2 == 0 ? "SELECT n" : "SELECT labl";
    bytes += ParseBytes("", sql) + BindBytes("", "") + DescribeBytes('P', "") + ExecuteBytes("") +
             SyncBytes();
  }
  // However the bytes come.
  for (std::size_t begin = 0; begin < bytes.size(); begin += 777) {
    client.Send(std::string_view(bytes).substr(begin, 777));
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(TranscriptOf(client.ReadUntilReady()),
              i % 2 == 0 ? "1 2 T D D C:SELECT 2 Z:I" : "1 2 n E:42703 Z:I")
        << i;
  }
}

TEST_F(ServerTest, ASeriesOfAnySizeIsOneTransaction) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  constexpr int kNumInserts = 20'000;
  std::string bytes = ParseBytes("i", "DELETE FROM t");
  for (int i = 0; i < kNumInserts; ++i) {
    bytes += BindBytes("", "i") + ExecuteBytes("");
  }
  std::thread sender([&] { client.Send(bytes + SyncBytes()); });
  const auto messages = client.ReadUntilReady();
  sender.join();
  EXPECT_EQ(messages.size(), 2U + 2 * kNumInserts);
  EXPECT_EQ(messages.back().body, "I");
  const std::vector<std::string> statements = Engine(0)->statements();
  ASSERT_EQ(statements.size(), 2U + kNumInserts);
  EXPECT_EQ(statements.front(), "BEGIN");
  EXPECT_EQ(statements.back(), "COMMIT");
}

TEST_F(ServerTest, ACancelReachesAPortalThatIsBeingSent) {
  options_.send_queue_bytes_max = 256 << 10;
  Start();
  WireClient client(server_->port());
  client.LogIn();
  const std::string endless = ParseBytes("", "SELECT endless") + BindBytes("", "");
  client.Send(endless + ExecuteBytes("") + SyncBytes() + QueryBytes("SELECT n"));
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(client.Read().type, i < 2 ? '1' + i : 'D');
  }
  WireClient canceller(server_->port());
  canceller.Send(CancelRequestBytes(client.process_id(), client.secret()));
  const auto rest = client.ReadUntilReady();
  ASSERT_GE(rest.size(), 2U);
  EXPECT_EQ(FieldOf(rest[rest.size() - 2], 'C'), "57014");
  EXPECT_EQ(TypesOf(client.ReadUntilReady()), "TDDCZ");
}

TEST_F(ServerTest, ACancelledSeriesLeavesNoTransaction) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  const std::string insert = ParseBytes("", "DELETE FROM t") + BindBytes("", "") + ExecuteBytes("");
  client.Send(insert + ParseBytes("", "TRAIN MODEL m") + BindBytes("", "") + ExecuteBytes("") +
              insert + SyncBytes());
  Engine(0)->WaitUntilRunning();
  WireClient canceller(server_->port());
  canceller.Send(CancelRequestBytes(client.process_id(), client.secret()));
  EXPECT_EQ(TranscriptOf(client.ReadUntilReady()), "1 2 C:INSERT 0 1 1 2 E:57014 Z:I");
  EXPECT_EQ(Engine(0)->statements().back(), "ROLLBACK");
}

TEST_F(ServerTest, APortalForAClientThatDoesNotReadIsHeldBackAndDropped) {
  options_.send_queue_bytes_max = 256 << 10;
  options_.send_stalled_max = milliseconds(300);
  Start();
  WireClient lazy(server_->port());
  lazy.LogIn();
  lazy.Send(ParseBytes("", "SELECT endless") + BindBytes("", "") + ExecuteBytes("") + FlushBytes());
  Engine(0)->WaitUntilRunning();
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  const auto engine = Engine(0);
  server_.reset();  // The worker has ended too.
  EXPECT_FALSE(engine->in_transaction());
}

TEST_F(ServerTest, SettingsOfTheStartupAreReported) {
  Start();
  WireClient client(server_->port());
  client.LogIn({{"user", "ann"}, {"options", "-c statement_timeout=5s"}});
  FakeOutcome& shown = (*Engine(0))["SHOW TimeZone"];
  shown.columns = {{"timezone", ValueType::kText}};
  shown.rows = {{Value::Text("Europe/Berlin")}};
  const auto messages = client.Query("SELECT n");
  ASSERT_EQ(TypesOf(messages), "TDDCSZ");
  EXPECT_EQ(messages[4].body, std::string("TimeZone\0Europe/Berlin\0", 23));
}

TEST_F(ServerTest, StrangersAreShownOutAfterTheDeadline) {
  options_.startup_deadline = milliseconds(200);
  Start();
  // On a busy machine the polite one may be too slow itself, and comes again.
  std::unique_ptr<WireClient> polite;
  std::string greeting;
  for (int attempt = 0; attempt < 100 && !greeting.ends_with("KZ"); ++attempt) {
    polite = std::make_unique<WireClient>(server_->port());
    greeting = TypesOf(polite->LogIn());
  }
  ASSERT_TRUE(greeting.ends_with("KZ")) << greeting;
  WireClient silent(server_->port());
  WireClient slow(server_->port());
  slow.Send(StartupBytes({{"user", "ann"}}).substr(0, 6));
  EXPECT_TRUE(silent.AtEnd());
  EXPECT_TRUE(slow.AtEnd());
  EXPECT_EQ(TypesOf(polite->Query("SELECT n")), "TDDCZ") << "who is in stays in";
}

TEST_F(ServerTest, MoreClientsThanPlacesAreTold) {
  options_.num_connections_max = 2;
  Start();
  WireClient first(server_->port());
  WireClient second(server_->port());
  first.LogIn();
  second.LogIn();
  {
    WireClient third(server_->port());
    const auto refused = third.LogIn();
    ASSERT_EQ(TypesOf(refused), "E.");
    EXPECT_EQ(FieldOf(refused[0], 'C'), "53300");
  }
  // Cancelling needs no place.
  first.Send(QueryBytes("TRAIN MODEL m"));
  Engine(0)->WaitUntilRunning();
  WireClient canceller(server_->port());
  canceller.Send(CancelRequestBytes(first.process_id(), first.secret()));
  EXPECT_EQ(TypesOf(first.ReadUntilReady()), "EZ");
  // A place that is given back is free again.
  second.Send(MessageBytes('X', ""));
  EXPECT_TRUE(second.AtEnd());
  std::string types;
  for (int attempt = 0; attempt < 1000 && types.size() < 3; ++attempt) {
    types = TypesOf(WireClient(server_->port()).LogIn());
  }
  EXPECT_TRUE(types.ends_with("KZ")) << types;
}

TEST_F(ServerTest, QueriesRunSideBySideAndNeverBlockTheRest) {
  options_.num_workers = 2;
  Start();
  WireClient one(server_->port());
  WireClient two(server_->port());
  WireClient three(server_->port());
  one.LogIn();
  two.LogIn();
  three.LogIn();
  one.Send(QueryBytes("TRAIN MODEL m"));
  two.Send(QueryBytes("TRAIN MODEL m"));
  Engine(0)->WaitUntilRunning();
  Engine(1)->WaitUntilRunning();
  // Both workers are busy; the I/O thread still answers what needs no worker.
  three.Send(MessageBytes('S', ""));
  EXPECT_EQ(TypesOf(three.ReadUntilReady()), "Z");
  three.Send(QueryBytes("SELECT n"));
  WireClient canceller(server_->port());
  canceller.Send(CancelRequestBytes(one.process_id(), one.secret()));
  EXPECT_EQ(TypesOf(one.ReadUntilReady()), "EZ");
  EXPECT_EQ(TypesOf(three.ReadUntilReady()), "TDDCZ");
  two.Close();
}

TEST_F(ServerTest, StoppingTellsTheIdleAndLetsTheBusyEnd) {
  Start();
  WireClient idle(server_->port());
  WireClient busy(server_->port());
  idle.LogIn();
  busy.LogIn();
  busy.Send(QueryBytes("TRAIN MODEL m"));
  Engine(1)->WaitUntilRunning();
  server_->BeginStop();
  const ServerMessage goodbye = idle.Read();
  EXPECT_EQ(goodbye.type, 'E');
  EXPECT_EQ(FieldOf(goodbye, 'C'), "57P01");
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_FALSE(server_->WaitUntilIdle(milliseconds(50))) << "the query still runs";
  server_->CancelAll();
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  const auto last = busy.ReadUntilReady();
  ASSERT_EQ(TypesOf(last), "EZ");
  EXPECT_EQ(FieldOf(last[0], 'C'), "57014");
  EXPECT_EQ(FieldOf(busy.Read(), 'C'), "57P01");
  EXPECT_TRUE(busy.AtEnd());
  EXPECT_FALSE(WireClient(server_->port()).connected());
}

TEST_F(ServerTest, DestructionEndsRunningQueries) {
  Start();
  WireClient client(server_->port());
  client.LogIn();
  client.Send(QueryBytes("TRAIN MODEL m"));
  Engine(0)->WaitUntilRunning();
  server_.reset();
  EXPECT_TRUE(Engine(0)->cancelled());
}

TEST_F(ServerTest, ManyClientsComeAndGo) {
  Start();
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> num_answers{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        WireClient client(server_->port());
        client.LogIn();
        if (round % 5 == 0) {
          client.Send(QueryBytes("SELECT n"));  // and leaves without waiting
        } else if (TypesOf(client.Query("SELECT n")) == "TDDCZ") {
          ++num_answers;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(num_answers, 160);
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
}

TEST(ServerOptionsTest, OnlyLoopbackIsServed) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    EXPECT_TRUE(CheckServerOptions({.host = host}).ok()) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "192.168.1.1", "8.8.8.8", "example.org", ""}) {
    const Status status = CheckServerOptions({.host = host});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << host;
    EXPECT_FALSE(status.hint().empty());
  }
}

TEST(ServerOptionsTest, ATakenPortIsAnError) {
  const auto make_runner = []() -> Result<std::unique_ptr<StatementRunner>> {
    return Status::Unavailable("never");
  };
  const auto secrets = [] { return 1U; };
  const auto first = Server::Start({.port = 0}, make_runner, secrets);
  ASSERT_TRUE(first.ok());
  const auto second = Server::Start({.port = (*first)->port()}, make_runner, secrets);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kIoError);
  EXPECT_NE(second.status().message().find("Address already in use"), std::string::npos);
}

class ServerFilesTest : public ServerTest {
 protected:
  ServerFilesTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("server_files_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ServerFilesTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void UseTls() {
    const CertificateFiles files = MakeCertificate(folder_);
    options_.tls_certificate_file = files.certificate;
    options_.tls_key_file = files.key;
  }

  std::filesystem::path folder_;
};

TEST_F(ServerFilesTest, BytesInTheClearBehindTheRequestForTlsEndTheConnection) {
  UseTls();
  Start();
  WireClient client(server_->port());
  client.Send(SslRequestBytes() + StartupBytes({{"user", "eve"}}) + QueryBytes("SELECT n"));
  EXPECT_TRUE(client.AtEnd()) << "no answer";
  // Sent a moment later they are what the handshake begins with, and no part of the protocol.
  WireClient later(server_->port());
  later.Send(SslRequestBytes());
  EXPECT_EQ(later.ReadBytes(1), "S");
  later.Send(StartupBytes({{"user", "eve"}}) + QueryBytes("SELECT n"));
  EXPECT_EQ(TypesOf(MessagesOf(later.ReadBytes(1000))).find('R'), std::string::npos);
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  const MutexLock lock(mutex_);
  EXPECT_TRUE(engines_.empty());
}

TEST_F(ServerFilesTest, AHandshakeThatDoesNotEndIsEnded) {
  UseTls();
  options_.startup_deadline = milliseconds(300);
  Start();
  WireClient silent(server_->port());
  silent.Send(SslRequestBytes());
  EXPECT_EQ(silent.ReadBytes(1), "S");
  WireClient slow(server_->port());
  slow.Send(SslRequestBytes());
  EXPECT_EQ(slow.ReadBytes(1), "S");
  slow.Send("\x16\x03");
  EXPECT_TRUE(silent.AtEnd());
  EXPECT_TRUE(slow.AtEnd());
  // Nor does it keep the server from stopping.
  options_.startup_deadline = milliseconds(600'000);
  Start();
  WireClient waiting(server_->port());
  waiting.Send(SslRequestBytes());
  EXPECT_EQ(waiting.ReadBytes(1), "S");
  server_.reset();
  EXPECT_TRUE(waiting.AtEnd());
}

TEST_F(ServerFilesTest, ClientsWithoutTlsAreServedBesideThoseWithIt) {
  UseTls();
  Start();
  WireClient client(server_->port());
  EXPECT_TRUE(TypesOf(client.LogIn()).ends_with("KZ"));
}

TEST_F(ServerFilesTest, AReloadReadsTheCertificateAgainOrLeavesItAsItIs) {
  Start();
  WireClient plain(server_->port());
  plain.Send(SslRequestBytes());
  EXPECT_EQ(plain.ReadBytes(1), "N");
  UseTls();
  ServerOptions changed = options_;
  ASSERT_TRUE(server_->Reload(changed).ok());
  WireClient encrypted(server_->port());
  encrypted.Send(SslRequestBytes());
  EXPECT_EQ(encrypted.ReadBytes(1), "S");
  changed.tls_key_file = "/nowhere";
  EXPECT_EQ(server_->Reload(changed).code(), StatusCode::kNotFound);
  changed.tls_key_file = "";
  EXPECT_EQ(server_->Reload(changed).code(), StatusCode::kInvalidArgument);
  WireClient as_before(server_->port());
  as_before.Send(SslRequestBytes());
  EXPECT_EQ(as_before.ReadBytes(1), "S");
}

TEST_F(ServerFilesTest, AUnixSocketIsForItsOwnerAndGoesWithTheServer) {
  options_.unix_socket_directory = folder_;
  Start();
  const std::filesystem::path path = folder_ / (".s.PGSQL." + std::to_string(server_->port()));
  EXPECT_EQ(server_->socket_path(), path.string());
  const auto permissions = std::filesystem::status(path).permissions();
  EXPECT_EQ(permissions & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
  WireClient client(path.string());
  EXPECT_TRUE(TypesOf(client.LogIn()).ends_with("KZ"));
  EXPECT_EQ(TypesOf(client.Query("SELECT n")), "TDDCZ");
  WireClient over_tcp(server_->port());
  EXPECT_TRUE(TypesOf(over_tcp.LogIn()).ends_with("KZ"));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerFilesTest, ASocketThatALostServerLeftIsReplaced) {
  options_.unix_socket_directory = folder_;
  Start();
  options_.port = server_->port();
  const std::string path = server_->socket_path();
  const int lost = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  server_.reset();
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(lost, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(lost);
  ASSERT_TRUE(std::filesystem::exists(path));
  Start();
  WireClient client(path);
  EXPECT_TRUE(TypesOf(client.LogIn()).ends_with("KZ"));
  // One at which a server listens is not.
  const auto second = Server::Start(
      options_, [this] { return MakeRunner(); }, [] { return 1U; });
  EXPECT_EQ(second.status().code(), StatusCode::kIoError) << "the port";
  EXPECT_TRUE(std::filesystem::exists(path));
  options_.unix_socket_directory = folder_ / std::string(100, 'x');
  options_.port = 0;
  EXPECT_EQ(Server::Start(
                options_, [this] { return MakeRunner(); }, [] { return 1U; })
                .status()
                .code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, ClientsThatAreNotLetInAreFew) {
  options_.num_unauthenticated_max = 3;
  Start();
  std::vector<std::unique_ptr<WireClient>> silent;
  silent.reserve(3);
  for (int i = 0; i < 3; ++i) {
    silent.push_back(std::make_unique<WireClient>(server_->port()));
  }
  WireClient let_in(server_->port());
  EXPECT_TRUE(silent[0]->AtEnd()) << "it has waited longest";
  EXPECT_TRUE(TypesOf(let_in.LogIn()).ends_with("KZ"));
  EXPECT_TRUE(TypesOf(silent[1]->LogIn()).ends_with("KZ"));
  WireClient first(server_->port());
  WireClient second(server_->port());
  EXPECT_FALSE(server_->WaitUntilIdle(milliseconds(0)));
  EXPECT_TRUE(TypesOf(silent[2]->LogIn()).ends_with("KZ")) << "three may wait";
  EXPECT_TRUE(TypesOf(first.LogIn()).ends_with("KZ"));
  EXPECT_TRUE(TypesOf(second.LogIn()).ends_with("KZ"));
}

}  // namespace
}  // namespace dashi
