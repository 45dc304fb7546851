#include "sql/schedule/schedule_rows.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/schedule/schedule_runner.h"
#include "sql/schedule/schedules.h"

namespace dashi::sql {

namespace {

Value Time(std::int64_t micros) {
  return micros == 0 ? Value::Null() : Value::Text(FormatTimestamp(micros));
}

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value::Null() : Value::Text(text);
}

Value Seconds(std::int64_t micros) { return Value::Real(static_cast<double>(micros) * 1e-6); }

}  // namespace

Result<std::vector<Row>> LoadSchedules(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Schedule> schedules, ReadSchedules(*statement.view));
  std::vector<Row> rows;
  rows.reserve(schedules.size());
  for (const Schedule& schedule : schedules) {
    DASHI_ASSIGN_OR_RETURN(const ScheduleHistory history,
                           ReadHistory(*statement.view, schedule.name));
    const std::optional<std::int64_t> next = ScheduleRunner::NextStart(schedule, history);
    const ScheduleRun* last = history.runs.empty() ? nullptr : &history.runs.back();
    rows.push_back(
        {Value::Text(schedule.name), Value::Text(schedule.cron), Value::Text(schedule.time_zone),
         TextOrNull(schedule.condition),
         Value::Text(fmt::format("{}", fmt::join(schedule.statements, "; "))),
         Value::Integer(schedule.paused ? 1 : 0), next ? Time(*next) : Value::Null(),
         last == nullptr ? Value::Null() : Time(last->started_at_micros),
         last == nullptr ? Value::Null() : Value::Text(std::string(RunOutcomeName(last->outcome))),
         last == nullptr ? Value::Null() : TextOrNull(last->reason), TextOrNull(schedule.owner),
         Value::Text(std::string(CatchUpName(schedule.catch_up))), Seconds(schedule.jitter_micros),
         Value::Integer(schedule.num_retries), Seconds(schedule.retry_wait_micros),
         Time(schedule.created_at_micros)});
  }
  return rows;
}

Result<std::vector<Row>> LoadScheduleRuns(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<Schedule> schedules, ReadSchedules(*statement.view));
  std::vector<Row> rows;
  for (const Schedule& schedule : schedules) {
    DASHI_ASSIGN_OR_RETURN(const ScheduleHistory history,
                           ReadHistory(*statement.view, schedule.name));
    rows.reserve(rows.size() + history.runs.size());
    for (const ScheduleRun& run : history.runs) {
      rows.push_back(
          {Value::Text(schedule.name), Value::Integer(static_cast<std::int64_t>(run.number)),
           Value::Text(run.cause), Time(run.due_at_micros), Time(run.started_at_micros),
           Time(run.finished_at_micros), Value::Text(std::string(RunOutcomeName(run.outcome))),
           Value::Integer(static_cast<std::int64_t>(run.tags.size())),
           Value::Integer(run.num_retries),
           Value::Text(fmt::format("{}", fmt::join(run.tags, "; "))), TextOrNull(run.reason),
           TextOrNull(run.sqlstate)});
    }
  }
  return rows;
}

}  // namespace dashi::sql
