// What the network server adds to the embedded API: topk and rows over one connection to 127.0.0.1,
// beside the same statements without it. p50 is the median time from question to last row.

#include "server/server.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/clock.h"
#include "base/random.h"
#include "dashi/database.h"
#include "dashi/session.h"
#include "sql/shell/session_runner.h"
#include "tests/server/wire_client.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

constexpr int kDocuments = 100'000;
constexpr int kLabels = 10'000;
constexpr std::size_t kWords = 20;
constexpr const char* kTopK = "SELECT label, score FROM topk($1, 10)";
constexpr const char* kRows = "SELECT id, text FROM documents";

std::string RandomText(Random& random) {
  std::string text;
  for (std::size_t i = 0; i < kWords; ++i) {
    const double u = random.UniformReal();
    text += "w" + std::to_string(static_cast<std::uint64_t>(u * u * 50'000)) + " ";
  }
  return text;
}

/// One database with documents and a release, and a server over it.
struct Fixture {
  Fixture() {
    const std::string path = directory.path() + "/bench.db";
    {
      const auto store = testing::OpenStore(path);
      Random random(1);
      std::vector<std::pair<std::string, std::string>> labels;
      labels.reserve(kLabels);
      for (int i = 0; i < kLabels; ++i) {
        labels.emplace_back("L" + std::to_string(i), RandomText(random));
      }
      testing::AddRows(*store, labels, {});
      testing::AddRelease(*store, "m", {.dim = 256, .hidden = 256});
      std::vector<testing::TinyDocument> documents;
      documents.reserve(kDocuments);
      for (int i = 0; i < kDocuments; ++i) {
        documents.push_back({"D" + std::to_string(i), RandomText(random), "", {}});
      }
      testing::AddRows(*store, {}, documents);
    }
    database = Database::Open(path).value();
    database->NewSession().value()->Execute("PUBLISH m@1").value();
    const auto make_runner = [this]() -> Result<std::unique_ptr<StatementRunner>> {
      return std::unique_ptr<StatementRunner>(
          std::make_unique<SessionRunner>(database->NewSession().value()));
    };
    server = Server::Start({.port = 0}, make_runner, [] { return 7U; }).value();
  }
  testing::TemporaryDirectory directory;
  std::unique_ptr<Database> database;
  std::unique_ptr<Server> server;
};

Fixture& Shared() {
  static Fixture fixture;
  return fixture;
}

// Asks again and again, and counts the median.
template <typename Ask>
void Measure(benchmark::State& state, const Ask& ask) {
  Random random(4 + static_cast<std::uint64_t>(state.thread_index()));
  std::vector<double> seconds;
  for (auto _ : state) {
    const std::string text = RandomText(random);
    const Stopwatch stopwatch;
    ask(text);
    seconds.push_back(stopwatch.Seconds());
  }
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  constexpr double kMicrosPerSecond = 1e6;
  state.counters["p50_us"] =
      benchmark::Counter(*middle * kMicrosPerSecond, benchmark::Counter::kAvgThreads);
  state.SetItemsProcessed(state.iterations());
}

void BM_TopKEmbedded(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  auto statement = session->Prepare(kTopK).value();
  Measure(state, [&](const std::string& text) {
    auto rows = statement.Execute(std::vector<Value>{Value::Text(text)}).value();
    for (Row row; rows.Next(&row).value();) {
      benchmark::DoNotOptimize(row);
    }
  });
}
BENCHMARK(BM_TopKEmbedded)->Unit(benchmark::kMicrosecond)->UseRealTime()->Threads(1)->Threads(64);

// Runs what another thread asks for, over a pair of sockets: what any server pays on this machine
// for the way between two threads that sleep meanwhile, and for what their caches forget.
class AsleepThread {
 public:
  AsleepThread() {
    CheckOk(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()));
    thread_ = std::thread([this] { Run(); });
  }
  ~AsleepThread() {
    ::shutdown(ends_[0], SHUT_RDWR);
    thread_.join();
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void Ask(const std::string& text) {
    text_ = text;
    char byte = 0;
    CheckOk(::send(ends_[0], &byte, 1, 0));
    CheckOk(::recv(ends_[0], &byte, 1, 0));
  }

 private:
  static void CheckOk(ssize_t result) {
    if (result < 0) {
      std::abort();
    }
  }
  void Run() {
    const auto session = Shared().database->NewSession().value();
    auto statement = session->Prepare(kTopK).value();
    char byte = 0;
    while (::recv(ends_[1], &byte, 1, 0) == 1) {
      auto rows = statement.Execute(std::vector<Value>{Value::Text(text_)}).value();
      for (Row row; rows.Next(&row).value();) {
        benchmark::DoNotOptimize(row);
      }
      CheckOk(::send(ends_[1], &byte, 1, MSG_NOSIGNAL));
    }
  }

  std::array<int, 2> ends_ = {};
  std::string text_;
  std::thread thread_;
};

void BM_TopKAcrossThreads(benchmark::State& state) {
  AsleepThread other;
  Measure(state, [&](const std::string& text) { other.Ask(text); });
}
BENCHMARK(BM_TopKAcrossThreads)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime()
    ->Threads(1)
    ->Threads(64);

// As a driver runs a statement that it has prepared, with binary results.
void BM_TopKPrepared(benchmark::State& state) {
  WireClient client(Shared().server->port());
  client.LogIn();
  client.Send(ParseBytes("s", kTopK) + DescribeBytes('S', "s") + SyncBytes());
  client.ReadUntilReady();
  Measure(state, [&](const std::string& text) {
    client.Send(BindBytes("", "s", {.parameters = {text}, .result_formats = {1}}) +
                ExecuteBytes("") + SyncBytes());
    benchmark::DoNotOptimize(client.ReadUntilReady());
  });
}
BENCHMARK(BM_TopKPrepared)->Unit(benchmark::kMicrosecond)->UseRealTime()->Threads(1)->Threads(64);

// As psycopg runs a statement: everything in one write, each time.
void BM_TopKParsed(benchmark::State& state) {
  WireClient client(Shared().server->port());
  client.LogIn();
  Measure(state, [&](const std::string& text) {
    client.Send(ParseBytes("", kTopK) + BindBytes("", "", {.parameters = {text}}) +
                DescribeBytes('P', "") + ExecuteBytes("") + SyncBytes());
    benchmark::DoNotOptimize(client.ReadUntilReady());
  });
}
BENCHMARK(BM_TopKParsed)->Unit(benchmark::kMicrosecond)->UseRealTime();

// What the way there and back costs alone: a statement without work.
void BM_NothingPrepared(benchmark::State& state) {
  WireClient client(Shared().server->port());
  client.LogIn();
  client.Send(ParseBytes("s", "SELECT 1") + SyncBytes());
  client.ReadUntilReady();
  Measure(state, [&](const std::string& /*text*/) {
    client.Send(BindBytes("", "s") + ExecuteBytes("") + SyncBytes());
    benchmark::DoNotOptimize(client.ReadUntilReady());
  });
}
BENCHMARK(BM_NothingPrepared)->Unit(benchmark::kMicrosecond)->UseRealTime();

void CountRows(benchmark::State& state) {
  state.counters["rows/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kDocuments, benchmark::Counter::kIsRate);
}

void BM_RowsEmbedded(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  for (auto _ : state) {
    auto rows = session->Execute(kRows).value();
    for (Row row; rows.Next(&row).value();) {
      benchmark::DoNotOptimize(row);
    }
  }
  CountRows(state);
}
BENCHMARK(BM_RowsEmbedded)->Unit(benchmark::kMillisecond)->UseRealTime();

// The client shares the cores, and copies each message.
void BM_RowsServed(benchmark::State& state) {
  WireClient client(Shared().server->port());
  client.LogIn();
  for (auto _ : state) {
    client.Send(ParseBytes("", kRows) + BindBytes("", "") + ExecuteBytes("") + SyncBytes());
    char type = '1';
    while (type != 'Z') {
      type = client.Read().type;
    }
  }
  CountRows(state);
}
BENCHMARK(BM_RowsServed)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace dashi
