#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

// Statements about the life of releases, from behind their first word on.
//
// Errors: as TokenStream::SyntaxError; kUnimplemented (0A000) for what this version lacks.

Result<StatementNode> ParsePublish(TokenStream& tokens);
Result<StatementNode> ParseRevert(TokenStream& tokens);
/// PIN RELEASE and UNPIN RELEASE.
Result<StatementNode> ParsePin(TokenStream& tokens, bool pin);
/// REFRESH MODEL name. REFRESH MATERIALIZED VIEW, which others have, is refused.
Result<StatementNode> ParseRefresh(TokenStream& tokens);
/// ALTER MODEL name SET (...).
Result<StatementNode> ParseAlterModel(TokenStream& tokens);

/// Reads `m@3`; the number must be there.
Result<ReleaseName> ExpectNumberedRelease(TokenStream& tokens);

}  // namespace dashi::sql
