#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

// What PostgreSQL says of roles, as far as there are such. ROLE, USER or GROUP has not been taken.

/// CREATE ROLE [IF NOT EXISTS] name [WITH] options; CREATE USER may log in.
Result<StatementNode> ParseCreateRole(TokenStream& tokens);
/// ALTER ROLE name [WITH] options | RENAME TO name | SET setting = value | RESET setting | ALL.
Result<StatementNode> ParseAlterRole(TokenStream& tokens);
/// DROP ROLE [IF EXISTS] name.
Result<StatementNode> ParseDropRole(TokenStream& tokens);
/// rights TO roles, behind GRANT.
Result<StatementNode> ParseGrant(TokenStream& tokens);
/// rights FROM roles, behind REVOKE.
Result<StatementNode> ParseRevoke(TokenStream& tokens);

/// Whether ROLE or USER stands here.
bool IsRoleWord(const Token& token);

}  // namespace dashi::sql
