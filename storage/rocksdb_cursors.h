#pragma once

#include <memory>

#include "storage/rocksdb_reader.h"

namespace dashi::storage {

std::unique_ptr<RowCursor> NewRowCursor(KeyWalk walk, EntityKind kind);

/// `walk` goes over the lists of documents; `pending` may be null.
std::unique_ptr<RelevanceCursor> NewRelevanceCursor(KeyWalk walk, const PendingRelevance* pending);

/// A version is immutable, so its cursor needs no snapshot. `record` is what meta says of it.
std::unique_ptr<EmbeddingCursor> NewEmbeddingCursor(
    const RocksdbEngine& engine, std::shared_ptr<rocksdb::ColumnFamilyHandle> family,
    const EmbeddingRecord& record, EntityKind kind);

}  // namespace dashi::storage
