#include "storage/rocksdb_status.h"

#include <fmt/format.h>

namespace dashi::storage {

namespace {

constexpr std::string_view kDiskFull = "disk full:";  // as IoErrorOf says it

}  // namespace

Status FromRocksdb(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) {
    return Status::Ok();
  }
  const std::string text = status.ToString();
  const std::string message = fmt::format("{}: {}", doing, text);
  // Some of RocksDB's statuses keep nothing of their cause but its text.
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kSpaceLimit ||
      text.find(kDiskFull) != std::string::npos) {
    return Status::ResourceExhausted(text.find(kDiskFull) != std::string::npos
                                         ? message
                                         : fmt::format("{} {}", kDiskFull, message))
        .WithSqlState("53100")
        .WithHint("Free space on the disk of the database directory.");
  }
  if (status.IsMemoryLimit()) {
    return Status::ResourceExhausted(message).WithSqlState("53200");
  }
  if (status.IsBusy() || status.IsTryAgain()) {
    return Status::Aborted("the transaction conflicts with another that committed first")
        .WithHint("Run the transaction again.");
  }
  if (status.IsCorruption()) {
    return Status::Corruption(message);
  }
  // Incomplete is a write that waited for memtables to be flushed until the flushes failed.
  if (status.IsIOError() || status.IsPathNotFound() || status.IsIncomplete()) {
    return Status::IoError(message);
  }
  if (status.IsNotSupported()) {
    return Status::Unimplemented(message);
  }
  if (status.IsShutdownInProgress() || status.IsAborted()) {
    return Status::Unavailable(message);
  }
  return Status::Internal(message);
}

}  // namespace dashi::storage
