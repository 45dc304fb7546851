#pragma once

#include <span>
#include <vector>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// In a list of old positions: a row that the old graph does not have.
inline constexpr Position kNewRow = HnswGraph::kNoLink;

/// A graph whose rows were renumbered, dropped and added to.
struct TransferredGraph {
  HnswGraph graph;
  /// The rows to link that have no links yet, ascending: new ones, and those that the old graph
  /// left out. Nodes of level 0.
  std::vector<Position> unlinked;
};

/// Gives the nodes of a graph the positions of new rows, with the links that they have. Whatever
/// the new vectors are, this is a graph over them that can be searched: links that were made for
/// other vectors of the same rows mostly still lead to what is near. Links to rows that are gone
/// lead to what those were linked to, as far as a list does not grow by it.
///
/// Shape:  old_positions [num new rows]: the row's position in the old graph, or kNewRow, each at
///         most once, in any order; linked_rows ascending, distinct. Rows that are not among these
///         become nodes without links.
/// Errors: kInvalidArgument for positions out of range or given twice; kResourceExhausted for too
///         little memory.
/// Threads: a pure function.
/// Cost:   one pass over the links, without a dot product; about half a second for a million rows.
Result<TransferredGraph> TransferGraph(const HnswGraph& old_graph,
                                       std::span<const Position> old_positions,
                                       std::span<const Position> linked_rows);

}  // namespace dashi::index
