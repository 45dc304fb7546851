#pragma once

#include <span>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/linking_control.h"

namespace dashi::index {

/// Links rows of a graph that have no links yet: each is searched for, linked to what is found,
/// and that to it. Those of one batch see the graph as it was before the batch, and each other.
/// Levels are drawn anew; the other nodes keep theirs. When the graph's entry point is among the
/// rows, no other node may have links.
///
/// Shape:  rows ascending, distinct, without links to or from them, of level 0.
/// Errors: kInvalidArgument for options out of range, another number of links than the graph's,
///         another number of vectors, or rows out of order; kCancelled; kResourceExhausted.
/// Threads: reads the graph and the vectors.
/// Cost:   a copy of the graph, and 4,000 to 6,000 dot products a row at ef_construction 200, most
///         of them by 8-bit codes where many rows are inserted. Memory: then the codes, too.
/// Paper:  Malkov & Yashunin 2018, Algorithm 1; batches as Manohar et al. 2024 (ParlayANN, 3.1).
Result<HnswGraph> InsertRows(const HnswGraph& graph, HalfMatrixView vectors,
                             std::span<const Position> rows, const HnswOptions& options,
                             const LinkingControl& control);

}  // namespace dashi::index
