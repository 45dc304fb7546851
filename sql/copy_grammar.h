#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Parses COPY table [(columns)] FROM 'path' | STDIN, COPY table [(columns)] | (query) TO 'path' |
/// STDOUT; COPY was taken.
Result<StatementNode> ParseCopy(TokenStream& tokens);

}  // namespace dashi::sql
