#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Parses what follows ALTER: TABLE name ADD, DROP or RENAME COLUMN.
///
/// Errors: as TokenStream; kUnimplemented (0A000) for constraints, other types and other changes.
Result<StatementNode> ParseAlter(TokenStream& tokens);

}  // namespace dashi::sql
