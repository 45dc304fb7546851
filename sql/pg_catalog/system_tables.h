#pragma once

#include <span>

#include "sql/virtual_table.h"

namespace dashi::sql::pg_catalog {

/// PostgreSQL's tables and views as SQLite sees them; those of information_schema have names such
/// as "information_schema.tables". SHOW TABLES leaves them out.
std::span<const TableDefinition> SystemTables();

}  // namespace dashi::sql::pg_catalog
