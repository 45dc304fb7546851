#include "sql/parser.h"

#include <utility>

#include "base/status.h"
#include "sql/lexer.h"
#include "sql/statement_grammar.h"
#include "sql/token_stream.h"

namespace dashi::sql {

std::size_t ParsedStatement::end_offset() const {
  const Token& last = tokens.size() > 1 ? tokens[tokens.size() - 2] : tokens.front();
  return last.offset + last.text.size();
}

std::string_view ParsedStatement::text() const {
  return std::string_view(*source).substr(begin_offset(), end_offset() - begin_offset());
}

Status ParsedStatement::At(Status status, std::size_t offset) const {
  return std::move(status).WithPosition(PositionAt(*source, offset));
}

Parser::Parser(std::string_view sql) : source_(std::make_shared<const std::string>(sql)) {}

Result<std::optional<ParsedStatement>> Parser::Next() {
  if (at_ == 0) {
    DASHI_RETURN_IF_ERROR(CheckSqlText(*source_));
  }
  DASHI_ASSIGN_OR_RETURN(LexedStatement lexed, LexStatement(*source_, at_));
  at_ = lexed.end_offset;
  if (lexed.tokens.size() == 1) {
    return std::optional<ParsedStatement>();
  }
  ParsedStatement statement;
  statement.source = source_;
  statement.tokens = std::move(lexed.tokens);
  statement.num_parameters = lexed.num_parameters;
  statement.memory = std::make_shared<const MemoryCharge>(std::move(lexed.memory));
  TokenStream stream(*source_, statement.tokens);
  DASHI_ASSIGN_OR_RETURN(statement.node, ParseStatement(stream));
  return std::optional<ParsedStatement>(std::move(statement));
}

Result<ParsedStatement> ParseOne(std::string_view sql) {
  Parser parser(sql);
  DASHI_ASSIGN_OR_RETURN(std::optional<ParsedStatement> statement, parser.Next());
  if (!statement) {
    return Status::InvalidArgument("there is no statement in the SQL text").WithSqlState("42601");
  }
  // A second statement is refused whatever it is, so it need not parse.
  DASHI_ASSIGN_OR_RETURN(const LexedStatement rest,
                         LexStatement(*statement->source, statement->tokens.back().offset));
  if (rest.tokens.size() > 1) {
    return statement->At(Status::InvalidArgument("several statements where one was expected")
                             .WithSqlState("42601")
                             .WithHint("Run them one by one or as a script."),
                         rest.tokens.front().offset);
  }
  return std::move(*statement);
}

}  // namespace dashi::sql
