#include "tests/crash/crash_session.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::crash {

namespace {

std::string Describe(const Status& status, std::string_view sql) {
  return fmt::format("{} {}: {}", status.sqlstate(), status.ToString(), sql.substr(0, 200));
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char character : text) {
    quoted += character;
    if (character == '\'') {
      quoted += character;
    }
  }
  return quoted + "'";
}

CrashSession::CrashSession(Database* database, CrashEventWriter* events, int owner)
    : events_(events), owner_(owner) {
  auto session = database->NewSession();
  if (!session.ok()) {
    AbortBecauseOf(session.status());
  }
  session_ = std::move(session).value();
}

Result<std::vector<Row>> CrashSession::Query(std::string_view sql, std::span<const Value> values) {
  DASHI_ASSIGN_OR_RETURN(ResultSet results, session_->Execute(sql, values));
  std::vector<Row> rows;
  Row row;
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, results.Next(&row));
    if (!more) {
      return rows;
    }
    rows.push_back(row);
  }
}

void CrashSession::MustRun(std::string_view sql) {
  if (const Status status = Run(sql); !status.ok()) {
    SendProblem(Describe(status, sql));
  }
}

void CrashSession::MustFail(std::string_view sql, std::string_view sqlstate) {
  const Status status = Run(sql);
  if (status.ok()) {
    SendProblem(fmt::format("expected {}, but it ran: {}", sqlstate, sql.substr(0, 200)));
  } else if (status.sqlstate() != sqlstate) {
    SendProblem(fmt::format("expected {}, got {}", sqlstate, Describe(status, sql)));
  }
}

bool CrashSession::Understands(std::string_view sql) { return Run(sql).sqlstate() != "0A000"; }

bool CrashSession::Commit(std::string_view sql, const RowChanges& changes) {
  events_->Send({CrashEventKind::kIntent, owner_, "", changes});
  const Status status = Run(sql);
  if (status.ok()) {
    events_->Send({CrashEventKind::kAcknowledged, owner_, "", {}});
    return true;
  }
  events_->Send({CrashEventKind::kRefused, owner_, Describe(status, sql), {}});
  // Some children may use as little memory as 16 MiB; the report counts what that refuses.
  if (status.sqlstate() != "40001" && status.sqlstate() != "53200") {
    SendProblem(Describe(status, sql));
  }
  return false;
}

}  // namespace dashi::crash
