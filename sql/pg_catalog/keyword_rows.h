#pragma once

#include "sql/virtual_table.h"

namespace dashi::sql::pg_catalog {

/// The table function pg_get_keywords(): SQLite's, which are those of SELECT and writes here.
const TableDefinition& KeywordRows();

}  // namespace dashi::sql::pg_catalog
