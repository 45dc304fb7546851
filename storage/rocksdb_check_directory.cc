#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <rocksdb/env.h>

#include "base/status.h"
#include "storage/check.h"
#include "storage/database_directory.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_engine.h"
#include "storage/rocksdb_load_ingest.h"
#include "storage/rocksdb_staged_file.h"
#include "storage/rocksdb_status.h"
#include "storage/store.h"

namespace dashi::storage {

namespace {

// RocksDB's own lock on the directory: while it is held, nobody opens the database for writing.
class DataLock {
 public:
  // Errors: kUnavailable (55006) when somebody has the database open.
  static Result<std::unique_ptr<DataLock>> Take(const DirectoryPaths& paths) {
    std::unique_ptr<DataLock> lock(new DataLock());
    const rocksdb::Status taken =
        rocksdb::Env::Default()->LockFile(paths.data + "/LOCK", &lock->lock_);
    if (!taken.ok()) {
      return Status::Unavailable(fmt::format("the database is open: {}", paths.root))
          .WithSqlState("55006")
          .WithHint("Run CHECK DATABASE where it is open, or close it there.");
    }
    return lock;
  }
  ~DataLock() {
    if (lock_ != nullptr) {
      rocksdb::Env::Default()->UnlockFile(lock_).PermitUncheckedError();
    }
  }
  DataLock(const DataLock&) = delete;
  DataLock& operator=(const DataLock&) = delete;

 private:
  DataLock() = default;
  rocksdb::FileLock* lock_ = nullptr;
};

void Add(CheckReport* report, std::string object, std::string problem, std::string detail) {
  ++report->num_problems;
  report->problems.push_back({std::move(object), std::move(problem), std::move(detail)});
}

Status ReadSpool(const DirectoryPaths& paths, const LoadRecord& record) {
  DASHI_ASSIGN_OR_RETURN(const auto spool,
                         LoadSpoolReader::Open(paths.tmp + "/" + record.spool, record.spool_bytes));
  std::string block;
  bool more = true;
  while (more) {
    DASHI_ASSIGN_OR_RETURN(more, spool->Next(&block));
  }
  return Status::Ok();
}

Status CheckLoadFiles(const DirectoryPaths& paths) {
  EngineOptions options;
  options.read_only = true;
  DASHI_ASSIGN_OR_RETURN(const auto engine, RocksdbEngine::Open(paths.data, options));
  std::string value;
  LoadRecord record;
  DASHI_ASSIGN_OR_RETURN(const bool pending, engine->Get(Family::kMeta, PendingLoadKey(), &value));
  if (!pending || !DecodeLoadRecord(value, &record)) {
    return Status::Corruption("catalog record cannot be decoded: load");
  }
  if (!record.is_staged()) {
    return ReadSpool(paths, record);
  }
  DASHI_ASSIGN_OR_RETURN(const bool ingested, IsIngested(*engine, record));
  if (ingested) {
    return Status::Ok();
  }
  DASHI_RETURN_IF_ERROR(CheckStagedFiles(paths.tmp, record.row_files));
  return record.row_by_row ? Status::Ok() : CheckStagedFiles(paths.tmp, record.id_files);
}

// A load past its commit point: its files are all there is of its rows until the next open.
void CheckLoad(const DirectoryPaths& paths, TaskMonitor* monitor, CheckReport* report) {
  monitor->BeginPhase("load", "files", 0);
  const Status checked = CheckLoadFiles(paths);
  monitor->EndPhase(0);
  if (checked.ok()) {
    Add(report, "tmp", "a load is not finished",
        "open the database for writing once, which finishes it, and check again");
  } else {
    Add(report, "tmp", "the files of a committed load are damaged", std::string(checked.message()));
  }
}

}  // namespace

Result<CheckReport> CheckDirectory(const std::string& directory, TaskMonitor& monitor) {
  const DirectoryPaths paths(directory);
  CheckReport report;
  const Result<DirectoryState> found = InspectDirectory(paths);
  if (!found.ok() && found.status().code() == StatusCode::kCorruption) {
    Add(&report, "DASHI", "the database cannot be opened", std::string(found.status().message()));
    return report;
  }
  DASHI_RETURN_IF_ERROR(found.status());
  if (*found != DirectoryState::kDatabase) {
    return Status::NotFound(fmt::format("no such database: {}", directory)).WithSqlState("3D000");
  }
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<DataLock> lock, DataLock::Take(paths));
  StoreOptions options;
  options.read_only = true;
  const Result<std::unique_ptr<Store>> store = Store::Open(directory, options);
  if (store.ok()) {
    return (*store)->Check(monitor);
  }
  switch (store.status().code()) {
    case StatusCode::kUnavailable:
      CheckLoad(paths, &monitor, &report);
      return report;
    case StatusCode::kCorruption:
    case StatusCode::kIoError:
      Add(&report, "data", "the database cannot be opened", std::string(store.status().message()));
      return report;
    default:
      return store.status();
  }
}

}  // namespace dashi::storage
