#include "sql/schedule/schedule_runner.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/logging.h"
#include "base/mutex.h"
#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/parser.h"
#include "sql/schedule/cron_expression.h"
#include "sql/session_impl.h"

namespace dashi::sql {

namespace {

constexpr int kConflictsMax = 20;
constexpr std::int64_t kRetryWaitMaxMicros = std::int64_t{3600} * 1'000'000;
constexpr std::chrono::milliseconds kPoll{50};
constexpr std::string_view kAskedCause = "RUN SCHEDULE by ";

/// Later than due by as much for the same schedule and time, whichever process asks.
std::int64_t JitterOf(const Schedule& schedule, std::int64_t due) {
  if (schedule.jitter_micros <= 0) {
    return 0;
  }
  const std::string text = fmt::format("{} {}", schedule.name, due);
  return static_cast<std::int64_t>(XXH3_64bits(text.data(), text.size()) %
                                   static_cast<std::uint64_t>(schedule.jitter_micros));
}

/// The first time behind `micros` at which a schedule is due. What a stored schedule has was
/// checked when it was made; a time zone may be gone from the system since.
Result<std::optional<std::int64_t>> DueAfter(const Schedule& schedule, std::int64_t micros) {
  DASHI_ASSIGN_OR_RETURN(const CronExpression cron, CronExpression::Parse(schedule.cron));
  DASHI_ASSIGN_OR_RETURN(const TimeZone zone, TimeZone::Load(schedule.time_zone));
  return cron.NextAfter(micros, zone);
}

/// The last time up to `now` at which it was due; `due` was the first.
Result<std::int64_t> LastDue(const Schedule& schedule, std::int64_t due, std::int64_t now) {
  DASHI_ASSIGN_OR_RETURN(const CronExpression cron, CronExpression::Parse(schedule.cron));
  DASHI_ASSIGN_OR_RETURN(const TimeZone zone, TimeZone::Load(schedule.time_zone));
  // Years of minutes would take long to count one by one.
  constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1'000'000;
  for (const std::int64_t back : {kDay / 24, kDay, 31 * kDay}) {
    if (now - back > due) {
      const std::optional<std::int64_t> nearer = cron.NextAfter(now - back, zone);
      if (nearer && *nearer <= now) {
        due = *nearer;
        break;
      }
    }
  }
  for (;;) {
    const std::optional<std::int64_t> next = cron.NextAfter(due, zone);
    if (!next || *next > now) {
      return due;
    }
    due = *next;
  }
}

void WaitBySystem(std::int64_t micros, const std::function<bool()>& stops) {
  Mutex mutex;
  CondVar never;
  const Stopwatch stopwatch;
  const MutexLock lock(mutex);
  while (stopwatch.Seconds() * 1e6 < static_cast<double>(micros) && !stops()) {
    never.WaitFor(mutex, kPoll);
  }
}

/// Whether a run that was the last of a process that is gone is to go on.
bool GoesOn(const Schedule& schedule, const ScheduleRun& run) {
  return (run.outcome == RunOutcome::kRunning || run.outcome == RunOutcome::kInterrupted) &&
         !run.cause.starts_with(kAskedCause) && schedule.catch_up == CatchUp::kOnce &&
         !schedule.paused && run.tags.size() < schedule.statements.size();
}

ScheduleRun Failed(ScheduleRun run, const Status& status) {
  run.outcome = RunOutcome::kFailed;
  run.reason = std::string(status.message());
  run.sqlstate = std::string(status.sqlstate());
  return run;
}

bool IsTrue(const Value& value) {
  switch (value.type()) {
    case ValueType::kInteger:
    case ValueType::kReal:
      return value.real() != 0;
    case ValueType::kText:
      return value.text() == "true" || value.text() == "t" || value.text() == "1";
    default:
      return false;
  }
}

}  // namespace

/// A session of the schedule's own.
class ScheduleRunner::Conversation {
 public:
  Conversation(std::unique_ptr<internal::SessionImpl> session, const ProgressCallback& on_progress,
               const std::function<bool()>& stops)
      : session_(std::move(session)) {
    session_->state().pauses_jobs = true;
    session_->state().on_progress = on_progress;
    session_->state().interruption.set_cancel_check(stops);
  }

