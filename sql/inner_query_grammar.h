#pragma once

#include <string_view>

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Takes a query and the parentheses around it, of which the first stands here.
///
/// Errors: as TokenStream; kUnimplemented (0A000) with `refusal` for a statement that is no query.
Result<InnerQuery> ExpectQueryInParentheses(TokenStream& tokens, std::string_view refusal);

}  // namespace dashi::sql
