#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/parser.h"
#include "storage/graph/graph_record.h"

namespace dashi::sql {

/// What a CREATE GRAPH declares, without number and time.
///
/// Errors: 42P01 for a table that is none of documents, labels and anchors, 42701 for one that is
///         named twice on a side, 22023 for an option; with positions and the nearest known name.
Result<storage::GraphRecord> ReadGraphDeclaration(const ParsedStatement& statement,
                                                  const CreateGraphStatement& create);

}  // namespace dashi::sql
