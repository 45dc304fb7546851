#include "sql/inserted_columns.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "sql/table_columns.h"
#include "sql/token.h"

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

// What follows the table of an INSERT and its alias; 0 for other statements.
std::size_t BehindTarget(const std::vector<Token>& tokens) {
  const std::optional<std::size_t> behind_into = BehindInto(tokens);
  if (!behind_into) {
    return 0;
  }
  // The last token is kEnd, which no test below takes for another.
  std::size_t at = *behind_into + 1;
  if (at + 1 < tokens.size() && tokens[at].IsOperator(".")) {
    at += 2;
  }
  if (at + 1 < tokens.size() && tokens[at].IsKeyword("AS")) {
    at += 2;
  }
  return at < tokens.size() ? at : 0;
}

// The table that is inserted into.
std::string TargetOf(const std::vector<Token>& tokens) {
  std::size_t at = BehindInto(tokens).value_or(0);
  if (at + 2 < tokens.size() && tokens[at + 1].IsOperator(".")) {
    at += 2;
  }
  return ToLowerAscii(tokens[at].Name());
}

// The number of values in the parenthesis at `open`; 0 when it is none.
std::size_t CountValues(const std::vector<Token>& tokens, std::size_t open) {
  std::size_t depth = 0;
  std::size_t count = 1;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    depth += tokens[i].IsOperator("(") ? 1 : 0;
    if (depth == 0 || (tokens[i].IsOperator(")") && --depth == 0)) {
      return i == open ? 0 : count;
    }
    count += depth == 1 && tokens[i].IsOperator(",") ? 1 : 0;
  }
  return 0;
}

/// Columns that an INSERT cannot set.
constexpr std::string_view kKeptColumn = "updated_at";

/// Where VALUES stands, and what the columns of its rows are.
struct ShortInsert {
  const Token* values = nullptr;
  std::vector<std::string> columns;
};

std::optional<ShortInsert> FindShortInsert(const ParsedStatement& statement,
                                           const UserSchemas& schemas) {
  const std::vector<Token>& tokens = statement.tokens;
  const std::size_t at = BehindTarget(tokens);
  if (at == 0 || !tokens[at].IsKeyword("VALUES")) {
    return std::nullopt;
  }
  const std::size_t count = CountValues(tokens, at + 1);
  ShortInsert found{&tokens[at], ColumnNames(TargetOf(tokens), schemas)};
  if (count == 0 || count >= found.columns.size()) {
    return std::nullopt;
  }
  std::erase(found.columns, kKeptColumn);
  found.columns.resize(count);
  return found;
}

}  // namespace

std::optional<std::vector<std::string>> InsertedColumns(const ParsedStatement& statement,
                                                        const UserSchemas& schemas) {
  const std::vector<Token>& tokens = statement.tokens;
  std::size_t at = BehindTarget(tokens);
  if (at == 0 || !tokens[at].IsOperator("(")) {
    std::optional<ShortInsert> found = FindShortInsert(statement, schemas);
    return found ? std::optional(std::move(found->columns)) : std::nullopt;
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
  const std::vector<std::string> columns =
      InsertedColumns(statement, schemas).value_or(ColumnNames(TargetOf(tokens), schemas));
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

void NameInsertedColumns(const ParsedStatement& statement, const UserSchemas& schemas,
                         TextReplacements* replaced) {
  const std::optional<ShortInsert> found = FindShortInsert(statement, schemas);
  if (!found) {
    return;
  }
  std::string list;
  for (const std::string& column : found->columns) {
    list += (list.empty() ? "(" : ", ") + QuotedName(column);
  }
  const std::size_t begin = found->values->offset;
  const TextRange range{begin, begin + found->values->text.size()};
  replaced->Add(range, {list + ") ", range});
}

}  // namespace dashi::sql
