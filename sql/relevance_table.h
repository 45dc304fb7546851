#pragma once

#include "sql/virtual_table.h"

namespace dashi::sql {

/// The table `relevance`: one row a pair of document and label.
///
/// Cost: document = ... and label = ... read one neighbour list; both, one list and a search in it.
const TableDefinition& RelevanceTable();

}  // namespace dashi::sql
