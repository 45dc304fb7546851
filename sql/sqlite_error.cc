#include "sql/sqlite_error.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory_account.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/sql_functions.h"
#include "sql/table_catalog.h"
#include "sql/table_columns.h"

namespace dashi::sql {

namespace {

constexpr std::string_view kKeywords[] = {
    "SELECT",    "FROM", "WHERE",     "GROUP",  "ORDER",    "HAVING",  "LIMIT",  "OFFSET",
    "JOIN",      "LEFT", "INNER",     "CROSS",  "OUTER",    "UNION",   "EXCEPT", "VALUES",
    "INSERT",    "INTO", "UPDATE",    "DELETE", "DISTINCT", "BETWEEN", "EXISTS", "CASE",
    "WHEN",      "THEN", "ELSE",      "CAST",   "LIKE",     "GLOB",    "ISNULL", "NOTNULL",
    "RECURSIVE", "OVER", "PARTITION", "USING"};

std::string_view TextAfter(std::string_view text, std::string_view prefix) {
  return text.substr(prefix.size());
}

// Returns the part between the first pair of double quotes.
std::string_view QuotedPart(std::string_view text) {
  const std::size_t open = text.find('"');
  const std::size_t close = text.rfind('"');
  return open == std::string_view::npos || close == open ? std::string_view()
                                                         : text.substr(open + 1, close - open - 1);
}

// The offset of the first token that is this name.
std::optional<std::size_t> FindToken(const ParsedStatement& statement, std::string_view name) {
  for (const Token& token : statement.tokens) {
    const bool identifier =
        token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kQuotedIdentifier;
    if (identifier && EqualsIgnoreCase(token.Name(), name)) {
      return token.offset;
    }
  }
  return std::nullopt;
}

Status WithNearest(Status status, std::string_view name,
                   std::span<const std::string_view> candidates) {
  const std::string_view nearest = NearestName(name, candidates);
  return nearest.empty() || EqualsIgnoreCase(nearest, name)
             ? status
             : std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
}

// The names of the columns of every table that the statement names.
std::vector<std::string> ColumnsInReach(const ParsedStatement& statement,
                                        const UserSchemas& schemas) {
  std::vector<std::string> columns;
  for (const Token& token : statement.tokens) {
    if (token.kind != TokenKind::kIdentifier || FindTable(token.Name()) == nullptr) {
      continue;
    }
    for (std::string& column : ColumnNames(token.Name(), schemas)) {
      columns.push_back(std::move(column));
    }
  }
  return columns;
}

Status UnknownTable(const ParsedStatement& statement, std::string_view name) {
  std::vector<std::string_view> names;
  for (const TableDefinition& table : AllTables()) {
    names.emplace_back(table.name);
  }
  Status status = WithNearest(
      Status::NotFound("no such table: " + std::string(name)).WithSqlState("42P01"), name, names);
  if (status.hint().empty()) {
    status = std::move(status).WithHint("SHOW TABLES lists them.");
  }
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  const std::optional<std::size_t> offset = FindToken(statement, last);
  return offset ? statement.At(std::move(status), *offset) : status;
}

Status UnknownColumn(const ParsedStatement& statement, const UserSchemas& schemas,
                     std::string_view name) {
  const std::vector<std::string> columns = ColumnsInReach(statement, schemas);
  const std::vector<std::string_view> names(columns.begin(), columns.end());
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  Status status = WithNearest(
      Status::NotFound("no such column: " + std::string(name)).WithSqlState("42703"), last, names);
  const bool quoted =
      FindToken(statement, last) && (*statement.source)[*FindToken(statement, last)] == '"';
  if (status.hint().empty() && quoted) {
    status = std::move(status).WithHint("Strings stand in single quotes.");
  }
  const std::optional<std::size_t> offset = FindToken(statement, last);
  return offset ? statement.At(std::move(status), *offset) : status;
}

Status UnknownFunction(std::string_view name) {
  const std::vector<std::string> functions = ListFunctions();
  const std::vector<std::string_view> names(functions.begin(), functions.end());
  return WithNearest(
      Status::NotFound("no such function: " + std::string(name)).WithSqlState("42883"), name,
      names);
}

Status SyntaxError(const ParsedStatement& statement, std::string_view message) {
  const std::string_view word = QuotedPart(message);
  std::string text = "syntax error at or near \"" + std::string(word) + "\"";
  if (message == "incomplete input" || (word.empty() && message.substr(0, 4) == "near")) {
    const Status status =
        Status::InvalidArgument("syntax error at the end of the statement").WithSqlState("42601");
    return statement.At(status, statement.tokens.back().offset);
  }
  if (word.empty()) {
    text = std::string(message);
  }
  return WithNearest(Status::InvalidArgument(std::move(text)).WithSqlState("42601"), word,
                     kKeywords);
}

struct MessageRule {
  std::string_view part;  ///< found anywhere in SQLite's message
  StatusCode code;
  std::string_view sqlstate;
};

constexpr MessageRule kRules[] = {
    {"ambiguous column name", StatusCode::kInvalidArgument, "42702"},
    {"wrong number of arguments to function", StatusCode::kInvalidArgument, "42883"},
    {"too many arguments on", StatusCode::kInvalidArgument, "42883"},
    {"misuse of aggregate", StatusCode::kInvalidArgument, "42803"},
    {"may not be used as a window function", StatusCode::kUnimplemented, "0A000"},
    {"misuse of window function", StatusCode::kInvalidArgument, "42P20"},
    {"misuse of aliased", StatusCode::kInvalidArgument, "42803"},
    {"has no column named", StatusCode::kNotFound, "42703"},
    {"may not be modified", StatusCode::kInvalidArgument, "42809"},
    {"not authorized", StatusCode::kUnimplemented, "0A000"},
    {"prohibited", StatusCode::kUnimplemented, "0A000"},
    {"UPSERT not implemented", StatusCode::kUnimplemented, "0A000"},
    {"RETURNING is not available", StatusCode::kUnimplemented, "0A000"},
    {"integer overflow", StatusCode::kInvalidArgument, "22003"},
    {"malformed JSON", StatusCode::kInvalidArgument, "22P02"},
    {"JSON path error", StatusCode::kInvalidArgument, "22023"},
    {"ORDER BY term", StatusCode::kInvalidArgument, "42P10"},
    {"GROUP BY term", StatusCode::kInvalidArgument, "42P10"},
    {"ORDER BY clause should come after", StatusCode::kInvalidArgument, "42601"},
    {"circular reference", StatusCode::kInvalidArgument, "42P19"},
    {"no such collation sequence", StatusCode::kNotFound, "42704"},
    {"unknown database", StatusCode::kNotFound, "3F000"},
    {"no query solution", StatusCode::kInvalidArgument, "22023"},
    {"parser stack overflow", StatusCode::kResourceExhausted, "54001"},
    {"Expression tree is too large", StatusCode::kResourceExhausted, "54001"},
    {"too many", StatusCode::kResourceExhausted, "54000"},
    {"too big", StatusCode::kResourceExhausted, "54000"},
    {"too large", StatusCode::kResourceExhausted, "54000"},
    {"at most", StatusCode::kResourceExhausted, "54000"},
    {"LIKE or GLOB pattern too complex", StatusCode::kResourceExhausted, "54000"},
};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

Status FromMessage(const ParsedStatement& statement, const UserSchemas& schemas,
                   std::string_view message) {
  if (StartsWith(message, "no such table: ")) {
    return UnknownTable(statement, TextAfter(message, "no such table: "));
  }
  if (StartsWith(message, "no such table-valued function: ")) {
    return UnknownTable(statement, TextAfter(message, "no such table-valued function: "));
  }
  if (StartsWith(message, "no such column: ")) {
    return UnknownColumn(statement, schemas, TextAfter(message, "no such column: "));
  }
  if (message.find(" has no column named ") != std::string_view::npos) {
    return UnknownColumn(statement, schemas, message.substr(message.rfind(' ') + 1));
  }
  if (StartsWith(message, "no such function: ")) {
    return UnknownFunction(TextAfter(message, "no such function: "));
  }
  if (StartsWith(message, "near \"") || message == "incomplete input" ||
      StartsWith(message, "unrecognized token")) {
    return SyntaxError(statement, message);
  }
  if (message.ends_with(" values were supplied")) {
    return Status::InvalidArgument(std::string(message))
        .WithSqlState("42601")
        .WithHint("Name the columns: INSERT INTO table (column, ...).");
  }
  for (const MessageRule& rule : kRules) {
    if (message.find(rule.part) != std::string_view::npos) {
      return Status(rule.code, std::string(message)).WithSqlState(rule.sqlstate);
    }
  }
  return Status::InvalidArgument(std::string(message)).WithSqlState("42601");
}

}  // namespace

Status SqliteErrorStatus(sqlite3* connection, int rc, const ParsedStatement& statement,
                         const UserSchemas& schemas, const SqliteText* text) {
  const std::string message = sqlite3_errmsg(connection);
  const int offset = sqlite3_error_offset(connection);
  Status status;
  switch (rc & 0xFF) {
    case SQLITE_ERROR:
    case SQLITE_AUTH:
      status = FromMessage(statement, schemas, message);
      break;
    case SQLITE_TOOBIG:
      status = Status::ResourceExhausted(message).WithSqlState("54000");
      break;
    case SQLITE_NOMEM:
      return MemoryScope::OutOfMemory();
    case SQLITE_INTERRUPT:
      return Status::Cancelled("the statement was cancelled").WithSqlState("57014");
    case SQLITE_MISMATCH:
      status = Status::InvalidArgument(message).WithSqlState("42804");
      break;
    case SQLITE_CONSTRAINT:
      status = Status::InvalidArgument(message).WithSqlState("23000");
      break;
    case SQLITE_FULL:
    case SQLITE_IOERR:
      status = Status::IoError("temporary space for the query: " + message).WithSqlState("58030");
      break;
    default:
      status = Status::Internal("SQLite error " + std::to_string(rc) + ": " + message);
      break;
  }
  const std::optional<std::size_t> place =
      text == nullptr || offset < 0 ? std::nullopt
                                    : text->SourceOffset(static_cast<std::size_t>(offset));
  return place && !status.position() ? statement.At(std::move(status), *place) : status;
}

}  // namespace dashi::sql
