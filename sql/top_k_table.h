#pragma once

#include <span>

#include "query/top_k.h"
#include "sql/settings.h"
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
/// Cost:   rows are found as they are pulled, best first.
std::span<const TableDefinition> TopKTables();

/// The options of a search that names none: what the settings ann.* say.
query::TopKOptions TopKDefaults(const Settings& settings);
/// Reads k. Errors: 22023.
Result<std::size_t> ReadTopKCount(sqlite3_value* value);
/// Reads a text argument that may not be NULL. Errors: 22004, 42804 for bytes.
Result<std::string_view> ReadTextArgument(sqlite3_value* value, std::string_view name);

/// The cost that hides a plan from the planner unless it is the only one: see TopKTable::Plan.
inline constexpr double kJoinDependentCost = 1e15;

}  // namespace dashi::sql
