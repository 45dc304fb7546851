#pragma once

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The table `graphs`: what CREATE GRAPH declared. The columns that count edges do so when they are
/// read (query::CountGraph).
const TableDefinition& GraphsTable();

}  // namespace dashi::sql
