#pragma once

#include <cstdint>
#include <functional>

#include "dashi/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_load_apply.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Brings the rows of a staged load into the database and removes its record; see ApplyLoad.
///
/// The files are ingested, all at once: then they are in the database or not, and the row that the
/// load inserted first tells which. Where they cannot be, because an index wants entries or RocksDB
/// cannot order them, the record is rewritten to say so and the rows are written one by one, which
/// may be repeated from the beginning.
Status ApplyStagedFiles(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files,
                        const std::function<void(std::uint64_t rows)>& on_progress);

/// Whether the files of a staged load are in the database already, and so may be gone.
Result<bool> IsIngested(const RocksdbEngine& engine, const LoadRecord& record);

}  // namespace dashi::storage
