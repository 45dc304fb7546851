#pragma once

#include <memory>

#include "storage/bulk_load.h"
#include "storage/graph/graph_record.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// A load of edges or of clicks, for those who have a place in the queue of loads.
std::unique_ptr<BulkLoad> NewRocksdbEdgeLoad(RocksdbStoreState* state, const GraphRecord& graph,
                                             DuplicatePolicy policy);
std::unique_ptr<BulkLoad> NewRocksdbClickLoad(RocksdbStoreState* state, const GraphRecord& graph);

}  // namespace dashi::storage
