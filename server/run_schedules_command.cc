#include "server/run_schedules_command.h"

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "dashi/database.h"
#include "sql/schedule/scheduler.h"
#include "sql/shell/signal_watcher.h"

namespace dashi {

namespace {

std::string LineOf(const std::string& schedule, const sql::ScheduleRun& run) {
  return fmt::format("dashi: schedule {}, run {} ({}): {}{}{}\n", schedule, run.number, run.cause,
                     sql::RunOutcomeName(run.outcome), run.reason.empty() ? "" : ": ", run.reason);
}

}  // namespace

Result<int> RunSchedules(const CommandLine& command_line, const Console& console) {
  OpenOptions open;
  open.create_if_missing = false;
  open.num_threads = command_line.num_threads;
  open.memory_bytes_max = command_line.memory_bytes_max;
  DASHI_ASSIGN_OR_RETURN(const auto database, Database::Open(command_line.directory, open));
  // Sharers: the watcher's function.
  const auto stops = std::make_shared<std::atomic<bool>>(false);
  const auto changed = std::make_shared<std::pair<Mutex, CondVar>>();
  DASHI_ASSIGN_OR_RETURN(const auto watcher,
                         SignalWatcher::Start({SIGINT, SIGTERM}, [stops, changed](int /*signal*/) {
                           const MutexLock lock(changed->first);
                           *stops = true;
                           changed->second.NotifyAll();
                         }));
  sql::ScheduleRunner::Options options;
  options.on_run = [&console](const std::string& schedule, const sql::ScheduleRun& run) {
    console.err.Write(LineOf(schedule, run)).IgnoreError("the table schedule_runs has it");
    console.err.Flush().IgnoreError("as above");
  };
  if (command_line.once) {
    DASHI_ASSIGN_OR_RETURN(
        const std::size_t num_failed,
        sql::Scheduler::RunOnce(*database, std::move(options), [stops] { return stops->load(); }));
    return num_failed == 0 ? 0 : 1;
  }
  DASHI_ASSIGN_OR_RETURN(const auto scheduler,
                         sql::Scheduler::Start(*database, std::move(options)));
  DASHI_RETURN_IF_ERROR(console.err.Write(
      fmt::format("dashi: running the schedules of {}\n", command_line.directory)));
  DASHI_RETURN_IF_ERROR(console.err.Flush());
  const MutexLock lock(changed->first);
  while (!*stops) {
    changed->second.Wait(changed->first);
  }
  return 0;
}

}  // namespace dashi
