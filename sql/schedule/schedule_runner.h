#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dashi/progress.h"
#include "dashi/session_options.h"
#include "dashi/status.h"
#include "sql/schedule/schedules.h"

namespace dashi::internal {
class DatabaseImpl;
}

namespace dashi::sql {

/// Finds what is due, notes it and runs it.
///
/// A run is noted, with its cause, before its first statement, and again behind each: a process
/// that dies leaves a run that the next one goes on with, at the statement that it was at, a
/// training at its last checkpoint. A schedule never runs twice at once.
///
/// Time: where the clock goes back by up to kClockBackMax, what ran does not run again; where it
/// goes back further, schedules go by the new time. Where it goes forward, times that were jumped
/// over count as missed.
///
/// Threads: all methods may be called at once.
class ScheduleRunner {
 public:
  /// Times that are further back than this when they are found were missed.
  static constexpr std::int64_t kMissedMicros = 60'000'000;
  static constexpr std::int64_t kClockBackMaxMicros = std::int64_t{3} * 3600 * 1'000'000;

  struct Options {
    const Clock* clock = &Clock::System();
    /// Where the statements may name files; nullopt: anywhere.
    std::optional<std::vector<std::string>> file_directories = std::nullopt;
    /// Is told of statements that matter for security, and whose rights they had.
    std::function<void(const std::string& role, const AuditedStatement& statement)> on_audited = {};
    /// Is told of each run that has ended, on the thread that ran it; may be empty.
    std::function<void(const std::string& schedule, const ScheduleRun& run)> on_run = {};
    /// Waits so long before a retry; returns early when `stops` does. Null: by the system's clock.
    std::function<void(std::int64_t micros, const std::function<bool()>& stops)> wait = {};
  };

  /// A run that has been noted and has not begun.
  struct NotedRun {
    Schedule schedule;
    std::uint64_t number = 0;
    std::size_t first_statement = 0;
    bool goes_on = false;   ///< with what another process began
    bool is_asked = false;  ///< for: the condition does not matter
  };

  // Sharers: whoever opened the database.
  ScheduleRunner(std::shared_ptr<internal::DatabaseImpl> database, Options options);

  /// Notes runs that a process which is gone left behind as interrupted, and returns those that are
  /// to go on: the last run of a schedule, where nobody had asked for it. Call it once, before the
  /// others, where no other process runs schedules.
  Result<std::vector<NotedRun>> Recover();
  /// Notes a run of each schedule that is due, of `num_max` at most, and returns them. What is
  /// passed over is noted too.
  Result<std::vector<NotedRun>> NoteDue(std::size_t num_max = kSchedulesMax);
  /// Notes a run that somebody asks for, whatever the time and the condition's answer may be.
  /// `owner`: whose it must be; null: anybody's.
  ///
  /// Errors: kNotFound (42704); kFailedPrecondition: 42501 where it is another role's, 55006 where
  ///         it runs.
  Result<NotedRun> NoteAsked(const std::string& schedule, const std::string& by,
                             const std::string* owner = nullptr);

  /// Runs it, in the calling thread, and returns how it ended. `stops` is polled; it ends as
  /// interrupted then, and its training, if it is at one, is paused behind a checkpoint.
  ScheduleRun Run(const NotedRun& noted, const ProgressCallback& on_progress,
                  const std::function<bool()>& stops);

  /// When a schedule begins next, with its jitter; nullopt: it is paused, or never.
  static std::optional<std::int64_t> NextStart(const Schedule& schedule,
                                               const ScheduleHistory& history);

 private:
  class Conversation;

  /// Changes the history of a schedule that is still there, again where another commit came first.
  Status Change(const std::string& schedule, const std::function<void(ScheduleHistory&)>& change);
  Status Note(const NotedRun& noted, const std::function<void(ScheduleRun&)>& change);
  Result<std::optional<NotedRun>> NoteIfDue(const Schedule& schedule, std::int64_t now);
  Result<ScheduleRun> RunStatements(const NotedRun& noted, Conversation& conversation,
                                    const std::function<bool()>& stops);

  // Sharers: see the constructor.
  const std::shared_ptr<internal::DatabaseImpl> database_;
  const Options options_;
};

}  // namespace dashi::sql
