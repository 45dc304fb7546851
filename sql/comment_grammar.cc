#include "sql/comment_grammar.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "sql/sqlite_dialect.h"

namespace dashi::sql {

Result<StatementNode> ParseComment(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("ON"));
  static constexpr std::array<std::string_view, 5> kKinds{"TABLE", "COLUMN", "INDEX", "GRAPH",
                                                          "MODEL"};
  static constexpr std::array<std::string_view, 5> kNames{"table", "column", "index", "graph",
                                                          "model"};
  const Token& what = tokens.Peek();
  const Result<std::size_t> kind = tokens.ExpectOneOf(kKinds);
  if (!kind.ok()) {
    if (what.kind != TokenKind::kIdentifier || !kind.status().hint().empty()) {
      return kind.status();
    }
    return tokens.Unsupported(what, "COMMENT ON " + std::string(what.text) + " is not supported",
                              "Tables, columns, indexes, graphs and models have comments.");
  }
  CommentStatement comment;
  comment.kind = kNames[*kind];
  comment.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(comment.name, tokens.ExpectName("the name of a " + comment.kind));
  if (comment.kind == "column") {
    DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("."));
    DASHI_ASSIGN_OR_RETURN(const std::string column, tokens.ExpectName("the name of a column"));
    comment.name += "." + column;
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("IS"));
  comment.text_offset = tokens.Peek().offset;
  if (!tokens.TakeKeyword("NULL")) {
    DASHI_ASSIGN_OR_RETURN(comment.text, tokens.ExpectString("a comment in quotes, or NULL"));
  }
  return StatementNode(std::move(comment));
}

namespace {

Result<StatementNode> ParseDescribeQuery(TokenStream& tokens) {
  const Token first = tokens.Peek();
  DescribeStatement describe;
  describe.offset = first.offset;
  describe.query.emplace();
  DASHI_ASSIGN_OR_RETURN(describe.query->statement, CheckSqliteStatement(tokens));
  if (describe.query->statement.verb != SqliteVerb::kSelect) {
    return tokens.Unsupported(first, "DESCRIBE tells the columns of a table or of a SELECT");
  }
  describe.query->range = {first.offset, tokens.Peek().offset};
  return StatementNode(std::move(describe));
}

}  // namespace

Result<StatementNode> ParseDescribe(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("MODEL") && tokens.Peek(1).kind != TokenKind::kEnd) {
    tokens.Take();
    ShowModelStatement model;
    model.offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(model.model, tokens.ExpectName("the name of a model"));
    return StatementNode(std::move(model));
  }
  if (IsSqliteStatement(tokens.Peek()) && tokens.Peek(1).kind != TokenKind::kEnd) {
    return ParseDescribeQuery(tokens);
  }
  if (tokens.Peek().IsKeyword("TABLE") && tokens.Peek(1).kind != TokenKind::kEnd) {
    tokens.Take();
  }
  DescribeStatement describe;
  describe.offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(describe.table, tokens.ExpectName("the name of a table, or MODEL"));
  return StatementNode(std::move(describe));
}

}  // namespace dashi::sql
