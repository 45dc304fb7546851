#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

// The statements about graphs; the word before GRAPH was taken, and for DROP that too.

Result<StatementNode> ParseCreateGraph(TokenStream& tokens);
Result<StatementNode> ParseDropGraph(TokenStream& tokens);

/// Takes `ON CONFLICT [(columns)] DO NOTHING | DO UPDATE SET column = ..., ...` and the end of the
/// statement. An assignment is a number, `excluded.column`, or one of both added to the column.
///
/// Errors: kUnimplemented (0A000) for other expressions.
Result<EdgeUpsert> ParseEdgeUpsert(TokenStream& tokens);

}  // namespace dashi::sql
