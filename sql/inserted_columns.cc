#include "sql/inserted_columns.h"

#include <algorithm>
#include <cstddef>

#include "sql/table_columns.h"

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

std::vector<InsertedParameter> InsertedParameters(const ParsedStatement& statement,
                                                  const UserSchemas& schemas) {
  std::vector<InsertedParameter> found;
  const std::vector<Token>& tokens = statement.tokens;
  const std::optional<std::size_t> table = BehindInto(tokens);
  if (!table || *table >= tokens.size()) {
    return found;
  }
  const std::vector<std::string> columns = InsertedColumns(statement).value_or(
      ColumnNames(ToLowerAscii(tokens[*table].Name()), schemas));
  auto at = std::find_if(tokens.begin() + static_cast<std::ptrdiff_t>(*table), tokens.end(),
                         [](const Token& token) { return token.IsKeyword("VALUES"); });
  std::size_t depth = 0;
  std::size_t column = 0;
  for (; at < tokens.end() - 1; ++at) {
    const bool begins = at->IsOperator("(") || at->IsOperator(",");
    if (at->IsOperator(")")) {
      depth -= depth > 0 ? 1 : 0;
    } else if (at->IsOperator("(")) {
      ++depth;
      column = depth == 1 ? 0 : column;
    } else if (at->IsOperator(",") && depth == 1) {
      ++column;
    }
    const bool alone = begins && depth == 1 && at + 2 < tokens.end() &&
                       (at[2].IsOperator(",") || at[2].IsOperator(")"));
    if (alone && at[1].kind == TokenKind::kParameter && column < columns.size()) {
      found.push_back({at[1].parameter, columns[column]});
    }
  }
  return found;
}

}  // namespace dashi::sql
