#include "sql/inner_query.h"

#include "sql/token.h"

namespace dashi::sql {

ParsedStatement StatementOf(const ParsedStatement& outer, const InnerQuery& query) {
  ParsedStatement statement;
  statement.source = outer.source;
  statement.num_parameters = outer.num_parameters;
  statement.node = query.statement;
  for (const Token& token : outer.tokens) {
    if (token.offset >= query.range.begin && token.offset <= query.range.end) {
      statement.tokens.push_back(token);
    }
  }
  statement.tokens.back().kind = TokenKind::kEnd;
  return statement;
}

}  // namespace dashi::sql