  /// Runs a statement to its end; returns its tag and, where it is one value, what it returned.
  Result<std::string> Run(const std::string& sql) {
    DASHI_ASSIGN_OR_RETURN(ResultSet result, session_->Execute(sql, {}));
    Row row;
    std::string value;
    std::size_t num_rows = 0;
    for (;; ++num_rows) {
      DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
      if (!more) {
        break;
      }
      value = row.size() == 1 ? row.front().ToString() : std::string();
    }
    constexpr std::size_t kValueMax = 200;
    const bool shown = num_rows == 1 && !value.empty() && value.size() <= kValueMax;
    return shown ? result.command_tag() + " " + value : result.command_tag();
  }

  /// The first value of a query; NULL without one.
  Result<Value> Ask(const std::string& sql, std::vector<Value> values = {}) {
    DASHI_ASSIGN_OR_RETURN(ResultSet result, session_->Execute(sql, values));
    Row row;
    DASHI_ASSIGN_OR_RETURN(const bool more, result.Next(&row));
    return more && !row.empty() ? row.front() : Value::Null();
  }

  /// The statement that goes on with what one did not come to the end of: a training that was begun
  /// goes on from its checkpoint.
  Result<std::string> Resumed(const std::string& statement) {
    DASHI_ASSIGN_OR_RETURN(const Value job,
                           Ask("SELECT id FROM jobs WHERE id = (SELECT max(id) FROM jobs WHERE "
                               "statement = $1) AND state IN ('interrupted', 'paused')",
                               {Value::Text(statement)}));
    return job.is_null() ? statement : "RESUME JOB " + job.ToString();
  }

  bool in_block() const { return session_->state().block.active(); }

  /// Ends a transaction block that the statements have left open.
  Status EndBlock() { return in_block() ? Run("ROLLBACK").status() : Status(); }

 private:
  const std::unique_ptr<internal::SessionImpl> session_;
};

ScheduleRunner::ScheduleRunner(std::shared_ptr<internal::DatabaseImpl> database, Options options)
    : database_(std::move(database)), options_(std::move(options)) {}

Status ScheduleRunner::Change(const std::string& schedule,
                              const std::function<void(ScheduleHistory&)>& change) {
  for (int attempt = 0;; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, database_->store().Begin());
    DASHI_ASSIGN_OR_RETURN(std::vector<Schedule> schedules, ReadSchedules(*transaction));
    if (FindSchedule(schedules, schedule) == nullptr) {
      return Status();  // It was dropped meanwhile, and its history with it.
    }
    DASHI_ASSIGN_OR_RETURN(ScheduleHistory history, ReadHistory(*transaction, schedule));
    change(history);
    DASHI_RETURN_IF_ERROR(WriteHistory(schedule, history, transaction.get()));
    Status committed = transaction->Commit();
    if (committed.sqlstate() != "40001" || attempt == kConflictsMax) {
      return committed;
    }
  }
}

Status ScheduleRunner::Note(const NotedRun& noted,
                            const std::function<void(ScheduleRun&)>& change) {
  return Change(noted.schedule.name, [&](ScheduleHistory& history) {
    if (ScheduleRun* run = history.Find(noted.number); run != nullptr) {
      change(*run);
    }
  });
}

std::optional<std::int64_t> ScheduleRunner::NextStart(const Schedule& schedule,
                                                      const ScheduleHistory& history) {
  if (schedule.paused) {
    return std::nullopt;
  }
  const Result<std::optional<std::int64_t>> due = DueAfter(schedule, history.handled_until_micros);
  if (!due.ok() || !*due) {
    due.status().IgnoreError("whoever runs it is told");
    return std::nullopt;
  }
  return **due + JitterOf(schedule, **due);
}

