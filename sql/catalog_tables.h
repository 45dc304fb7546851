#pragma once

#include <span>

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The read-only tables of the engine's state: models, releases, jobs, evaluations, settings,
/// tables.
///
/// Cost: each use reads all its rows; there are few.
std::span<const TableDefinition> CatalogTables();

}  // namespace dashi::sql
