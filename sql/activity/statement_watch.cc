#include "sql/activity/statement_watch.h"

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "sql/roles/statement_rights.h"

namespace dashi::sql {

namespace {

std::string ApplicationOf(const SessionState& session) {
  Result<std::string> name = session.settings.Get("application_name");
  return name.ok() ? std::move(name).value() : std::string();
}

}  // namespace

SessionActivity::State StateBetweenStatements(const SessionState& session) {
  if (!session.block.active()) {
    return SessionActivity::State::kIdle;
  }
  return session.block.failed() ? SessionActivity::State::kInFailedBlock
                                : SessionActivity::State::kInBlock;
}

std::string ShownText(const ParsedStatement& statement) {
  const StatementTraits traits = TraitsOf(statement.node);
  return traits.audited == AuditClass::kRoles ? std::string(traits.kind) + " ..."
                                              : std::string(statement.text());
}

StatementWatch::StatementWatch(SessionState& session, const ParsedStatement& statement)
    : session_(session),
      kind_(TraitsOf(statement.node).kind),
      text_(ShownText(statement)),
      begun_micros_(Clock::System().MonotonicMicros()) {
  session_.entry->BeginStatement(kind_, text_, Clock::System().NowMicros());
}

void StatementWatch::End(const Status& outcome, std::uint64_t num_rows,
                         const std::function<std::vector<std::string>()>& plan) {
  if (std::exchange(ended_, true)) {
    return;
  }
  session_.entry->EndStatement(StateBetweenStatements(session_), ApplicationOf(session_),
                               Clock::System().NowMicros());
  if (session_.on_statement == nullptr) {
    return;
  }
  StatementReport report;
  report.kind = kind_;
  report.statement = text_;
  report.duration = std::chrono::microseconds(Clock::System().MonotonicMicros() - begun_micros_);
  report.num_rows = num_rows;
  const std::string sqlstate(outcome.ok() ? "00000" : outcome.sqlstate());
  report.sqlstate = sqlstate;
  if (session_.slow_statement && report.duration >= *session_.slow_statement) {
    report.slow = true;
    if (plan != nullptr) {
      report.plan = plan();
    }
  }
  session_.on_statement(report);
}

}  // namespace dashi::sql
