#pragma once

#include <memory>

#include "storage/bulk_load.h"
#include "storage/catalog_codec.h"
#include "storage/graph/graph_record.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Begins a load of documents, labels or anchors. Waits while another load is going on.
Result<std::unique_ptr<BulkLoad>> BeginRocksdbRowLoad(RocksdbStoreState* state, EntityKind kind,
                                                      DuplicatePolicy policy);
Result<std::unique_ptr<BulkLoad>> BeginRocksdbRelevanceLoad(RocksdbStoreState* state,
                                                            DuplicatePolicy policy);
Result<std::unique_ptr<BulkLoad>> BeginRocksdbEdgeLoad(RocksdbStoreState* state,
                                                       const GraphRecord& graph,
                                                       DuplicatePolicy policy);
Result<std::unique_ptr<BulkLoad>> BeginRocksdbClickLoad(RocksdbStoreState* state,
                                                        const GraphRecord& graph);

/// The loads by themselves, for those who have a place in the queue: they leave it in the end.
std::unique_ptr<BulkLoad> NewRocksdbRowLoad(RocksdbStoreState* state, EntityKind kind,
                                            DuplicatePolicy policy);
std::unique_ptr<BulkLoad> NewRocksdbRelevanceLoad(RocksdbStoreState* state, DuplicatePolicy policy);

/// Finishes what a load left behind when the disk was full, if there is room now: a committed load
/// is applied, and the record of one that could not be committed is taken back for certain.
///
/// Errors: kResourceExhausted (53100) or kIoError (58030) while a committed load is not applied.
Status FinishUnfinishedLoad(RocksdbStoreState* state);

/// Finishes the load whose record was found at open. Called before anything else runs.
Status FinishPendingLoad(RocksdbStoreState* state);

}  // namespace dashi::storage
