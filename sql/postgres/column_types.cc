#include "sql/postgres/column_types.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

#include "base/status.h"
#include "sql/declared_type.h"
#include "sql/inserted_columns.h"
#include "sql/postgres/rewriter.h"
#include "sql/table_catalog.h"

namespace dashi::sql::postgres {

namespace {

using storage::ColumnType;

StaticType TypeOfColumn(ColumnType type) {
  switch (type) {
    case ColumnType::kInteger:
      return StaticType::kInteger;
    case ColumnType::kReal:
      return StaticType::kFloat;
    case ColumnType::kText:
      return StaticType::kText;
    case ColumnType::kBoolean:
      return StaticType::kBoolean;
    case ColumnType::kTimestamp:
      return StaticType::kTimestamp;
    case ColumnType::kVector:
      return StaticType::kVector;
  }
  return StaticType::kUnknown;
}

StaticType TypeOfDeclaration(std::string_view type) {
  switch (DeclaredSqlType(type)) {
    case SqlType::kTimestamp:
      return StaticType::kTimestamp;
    case SqlType::kBoolean:
      return StaticType::kBoolean;
    case SqlType::kInteger:
    case SqlType::kSmallInt:
    case SqlType::kInt:
    case SqlType::kXid:
      return StaticType::kInteger;
    case SqlType::kReal:
    case SqlType::kSingle:
      return StaticType::kFloat;
    case SqlType::kText:
    case SqlType::kNodeTree:
      return StaticType::kText;
    case SqlType::kName:
      return StaticType::kName;
    case SqlType::kChar:
      return StaticType::kChar;
    case SqlType::kOid:
      return StaticType::kOid;
    case SqlType::kRegproc:
      return StaticType::kRegproc;
    case SqlType::kRegtype:
      return StaticType::kRegtype;
    case SqlType::kSmallIntVector:
      return StaticType::kSmallIntVector;
    case SqlType::kOidVector:
      return StaticType::kOidVector;
    case SqlType::kOidArray:
      return StaticType::kOidArray;
    case SqlType::kSmallIntArray:
      return StaticType::kSmallIntArray;
    case SqlType::kCharArray:
      return StaticType::kCharArray;
    case SqlType::kNameArray:
      return StaticType::kNameArray;
    case SqlType::kTextArray:
    case SqlType::kAclItemArray:
      return StaticType::kTextArray;
    default:
      return StaticType::kUnknown;
  }
}

bool IsNameToken(const Token& token) {
  return token.kind == TokenKind::kQuotedIdentifier ||
         (token.kind == TokenKind::kIdentifier && !IsReserved(token));
}

/// Whether an expression may end with this token, so that a name behind it is an alias.
bool EndsExpression(const Token& token) {
  return IsNameToken(token) || token.IsOperator(")") || token.IsKeyword("END") ||
         token.kind == TokenKind::kString || token.kind == TokenKind::kInteger ||
         token.kind == TokenKind::kDecimal || token.kind == TokenKind::kBlob ||
         token.kind == TokenKind::kParameter;
}

/// The number of tokens of `(name, ...)` that begin here; 0: it is something else.
std::size_t NameListSize(std::span<const Token> tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); i += 2) {
    if (!(i == 0 ? tokens[i].IsOperator("(") : tokens[i].IsOperator(",")) ||
        !IsNameToken(tokens[i + 1])) {
      return 0;
    }
    if (i + 2 < tokens.size() && tokens[i + 2].IsOperator(")")) {
      return i + 3;
    }
  }
  return 0;
}

}  // namespace

ColumnTypes::ColumnTypes(const ParsedStatement& statement, const UserSchemas& schemas) {
  std::vector<const TableDefinition*> seen;
  for (std::size_t i = 0; i < statement.tokens.size(); ++i) {
    const Token& token = statement.tokens[i];
    const bool of_information_schema = i > 1 && statement.tokens[i - 1].IsOperator(".") &&
                                       statement.tokens[i - 2].IsKeyword("INFORMATION_SCHEMA");
    const std::string name = (of_information_schema ? "information_schema." : "") + token.Name();
    const TableDefinition* table = IsNameToken(token) ? FindTable(name) : nullptr;
    if (table != nullptr && std::find(seen.begin(), seen.end(), table) == seen.end()) {
      seen.push_back(table);
      AddTable(table->name, schemas);
    }
  }
  LeaveOutDefined(statement);
}

