#pragma once

#include "sql/ast.h"
#include "sql/parser.h"

namespace dashi::sql {

/// A query inside of a statement, as a statement of its own over the same text. It is followed by a
/// closing parenthesis or by the end.
ParsedStatement StatementOf(const ParsedStatement& outer, const InnerQuery& query);

}  // namespace dashi::sql