Result<std::vector<ScheduleRunner::NotedRun>> ScheduleRunner::Recover() {
  DASHI_ASSIGN_OR_RETURN(const auto view, database_->store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::vector<Schedule> schedules, ReadSchedules(*view));
  std::vector<NotedRun> to_go_on;
  for (const Schedule& schedule : schedules) {
    if (database_->running_schedules().Has(schedule.name)) {
      continue;
    }
    const Result<ScheduleHistory> read = ReadHistory(*view, schedule.name);
    if (!read.ok()) {
      LogError("{}", read.status().message());
      continue;
    }
    const ScheduleHistory& history = *read;
    const bool any =
        std::any_of(history.runs.begin(), history.runs.end(),
                    [](const ScheduleRun& run) { return run.outcome == RunOutcome::kRunning; });
    const bool goes_on = !history.runs.empty() && GoesOn(schedule, history.runs.back());
    if (!any && !goes_on) {
      continue;
    }
    NotedRun noted{schedule, 0, 0, /*goes_on=*/true, /*is_asked=*/false};
    const std::int64_t now = options_.clock->NowMicros();
    DASHI_RETURN_IF_ERROR(Change(schedule.name, [&](ScheduleHistory& changed) {
      for (ScheduleRun& run : changed.runs) {
        if (run.outcome == RunOutcome::kRunning) {
          run.outcome = RunOutcome::kInterrupted;
          run.finished_at_micros = now;
          run.reason = "the process ended";
        }
      }
      if (goes_on) {
        ScheduleRun run;
        run.cause = "after interruption";
        run.due_at_micros = now;
        run.started_at_micros = now;
        run.tags = changed.runs.back().tags;
        noted.first_statement = run.tags.size();
        noted.number = changed.Add(std::move(run)).number;
      }
    }));
    if (goes_on && database_->running_schedules().Begin(schedule.name)) {
      to_go_on.push_back(std::move(noted));
    }
  }
  return to_go_on;
}

Result<std::vector<ScheduleRunner::NotedRun>> ScheduleRunner::NoteDue(std::size_t num_max) {
  DASHI_ASSIGN_OR_RETURN(const auto view, database_->store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::vector<Schedule> schedules, ReadSchedules(*view));
  std::vector<NotedRun> noted;
  const std::int64_t now = options_.clock->NowMicros();
  for (const Schedule& schedule : schedules) {
    if (noted.size() == num_max) {
      break;
    }
    if (schedule.paused || !database_->running_schedules().Begin(schedule.name)) {
      continue;
    }
    Result<std::optional<NotedRun>> due = NoteIfDue(schedule, now);
    if (!due.ok() || !*due) {
      database_->running_schedules().End(schedule.name);
    }
    if (!due.ok()) {
      LogError("schedule {}: {}", schedule.name, due.status().message());
    } else if (*due) {
      noted.push_back(**std::move(due));
    }
  }
  return noted;
}

