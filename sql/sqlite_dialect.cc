#include "sql/sqlite_dialect.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sql/graph/graph_grammar.h"
#include "sql/postgres/rewriter.h"
#include "sql/write_grammar.h"

namespace dashi::sql {

namespace {

struct Spelling {
  std::string_view first;   ///< a keyword
  std::string_view second;  ///< the keyword behind it; empty: any
  std::string_view message;
  std::string_view hint;
};

/// Keyword pairs that SQLite does not know or that are not supported on virtual tables.
constexpr Spelling kUnsupportedKeywords[] = {
    {"ON", "CONFLICT", "ON CONFLICT is not supported here", "It stands at the end of an INSERT."},
    {"RETURNING", "", "RETURNING is not supported here",
     "It stands at the end of an INSERT, UPDATE or DELETE."},
    {"DISTINCT", "ON", "DISTINCT ON is not supported", "Use row_number() OVER (...) = 1."},
    {"FOR", "UPDATE", "FOR UPDATE is not supported", ""},
    {"FOR", "SHARE", "FOR SHARE is not supported", ""},
    {"FOR", "NO", "FOR NO KEY UPDATE is not supported", ""},
    {"FOR", "KEY", "FOR KEY SHARE is not supported", ""},
    {"EXCEPT", "ALL", "EXCEPT ALL is not supported", ""},
    {"INTERSECT", "ALL", "INTERSECT ALL is not supported", ""},
    {"GROUPING", "SETS", "GROUPING SETS are not supported", "Join the queries with UNION ALL."},
    {"TABLESAMPLE", "", "TABLESAMPLE is not supported", "Use ORDER BY random() LIMIT n."},
};

/// `in_write`: outside parentheses of an INSERT, UPDATE or DELETE, which has clauses of its own.
Status CheckKeyword(const TokenStream& tokens, const Token& token, const Token& next,
                    bool in_write) {
  const bool clause = in_write && (token.IsKeyword("ON") || token.IsKeyword("RETURNING"));
  for (const Spelling& spelling : kUnsupportedKeywords) {
    if (!clause && token.IsKeyword(spelling.first) &&
        (spelling.second.empty() || next.IsKeyword(spelling.second))) {
      return tokens.Unsupported(token, std::string(spelling.message), std::string(spelling.hint));
    }
  }
  return Status();
}

Status CheckOperator(const TokenStream& tokens, const Token& token) {
  if (token.text == "?" || token.text == ":") {
    return tokens.SyntaxError("an expression; parameters are written $1, $2, ...");
  }
  return Status();
}

// Checks every token from here to the end, or to the ON CONFLICT of an INSERT INTO edges, and finds
// the statement's verb, unless it is given: the first of SELECT, VALUES, INSERT, REPLACE, UPDATE,
// DELETE outside parentheses.
Result<SqliteVerb> Scan(TokenStream& tokens, std::optional<SqliteVerb> verb = std::nullopt) {
  std::size_t depth = 0;
  bool into_edges = false;
  while (!tokens.AtEnd()) {
    const Token& token = tokens.Peek();
    const Token& next = tokens.Peek(1);
    into_edges = into_edges || (depth == 0 && verb == SqliteVerb::kInsert &&
                                token.IsKeyword("INTO") && next.IsKeyword("EDGES"));
    if (into_edges && depth == 0 && token.IsKeyword("ON") && next.IsKeyword("CONFLICT")) {
      return *verb;
    }
    if (token.kind == TokenKind::kIdentifier) {
      const bool in_write = depth == 0 && verb && *verb != SqliteVerb::kSelect;
      DASHI_RETURN_IF_ERROR(CheckKeyword(tokens, token, next, in_write));
    } else if (token.kind == TokenKind::kOperator) {
      DASHI_RETURN_IF_ERROR(CheckOperator(tokens, token));
      depth += token.text == "(" ? 1 : 0;
      depth -= token.text == ")" && depth > 0 ? 1 : 0;
    } else if (token.kind == TokenKind::kParameter && next.IsOperator("(") &&
               next.offset == token.offset + token.text.size()) {
      tokens.Take();  // SQLite would take "$1(x)" for the name of a parameter.
      return tokens.SyntaxError("an operator behind the parameter");
    }
    if (!verb && depth == 0) {
      if (token.IsKeyword("SELECT") || token.IsKeyword("VALUES")) {
        verb = SqliteVerb::kSelect;
      } else if (token.IsKeyword("INSERT") || token.IsKeyword("REPLACE")) {
        verb = SqliteVerb::kInsert;
      } else if (token.IsKeyword("UPDATE")) {
        verb = SqliteVerb::kUpdate;
      } else if (token.IsKeyword("DELETE")) {
        verb = SqliteVerb::kDelete;
      }
      const bool into = token.IsKeyword("INSERT") || token.IsKeyword("REPLACE");
      if ((into && !next.IsKeyword("INTO") && !next.IsKeyword("OR")) ||
          (token.IsKeyword("DELETE") && !next.IsKeyword("FROM"))) {
        tokens.Take();
        return tokens.SyntaxError(into ? "INTO" : "FROM");
      }
      const bool conflict = verb && next.IsKeyword("OR") && !token.IsKeyword("SELECT");
      if (conflict && (tokens.Peek(2).IsKeyword("FAIL") || tokens.Peek(2).IsKeyword("ROLLBACK"))) {
        return tokens.Unsupported(tokens.Peek(2),
                                  "OR " + std::string(tokens.Peek(2).text) + " is not supported",
                                  "A statement that fails changes nothing; use OR REPLACE or OR "
                                  "IGNORE to go on.");
      }
    }
    tokens.Take();
  }
  if (!verb) {
    return tokens.SyntaxError("SELECT, VALUES, INSERT, UPDATE, DELETE or TRAIN MODEL");
  }
  return *verb;
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), ToLowerAscii(word)) != words.end();
}

