#include "sql/schedule/schedule_grammar.h"

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "sql/inner_query_grammar.h"

namespace dashi::sql {

namespace {

Result<std::string> ExpectSchedule(TokenStream& tokens) {
  return tokens.ExpectName("the name of a schedule");
}

// IF (query), from behind IF.
Status ParseCondition(TokenStream& tokens, ScheduleClauses* clauses) {
  DASHI_ASSIGN_OR_RETURN(
      const InnerQuery query,
      ExpectQueryInParentheses(tokens, "the condition of a schedule is a query"));
  clauses->condition = std::string(tokens.TextOf(query.range));
  return Status();
}

// A text in quotes is a script; what stands there otherwise, up to the end, is one statement.
Status ParseBody(TokenStream& tokens, ScheduleClauses* clauses) {
  const Token first = tokens.Peek();
  if (first.kind == TokenKind::kString) {
    // Where its text begins, in texts without escapes.
    clauses->body_offset =
        first.offset + (first.text.front() == '$' ? first.text.find('$', 1) + 1 : 1);
    clauses->body = tokens.Take().StringValue();
    return Status();
  }
  if (tokens.AtEnd()) {
    return tokens.SyntaxError("a statement, or statements in quotes: $$TRAIN MODEL m; ...$$");
  }
  clauses->body_offset = first.offset;
  while (!tokens.AtEnd()) {
    tokens.Take();
  }
  clauses->body = std::string(tokens.TextOf({first.offset, tokens.PreviousEnd()}));
  return Status();
}

// Takes one clause. Returns whether there was one.
Result<bool> ParseClause(TokenStream& tokens, ScheduleClauses* clauses) {
  if (tokens.TakeKeyword("CRON")) {
    clauses->cron_offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(clauses->cron,
                           tokens.ExpectString("a cron expression in quotes, such as '0 3 * * *'"));
    return true;
  }
  if (tokens.TakeKeyword("TIME")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("ZONE"));
    clauses->time_zone_offset = tokens.Peek().offset;
    DASHI_ASSIGN_OR_RETURN(clauses->time_zone,
                           tokens.ExpectString("a time zone in quotes, such as 'Europe/Berlin'"));
    return true;
  }
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(ParseCondition(tokens, clauses));
    return true;
  }
  if (tokens.Peek().IsKeyword("ON") && tokens.Peek(1).IsKeyword("CHANGE")) {
    return tokens.Unsupported(tokens.Peek(), "ON CHANGE is not supported",
                              "Count what has changed in IF (SELECT ...).");
  }
  if (tokens.Peek().IsKeyword("AS")) {
    tokens.Take();
    DASHI_RETURN_IF_ERROR(ParseBody(tokens, clauses));
    return true;
  }
  return false;
}

}  // namespace

Result<StatementNode> ParseCreateSchedule(TokenStream& tokens) {
  tokens.Take();
  CreateScheduleStatement create;
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("NOT"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    create.if_not_exists = true;
  }
  create.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(create.name, tokens.ExpectName("a name for the schedule"));
  static constexpr std::string_view kClauses[] = {"CRON", "TIME", "IF", "WITH", "AS"};
  while (!tokens.AtEnd()) {
    if (tokens.TakeKeyword("WITH")) {
      DASHI_ASSIGN_OR_RETURN(create.clauses.options, tokens.ExpectOptions());
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const bool taken, ParseClause(tokens, &create.clauses));
    if (!taken) {
      return tokens.SyntaxError("CRON, TIME ZONE, IF, WITH or AS", kClauses);
    }
  }
  if (!create.clauses.cron) {
    return tokens.SyntaxError("CRON").WithHint("Write CREATE SCHEDULE " + create.name +
                                               " CRON '0 3 * * *' AS TRAIN MODEL m.");
  }
  if (!create.clauses.body) {
    return tokens.SyntaxError("AS").WithHint("What is to run stands behind AS.");
  }
  return StatementNode(std::move(create));
}

Result<StatementNode> ParseAlterSchedule(TokenStream& tokens) {
  tokens.Take();
  AlterScheduleStatement alter;
  alter.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter.name, ExpectSchedule(tokens));
  static constexpr std::string_view kClauses[] = {"CRON", "TIME", "IF",    "SET",
                                                  "AS",   "DROP", "RENAME"};
  do {
    if (tokens.TakeKeyword("SET")) {
      DASHI_ASSIGN_OR_RETURN(alter.clauses.options, tokens.ExpectOptions());
    } else if (tokens.TakeKeyword("DROP")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("IF"));
      alter.drops_condition = true;
    } else if (tokens.TakeKeyword("RENAME")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
      alter.new_name_offset = tokens.Peek().offset;
      DASHI_ASSIGN_OR_RETURN(alter.new_name, tokens.ExpectName("a new name for the schedule"));
    } else {
      DASHI_ASSIGN_OR_RETURN(const bool taken, ParseClause(tokens, &alter.clauses));
      if (!taken) {
        return tokens.SyntaxError("CRON, TIME ZONE, IF, SET, AS, DROP IF or RENAME TO", kClauses);
      }
    }
  } while (!tokens.AtEnd());
  return StatementNode(std::move(alter));
}

Result<StatementNode> ParseDropSchedule(TokenStream& tokens) {
  tokens.Take();
  DropScheduleStatement drop;
  if (tokens.TakeKeyword("IF")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
    drop.if_exists = true;
  }
  drop.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(drop.name, ExpectSchedule(tokens));
  return StatementNode(std::move(drop));
}

Result<StatementNode> ParsePauseSchedule(TokenStream& tokens, bool resumes) {
  tokens.Take();
  PauseScheduleStatement pause;
  pause.resumes = resumes;
  pause.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(pause.name, ExpectSchedule(tokens));
  return StatementNode(std::move(pause));
}

Result<StatementNode> ParseRunSchedule(TokenStream& tokens) {
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("SCHEDULE"));
  RunScheduleStatement run;
  run.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(run.name, ExpectSchedule(tokens));
  return StatementNode(std::move(run));
}

}  // namespace dashi::sql
