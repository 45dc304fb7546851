// CREATE, ALTER, DROP, PAUSE and RESUME SCHEDULE.

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "base/timestamp.h"
#include "sql/database_impl.h"
#include "sql/own_statements.h"
#include "sql/schedule/cron_expression.h"
#include "sql/schedule/schedule_body.h"
#include "sql/schedule/schedules.h"
#include "storage/row_check.h"

namespace dashi::sql {

namespace {

constexpr int kRetriesMax = 100;

Status NoSuchSchedule(const std::vector<Schedule>& schedules, const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(schedules.size());
  for (const Schedule& schedule : schedules) {
    names.push_back(schedule.name);
  }
  Status status =
      Status::NotFound(fmt::format("schedule \"{}\" does not exist", name)).WithSqlState("42704");
  const std::string_view nearest = NearestName(name, names);
  return nearest.empty() ? std::move(status)
                         : std::move(status).WithHint(fmt::format("Did you mean {}?", nearest));
}

// A schedule's statements have its owner's rights, so nobody else may say what they are.
Status CheckOwner(const SessionState& session, const Schedule& schedule) {
  if (session.unrestricted || session.rights.admin || session.user == schedule.owner) {
    return Status();
  }
  return Status::FailedPrecondition(
             fmt::format("permission denied: schedule \"{}\" is another role's", schedule.name))
      .WithSqlState("42501");
}

Result<Schedule*> FindOwn(const SessionState& session, const ParsedStatement& statement,
                          std::vector<Schedule>& schedules, const std::string& name,
                          std::size_t offset) {
  Schedule* schedule = FindSchedule(schedules, name);
  if (schedule == nullptr) {
    return statement.At(NoSuchSchedule(schedules, name), offset);
  }
  DASHI_RETURN_IF_ERROR(CheckOwner(session, *schedule));
  return schedule;
}

Status ApplyOption(const OptionNode& option, Schedule* schedule) {
  static constexpr std::string_view kOptions[] = {"catch_up", "jitter", "retries", "retry_wait"};
  const auto bad = [&option](std::string_view allowed) {
    return Status::InvalidArgument(
               fmt::format("invalid value for the option {}: \"{}\"", option.name, option.value))
        .WithHint(fmt::format("Allowed: {}.", allowed));
  };
  if (option.name == "catch_up") {
    const std::optional<CatchUp> catch_up = CatchUpNamed(option.value);
    schedule->catch_up = catch_up.value_or(CatchUp::kOnce);
    return catch_up ? Status() : bad("once or none");
  }
  if (option.name == "retries") {
    const char* const end = option.value.data() + option.value.size();
    const auto [stop, error] = std::from_chars(option.value.data(), end, schedule->num_retries);
    const bool good = error == std::errc() && stop == end && schedule->num_retries >= 0 &&
                      schedule->num_retries <= kRetriesMax;
    return good ? Status() : bad(fmt::format("0 to {}", kRetriesMax));
  }
  if (option.name == "jitter" || option.name == "retry_wait") {
    constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000;
    const std::optional<std::int64_t> micros =
        option.value == "0" ? std::optional<std::int64_t>(0) : ParseLongDuration(option.value);
    if (!micros || *micros > kDay) {
      return bad("a time of at most a day, such as '5 min'");
    }
    (option.name == "jitter" ? schedule->jitter_micros : schedule->retry_wait_micros) = *micros;
    return Status();
  }
  const std::string_view nearest = NearestName(option.name, kOptions);
  return Status::InvalidArgument("unknown option of a schedule: " + option.name)
      .WithHint(nearest.empty() ? "A schedule has catch_up, jitter, retries and retry_wait."
                                : "Did you mean " + std::string(nearest) + "?");
}

// Takes an error in a text that stands in the statement to its place there.
Status Inside(const ParsedStatement& statement, Status status, std::size_t offset) {
  const std::size_t inner = status.position() ? status.position()->offset : 0;
  return statement.At(std::move(status), offset + inner);
}

Status ApplyClauses(const ParsedStatement& statement, const ScheduleClauses& clauses,
                    Schedule* schedule) {
  if (clauses.cron) {
    Status valid = CronExpression::Parse(*clauses.cron).status();
    if (!valid.ok()) {
      return statement.At(std::move(valid), clauses.cron_offset);
    }
    schedule->cron = *clauses.cron;
  }
  if (clauses.time_zone) {
    Status valid = TimeZone::Load(*clauses.time_zone).status();
    if (!valid.ok()) {
      return statement.At(std::move(valid), clauses.time_zone_offset);
    }
    schedule->time_zone = *clauses.time_zone;
  }
  schedule->condition = clauses.condition.value_or(schedule->condition);
  if (clauses.body) {
    Result<std::vector<std::string>> statements = TakeApart(*clauses.body);
    if (!statements.ok()) {
      return Inside(statement, std::move(statements).status(), clauses.body_offset);
    }
    schedule->statements = *std::move(statements);
  }
  for (const OptionNode& option : clauses.options) {
    Status applied = ApplyOption(option, schedule);
    if (!applied.ok()) {
      return statement.At(std::move(applied), option.offset);
    }
  }
  return Status();
}

// Times before now are no longer due.
Status BeginAnew(const std::string& schedule, storage::Transaction& transaction) {
  DASHI_ASSIGN_OR_RETURN(ScheduleHistory history, ReadHistory(transaction, schedule));
  history.handled_until_micros = Clock::System().NowMicros();
  return WriteHistory(schedule, history, &transaction);
}

Status RefuseWhileRunning(SessionState& session, const std::string& name) {
  if (!session.database.running_schedules().Has(name)) {
    return Status();
  }
  return Status::FailedPrecondition(fmt::format("schedule \"{}\" is running", name))
      .WithSqlState("55006")
      .WithHint("CANCEL SESSION ends what it does; the table sessions has its number.");
}

Status Rename(SessionState& session, const ParsedStatement& statement,
              const AlterScheduleStatement& alter, std::vector<Schedule>& schedules,
              Schedule* schedule, storage::Transaction& transaction) {
  DASHI_RETURN_IF_ERROR(RefuseWhileRunning(session, alter.name));
  Status named = storage::CheckName("schedule", *alter.new_name);
  if (named.ok() && FindSchedule(schedules, *alter.new_name) != nullptr) {
    named = Status::AlreadyExists(fmt::format("schedule \"{}\" already exists", *alter.new_name))
                .WithSqlState("42710");
  }
  if (!named.ok()) {
    return statement.At(std::move(named), alter.new_name_offset);
  }
  DASHI_ASSIGN_OR_RETURN(const ScheduleHistory history, ReadHistory(transaction, alter.name));
  DASHI_RETURN_IF_ERROR(RemoveHistory(alter.name, &transaction));
  DASHI_RETURN_IF_ERROR(WriteHistory(*alter.new_name, history, &transaction));
  schedule->name = *alter.new_name;
  return Status();
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateScheduleStatement& create) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "CREATE SCHEDULE"));
  std::vector<std::string> notices;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    notices.clear();
    DASHI_ASSIGN_OR_RETURN(std::vector<Schedule> schedules, ReadSchedules(transaction));
    Status named = storage::CheckName("schedule", create.name);
    if (named.ok() && FindSchedule(schedules, create.name) != nullptr) {
      const std::string message = fmt::format("schedule \"{}\" already exists", create.name);
      if (create.if_not_exists) {
        notices.push_back(message + ", skipping");
        return Status();
      }
      named = Status::AlreadyExists(message).WithSqlState("42710");
    }
    if (!named.ok()) {
      return statement.At(std::move(named), create.name_offset);
    }
    if (schedules.size() >= kSchedulesMax) {
      return Status::ResourceExhausted(fmt::format("there are at most {} schedules", kSchedulesMax))
          .WithSqlState("54000");
    }
    Schedule schedule;
    schedule.name = create.name;
    schedule.owner = session.unrestricted ? "" : session.user;
    schedule.created_at_micros = Clock::System().NowMicros();
    DASHI_RETURN_IF_ERROR(ApplyClauses(statement, create.clauses, &schedule));
    schedules.push_back(std::move(schedule));
    DASHI_RETURN_IF_ERROR(WriteSchedules(std::move(schedules), &transaction));
    return BeginAnew(create.name, transaction);
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  return Finished("CREATE SCHEDULE", std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterScheduleStatement& alter) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "ALTER SCHEDULE"));
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(std::vector<Schedule> schedules, ReadSchedules(transaction));
    DASHI_ASSIGN_OR_RETURN(Schedule* const schedule,
                           FindOwn(session, statement, schedules, alter.name, alter.name_offset));
    if (alter.drops_condition) {
      schedule->condition.clear();
    }
    DASHI_RETURN_IF_ERROR(ApplyClauses(statement, alter.clauses, schedule));
    if (alter.new_name) {
      DASHI_RETURN_IF_ERROR(Rename(session, statement, alter, schedules, schedule, transaction));
    }
    const std::string name = schedule->name;
    DASHI_RETURN_IF_ERROR(WriteSchedules(std::move(schedules), &transaction));
    const bool other_times = alter.clauses.cron || alter.clauses.time_zone;
    return other_times ? BeginAnew(name, transaction) : Status();
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  return Finished("ALTER SCHEDULE");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropScheduleStatement& drop) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "DROP SCHEDULE"));
  std::vector<std::string> notices;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    notices.clear();
    DASHI_ASSIGN_OR_RETURN(std::vector<Schedule> schedules, ReadSchedules(transaction));
    if (drop.if_exists && FindSchedule(schedules, drop.name) == nullptr) {
      notices.push_back(fmt::format("schedule \"{}\" does not exist, skipping", drop.name));
      return Status();
    }
    DASHI_ASSIGN_OR_RETURN(Schedule* const schedule,
                           FindOwn(session, statement, schedules, drop.name, drop.name_offset));
    schedules.erase(schedules.begin() + (schedule - schedules.data()));
    DASHI_RETURN_IF_ERROR(WriteSchedules(std::move(schedules), &transaction));
    return RemoveHistory(drop.name, &transaction);
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  return Finished("DROP SCHEDULE", std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PauseScheduleStatement& pause) {
  const char* const tag = pause.resumes ? "RESUME SCHEDULE" : "PAUSE SCHEDULE";
  DASHI_RETURN_IF_ERROR(RequireWritable(session, tag));
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(std::vector<Schedule> schedules, ReadSchedules(transaction));
    DASHI_ASSIGN_OR_RETURN(Schedule* const schedule,
                           FindOwn(session, statement, schedules, pause.name, pause.name_offset));
    const bool was_paused = std::exchange(schedule->paused, !pause.resumes);
    DASHI_RETURN_IF_ERROR(WriteSchedules(std::move(schedules), &transaction));
    // What was due while it was paused is not made up for.
    return pause.resumes && was_paused ? BeginAnew(pause.name, transaction) : Status();
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  return Finished(tag);
}

}  // namespace dashi::sql
