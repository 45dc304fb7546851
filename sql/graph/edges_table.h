#pragma once

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The table `edges`: one row a stored edge, of all graphs. Weights are those of the statement's
/// time.
///
/// Cost: comparisons of graph, source and target with `=` are answered from neighbour lists, a
///       point read a list; anything else scans the lists of a graph, or of all.
const TableDefinition& EdgesTable();

}  // namespace dashi::sql
