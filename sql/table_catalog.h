#pragma once

#include <span>
#include <string_view>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

/// Every table and table function, in the order of SHOW TABLES.
std::span<const TableDefinition> AllTables();
/// Returns the definition, or null when there is no such table. Names ignore case.
const TableDefinition* FindTable(std::string_view name);

}  // namespace dashi::sql