Result<std::optional<ScheduleRunner::NotedRun>> ScheduleRunner::NoteIfDue(const Schedule& schedule,
                                                                          std::int64_t now) {
  DASHI_ASSIGN_OR_RETURN(const auto view, database_->store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const ScheduleHistory history, ReadHistory(*view, schedule.name));
  if (history.handled_until_micros > now + kClockBackMaxMicros) {
    LogWarning("schedule {}: the clock went back by more than {} hours; it goes by the new time",
               schedule.name, kClockBackMaxMicros / 3'600'000'000);
    DASHI_RETURN_IF_ERROR(Change(
        schedule.name, [&](ScheduleHistory& changed) { changed.handled_until_micros = now; }));
    return std::optional<NotedRun>();
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::int64_t> first,
                         DueAfter(schedule, history.handled_until_micros));
  if (!first || *first > now) {
    return std::optional<NotedRun>();
  }
  DASHI_ASSIGN_OR_RETURN(const std::int64_t last, LastDue(schedule, *first, now));
  const std::int64_t start = last + JitterOf(schedule, last);
  if (start > now && *first == last) {
    return std::optional<NotedRun>();  // Its jitter is not over.
  }
  const bool missed = now - start > kMissedMicros;
  const bool passed_over = missed && schedule.catch_up == CatchUp::kNone;
  NotedRun noted{schedule, 0, 0, /*goes_on=*/false, /*is_asked=*/false};
  DASHI_RETURN_IF_ERROR(Change(schedule.name, [&](ScheduleHistory& changed) {
    changed.handled_until_micros = std::max(changed.handled_until_micros, last);
    ScheduleRun run;
    run.cause = missed ? "catch-up" : "cron";
    run.due_at_micros = last;
    run.started_at_micros = now;
    if (passed_over) {
      run.cause = "cron";
      run.finished_at_micros = now;
      run.outcome = RunOutcome::kSkipped;
      run.reason = "nobody looked when it was due";
    }
    noted.number = changed.Add(std::move(run)).number;
  }));
  return passed_over ? std::optional<NotedRun>() : std::optional<NotedRun>(std::move(noted));
}

Result<ScheduleRunner::NotedRun> ScheduleRunner::NoteAsked(const std::string& name,
                                                           const std::string& by,
                                                           const std::string* owner) {
  DASHI_ASSIGN_OR_RETURN(const auto view, database_->store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(std::vector<Schedule> schedules, ReadSchedules(*view));
  const Schedule* schedule = FindSchedule(schedules, name);
  if (schedule == nullptr) {
    return Status::NotFound(fmt::format("schedule \"{}\" does not exist", name))
        .WithSqlState("42704");
  }
  if (owner != nullptr && schedule->owner != *owner) {
    return Status::FailedPrecondition(
               fmt::format("permission denied: schedule \"{}\" is another role's", name))
        .WithSqlState("42501");
  }
  if (!database_->running_schedules().Begin(name)) {
    return Status::FailedPrecondition(fmt::format("schedule \"{}\" is running", name))
        .WithSqlState("55006");
  }
  NotedRun noted{*schedule, 0, 0, /*goes_on=*/false, /*is_asked=*/true};
  const std::int64_t now = options_.clock->NowMicros();
  const Status changed = Change(name, [&](ScheduleHistory& history) {
    ScheduleRun run;
    run.cause = std::string(kAskedCause) + by;
    run.due_at_micros = now;
    run.started_at_micros = now;
    noted.number = history.Add(std::move(run)).number;
  });
  if (!changed.ok()) {
    database_->running_schedules().End(name);
    return changed;
  }
  return noted;
}

ScheduleRun ScheduleRunner::Run(const NotedRun& noted, const ProgressCallback& on_progress,
                                const std::function<bool()>& stops) {
  SessionOptions options;
  options.user = noted.schedule.owner.empty() ? "dashi" : noted.schedule.owner;
  options.unrestricted = noted.schedule.owner.empty();
  options.file_directories = options_.file_directories;
  options.client = "schedule " + noted.schedule.name;
  if (options_.on_audited) {
    options.on_audited = [&](const AuditedStatement& statement) {
      options_.on_audited(options.user, statement);
    };
  }
  const Result<ScheduleRun> ended = CatchAsStatus("a schedule", [&]() -> Result<ScheduleRun> {
    DASHI_ASSIGN_OR_RETURN(auto session, internal::SessionImpl::Open(database_, options));
    Conversation conversation(std::move(session), on_progress, stops);
    return RunStatements(noted, conversation, stops);
  });
  ScheduleRun run;
  if (ended.ok()) {
    run = *ended;
  } else {
    run.outcome = RunOutcome::kFailed;
    run.reason = std::string(ended.status().message());
    run.sqlstate = std::string(ended.status().sqlstate());
  }
  run.number = noted.number;
  run.finished_at_micros = options_.clock->NowMicros();
  const Status written = Note(noted, [&](ScheduleRun& stored) {
    run.cause = stored.cause;
    run.due_at_micros = stored.due_at_micros;
    run.started_at_micros = stored.started_at_micros;
    run.tags = stored.tags;
    stored = run;
  });
  database_->running_schedules().End(noted.schedule.name);
  if (!written.ok()) {
    LogError("schedule {}: the end of run {} cannot be recorded: {}", noted.schedule.name,
             noted.number, written.message());
  }
  if (options_.on_run) {
    options_.on_run(noted.schedule.name, run);
  }
  if (run.outcome == RunOutcome::kFailed) {
    LogWarning("schedule {}: run {} failed at statement {} of {}: {}", noted.schedule.name,
               run.number, run.tags.size() + 1, noted.schedule.statements.size(), run.reason);
  }
  return run;
}

Result<ScheduleRun> ScheduleRunner::RunStatements(const NotedRun& noted, Conversation& conversation,
                                                  const std::function<bool()>& stops) {
  const Schedule& schedule = noted.schedule;
  ScheduleRun run;
  if (!schedule.condition.empty() && !noted.goes_on && !noted.is_asked) {
    DASHI_ASSIGN_OR_RETURN(const Value answer, conversation.Ask(schedule.condition));
    if (!IsTrue(answer)) {
      run.outcome = RunOutcome::kSkipped;
      run.reason = "the condition answers " + answer.ToString();
      return run;
    }
  }
  std::size_t done = noted.first_statement;  // Statements whose work is committed.
  std::vector<std::string> in_block;         // Tags of those behind them.
  int attempt = 0;
  std::int64_t wait = schedule.retry_wait_micros;
  while (done + in_block.size() < schedule.statements.size()) {
    const std::size_t i = done + in_block.size();
    std::string statement = schedule.statements[i];
    if (noted.goes_on && i == noted.first_statement) {
      DASHI_ASSIGN_OR_RETURN(statement, conversation.Resumed(statement));
    }
    Result<std::string> tag =
        stops() ? Result<std::string>(Status::Cancelled("the schedule is stopped"))
                : conversation.Run(statement);
    if (tag.ok()) {
      in_block.push_back(*std::move(tag));
      if (!conversation.in_block()) {
        done += in_block.size();
        DASHI_RETURN_IF_ERROR(Note(noted, [&](ScheduleRun& stored) {
          stored.tags.insert(stored.tags.end(), in_block.begin(), in_block.end());
        }));
        in_block.clear();
        attempt = 0;
        wait = schedule.retry_wait_micros;
      }
      continue;
    }
    if (stops()) {
      // Who asked for it has had enough of it; others go on another time.
      run.outcome = noted.is_asked ? RunOutcome::kFailed : RunOutcome::kInterrupted;
      run.reason = noted.is_asked ? "it was cancelled" : "it was stopped";
      run.sqlstate = noted.is_asked ? "57014" : "";
      return run;
    }
    if (attempt == schedule.num_retries) {
      return Failed(std::move(run), tag.status());
    }
    ++attempt;
    ++run.num_retries;
    // What stood in a transaction block is undone, and comes again with it.
    DASHI_RETURN_IF_ERROR(conversation.EndBlock());
    in_block.clear();
    (options_.wait ? options_.wait : WaitBySystem)(wait, stops);
    wait = std::min(wait * 2, kRetryWaitMaxMicros);
  }
  if (conversation.in_block()) {
    return Failed(std::move(run),
                  Status::FailedPrecondition("the statements leave a transaction block open, which "
                                             "is rolled back")
                      .WithSqlState("25001"));
  }
  run.outcome = RunOutcome::kSucceeded;
  return run;
}

}  // namespace dashi::sql
