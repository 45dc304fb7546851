#include "storage/rocksdb_status.h"

#include <fmt/format.h>

namespace dashi::storage {

Status FromRocksdb(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) {
    return Status::Ok();
  }
  const std::string message = fmt::format("{}: {}", doing, status.ToString());
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kSpaceLimit) {
    return Status::ResourceExhausted("disk full: " + message)
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
  if (status.IsIOError() || status.IsPathNotFound()) {
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
