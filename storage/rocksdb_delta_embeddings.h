#pragma once

#include <memory>
#include <span>

#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_store_state.h"
#include "storage/store.h"

namespace dashi::storage {

/// Embeddings beside a version, in the family emb_delta: those of rows that came after it.

/// As Store::PutDeltaEmbeddings.
Status PutRocksdbDeltaEmbeddings(RocksdbStoreState* state, std::uint64_t version, EntityKind kind,
                                 std::span<const DeltaEmbedding> embeddings);

/// As Store::RemoveDeltaEmbeddings.
Status RemoveRocksdbDeltaEmbeddings(RocksdbStoreState* state, std::uint64_t version,
                                    EntityKind kind, std::span<const Ordinal> ordinals);

/// `walk` goes over the keys of one version and kind.
std::unique_ptr<EmbeddingCursor> NewDeltaEmbeddingCursor(KeyWalk walk,
                                                         const EmbeddingRecord& record);

/// Removes what stands beside a version. The caller holds embedding_mutex, or nobody else writes.
///
/// Cost: reads and deletes each; bounded memory.
Status RemoveRocksdbDeltaEmbeddings(RocksdbStoreState* state, std::uint64_t version);

/// Removes what stands beside versions that are not there.
Status RemoveStrayDeltaEmbeddings(RocksdbStoreState* state);

}  // namespace dashi::storage
