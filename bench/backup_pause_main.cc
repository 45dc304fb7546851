// Measures how long writers wait while backups are made: backup_pause DIR [ROWS]
//
// Not a Google Benchmark: one thread commits single rows, synced, one after another, and notes the
// longest of them, first alone and then beside backups to DIR/backups.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "storage/store.h"

namespace dashi::storage {
namespace {

constexpr double kSecondsAlone = 5;
constexpr int kNumBackups = 5;

std::string RandomText(Random* random, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text.push_back(static_cast<char>('a' + random->Uniform(26)));
  }
  return text;
}

Status Fill(Store& store, std::uint64_t num_rows) {
  DASHI_ASSIGN_OR_RETURN(const auto load,
                         store.BeginRowLoad(EntityKind::kDocument, DuplicatePolicy::kFail));
  Random random(1);
  EntityRow row;
  for (std::uint64_t i = 0; i < num_rows; ++i) {
    row.id = "d" + std::to_string(i);
    row.text = RandomText(&random, 400);
    DASHI_RETURN_IF_ERROR(load->AddRow(row));
  }
  return load->Commit({}).status();
}

// Commits until told to stop; returns the times in milliseconds.
std::vector<double> Commit(Store& store, const std::string& prefix,
                           const std::function<bool()>& stop) {
  std::vector<double> times;
  Random random(2);
  EntityRow row;
  for (int i = 0; !stop(); ++i) {
    row.id = prefix + std::to_string(i);
    row.text = RandomText(&random, 400);
    const Stopwatch stopwatch;
    auto transaction = std::move(store.Begin()).value();
    DASHI_CHECK(transaction->InsertRow(EntityKind::kLabel, row).ok());
    DASHI_CHECK(transaction->Commit().ok());
    times.push_back(stopwatch.Seconds() * 1e3);
  }
  std::sort(times.begin(), times.end());
  return times;
}

void Print(const char* what, const std::vector<double>& times) {
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  std::printf("%-16s %7zu commits, ms: median %.3f, p99 %.3f, p99.9 %.3f, longest %.3f\n", what,
              times.size(), at(0.5), at(0.99), at(0.999), times.back());
}

Status Run(const std::string& directory, std::uint64_t num_rows) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  DASHI_ASSIGN_OR_RETURN(const auto store, Store::Open(directory + "/db", {}));
  DASHI_RETURN_IF_ERROR(Fill(*store, num_rows));
  const Stopwatch alone;
  Print("alone:", Commit(*store, "a", [&] { return alone.Seconds() > kSecondsAlone; }));
  std::atomic<bool> done = false;
  std::vector<double> times;
  std::thread writer([&] { times = Commit(*store, "b", [&] { return done.load(); }); });
  SilentMonitor monitor;
  Status status;
  for (int i = 0; i < kNumBackups && status.ok(); ++i) {
    const Stopwatch stopwatch;
    const auto made = store->Backup(directory + "/backups", {}, monitor);
    status = made.status();
    if (made.ok()) {
      std::printf("backup %d: %.2f s, %.1f MB, copied %.1f MB, commits stopped for %.3f ms\n",
                  i + 1, stopwatch.Seconds(), static_cast<double>(made->num_bytes) / 1e6,
                  static_cast<double>(made->num_bytes_copied) / 1e6,
                  static_cast<double>(made->pause_micros) / 1e3);
    }
  }
  done = true;
  writer.join();
  Print("beside backups:", times);
  return status;
}

}  // namespace
}  // namespace dashi::storage

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: backup_pause DIR [ROWS]\n");
    return 1;
  }
  const std::uint64_t num_rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const dashi::Status status = dashi::storage::Run(argv[1], num_rows);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
  }
  return status.ok() ? 0 : 1;
}
