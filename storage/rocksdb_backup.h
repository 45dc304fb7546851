#pragma once

#include <string>

#include "storage/backup.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Adds a backup of the database to a backup directory. See Store::Backup.
Result<BackupSummary> BackupRocksdbStore(RocksdbStoreState* state,
                                         const std::string& backup_directory,
                                         const BackupOptions& options, TaskMonitor* monitor);

}  // namespace dashi::storage
