#pragma once

#include <optional>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Finds what an INSERT, UPDATE or DELETE says beside what SQLite does for our tables: ON CONFLICT,
/// RETURNING, DELETE ... USING. nullopt where there is nothing of it. The tokens, of which none is
/// taken, begin with the statement or the WITH before it; expressions are left to SQLite.
///
/// Errors: kInvalidArgument (42601) and kUnimplemented (0A000) with a position.
Result<std::optional<WriteClauses>> FindWriteClauses(TokenStream tokens, SqliteVerb verb);

}  // namespace dashi::sql
