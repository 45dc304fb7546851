#include "sql/schedule/scheduler.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "sql/database_access.h"

namespace dashi::sql {

namespace {

constexpr std::chrono::milliseconds kLook{1000};

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::Start(Database& database,
                                                    ScheduleRunner::Options options) {
  return CatchAsStatus("start of the scheduler", [&]() -> Result<std::unique_ptr<Scheduler>> {
    std::unique_ptr<Scheduler> scheduler(
        new Scheduler(internal::DatabaseAccess::ImplOf(database), std::move(options)));
    DASHI_ASSIGN_OR_RETURN(const std::vector<ScheduleRunner::NotedRun> left,
                           scheduler->runner_.Recover());
    scheduler->Begin(left);
    scheduler->thread_ = std::thread([self = scheduler.get()] { self->Work(); });
    return scheduler;
  });
}

Scheduler::~Scheduler() {
  std::list<RunThread> runs;
  {
    const MutexLock lock(mutex_);
    stops_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) {
    thread_.join();
  }
  {
    const MutexLock lock(mutex_);
    runs.swap(runs_);
  }
  for (RunThread& run : runs) {
    run.thread.join();
  }
}

bool Scheduler::stops() const {
  const MutexLock lock(mutex_);
  return stops_;
}

void Scheduler::Work() {
  std::string last_error;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!stops_) {
        changed_.WaitFor(mutex_, kLook);
      }
      if (stops_) {
        return;
      }
    }
    const std::size_t num_runs = JoinEnded();
    if (num_runs >= kRunsMax) {
      continue;
    }
    const Result<std::vector<ScheduleRunner::NotedRun>> due =
        CatchAsStatus("the scheduler", [&] { return runner_.NoteDue(kRunsMax - num_runs); });
    if (due.ok()) {
      last_error.clear();
      Begin(*due);
    } else if (std::exchange(last_error, std::string(due.status().message())) !=
               due.status().message()) {
      LogError("schedules cannot be read: {}", due.status().message());
    }
  }
}

void Scheduler::Begin(const std::vector<ScheduleRunner::NotedRun>& noted) {
  for (const ScheduleRunner::NotedRun& one : noted) {
    const Status begun = CatchAsStatus("a thread for a schedule", [&] {
      const MutexLock lock(mutex_);
      RunThread run;
      run.ended = std::make_shared<std::atomic<bool>>(false);
      run.thread = std::thread([this, ended = run.ended, work = one] {
        runner_.Run(work, nullptr, [this] { return stops(); });
        *ended = true;
      });
      runs_.push_back(std::move(run));
      return Status();
    });
    if (!begun.ok()) {  // It has been noted: others wait for it.
      LogError("schedule {}: {}; it runs while others wait", one.schedule.name, begun.message());
      runner_.Run(one, nullptr, [this] { return stops(); });
    }
  }
}

std::size_t Scheduler::JoinEnded() {
  std::list<RunThread> ended;
  std::size_t num_left = 0;
  {
    const MutexLock lock(mutex_);
    for (auto run = runs_.begin(); run != runs_.end();) {
      const auto next = std::next(run);
      if (*run->ended) {
        ended.splice(ended.end(), runs_, run);
      }
      run = next;
    }
    num_left = runs_.size();
  }
  for (RunThread& run : ended) {
    run.thread.join();
  }
  return num_left;
}

Result<std::size_t> Scheduler::RunOnce(Database& database, ScheduleRunner::Options options,
                                       const std::function<bool()>& stops) {
  ScheduleRunner runner(internal::DatabaseAccess::ImplOf(database), std::move(options));
  DASHI_ASSIGN_OR_RETURN(std::vector<ScheduleRunner::NotedRun> noted, runner.Recover());
  DASHI_ASSIGN_OR_RETURN(std::vector<ScheduleRunner::NotedRun> due, runner.NoteDue());
  noted.insert(noted.end(), std::make_move_iterator(due.begin()),
               std::make_move_iterator(due.end()));
  std::size_t num_failed = 0;
  for (const ScheduleRunner::NotedRun& one : noted) {
    const ScheduleRun run = runner.Run(one, nullptr, stops);
    num_failed += run.outcome == RunOutcome::kFailed ? 1 : 0;
  }
  return num_failed;
}

}  // namespace dashi::sql
