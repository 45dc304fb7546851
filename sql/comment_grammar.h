#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// COMMENT ON TABLE | COLUMN | INDEX | GRAPH | MODEL name IS 'text' | NULL, behind COMMENT.
Result<StatementNode> ParseComment(TokenStream& tokens);
/// DESCRIBE [TABLE] name, or DESCRIBE MODEL name, behind DESCRIBE.
Result<StatementNode> ParseDescribe(TokenStream& tokens);

}  // namespace dashi::sql
