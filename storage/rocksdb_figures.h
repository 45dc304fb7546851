#pragma once

#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>

#include "storage/store.h"

namespace dashi::storage {

/// The figures of a block cache, which holds the memtables too.
std::vector<StorageFigure> CacheFigures(const rocksdb::Cache& cache);

/// The figures of a database: of all its column families together. What RocksDB does not tell is
/// left out.
std::vector<StorageFigure> DatabaseFigures(rocksdb::DB& db);

}  // namespace dashi::storage
