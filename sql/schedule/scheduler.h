#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "dashi/database.h"
#include "dashi/status.h"
#include "sql/schedule/schedule_runner.h"

namespace dashi::sql {

/// Runs the schedules of a database for as long as it lives, each run in a thread of its own.
///
/// Threads: all methods may be called at once.
class Scheduler {
 public:
  /// The most runs at once; others wait. Those that a process before has left are beside them.
  static constexpr std::size_t kRunsMax = 8;

  /// Goes on with what a process before has left, and then looks each second at what is due.
  ///
  /// Errors: those of reading and writing the catalog; kFailedPrecondition (25006) for a database
  ///         that is read-only.
  static Result<std::unique_ptr<Scheduler>> Start(Database& database,
                                                  ScheduleRunner::Options options);
  /// Stops what runs, and waits for it: a training is paused behind a checkpoint, and the run goes
  /// on when a scheduler is next started.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Looks once at what is due, runs it, and returns when that has ended or `stops` tells to. For a
  /// program that another clock starts, such as a timer of systemd.
  ///
  /// Returns: how many runs failed.
  static Result<std::size_t> RunOnce(Database& database, ScheduleRunner::Options options,
                                     const std::function<bool()>& stops);

 private:
  struct RunThread {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> ended;  // Sharers: the thread and the list.
  };

  Scheduler(std::shared_ptr<internal::DatabaseImpl> database, ScheduleRunner::Options options)
      : runner_(std::move(database), std::move(options)) {}
  void Work() DASHI_EXCLUDES(mutex_);
  void Begin(const std::vector<ScheduleRunner::NotedRun>& noted) DASHI_EXCLUDES(mutex_);
  /// Returns how many still run.
  std::size_t JoinEnded() DASHI_EXCLUDES(mutex_);
  bool stops() const DASHI_EXCLUDES(mutex_);

  ScheduleRunner runner_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stops_ DASHI_GUARDED_BY(mutex_) = false;
  std::list<RunThread> runs_ DASHI_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dashi::sql
