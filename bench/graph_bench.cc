// Graphs through SQL: COPY of a million edges, a click log in pieces while queries run, increments,
// neighbours and walks. One process; a load has a thread that reads, one that looks up ids and one
// that sorts and writes.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/random.h"
#include "dashi/database.h"
#include "dashi/session.h"

namespace dashi {
namespace {

constexpr int kNumDocuments = 200'000;
constexpr int kNumLabels = 100'000;
constexpr int kClicksPerLoad = 20'000;

/// A database with documents and labels, and what is loaded into it.
class GraphData {
 public:
  GraphData() {
    directory_ =
        (std::filesystem::temp_directory_path() / fmt::format("dashi_graph_bench_{}", ::getpid()))
            .string();
    std::filesystem::create_directory(directory_);
    WriteRows("documents", "doc", kNumDocuments);
    WriteRows("labels", "lab", kNumLabels);
    database_ = std::move(Database::Open(Path("db"))).value();
    session_ = std::move(database_->NewSession()).value();
    Run(fmt::format("COPY documents FROM '{}'", Path("documents.jsonl")));
    Run(fmt::format("COPY labels FROM '{}'", Path("labels.jsonl")));
  }
  ~GraphData() {
    session_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);
  }

  static GraphData& Get() {
    static GraphData data;
    return data;
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  Database& database() { return *database_; }
  void Run(const std::string& sql) { Run(*session_, sql); }
  static void Run(Session& session, const std::string& sql) {
    Result<ResultSet> result = session.Execute(sql);
    Row row;
    Status status = result.status();
    for (bool more = status.ok(); more;) {
      Result<bool> next = result->Next(&row);
      more = next.ok() && *next;
      status = next.status();
    }
    if (!status.ok()) {
      fmt::print(stderr, "{}\n{}\n", sql, status.ToString());
      std::abort();
    }
  }

  void WriteEdges(const std::string& name, int count) {
    Random random(/*seed=*/1);
    std::ofstream edges(Path(name));
    for (int i = 0; i < count; ++i) {
      edges << fmt::format("doc{:06}\tlab{:06}\t{}\n", i / (count / kNumDocuments),
                           random.Uniform(kNumLabels), 1 + random.Uniform(3));
    }
  }

  /// A piece of a click log whose documents and labels are as skewed as users are; every event has
  /// an id of its own.
  void WriteClicks(const std::string& path, int count, Random* random) {
    std::ofstream file(path);
    for (int i = 0; i < count; ++i) {
      const double skew = random->UniformReal() * random->UniformReal() * random->UniformReal();
      file << fmt::format("doc{:06}\tlab{:06}\t2026-11-27T12:{:02}:{:02}Z\te{}\n",
                          random->Uniform(kNumDocuments), static_cast<int>(skew * kNumLabels),
                          i / 60 % 60, i % 60, next_event_++);
    }
  }

 private:
  void WriteRows(const std::string& table, const std::string& prefix, int count) {
    std::ofstream file(Path(table + ".jsonl"));
    for (int i = 0; i < count; ++i) {
      file << fmt::format("{{\"id\": \"{}{:06}\", \"text\": \"text {}\"}}\n", prefix, i, i);
    }
  }

  std::string directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
  std::int64_t next_event_ = 0;
};

void CopyEdges(benchmark::State& state) {
  GraphData& data = GraphData::Get();
  const auto num_edges = static_cast<int>(state.range(0));
  data.WriteEdges("edges.tsv", num_edges);
  for (auto _ : state) {
    state.PauseTiming();
    data.Run("DROP GRAPH IF EXISTS edges_bench");
    data.Run("CREATE GRAPH edges_bench FROM documents TO labels");
    state.ResumeTiming();
    data.Run(
        fmt::format("COPY edges (source, target, weight) FROM '{}' WITH (graph = "
                    "'edges_bench', on_conflict = 'replace')",
                    data.Path("edges.tsv")));
  }
  state.SetItemsProcessed(state.iterations() * num_edges);
}
BENCHMARK(CopyEdges)
    ->Arg(1'000'000)
    ->Arg(10'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(2)
    ->UseRealTime();

// Pieces of 20,000 clicks with event ids, one load each, while another session asks for neighbours
// of documents all the time.
void CopyClicksBesideQueries(benchmark::State& state) {
  GraphData& data = GraphData::Get();
  data.Run("DROP GRAPH IF EXISTS clicks_bench");
  data.Run("CREATE GRAPH clicks_bench FROM documents TO labels WITH (half_life = '30 days')");
  Random random(/*seed=*/2);
  std::atomic<bool> stop = false;
  std::vector<double> seconds;
  std::thread queries([&] {
    const auto session = std::move(data.database().NewSession()).value();
    Random of_queries(/*seed=*/3);
    while (!stop) {
      const Stopwatch stopwatch;
      GraphData::Run(*session, fmt::format("SELECT id, weight FROM neighbors('clicks_bench', "
                                           "'doc{:06}', 10)",
                                           of_queries.Uniform(kNumDocuments)));
      seconds.push_back(stopwatch.Seconds());
    }
  });
  for (auto _ : state) {
    state.PauseTiming();
    data.WriteClicks(data.Path("clicks.tsv"), kClicksPerLoad, &random);
    state.ResumeTiming();
    data.Run(
        fmt::format("COPY clicks (document, label, at, event_id) FROM '{}' WITH (graph = "
                    "'clicks_bench')",
                    data.Path("clicks.tsv")));
  }
  stop = true;
  queries.join();
  std::sort(seconds.begin(), seconds.end());
  state.SetItemsProcessed(state.iterations() * kClicksPerLoad);
  state.counters["queries"] = static_cast<double>(seconds.size());
  state.counters["query_p50_ms"] = seconds[seconds.size() / 2] * 1e3;
  state.counters["query_p99_ms"] = seconds[seconds.size() * 99 / 100] * 1e3;
}
BENCHMARK(CopyClicksBesideQueries)->Unit(benchmark::kMillisecond)->Iterations(50)->UseRealTime();

// One increment a commit, acknowledged within about a second (synchronous_commit = off).
void Increment(benchmark::State& state) {
  GraphData& data = GraphData::Get();
  data.Run("DROP GRAPH IF EXISTS increments");
  data.Run("CREATE GRAPH increments FROM documents TO labels");
  data.Run("SET synchronous_commit = off");
  Random random(/*seed=*/4);
  for (auto _ : state) {
    data.Run(
        fmt::format("INSERT INTO edges (graph, source, target, clicks) VALUES ('increments', "
                    "'doc{:06}', 'lab{:06}', 1) ON CONFLICT DO UPDATE SET clicks = clicks + 1",
                    random.Uniform(1000), random.Uniform(1000)));
  }
  data.Run("SET synchronous_commit = on");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Increment)->Unit(benchmark::kMicrosecond);

void Ask(benchmark::State& state, const std::string& function, const std::string& arguments) {
  GraphData& data = GraphData::Get();
  Random random(/*seed=*/5);
  for (auto _ : state) {
    data.Run(fmt::format("SELECT count(*) FROM {}('edges_bench', 'doc{:06}', {})", function,
                         random.Uniform(kNumDocuments), arguments));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(Ask, neighbors, "neighbors", "10")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Ask, walk_400, "walk", "400, 0.8")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dashi
