#include "sql/inner_query_grammar.h"

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "sql/sqlite_dialect.h"

namespace dashi::sql {

Result<InnerQuery> ExpectQueryInParentheses(TokenStream& tokens, std::string_view refusal) {
  const Token open = tokens.Peek();
  DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("("));
  InnerQuery inner;
  inner.range = {tokens.Peek().offset, 0};
  std::vector<Token> inside;
  inside.reserve(16);
  for (std::size_t depth = 1;;) {
    if (tokens.AtEnd()) {
      return Status::InvalidArgument("the parenthesis is not closed")
          .WithSqlState("42601")
          .WithPosition(tokens.PositionOf(open));
    }
    depth += tokens.Peek().IsOperator("(") ? 1 : 0;
    depth -= tokens.Peek().IsOperator(")") ? 1 : 0;
    if (depth == 0) {
      break;
    }
    inside.push_back(tokens.Take());
  }
  inner.range.end = tokens.Peek().offset;
  Token end = tokens.Take();
  end.kind = TokenKind::kEnd;
  inside.push_back(end);
  TokenStream query = tokens.Within(inside);
  if (!IsSqliteStatement(query.Peek())) {
    return query.SyntaxError("a query");
  }
  DASHI_ASSIGN_OR_RETURN(inner.statement, CheckSqliteStatement(query));
  if (inner.statement.verb != SqliteVerb::kSelect) {
    return tokens.Unsupported(inside.front(), std::string(refusal));
  }
  return inner;
}

}  // namespace dashi::sql
