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

// A load past its commit point: its spool is all there is of its rows until the next open.
Status CheckSpool(const DirectoryPaths& paths, TaskMonitor* monitor, CheckReport* report) {
  const std::string path = paths.tmp + "/load.spool";
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  monitor->BeginPhase("spool", "blocks", 0);
  const auto check = [&]() -> Status {
    DASHI_ASSIGN_OR_RETURN(const auto spool, LoadSpoolReader::Open(path, error ? 0 : size));
    std::string block;
    bool more = true;
    while (more) {
      DASHI_ASSIGN_OR_RETURN(more, spool->Next(&block));
    }
    return Status::Ok();
  };
  const Status checked = check();
  monitor->EndPhase(0);
  if (checked.ok()) {
    Add(report, "tmp/load.spool", "a load is not finished",
        "open the database for writing once, which finishes it, and check again");
  } else {
    Add(report, "tmp/load.spool", "the spool of a committed load is damaged",
        std::string(checked.message()));
  }
  return Status::Ok();
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
      DASHI_RETURN_IF_ERROR(CheckSpool(paths, &monitor, &report));
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
