#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Parses one statement of dashi's own, or classifies one that SQLite runs.
///
/// Errors: as TokenStream; kUnimplemented (0A000) for what this version lacks.
Result<StatementNode> ParseStatement(TokenStream& tokens);

}  // namespace dashi::sql
