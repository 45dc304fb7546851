#include "sql/schedule/schedule_body.h"

#include <optional>
#include <utility>
#include <variant>

#include "base/status.h"
#include "sql/parser.h"

namespace dashi::sql {

namespace {

constexpr std::size_t kStatementsMax = 100;
constexpr std::size_t kScriptBytesMax = std::size_t{64} << 10;

// Why a schedule cannot run a statement; nullptr where it can.
const char* ReasonAgainst(const StatementNode& node) {
  if (const auto* from = std::get_if<CopyFromStatement>(&node); from != nullptr) {
    return from->from_input ? "COPY ... FROM STDIN is for clients" : nullptr;
  }
  if (const auto* to = std::get_if<CopyToStatement>(&node); to != nullptr) {
    return to->to_output ? "COPY ... TO STDOUT is for clients" : nullptr;
  }
  if (std::holds_alternative<CreateRoleStatement>(node) ||
      std::holds_alternative<AlterRoleStatement>(node)) {
    return "roles are not changed by a schedule, whose statements others can read";
  }
  if (std::holds_alternative<RunScheduleStatement>(node)) {
    return "a schedule does not run another one";
  }
  return nullptr;
}

}  // namespace

Result<std::vector<std::string>> TakeApart(std::string_view script) {
  if (script.size() > kScriptBytesMax) {
    return Status::ResourceExhausted("the statements of a schedule have at most " +
                                     std::to_string(kScriptBytesMax) + " bytes")
        .WithSqlState("54000");
  }
  std::vector<std::string> statements;
  statements.reserve(4);
  Parser parser(script);
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const std::optional<ParsedStatement> parsed, parser.Next());
    if (!parsed) {
      break;
    }
    if (const char* reason = ReasonAgainst(parsed->node); reason != nullptr) {
      return parsed->At(Status::Unimplemented(reason), parsed->begin_offset());
    }
    if (parsed->num_parameters > 0) {
      return parsed->At(Status::InvalidArgument("the statements of a schedule have no parameters")
                            .WithSqlState("42P02"),
                        parsed->begin_offset());
    }
    if (statements.size() == kStatementsMax) {
      return Status::ResourceExhausted("a schedule has at most " + std::to_string(kStatementsMax) +
                                       " statements")
          .WithSqlState("54000");
    }
    statements.emplace_back(parsed->text());
  }
  if (statements.empty()) {
    return Status::InvalidArgument("a schedule has at least one statement").WithSqlState("42601");
  }
  return statements;
}

}  // namespace dashi::sql
