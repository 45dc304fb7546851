#include "sql/inserted_columns.h"

namespace dashi::sql {

namespace {

bool IsName(const Token& token) {
  return token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kQuotedIdentifier;
}

// Finds the INTO of an INSERT, which may stand behind WITH ... (...), and returns what follows it.
std::optional<std::size_t> BehindInto(const std::vector<Token>& tokens) {
  std::size_t depth = 0;
  bool insert = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    depth += tokens[i].IsOperator("(") ? 1 : 0;
    depth -= tokens[i].IsOperator(")") && depth > 0 ? 1 : 0;
    insert = insert || (depth == 0 && (tokens[i].IsKeyword("INSERT") ||
                                       (!insert && tokens[i].IsKeyword("REPLACE"))));
    if (insert && depth == 0 && tokens[i].IsKeyword("INTO")) {
      return i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<std::string>> InsertedColumns(const ParsedStatement& statement) {
  const std::vector<Token>& tokens = statement.tokens;
  const std::optional<std::size_t> behind_into = BehindInto(tokens);
  if (!behind_into) {
    return std::nullopt;
  }
  // The last token is kEnd, which no test below takes for another.
  std::size_t at = *behind_into + 1;
  if (at + 1 < tokens.size() && tokens[at].IsOperator(".")) {
    at += 2;
  }
  if (at + 1 < tokens.size() && tokens[at].IsKeyword("AS")) {
    at += 2;
  }
  if (at >= tokens.size() || !tokens[at].IsOperator("(")) {
    return std::nullopt;
  }
  std::vector<std::string> columns;
  for (++at; at < tokens.size() && !tokens[at].IsOperator(")"); ++at) {
    if (IsName(tokens[at])) {
      columns.push_back(ToLowerAscii(tokens[at].Name()));
    }
  }
  return columns;
}

}  // namespace dashi::sql
