#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Parses COPY table [(columns)] FROM | TO 'path' and COPY (query) TO 'path'; COPY was taken.
Result<StatementNode> ParseCopy(TokenStream& tokens);

}  // namespace dashi::sql
