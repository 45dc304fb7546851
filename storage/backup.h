#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/task_monitor.h"

namespace dashi::storage {

struct BackupOptions {
  /// Reads the files that earlier backups hold as well, and copies those again that are damaged
  /// there. Otherwise only what is copied is read back.
  bool verify_all = false;
  /// Deletes all but the newest `keep` backups afterwards; 0 keeps all.
  std::uint32_t keep = 0;
};

/// What Store::Backup made.
struct BackupSummary {
  std::uint64_t number = 0;
  std::uint64_t commit_sequence = 0;  ///< the last commit in it; every commit before is in it too
  std::uint64_t num_files = 0;
  std::uint64_t num_bytes = 0;
  std::uint64_t num_files_copied = 0;  ///< the rest is shared with earlier backups
  std::uint64_t num_bytes_copied = 0;
  std::uint64_t num_deleted = 0;   ///< backups that `keep` let go
  std::int64_t pause_micros = 0;   ///< how long commits had to wait
  std::vector<std::string> notes;  ///< index files that were missing, and the like
};

/// A backup as a listing shows it.
struct BackupInfo {
  std::uint64_t number = 0;
  std::int64_t created_at_micros = 0;
  std::uint64_t commit_sequence = 0;
  std::uint64_t num_files = 0;
  std::uint64_t num_bytes = 0;
  std::uint64_t num_files_shared = 0;  ///< that an earlier backup holds too
  std::uint64_t num_bytes_shared = 0;
  std::string damage;  ///< why its manifest cannot be read; empty when it can
};

/// Lists the backups in a backup directory, oldest first.
///
/// Errors: kNotFound (58P01) when there are no backups.
Result<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory);

struct RestoreSummary {
  std::uint64_t number = 0;
  std::uint64_t commit_sequence = 0;
  std::uint64_t num_files = 0;
  std::uint64_t num_bytes = 0;
};

/// Makes a database of a backup, in a directory that is empty or does not exist. Every byte is
/// verified on the way. The marker comes last: what is left of a restore that was cut off is no
/// database, and is refused as one.
///
/// Errors: kNotFound for an unknown number, naming those there are; kInvalidArgument (22023) for a
///         directory that is not empty; kCorruption (XX001) naming the damaged file; kUnavailable
///         (55006) while a backup is being made there; the monitor's. What was begun is removed.
Result<RestoreSummary> RestoreBackup(const std::string& backup_directory, std::uint64_t number,
                                     const std::string& directory, TaskMonitor& monitor);

}  // namespace dashi::storage
