#pragma once

#include <cstdint>
#include <functional>

#include "dashi/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_load_apply.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Brings the edges of a staged load into the database and removes its record; see ApplyLoad.
///
/// The files are ingested, all at once, with the load's marker, which tells whether they are there.
/// Where RocksDB cannot order them, their lists are written one by one; each chunk counts up in the
/// record how many there are, since additions must not be repeated.
Status ApplyEdgeFiles(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files,
                      const std::function<void(std::uint64_t rows)>& on_progress);

}  // namespace dashi::storage
