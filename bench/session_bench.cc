// The embedded API beside what it stands on: rows of a SELECT a second, topk a second, and what
// preparing a statement saves.
//
// Limit: the ...Inside ones do the same work and hand nothing out.
#include "dashi/session.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "dashi/database.h"
#include "query/top_k.h"
#include "storage/store.h"
#include "tests/testing/tiny_database.h"

namespace dashi {
namespace {

constexpr int kDocuments = 100'000;
constexpr int kLabels = 10'000;
constexpr std::size_t kWords = 20;

std::string RandomText(Random& random) {
  std::string text;
  for (std::size_t i = 0; i < kWords; ++i) {
    const double u = random.UniformReal();
    text += "w" + std::to_string(static_cast<std::uint64_t>(u * u * 50'000)) + " ";
  }
  return text;
}

/// One database for all benchmarks: documents to read and a release to ask.
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
      constexpr int kRowsPerCommit = 10'000;
      for (int begin = 0; begin < kDocuments; begin += kRowsPerCommit) {
        std::vector<testing::TinyDocument> documents;
        documents.reserve(kRowsPerCommit);
        for (int i = begin; i < begin + kRowsPerCommit; ++i) {
          documents.push_back({"D" + std::to_string(i), RandomText(random), "", {}});
        }
        testing::AddRows(*store, {}, documents);
      }
    }
    database = Database::Open(path).value();
    database->NewSession().value()->Execute("PUBLISH m@1").value();
  }
  testing::TemporaryDirectory directory;
  std::unique_ptr<Database> database;
};

Fixture& Shared() {
  static Fixture fixture;
  return fixture;
}

void CountRows(benchmark::State& state, std::int64_t rows) {
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsRate);
}

void BM_SelectDocuments(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  std::int64_t num_rows = 0;
  for (auto _ : state) {
    auto rows = session->Execute("SELECT id, text FROM documents").value();
    for (Row row; rows.Next(&row).value(); ++num_rows) {
      benchmark::DoNotOptimize(row);
    }
  }
  CountRows(state, num_rows);
}
BENCHMARK(BM_SelectDocuments)->Unit(benchmark::kMillisecond);

// The same statement without the rows crossing the API: what is left for Next to save.
void BM_SelectDocumentsInside(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  std::int64_t num_rows = 0;
  for (auto _ : state) {
    auto rows =
        session->Execute("SELECT count(*), sum(length(id)), sum(length(text)) FROM documents")
            .value();
    Row row;
    benchmark::DoNotOptimize(rows.Next(&row).value());
    num_rows += row[0].integer();
  }
  CountRows(state, num_rows);
}
BENCHMARK(BM_SelectDocumentsInside)->Unit(benchmark::kMillisecond);

void BM_NextOfNumbers(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  std::int64_t num_rows = 0;
  for (auto _ : state) {
    auto rows = session
                    ->Execute(
                        "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n "
                        "WHERE x < 1000000) SELECT x FROM n")
                    .value();
    for (Row row; rows.Next(&row).value(); ++num_rows) {
      benchmark::DoNotOptimize(row);
    }
  }
  CountRows(state, num_rows);
}
BENCHMARK(BM_NextOfNumbers)->Unit(benchmark::kMillisecond);

void BM_NumbersInside(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  std::int64_t num_rows = 0;
  for (auto _ : state) {
    auto rows = session
                    ->Execute(
                        "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n "
                        "WHERE x < 1000000) SELECT count(*) FROM n")
                    .value();
    Row row;
    benchmark::DoNotOptimize(rows.Next(&row).value());
    num_rows += row[0].integer();
  }
  CountRows(state, num_rows);
}
BENCHMARK(BM_NumbersInside)->Unit(benchmark::kMillisecond);

void BM_LookUpExecuted(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  Random random(3);
  for (auto _ : state) {
    const std::vector<Value> values = {
        Value::Text("D" + std::to_string(random.Uniform(kDocuments)))};
    auto rows = session->Execute("SELECT text FROM documents WHERE id = $1", values).value();
    Row row;
    benchmark::DoNotOptimize(rows.Next(&row).value());
  }
}
BENCHMARK(BM_LookUpExecuted)->Unit(benchmark::kMicrosecond);

void BM_LookUpPrepared(benchmark::State& state) {
  const auto session = Shared().database->NewSession().value();
  auto prepared = session->Prepare("SELECT text FROM documents WHERE id = $1").value();
  Random random(3);
  for (auto _ : state) {
    const std::vector<Value> values = {
        Value::Text("D" + std::to_string(random.Uniform(kDocuments)))};
    auto rows = prepared.Execute(values).value();
    Row row;
    benchmark::DoNotOptimize(rows.Next(&row).value());
  }
}
BENCHMARK(BM_LookUpPrepared)->Unit(benchmark::kMicrosecond);

void AskTopK(benchmark::State& state, bool prepared) {
  const auto session = Shared().database->NewSession().value();
  constexpr const char* kSql = "SELECT label, score FROM topk($1, 10)";
  auto statement = session->Prepare(kSql).value();
  Random random(4 + static_cast<std::uint64_t>(state.thread_index()));
  for (auto _ : state) {
    const std::vector<Value> values = {Value::Text(RandomText(random))};
    auto rows = (prepared ? statement.Execute(values) : session->Execute(kSql, values)).value();
    for (Row row; rows.Next(&row).value();) {
      benchmark::DoNotOptimize(row);
    }
  }
  state.SetItemsProcessed(state.iterations());
}
// The same below SQL, in a second, read-only instance of the database.
void BM_TopKInside(benchmark::State& state) {
  storage::StoreOptions options;
  options.read_only = true;
  const auto store = storage::Store::Open(Shared().database->directory(), options).value();
  ThreadPool pool(1);
  query::ReleaseCache releases(store.get(), &pool);
  Random random(4);
  for (auto _ : state) {
    const std::shared_ptr<const storage::View> view = store->NewSnapshot().value();
    auto cursor = query::OpenTopK(view, releases, RandomText(random), 10, {"m", 1, 0, false});
    query::TopKHit hit;
    for (int i = 0; i < 10 && cursor.value()->Next(&hit).value(); ++i) {
      benchmark::DoNotOptimize(hit);
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_TopKInside)->Unit(benchmark::kMicrosecond);

void BM_TopKExecuted(benchmark::State& state) { AskTopK(state, false); }
BENCHMARK(BM_TopKExecuted)->Unit(benchmark::kMicrosecond);
void BM_TopKPrepared(benchmark::State& state) { AskTopK(state, true); }
BENCHMARK(BM_TopKPrepared)->Unit(benchmark::kMicrosecond)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace dashi
