#pragma once

#include "dashi/status.h"
#include "storage/log_reach.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Makes what RocksDB is about to recover from its logs durable. The end of a process may have left
/// bytes in them that never reached the disk; what is committed from now on builds on them.
Status SyncLogs(RocksdbStoreState* state, const FoundLogs& logs);

/// Brings a database that was just opened for writing to rest, before anything is served: finishes
/// a load past its commit point, marks jobs that the end of a process interrupted, and removes what
/// nothing names: temporary files, embedding versions, weights and index files.
Status RecoverStore(RocksdbStoreState* state);

/// Whether a load past its commit point is not wholly applied.
Result<bool> HasPendingLoad(const RocksdbStoreState& state);
/// Errors: kUnavailable (55006) when a load past its commit point is not wholly applied, which only
///         an open for writing can finish.
Status CheckNoPendingLoad(const RocksdbStoreState& state);

}  // namespace dashi::storage
