#pragma once

#include <memory>

#include "storage/rocksdb_reader.h"

namespace dashi::storage {

/// `walk` goes over the lists of one side of a graph; `pending` may be null.
std::unique_ptr<EdgeCursor> NewEdgeCursor(KeyWalk walk, const GraphRecord& graph, EdgeSide side,
                                          const PendingEdges* pending);

/// kCorruption (XX001): "edges of graph <name> at <table> ordinal <n> cannot be decoded".
Status DamagedEdges(const GraphRecord& graph, EdgeSide side, GraphNode node);

}  // namespace dashi::storage
