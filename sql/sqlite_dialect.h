#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Whether SQLite runs the statement that begins with this token.
bool IsSqliteStatement(const Token& first);

/// Finds out what a statement that SQLite runs does, and what stands in the place of PostgreSQL's
/// spellings. Those that SQLite would reject without saying why, or would read in another sense
/// than PostgreSQL does, are refused: DISTINCT ON, arrays, ON CONFLICT and RETURNING where they do
/// not belong, INSERT OR FAIL, and parameters other than `$n`.
///
/// Errors: kUnimplemented (0A000) or kInvalidArgument (42601) with a position.
Result<SqliteStatement> CheckSqliteStatement(TokenStream& tokens);

}  // namespace dashi::sql