void ColumnTypes::Add(std::string_view name, StaticType type) {
  const auto [at, added] = types_.emplace(ToLowerAscii(name), type);
  if (!added && at->second != type) {
    at->second = StaticType::kUnknown;
  }
}

void ColumnTypes::AddTable(std::string_view table, const UserSchemas& schemas) {
  const TableDefinition* definition = FindTable(table);
  std::string_view rest = definition->declaration;  // CREATE TABLE t(id TEXT, ...
  rest.remove_prefix(rest.find('(') + 1);
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    std::string_view name = rest.substr(0, space);
    if (name.starts_with('"')) {
      name = name.substr(1, name.size() - 2);
    }
    Add(name, TypeOfDeclaration(space == std::string_view::npos ? "" : rest.substr(space + 1)));
    const std::size_t comma = rest.find(", ");
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
  }
  const auto& schema = EqualsIgnoreCase(table, "documents") ? schemas.documents : schemas.labels;
  if (definition->user_columns != nullptr && schema != nullptr) {
    for (const storage::ColumnRecord* column : schema->LiveColumns()) {
      Add(column->name, TypeOfColumn(column->type));
    }
  }
}

// Names of columns that the statement makes itself may have any type.
void ColumnTypes::LeaveOutDefined(const ParsedStatement& statement) {
  const std::vector<Token>& tokens = statement.tokens;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    const bool alias = tokens[i - 1].IsKeyword("AS") || EndsExpression(tokens[i - 1]);
    if (IsNameToken(tokens[i]) && alias) {
      if (const auto found = types_.find(ToLowerAscii(tokens[i].Name())); found != types_.end()) {
        hidden_.insert(types_.extract(found));
      }
    }
    const std::size_t size =
        IsNameToken(tokens[i - 1]) ? NameListSize(std::span(tokens).subspan(i)) : 0;
    const bool names_columns =
        size > 0 && (tokens[i + size].IsKeyword("AS") ||
                     (i > 1 && (tokens[i - 2].IsKeyword("AS") || EndsExpression(tokens[i - 2]))));
    for (std::size_t j = 1; names_columns && j < size; j += 2) {
      types_.erase(ToLowerAscii(tokens[i + j].Name()));
      ++listed_[ToLowerAscii(tokens[i + j].Name())];
    }
  }
}

StaticType ColumnTypes::Find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? StaticType::kUnknown : found->second;
}

bool ColumnTypes::Learn(const StatementTypes& read) {
  bool has_news = false;
  for (const auto& [name, derived] : read.derived()) {
    const auto table = hidden_.find(name);
    const auto listed = listed_.find(name);
    const bool certain = derived.num_listed == (listed == listed_.end() ? 0 : listed->second) &&
                         (table == hidden_.end() || table->second == derived.type);
    const StaticType type = certain ? derived.type : StaticType::kUnknown;
    const auto [at, added] = types_.emplace(name, type);
    has_news = has_news || (added ? type != StaticType::kUnknown : at->second != type);
    at->second = type;
  }
  return has_news;
}

Result<TypedStatement> ReadWithTypes(const ParsedStatement& statement, const UserSchemas& schemas) {
  const auto& node = std::get<SqliteStatement>(statement.node);
  ColumnTypes types(statement, schemas);
  const auto body =
      std::find_if(statement.tokens.begin(), statement.tokens.end(),
                   [&](const Token& token) { return token.offset >= node.body_offset; });
  const std::span<const Token> tokens(statement.tokens);
  // Inner queries stand behind what names their columns, and in one another.
  constexpr int kReadingsMax = 4;
  TypedStatement read;
  for (int reading = 0; reading < kReadingsMax; ++reading) {
    read = TypedStatement();
    for (const InsertedParameter& one : InsertedParameters(statement, schemas)) {
      read.types.NoteParameter(one.parameter, types.Find(one.column));
    }
    Rewriter rewriter(
        TokenStream(*statement.source,
                    tokens.subspan(static_cast<std::size_t>(body - statement.tokens.begin()))),
        &read.replaced, &types, &read.types);
    DASHI_RETURN_IF_ERROR(rewriter.Run());
    if (!types.Learn(read.types)) {
      break;
    }
  }
  NameInsertedColumns(statement, schemas, &read.replaced);
  return read;
}

}  // namespace dashi::sql::postgres
