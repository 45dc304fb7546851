#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The tables `documents`, `labels` and `anchors`.
///
/// Cost: id = ... and rowid = ... are point look-ups; anything else walks the table.
std::span<const TableDefinition> EntityTables();

/// A column of the three tables.
enum class EntityColumn : std::uint8_t { kId, kText, kSplit, kUpdatedAt };

/// The columns of a kind's table, in order.
std::span<const EntityColumn> EntityColumns(storage::EntityKind kind);
std::string_view EntityColumnName(EntityColumn column);

}  // namespace dashi::sql
