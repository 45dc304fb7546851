#include "storage/disk_watch.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kLogSuffix = ".log";

std::uint64_t ToMiB(std::uint64_t bytes) { return bytes >> 20U; }

}  // namespace

int DiskWatch::Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) {
  const bool is_log = change.path.ends_with(kLogSuffix) &&
                      (change.step == FileStep::kWrite || change.step == FileStep::kSync);
  if (sync_failed_) {
    return is_log ? 0 : EIO;
  }
  if (change.step == FileStep::kRemove && removals_stopped_) {
    return EIO;
  }
  const int error = gate_.Pass(change, make);
  if (error != 0 && error != ENOSPC && error != EDQUOT && change.step == FileStep::kWrite) {
    removals_stopped_ = true;
  }
  if (error != 0 && (change.step == FileStep::kSync || change.step == FileStep::kSyncFolder)) {
    MutexLock lock(mutex_);
    if (!sync_failed_) {
      failure_ = fmt::format("{}: {}", std::error_code(error, std::generic_category()).message(),
                             change.path);
      LogError("a sync failed, nothing more is written: {}", failure_);
    }
    sync_failed_ = true;
    return is_log ? 0 : error;
  }
  if (error != 0 && change.path.ends_with(kLogSuffix) &&
      (change.step == FileStep::kWrite || change.step == FileStep::kCreate)) {
    NoteFailedLog(change.path);
  }
  return error;
}

void DiskWatch::NoteFailedLog(std::string_view path) {
  std::function<void()> callback;
  {
    MutexLock lock(mutex_);
    failed_log_ = path;
    callback = on_failed_log_;
  }
  if (callback) {
    callback();
  }
}

void DiskWatch::OnFailedLog(std::function<void()> callback) {
  MutexLock lock(mutex_);
  on_failed_log_ = std::move(callback);
}

bool DiskWatch::HasFailedLog(std::string_view path) const {
  MutexLock lock(mutex_);
  return failed_log_ == path;
}

Result<std::uint64_t> DiskWatch::FreeBytes(const std::string& path) {
  return gate_.FreeBytes(path);
}

Status DiskWatch::CheckSyncs() const {
  if (!sync_failed_) {
    return Status::Ok();
  }
  MutexLock lock(mutex_);
  return Status::IoError("writing has stopped, since a file could not be synced: " + failure_)
      .WithHint(
          "What was acknowledged is kept. Remove the cause, close the database and open it again.");
}

Status DiskWatch::CheckRoom(std::uint64_t bytes, std::string_view what) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t free_bytes, gate_.FreeBytes(directory_));
  if (free_bytes >= reserved_bytes_ && free_bytes - reserved_bytes_ >= bytes) {
    return Status::Ok();
  }
  return Status::ResourceExhausted(
             fmt::format("not enough disk space for {}: {} MiB needed and {} MiB reserved, {} MiB "
                         "free: {}",
                         what, ToMiB(bytes), ToMiB(reserved_bytes_), ToMiB(free_bytes), directory_))
      .WithSqlState("53100")
      .WithHint("Free space on the disk of the database directory.");
}

}  // namespace dashi::storage
