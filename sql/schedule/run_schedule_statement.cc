// RUN SCHEDULE: a method of SessionImpl, since the run has a session of its own over the same
// database.

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/own_columns.h"
#include "sql/schedule/schedule_runner.h"
#include "sql/session_impl.h"

namespace dashi::internal {

Result<std::unique_ptr<RowSource>> SessionImpl::RunSchedule(const sql::ParsedStatement& statement,
                                                            const sql::RunScheduleStatement& node) {
  DASHI_RETURN_IF_ERROR(sql::RefuseInBlock(state_, "RUN SCHEDULE"));
  DASHI_RETURN_IF_ERROR(sql::RequireWritable(state_, "RUN SCHEDULE"));
  sql::ScheduleRunner::Options options;
  options.file_directories = state_.file_directories;
  if (state_.on_audited) {
    options.on_audited = [this](const std::string& /*role*/, const AuditedStatement& audited) {
      state_.on_audited(audited);
    };
  }
  sql::ScheduleRunner runner(database_, std::move(options));
  Result<sql::ScheduleRunner::NotedRun> noted = runner.NoteAsked(
      node.name, state_.user, state_.unrestricted || state_.rights.admin ? nullptr : &state_.user);
  if (!noted.ok()) {
    return statement.At(std::move(noted).status(), node.name_offset);
  }
  const sql::ScheduleRun run =
      runner.Run(*noted, state_.on_progress, [this] { return state_.interruption.Poll(); });
  if (run.outcome == sql::RunOutcome::kFailed) {
    const Status stopped = state_.interruption.ToStatus();
    return !stopped.ok() ? stopped
                         : Status::FailedPrecondition(
                               fmt::format("schedule \"{}\" failed at statement {} of {}: {}",
                                           node.name, run.tags.size() + 1,
                                           noted->schedule.statements.size(), run.reason))
                               .WithSqlState(run.sqlstate);
  }
  std::vector<Row> rows;
  rows.reserve(run.tags.size());
  for (const std::string& tag : run.tags) {
    rows.push_back({Value::Text(tag)});
  }
  return sql::Finished("RUN SCHEDULE", sql::OwnColumns(node), std::move(rows));
}

}  // namespace dashi::internal
