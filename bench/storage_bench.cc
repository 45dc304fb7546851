#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/mutex.h"
#include "base/random.h"
#include "base/status.h"
#include "storage/store.h"

// Every figure is durable: a commit or a load counts once it is synced. DASHI_BENCH_DIRECTORY names
// the disk to use (default: the folder for temporary files, which may be memory).

namespace dashi::storage {
namespace {

constexpr std::uint64_t kSeed = 7;

// A database in a folder of its own, removed at the end.
class BenchStore {
 public:
  explicit BenchStore(const std::string& name, FileGate& gate = FileGate::System()) : gate_(gate) {
    const char* folder = std::getenv("DASHI_BENCH_DIRECTORY");
    directory_ = (folder == nullptr ? std::filesystem::temp_directory_path().string() : folder) +
                 ("/dashi_bench_" + name);
    std::filesystem::remove_all(directory_);
    Reopen();
  }
  ~BenchStore() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  BenchStore(const BenchStore&) = delete;
  BenchStore& operator=(const BenchStore&) = delete;

  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }
  void Close() { store_.reset(); }
  void Reopen() {
    store_.reset();
    StoreOptions options;
    options.file_gate = &gate_;
    auto opened = Store::Open(directory_, options);
    store_ = std::move(opened).value();
  }

 private:
  FileGate& gate_;
  std::string directory_;
  std::unique_ptr<Store> store_;
};

// A disk whose syncs take as long as those of one without a write cache that survives power loss.
class SlowSyncGate : public FileGate {
 public:
  explicit SlowSyncGate(std::chrono::milliseconds time) : time_(time) {}

  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override {
    if (change.step == FileStep::kSync) {
      Mutex mutex;
      MutexLock lock(mutex);
      CondVar never;
      never.WaitFor(mutex, time_);
    }
    return FileGate::Pass(change, make);
  }

