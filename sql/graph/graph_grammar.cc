#include "sql/graph/graph_grammar.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {

using Column = EdgeUpsert::Column;

Result<std::vector<TableName>> ExpectTables(TokenStream& tokens) {
  std::vector<TableName> tables;
  do {
    const std::size_t offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(std::string name,
                           tokens.ExpectName("a table: documents, labels or anchors"));
    tables.push_back({std::move(name), offset});
  } while (tokens.TakeOperator(","));
  return tables;
}

Result<Column> ExpectColumn(TokenStream& tokens) {
  static constexpr std::string_view kColumns[] = {"WEIGHT", "CLICKS", "LAST_SEEN"};
  DASHI_ASSIGN_OR_RETURN(const std::size_t column, tokens.ExpectOneOf(kColumns));
  return static_cast<Column>(column);
}

Status OtherExpression(const TokenStream& tokens, const Token& token) {
  return tokens.Unsupported(token, "an expression that ON CONFLICT of edges does not have",
                            "Write a number, excluded.column, or column + one of both.");
}

// Takes a number or `excluded.column`.
Status ExpectOperand(TokenStream& tokens, EdgeUpsert::Assignment* assignment) {
  if (tokens.TakeKeyword("EXCLUDED")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("."));
    DASHI_ASSIGN_OR_RETURN(assignment->excluded, ExpectColumn(tokens));
    return Status();
  }
  const Token& token = tokens.Peek();
  const bool number = token.kind == TokenKind::kInteger || token.kind == TokenKind::kDecimal;
  const char* end = token.text.data() + token.text.size();
  if (!number || std::from_chars(token.text.data(), end, assignment->constant).ptr != end) {
    return OtherExpression(tokens, token);
  }
  tokens.Take();
  return Status();
}

// Takes `edges.`, as a column of the row that exists may be written.
void TakeTableName(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("EDGES") && tokens.Peek(1).IsOperator(".")) {
    tokens.Take();
    tokens.Take();
  }
}

Result<EdgeUpsert::Assignment> ExpectAssignment(TokenStream& tokens) {
  EdgeUpsert::Assignment assignment;
  DASHI_ASSIGN_OR_RETURN(assignment.column, ExpectColumn(tokens));
  DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("="));
  TakeTableName(tokens);
  const Token& first = tokens.Peek();
  if (first.IsKeyword("WEIGHT") || first.IsKeyword("CLICKS") || first.IsKeyword("LAST_SEEN")) {
    DASHI_ASSIGN_OR_RETURN(const Column same, ExpectColumn(tokens));
    if (same != assignment.column || same == Column::kLastSeen) {
      return OtherExpression(tokens, first);
    }
    if (!tokens.TakeOperator("+")) {
      return OtherExpression(tokens, tokens.Peek());
    }
    assignment.adds = true;
  }
  const Token& operand = tokens.Peek();
  DASHI_RETURN_IF_ERROR(ExpectOperand(tokens, &assignment));
  const bool time = assignment.column == Column::kLastSeen;
  if (time != (assignment.excluded == Column::kLastSeen)) {
    return OtherExpression(tokens, operand);
  }
  return assignment;
}

}  // namespace

Result<StatementNode> ParseCreateGraph(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("GRAPH"));
  CreateGraphStatement create;
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("NOT"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    create.if_not_exists = true;
  }
  create.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(create.name, tokens.ExpectName("a name for the graph"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("FROM"));
  DASHI_ASSIGN_OR_RETURN(create.sources, ExpectTables(tokens));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
  DASHI_ASSIGN_OR_RETURN(create.targets, ExpectTables(tokens));
  if (tokens.TakeKeyword("WITH")) {
    DASHI_ASSIGN_OR_RETURN(create.options, tokens.ExpectOptions());
  }
  return StatementNode(std::move(create));
}

Result<StatementNode> ParseDropGraph(TokenStream& tokens) {
  DropGraphStatement drop;
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    drop.if_exists = true;
  }
  drop.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(drop.name, tokens.ExpectName("the name of a graph"));
  return StatementNode(std::move(drop));
}

Result<EdgeUpsert> ParseEdgeUpsert(TokenStream& tokens) {
  EdgeUpsert upsert;
  upsert.offset = tokens.Peek().offset;
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("ON"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("CONFLICT"));
  if (tokens.TakeOperator("(")) {
    do {
      static constexpr std::string_view kKey[] = {"GRAPH", "SOURCE", "TARGET"};
      DASHI_RETURN_IF_ERROR(tokens.ExpectOneOf(kKey).status());
    } while (tokens.TakeOperator(","));
    DASHI_RETURN_IF_ERROR(tokens.ExpectOperator(")"));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("DO"));
  if (tokens.TakeKeyword("NOTHING")) {
    upsert.nothing = true;
    if (!tokens.Peek().IsKeyword("RETURNING")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
    }
    return upsert;
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("UPDATE"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("SET"));
  do {
    const Token& column = tokens.Peek();
    DASHI_ASSIGN_OR_RETURN(const EdgeUpsert::Assignment assignment, ExpectAssignment(tokens));
    const bool twice = std::any_of(
        upsert.assignments.begin(), upsert.assignments.end(),
        [&](const EdgeUpsert::Assignment& other) { return other.column == assignment.column; });
    if (twice) {
      return Status::InvalidArgument("the column is set twice: " + std::string(column.text))
          .WithSqlState("42601")
          .WithPosition(tokens.PositionOf(column));
    }
    upsert.assignments.push_back(assignment);
  } while (tokens.TakeOperator(","));
  if (!tokens.AtEnd() && !tokens.Peek().IsKeyword("RETURNING")) {
    return OtherExpression(tokens, tokens.Peek());
  }
  return upsert;
}

}  // namespace dashi::sql
