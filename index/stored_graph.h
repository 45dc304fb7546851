#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dashi/status.h"
#include "index/duplicate_rows.h"
#include "index/hnsw_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// A graph together with what a file of it records besides.
struct StoredGraph {
  HnswGraph graph;
  DuplicateRows duplicates;        ///< nodes without links
  std::vector<Position> unlinked;  ///< ascending; others without links: GraphParts::unlinked
  std::size_t ef_search = 0;
  std::uint32_t entry_percent = 0;  ///< as GraphParts has it
};

/// Links vectors into a graph, each distinct one once, and finds out how it is entered unless the
/// options say it. Errors and cost as BuildHnswIndex.
Result<StoredGraph> BuildStoredGraph(HalfMatrixView vectors, const HnswOptions& options,
                                     const BuildProgress& progress);

}  // namespace dashi::index