 private:
  const std::chrono::milliseconds time_;
};

EntityRow RandomRow(std::uint64_t number, std::size_t text_bytes, Random& random) {
  EntityRow row;
  row.id = "document/" + std::to_string(number);
  row.text.resize(text_bytes);
  for (char& byte : row.text) {
    byte = static_cast<char>('a' + random.Uniform(26));
  }
  return row;
}

void LoadRows(Store& store, EntityKind kind, std::uint64_t count, std::size_t text_bytes) {
  Random random(kSeed);
  auto load = store.BeginRowLoad(kind, DuplicatePolicy::kFail);
  for (std::uint64_t i = 0; i < count; ++i) {
    DASHI_CHECK(load.value()->AddRow(RandomRow(i, text_bytes, random)).ok());
  }
  DASHI_CHECK(load.value()->Commit({}).ok());
}

// Arguments: rows, bytes of text a row.
void BM_BulkLoadRows(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  const auto text_bytes = static_cast<std::size_t>(state.range(1));
  for (auto _ : state) {
    state.PauseTiming();
    Random random(kSeed);
    // The rows are made before the clock runs: a thousand texts, each row with its own id.
    std::vector<EntityRow> rows;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, 1000); ++i) {
      rows.push_back(RandomRow(i, text_bytes, random));
    }
    BenchStore store("bulk_load");
    state.ResumeTiming();
    auto load = store->BeginRowLoad(EntityKind::kDocument, DuplicatePolicy::kFail);
    for (std::uint64_t i = 0; i < count; ++i) {
      EntityRow& row = rows[i % rows.size()];
      row.id = "document/" + std::to_string(i);
      DASHI_CHECK(load.value()->AddRow(row).ok());
    }
    DASHI_CHECK(load.value()->Commit({}).ok());
    state.PauseTiming();
    load.value().reset();
    store.Close();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(BM_BulkLoadRows)
    ->Args({500000, 60})
    ->Args({20000, 16 << 10})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->UseRealTime();

// Arguments: pairs; five labels a document.
void BM_BulkLoadRelevance(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    BenchStore store("bulk_load_relevance");
    LoadRows(*store, EntityKind::kDocument, count / 5, 10);
    LoadRows(*store, EntityKind::kLabel, 20000, 10);
    Random random(kSeed);
    state.ResumeTiming();
    auto load = store->BeginRelevanceLoad(DuplicatePolicy::kReplace);
    for (std::uint64_t i = 0; i < count; ++i) {
      const double position = random.UniformReal();  // Squared: some labels are popular.
      const auto label = static_cast<std::uint64_t>(20000 * position * position);
      DASHI_CHECK(load.value()
                      ->AddRelevance("document/" + std::to_string(i / 5),
                                     "document/" + std::to_string(label), 1.0F)
                      .ok());
    }
    DASHI_CHECK(load.value()->Commit({}).ok());
    state.PauseTiming();
    load.value().reset();
    store.Close();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_BulkLoadRelevance)
    ->Arg(1000000)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->UseRealTime();

// One row a transaction, synced; several threads share the sync. Argument: milliseconds that are
// added to every sync.
void BM_CommitRow(benchmark::State& state) {
  static std::unique_ptr<SlowSyncGate> gate;
  static std::unique_ptr<BenchStore> shared;
  if (state.thread_index() == 0) {
    gate = std::make_unique<SlowSyncGate>(std::chrono::milliseconds(state.range(0)));
    shared = std::make_unique<BenchStore>("commit_row", *gate);
  }
  std::uint64_t number = 0;
  for (auto _ : state) {
    EntityRow row;
    row.id = std::to_string(state.thread_index()) + "/" + std::to_string(number++);
    row.text = "wireless earbuds for running";
    auto transaction = (*shared)->Begin();
    DASHI_CHECK(transaction.value()->InsertRow(EntityKind::kLabel, row).ok());
    DASHI_CHECK(transaction.value()->Commit().ok());
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    shared.reset();
  }
}
BENCHMARK(BM_CommitRow)
    ->Arg(0)
    ->Arg(2)
    ->Threads(1)
    ->Threads(8)
    ->Threads(64)
    ->UseRealTime()
    ->MinTime(1.0);

constexpr std::uint64_t kNumReadRows = 200000;

void BM_GetRow(benchmark::State& state) {
  BenchStore store("get_row");
  LoadRows(*store, EntityKind::kDocument, kNumReadRows, 200);
  {
    const auto view = std::move(store->NewSnapshot()).value();
    Random random(kSeed);
    for (auto _ : state) {
      const Ordinal ordinal{static_cast<std::uint32_t>(random.Uniform(kNumReadRows))};
      auto row = view->GetRow(EntityKind::kDocument, ordinal);
      DASHI_CHECK(row.ok() && row.value().has_value());
      benchmark::DoNotOptimize(row);
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetRow)->Unit(benchmark::kMicrosecond);

void BM_FindOrdinal(benchmark::State& state) {
  BenchStore store("find_ordinal");
  LoadRows(*store, EntityKind::kDocument, kNumReadRows, 10);
  {
    const auto view = std::move(store->NewSnapshot()).value();
    Random random(kSeed);
    for (auto _ : state) {
      const std::string id = "document/" + std::to_string(random.Uniform(kNumReadRows));
      auto ordinal = view->FindOrdinal(EntityKind::kDocument, id);
      DASHI_CHECK(ordinal.ok() && ordinal.value().has_value());
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FindOrdinal)->Unit(benchmark::kMicrosecond);

void BM_ScanRows(benchmark::State& state) {
  BenchStore store("scan_rows");
  LoadRows(*store, EntityKind::kDocument, kNumReadRows, 200);
  {
    const auto view = std::move(store->NewSnapshot()).value();
    for (auto _ : state) {
      const auto cursor = view->ScanRows(EntityKind::kDocument);
      std::uint64_t rows = 0;
      while (cursor->Next().value()) {
        ++rows;
      }
      DASHI_CHECK(rows == kNumReadRows);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kNumReadRows));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kNumReadRows) * 200);
}
BENCHMARK(BM_ScanRows)->Unit(benchmark::kMillisecond);

// Opening and closing a database of 1,000 labels that was closed cleanly.
void BM_Open(benchmark::State& state) {
  BenchStore store("open");
  LoadRows(*store, EntityKind::kLabel, 1000, 50);
  for (auto _ : state) {
    store.Reopen();
  }
}
BENCHMARK(BM_Open)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace dashi::storage
