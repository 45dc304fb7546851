#pragma once

#include <span>

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The table functions topk(query, k [, options]) and nearest(table, query, k [, options]).
///
/// The contract is k rows if k rows pass: comparisons of the visible columns with values that do
/// not depend on other tables are applied while the rows are found, so that rows they drop do not
/// count. `label = x` (nearest: `id = x`) with anything but a literal is taken for a join condition
/// and applied to the k rows.
///
/// Errors: 22023 for a k that is negative, no integer or above query::kTopKMax and for options;
/// 22004
///         for a NULL query; 42883 without query and k.
/// Cost:   rows are found as they are pulled, best first. Joined with a table whose text is the
///         query, topk() searches for several rows at once: see JoinedSearches.
std::span<const TableDefinition> TopKTables();

}  // namespace dashi::sql
