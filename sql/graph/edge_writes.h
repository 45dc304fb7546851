#pragma once

#include <cstdint>
#include <span>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

/// The columns of `edges`, in order.
enum class EdgeColumn : std::uint8_t {
  kGraph,
  kSource,
  kTarget,
  kWeight,
  kClicks,
  kLastSeen,
  kSourceTable,
  kTargetTable,
};

/// Inserts what the values of a row's columns say, an edge from each source, and counts one row.
/// Each edge that it writes is among StatementContext::written.
///
/// Errors: 42704 for an unknown graph, 23503 for an id that is in none of its tables, 23502, 42804,
///         22023, 22007 for values, 23505 for an edge that exists.
Status InsertEdge(StatementContext& statement, std::span<sqlite3_value*> columns,
                  ConflictPolicy policy);

/// Gives a stored edge the values of a row's columns. Its ends cannot be changed (0A000). Returns
/// whether it was there.
Result<bool> UpdateEdge(StatementContext& statement, const StoredEdge& edge,
                        std::span<sqlite3_value*> columns);

}  // namespace dashi::sql
