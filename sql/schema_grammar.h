#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Parses what follows ALTER: TABLE name ADD, DROP or RENAME COLUMN.
///
/// Errors: as TokenStream; kUnimplemented (0A000) for constraints, other types and other changes.
Result<StatementNode> ParseAlter(TokenStream& tokens);

/// Parses what follows CREATE: INDEX [IF NOT EXISTS] name ON table (column).
Result<StatementNode> ParseCreateIndex(TokenStream& tokens);

/// Parses what follows DROP INDEX.
Result<StatementNode> ParseDropIndex(TokenStream& tokens);

}  // namespace dashi::sql
