#pragma once

#include <span>

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The tables `documents`, `labels` and `anchors`.
///
/// Cost: id = ... and rowid = ... are point look-ups; anything else walks the table.
std::span<const TableDefinition> EntityTables();

}  // namespace dashi::sql
