#pragma once

#include <span>

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The table functions neighbors(graph, id, k) and walk(graph, id, hops, restart [, seed]).
///
/// neighbors: the k neighbours with the largest weights at the statement's time; of a directed
/// graph the targets of the id's edges, or where the id is no source, their sources; of another
/// graph both.
/// walk: the nodes that a random walk with restart visits (trainer::WalkFrom), most visits first.
///
/// Errors: 42883 without the arguments; 42704 for an unknown graph; 22023 for a number out of
///         range; 22004 for NULL.
std::span<const TableDefinition> GraphFunctions();

}  // namespace dashi::sql
