#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rocksdb/options.h>

#include "storage/key_codec.h"

namespace dashi::storage {

/// The options of the database as a whole. The cache also pays for the memtables, so that it is
/// the bound of both together.
rocksdb::DBOptions MakeDbOptions(std::uint64_t memory_bytes_max,
                                 const std::shared_ptr<rocksdb::Cache>& cache);

/// The log file that RocksDB could not read while it opened the database, empty when there is none.
std::string UnreadableLog(const rocksdb::DBOptions& options);

rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family, std::uint64_t memory_bytes_max,
                                               const std::shared_ptr<rocksdb::Cache>& cache);
/// The options of an emb_<version> family: written once by ingestion, read by scans.
rocksdb::ColumnFamilyOptions MakeEmbeddingFamilyOptions(
    const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace dashi::storage
