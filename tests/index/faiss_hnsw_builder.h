#pragma once

#include <span>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Links the vectors of some rows into a graph by inner product, with FAISS and our own kernels:
/// what BuildGraph is compared with. The other rows become nodes without links. `progress` counts
/// linked rows.
///
/// Shape:  linked_rows ascending, distinct.
/// Errors: kInvalidArgument for options out of range; kResourceExhausted for too many vectors or
/// too
///         little memory; kCancelled when `progress` says so.
/// Cost:   about 5,000 dot products a vector at ef_construction 200.
Result<HnswGraph> BuildFaissGraph(HalfMatrixView vectors, std::span<const Position> linked_rows,
                                  const HnswOptions& options, const BuildProgress& progress);

}  // namespace dashi::index
