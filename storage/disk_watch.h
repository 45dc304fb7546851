#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/file_gate.h"
#include "base/mutex.h"

namespace dashi::storage {

/// The gate of one store: remembers a sync that failed, and knows whether there is room.
///
/// After a failed sync the kernel may have dropped what was to be written and call it clean, so
/// that another sync would succeed and mean nothing. From then on the disk is left as it is, and
/// nothing is acknowledged, until the database was opened again, which reads what is really there.
/// RocksDB is not told when it was a log's: it would end the process at the next use of that log.
/// Its callers must ask CheckSyncs before they acknowledge anything. Nor is anything removed after
/// an I/O error: when the manifest could not be written RocksDB removes the tables that were to be
/// named in it, and it might name them all the same.
class DiskWatch : public FileGate {
 public:
  /// `gate` is where changes go on to. `reserved_bytes` of the file system of `directory` are left
  /// free by large work.
  DiskWatch(FileGate& gate, std::string directory, std::uint64_t reserved_bytes)
      : gate_(gate), directory_(std::move(directory)), reserved_bytes_(reserved_bytes) {}

  /// Sets what is called when a log cannot be begun or written, before the caller is told. Once,
  /// before any log fails.
  void OnFailedLog(std::function<void()> callback) DASHI_EXCLUDES(mutex_);

  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override;
  Result<std::uint64_t> FreeBytes(const std::string& path) override;

  /// Errors: kIoError (58030) naming the file whose sync failed.
  Status CheckSyncs() const;
  /// Tells whether this is the log of which a write failed last.
  bool HasFailedLog(std::string_view path) const;
  /// Checks that `bytes` more leave the reserve untouched.
  ///
  /// Errors: kResourceExhausted (53100) with the numbers; `what` is what needs the room.
  Status CheckRoom(std::uint64_t bytes, std::string_view what);

 private:
  void NoteFailedLog(std::string_view path) DASHI_EXCLUDES(mutex_);

  FileGate& gate_;
  const std::string directory_;
  const std::uint64_t reserved_bytes_;
  std::atomic<bool> sync_failed_ = false;
  std::atomic<bool> removals_stopped_ = false;
  mutable Mutex mutex_;
  std::string failure_ DASHI_GUARDED_BY(mutex_);
  std::string failed_log_ DASHI_GUARDED_BY(mutex_);
  std::function<void()> on_failed_log_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