// EXPLAIN (ANALYZE [on | off], ...): what else PostgreSQL tells may be turned off.
Status ReadExplainOptions(TokenStream& tokens, SqliteStatement* statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<OptionNode> options, tokens.ExpectOptions());
  for (const OptionNode& option : options) {
    const bool on = IsOneOf(option.value, {"on", "true", "1"});
    const bool off = IsOneOf(option.value, {"off", "false", "0"});
    if (option.name == "analyze" && (on || off)) {
      statement->analyze = on;
    } else if (!(option.name == "format" && IsOneOf(option.value, {"text"})) &&
               !(off && IsOneOf(option.name, {"costs", "timing", "summary", "verbose", "buffers",
                                              "settings", "wal", "generic_plan", "memory"}))) {
      return Status::Unimplemented("EXPLAIN does not have this option: " + option.name + " " +
                                   option.value)
          .WithSqlState("0A000")
          .WithHint("Write EXPLAIN SELECT ... or EXPLAIN ANALYZE SELECT ...")
          .WithPosition(tokens.PositionOfOffset(option.offset));
    }
  }
  return Status();
}

}  // namespace

bool IsSqliteStatement(const Token& first) {
  static constexpr std::string_view kWords[] = {"SELECT",  "WITH",   "VALUES", "INSERT",
                                                "REPLACE", "UPDATE", "DELETE", "EXPLAIN"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return first.IsKeyword(word); });
}

Result<SqliteStatement> CheckSqliteStatement(TokenStream& tokens) {
  SqliteStatement statement;
  const bool explain = tokens.TakeKeyword("EXPLAIN");
  if (explain) {
    const bool options = tokens.Peek().IsOperator("(");
    if (options) {
      DASHI_RETURN_IF_ERROR(ReadExplainOptions(tokens, &statement));
    } else {
      statement.analyze = tokens.TakeKeyword("ANALYZE");
    }
    if (!options && !statement.analyze && tokens.TakeKeyword("QUERY")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("PLAN"));
    }
    if (!IsSqliteStatement(tokens.Peek()) || tokens.Peek().IsKeyword("EXPLAIN")) {
      return tokens.SyntaxError("SELECT, VALUES, INSERT, UPDATE, DELETE or TRAIN MODEL");
    }
  }
  const Token first = tokens.Peek();
  const TokenStream body = tokens;
  statement.body_offset = first.offset;
  DASHI_ASSIGN_OR_RETURN(statement.verb, Scan(tokens));
  postgres::Rewriter rewriter(body, &statement.replaced);
  DASHI_RETURN_IF_ERROR(rewriter.Run());
  statement.types_matter = rewriter.types_matter();
  if (!tokens.AtEnd()) {
    DASHI_ASSIGN_OR_RETURN(statement.upsert, ParseEdgeUpsert(tokens));
    DASHI_RETURN_IF_ERROR(Scan(tokens, statement.verb).status());  // RETURNING
  }
  if (statement.verb != SqliteVerb::kSelect) {
    DASHI_ASSIGN_OR_RETURN(statement.write, FindWriteClauses(body, statement.verb));
  }
  if (explain) {
    statement.explained = statement.verb;
    statement.verb = SqliteVerb::kExplain;
  }
  return statement;
}

}  // namespace dashi::sql
