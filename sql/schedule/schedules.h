#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::sql {

/// What becomes of times at which a schedule was due while nobody looked. Stored by name.
enum class CatchUp : std::uint8_t {
  kOnce,  ///< it runs once, however many there were
  kNone,  ///< they are passed over
};

std::string_view CatchUpName(CatchUp catch_up);
std::optional<CatchUp> CatchUpNamed(std::string_view name);

/// Statements, and when they are to run.
struct Schedule {
  std::string name;
  std::string owner;  ///< the role whose rights they have; empty: all rights
  std::string cron;   ///< see CronExpression
  std::string time_zone = "UTC";
  std::string condition;                ///< a query; empty: they run whenever they are due
  std::vector<std::string> statements;  ///< one at least, in order
  CatchUp catch_up = CatchUp::kOnce;
  std::int64_t jitter_micros = 0;               ///< runs begin up to so much later than due
  int num_retries = 0;                          ///< of a statement that fails
  std::int64_t retry_wait_micros = 60'000'000;  ///< before the first; twice as long before the next
  bool paused = false;
  std::int64_t created_at_micros = 0;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// The most schedules that there can be.
inline constexpr std::size_t kSchedulesMax = 1000;

/// How a run ended. Stored by name.
enum class RunOutcome : std::uint8_t {
  kRunning,
  kSucceeded,
  kFailed,       ///< a statement did, and the rest did not run
  kSkipped,      ///< the condition was not met, or the time was passed over
  kInterrupted,  ///< the process ended, or was asked to
};

std::string_view RunOutcomeName(RunOutcome outcome);

/// One time that a schedule was due, or was asked to run.
struct ScheduleRun {
  std::uint64_t number = 0;  ///< counts those of the schedule, from 1
  std::string cause;         ///< "cron", "catch-up", "RUN SCHEDULE by ann", "after interruption"
  std::int64_t due_at_micros = 0;
  std::int64_t started_at_micros = 0;
  std::int64_t finished_at_micros = 0;  ///< 0: not yet
  RunOutcome outcome = RunOutcome::kRunning;
  std::vector<std::string> tags;  ///< of the statements that succeeded
  int num_retries = 0;            ///< of all statements
  std::string reason;             ///< an error's message, or why it was skipped
  std::string sqlstate;           ///< of the error

  friend bool operator==(const ScheduleRun&, const ScheduleRun&) = default;
};

/// What a schedule has come to.
struct ScheduleHistory {
  /// Times up to this one are done with: they ran, were passed over, or were before its time.
  std::int64_t handled_until_micros = 0;
  std::uint64_t next_number = 1;
  std::vector<ScheduleRun> runs;  ///< oldest first, at most kRunsKept

  /// Adds a run, with a number, in place of the oldest one where there are too many.
  ScheduleRun& Add(ScheduleRun run);
  ScheduleRun* Find(std::uint64_t number);
};

inline constexpr std::size_t kRunsKept = 100;

/// All schedules of a database, sorted by name.
///
/// Errors: those of reading; kCorruption for what is no list of schedules.
Result<std::vector<Schedule>> ReadSchedules(const storage::View& view);
Status WriteSchedules(std::vector<Schedule> schedules, storage::Transaction* transaction);
/// Null when there is none.
Schedule* FindSchedule(std::vector<Schedule>& schedules, std::string_view name);

/// Errors: as above.
Result<ScheduleHistory> ReadHistory(const storage::View& view, std::string_view schedule);
Status WriteHistory(std::string_view schedule, const ScheduleHistory& history,
                    storage::Transaction* transaction);
Status RemoveHistory(std::string_view schedule, storage::Transaction* transaction);

}  // namespace dashi::sql
