#pragma once

#include <memory>

#include <rocksdb/cache.h>

#include "dashi/status.h"
#include "storage/database_directory.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Opens an existing database for reading, beside a writer if there is one, and checks what it
/// finds. Nothing is changed. `cache` may be null.
Status OpenForReading(RocksdbStoreState* state, std::shared_ptr<rocksdb::Cache> cache);

/// Opens or creates a database for writing and brings it to rest.
Status OpenForWriting(RocksdbStoreState* state, DirectoryState found);

}  // namespace dashi::storage
