#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/parser.h"
#include "storage/graph/graph_record.h"

namespace dashi::sql {

/// Reads a length of time of at most 100 years: `30 days`, `12h`, `90 min`, `2 weeks`. Returns
/// microseconds, or nullopt.
std::optional<std::int64_t> ParseLongDuration(std::string_view text);

/// What a CREATE GRAPH declares, without number and time.
///
/// Errors: 42P01 for a table that is none of documents, labels and anchors, 42701 for one that is
///         named twice on a side, 22023 for an option; with positions and the nearest known name.
Result<storage::GraphRecord> ReadGraphDeclaration(const ParsedStatement& statement,
                                                  const CreateGraphStatement& create);

}  // namespace dashi::sql
