#pragma once

#include <cstddef>
#include <span>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/linking_control.h"

namespace dashi::index {

/// Makes all rows reachable from the entry point by links of level 0. A row that is not is searched
/// for, and the nearest node found that has room is linked to it; where none has, the row is put
/// between the nearest node and the last of its links, so that what was reachable stays so.
/// Returns how many links led to such rows.
///
/// Shape:  rows ascending, distinct, the entry point among them (or none at all).
/// Errors: kCancelled; kResourceExhausted.
/// Threads: this one alone; it changes the graph.
/// Cost:   one pass over the links of level 0, and a search by `ef` for each link added.
Result<std::size_t> ConnectRows(HalfMatrixView vectors, std::span<const Position> rows,
                                std::size_t ef, const LinkingControl& control, HnswGraph* graph);

}  // namespace dashi::index
